//! How many connections there are, in all and of each client.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The connections that are open, over all threads.
#[derive(Debug)]
pub(super) struct Census {
    in_all: usize,
    of_client: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    clients: HashMap<IpAddr, usize>,
}

/// The place of one connection, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    census: Arc<Census>,
    client: IpAddr,
}

impl Census {
    pub(super) fn new(in_all: usize, of_client: usize) -> Self {
        Self { in_all, of_client, open: Mutex::default() }
    }

    /// A place for a connection of `client`, if there is one.
    pub(super) fn enter(self: &Arc<Self>, client: IpAddr) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.total >= self.in_all {
            return None;
        }
        let of_client = open.clients.entry(client).or_default();
        if *of_client >= self.of_client {
            return None;
        }
        *of_client += 1;
        open.total += 1;
        Some(Place { census: Arc::clone(self), client })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.census.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.total -= 1;
        if let Entry::Occupied(mut of_client) = open.clients.entry(self.client) {
            *of_client.get_mut() -= 1;
            if *of_client.get() == 0 {
                of_client.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_in_all_and_for_each_client_and_come_back() {
        let census = Arc::new(Census::new(3, 2));
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let first = census.enter(one).expect("a place");
        let _second = census.enter(one).expect("a place");
        assert!(census.enter(one).is_none());
        let _third = census.enter(other).expect("a place");
        assert!(census.enter(other).is_none());
        drop(first);
        drop(census.enter(one).expect("the place is free again"));
        drop((_second, _third));
        assert!(census.open.lock().expect("no panic").clients.is_empty());
    }
}
