//! The manifests of a commit, read and checked as `ironhand apply` does it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Component, Path};

use ironhand_api::{Flow, Kind, Manifest, ManifestError, Name, Secret, parse_manifests};
use ironhand_model::{Described, LinkFault};
use secrecy::SecretString;

use super::tree::File;
use crate::{catalog, http};

/// Faults of a commit that are kept: more than anybody mends at once.
const MOST_FAULTS: usize = 100;

/// The longest secret in a file, in bytes: an RSA key has some thousands.
const LONGEST_SECRET: u64 = 16 * 1024;

/// What cannot be of some manifests beside each other, and what the parser does not look at: the same name twice, flows
/// that call what is not there, patterns, keys and templates.
///
/// Each comes with the name of its file. `kept` are the flows that stand on the server beside them; where they are not
/// known, a flow that is called and missing is no fault.
pub fn manifest_faults<'m>(
    manifests: impl IntoIterator<Item = (String, &'m Manifest)>,
    kept: Option<&[Flow]>,
) -> Vec<ManifestError> {
    let manifests: Vec<(String, &Manifest)> = manifests.into_iter().collect();
    let at = |file: &str, message: String, hint: Option<&str>| ManifestError {
        file: file.to_owned(),
        line: 1,
        column: 1,
        message,
        hint: hint.map(str::to_owned),
    };
    let mut faults = Vec::new();
    let mut first: BTreeMap<(Kind, &Name), &str> = BTreeMap::new();
    let mut flows: BTreeMap<&Name, &Flow> =
        kept.unwrap_or_default().iter().map(|flow| (&flow.metadata.name, flow)).collect();
    for (file, manifest) in &manifests {
        let (kind, name) = (manifest.kind(), &manifest.metadata().name);
        match first.entry((kind, name)) {
            Entry::Vacant(entry) => drop(entry.insert(file)),
            Entry::Occupied(earlier) => {
                let message = format!("{kind} `{name}` is also described in {}", earlier.get());
                faults.push(at(file, message, Some("remove one of the two")));
            }
        }
        if let Manifest::Flow(flow) = manifest {
            flows.insert(name, flow);
        }
    }
    let flows: Vec<Flow> = flows.into_values().cloned().collect();
    for (file, manifest) in &manifests {
        let mut found = http::faults_of(manifest);
        if let Manifest::Flow(flow) = manifest {
            let misfit = catalog::link_fault(flow, &flows);
            let misfit = misfit.filter(|fault| kept.is_some() || !matches!(fault, LinkFault::Missing { .. }));
            found.extend(misfit.map(|fault| fault.to_string()));
        }
        let (kind, name) = (manifest.kind(), &manifest.metadata().name);
        faults.extend(found.into_iter().map(|message| at(file, format!("{kind} `{name}`: {message}"), None)));
    }
    faults
}

/// Reads the manifests of a commit's files, with the secrets that they refer to in their places.
pub(super) fn gather(files: &[File], secrets: Option<&Path>) -> Result<Vec<Described>, Vec<String>> {
    let (mut described, mut faults) = (Vec::new(), Vec::new());
    for File { path, text } in files {
        match parse_manifests(path, text) {
            Ok(manifests) => described.extend(
                manifests.into_iter().map(|one| Described { file: path.clone(), manifest: one.as_written() }),
            ),
            Err(more) => faults.extend(more.iter().map(told)),
        }
    }
    if described.is_empty() && faults.is_empty() {
        faults.push("there is no manifest in the files".to_owned());
    }
    for Described { file, manifest } in &mut described {
        let (kind, name) = (manifest.kind(), manifest.metadata().name.clone());
        for (field, secret) in manifest.secrets_mut() {
            if let Err(fault) = resolve(secret, secrets) {
                faults.push(format!("{file}: the {field} of {kind} `{name}` {fault}"));
            }
        }
    }
    if faults.is_empty() { Ok(described) } else { Err(bounded(faults)) }
}

/// What cannot be of a commit's manifests beside each other and `kept`, which stand on the server.
pub(super) fn check(described: &[Described], kept: &[Flow]) -> Result<(), Vec<String>> {
    let manifests = described.iter().map(|one| (one.file.clone(), &one.manifest));
    let faults: Vec<String> = manifest_faults(manifests, Some(kept)).iter().map(told).collect();
    if faults.is_empty() { Ok(()) } else { Err(bounded(faults)) }
}

/// A fault on one line.
fn told(fault: &ManifestError) -> String {
    match &fault.hint {
        Some(hint) => format!("{fault}; {hint}"),
        None => fault.to_string(),
    }
}

/// As many faults as are kept, with a word of the rest.
pub(super) fn bounded(mut faults: Vec<String>) -> Vec<String> {
    if let Some(more) = faults.len().checked_sub(MOST_FAULTS).filter(|more| *more > 0) {
        faults.truncate(MOST_FAULTS);
        faults.push(format!("and {more} more"));
    }
    faults
}

