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

use crate::credentials::BackOff;
use crate::lane::{Ending, Lane, LaneHandle, Tools, ports};
use crate::ownership::Held;
use crate::screen::Shot;
use crate::{Settings, clock};

/// The first wait before a lane that panicked begins anew; doubles up to [`LONGEST_REST`].
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(300);

/// How long a server holds its hosts that nobody else works beside.
const ALONE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

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
    stop: CancellationToken,
    lanes: Mutex<BTreeMap<Name, Slot>>,
}

struct Slot {
    handle: LaneHandle,
    retire: CancellationToken,
    task: JoinHandle<()>,
}

impl Fleet {
    /// A fleet without hosts. Lanes end when `stop` is cancelled.
    pub(crate) fn new(
        tools: Tools,
        defaults: Settings,
        site: watch::Sender<Arc<Site>>,
        stop: CancellationToken,
    ) -> Self {
        Self { inner: Arc::new(Inner { tools, defaults, site, stop, lanes: Mutex::default() }) }
    }

    /// Starts the lane of a host where an earlier one ended.
    pub(crate) fn start(&self, host: Host, state: HostState) {
        let status = host.status.clone().unwrap_or_else(|| unseen(&state));
        let (handle, ports) = ports(status);
        let name = host.metadata.name.clone();
        let ending = Ending { stop: self.inner.stop.clone(), retire: CancellationToken::new() };
        let retire = ending.retire.clone();
        let tools = self.inner.tools.clone();
        let store = tools.store.clone();
        // One lane at a time has them: the next one when its predecessor is gone.
        let ports = Arc::new(tokio::sync::Mutex::new(ports));
        let held = Held::new(None, Instant::now() + ALONE);
        let work = {
            let ending = ending.clone();
            move |host, state| -> BoxFuture<'static, ()> {
                let (ports, ending) = (Arc::clone(&ports), ending.clone());
                let lane = Lane::new(host, state, held.clone(), tools.clone());
                Box::pin(async move { lane.run(&mut *ports.lock().await, ending).await })
            }
        };
        let task = tokio::spawn(async move { keep(host, state, &store, &ending, FIRST_REST, work).await });
        self.lanes().insert(name, Slot { handle, retire, task });
    }

    /// A host was applied: its lane is told, or started.
    pub(crate) async fn apply(&self, host: Host) {
        match self.lane(&host.metadata.name) {
            Some(lane) => lane.reconfigure(host).await,
            None => self.start(host, HostState::default()),
        }
    }

    /// A host was deleted: when this returns, nothing touches it any more.
    pub(crate) async fn remove(&self, name: &Name) {
        let slot = self.lanes().remove(name);
        if let Some(slot) = slot {
            slot.retire.cancel();
            // An error means that the lane panicked at its end, which changes nothing.
            let _ = slot.task.await;
        }
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

    /// The lane of a host.
    pub(crate) fn lane(&self, name: &Name) -> Option<LaneHandle> {
        self.lanes().get(name).map(|slot| slot.handle.clone())
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
    mut host: Host,
    mut state: HostState,
    store: &Store,
    ending: &Ending,
    first_rest: Duration,
    mut work: impl FnMut(Host, HostState) -> BoxFuture<'static, ()>,
) {
    let name = host.metadata.name.clone();
    let mut back_off = BackOff::new(first_rest, LONGEST_REST);
    loop {
        let Err(panic) = AssertUnwindSafe(work(host.clone(), state.clone())).catch_unwind().await else {
            return;
        };
        let rest = back_off.failed();
        tracing::error!(host = %name, error = words(&*panic), "the lane failed and begins anew");
        let message =
            format!("the work on the host failed inside Ironhand and begins anew in {} s", rest.as_secs());
        let mut record = Record::of(name.clone(), clock::now());
        record.events.push(EventDraft::new(EventKind::LaneFailed, Severity::Critical, message));
        if let Err(error) = store.record(record).await {
            tracing::error!(host = %name, %error, "the failure of a lane was not recorded");
        }
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = ending.stop.cancelled() => return,
            () = ending.retire.cancelled() => return,
        }
        // What the lane knew is lost with it; what it had made durable is not.
        if let Ok(snapshot) = store.load().await {
            host = snapshot.hosts.into_iter().find(|kept| kept.metadata.name == name).unwrap_or(host);
            state = snapshot.states.get(&name).cloned().unwrap_or_default();
        }
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
            move |_, _| -> BoxFuture<'static, ()> {
                let turn = begun.fetch_add(1, Ordering::Relaxed);
                Box::pin(async move { assert!(turn == 2, "fault {turn}") })
            }
        };
        keep(host, HostState::default(), &store, &ending, Duration::ZERO, work).await;
        assert_eq!(begun.load(Ordering::Relaxed), 3);
        let told = store.events_after(1, 10, None).await.unwrap();
        let kinds: Vec<_> = told.iter().map(|event| (event.kind, event.severity)).collect();
        assert_eq!(kinds, [(EventKind::LaneFailed, Severity::Critical); 2]);
    }
}
