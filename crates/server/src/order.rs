//! The order of changes: lanes and the catalogue see them as the store does.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use ironhand_api::{Kind, Name};
use tokio::sync::{Mutex, MutexGuard};

/// Hosts that are changed at the same time, at most: enough to fill a transaction.
const HOSTS: usize = 64;

/// Held while something is changed in the store and until lanes and the catalogue are told; cheap to clone.
#[derive(Clone)]
pub(crate) struct Order {
    places: Arc<Places>,
}

struct Places {
    /// Of everything but hosts.
    above: Mutex<()>,
    /// Hosts are changed by the thousand: only the order of changes to one host matters, and those of many share a
    /// transaction.
    hosts: [Mutex<()>; HOSTS],
}

impl Order {
    pub(crate) fn new() -> Self {
        let places = Places { above: Mutex::new(()), hosts: std::array::from_fn(|_| Mutex::new(())) };
        Self { places: Arc::new(places) }
    }

    /// Waits until no other change is under way whose order to one of this resource matters.
    pub(crate) async fn of(&self, kind: Kind, name: &Name) -> MutexGuard<'_, ()> {
        if kind != Kind::Host {
            return self.above().await;
        }
        let mut hash = DefaultHasher::new();
        name.hash(&mut hash);
        self.places.hosts[(hash.finish() % HOSTS as u64) as usize].lock().await
    }

    /// The same for what does not belong to one host.
    pub(crate) async fn above(&self) -> MutexGuard<'_, ()> {
        self.places.above.lock().await
    }

    /// The same for everything at once.
    pub(crate) async fn all(&self) -> Vec<MutexGuard<'_, ()>> {
        // Always in this order: nobody else waits for one of them while holding another.
        let mut held = vec![self.places.above.lock().await];
        for host in &self.places.hosts {
            held.push(host.lock().await);
        }
        held
    }
}
