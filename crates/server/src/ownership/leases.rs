//! The leases of this server: asked for, renewed, given up.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ironhand_api::{Name, Timestamp};
use ironhand_model::Site;
use ironhand_store::{Free, Lease, Store, StoreError};
use tokio::sync::{RwLock as Gate, RwLockReadGuard, RwLockWriteGuard, watch};

use super::{Held, NotOwner, Taken};
use crate::clock;

/// Hosts that are taken at a time, so that a server that takes over a large fleet renews what it has in between.
pub(super) const BATCH: u32 = 256;

/// A renewal comes this many times in the life of a lease: two may fail before a lease is lost.
const RENEWALS: u32 = 3;

/// A server lets go this part of a lease's life before others may take the host: what was sent at the last moment has
/// arrived by then, and the clocks of two machines may differ by as much.
const MARGIN: u32 = 10;

/// How long the hold of a server lasts that is alone in its data directory: for ever. It may be slow, or be stopped for a
/// while; nobody takes its hosts meanwhile, and to let go of them would only cut short what it does to them.
const ALONE: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The leases of this server; cheap to clone.
#[derive(Clone)]
pub(crate) struct Leases {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    owner: Arc<str>,
    site: watch::Receiver<Arc<Site>>,
    shared: bool,
    /// Whether hosts are worked on at all.
    works: bool,
    /// Shut while the lanes are brought into line with the leases; until then, and from then on, single hosts are taken
    /// up. So a renewal does not take a host that is just being taken up for one that was lost.
    gate: Gate<()>,
    /// The hosts of other servers, and who they are, as of the last look.
    others: RwLock<BTreeMap<Name, String>>,
}

/// Leases as the store gave them.
pub(crate) struct Granted {
    owner: Arc<str>,
    pub(crate) leases: Vec<Lease>,
    /// Until when they hold by the monotonic clock.
    pub(crate) until: Instant,
}

/// Leases that the store renewed.
pub(super) struct Renewed {
    /// Their tokens, each of which belongs to one lease alone.
    pub(super) tokens: BTreeSet<u64>,
    /// Until when they hold by the monotonic clock.
    pub(super) until: Instant,
}

impl Granted {
    /// The hold that goes with one of the leases.
    pub(crate) fn held(&self, lease: &Lease) -> Held {
        Held::new(Arc::clone(&self.owner), lease.token, self.until)
    }
}

impl Leases {
    /// The leases of a server that begins now. `shared` says whether other servers use the store, `works` whether this one
    /// works on hosts at all.
    ///
    /// # Errors
    ///
    /// Where the operating system has no random numbers.
    pub(crate) fn new(
        store: Store,
        site: watch::Receiver<Arc<Site>>,
        shared: bool,
        works: bool,
    ) -> Result<Self, std::io::Error> {
        let owner = identity()?.into();
        let others = RwLock::default();
        let inner = Inner { store, owner, site, shared, works, gate: Gate::new(()), others };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The name of this server.
    pub(crate) fn owner(&self) -> &str {
        &self.inner.owner
    }

    /// Whether other servers use the store.
    pub(crate) fn is_shared(&self) -> bool {
        self.inner.shared
    }

    /// Whether this server works on hosts.
    pub(crate) fn works(&self) -> bool {
        self.inner.works
    }

    /// How long a lease lasts.
    fn life(&self) -> Duration {
        self.inner.site.borrow().settings().lease_time
    }

    /// How long after one renewal the next is due.
    pub(super) fn renewal(&self) -> Duration {
        self.life() / RENEWALS
    }

    /// To be held while a single host is taken up.
    pub(crate) async fn entered(&self) -> RwLockReadGuard<'_, ()> {
        self.inner.gate.read().await
    }