/// Puts a secret in place of what refers to it; says what is wrong with the reference. What is sealed stays so.
fn resolve(secret: &mut Secret, folder: Option<&Path>) -> Result<(), String> {
    let value = match secret {
        Secret::Sealed(_) => return Ok(()),
        Secret::Plain(_) => {
            return Err(
                "stands in it in plain, for everybody who reads the repository: replace it, and write it as \
                        `sealed` (as `ironhand export` prints it) or `fromFile`"
                    .to_owned(),
            );
        }
        Secret::FromEnv(_) => {
            return Err(
                "is taken from the environment, which only the command line does; write it as `sealed` or \
                        `fromFile`"
                    .to_owned(),
            );
        }
        Secret::FromFile(path) => read_secret(path, folder)?,
    };
    *secret = Secret::Plain(value);
    Ok(())
}

/// The secret in a file of the server's folder of secrets, without one trailing line break.
fn read_secret(path: &str, folder: Option<&Path>) -> Result<SecretString, String> {
    let folder = folder.ok_or("refers to a file, and the server was started without --repository-secrets")?;
    let inside = |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_)));
    if !inside(Path::new(path)) {
        return Err(format!("refers to `{path}`, which is not in the server's folder of secrets"));
    }
    let unreadable =
        |error: std::io::Error| format!("cannot be read from `{path}` in the server's folder: {error}");
    let (whole, folder) = (folder.join(path).canonicalize(), folder.canonicalize());
    let (whole, folder) = (whole.map_err(unreadable)?, folder.map_err(unreadable)?);
    let data = whole.metadata().map_err(unreadable)?;
    if !whole.starts_with(&folder) || !data.is_file() || data.len() > LONGEST_SECRET {
        return Err(format!(
            "refers to `{path}`, which is no file of at most {LONGEST_SECRET} bytes in the folder"
        ));
    }
    let text = zeroize::Zeroizing::new(std::fs::read_to_string(&whole).map_err(unreadable)?);
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn credential(password: &str) -> File {
        let text = format!(
            "apiVersion: ironhand/v1\nkind: Credential\nmetadata: {{ name: bmc }}\n\
             spec: {{ username: admin, password: {password} }}\n"
        );
        File { path: "bmc.yaml".to_owned(), text }
    }

    #[test]
    fn secrets_come_from_their_folder_and_nowhere_else() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("secrets");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("bmc"), "hunter2\n").unwrap();
        std::fs::write(root.path().join("outside"), "stolen\n").unwrap();
        std::os::unix::fs::symlink(root.path().join("outside"), folder.join("link")).unwrap();
        let check = |password: &str, folder: Option<&Path>, wanted: Result<&str, &str>| {
            let found = gather(&[credential(password)], folder);
            match (found, wanted) {
                (Ok(mut described), Ok(value)) => match described[0].manifest.secrets_mut().remove(0).1 {
                    Secret::Plain(secret) => assert_eq!(secret.expose_secret(), value),
                    Secret::Sealed(text) => assert_eq!(text, value),
                    _ => panic!("{password} stayed a reference"),
                },
                (Err(faults), Err(wanted)) => {
                    let faults = faults.join("\n");
                    assert!(faults.contains(wanted) && !faults.contains("hunter2"), "{faults}");
                }
                (found, _) => panic!("{password}: {:?}", found.err()),
            }
        };
        let given = Some(folder.as_path());
        check("{ fromFile: bmc }", given, Ok("hunter2"));
        check("{ sealed: abc }", None, Ok("abc"));
        check("hunter2", given, Err("in plain"));
        check("{ fromEnv: SECRET }", given, Err("the environment"));
        check("{ fromFile: bmc }", None, Err("--repository-secrets"));
        check("{ fromFile: ../outside }", given, Err("not in the server's folder"));
        check("{ fromFile: /etc/passwd }", given, Err("not in the server's folder"));
        check("{ fromFile: link }", given, Err("no file of at most"));
        check("{ fromFile: absent }", given, Err("cannot be read"));
    }

    #[test]
    fn every_fault_of_every_file_is_told_up_to_a_bound() {
        let broken = |name: &str| File { path: name.to_owned(), text: "kind: Host\n".to_owned() };
        let faults = gather(&[broken("a.yaml"), broken("b.yaml")], None).err().unwrap();
        assert!(faults.iter().any(|fault| fault.starts_with("a.yaml:1:")), "{faults:?}");
        assert!(faults.iter().any(|fault| fault.starts_with("b.yaml:1:")), "{faults:?}");
        let many: Vec<String> = (0..250).map(|number| number.to_string()).collect();
        assert_eq!(bounded(many).last().unwrap(), "and 150 more");
        let twice = [credential("{ sealed: a }"), credential("{ sealed: a }")];
        let twice = gather(&twice, None).unwrap();
        assert!(check(&twice, &[]).unwrap_err()[0].contains("is also described in bmc.yaml"));
    }
}
