//! What stands on the server, belongs to a set of manifests by its labels, and is described by none of them.

use std::collections::BTreeSet;

use ironhand_api::{Kind, LabelSelector, Manifest, Name};
use ironhand_client::Client;

use super::named;
use crate::args;
use crate::exit::Failure;
use crate::files::Located;
use crate::output::line;
use crate::select::label_selector;

/// Resources that no manifest describes, in the order in which they can be removed: who refers to others goes first.
pub struct Surplus(Vec<Manifest>);

impl Surplus {
    /// Looks for them; there are none where nothing is to be pruned.
    pub async fn find(client: &Client, asked: &args::Prune, manifests: &[Located]) -> Result<Self, Failure> {
        if !asked.prune {
            return Ok(Self(Vec::new()));
        }
        let selector = label_selector(asked.selector.as_deref())?;
        if selector.is_all() && !asked.all {
            return Err(Failure::Usage {
                message: "--prune needs to know what belongs to these files".to_owned(),
                hint: Some(
                    "name labels that all of them carry: --prune -l managed-by=git; or --prune --all"
                        .to_owned(),
                ),
            });
        }
        refuse_strangers(manifests, &selector)?;
        let described: BTreeSet<(Kind, &Name)> =
            manifests.iter().map(|one| (one.manifest.kind(), &one.manifest.metadata().name)).collect();
        let mut surplus = Vec::new();
        for kind in Kind::ALL.into_iter().rev() {
            let kept = client.manifests(kind, &selector).await?;
            surplus.extend(kept.into_iter().filter(|one| !described.contains(&(kind, &one.metadata().name))));
        }
        Ok(Self(surplus))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Manifest> {
        self.0.iter()
    }

    /// Removes them.
    pub async fn remove(self, client: &Client, dry_run: bool) -> Result<(), Failure> {
        for manifest in &self.0 {
            if !dry_run {
                client.delete(manifest.kind(), &manifest.metadata().name).await?;
            }
            line(&format!("{} pruned{}", named(manifest), if dry_run { " (dry run)" } else { "" }));
        }
        Ok(())
    }
}

/// A manifest without the labels would be applied now and never be pruned: whoever wrote it means something else.
fn refuse_strangers(manifests: &[Located], selector: &LabelSelector) -> Result<(), Failure> {
    match manifests.iter().find(|one| !selector.matches(&one.manifest.metadata().labels)) {
        None => Ok(()),
        Some(stranger) => Err(Failure::Usage {
            message: format!(
                "{}: {} does not carry the labels {selector}; nothing was changed",
                stranger.file.display(),
                named(&stranger.manifest)
            ),
            hint: Some("label it, or apply it by a call of its own".to_owned()),
        }),
    }
}
