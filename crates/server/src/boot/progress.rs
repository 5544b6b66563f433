//! How far machines come with what they are given: scripts that were read, the last file that arrived. A deployment is told
//! by one task, so that no thread that serves packets waits for the store.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ironhand_api::{
    BootState, Deployment, DeploymentPhase, DeploymentStatus, EventKind, MacAddress, Name, Profile, Severity,
    Timestamp,
};
use ironhand_model::boot::{BootProgress, deployment_after};
use ironhand_store::{EventDraft, Store, StoreError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::coverage::Coverage;
use super::recent::Recent;
use super::watch::{BootWatch, Note};
use crate::changes::Changes;
use crate::clock;
use crate::http::chain;

/// Machines of which is remembered what they were given last.
const MOST_MACHINES: usize = 65_536;

/// Steps of one deployment that wait for the store. Any more are scripts that nobody booted by.
const MOST_STEPS: usize = 16;

/// For how long another interface of a machine waits for the one that was given its script.
const RIVAL: Duration = Duration::from_secs(60);

/// A script that is read again within this time is read for the same boot: loaders ask for the size first, or twice.
const SAME: Duration = Duration::from_secs(2);

/// How long after a failure the store is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// What machines were given, and what waits to be told of deployments.
#[derive(Debug)]
pub(super) struct Progress {
    inner: Mutex<Inner>,
    wake: Notify,
}

#[derive(Debug)]
struct Inner {
    /// The script that a machine at an address is being given.
    scripts: Recent<IpAddr, Given>,
    /// The interface by which a host boots.
    booting: Recent<Name, (MacAddress, Timestamp)>,
    /// When a script of a deployment was counted last.
    counted: Recent<Name, (u64, Timestamp)>,
    /// What arrived of the last file of a boot, until all has.
    parts: Recent<(IpAddr, String), Coverage>,
    /// By deployment, of which there are as many as people made.
    waiting: BTreeMap<Name, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    version: u64,
    steps: Vec<BootProgress>,
}

/// A script as it is given.
#[derive(Debug)]
struct Given {
    mac: Option<MacAddress>,
    path: String,
    outcome: Option<Outcome>,
}

/// What a script does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It boots what is deployed.
    Boots(Deployed),
    /// It ends the boot, or lets the machine wait; with the reason.
    Told(BootState, String),
}

/// A deployment that a machine boots by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deployed {
    pub(super) deployment: Name,
    /// The version of its record: what becomes of an older one is nothing to a newer.
    pub(super) version: u64,
    pub(super) host: Name,
}

