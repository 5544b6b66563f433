//! Telling people and programs what happens: a task for each notifier.
//!
//! Each task follows the stored events at its receiver's pace, so that a slow or dead receiver holds up nobody, takes
//! no memory beyond a page of events, and misses nothing: not over its own absence, and not over a restart of the
//! server. Events are told in order and at least once; each keeps its id however often it is sent.

mod course;
mod error;
mod filter;
mod follow;
mod hold;
mod http;
mod letter;
mod mail;
mod sign;
mod socket;
mod template;
mod way;
mod webhook;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ironhand_api::{
    Event, EventKind, Host, Metadata, Name, Notifier, NotifierReport, NotifierSpec, Severity,
};
use ironhand_store::{Delivery, EventDraft, ListQuery, Store, StoreError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::follow::Follower;
use self::hold::Hold;
use self::letter::{Letter, Told};
use self::template::HostShown;
use self::way::Way;
use crate::clock;

pub(crate) use error::NotifyError;
pub(crate) use hold::Holder;

/// The tasks of all notifiers; cheap to clone.
#[derive(Clone)]
pub(crate) struct Notifiers {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    holder: Holder,
    /// What this machine calls itself.
    node: String,
    stop: CancellationToken,
    tasks: Mutex<BTreeMap<Name, Slot>>,
}

struct Slot {
    /// The version of the resource that the task works by.
    version: Option<u64>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// What in a manifest cannot be: templates, URLs, addresses.
pub(crate) fn faults(spec: &NotifierSpec) -> Vec<String> {
    Way::faults(spec)
}

/// What CloudEvents call the server: a URI reference, after the machine that it runs on.
pub(crate) fn source() -> String {
    format!("/ironhand/{}", node())
}

/// What this machine calls itself, as far as it can stand in a mail address.
fn node() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let sound = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let name: String = name.chars().filter(|&c| sound(c)).collect();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

impl Notifiers {
    /// No tasks yet. They end when `stop` is cancelled.
    pub(crate) fn new(store: Store, holder: Holder, stop: CancellationToken) -> Self {
        Self { inner: Arc::new(Inner { store, holder, node: node(), stop, tasks: Mutex::default() }) }
    }

    /// Goes on with every notifier where it was left.
    pub(crate) async fn start(&self) -> Result<(), StoreError> {
        let kept = self.inner.store.list::<Notifier>(&ListQuery::default()).await?;
        for notifier in kept.items {
            self.apply(notifier).await?;
        }
        Ok(())
    }

    /// A notifier was applied: when this returns it is told of all that happens from now on, and one that was there
    /// before goes on where it was, at once.
    pub(crate) async fn apply(&self, notifier: Notifier) -> Result<(), StoreError> {
        let Inner { store, holder, node, stop, .. } = &*self.inner;
        let name = notifier.metadata.name.clone();
        self.end(&name).await;
        let kept = match store.delivery(&name).await? {
            Some(kept) => kept,
            None => {
                let told_event = store.newest_event().await?;
                let new = Delivery {
                    notifier: name.clone(),
                    told_event,
                    failing_since: None,
                    attempts: 0,
                    last_error: None,
                };
                store.put_delivery(&new).await?;
                new
            }
        };
        let way = match Way::new(&notifier, &source(), node) {
            Ok(way) => way,
            Err(error) => {
                // Manifests are checked before they are kept: this one was kept by another release.
                tracing::error!(notifier = %name, %error, "the notifier cannot be used; apply it anew");
                return Ok(());
            }
        };
        let (version, stop) = (notifier.metadata.resource_version, stop.child_token());
        let hold = Hold::new(store.clone(), name.clone(), holder.clone());
        let follower = Follower::new(store.clone(), notifier, way, kept, hold, stop.clone());
        let task = tokio::spawn(follower.run());
        self.tasks().insert(name, Slot { version, stop, task });
        Ok(())
    }

    /// Another server has changed something: tasks are begun, begun anew and ended as the store says.
    pub(crate) async fn reconcile(&self) -> Result<(), StoreError> {
        let kept = self.inner.store.list::<Notifier>(&ListQuery::default()).await?.items;
        let known: BTreeMap<Name, Option<u64>> =
            self.tasks().iter().map(|(name, slot)| (name.clone(), slot.version)).collect();
        for name in known.keys().filter(|name| kept.iter().all(|one| one.metadata.name != **name)) {
            self.end(name).await;
        }
        for notifier in kept {
            let Metadata { name, resource_version, .. } = &notifier.metadata;
            if known.get(name) != Some(resource_version) {
                self.apply(notifier).await?;
            }
        }
        Ok(())
    }

    /// A notifier was deleted: when this returns, nothing more is sent to it.
    pub(crate) async fn end(&self, name: &Name) {
        let slot = self.tasks().remove(name);
        if let Some(slot) = slot {
            slot.stop.cancel();
            // An error means that the task panicked, which ends it as well.
            let _ = slot.task.await;
        }
    }

    /// Waits until all tasks have ended.
    pub(crate) async fn ended(&self) {
        let slots = std::mem::take(&mut *self.tasks());
        for (_, slot) in slots {
            // As above.
            let _ = slot.task.await;
        }
    }

    /// Tells a notifier an event of its own, now, whatever waits for it.
    pub(crate) async fn test(&self, notifier: &Notifier) -> Result<NotifierReport, NotifyError> {
        let Inner { store, node, .. } = &*self.inner;
        let name = &notifier.metadata.name;
        let mut way = Way::new(notifier, &source(), node)?;
        let message = format!("{}is tested", filter::about(name));
        let draft = EventDraft::new(EventKind::NotifierTested, Severity::Info, message);
        let event: Event = store.note(draft, clock::now()).await?;
        let id = event.id;
        let told = [Told { event, host: self.sample(notifier).await? }];
        if told[0].host.is_some() {
            way.pen().check(&told[0])?;
        }
        let letter = Letter { id: format!("{name}-test-{id}-{}", clock::now().as_millis()), told: &told };
        let begun = Instant::now();
        let detail = way.tell(store, &letter).await?;
        Ok(NotifierReport { event: id, detail, took: begun.elapsed() })
    }

    /// Some host that the notifier is told of, to try its templates on; none where there is none.
    async fn sample(&self, notifier: &Notifier) -> Result<Option<HostShown>, StoreError> {
        let labels = &notifier.spec.select.labels;
        let conditions: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        // Labels that cannot stand in a selector select no sample.
        let Ok(selector) = conditions.join(",").parse() else { return Ok(None) };
        let query = ListQuery { selector, limit: Some(1), next: None };
        let found = self.inner.store.list::<Host>(&query).await?.items.into_iter().next();
        Ok(found.map(|host| HostShown { name: host.metadata.name, labels: host.metadata.labels }))
    }

    fn tasks(&self) -> MutexGuard<'_, BTreeMap<Name, Slot>> {
        // Nothing in here panics while the map is half changed.
        self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
