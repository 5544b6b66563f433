//! Whether a commit carries a signature of somebody whose word counts. Git, OpenSSH and GnuPG judge it.

use std::path::Path;

use ironhand_api::CommitSigners;

use super::git::{Call, Git, GitError, one_line};

/// The largest commit object that is looked at, in bytes.
const LARGEST_COMMIT: usize = 1 << 20;

/// What signs a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Ssh,
    OpenPgp,
    /// Something else, like X.509.
    Other,
    Unsigned,
}

impl Form {
    /// Reads it off a commit as Git keeps it: the signature is a header, whose further lines begin with a blank.
    fn of(commit: &str) -> Self {
        let headers = commit.split("\n\n").next().unwrap_or_default();
        let signature = headers
            .lines()
            .find_map(|line| line.strip_prefix("gpgsig ").or_else(|| line.strip_prefix("gpgsig-sha256 ")));
        match signature {
            None => Self::Unsigned,
            Some(text) if text.starts_with("-----BEGIN SSH SIGNATURE-----") => Self::Ssh,
            Some(text) if text.starts_with("-----BEGIN PGP SIGNATURE-----") => Self::OpenPgp,
            Some(_) => Self::Other,
        }
    }
}

/// Checks the signature of a commit; says what is wrong with it. Keys are put into `folder`, which nobody else reads.
pub(super) async fn check(
    git: &Git,
    id: &str,
    signers: &CommitSigners,
    folder: &Path,
) -> Result<Result<(), String>, GitError> {
    let doing = "read the commit";
    let call = Call::new(doing, &["cat-file", "commit", id]).limit(LARGEST_COMMIT);
    let commit = git.run(call).await?.worked(doing)?;
    let form = Form::of(&String::from_utf8_lossy(&commit));
    let wanted = "and `signedBy` of the repository requires one";
    let verify = Call::new("check the signature of the commit", &["verify-commit", "--raw", id]);
    let verify = match form {
        Form::Unsigned => return Ok(Err(format!("the commit carries no signature, {wanted}"))),
        Form::Other => {
            return Ok(Err(format!("the commit carries neither an SSH nor an OpenPGP signature, {wanted}")));
        }
        Form::Ssh if signers.ssh.is_empty() => {
            return Ok(Err("the commit is signed by an SSH key, and `signedBy` names none".to_owned()));
        }
        Form::OpenPgp if signers.openpgp.is_empty() => {
            return Ok(Err("the commit is signed by an OpenPGP key, and `signedBy` names none".to_owned()));
        }
        Form::Ssh => {
            let file = folder.join("allowed_signers");
            let lines: String = signers.ssh.iter().map(|line| format!("{line}\n")).collect();
            tokio::fs::write(&file, lines).await?;
            verify.set("gpg.ssh.allowedSignersFile", file.display().to_string())
        }
        Form::OpenPgp => {
            let keyring = folder.join("gnupg");
            if let Err(fault) = import(&keyring, &signers.openpgp).await? {
                return Ok(Err(fault));
            }
            // GnuPG gives keys no level of trust where all of them are trusted.
            verify.set("gpg.minTrustLevel", "undefined").variable("GNUPGHOME", keyring.display().to_string())
        }
    };
    let reply = git.run(verify).await?;
    Ok(reply.worked("check").map(drop).map_err(|error| match error {
        GitError::Failed { said, .. } => {
            format!("the signature of the commit is not one of those that `signedBy` names: {said}")
        }
        other => other.to_string(),
    }))
}

/// Makes a keyring of nothing but `keys`, all of which are trusted: they were named for that.
async fn import(keyring: &Path, keys: &[String]) -> Result<Result<(), String>, GitError> {
    tokio::fs::create_dir_all(keyring).await?;
    tokio::fs::set_permissions(keyring, std::os::unix::fs::PermissionsExt::from_mode(0o700)).await?;
    let options = "batch\nno-autostart\nno-auto-key-retrieve\nno-auto-key-locate\ntrust-model always\n";
    tokio::fs::write(keyring.join("gpg.conf"), options).await?;
    let file = keyring.join("keys.asc");
    tokio::fs::write(&file, keys.join("\n")).await?;
    let mut command = tokio::process::Command::new("gpg");
    command.env_clear().env("GNUPGHOME", keyring).env("LC_ALL", "C.UTF-8");
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
        .args(["--quiet", "--import", "--"])
        .arg(&file)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true);
    let imported = match tokio::time::timeout(IMPORT_PATIENCE, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            let missing = "the program gpg, which checks OpenPGP signatures, is not installed on the machine of the server";
            return Ok(Err(missing.to_owned()));
        }
        Ok(Err(error)) => return Err(error.into()),
        Err(_) => return Ok(Err("gpg did not read the keys of `signedBy` in time".to_owned())),
    };
    if imported.status.success() {
        return Ok(Ok(()));
    }
    let said = one_line(&String::from_utf8_lossy(&imported.stderr));
    Ok(Err(format!("gpg cannot read the keys of `signedBy`: {said}")))
}

/// How long GnuPG may take to read some keys.
const IMPORT_PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_signature_is_that_of_the_header() {
        let check = |headers: &str, message: &str, wanted: Form| {
            let commit = format!("tree aa\nauthor a <a@b> 1 +0000\n{headers}\n{message}\n");
            assert_eq!(Form::of(&commit), wanted, "{commit}");
        };
        check("", "title", Form::Unsigned);
        check("gpgsig -----BEGIN SSH SIGNATURE-----\n aa\n", "title", Form::Ssh);
        check("gpgsig -----BEGIN PGP SIGNATURE-----\n aa\n", "title", Form::OpenPgp);
        check("gpgsig -----BEGIN SIGNED MESSAGE-----\n aa\n", "title", Form::Other);
        check("", "title\n\ngpgsig -----BEGIN SSH SIGNATURE-----", Form::Unsigned);
    }
}