    /// To be held while the lanes are brought into line with the leases.
    pub(super) async fn shut(&self) -> RwLockWriteGuard<'_, ()> {
        self.inner.gate.write().await
    }

    /// Takes every host, whoever has it: only for a server that knows that no other one lives.
    pub(crate) async fn seize(&self) -> Result<Granted, StoreError> {
        let Asked { now, life, until } = self.asked();
        let leases = self.inner.store.seize_leases(self.owner(), now, life).await?;
        Ok(self.granted(leases, until))
    }

    /// Renews all that is held, and says what that is.
    pub(super) async fn renew(&self) -> Result<Renewed, StoreError> {
        let Asked { now, life, until } = self.asked();
        let store = &self.inner.store;
        let tokens = match self.inner.shared {
            true => store.renew_leases(self.owner(), now, life).await?,
            // Nobody else can have taken them: the data directory is this server's alone.
            false => store.keep_leases(self.owner(), now, life).await?,
        };
        Ok(Renewed { tokens, until })
    }

    /// What was renewed, with its hosts, of the leases with these tokens.
    pub(super) async fn granted_under(
        &self,
        tokens: &BTreeSet<u64>,
        until: Instant,
    ) -> Result<Granted, StoreError> {
        let mut leases = if tokens.is_empty() { Vec::new() } else { self.inner.store.leases().await? };
        leases.retain(|lease| lease.owner == self.owner() && tokens.contains(&lease.token));
        Ok(self.granted(leases, until))
    }

    /// Takes hosts that nobody has, or whose owner has fallen silent: at most [`BATCH`].
    pub(super) async fn take_free(&self) -> Result<Granted, StoreError> {
        let (store, shared) = (&self.inner.store, self.inner.shared);
        // All leases are those of a server that is alone: one that ran out before it was renewed is no reason to begin anew.
        let free = if shared { Free::OrExpired } else { Free::Unleased };
        if !store.has_free_hosts(clock::now(), free).await? {
            return Ok(self.granted(Vec::new(), Instant::now()));
        }
        let Asked { now, life, until } = self.asked();
        let leases = store.acquire_leases(self.owner(), now, life, free, BATCH).await?;
        Ok(self.granted(leases, until))
    }

    /// Takes one host, unless another server has it. An expired lease of this server itself is taken anew.
    pub(crate) async fn take(&self, host: &Name) -> Result<Result<Held, NotOwner>, StoreError> {
        let Asked { now, life, until } = self.asked();
        let lease = self.inner.store.acquire_lease(self.owner(), host, now, life).await?;
        if lease.owner == self.owner() {
            return Ok(Ok(self.granted(Vec::new(), until).held(&lease)));
        }
        Ok(Err(NotOwner::Elsewhere { owner: lease.owner }))
    }

    /// A host that was taken, as the last owner left it; none where it was deleted meanwhile.
    pub(crate) async fn take_up(&self, host: &Name, held: Held) -> Result<Option<Taken>, StoreError> {
        let found = self.inner.store.host(host).await?;
        Ok(found.map(|(host, state, jobs)| Taken { host, state, jobs, held }))
    }

    /// Gives all leases up, so that others take the hosts at once.
    pub(crate) async fn release(&self) -> Result<(), StoreError> {
        self.inner.store.release_leases(self.owner()).await
    }

    /// Why this server cannot act on a host for which it has no lane.
    pub(crate) async fn elsewhere(&self, host: &Name) -> Result<NotOwner, StoreError> {
        let now = clock::now();
        let leases = self.inner.store.leases().await?;
        let other = leases.into_iter().find(|lease| lease.host == *host && lease.expires_at > now);
        Ok(match other {
            Some(lease) if lease.owner != self.owner() => NotOwner::Elsewhere { owner: lease.owner },
            _ => NotOwner::Nobody,
        })
    }

    /// Looks which hosts other servers have, for [`other`](Self::other).
    pub(super) async fn look_around(&self) -> Result<(), StoreError> {
        let now = clock::now();
        let leases = self.inner.store.leases().await?;
        let others = leases.into_iter().filter(|lease| lease.expires_at > now && lease.owner != self.owner());
        let others = others.map(|lease| (lease.host, lease.owner)).collect();
        *self.inner.others.write().unwrap_or_else(PoisonError::into_inner) = others;
        Ok(())
    }

    /// The other server that had a host when this one looked last.
    pub(crate) fn other(&self, host: &Name) -> Option<String> {
        self.inner.others.read().unwrap_or_else(PoisonError::into_inner).get(host).cloned()
    }

    fn granted(&self, leases: Vec<Lease>, until: Instant) -> Granted {
        Granted { owner: Arc::clone(&self.inner.owner), leases, until }
    }

    fn asked(&self) -> Asked {
        let life = self.life();
        let lasts = if self.inner.shared { life.saturating_sub(life / MARGIN) } else { ALONE };
        let until = Instant::now() + lasts;
        Asked { now: clock::now(), life, until }
    }
}

