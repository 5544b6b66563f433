//! DISCOVER: an address is found and held.

use std::net::Ipv4Addr;
use std::time::Instant;

use crate::server::bindings::{Binding, Identity, Place, State};
use crate::server::reply::Reply;
use crate::server::{Server, Way, boot};
use crate::{
    Choice, Client, Happening, MAX_IDENTIFIER, Message, MessageType, Mode, Output, Policy, Silence, SubnetId,
    Terms,
};

impl<P: Policy> Server<P> {
    pub(super) fn discover(
        &mut self,
        now: Instant,
        message: &Message,
        client: &Client<'_>,
        way: &Way<'_>,
        identity: Identity,
    ) {
        let proxy =
            self.place_of(client.subnet).is_some_and(|at| self.subnets[at].subnet.mode == Mode::Proxy);
        if proxy && !client.boots() {
            return self.tell_silent(message, way, Some(client.subnet), Silence::NotBooting);
        }
        let Some(terms) = self.terms(message, client, way) else { return };
        let Some(at) = self.place_of(terms.subnet) else {
            return self.tell_silent(message, way, None, Silence::NoSubnet(Ipv4Addr::UNSPECIFIED));
        };
        if self.is_proxy_for(at, &terms) {
            return self.offer_boot(message, client, way, &terms);
        }
        let place = match self.hold(now, at, &identity, &terms, client.requested) {
            Ok(place) => place,
            Err(reason) => return self.tell_silent(message, way, Some(terms.subnet), reason),
        };
        self.offer(message, client, way, &terms, place);
    }

    /// Finds an address for a client, and holds it at least for the transaction.
    pub(super) fn hold(
        &mut self,
        now: Instant,
        at: usize,
        identity: &Identity,
        terms: &Terms,
        wish: Option<Ipv4Addr>,
    ) -> Result<Place, Silence> {
        let until = now + self.config.offer_hold;
        let own = self.bindings.of(terms.subnet, identity);
        let address = match terms.address {
            Choice::Reserved(address) => Some(address),
            _ => None,
        };
        if let Some(place) = own
            && let Some(binding) = self.bindings.get(place)
        {
            let fits = match address {
                Some(address) => binding.address == address,
                None => self.subnets[at].pool.contains(binding.address),
            };
            if fits && (binding.holds() || self.take(at, binding.address)) {
                self.hold_again(place, until);
                return Ok(place);
            }
            // It had another address, which is free again.
            self.drop_binding(place);
        }
        let address = match address {
            Some(address) => self.take_reserved(at, address)?,
            None => self.take_pooled(at, wish)?,
        };
        Ok(self.bind(now, terms.subnet, identity, address, until))
    }

    fn hold_again(&mut self, place: Place, until: Instant) {
        let Some(binding) = self.bindings.get_mut(place) else { return };
        if binding.state == State::Remembered {
            binding.state = State::Offered;
            binding.known_before = true;
        }
        if binding.state == State::Offered {
            binding.ends = until;
            self.bindings.set_timer(place, Some(until));
        }
    }

    /// Takes an address that is free out of its pool, if it is of one.
    fn take(&mut self, at: usize, address: Ipv4Addr) -> bool {
        let pool = &mut self.subnets[at].pool;
        !pool.contains(address) || pool.take(address)
    }

    fn take_reserved(&mut self, at: usize, address: Ipv4Addr) -> Result<Ipv4Addr, Silence> {
        if !self.subnets[at].subnet.contains(address) {
            return Err(Silence::WrongNetwork(address));
        }
        if let Some(place) = self.bindings.at(address) {
            if self
                .bindings
                .get(place)
                .is_some_and(|binding| matches!(binding.state, State::Bound | State::Declined))
            {
                return Err(Silence::AddressTaken(address));
            }
            self.drop_binding(place);
        }
        self.take(at, address);
        Ok(address)
    }

    fn take_pooled(&mut self, at: usize, wish: Option<Ipv4Addr>) -> Result<Ipv4Addr, Silence> {
        if self.subnets[at].subnet.mode != Mode::Full {
            return Err(Silence::NoReservation);
        }
        let pool = &mut self.subnets[at].pool;
        let wish = wish.filter(|wish| pool.take(*wish));
        wish.or_else(|| pool.take_next()).ok_or(Silence::PoolExhausted)
    }

    fn bind(
        &mut self,
        now: Instant,
        subnet: SubnetId,
        identity: &Identity,
        address: Ipv4Addr,
        until: Instant,
    ) -> Place {
        let mut binding = Binding::new(address, subnet, identity.clone(), now);
        binding.ends = until;
        let place = self.bindings.insert(binding);
        self.bindings.set_timer(place, Some(until));
        place
    }

    /// Forgets a binding, whose address is free again.
    pub(super) fn drop_binding(&mut self, place: Place) {
        if let Some(binding) = self.bindings.remove(place)
            && binding.holds()
        {
            self.give_back(binding.address);
        }
    }

    fn offer(&mut self, message: &Message, client: &Client<'_>, way: &Way<'_>, terms: &Terms, place: Place) {
        let Some(binding) = self.bindings.get_mut(place) else { return };
        let address = binding.address;
        remember(binding, client);
        let reply = Reply {
            request: message,
            kind: MessageType::Offer,
            client: Some(client),
            server: way.server,
            address,
            mask: self.mask_of(terms.subnet),
            lease: Some(terms.lease),
            terms: Some(terms),
            boot: terms.boot.as_ref().map(|boot| (boot, boot::style(boot, client, false))),
        };
        let departure = self.departure(way, &reply);
        self.outputs.push_back(Output::Send(departure));
        self.tell(message, way, terms.subnet, Happening::Offered { address, kind: client.kind });
    }

    pub(super) fn mask_of(&self, subnet: SubnetId) -> Ipv4Addr {
        self.place_of(subnet).map_or(Ipv4Addr::BROADCAST, |at| self.subnets[at].subnet.mask())
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
