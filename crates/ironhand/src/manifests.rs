//! `ironhand validate` and `ironhand apply`.

use ironhand_api::Kind;
use ironhand_client::Client;

use crate::args;
use crate::exit::Failure;
use crate::files::{Located, resolve_secrets};
use crate::flow::checked_manifests;
use crate::output::line;

/// `ironhand validate`.
pub fn validate(files: &args::Files) -> Result<(), Failure> {
    let manifests = checked_manifests(files)?;
    line(&format!("{} manifests are valid", manifests.len()));
    Ok(())
}

/// `ironhand apply`: checks all, then sends credentials, flows and hosts in this order.
pub async fn apply(client: &Client, asked: &args::Manifests) -> Result<(), Failure> {
    let mut manifests = checked_manifests(&asked.files)?;
    for warning in resolve_secrets(&mut manifests)? {
        eprintln!("warning: {warning}");
    }
    let order = |kind: Kind| Kind::ALL.iter().position(|other| *other == kind);
    manifests.sort_by_key(|located| order(located.manifest.kind()));
    for Located { manifest, .. } in &manifests {
        let (kind, name) = (manifest.kind(), &manifest.metadata().name);
        let outcome = if asked.dry_run {
            client.apply_dry_run(manifest).await?
        } else {
            client.apply(manifest).await?
        };
        let dry_run = if asked.dry_run { " (dry run)" } else { "" };
        line(&format!("{}/{name} {}{dry_run}", kind.to_string().to_lowercase(), outcome.as_str()));
    }
    Ok(())
}
