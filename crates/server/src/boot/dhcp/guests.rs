//! Machines that are booting, between what they ask and what they are given.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ironhand_api::{BootState, MacAddress, MachineUuid, Name};
use ironhand_model::boot::Architecture;

use crate::boot::recent::Recent;

/// Machines that are remembered. Of more, those that asked longest ago are forgotten: whoever invents addresses takes no more.
const MOST_GUESTS: usize = 16_384;

/// What a machine that boots said of itself when it asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Guest {
    /// The host that it is.
    pub(super) host: Option<Name>,
    /// The network that it asked in.
    pub(super) network: Name,
    /// Its UUID.
    pub(super) uuid: Option<MachineUuid>,
    /// What its firmware is.
    pub(super) architecture: Option<Architecture>,
    /// How its boot is over, and why, where it is given an address and nothing to boot.
    pub(super) over: Option<(BootState, String)>,
}

/// The machines by their hardware addresses. The thread that serves puts them in, and whoever tells of leases looks.
#[derive(Debug)]
pub(super) struct Guests(Mutex<Recent<MacAddress, Guest>>);

impl Default for Guests {
    fn default() -> Self {
        Self(Mutex::new(Recent::new(MOST_GUESTS)))
    }
}

impl Guests {
    /// A machine asks. What it does not say this time is kept as it was.
    pub(super) fn put(&self, mac: MacAddress, mut guest: Guest) {
        let mut guests = self.lock();
        if let Some(known) = guests.get(&mac) {
            guest.uuid = guest.uuid.or(known.uuid);
            guest.architecture = guest.architecture.or(known.architecture);
        }
        guests.put(mac, guest);
    }

    /// What a machine said.
    pub(super) fn get(&self, mac: MacAddress) -> Option<Guest> {
        self.lock().get(&mac).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Recent<MacAddress, Guest>> {
        // Whoever panicked left at worst one machine out.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_machine_does_not_say_again_is_kept_and_their_number_is_bounded() {
        let guests = Guests::default();
        let guest = |uuid| Guest {
            host: None,
            network: "rack".parse().unwrap(),
            uuid,
            architecture: Some(Architecture(7)),
            over: None,
        };
        let mac = |number: usize| {
            let [.., a, b, c] = number.to_be_bytes();
            MacAddress([2, 0, 0, a, b, c])
        };
        guests.put(mac(0), guest(Some(MachineUuid([7; 16]))));
        guests.put(mac(0), guest(None));
        assert_eq!(guests.get(mac(0)).unwrap().uuid, Some(MachineUuid([7; 16])));
        for number in 1..=MOST_GUESTS {
            guests.put(mac(number), guest(None));
        }
        assert_eq!((guests.get(mac(0)), guests.get(mac(1)).is_some()), (None, true));
    }
}
