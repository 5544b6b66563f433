//! DISCOVER: an address is found and held.

use std::net::Ipv4Addr;
use std::time::Instant;

use crate::server::bindings::{Binding, Place, State};
use crate::server::limits::Membership;
use crate::server::reply::Reply;
use crate::server::{Asked, Server, boot};
use crate::{Choice, Client, Happening, MAX_IDENTIFIER, MessageType, Mode, Policy, Silence, Terms};

impl<P: Policy> Server<P> {
    pub(super) fn discover(&mut self, now: Instant, asked: &Asked<'_>) {
        let client = asked.client;
        if asked.mode == Mode::Proxy && !client.boots() {
            return self.tell_silent(now, asked, Silence::NotBooting);
        }
        let Some(terms) = self.terms(now, asked) else { return };
        let Some(at) = self.index_of(terms.subnet) else {
            return self.tell_silent(now, asked, Silence::NoSubnet(Ipv4Addr::UNSPECIFIED));
        };
        if self.is_proxy_for(at, &terms) {
            return self.offer_boot(now, asked, &terms);
        }
        match self.hold(now, at, asked, &terms) {
            Ok((place, fresh)) => self.offer(now, at, asked, &terms, place, fresh),
            Err(reason) => self.tell_silent(now, asked, reason),
        }
    }

    /// Finds an address for a client, and holds it at least for the transaction. Tells whether it was free before.
    fn hold(
        &mut self,
        now: Instant,
        at: usize,
        asked: &Asked<'_>,
        terms: &Terms,
    ) -> Result<(Place, bool), Silence> {
        let until = now + self.config.offer_hold;
        let identity = &asked.identity;
        let member = Membership::of(asked.client, terms.subnet);
        if let Some(place) = self.bindings.of(terms.subnet, identity)
            && let Some(binding) = self.bindings.get(place)
        {
            let (address, state) = (binding.address, binding.state);
            if self.fits(at, address, terms) {
                if state == State::Remembered {
                    self.check_limits(member)?;
                    self.take_again(at, place, member);
                }
                self.hold_until(place, until);
                return Ok((place, state == State::Remembered));
            }
            // The records have changed, and what it had is free again.
            self.drop_binding(place);
        }
        let reserved = match terms.address {
            Choice::Reserved(reserved) => match self.take_reserved(at, reserved) {
                // Better another address than none, until whoever has this one has left.
                Err(Silence::AddressTaken(_)) if self.subnets[at].subnet.mode == Mode::Full => None,
                taken => Some(taken?),
            },
            _ => None,
        };
        let address = match reserved {
            Some(address) => address,
            None => self.take_pooled(at, asked.client.requested, member)?,
        };
        if let Choice::Reserved(kept) = terms.address
            && kept != address
        {
            let what = Happening::ReservedTaken { reserved: kept, given: address };
            let event = self.event(asked, terms.subnet, what);
            self.tell_quietly(now, &Silence::AddressTaken(kept), event);
        }
        let mut binding = Binding::new(address, terms.subnet, identity.clone(), now);
        if self.subnets[at].pool.contains(address) {
            self.held.add(member);
            binding.member = Some(member);
        }
        let place = self.bindings.insert(binding);
        self.hold_until(place, until);
        Ok((place, reserved.is_none()))
    }

    /// Whether `address` is what the terms give: the reserved one, or one of the pool, also as long as the reserved one is
    /// somebody else's.
    pub(super) fn fits(&self, at: usize, address: Ipv4Addr, terms: &Terms) -> bool {
        let Some(served) = self.subnets.get(at) else { return false };
        let pooled = || served.subnet.mode == Mode::Full && served.pool.contains(address);
        match terms.address {
            Choice::Reserved(reserved) => reserved == address || pooled() && self.is_taken(reserved),
            Choice::Pool => pooled(),
            Choice::None => false,
        }
    }

    /// Whether an address is somebody's lease, or set aside, or this machine's own.
    fn is_taken(&self, address: Ipv4Addr) -> bool {
        if self.is_own(address) {
            return true;
        }
        let held = |binding: &Binding| matches!(binding.state, State::Bound | State::Declined);
        self.bindings.at(address).and_then(|place| self.bindings.get(place)).is_some_and(held)
    }

    /// Takes the address of a remembered binding out of the pool again, for its old client. It was free: when it is given to
    /// another client the old one is forgotten.
    pub(super) fn take_again(&mut self, at: usize, place: Place, member: Membership) {
        let Some(binding) = self.bindings.get_mut(place) else { return };
        binding.state = State::Offered;
        if self.subnets[at].pool.take(binding.address) {
            self.held.add(member);
            binding.member = Some(member);
        }
    }