/// What is said to the store when leases are asked for, and what is made of its answer.
struct Asked {
    now: Timestamp,
    life: Duration,
    /// Counted from before the store is asked.
    until: Instant,
}

/// A name for this server that no other one has: the machine and the process, for people, and a random end, since
/// process ids are used again.
fn identity() -> Result<String, std::io::Error> {
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(|error| std::io::Error::other(error.to_string()))?;
    let system = rustix::system::uname();
    let node = system.nodename().to_string_lossy();
    let mut identity = format!("{node}-{}-", std::process::id());
    for byte in random {
        // Writing to a string does not fail.
        let _ = write!(identity, "{byte:02x}");
    }
    Ok(identity)
}

#[cfg(test)]
mod tests {
    use ironhand_api::Host;
    use ironhand_store::KeySource;

    use super::*;

    #[test]
    fn two_servers_never_have_the_same_name() {
        let (one, other) = (identity().unwrap(), identity().unwrap());
        assert_ne!(one, other);
        assert!(one.contains(&format!("-{}-", std::process::id())), "{one}");
    }

    /// A host whose lease ran out an hour ago, and the leases of the server that has it, as they were.
    async fn late(shared: bool) -> (Leases, Vec<Lease>, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), KeySource::File).await.unwrap();
        let (_, site) = watch::channel(Arc::new(Site::default()));
        let leases = Leases::new(store.clone(), site, shared, true).unwrap();
        let host: Host =
            serde_json::from_str(r#"{"metadata":{"name":"h"},"spec":{"connectors":[]}}"#).unwrap();
        store.apply(host, clock::now()).await.unwrap();
        let before = Timestamp::from_millis(clock::now().as_millis() - 3_600_000);
        let held = store.seize_leases(leases.owner(), before, Duration::from_secs(15)).await.unwrap();
        (leases, held, directory)
    }

    #[tokio::test]
    async fn a_server_alone_does_not_take_its_own_hosts_anew_where_it_renews_late() {
        let (leases, held, _directory) = late(false).await;
        assert_eq!(leases.take_free().await.unwrap().leases, []);
        let renewed = leases.renew().await.unwrap();
        assert_eq!(renewed.tokens, BTreeSet::from([held[0].token]));
        let granted = leases.granted_under(&renewed.tokens, renewed.until).await.unwrap();
        assert_eq!((granted.leases.len(), granted.leases[0].token), (1, held[0].token));
        let none = leases.granted_under(&BTreeSet::new(), renewed.until).await.unwrap();
        assert_eq!(none.leases, []);
    }

    #[tokio::test]
    async fn of_several_servers_one_that_renews_late_takes_its_hosts_anew() {
        let (leases, held, _directory) = late(true).await;
        assert_eq!(leases.renew().await.unwrap().tokens, BTreeSet::new());
        let taken = leases.take_free().await.unwrap().leases;
        assert_eq!(taken.len(), 1);
        assert!(taken[0].token > held[0].token, "others may have had it in between");
    }
}