/// A part of a file that arrived.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    /// The bytes.
    pub(super) bytes: Range<u64>,
    /// The length of the whole file.
    pub(super) length: u64,
    /// Whether it broke off behind them.
    pub(super) broken: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        let inner = Inner {
            scripts: Recent::new(MOST_MACHINES),
            booting: Recent::new(MOST_MACHINES),
            counted: Recent::new(MOST_MACHINES),
            parts: Recent::new(MOST_MACHINES),
            waiting: BTreeMap::new(),
        };
        Self { inner: Mutex::new(inner), wake: Notify::new() }
    }

    /// A machine asks for its script.
    pub(super) fn asked(
        &self,
        address: IpAddr,
        mac: Option<MacAddress>,
        path: &str,
        outcome: Option<Outcome>,
    ) {
        self.lock().scripts.put(address, Given { mac, path: path.to_owned(), outcome });
    }

    /// The interface by which a host is booting, where that began a short while ago.
    pub(super) fn rival(&self, host: &Name, now: Timestamp) -> Option<MacAddress> {
        let inner = self.lock();
        let (mac, at) = inner.booting.get(host)?;
        (now.since(*at) < RIVAL).then_some(*mac)
    }

    /// A machine read a whole file; gives back what it was told, where that was its script.
    pub(super) fn sent(&self, address: IpAddr, path: &str, now: Timestamp) -> Option<(BootState, String)> {
        let mut inner = self.lock();
        let given = inner.scripts.get_mut(&address).filter(|given| given.path == path)?;
        let mac = given.mac;
        match given.outcome.take()? {
            Outcome::Told(state, words) => Some((state, words)),
            Outcome::Boots(deployed) => {
                if let Some(mac) = mac {
                    inner.booting.put(deployed.host.clone(), (mac, now));
                }
                let counted = inner.counted.get(&deployed.deployment);
                if counted.is_none_or(|(version, at)| *version != deployed.version || now.since(*at) > SAME) {
                    inner.counted.put(deployed.deployment.clone(), (deployed.version, now));
                    inner.add(deployed, BootProgress::Script);
                    drop(inner);
                    self.wake.notify_one();
                }
                None
            }
        }
    }

    /// Bytes of the last file that a machine boots arrived, at a path. What broke off is not the end of it, even where it was
    /// the last byte that left: nobody knows what of it reached the machine.
    pub(super) fn arrived(&self, address: IpAddr, path: String, part: &Arrived, deployed: Deployed) {
        let mut inner = self.lock();
        let key = (address, path);
        let before = inner.parts.remove(&key).filter(|before| before.length() == part.length);
        let mut coverage = before.unwrap_or_else(|| Coverage::new(part.length));
        coverage.add(part.bytes.clone());
        if part.broken || !coverage.is_whole() {
            inner.parts.put(key, coverage);
            return;
        }
        inner.add(deployed, BootProgress::Fetched);
        drop(inner);
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // What is in it was put in one go each.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down how far deployments come, until `stop` is cancelled and all is written.
    pub(super) async fn follow(
        &self,
        store: Store,
        changes: Changes,
        watch: BootWatch,
        stop: CancellationToken,
    ) {
        let clerk = Clerk { store, watch };
        loop {
            let stopping = stop.is_cancelled();
            let failed = self.write(&clerk, &changes).await;
            if stopping {
                return;
            }
            if failed {
                stop.run_until_cancelled(tokio::time::sleep(AGAIN)).await;
            } else {
                stop.run_until_cancelled(self.wake.notified()).await;
            }
        }
    }

    /// Writes what waits; says whether some of it waits on.
    async fn write(&self, clerk: &Clerk, changes: &Changes) -> bool {
        let waiting = std::mem::take(&mut self.lock().waiting);
        let (mut changed, mut failed) = (false, false);
        for (name, one) in waiting {
            match clerk.settle(&name, &one).await {
                Ok(written) => changed |= written,
                Err(error) => {
                    tracing::error!(deployment = %name, error = %chain(&error), "how far a deployment came is not kept yet: the store failed");
                    failed = true;
                    self.lock().put_back(name, one);
                }
            }
        }
        if changed {
            changes.note_deployments();
        }
        failed
    }
}

impl Inner {
    fn add(&mut self, deployed: Deployed, step: BootProgress) {
        let Deployed { deployment, version, .. } = deployed;
        let waiting = self.waiting.entry(deployment).or_insert(Waiting { version, steps: Vec::new() });
        if waiting.version < version {
            *waiting = Waiting { version, steps: Vec::new() };
        }
        // That everything was fetched is never left out: the machine would boot the same for ever.
        if waiting.version == version && (waiting.steps.len() < MOST_STEPS || step == BootProgress::Fetched) {
            waiting.steps.truncate(MOST_STEPS);
            waiting.steps.push(step);
        }
    }

    fn put_back(&mut self, name: Name, before: Waiting) {
        match self.waiting.get_mut(&name) {
            Some(waiting) if waiting.version == before.version => {
                waiting.steps.splice(0..0, before.steps);
            }
            Some(_) => {}
            None => drop(self.waiting.insert(name, before)),
        }
    }
}

/// The one who writes.
struct Clerk {
    store: Store,
    watch: BootWatch,
}

impl Clerk {
    /// Writes what some steps make of a deployment; says whether they changed it.
    async fn settle(&self, name: &Name, waiting: &Waiting) -> Result<bool, StoreError> {
        let Some(mut deployment) = self.store.get::<Deployment>(name).await? else { return Ok(false) };
        if deployment.metadata.resource_version != Some(waiting.version) {
            return Ok(false);
        }
        let Some(profile) = self.store.get::<Profile>(&deployment.spec.profile).await? else {
            return Ok(false);
        };
        let now = clock::now();
        let mut drafts = Vec::new();
        let mut changed = false;
        for step in &waiting.steps {
            let before = deployment.phase();
            // Whoever reads the file without having been given the script does not boot by it.
            if *step == BootProgress::Fetched && before != DeploymentPhase::Booting {
                continue;
            }
            let Some(status) = deployment_after(&deployment, &profile, *step, now) else { continue };
            if status.phase != before {
                drafts.push(draft(&deployment, &status));
            }
            deployment.status = Some(status);
            changed = true;
        }
        let Some(status) = deployment.status.filter(|_| changed) else { return Ok(false) };
        if !self.store.put_deployment_status(name, waiting.version, status).await? {
            return Ok(false);
        }
        for draft in drafts {
            self.watch.note(Note::Event(Some(deployment.spec.host.clone()), now, Box::new(draft)));
        }
        Ok(true)
    }
}

