//! One look at a repository: what its branch has, by which credentials.

use std::path::{Path, PathBuf};

use ironhand_api::{Commit, Name, Repository};
use ironhand_store::{Store, StoreError};
use secrecy::ExposeSecret;

use super::git::{Access, Git, GitError};
use super::{RepositoryAccess, tree};

/// The local name of the commit that was fetched last.
const FETCHED: &str = "refs/ironhand/fetched";

/// The local name of the commit in force, which keeps it when another one is fetched.
const IN_FORCE: &str = "refs/ironhand/in-force";

/// Folders that live as long as a look.
const PASSING: &str = "passing";

/// Why a repository could not be looked at.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    #[error(transparent)]
    Git(#[from] GitError),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Unusable(String),
    #[error("the folder {} cannot be used: {source}", folder.display())]
    Folder { folder: PathBuf, source: std::io::Error },
}

/// What is worked with during a look.
pub(super) struct Look {
    pub(super) git: Git,
    /// A folder that nobody else reads, gone with the look.
    pub(super) passing: tempfile::TempDir,
    access: Access,
    url: String,
}

impl Look {
    /// Makes ready to look at a repository; what is fetched of it stays below `folder`.
    pub(super) async fn begin(
        repository: &Repository,
        store: &Store,
        allowed: &RepositoryAccess,
        folder: &Path,
    ) -> Result<Self, LookError> {
        let name = &repository.metadata.name;
        let spec = &repository.spec;
        if spec.url.starts_with("file://") && !allowed.local {
            return Err(LookError::Unusable(
                "repositories of this machine are only followed by a server that was started with \
                 --local-repositories"
                    .to_owned(),
            ));
        }
        let passing = passing_folder(folder, name).await?;
        let at = |source| LookError::Folder { folder: passing.path().to_owned(), source };
        let home = passing.path().join("home");
        tokio::fs::create_dir(&home).await.map_err(at)?;
        let mut access = Access { local: allowed.local, ..Access::default() };
        if let Some(certificate) = &spec.ca_certificate {
            let file = passing.path().join("ca.pem");
            tokio::fs::write(&file, certificate).await.map_err(at)?;
            access.ca = Some(file);
        }
        let over_ssh = spec.url.starts_with("ssh://") || !spec.url.contains("://");
        let login = match &spec.credential {
            Some(credential) => Some(store.credential(credential).await?),
            None => None,
        };
        if over_ssh {
            let key = login.as_ref().map(|(_, key)| key.expose_secret());
            access.ssh = Some(ssh_command(passing.path(), &spec.known_hosts, key).await.map_err(at)?);
        } else if let Some((username, password)) = login {
            if [username.as_str(), password.expose_secret()]
                .iter()
                .any(|text| text.contains(['\n', '\r', '\0']))
            {
                let told = "user name and password for HTTPS must be of one line; a key is for SSH";
                return Err(LookError::Unusable(told.to_owned()));
            }
            access.login = Some((username, password));
        }
        let git = Git::open(folder.join(format!("{name}.git")), home).await?;
        Ok(Self { git, passing, access, url: spec.url.clone() })
    }

    /// Fetches the branch; returns its newest commit.
    pub(super) async fn fetch(&self, branch: &str) -> Result<Commit, LookError> {
        let what = format!("refs/heads/{branch}");
        let fetched = self.git.fetch(&self.url, &what, FETCHED, &self.access).await;
        match fetched {
            Ok(()) => Ok(tree::commit(&self.git, FETCHED).await?),
            Err(GitError::Failed { said, .. }) if said.contains("couldn't find remote ref") => {
                Err(LookError::Unusable(format!("the repository has no branch `{branch}`")))
            }
            Err(GitError::Failed { said, .. }) if known_trouble(&said).is_some() => {
                Err(LookError::Unusable(known_trouble(&said).unwrap_or_default().to_owned()))
            }
            Err(error) => {
                // Git leaves its locks where it was killed, and would stop at them for ever. All can be fetched anew.
                if matches!(&error, GitError::Failed { said, .. } if said.contains(".lock'")) {
                    self.git.wipe().await?;
                }
                Err(error.into())
            }
        }
    }

