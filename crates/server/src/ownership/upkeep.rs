//! Leases are kept, hosts that nobody works on are taken, and those that are lost are let go.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ironhand_api::{Host, Name};
use ironhand_store::{Snapshot, StoreError};
use tokio::time::{sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use super::Taken;
use super::leases::{BATCH, Granted, Renewed};
use crate::fleet::Fleet;
use crate::http::chain;

/// How often a server looks for hosts that another one has given up or lost.
const LOOK: Duration = Duration::from_millis(500);

/// How often a server looks which hosts belong to others: all leases are read, some hundredths of a second for ten
/// thousand hosts.
const LOOK_AROUND: Duration = Duration::from_secs(2);

/// How long a server waits before it asks a store again that has failed. Well under the least life of a lease.
const STORE_RETRY: Duration = Duration::from_millis(250);

/// Takes the first hosts of a server that starts, and begins to work on them.
///
/// # Errors
///
/// Where the store fails.
pub(crate) async fn enlist(fleet: &Fleet) -> Result<(), StoreError> {
    let leases = fleet.leases();
    let _shut = leases.shut().await;
    if leases.is_shared() {
        // Others may live: hosts are taken as they are found free.
        return leases.look_around().await;
    }
    let granted = leases.seize().await?;
    let Snapshot { hosts, mut states, jobs: unfinished, .. } = fleet.store().load().await?;
    let mut jobs = BTreeMap::<Name, Vec<_>>::new();
    for job in unfinished {
        jobs.entry(job.host.clone()).or_default().push(job);
    }
    let mut hosts: BTreeMap<_, _> =
        hosts.into_iter().map(|host| (host.metadata.name.clone(), host)).collect();
    for lease in &granted.leases {
        if let Some(host) = hosts.remove(&lease.host) {
            let state = states.remove(&lease.host).unwrap_or_default();
            let jobs = jobs.remove(&lease.host).unwrap_or_default();
            fleet.start(Taken { host, state, jobs, held: granted.held(lease) });
        }
    }
    Ok(())
}

/// Keeps the leases of `fleet` until `stop` is cancelled. A host is let go of when its lease is lost, or cannot be
/// renewed in time.
pub(crate) async fn upkeep(fleet: Fleet, stop: CancellationToken) {
    let keep = async {
        let mut renewed = Instant::now();
        let (mut look, mut around) = (Instant::now(), Instant::now());
        loop {
            let due = renewed + fleet.leases().renewal();
            let next = if fleet.leases().is_shared() { due.min(look) } else { due };
            sleep_until(next.into()).await;
            let now = Instant::now();
            if now >= due {
                let done = renew(&fleet).await;
                renewed = if done { now } else { now + STORE_RETRY - fleet.leases().renewal() };
            }
            if fleet.leases().is_shared() && now >= around {
                around = now + LOOK_AROUND;
                if let Err(error) = fleet.leases().look_around().await {
                    tracing::error!(error = %chain(&error), "the other servers are not known: the store failed");
                }
            }
            // A server alone finds hosts without a lease as well: those that the store failed to take when they were applied.
            look = if take(&fleet).await { Instant::now() } else { Instant::now() + LOOK };
        }
    };
    stop.run_until_cancelled(keep).await;
}

/// Renews all leases; says whether the store did it.
async fn renew(fleet: &Fleet) -> bool {
    let end = fleet.first_end().unwrap_or_else(|| Instant::now() + fleet.leases().renewal());
    let renewal = async {
        let _shut = fleet.leases().shut().await;
        let renewed = fleet.leases().renew().await?;
        reconcile(fleet, renewed).await
    };
    match timeout_at(end.into(), renewal).await {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => {
            tracing::error!(error = %chain(&error), "leases were not renewed: the store failed")
        }
        Err(_) => tracing::error!("leases were not renewed in time: the store is slow"),
    }
    let now = Instant::now();
    for (host, held) in fleet.held() {
        if held.check(now).is_err() {
            tracing::warn!(%host, "let go: its lease was not renewed in time");
            fleet.lose(&host).await;
        }
    }
    false
}

/// Brings the lanes into line with the leases that the store says this server has.
async fn reconcile(fleet: &Fleet, renewed: Renewed) -> Result<(), StoreError> {
    let Renewed { mut tokens, until } = renewed;
    let mut lost = Vec::new();
    for (host, held) in fleet.held() {
        if held.token().is_some_and(|token| tokens.remove(&token)) {
            held.renew(until);
        } else {
            lost.push(host);
        }
    }
    // Those that no lane works under.
    let granted = fleet.leases().granted_under(&tokens, until).await?;
    lost.retain(|host| granted.leases.iter().all(|lease| lease.host != *host));
    for host in lost {
        let kept: Option<Host> = fleet.store().get(&host).await?;
        if kept.is_none() {
            // Deleted: its lane still has to close the host's incident.
            let fleet = fleet.clone();
            tokio::spawn(async move { fleet.remove(&host).await });
        } else {
            tracing::warn!(%host, "let go: another server works on it");
            fleet.lose(&host).await;
        }
    }
    begin(fleet, &granted).await
}

/// Takes hosts that nobody works on; says whether there may be more.
async fn take(fleet: &Fleet) -> bool {
    let _shut = fleet.leases().shut().await;
    let taken = async {
        let granted = fleet.leases().take_free().await?;
        begin(fleet, &granted).await?;
        Ok::<_, StoreError>(granted.leases.len() >= BATCH as usize)
    };
    taken.await.unwrap_or_else(|error| {
        tracing::error!(error = %chain(&error), "hosts without a server were not taken up: the store failed");
        false
    })
}

/// Begins to work on hosts where their last owner left them.
async fn begin(fleet: &Fleet, granted: &Granted) -> Result<(), StoreError> {
    for lease in &granted.leases {
        fleet.lose(&lease.host).await;
        if let Some(taken) = fleet.leases().take_up(&lease.host, granted.held(lease)).await? {
            tracing::info!(host = %lease.host, lease = lease.token, "taken up");
            fleet.start(taken);
        }
    }
    Ok(())
}