/// What is told of a deployment that came to another phase.
fn draft(deployment: &Deployment, status: &DeploymentStatus) -> EventDraft {
    let (name, profile) = (&deployment.metadata.name, &deployment.spec.profile);
    let (severity, words) = match status.phase {
        DeploymentPhase::Stopped => {
            let reason = status.reason.as_deref().unwrap_or_default();
            (Severity::Warning, format!("deployment {name} is stopped: {reason}"))
        }
        DeploymentPhase::Booted => {
            (Severity::Info, format!("deployment {name}: all that profile {profile} boots was fetched"))
        }
        DeploymentPhase::Waiting | DeploymentPhase::Booting => {
            (Severity::Info, format!("deployment {name}: the script of profile {profile} was read"))
        }
    };
    EventDraft::new(EventKind::DeploymentChanged, severity, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployed(version: u64) -> Deployed {
        Deployed { deployment: "d".parse().unwrap(), version, host: "h".parse().unwrap() }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn waiting(progress: &Progress) -> Vec<BootProgress> {
        let waiting = std::mem::take(&mut progress.lock().waiting);
        waiting.into_values().flat_map(|waiting| waiting.steps).collect()
    }

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);

    #[test]
    fn a_script_counts_when_it_was_read_and_once_for_a_boot() {
        let progress = Progress::new();
        let ask = || {
            let outcome = Some(Outcome::Boots(deployed(1)));
            progress.asked(ADDRESS, Some(MAC), "boot.ipxe", outcome);
        };
        ask();
        assert_eq!(waiting(&progress), [], "it is not read yet");
        assert_eq!(progress.rival(&deployed(1).host, at(0)), None);
        progress.sent(ADDRESS, "other", at(0));
        assert_eq!(waiting(&progress), []);
        progress.sent(ADDRESS, "boot.ipxe", at(1));
        progress.sent(ADDRESS, "boot.ipxe", at(1));
        assert_eq!(waiting(&progress), [BootProgress::Script]);
        assert_eq!(progress.rival(&deployed(1).host, at(30)), Some(MAC));
        assert_eq!(progress.rival(&deployed(1).host, at(90)), None);
        ask();
        progress.sent(ADDRESS, "boot.ipxe", at(3));
        assert_eq!(waiting(&progress), [], "the same boot");
        ask();
        progress.sent(ADDRESS, "boot.ipxe", at(301));
        assert_eq!(waiting(&progress), [BootProgress::Script]);
        let told = Outcome::Told(BootState::Dismissed, "waits".to_owned());
        progress.asked(ADDRESS, Some(MAC), "boot.ipxe", Some(told));
        let told = progress.sent(ADDRESS, "boot.ipxe", at(303));
        assert_eq!(told, Some((BootState::Dismissed, "waits".to_owned())));
        assert_eq!(progress.sent(ADDRESS, "boot.ipxe", at(303)), None);
    }

    #[test]
    fn parts_of_the_last_file_add_up_and_fetched_is_never_left_out() {
        let progress = Progress::new();
        let part = |bytes, broken, length| {
            let part = Arrived { bytes, length, broken };
            progress.arrived(ADDRESS, "media/a/initrd".to_owned(), &part, deployed(1));
            waiting(&progress)
        };
        let arrive = |bytes| part(bytes, false, 10);
        assert_eq!((arrive(0..4), arrive(4..8)), (vec![], vec![]));
        assert_eq!((arrive(0..4), arrive(2..8)), (vec![], vec![]), "the same bytes once more");
        assert_eq!(arrive(8..10), [BootProgress::Fetched]);
        assert_eq!(arrive(1..10), [], "it begins anew");
        assert_eq!(part(0..10, true, 10), [], "nobody knows what arrived of it");
        assert_eq!(arrive(9..10), [BootProgress::Fetched]);
        assert_eq!((arrive(0..6), part(6..12, false, 12)), (vec![], vec![]), "the medium was replaced");
        assert_eq!(part(0..6, false, 12), [BootProgress::Fetched]);
        let mut inner = progress.lock();
        for _ in 0..100 {
            inner.add(deployed(2), BootProgress::Script);
        }
        inner.add(deployed(1), BootProgress::Script);
        inner.add(deployed(2), BootProgress::Fetched);
        let steps = &inner.waiting.values().next().unwrap().steps;
        assert_eq!((steps.len(), steps.last()), (MOST_STEPS + 1, Some(&BootProgress::Fetched)));
    }
}