    /// Keeps a commit from being dropped.
    pub(super) async fn keep(&self, id: &str) -> Result<(), LookError> {
        let doing = "keep the commit";
        let call = super::git::Call::new(doing, &["update-ref", IN_FORCE, id]);
        self.git.run(call).await?.worked(doing)?;
        Ok(())
    }

    /// Has a commit at hand that was fetched once: where it is gone, the remote may still give it.
    pub(super) async fn recall(&self, id: &str) -> Result<(), LookError> {
        if tree::commit(&self.git, id).await.is_err() {
            self.git.fetch(&self.url, id, IN_FORCE, &self.access).await?;
        }
        Ok(())
    }
}

/// What is to be done about troubles that the programs tell in words of their own.
fn known_trouble(said: &str) -> Option<&'static str> {
    const KNOWN: [(&str, &str); 5] = [
        (
            "terminal prompts disabled",
            "the server wants user name and password; name a Credential by `credential`",
        ),
        (
            "Authentication failed",
            "the server refuses user name and password of the Credential that `credential` names",
        ),
        (
            "requested URL returned error: 30",
            "the server redirects to another URL, which is not followed: it could lead the login to another host; \
             name by `url` where the repository is now",
        ),
        ("Host key verification failed", "the SSH server does not have a key that `knownHosts` names for it"),
        (
            "Permission denied (",
            "the SSH server refuses the key of the Credential that `credential` names, or needs one",
        ),
    ];
    KNOWN.into_iter().find(|(words, _)| said.contains(words)).map(|(_, told)| told)
}

/// A folder of this look alone. What a crash left of earlier ones, keys among it, is removed.
async fn passing_folder(folder: &Path, name: &Name) -> Result<tempfile::TempDir, LookError> {
    let root = folder.join(PASSING).join(name.as_str());
    let made = tokio::task::spawn_blocking(move || {
        let made = || {
            match std::fs::remove_dir_all(&root) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            std::fs::create_dir_all(&root)?;
            // The name stands in what programs say of their troubles, which is to be the same each time.
            tempfile::Builder::new().prefix("look").rand_bytes(0).tempdir_in(&root)
        };
        made().map_err(|source| LookError::Folder { folder: root.clone(), source })
    });
    made.await.map_err(|_| LookError::Unusable("the look was broken off".to_owned()))?
}

/// The command that connects over SSH: with the keys of the hosts that were named, and with no other key than `key`.
async fn ssh_command(folder: &Path, known_hosts: &[String], key: Option<&str>) -> std::io::Result<String> {
    let hosts = folder.join("known_hosts");
    let lines: String = known_hosts.iter().map(|line| format!("{line}\n")).collect();
    tokio::fs::write(&hosts, lines).await?;
    let identity = folder.join("key");
    if let Some(key) = key {
        let mut options = tokio::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&identity).await?;
        // The line break at its end belongs to the format, and is taken off secrets that come from files.
        let text = zeroize::Zeroizing::new(format!("{}\n", key.trim_end()));
        tokio::io::AsyncWriteExt::write_all(&mut file, text.as_bytes()).await?;
        tokio::io::AsyncWriteExt::flush(&mut file).await?;
    }
    let file = |path: &Path| quoted(&path.display().to_string());
    Ok(format!(
        "ssh -F none -i {} -o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes -o UserKnownHostsFile={} \
         -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes -o UpdateHostKeys=no \
         -o PasswordAuthentication=no -o ClearAllForwardings=yes -o ConnectTimeout=20 -o ServerAliveInterval=15",
        file(&identity),
        file(&hosts)
    ))
}

/// A word of the shell by which Git runs the command.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_single_words_to_the_shell() {
        assert_eq!(quoted("/a b/it's $HOME"), r"'/a b/it'\''s $HOME'");
    }
}
