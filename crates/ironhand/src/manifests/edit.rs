//! `ironhand edit`: a resource in the editor of a person.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use ironhand_api::parse_manifests;
use ironhand_client::Client;

use super::{document, named};
use crate::args;
use crate::exit::{Failure, at};
use crate::files::read_bounded;
use crate::output::line;
use crate::schema::parse_kind;
use crate::select::host_name;

/// The editor where neither VISUAL nor EDITOR names one: POSIX has it everywhere.
const EDITOR: &str = "vi";

/// The longest text that comes back.
const LONGEST: u64 = 16 << 20;

/// `ironhand edit`. The version of the resource stays in the text, so that a change by somebody else in the meantime is
/// not undone. Where anything is wrong with the text it is kept.
pub async fn edit(client: &Client, asked: &args::Edit) -> Result<(), Failure> {
    let (kind, name) = (parse_kind(&asked.kind)?, host_name(&asked.name)?);
    let missing = || Failure::NotFound(format!("there is no {} {name}", kind.to_string().to_lowercase()));
    let kept = client.manifest(kind, &name).await?.ok_or_else(missing)?;
    let version = kept.metadata().resource_version;
    let mut written = kept.as_written();
    written.metadata_mut().resource_version = version;
    let text = document(&written)?;
    let mut file = at(
        Path::new("."),
        tempfile::Builder::new().prefix(&format!("ironhand-{name}-")).suffix(".yaml").tempfile(),
    )?;
    let path = file.path().to_owned();
    at(&path, file.write_all(text.as_bytes()))?;
    open_editor(&path)?;
    let after = at(&path, String::from_utf8(read_bounded(&path, LONGEST)?).map_err(std::io::Error::other))?;
    if after == text {
        line(&format!("{}/{name} unchanged", kind.to_string().to_lowercase()));
        return Ok(());
    }
    let applied = apply(client, &path, &after, (kind, &name)).await;
    if applied.is_err()
        && let Ok((_, path)) = file.keep()
    {
        note!("what you wrote is kept in {}", path.display());
    }
    applied
}

async fn apply(
    client: &Client,
    path: &Path,
    text: &str,
    (kind, name): (ironhand_api::Kind, &ironhand_api::Name),
) -> Result<(), Failure> {
    let manifests = parse_manifests(&path.display().to_string(), text).map_err(Failure::Manifests)?;
    let [manifest] = &manifests[..] else {
        return Err(Failure::Usage {
            message: "there must be one manifest in the text".to_owned(),
            hint: None,
        });
    };
    if (manifest.kind(), &manifest.metadata().name) != (kind, name) {
        return Err(Failure::Usage {
            message: "kind and name cannot be changed by editing".to_owned(),
            hint: Some("apply it as a file: what has another name is another resource".to_owned()),
        });
    }
    let outcome = client.apply(manifest).await?;
    line(&format!("{} {}", named(manifest), outcome.as_str()));
    Ok(())
}

/// Lets the person write. The variable may hold options: `code --wait`.
fn open_editor(path: &Path) -> Result<(), Failure> {
    let editor = ["VISUAL", "EDITOR"].into_iter().find_map(|name| std::env::var(name).ok());
    let editor = editor.filter(|editor| !editor.trim().is_empty()).unwrap_or_else(|| EDITOR.to_owned());
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or(EDITOR);
    let status = Command::new(program).args(words).arg(path).status().map_err(|error| Failure::Usage {
        message: format!("the editor {program} cannot be started: {error}"),
        hint: Some("name one by the variable EDITOR".to_owned()),
    })?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::Failed(format!("the editor ended with {status}; nothing was changed")))
    }
}
