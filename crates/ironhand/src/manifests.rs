//! `ironhand validate` and `ironhand apply`.

use std::cell::Cell;

use futures_util::{StreamExt, stream};
use ironhand_api::{Kind, Manifest};
use ironhand_client::Client;

use crate::args;
use crate::exit::Failure;
use crate::files::resolve_secrets;
use crate::flow::checked_manifests;
use crate::output::line;
use crate::serve::chain;

/// `ironhand validate`.
pub fn validate(files: &args::Files) -> Result<(), Failure> {
    let manifests = checked_manifests(files)?;
    line(&format!("{} manifests are valid", manifests.len()));
    Ok(())
}

/// Manifests of one kind that are sent at the same time: the server makes them durable together.
const AT_ONCE: usize = 32;

/// `ironhand apply`: checks all, then sends one kind after the other, in the order in which they refer to each other.
pub async fn apply(client: &Client, asked: &args::Manifests) -> Result<(), Failure> {
    let mut manifests = checked_manifests(&asked.files)?;
    for warning in resolve_secrets(&mut manifests)? {
        eprintln!("warning: {warning}");
    }
    for kind in Kind::ALL {
        let of_kind = manifests.iter().map(|located| &located.manifest).filter(|one| one.kind() == kind);
        send(client, of_kind, asked.dry_run).await?;
    }
    Ok(())
}

/// Sends manifests that do not refer to each other. After one that is refused no other is begun; what became of those
/// that were under way is told like the rest.
async fn send(
    client: &Client,
    manifests: impl Iterator<Item = &Manifest>,
    dry_run: bool,
) -> Result<(), Failure> {
    let mut refused = None;
    let stop = Cell::new(false);
    let wanted = manifests.take_while(|_| !stop.get());
    let mut sent = stream::iter(wanted)
        .map(async |manifest| {
            let sent =
                if dry_run { client.apply_dry_run(manifest).await } else { client.apply(manifest).await };
            (format!("{}/{}", manifest.kind().to_string().to_lowercase(), manifest.metadata().name), sent)
        })
        .buffered(AT_ONCE);
    let dry_run = if dry_run { " (dry run)" } else { "" };
    while let Some((name, sent)) = sent.next().await {
        match sent {
            Ok(outcome) => line(&format!("{name} {}{dry_run}", outcome.as_str())),
            Err(error) if refused.is_none() => {
                stop.set(true);
                refused = Some(error);
            }
            Err(error) => eprintln!("{name} was refused as well: {}", chain(&error)),
        }
    }
    refused.map_or(Ok(()), |error| Err(error.into()))
}
