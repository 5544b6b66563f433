//! Manifest and picture files of the command line.

use std::io::Read;
use std::path::{Path, PathBuf};

use ironhand_api::{Manifest, Secret, parse_manifests};

use crate::exit::{Failure, at};

/// The largest manifest file: a slip like `-f /dev/zero` or a disk image must end with a message.
const LARGEST_MANIFEST: u64 = 16 << 20;

/// The largest picture or screen text.
const LARGEST_SCREEN: u64 = 64 << 20;

/// The path that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// How deep folders with manifests may nest.
const DEEPEST_FOLDER: usize = 16;

/// A manifest and where it stands.
pub struct Located {
    /// The file.
    pub file: PathBuf,
    /// What it says.
    pub manifest: Manifest,
}

/// Reads all manifests of files, folders and standard input; on failure tells every fault of every file.
pub fn read_manifests(paths: &[PathBuf]) -> Result<Vec<Located>, Failure> {
    let mut manifests = Vec::new();
    let mut faults = Vec::new();
    for path in paths {
        let mut files = Vec::new();
        match path.as_os_str() == STANDARD_INPUT {
            true => files.push(path.clone()),
            false => collect(path, 0, &mut files)?,
        }
        if files.is_empty() {
            return Err(Failure::Usage {
                message: format!("{}: no .yaml, .yml or .json file in this folder", path.display()),
                hint: None,
            });
        }
        let (before, faults_before) = (manifests.len(), faults.len());
        for file in files {
            let bytes = match file.as_os_str() == STANDARD_INPUT {
                true => bounded(std::io::stdin().lock(), &file, LARGEST_MANIFEST)?,
                false => read_bounded(&file, LARGEST_MANIFEST)?,
            };
            let text = String::from_utf8(bytes).map_err(|_| Failure::Usage {
                message: format!("{}: not a text file", file.display()),
                hint: Some("manifests are YAML or JSON in UTF-8".to_owned()),
            })?;
            match parse_manifests(&file.display().to_string(), &text) {
                Ok(parsed) => {
                    manifests
                        .extend(parsed.into_iter().map(|manifest| Located { file: file.clone(), manifest }));
                }
                Err(more) => faults.extend(more),
            }
        }
        if (manifests.len(), faults.len()) == (before, faults_before) {
            return Err(Failure::Usage {
                message: format!("{}: there is no manifest in it", path.display()),
                hint: Some(
                    "a manifest has `apiVersion`, `kind`, `metadata` and `spec`; comments alone are none"
                        .to_owned(),
                ),
            });
        }
    }
    if faults.is_empty() { Ok(manifests) } else { Err(Failure::Manifests(faults)) }
}

/// Reads the objects of YAML and JSON files that are no manifests of this program: one, or a list of them, in each.
pub fn read_objects(paths: &[PathBuf]) -> Result<Vec<(PathBuf, serde_json::Value)>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, 0, &mut files)?;
    }
    let mut objects = Vec::new();
    for file in files {
        let bytes = read_bounded(&file, LARGEST_SCREEN)?;
        let refused =
            |why: String| Failure::Usage { message: format!("{}: {why}", file.display()), hint: None };
        let text = std::str::from_utf8(&bytes).map_err(|_| refused("not a text file".to_owned()))?;
        let read: serde_json::Value =
            serde_saphyr::from_str(text).map_err(|error| refused(error.to_string()))?;
        match read {
            serde_json::Value::Array(items) => {
                objects.extend(items.into_iter().map(|item| (file.clone(), item)));
            }
            object => objects.push((file, object)),
        }
    }
    Ok(objects)
}

fn collect(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if !at(path, std::fs::metadata(path))?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    if depth == DEEPEST_FOLDER {
        return Err(Failure::Usage {
            message: format!("{}: more than {DEEPEST_FOLDER} folders deep", path.display()),
            hint: None,
        });
    }
    let mut entries = at(path, std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let manifest = path
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| matches!(extension, "yaml" | "yml" | "json"));
        let kind = at(&path, entry.file_type())?;
        // Such folders are of other programs: `.git`, `.github`.
        if kind.is_dir() && entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if kind.is_dir() || (manifest && !kind.is_dir()) {
            collect(&path, depth + 1, files)?;
        }
    }
    Ok(())
}

/// Reads a picture or the text of a screen.
pub fn read_screen(path: &Path) -> Result<Vec<u8>, Failure> {
    read_bounded(path, LARGEST_SCREEN)
}

/// Reads a file of at most `limit` bytes.
pub fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    bounded(at(path, std::fs::File::open(path))?, path, limit)
}

fn bounded(file: impl Read, path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    at(path, file.take(limit + 1).read_to_end(&mut bytes))?;
    if bytes.len() as u64 > limit {
        return Err(Failure::Usage {
            message: format!("{}: larger than {} MiB", path.display(), limit >> 20),
            hint: None,
        });
    }
    Ok(bytes)
}

/// The password in a file, without one trailing line break.
pub fn read_password(path: &Path) -> Result<secrecy::SecretString, Failure> {
    read_password_from(at(path, std::fs::File::open(path))?, path)
}

/// The same, of a file that is open.
pub fn read_password_from(file: impl Read, path: &Path) -> Result<secrecy::SecretString, Failure> {
    /// Longer than any protocol takes.
    const LONGEST_PASSWORD: u64 = 4096;
    let bytes = zeroize::Zeroizing::new(bounded(file, path, LONGEST_PASSWORD)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| Failure::Usage {
        message: format!("{}: the password is not UTF-8 text", path.display()),
        hint: None,
    })?;
    Ok(text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text)).into())
}

/// A secret from a file, else from the environment: an argument would be seen by every user of the machine.
pub fn read_secret(file: Option<&Path>, variable: &str) -> Result<Option<secrecy::SecretString>, Failure> {
    match file {
        Some(file) => read_password(file).map(Some),
        None => Ok(std::env::var(variable).ok().map(secrecy::SecretString::from)),
    }
}

/// Replaces references to files and the environment by what they refer to. A relative path is taken from the
/// manifest's own folder. Returns warnings.
pub fn resolve_secrets(manifests: &mut [Located]) -> Result<Vec<String>, Failure> {
    let mut warnings = Vec::new();
    for Located { file, manifest } in manifests {
        let whose = format!("{} `{}`", manifest.kind().to_string().to_lowercase(), manifest.metadata().name);
        for (what, secret) in manifest.secrets_mut() {
            let plain = matches!(secret, Secret::Plain(_));
            resolve(file, &whose, secret)?;
            if plain {
                warnings.push(format!(
                    "{}: the {what} of {whose} stands in the manifest; fromFile or fromEnv keep it out",
                    file.display()
                ));
            }
        }
    }
    Ok(warnings)
}

/// Puts the value in place of a reference to it.
fn resolve(manifest: &Path, whose: &str, secret: &mut Secret) -> Result<(), Failure> {
    let value = match secret {
        Secret::FromFile(path) => {
            let folder = manifest.parent().unwrap_or(Path::new("."));
            read_password(&folder.join(path))?
        }
        Secret::FromEnv(variable) => {
            let value = std::env::var(&*variable).map_err(|_| Failure::Usage {
                message: format!("{whose}: the environment has no variable {variable}"),
                hint: Some(format!("set {variable}, or use fromFile")),
            })?;
            value.into()
        }
        Secret::Plain(_) | Secret::Sealed(_) => return Ok(()),
    };
    *secret = Secret::Plain(value);
    Ok(())
}
