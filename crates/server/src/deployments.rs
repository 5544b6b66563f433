//! What is deployed to which host, for the lanes: as the view has it that machines are answered from.

use ironhand_api::{Deployment, DeploymentSpec, Kind, Metadata, Name};
use ironhand_model::DeploymentSeen;
use ironhand_store::{ListQuery, Store, StoreError};
use tokio::sync::watch;

use crate::changes::Changes;
use crate::clock;
use crate::device::DeviceError;
use crate::views::Views;

/// What is deployed to which host; cheap to clone.
#[derive(Clone)]
pub(crate) struct Deployments {
    store: Store,
    changes: Changes,
    views: Views,
}

impl Deployments {
    pub(crate) const fn new(store: Store, changes: Changes, views: Views) -> Self {
        Self { store, changes, views }
    }

    /// What is deployed, as it changes.
    pub(crate) fn follow(&self) -> DeploymentWatch {
        let mut changed = self.views.follow_deployments();
        // What is known already is news to who begins to follow.
        changed.mark_changed();
        DeploymentWatch { views: self.views.clone(), changed, last: None }
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
        self.changes.note_deployments();
        Ok(DeploymentSeen::from(&applied.resource))
    }
}

/// What is deployed to one host, as it changes.
pub(crate) struct DeploymentWatch {
    views: Views,
    changed: watch::Receiver<()>,
    last: Option<Option<DeploymentSeen>>,
}

impl DeploymentWatch {
    /// What is deployed to a host, once that is something else than it was. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self, host: &Name) -> Option<DeploymentSeen> {
        loop {
            if self.changed.changed().await.is_err() {
                return std::future::pending().await;
            }
            let seen = self.views.now().deployment(host).map(DeploymentSeen::from);
            if self.last.as_ref() != Some(&seen) {
                self.last = Some(seen.clone());
                return seen;
            }
        }
    }
}
