//! What is deployed to which host, for the lanes: read again whenever a resource changes here, and now and then since other
//! servers change them too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ironhand_api::{Deployment, DeploymentSpec, Kind, Metadata, Name};
use ironhand_model::DeploymentSeen;
use ironhand_store::{ListQuery, Store, StoreError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::changes::Changes;
use crate::clock;
use crate::device::DeviceError;
use crate::http::chain;

/// How often it is looked whether another server has changed one.
const LOOK: Duration = Duration::from_secs(10);

/// What is deployed, by host; nothing before it was read.
type Table = Option<Arc<BTreeMap<Name, DeploymentSeen>>>;

/// What is deployed to which host; cheap to clone.
#[derive(Clone)]
pub(crate) struct Deployments {
    store: Store,
    changes: Changes,
    table: watch::Sender<Table>,
}

impl Deployments {
    pub(crate) fn new(store: Store, changes: Changes) -> Self {
        Self { store, changes, table: watch::Sender::new(None) }
    }

    /// What is deployed, as it changes.
    pub(crate) fn follow(&self) -> DeploymentWatch {
        let mut table = self.table.subscribe();
        // What is known already is news to who begins to follow.
        table.mark_changed();
        DeploymentWatch { table, last: None }
    }

    /// Keeps it as the records are, until `stop` is cancelled.
    pub(crate) async fn keep(self, stop: CancellationToken) {
        let mut changed = self.changes.follow();
        loop {
            if let Err(error) = self.read().await {
                tracing::error!(error = %chain(&error), "deployments are as they were known before: the store failed");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                told = changed.changed() => if told.is_err() { return },
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn read(&self) -> Result<(), StoreError> {
        let all = self.store.list::<Deployment>(&ListQuery::default()).await?.items;
        let table: BTreeMap<_, _> =
            all.iter().map(|one| (one.spec.host.clone(), DeploymentSeen::from(one))).collect();
        self.table.send_if_modified(|kept| {
            let differs = kept.as_deref() != Some(&table);
            if differs {
                *kept = Some(Arc::new(table));
            }
            differs
        });
        Ok(())
    }

    /// Deploys something to a host: in the place of what was deployed there, under its name; else under the name of the
    /// host. What was asked for in the same words is the same deployment, however far it came.
    pub(crate) async fn deploy(&self, spec: DeploymentSpec) -> Result<DeploymentSeen, DeviceError> {
        let not_stored = |error: StoreError| match error {
            StoreError::Conflict { .. }
            | StoreError::MissingReference { .. }
            | StoreError::Taken { .. }
            | StoreError::NotFound { .. } => DeviceError::NotDeployed { reason: error.to_string() },
            error => DeviceError::not_stored(&error),
        };
        let all = self.store.list::<Deployment>(&ListQuery::default()).await.map_err(not_stored)?.items;
        let metadata = match all.into_iter().find(|one| one.spec.host == spec.host) {
            Some(kept) => kept.metadata,
            None => {
                let name = spec.host.clone();
                if let Some(other) = self.store.get::<Deployment>(&name).await.map_err(not_stored)? {
                    let host = &other.spec.host;
                    let reason =
                        format!("{} {name} is there already, and deploys to {host}", Kind::Deployment);
                    return Err(DeviceError::NotDeployed { reason });
                }
                Metadata::named(name)
            }
        };
        let wanted = Deployment { metadata, spec, status: None };
        let applied = self.store.apply(wanted, clock::now()).await.map_err(not_stored)?;
        self.changes.note();
        Ok(DeploymentSeen::from(&applied.resource))
    }
}

/// What is deployed to one host, as it changes.
pub(crate) struct DeploymentWatch {
    table: watch::Receiver<Table>,
    last: Option<Option<DeploymentSeen>>,
}

impl DeploymentWatch {
    /// What is deployed to a host, once that is something else than it was. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self, host: &Name) -> Option<DeploymentSeen> {
        loop {
            if self.table.changed().await.is_err() {
                return std::future::pending().await;
            }
            let seen = match &*self.table.borrow() {
                Some(table) => table.get(host).cloned(),
                None => continue,
            };
            if self.last.as_ref() != Some(&seen) {
                self.last = Some(seen.clone());
                return seen;
            }
        }
    }
}
