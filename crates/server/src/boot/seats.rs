//! Which machine has which address, as it said by DHCP or in the query of its script.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ironhand_api::{MacAddress, MachineUuid, Name};
use ironhand_model::boot::Architecture;

use super::recent::Recent;

/// Addresses that are remembered. Where more come, the one that was heard of longest ago is forgotten.
const MOST_SEATS: usize = 65_536;

/// Hardware addresses of one machine that are remembered.
const MOST_MACS: usize = 8;

/// The machines by their addresses: put in by whoever hears of one, asked by the threads that serve packets. Nothing is
/// done while it is locked but to look and to put.
#[derive(Debug)]
pub(crate) struct Seats {
    seats: Mutex<Recent<IpAddr, Arc<Seat>>>,
}

impl Default for Seats {
    fn default() -> Self {
        Self { seats: Mutex::new(Recent::new(MOST_SEATS)) }
    }
}

/// A machine at its address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seat {
    /// Its hardware addresses; the one that asked last comes first.
    pub(crate) macs: Vec<MacAddress>,
    /// Its UUID.
    pub(crate) uuid: Option<MachineUuid>,
    /// The Network that it asked in.
    pub(crate) network: Option<Name>,
    /// What its firmware or loader said that it is (option 93, or iPXE in its query).
    pub(crate) architecture: Option<Architecture>,
}

impl Seats {
    /// A machine has an address. What was known of the same machine there, and is not said this time, stays. Says whether
    /// another machine had the address before, or none.
    pub(crate) fn put(&self, address: IpAddr, mut seat: Seat) -> bool {
        let mut seats = self.lock();
        let before = seats.get(&address).filter(|before| before.is_of(&seat));
        let new = before.is_none();
        if let Some(before) = before {
            seat.keep(before);
        }
        seats.put(address, Arc::new(seat));
        new
    }

    /// Who has an address.
    pub(crate) fn get(&self, address: IpAddr) -> Option<Arc<Seat>> {
        self.lock().get(&address).map(Arc::clone)
    }

    fn lock(&self) -> MutexGuard<'_, Recent<IpAddr, Arc<Seat>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// The hardware address that asked last.
    pub(crate) fn mac(&self) -> Option<MacAddress> {
        self.macs.first().copied()
    }

    /// Whether two are of one machine: of two addresses that share an interface. A UUID alone says nothing, as there are
    /// boards that have the same.
    pub(crate) fn is_of(&self, other: &Self) -> bool {
        self.macs.iter().any(|mac| other.macs.contains(mac))
    }

    /// Keeps what was known before of the same machine.
    fn keep(&mut self, before: &Self) {
        for mac in &before.macs {
            if !self.macs.contains(mac) {
                self.macs.push(*mac);
            }
        }
        self.macs.truncate(MOST_MACS);
        self.uuid = self.uuid.or(before.uuid);
        self.architecture = self.architecture.or(before.architecture);
        if self.network.is_none() {
            self.network.clone_from(&before.network);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(last: u8) -> MacAddress {
        MacAddress([2, 0, 0, 0, 0, last])
    }

    fn seat(macs: &[u8]) -> Seat {
        Seat { macs: macs.iter().map(|last| mac(*last)).collect(), ..Seat::default() }
    }

    #[test]
    fn what_is_known_of_a_machine_stays_until_another_one_has_its_address() {
        let seats = Seats::default();
        let address = IpAddr::from([127, 0, 0, 1]);
        let network: Name = "rack".parse().unwrap();
        let told = Seat { network: Some(network.clone()), architecture: Some(Architecture(7)), ..seat(&[1]) };
        assert!(seats.put(address, told));
        assert!(!seats.put(address, seat(&[2, 1])));
        let found = seats.get(address).unwrap();
        assert_eq!(found.macs, [mac(2), mac(1)]);
        assert_eq!((found.network.as_ref(), found.architecture), (Some(&network), Some(Architecture(7))));
        assert!(seats.put(address, seat(&[3])));
        assert_eq!(*seats.get(address).unwrap(), seat(&[3]));
        assert_eq!(seats.get(IpAddr::from([127, 0, 0, 2])), None);
    }
}