    /// Holds an offer until then; what is bound is held longer anyway.
    pub(super) fn hold_until(&mut self, place: Place, until: Instant) {
        if let Some(binding) = self.bindings.get_mut(place)
            && binding.state == State::Offered
        {
            binding.ends = until;
            self.bindings.set_timer(place, Some(until));
        }
    }

    pub(super) fn check_limits(&self, member: Membership) -> Result<(), Silence> {
        self.held.check(member, self.config.addresses_per_circuit, self.config.addresses_per_prefix)
    }

    /// Takes a reserved address, unless it is somebody's at the moment.
    pub(super) fn take_reserved(&mut self, at: usize, address: Ipv4Addr) -> Result<Ipv4Addr, Silence> {
        if !self.subnets[at].subnet.contains(address) {
            return Err(Silence::WrongNetwork(address));
        }
        if self.is_taken(address) {
            return Err(Silence::AddressTaken(address));
        }
        if let Some(place) = self.bindings.at(address) {
            self.drop_binding(place);
        }
        self.subnets[at].pool.take(address);
        Ok(address)
    }

    fn take_pooled(
        &mut self,
        at: usize,
        wish: Option<Ipv4Addr>,
        member: Membership,
    ) -> Result<Ipv4Addr, Silence> {
        if self.subnets[at].subnet.mode != Mode::Full {
            return Err(Silence::NoReservation);
        }
        self.check_limits(member)?;
        let pool = &mut self.subnets[at].pool;
        let wish = wish.filter(|wish| pool.take(*wish));
        let address = wish.or_else(|| pool.take_next());
        address.or_else(|| self.take_set_aside(at)).ok_or(Silence::PoolExhausted)
    }

    /// Takes the address that has been set aside for longest: whoever declines one after the other empties no pool.
    fn take_set_aside(&mut self, at: usize) -> Option<Ipv4Addr> {
        loop {
            let address = self.subnets[at].set_aside.pop_front()?;
            let place = self.bindings.at(address)?;
            if self.bindings.get(place).is_some_and(|binding| binding.state == State::Declined) {
                self.bindings.remove(place);
                return Some(address);
            }
        }
    }

    /// Forgets a binding, whose address is free again.
    pub(super) fn drop_binding(&mut self, place: Place) {
        if let Some(binding) = self.bindings.remove(place) {
            if let Some(member) = binding.member {
                self.held.remove(member);
            }
            if binding.holds() {
                self.give_back(binding.address);
            }
        }
    }

    fn offer(
        &mut self,
        now: Instant,
        at: usize,
        asked: &Asked<'_>,
        terms: &Terms,
        place: Place,
        fresh: bool,
    ) {
        let Some(binding) = self.bindings.get_mut(place) else { return };
        let address = binding.address;
        remember(binding, asked.client);
        let probing = binding.probing.take();
        let reply = Reply {
            request: asked.message,
            kind: MessageType::Offer,
            client: asked.client,
            server: asked.way.server,
            address,
            mask: self.subnets[at].subnet.mask(),
            lease: Some(terms.lease),
            terms: Some(terms),
            boot: terms.boot.as_ref().map(|boot| (boot, boot::style(boot, asked.client, false))),
        };
        let departure = self.departure(&asked.way, &reply);
        let what = Happening::Offered { address, kind: asked.client.kind };
        let event = self.event(asked, terms.subnet, what);
        if let Some(probing) = probing {
            // The answer to the client's earlier packet is replaced, and the probe goes on.
            self.recycle(probing.departure.bytes);
            self.wait_for_probe(place, departure, event, probing.until, probing.left);
        } else if fresh && self.subnets[at].subnet.probe {
            self.begin_probe(now, place, departure, event);
        } else {
            self.send_offer(departure, event);
        }
    }
}

/// Notes what a lease tells of its client.
pub(super) fn remember(binding: &mut Binding, client: &Client<'_>) {
    let identifier = client.identifier.filter(|identifier| identifier.len() <= MAX_IDENTIFIER);
    if binding.identifier.as_deref() != identifier {
        binding.identifier = identifier.map(Box::from);
    }
    // Firmware and loaders have no name; the system's is kept.
    if client.host_name.is_some() && binding.host_name.as_deref() != client.host_name {
        binding.host_name = client.host_name.map(Box::from);
    }
}
