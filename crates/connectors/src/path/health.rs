//! Which addresses of a device work.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::Error;

/// For how long an address that failed is left alone at first; twice as long after each further failure.
const REST: Duration = Duration::from_secs(30);

/// The longest that an address that failed is left alone while another works.
const LONGEST_REST: Duration = Duration::from_secs(600);

/// What is known of the addresses of one device. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct PathHealth {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    /// For how long an address that failed is left alone at most.
    longest_rest: Duration,
    /// The one that worked last.
    in_use: Option<String>,
    known: HashMap<String, Known>,
}

impl Default for Shared {
    fn default() -> Self {
        Self { longest_rest: LONGEST_REST, in_use: None, known: HashMap::new() }
    }
}

#[derive(Debug)]
struct Known {
    standing: Standing,
    /// Until when it is left alone.
    rests_until: Option<Instant>,
    failures: u32,
}

/// How an address stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was not needed yet.
    Untried,
    /// Connections to it come about.
    Works {
        /// Since when.
        since: SystemTime,
    },
    /// Connections to it fail.
    Fails {
        /// Since when.
        since: SystemTime,
        /// What went wrong last.
        error: Error,
    },
}

/// An address and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressHealth {
    /// The address, as the route has it.
    pub address: String,
    /// How it stands.
    pub standing: Standing,
    /// Whether connections are made to it now.
    pub in_use: bool,
}

impl PathHealth {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, of a device of which an address that failed is tried again after `longest` at the latest.
    pub fn resting(longest: Duration) -> Self {
        let longest_rest = longest.min(LONGEST_REST);
        Self { shared: Arc::new(Mutex::new(Shared { longest_rest, ..Shared::default() })) }
    }

    /// The address that worked last, where it has not failed since.
    pub fn in_use(&self) -> Option<String> {
        self.lock().in_use.clone()
    }

    /// How each of `addresses` stands, in their order.
    pub fn standings(&self, addresses: &[String]) -> Vec<AddressHealth> {
        let shared = self.lock();
        let of = |address: &String| AddressHealth {
            address: address.clone(),
            standing: shared.known.get(address).map_or(Standing::Untried, |known| known.standing.clone()),
            in_use: shared.in_use.as_ref() == Some(address),
        };
        addresses.iter().map(of).collect()
    }

    /// The order in which `addresses` are to be tried.
    ///
    /// One that is preferred to the one in use and has rested long enough comes first, so that a main link is taken
    /// again when it works again; then the one in use; those that rest come last, for when nothing else works.
    pub fn order<'a>(&self, addresses: &'a [String], now: Instant) -> Vec<&'a String> {
        let shared = self.lock();
        let used = addresses.iter().position(|address| shared.in_use.as_ref() == Some(address));
        let rank = |at: usize, address: &String| {
            let rests = shared.known.get(address).and_then(|known| known.rests_until);
            match rests {
                Some(until) if until > now => (2, Some(until)),
                _ if used.is_none_or(|used| at <= used) => (0, None),
                _ => (1, None),
            }
        };
        let mut ranked: Vec<_> =
            addresses.iter().enumerate().map(|(at, address)| (rank(at, address), address)).collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.into_iter().map(|(_, address)| address).collect()
    }

    /// Whether a connection to `address` is as good as a new one would be.
    pub(crate) fn prefers(&self, addresses: &[String], address: &str) -> bool {
        addresses.len() == 1
            || self.order(addresses, Instant::now()).first().is_some_and(|first| *first == address)
    }

    /// Notes that a connection to `address` came about.
    pub fn works(&self, address: &str) {
        let mut shared = self.lock();
        if shared.in_use.as_deref() != Some(address) {
            shared.in_use = Some(address.to_owned());
        }
        if let Some(known) = shared.known.get_mut(address) {
            known.failures = 0;
            known.rests_until = None;
            if !matches!(known.standing, Standing::Works { .. }) {
                known.standing = Standing::Works { since: SystemTime::now() };
            }
            return;
        }
        let standing = Standing::Works { since: SystemTime::now() };
        let known = Known { standing, rests_until: None, failures: 0 };
        shared.known.insert(address.to_owned(), known);
    }

    /// Notes that a connection to `address` failed.
    pub fn fails(&self, address: &str, error: &Error, now: Instant) {
        let mut shared = self.lock();
        if shared.in_use.as_deref() == Some(address) {
            shared.in_use = None;
        }
        let before = shared.known.remove(address);
        let failures = before.as_ref().map_or(0, |known| known.failures).saturating_add(1);
        let since = match before.map(|known| known.standing) {
            Some(Standing::Fails { since, .. }) => since,
            _ => SystemTime::now(),
        };
        let rest = (REST * 2_u32.saturating_pow(failures - 1).min(64)).min(shared.longest_rest);
        let standing = Standing::Fails { since, error: error.clone() };
        let known = Known { standing, rests_until: Some(now + rest), failures };
        shared.known.insert(address.to_owned(), known);
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn addresses_are_tried_in_the_order_of_their_health() {
        let addresses = ["main", "backup", "third"].map(str::to_owned);
        let health = PathHealth::new();
        let error = Error::Unreachable { address: "main:443".to_owned(), reason: "refused".to_owned() };
        let begun = Instant::now();
        let check = |after: u64, wanted: [&str; 3]| {
            let now = begun + Duration::from_secs(after);
            assert_eq!(health.order(&addresses, now), wanted, "after {after} s");
        };
        check(0, ["main", "backup", "third"]);
        health.fails("main", &error, begun);
        check(0, ["backup", "third", "main"]);
        health.works("backup");
        check(29, ["backup", "third", "main"]);
        // It has rested: the preferred one is tried again, the one in use right after it.
        check(30, ["main", "backup", "third"]);
        health.fails("main", &error, begun + Duration::from_secs(30));
        check(89, ["backup", "third", "main"]);
        check(90, ["main", "backup", "third"]);
        health.fails("backup", &error, begun + Duration::from_secs(31));
        check(31, ["third", "backup", "main"]);
        health.works("main");
        check(31, ["main", "third", "backup"]);
    }

    #[tokio::test(start_paused = true)]
    async fn health_is_told_by_address() {
        let addresses = ["main", "backup", "third"].map(str::to_owned);
        let health = PathHealth::new();
        let error = Error::Unreachable { address: "main:443".to_owned(), reason: "refused".to_owned() };
        health.fails("main", &error, Instant::now());
        health.works("backup");
        assert_eq!(health.in_use().as_deref(), Some("backup"));
        let [main, backup, third] = <[_; 3]>::try_from(health.standings(&addresses)).unwrap();
        assert!(
            matches!(main.standing, Standing::Fails { error: told, .. } if told == error) && !main.in_use
        );
        assert!(matches!(backup.standing, Standing::Works { .. }) && backup.in_use);
        assert_eq!(third.standing, Standing::Untried);
        health.fails("backup", &error, Instant::now());
        assert_eq!(health.in_use(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_failed_often_is_tried_again_in_time() {
        let addresses = ["main", "backup"].map(str::to_owned);
        let health = PathHealth::resting(Duration::from_secs(40));
        let error = Error::Unreachable { address: "main:443".to_owned(), reason: "refused".to_owned() };
        let now = Instant::now();
        health.works("backup");
        for _ in 0..5 {
            health.fails("main", &error, now);
        }
        assert_eq!(health.order(&addresses, now + Duration::from_secs(39)), ["backup", "main"]);
        assert_eq!(health.order(&addresses, now + Duration::from_secs(40)), ["main", "backup"]);
    }
}
