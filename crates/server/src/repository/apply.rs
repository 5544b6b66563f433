//! Making what stands on the server what a commit says, and telling those who work by it.

use ironhand_api::{Flow, Kind, Manifest};
use ironhand_store::{FollowedChange, ListQuery, Outcome, Store, StoreError};

use crate::catalog::Catalog;
use crate::changes::Changes;
use crate::clock;
use crate::fleet::Fleet;
use crate::notify::Notifiers;
use crate::order::Order;

/// The store, and who is told of what changes in it; cheap to clone.
#[derive(Clone)]
pub(crate) struct Hands {
    pub(crate) store: Store,
    pub(crate) fleet: Fleet,
    pub(crate) catalog: Catalog,
    pub(crate) notifiers: Notifiers,
    pub(crate) order: Order,
    pub(crate) changes: Changes,
}

impl Hands {
    /// Makes a change, and tells lanes, catalogue and notifiers. Once begun it is finished, whether or not the caller
    /// waits: what is in the store and not told would be known at the next start only.
    pub(super) async fn follow(&self, change: FollowedChange) -> Result<(), StoreError> {
        let hands = self.clone();
        let following = tokio::spawn(async move { hands.follow_now(change).await });
        following.await.map_err(|_| StoreError::Closed)?
    }

    async fn follow_now(&self, change: FollowedChange) -> Result<(), StoreError> {
        let order = self.order.all().await;
        let removed = change.remove.clone();
        let applied = self.store.follow(change, clock::now()).await?;
        let changed: Vec<Manifest> = applied
            .into_iter()
            .filter(|one| one.outcome != Outcome::Unchanged)
            .map(|one| one.manifest)
            .collect();
        let kinds = || changed.iter().map(Manifest::kind).chain(removed.iter().map(|(kind, _)| *kind));
        // What stands above hosts comes first: lanes that begin find it in force.
        if kinds().any(|kind| matches!(kind, Kind::Zone | Kind::Cluster | Kind::Settings)) {
            self.fleet.govern().await?;
        }
        if kinds().any(|kind| kind == Kind::Flow) {
            self.catalog.replace(self.store.list::<Flow>(&ListQuery::default()).await?.items);
        }
        for manifest in changed {
            match manifest {
                Manifest::Host(host) => self.fleet.apply(host).await?,
                Manifest::Credential(credential) => {
                    self.fleet.credential_changed(&credential.metadata.name).await;
                }
                Manifest::Notifier(notifier) => self.notifiers.apply(notifier).await?,
                _ => {}
            }
        }
        for (kind, name) in &removed {
            match kind {
                Kind::Host => self.fleet.remove(name).await,
                Kind::Credential => self.fleet.credential_changed(name).await,
                Kind::Notifier => self.notifiers.end(name).await,
                _ => {}
            }
        }
        self.changes.note();
        drop(order);
        Ok(())
    }
}
