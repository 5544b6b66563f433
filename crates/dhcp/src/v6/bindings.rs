//! Which address is whose, and until when.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv6Addr;
use std::time::SystemTime;

use super::{Lease, derived_address, prefix_of};
use crate::LeaseState;

/// How many addresses are tried for one association, where one after the other is taken.
const MAX_TRIES: u32 = 16;

/// Who an address is for: identifier and number of the association.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'a> {
    pub(super) identifier: &'a [u8],
    pub(super) association: u32,
}

impl Owner<'_> {
    fn has(self, lease: &Lease) -> bool {
        lease.state == LeaseState::Bound
            && *lease.identifier == *self.identifier
            && lease.association == self.association
    }
}

/// What counts together, so that nobody who makes up names takes all there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Group {
    /// All clients of a subnet.
    Subnet(Ipv6Addr),
    /// A relay's circuit, by a digest.
    Circuit(u64),
    /// An address on the link that requests come from.
    Source(Ipv6Addr),
    /// An Ethernet address.
    Mac([u8; 6]),
}

/// An address that is somebody's, or set aside.
#[derive(Clone, Debug)]
struct Binding {
    lease: Lease,
    groups: Vec<Group>,
}

/// All of them: no address twice.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    by_address: HashMap<Ipv6Addr, Binding>,
    ends: BTreeSet<(SystemTime, Ipv6Addr)>,
    held: HashMap<Group, u32>,
    /// Addresses that are set aside, in each subnet, the first of them first.
    set_aside: HashMap<Ipv6Addr, Vec<Ipv6Addr>>,
}

impl Bindings {
    /// The address that an owner has in a subnet, or else the one that it would be given; `None` where all that are tried
    /// are others', or kept for somebody.
    pub(super) fn address(
        &self,
        subnet: Ipv6Addr,
        owner: Owner<'_>,
        is_kept: impl Fn(Ipv6Addr) -> bool,
    ) -> Option<Ipv6Addr> {
        let candidates = (0..MAX_TRIES)
            .map(|attempt| derived_address(subnet, owner.identifier, owner.association, attempt));
        // All are looked at for one that it has, as an earlier one may have become free since.
        let mut free = None;
        for candidate in candidates {
            match self.by_address.get(&candidate) {
                Some(binding) if owner.has(&binding.lease) && !is_kept(candidate) => return Some(candidate),
                None if free.is_none() && !is_kept(candidate) => free = Some(candidate),
                _ => {}
            }
        }
        free
    }

    /// Whether an address that is kept for the machine of an owner may be given to that owner: it is nobody's, or already the
    /// owner's, or that of an earlier program on the same interface (`mac`), which runs no more.
    pub(super) fn is_free_for(&self, kept: Ipv6Addr, owner: Owner<'_>, mac: Option<[u8; 6]>) -> bool {
        self.by_address.get(&kept).is_none_or(|Binding { lease, .. }| {
            let same_interface = mac.is_some() && lease.mac == mac;
            owner.has(lease) || lease.state == LeaseState::Bound && same_interface
        })
    }

    /// Whether an address is an owner's.
    pub(super) fn is_of(&self, address: Ipv6Addr, owner: Owner<'_>) -> bool {
        self.by_address.get(&address).is_some_and(|binding| owner.has(&binding.lease))
    }

    /// How many addresses a group holds.
    pub(super) fn held(&self, group: Group) -> u32 {
        self.held.get(&group).copied().unwrap_or_default()
    }

    /// Puts a lease in place of what there is for its address; it counts for the groups.
    pub(super) fn put(&mut self, lease: Lease, groups: Vec<Group>) {
        self.remove(lease.address);
        if lease.state == LeaseState::Declined {
            self.set_aside.entry(prefix_of(lease.address)).or_default().push(lease.address);
        }
        self.ends.insert((lease.ends, lease.address));
        for group in &groups {
            *self.held.entry(*group).or_default() += 1;
        }
        self.by_address.insert(lease.address, Binding { lease, groups });
    }

    /// An address is nobody's from now on. Gives what it was.
    pub(super) fn remove(&mut self, address: Ipv6Addr) -> Option<Lease> {
        let Binding { lease, groups } = self.by_address.remove(&address)?;
        self.ends.remove(&(lease.ends, address));
        for group in groups {
            if let Some(held) = self.held.get_mut(&group) {
                *held -= 1;
                if *held == 0 {
                    self.held.remove(&group);
                }
            }
        }
        if lease.state == LeaseState::Declined
            && let Some(others) = self.set_aside.get_mut(&prefix_of(address))
        {
            others.retain(|other| *other != address);
            if others.is_empty() {
                self.set_aside.remove(&prefix_of(address));
            }
        }
        Some(lease)
    }

    /// The address that was set aside first in the subnet of another, where `most` are.
    pub(super) fn overdue_aside(&self, address: Ipv6Addr, most: usize) -> Option<Ipv6Addr> {
        let others = self.set_aside.get(&prefix_of(address))?;
        others.first().copied().filter(|_| others.len() >= most)
    }

    /// An address whose time is over.
    pub(super) fn over(&self, now: SystemTime) -> Option<Ipv6Addr> {
        self.ends.first().filter(|(ends, _)| *ends <= now).map(|(_, address)| *address)
    }

    /// When the first one's is.
    pub(super) fn next_end(&self) -> Option<SystemTime> {
        self.ends.first().map(|(ends, _)| *ends)
    }

    /// All of them, in no order.
    pub(super) fn leases(&self) -> impl ExactSizeIterator<Item = &Lease> {
        self.by_address.values().map(|binding| &binding.lease)
    }
}
