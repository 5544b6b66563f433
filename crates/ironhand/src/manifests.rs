//! `ironhand validate` and `ironhand apply`; what they and their like have to do with the server.

mod diff;
mod edit;
mod export;
mod prune;

use std::cell::Cell;
use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use ironhand_api::{Credential, Host, Kind, LabelSelector, Manifest, Name};
use ironhand_client::Client;

use crate::args;
use crate::exit::Failure;
use crate::files::{Located, resolve_secrets};
use crate::flow::checked_manifests;
use crate::output::line;
use crate::serve::chain;

pub use diff::diff;
pub use edit::edit;
pub use export::export;
use prune::Surplus;

/// `ironhand validate`.
pub fn validate(files: &args::Files) -> Result<(), Failure> {
    let manifests = checked_manifests(files)?;
    line(&match manifests.len() {
        1 => "1 manifest is valid".to_owned(),
        count => format!("{count} manifests are valid"),
    });
    Ok(())
}

/// Manifests that are asked for, or of one kind sent, at the same time: the server makes them durable together.
const AT_ONCE: usize = 32;

/// `ironhand apply`: checks all, then sends one kind after the other, in the order in which they refer to each other.
pub async fn apply(client: &Client, asked: &args::Apply) -> Result<(), Failure> {
    let mut manifests = checked_manifests(&asked.files)?;
    let surplus = Surplus::find(client, &asked.prune, &manifests).await?;
    for warning in resolve_secrets(&mut manifests)? {
        note!("warning: {warning}");
    }
    for kind in Kind::ALL {
        let of_kind = manifests.iter().map(|located| &located.manifest).filter(|one| one.kind() == kind);
        if kind == Kind::Flow {
            for rank in called_first(of_kind.collect()) {
                send(client, rank.into_iter(), asked.dry_run).await?;
            }
        } else {
            send(client, of_kind, asked.dry_run).await?;
        }
    }
    // Only once everything stands that may have taken its place.
    surplus.remove(client, asked.dry_run).await?;
    warn_of_missing_credentials(client, &manifests).await
}

/// Flows in ranks: those that are called stand in an earlier one than those that call them.
fn called_first(mut flows: Vec<&Manifest>) -> Vec<Vec<&Manifest>> {
    let mut ranks = Vec::new();
    while !flows.is_empty() {
        let waiting: BTreeSet<&Name> = flows.iter().map(|flow| &flow.metadata().name).collect();
        let waits = |manifest: &&Manifest| match manifest {
            Manifest::Flow(flow) => flow.called().iter().any(|called| waiting.contains(*called)),
            _ => false,
        };
        let (later, now): (Vec<&Manifest>, Vec<&Manifest>) = flows.iter().copied().partition(waits);
        if now.is_empty() {
            // They call each other, which the server refuses.
            ranks.push(later);
            break;
        }
        flows = later;
        ranks.push(now);
    }
    ranks
}

/// Warns of hosts whose credentials are not there: such a host is accepted, and cannot be reached until they are.
async fn warn_of_missing_credentials(client: &Client, manifests: &[Located]) -> Result<(), Failure> {
    let hosts: Vec<&Host> = manifests
        .iter()
        .filter_map(|located| match &located.manifest {
            Manifest::Host(host) => Some(host),
            _ => None,
        })
        .collect();
    if hosts.is_empty() {
        return Ok(());
    }
    let kept = client.list::<Credential>(&LabelSelector::default()).await?;
    let mut known: BTreeSet<Name> = kept.into_iter().map(|credential| credential.metadata.name).collect();
    // With --dry-run they are not kept yet.
    known.extend(manifests.iter().filter_map(|located| match &located.manifest {
        Manifest::Credential(credential) => Some(credential.metadata.name.clone()),
        _ => None,
    }));
    for host in hosts {
        let missing: BTreeSet<&Name> =
            named_credentials(host).filter(|name| !known.contains(*name)).collect();
        for name in missing {
            note!("warning: host {}: there is no credential {name}", host.metadata.name);
        }
    }
    Ok(())
}

/// The credentials that a host names, for all connectors or for one.
fn named_credentials(host: &Host) -> impl Iterator<Item = &Name> {
    let own = host.spec.connectors.iter().filter_map(|connector| connector.credentials.as_ref()).flatten();
    host.spec.credentials.iter().chain(own)
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
            (named(manifest), sent)
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
            Err(error) => note!("{name} was refused as well: {}", chain(&error)),
        }
    }
    refused.map_or(Ok(()), |error| Err(error.into()))
}

/// A resource as people write it: `host/rack7-12`.
fn named(manifest: &Manifest) -> String {
    format!("{}/{}", manifest.kind().to_string().to_lowercase(), manifest.metadata().name)
}

/// A manifest as a file of it would be written.
fn document(manifest: &Manifest) -> Result<String, Failure> {
    serde_saphyr::to_string(manifest).map_err(|error| Failure::Failed(error.to_string()))
}
