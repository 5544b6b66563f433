//! `ironhand import`: what another product was told of a fleet, as manifests.

mod vaxiin;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::args;
use crate::exit::{Failure, at};
use crate::files::{Located, read_manifests, read_objects};
use crate::output::line;

/// What becomes of the files of another product.
#[derive(Default)]
struct Imported {
    /// Manifests, by the file that they are written to.
    credentials: Vec<Value>,
    hosts: Vec<Value>,
    flows: Vec<Value>,
    /// Passwords, by the name of the Credential; they are written to files of their own.
    secrets: Vec<(String, SecretString)>,
    /// Pictures, by the name of the Flow that has one as its example.
    pictures: Vec<(String, Vec<u8>)>,
    /// What a person should know though it was taken over.
    notes: Vec<String>,
    /// What could not be taken over.
    left: Vec<String>,
}

/// `ironhand import`.
pub fn import(asked: &args::ImportCommand) -> Result<(), Failure> {
    let args::ImportCommand::Vaxiin(asked) = asked;
    let objects = read_objects(&asked.paths)?;
    let imported = vaxiin::import(objects);
    let out = &asked.out;
    if out.exists() && std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some()) {
        let message = format!("{}: there are files in this folder already", out.display());
        return Err(Failure::Usage {
            message,
            hint: Some("--out takes a folder that is new or empty".to_owned()),
        });
    }
    write(&imported, out)?;
    for note in &imported.notes {
        note!("note: {note}");
    }
    for left in &imported.left {
        note!("left: {left}");
    }
    let counted =
        |many: usize, what: &str| if many == 1 { format!("1 {what}") } else { format!("{many} {what}s") };
    line(&format!(
        "{}, {}, {} in {}; see them by `ironhand diff -f {}`",
        counted(imported.credentials.len(), "credential"),
        counted(imported.hosts.len(), "host"),
        counted(imported.flows.len(), "flow"),
        out.display(),
        out.display()
    ));
    check(out)?;
    if imported.left.is_empty() { Ok(()) } else { Err(Failure::Some { code: 1 }) }
}

fn write(imported: &Imported, out: &Path) -> Result<(), Failure> {
    at(out, std::fs::create_dir_all(out))?;
    for (file, documents) in [
        ("credentials.yaml", &imported.credentials),
        ("hosts.yaml", &imported.hosts),
        ("flows.yaml", &imported.flows),
    ] {
        if documents.is_empty() {
            continue;
        }
        let path = out.join(file);
        let mut text = String::new();
        for document in documents {
            let written = serde_saphyr::to_string(document)
                .map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
            text.push_str("---\n");
            text.push_str(written.trim_end());
            text.push('\n');
        }
        at(&path, std::fs::write(&path, text))?;
    }
    for (name, secret) in &imported.secrets {
        let folder = out.join("secrets");
        at(&folder, std::fs::create_dir_all(&folder))?;
        let path = folder.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        at(&path, file.and_then(|mut file| file.write_all(secret.expose_secret().as_bytes())))?;
    }
    for (name, picture) in &imported.pictures {
        let path = out.join(format!("{name}.png"));
        at(&path, std::fs::write(&path, picture))?;
    }
    Ok(())
}

/// What is written must be what `apply` takes.
fn check(out: &Path) -> Result<(), Failure> {
    let manifests = read_manifests(&[out.to_owned()])?;
    let told = manifests.iter().map(|Located { file, manifest }| (file.display().to_string(), manifest));
    let faults = ironhand_server::manifest_faults(told, None);
    for fault in &faults {
        note!("{fault}");
    }
    if faults.is_empty() { Ok(()) } else { Err(Failure::Some { code: 1 }) }
}

/// The bytes of a picture.
fn picture(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.trim()).ok().filter(|bytes| bytes.starts_with(b"\x89PNG"))
}
