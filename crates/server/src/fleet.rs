//! All lanes: started, told, ended, and begun anew where one panics.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ironhand_api::{EventKind, Health, Host, HostStatus, Name, PictureDigest, Severity};
use ironhand_model::Site;
use ironhand_store::{EventDraft, HostState, Record, SiteSnapshot, Store, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::boot::KnownHosts;
use crate::brake::Brake;
use crate::credentials::BackOff;
use crate::entrance::Entrance;
use crate::lane::{Ending, Lane, LaneHandle, Tools, ports};
use crate::ownership::{Held, Leases, NotOwner, Taken};
use crate::rotation::Turns;
use crate::screen::Shot;
use crate::{Settings, clock, console};

/// The first wait before a lane that panicked begins anew; doubles up to [`LONGEST_REST`].
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(300);

/// All lanes; cheap to clone.
#[derive(Clone)]
pub(crate) struct Fleet {
    inner: Arc<Inner>,
}

struct Inner {
    tools: Tools,
    /// What the server was started with.
    defaults: Settings,
    site: watch::Sender<Arc<Site>>,
    leases: Leases,
    stop: CancellationToken,
    lanes: Mutex<BTreeMap<Name, Slot>>,
    known: Arc<KnownHosts>,
}

struct Slot {
    handle: LaneHandle,
    held: Held,
    /// The version of the manifest that the lane was told of last.
    version: Option<u64>,
    retire: CancellationToken,
    task: JoinHandle<()>,
}

impl Fleet {
    /// A fleet without hosts. Lanes end when `stop` is cancelled.
    pub(crate) fn new(
        tools: Tools,
        defaults: Settings,
        site: watch::Sender<Arc<Site>>,
        leases: Leases,
        stop: CancellationToken,
    ) -> Self {
        let (lanes, known) = (Mutex::default(), Arc::default());
        Self { inner: Arc::new(Inner { tools, defaults, site, leases, stop, lanes, known }) }
    }

    /// Starts the lane of a host where an earlier one, of this server or another, ended.
    pub(crate) fn start(&self, taken: Taken) {
        if self.inner.stop.is_cancelled() {
            return;
        }
        let Taken { host, state, held, .. } = &taken;
        let mut status = host.status.clone().unwrap_or_else(|| unseen(state));
        status.owner = Some(held.owner().to_owned());
        let (handle, ports) = ports(status);
        let (name, version, held) =
            (host.metadata.name.clone(), host.metadata.resource_version, held.clone());
        let ending = Ending { stop: self.inner.stop.clone(), retire: CancellationToken::new() };
        let retire = ending.retire.clone();
        let tools = self.inner.tools.clone();
        tools.brake.join(host);
        let store = tools.store.clone();
        // One lane at a time has them: the next one when its predecessor is gone.
        let ports = Arc::new(tokio::sync::Mutex::new(ports));
        let work = {
            let ending = ending.clone();
            move |taken: Box<Taken>| -> BoxFuture<'static, ()> {
                let (ports, ending) = (Arc::clone(&ports), ending.clone());
                // Boxed: a lane is moved where it begins, and a future keeps room for each place that it passed.
                let lane = Box::new(Lane::new(*taken, tools.clone()));
                Box::pin(async move { lane.run(&mut *ports.lock().await, ending).await })
            }
        };
        let taken = Box::new(taken);
        let task = tokio::spawn(async move { keep(taken, &store, &ending, FIRST_REST, work).await });
        self.lanes().insert(name, Slot { handle, held, version, retire, task });
    }

    /// A host was applied: its lane is told, or started, unless the host belongs to another server.
    ///
    /// # Errors
    ///
    /// Where the store fails. The host is taken up later then.
    pub(crate) async fn apply(&self, host: Host) -> Result<(), StoreError> {
        self.inner.known.put(&host);
        if !self.inner.leases.works() {
            return Ok(());
        }
        let name = &host.metadata.name;
        let entered = self.inner.leases.entered().await;
        let Some(lane) = self.lane_to_tell(&host) else {
            if self.lane(name).is_none()
                && let Ok(held) = self.inner.leases.take(name).await?
                && let Some(taken) = self.inner.leases.take_up(name, held).await?
            {
                self.start(taken);
            }
            return Ok(());
        };
        drop(entered);
        self.inner.tools.brake.join(&host);
        lane.reconfigure(host).await;
        Ok(())
    }

    /// The lane of a host, where it does not know this version of the manifest yet.
    fn lane_to_tell(&self, host: &Host) -> Option<LaneHandle> {
        let mut lanes = self.lanes();
        let slot = lanes.get_mut(&host.metadata.name)?;
        let version = host.metadata.resource_version;
        if slot.version == version && version.is_some() {
            return None;
        }
        slot.version = version;
        Some(slot.handle.clone())
    }

    /// A host was deleted: when this returns, nothing touches it any more.
    pub(crate) async fn remove(&self, name: &Name) {
        self.inner.known.forget(name);
        let slot = self.lanes().remove(name);
        self.inner.tools.brake.leave(name);
        if let Some(slot) = slot {
            slot.retire.cancel();
            // An error means that the lane panicked at its end, which changes nothing.
            let _ = slot.task.await;
        }
    }

    /// A host is no longer this server's: its lane ends where it is, and stores nothing more. When this returns, nothing
    /// touches the host any more.
    pub(crate) async fn lose(&self, name: &Name) {
        let slot = self.lanes().remove(name);
        self.inner.tools.brake.leave(name);
        if let Some(slot) = slot {
            slot.task.abort();
            // An error says that it was cut off, or had panicked.
            let _ = slot.task.await;
        }
    }

    /// The holds under which lanes work.
    pub(crate) fn held(&self) -> Vec<(Name, Held)> {
        self.lanes().iter().map(|(name, slot)| (name.clone(), slot.held.clone())).collect()
    }

    /// When the first of the holds ends, unless it is renewed.
    pub(crate) fn first_end(&self) -> Option<Instant> {
        self.lanes().values().map(|slot| slot.held.until()).min()
    }

    /// The hosts by their hardware addresses, as manifests have them now.
    pub(crate) fn known(&self) -> &Arc<KnownHosts> {
        &self.inner.known
    }

    /// The leases of this server.
    pub(crate) fn leases(&self) -> &Leases {
        &self.inner.leases
    }

    /// The store that all lanes share.
    pub(crate) fn store(&self) -> &Store {
        &self.inner.tools.store
    }

    /// Why there is no lane of a host that exists.
    ///
    /// # Errors
    ///
    /// Where the store fails.
    pub(crate) async fn elsewhere(&self, name: &Name) -> Result<NotOwner, StoreError> {
        self.inner.leases.elsewhere(name).await
    }

    /// What is said above hosts changed: every lane is told the terms that hold for its host now.
    pub(crate) async fn govern(&self) -> Result<(), StoreError> {
        let said = self.inner.tools.store.site().await?;
        let SiteSnapshot { settings, zones, clusters, administration } = said;
        let defaults = self.inner.defaults;
        let site = Site::new(defaults, settings, zones, clusters, administration);
        self.inner.site.send_replace(Arc::new(site));
        Ok(())
    }

    /// What is said above hosts, now.
    pub(crate) fn site(&self) -> Arc<Site> {
        Arc::clone(&self.inner.site.borrow())
    }

    /// A credential changed, or is gone.
    pub(crate) async fn credential_changed(&self, name: &Name) {
        let lanes: Vec<_> = self.lanes().values().map(|slot| slot.handle.clone()).collect();
        for lane in lanes {
            lane.credential_changed(name.clone()).await;
        }
    }

    /// The brake on what is done without a person.
    pub(crate) fn brake(&self) -> &Brake {
        &self.inner.tools.brake
    }

    /// How many passwords are changed at the same time.
    pub(crate) fn turns(&self) -> &Turns {
        &self.inner.tools.turns
    }

    /// The lane of a host.
    pub(crate) fn lane(&self, name: &Name) -> Option<LaneHandle> {
        self.lanes().get(name).map(|slot| slot.handle.clone())
    }

    /// What is known of each host of this server.
    pub(crate) fn statuses(&self) -> Vec<HostStatus> {
        self.lanes().values().map(|slot| slot.handle.status()).collect()
    }

    /// The connectors that give the serial console of a host, to be opened.
    pub(crate) fn console_entrances(&self, host: &Host) -> Vec<Entrance> {
        let settings = self.site().terms(host).settings;
        console::entrances(host, &self.inner.tools, &settings)
    }

    /// The picture of the last look at some screen.
    pub(crate) fn shot(&self, digest: &PictureDigest) -> Option<Arc<Shot>> {
        self.lanes().values().find_map(|slot| slot.handle.shot(digest))
    }

    /// Waits until every lane has ended.
    pub(crate) async fn ended(&self) {
        let slots = std::mem::take(&mut *self.lanes());
        for (_, slot) in slots {
            // As above.
            let _ = slot.task.await;
        }
    }

    fn lanes(&self) -> MutexGuard<'_, BTreeMap<Name, Slot>> {
        // Nothing in here panics while the map is half changed.
        self.inner.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The status of a host that nothing was observed of yet.
fn unseen(state: &HostState) -> HostStatus {
    state.facts.status(Health::Well, None, None)
}

/// Does the `work` on a host, and begins it anew where it panics: a fault in the work on one host is a condition of
/// that host, not the end of the process.
async fn keep(
    taken: Box<Taken>,
    store: &Store,
    ending: &Ending,
    first_rest: Duration,
    mut work: impl FnMut(Box<Taken>) -> BoxFuture<'static, ()>,
) {
    let (name, held) = (taken.host.metadata.name.clone(), taken.held.clone());
    let mut back_off = BackOff::new(first_rest, LONGEST_REST);
    let mut taken = Some(taken);
    loop {
        if let Some(taken) = taken.take() {
            let Err(panic) = AssertUnwindSafe(work(taken)).catch_unwind().await else { return };
            // Boxed, like what follows: most lanes never fail, and must not hold the room for it.
            Box::pin(tell(&name, &held, store, words(&*panic), back_off.peek())).await;
        }
        tokio::select! {
            () = tokio::time::sleep(back_off.failed()) => {}
            () = ending.stop.cancelled() => return,
            () = ending.retire.cancelled() => return,
        }
        // What the lane knew is lost with it; what it had made durable is not.
        taken = match Box::pin(store.host(&name)).await {
            Ok(Some((host, state, jobs))) => Some(Box::new(Taken { host, state, jobs, held: held.clone() })),
            // It was deleted, and nobody had a lane to tell.
            Ok(None) => return,
            Err(error) => {
                tracing::error!(host = %name, %error, "a lane that failed does not begin anew: the store failed");
                None
            }
        };
    }
}

/// Tells that the work on a host failed, and when it begins anew.
async fn tell(name: &Name, held: &Held, store: &Store, words: &str, rest: Duration) {
    tracing::error!(host = %name, error = words, "the lane failed and begins anew");
    let message =
        format!("the work on the host failed inside Ironhand and begins anew in {} s", rest.as_secs());
    let mut record = Record::of(name.clone(), clock::now());
    record.token = held.token();
    record.events.push(EventDraft::new(EventKind::LaneFailed, Severity::Critical, message));
    if let Err(error) = store.record(record).await {
        tracing::error!(host = %name, %error, "the failure of a lane was not recorded");
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without words")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ironhand_store::KeySource;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn a_panic_is_told_as_an_event_and_the_work_begins_anew() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), KeySource::File).await.unwrap();
        let host: Host =
            serde_json::from_str(r#"{"metadata":{"name":"h"},"spec":{"connectors":[]}}"#).unwrap();
        store.apply(host.clone(), clock::now()).await.unwrap();
        let ending = Ending { stop: CancellationToken::new(), retire: CancellationToken::new() };
        let begun = Arc::new(AtomicU32::new(0));
        let work = {
            let begun = Arc::clone(&begun);
            move |_| -> BoxFuture<'static, ()> {
                let turn = begun.fetch_add(1, Ordering::Relaxed);
                Box::pin(async move { assert!(turn == 2, "fault {turn}") })
            }
        };
        let lease =
            store.acquire_lease("a", &"h".parse().unwrap(), clock::now(), Duration::from_secs(60)).await;
        let held = Held::new("a".into(), lease.unwrap().token, Instant::now() + Duration::from_secs(60));
        let taken = Taken { host, state: HostState::default(), jobs: Vec::new(), held };
        keep(Box::new(taken), &store, &ending, Duration::ZERO, work).await;
        assert_eq!(begun.load(Ordering::Relaxed), 3);
        let told = store.events_after(1, 10, None).await.unwrap();
        let kinds: Vec<_> = told.iter().map(|event| (event.kind, event.severity)).collect();
        assert_eq!(kinds, [(EventKind::LaneFailed, Severity::Critical); 2]);
    }
}
