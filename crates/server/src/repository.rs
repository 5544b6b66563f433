//! Following Git repositories of manifests: a task for each.
//!
//! Each task looks at its repository from time to time, or when it is asked to, and applies a new commit whole or not at
//! all: every manifest is read and checked as `ironhand apply` does it, and one transaction makes what stands on the
//! server what the commit says. A commit with a fault changes nothing, and the one before stays in force.

mod apply;
mod gather;
mod git;
mod look;
mod signature;
mod task;
mod tree;
mod webhook;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ironhand_api::{Metadata, Name, Repository};
use ironhand_store::{ListQuery, StoreError};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::task::Task;
use crate::notify::Holder;

pub(crate) use apply::Hands;
pub use gather::manifest_faults;
pub(crate) use webhook::{Judged, Knocks};

/// Below the data directory: what was fetched, one bare repository for each.
const FOLDER: &str = "repositories";

/// What repositories may be followed, and what their manifests may refer to.
#[derive(Clone, Debug, Default)]
pub struct RepositoryAccess {
    /// The folder in which secrets lie that manifests of repositories refer to by `fromFile`; none may be referred to
    /// where it is absent.
    pub secrets: Option<PathBuf>,
    /// Whether repositories of this machine may be followed (`file://`): whoever may apply a Repository could otherwise
    /// read what only the server's user may.
    pub local: bool,
}

/// The tasks of all repositories; cheap to clone.
#[derive(Clone)]
pub(crate) struct Repositories {
    inner: Arc<Inner>,
}

struct Inner {
    hands: Hands,
    access: RepositoryAccess,
    holder: Holder,
    folder: PathBuf,
    stop: CancellationToken,
    tasks: Mutex<BTreeMap<Name, Slot>>,
    knocks: Knocks,
}

struct Slot {
    /// The version of the resource that the task works by.
    version: Option<u64>,
    stop: CancellationToken,
    wake: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Repositories {
    /// No tasks yet. They end when `stop` is cancelled.
    pub(crate) fn new(
        hands: Hands,
        access: RepositoryAccess,
        holder: Holder,
        data_dir: &std::path::Path,
        stop: CancellationToken,
    ) -> Self {
        let folder = data_dir.join(FOLDER);
        let (tasks, knocks) = (Mutex::default(), Knocks::default());
        Self { inner: Arc::new(Inner { hands, access, holder, folder, stop, tasks, knocks }) }
    }

    /// Goes on with every repository where it was left. Those that are fetched wait for no one who starts the server.
    pub(crate) async fn start(&self) -> Result<(), StoreError> {
        let kept = self.inner.hands.store.list::<Repository>(&ListQuery::default()).await?;
        for repository in kept.items {
            self.apply(repository).await;
        }
        Ok(())
    }

    /// A repository was applied: it is looked at anew.
    pub(crate) async fn apply(&self, repository: Repository) {
        let name = repository.metadata.name.clone();
        self.end(&name).await;
        let Inner { hands, access, holder, folder, stop, .. } = &*self.inner;
        let (stop, wake) = (stop.child_token(), Arc::new(Notify::new()));
        let version = repository.metadata.resource_version;
        let task = Task::new(
            repository,
            hands.clone(),
            access.clone(),
            holder.clone(),
            folder.clone(),
            Arc::clone(&wake),
        );
        let task = tokio::spawn(task.run(stop.clone()));
        self.tasks().insert(name, Slot { version, stop, wake, task });
    }

    /// Another server has changed something: tasks are begun, begun anew and ended as the store says.
    pub(crate) async fn reconcile(&self) -> Result<(), StoreError> {
        let kept = self.inner.hands.store.list::<Repository>(&ListQuery::default()).await?.items;
        let known: BTreeMap<Name, Option<u64>> =
            self.tasks().iter().map(|(name, slot)| (name.clone(), slot.version)).collect();
        for name in known.keys().filter(|name| kept.iter().all(|one| one.metadata.name != **name)) {
            self.end(name).await;
        }
        for repository in kept {
            let Metadata { name, resource_version, .. } = &repository.metadata;
            if known.get(name) != Some(resource_version) {
                self.apply(repository).await;
            }
        }
        Ok(())
    }

    /// A repository was deleted: when this returns, nothing more is applied from it.
    pub(crate) async fn end(&self, name: &Name) {
        let slot = self.tasks().remove(name);
        if let Some(slot) = slot {
            slot.stop.cancel();
            // An error means that the task panicked, which ends it as well.
            let _ = slot.task.await;
        }
    }

    /// Has a repository looked at, by whichever server follows it. Returns the number of the request.
    pub(crate) async fn want(&self, name: &Name) -> Result<u64, StoreError> {
        let ticket = self.inner.hands.store.want_repository(name).await?;
        if let Some(slot) = self.tasks().get(name) {
            slot.wake.notify_one();
        }
        Ok(ticket)
    }

    /// What became of the requests to webhooks.
    pub(crate) fn knocks(&self) -> &Knocks {
        &self.inner.knocks
    }

    /// Waits until all tasks have ended.
    pub(crate) async fn ended(&self) {
        let slots = std::mem::take(&mut *self.tasks());
        for (_, slot) in slots {
            // As above.
            let _ = slot.task.await;
        }
    }

    fn tasks(&self) -> MutexGuard<'_, BTreeMap<Name, Slot>> {
        self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
