//! What stays when the process or its configuration does not: leases, subnets, clocks.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::{Instant, SystemTime};

use crate::server::bindings::{Binding, Identity, Place, State};
use crate::server::limits::Membership;
use crate::server::pool::Pool;
use crate::server::{Served, Server};
use crate::{Interface, Lease, LeaseState, Policy, Subnet, SubnetId};

impl<P: Policy> Server<P> {
    /// Says anew what time of day it is at `now`. Leases run by the other clock, so that a step changes only what is stored
    /// and shown (rule D16).
    pub fn set_clock(&mut self, now: Instant, wall: SystemTime) {
        self.clock = (now, wall);
    }

    /// Replaces the addresses of this machine.
    pub fn set_interfaces(&mut self, interfaces: Vec<Interface>) {
        self.interfaces = interfaces;
        let subnets = self.subnets.drain(..).map(|served| served.subnet).collect();
        self.set_subnets(subnets);
    }

    /// Replaces the subnets. Leases are kept until they end, also those of subnets and pools that are gone.
    pub fn set_subnets(&mut self, subnets: Vec<Subnet>) {
        self.subnets.clear();
        for subnet in subnets {
            let own = self.interfaces.iter().map(|interface| interface.address);
            let mut pool = Pool::of(&subnet, own);
            let (mut set_aside, mut remembered) = (Vec::new(), Vec::new());
            for binding in self.bindings.iter().filter(|binding| pool.contains(binding.address)) {
                match binding.state {
                    State::Declined => set_aside.push((binding.ends, binding.address)),
                    State::Remembered => remembered.push((binding.ends, binding.address)),
                    State::Bound | State::Offered => {}
                }
            }
            // Whoever left first is forgotten first.
            remembered.sort_unstable();
            set_aside.sort_unstable();
            for binding in self.bindings.iter() {
                pool.take(binding.address);
            }
            for (_, address) in remembered {
                pool.give_back(address);
            }
            let set_aside: VecDeque<Ipv4Addr> = set_aside.into_iter().map(|(_, address)| address).collect();
            self.subnets.push(Served { subnet, pool, set_aside });
        }
    }

    /// Takes back a lease that was stored before this process began; to be called before anything is received, with the
    /// newest lease of each address.
    pub fn restore(&mut self, now: Instant, lease: Lease) {
        let Some(owner) = owner(&lease) else { return };
        // A clock that stands earlier than it did leaves a lease no longer than it was given for.
        let length = lease.ends.duration_since(lease.begins).unwrap_or_default();
        let left = lease.ends.duration_since(self.wall(now)).unwrap_or_default().min(length);
        let live = !left.is_zero();
        let mut binding = Binding::new(lease.address, lease.subnet, owner, now);
        binding.begins = self.instant(lease.begins);
        binding.ends = if live { now + left } else { self.instant(lease.ends) };
        binding.released = lease.state == LeaseState::Released;
        binding.leased = true;
        binding.state = match lease.state {
            LeaseState::Bound if live => State::Bound,
            LeaseState::Declined if live => State::Declined,
            LeaseState::Declined => return,
            LeaseState::Bound | LeaseState::Released | LeaseState::Expired => State::Remembered,
        };
        binding.hardware = lease.hardware;
        binding.identifier = lease.identifier;
        binding.host_name = lease.host_name;
        if binding.state == State::Declined {
            binding.owner = None;
        }
        self.keep(binding);
    }

    /// Puts a restored binding in its place.
    fn keep(&mut self, mut binding: Binding) {
        let (address, state, ends) = (binding.address, binding.state, binding.ends);
        let at = self.subnets.iter().position(|served| served.pool.contains(address));
        if let Some(at) = at {
            self.subnets[at].pool.take(address);
            match state {
                State::Remembered => self.subnets[at].pool.give_back(address),
                State::Declined => self.subnets[at].set_aside.push_back(address),
                State::Bound | State::Offered => {
                    let member = Membership::restored(binding.hardware, binding.subnet);
                    self.held.add(member);
                    binding.member = Some(member);
                }
            }
        }
        // A client that moved has the address of its newest lease; what it had before is free.
        if let Some(owner) = &binding.owner
            && let Some(older) = self.bindings.of(binding.subnet, owner)
        {
            self.drop_binding(older);
        }
        let holds = binding.holds();
        let place = self.bindings.insert(binding);
        self.bindings.set_timer(place, holds.then_some(ends));
    }

    /// A binding for a client whose first address was found in use.
    pub(super) fn bind_again(
        &mut self,
        now: Instant,
        address: Ipv4Addr,
        subnet: SubnetId,
        owner: Identity,
        member: Option<Membership>,
    ) -> Place {
        let mut binding = Binding::new(address, subnet, owner, now);
        if let Some(member) = member {
            self.held.add(member);
            binding.member = Some(member);
        }
        self.bindings.insert(binding)
    }

    /// The leases as they are: those that run, addresses that are set aside, and leases that ended or were given back while
    /// nobody else has the address.
    pub fn leases(&self) -> impl Iterator<Item = Lease> {
        self.bindings.iter().filter_map(|binding| self.shown(binding))
    }

    /// The lease of `address`, if there is or was one.
    pub fn lease_of(&self, address: Ipv4Addr) -> Option<Lease> {
        self.shown(self.bindings.get(self.bindings.at(address)?)?)
    }

    fn shown(&self, binding: &Binding) -> Option<Lease> {
        let state = match binding.state {
            State::Declined => LeaseState::Declined,
            _ if !binding.leased => return None,
            State::Bound => LeaseState::Bound,
            State::Offered | State::Remembered if binding.released => LeaseState::Released,
            State::Offered | State::Remembered => LeaseState::Expired,
        };
        Some(self.lease(binding, state))
    }

    pub(super) fn lease(&self, binding: &Binding, state: LeaseState) -> Lease {
        Lease {
            address: binding.address,
            subnet: binding.subnet,
            hardware: binding.hardware,
            identifier: binding.identifier.clone(),
            state,
            begins: self.wall(binding.begins),
            ends: self.wall(binding.ends),
            host_name: binding.host_name.clone(),
        }
    }

    fn wall(&self, at: Instant) -> SystemTime {
        let (instant, wall) = self.clock;
        match at.checked_duration_since(instant) {
            Some(after) => wall.checked_add(after).unwrap_or(wall),
            None => wall.checked_sub(instant.duration_since(at)).unwrap_or(SystemTime::UNIX_EPOCH),
        }
    }

    fn instant(&self, at: SystemTime) -> Instant {
        let (instant, wall) = self.clock;
        match at.duration_since(wall) {
            Ok(after) => instant.checked_add(after).unwrap_or(instant),
            Err(error) => instant.checked_sub(error.duration()).unwrap_or(instant),
        }
    }
}

/// By what the client of a stored lease is known.
fn owner(lease: &Lease) -> Option<Identity> {
    match &lease.identifier {
        _ if !lease.hardware.is_empty() => Some(Identity::Hardware(lease.hardware)),
        Some(identifier) => Some(Identity::Identifier(identifier.clone())),
        None => None,
    }
}
