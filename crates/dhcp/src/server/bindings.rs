//! Which client has which address, and until when.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::time::Instant;

use crate::server::limits::Membership;
use crate::server::probe::Probing;
use crate::{HardwareAddress, SubnetId, Ticket};

/// By what a client is known: its hardware address (rule D13), or its identifier where it has none (RFC 4390).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    Hardware(HardwareAddress),
    Identifier(Box<[u8]>),
}

/// What a binding is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Held for the transaction; nothing is stored.
    Offered,
    /// A lease.
    Bound,
    /// Ended or given back: the address is free, and the client's again if it comes first.
    Remembered,
    /// Set aside because somebody uses the address.
    Declined,
}

/// An address, and whose it is.
#[derive(Debug)]
pub(super) struct Binding {
    pub address: Ipv4Addr,
    pub subnet: SubnetId,
    /// Nobody's where the address is set aside.
    pub owner: Option<Identity>,
    pub hardware: HardwareAddress,
    pub identifier: Option<Box<[u8]>>,
    pub host_name: Option<Box<str>>,
    pub state: State,
    /// Whether it was ever a lease.
    pub leased: bool,
    /// Whether the lease was given back before its end.
    pub released: bool,
    /// What it counts for, as long as it holds an address of a pool.
    pub member: Option<Membership>,
    /// The offer that waits for a probe.
    pub probing: Option<Box<Probing>>,
    pub begins: Instant,
    pub ends: Instant,
    /// The last request to store it.
    pub ticket: Option<Ticket>,
    timer: Option<Instant>,
}

impl Binding {
    pub fn new(address: Ipv4Addr, subnet: SubnetId, owner: Identity, now: Instant) -> Self {
        let hardware = match owner {
            Identity::Hardware(hardware) => hardware,
            Identity::Identifier(_) => HardwareAddress::new(0, &[]),
        };
        Self {
            address,
            subnet,
            owner: Some(owner),
            hardware,
            identifier: None,
            host_name: None,
            state: State::Offered,
            leased: false,
            released: false,
            member: None,
            probing: None,
            begins: now,
            ends: now,
            ticket: None,
            timer: None,
        }
    }

    /// Whether the address is nobody else's.
    pub fn holds(&self) -> bool {
        self.state != State::Remembered
    }
}

/// Place of a binding.
pub(super) type Place = u32;

/// All bindings: at most one for each address, and one for each client of a subnet.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    slots: Vec<Option<Binding>>,
    vacant: Vec<Place>,
    by_address: HashMap<Ipv4Addr, Place>,
    by_owner: HashMap<(SubnetId, Identity), Place>,
    timers: BTreeSet<(Instant, Place)>,
}

impl Bindings {
    pub fn iter(&self) -> impl Iterator<Item = &Binding> {
        self.slots.iter().flatten()
    }

    pub fn get(&self, place: Place) -> Option<&Binding> {
        self.slots.get(place as usize)?.as_ref()
    }

    pub fn get_mut(&mut self, place: Place) -> Option<&mut Binding> {
        self.slots.get_mut(place as usize)?.as_mut()
    }

    pub fn at(&self, address: Ipv4Addr) -> Option<Place> {
        self.by_address.get(&address).copied()
    }

    pub fn of(&self, subnet: SubnetId, owner: &Identity) -> Option<Place> {
        // The key is made anew for the look-up; of hardware addresses, which nearly all are, that is a copy.
        self.by_owner.get(&(subnet, owner.clone())).copied()
    }

    /// Puts a binding in, in place of those that the address and the owner had.
    pub fn insert(&mut self, binding: Binding) -> Place {
        if let Some(place) = self.at(binding.address) {
            self.remove(place);
        }
        if let Some(owner) = &binding.owner
            && let Some(place) = self.of(binding.subnet, owner)
        {
            self.remove(place);
        }
        let place = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as Place - 1
        });
        self.by_address.insert(binding.address, place);
        if let Some(owner) = &binding.owner {
            self.by_owner.insert((binding.subnet, owner.clone()), place);
        }
        self.slots[place as usize] = Some(binding);
        place
    }

    pub fn remove(&mut self, place: Place) -> Option<Binding> {
        let binding = self.slots.get_mut(place as usize)?.take()?;
        self.vacant.push(place);
        self.by_address.remove(&binding.address);
        if let Some(owner) = &binding.owner {
            self.by_owner.remove(&(binding.subnet, owner.clone()));
        }
        if let Some(at) = binding.timer {
            self.timers.remove(&(at, place));
        }
        Some(binding)
    }

    /// Takes the owner's name off a binding, so that the owner may have another one.
    pub fn disown(&mut self, place: Place) {
        if let Some(binding) = self.slots.get_mut(place as usize).and_then(Option::as_mut)
            && let Some(owner) = binding.owner.take()
        {
            self.by_owner.remove(&(binding.subnet, owner));
        }
    }

    /// Sets when [`Bindings::due`] is to name the binding.
    pub fn set_timer(&mut self, place: Place, at: Option<Instant>) {
        let Some(binding) = self.slots.get_mut(place as usize).and_then(Option::as_mut) else { return };
        if binding.timer == at {
            return;
        }
        if let Some(old) = std::mem::replace(&mut binding.timer, at) {
            self.timers.remove(&(old, place));
        }
        if let Some(at) = at {
            self.timers.insert((at, place));
        }
    }

    /// A binding whose time has come, whose timer is off then.
    pub fn due(&mut self, now: Instant) -> Option<Place> {
        let &(at, place) = self.timers.first().filter(|(at, _)| *at <= now)?;
        self.timers.remove(&(at, place));
        if let Some(binding) = self.get_mut(place) {
            binding.timer = None;
        }
        Some(place)
    }

    pub fn next_timer(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }
}
