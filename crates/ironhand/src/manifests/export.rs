//! `ironhand export`: what people said, as manifests that can be applied again.

use ironhand_api::{Kind, Manifest};
use ironhand_client::Client;

use super::{document, named};
use crate::args;
use crate::exit::{Failure, at};
use crate::output::line;
use crate::schema::parse_kind;
use crate::select::label_selector;

/// `ironhand export`.
pub async fn export(client: &Client, asked: &args::Export) -> Result<(), Failure> {
    let selector = label_selector(asked.selector.as_deref())?;
    let kinds = match &asked.kind {
        Some(kind) => vec![parse_kind(kind)?],
        None => Kind::ALL.to_vec(),
    };
    let mut manifests: Vec<Manifest> = Vec::new();
    for kind in kinds {
        manifests.extend(client.manifests(kind, &selector).await?.into_iter().map(Manifest::as_written));
    }
    for manifest in &manifests {
        let text = document(manifest)?;
        match &asked.out {
            Some(folder) => {
                let folder = folder.join(manifest.kind().plural());
                at(&folder, std::fs::create_dir_all(&folder))?;
                let file = folder.join(format!("{}.yaml", manifest.metadata().name));
                at(&file, std::fs::write(&file, text))?;
                line(&format!("{} -> {}", named(manifest), file.display()));
            }
            None => line(&format!("---\n{}", text.trim_end())),
        }
    }
    if manifests
        .iter()
        .any(|one| matches!(one, Manifest::Credential(_) | Manifest::Notifier(_) | Manifest::Repository(_)))
    {
        note!("passwords are sealed: only a server with the same key can open them");
    }
    Ok(())
}
