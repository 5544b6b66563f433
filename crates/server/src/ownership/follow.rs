//! What other servers change is taken in: they tell of it in the events that all share.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ironhand_api::{Credential, Event, EventKind, Flow, Host, Kind, Name};
use ironhand_store::{ListQuery, Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::catalog::Catalog;
use crate::changes::Changes;
use crate::fleet::Fleet;
use crate::http::chain;
use crate::notify::Notifiers;
use crate::order::Order;
use crate::repository::{Hands, Repositories};

/// How often the store is asked whether anybody has written an event.
const LOOK: Duration = Duration::from_millis(500);

/// Events that are read at a time.
const PAGE: u32 = 500;

/// Follows what other servers change, and tells the lanes and the catalogue.
pub(crate) struct Follower {
    store: Store,
    fleet: Fleet,
    catalog: Catalog,
    notifiers: Notifiers,
    repositories: Repositories,
    order: Order,
    changes: Changes,
    /// The last event that was taken in.
    seen: u64,
    /// The versions of the credentials that lanes were told of.
    credentials: BTreeMap<Name, Option<u64>>,
}

/// What some events say has changed.
#[derive(Debug, Default, PartialEq)]
struct Touched {
    /// Resources that do not belong to one host, or what commands said.
    shared: bool,
    hosts: BTreeSet<Name>,
    /// How far deployments came.
    deployments: bool,
}

impl Touched {
    fn by(events: &[Event]) -> Self {
        let mut touched = Self::default();
        for event in events {
            match (event.kind, &event.host) {
                (EventKind::ResourceApplied | EventKind::ResourceDeleted, Some(host)) => {
                    touched.hosts.insert(host.clone());
                }
                (
                    EventKind::ResourceApplied
                    | EventKind::ResourceDeleted
                    | EventKind::ManagementChanged
                    | EventKind::MaintenanceChanged,
                    _,
                ) => touched.shared = true,
                (EventKind::DeploymentChanged, _) => touched.deployments = true,
                _ => {}
            }
        }
        touched
    }
}

impl Follower {
    /// Follows everything after what the store holds now.
    ///
    /// # Errors
    ///
    /// Where the store fails.
    pub(crate) async fn new(hands: Hands, repositories: Repositories) -> Result<Self, StoreError> {
        let Hands { store, fleet, catalog, notifiers, order, changes } = hands;
        let seen = store.newest_event().await?;
        let credentials = versions(&store).await?;
        Ok(Self { store, fleet, catalog, notifiers, repositories, order, changes, seen, credentials })
    }

    /// Follows until `stop` is cancelled.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
            if let Err(error) = self.catch_up().await {
                tracing::error!(error = %chain(&error), "what other servers changed is not known yet: the store failed");
            }
        }
    }

    async fn catch_up(&mut self) -> Result<(), StoreError> {
        if self.store.newest_event().await? == self.seen {
            return Ok(());
        }
        loop {
            let events = self.store.events_after(self.seen, PAGE, None).await?;
            let Some(last) = events.last().map(|event| event.id) else { return Ok(()) };
            self.take_in(Touched::by(&events)).await?;
            // Only now: where the store failed half-way, all of it is taken in again, which changes nothing.
            self.seen = last;
        }
    }

    async fn take_in(&mut self, touched: Touched) -> Result<(), StoreError> {
        let any = touched.shared || !touched.hosts.is_empty();
        if touched.shared {
            let order = self.order.clone();
            let _order = order.above().await;
            self.fleet.govern().await?;
            let flows = self.store.list::<Flow>(&ListQuery::default()).await?;
            self.catalog.replace(flows.items);
            self.notifiers.reconcile().await?;
            self.repositories.reconcile().await?;
            let credentials = versions(&self.store).await?;
            let before = std::mem::replace(&mut self.credentials, credentials);
            for name in changed(&before, &self.credentials) {
                self.fleet.credential_changed(&name).await;
            }
        }
        for name in touched.hosts {
            let _order = self.order.of(Kind::Host, &name).await;
            let host: Option<Host> = self.store.get(&name).await?;
            match host {
                Some(host) => self.fleet.apply(host).await?,
                None => self.fleet.remove(&name).await,
            }
        }
        if any {
            self.changes.note();
        } else if touched.deployments {
            self.changes.note_deployments();
        }
        Ok(())
    }
}

async fn versions(store: &Store) -> Result<BTreeMap<Name, Option<u64>>, StoreError> {
    let credentials = store.list::<Credential>(&ListQuery::default()).await?;
    let version = |kept: Credential| (kept.metadata.name, kept.metadata.resource_version);
    Ok(credentials.items.into_iter().map(version).collect())
}

/// What is in one and not, or not the same, in the other.
fn changed(before: &BTreeMap<Name, Option<u64>>, after: &BTreeMap<Name, Option<u64>>) -> BTreeSet<Name> {
    let names = before.keys().chain(after.keys());
    names.filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use ironhand_api::{Severity, Timestamp};

    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn event(kind: EventKind, host: Option<&str>) -> Event {
        Event {
            id: 1,
            at: Timestamp::from_millis(0),
            kind,
            severity: Severity::Info,
            host: host.map(name),
            incident: None,
            run: None,
            job: None,
            alert: None,
            message: String::new(),
        }
    }

    #[test]
    fn events_tell_what_to_look_at_again() {
        let check = |kind, host: Option<&str>, shared: bool, hosts: &[&str]| {
            let hosts = hosts.iter().map(|host| name(host)).collect();
            let wanted = Touched { shared, hosts, deployments: kind == EventKind::DeploymentChanged };
            assert_eq!(Touched::by(&[event(kind, host)]), wanted, "{kind} of {host:?}");
        };
        check(EventKind::ResourceApplied, Some("a"), false, &["a"]);
        check(EventKind::ResourceDeleted, Some("a"), false, &["a"]);
        check(EventKind::ResourceApplied, None, true, &[]);
        check(EventKind::ManagementChanged, Some("a"), true, &[]);
        check(EventKind::ManagementChanged, None, true, &[]);
        check(EventKind::MaintenanceChanged, Some("a"), true, &[]);
        check(EventKind::PowerChanged, Some("a"), false, &[]);
        check(EventKind::OwnerChanged, Some("a"), false, &[]);
        check(EventKind::DeploymentChanged, Some("a"), false, &[]);
    }

    #[test]
    fn credentials_that_came_went_or_changed_are_told_of() {
        let before =
            BTreeMap::from([(name("gone"), Some(1)), (name("same"), Some(2)), (name("new"), Some(3))]);
        let after =
            BTreeMap::from([(name("same"), Some(2)), (name("new"), Some(4)), (name("come"), Some(5))]);
        let wanted = ["come", "gone", "new"].map(name);
        assert_eq!(changed(&before, &after).into_iter().collect::<Vec<_>>(), wanted);
    }
}
