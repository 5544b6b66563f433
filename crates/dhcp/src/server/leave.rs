//! DECLINE, RELEASE and INFORM (rule D6).

use std::net::Ipv4Addr;
use std::time::Instant;

use crate::server::bindings::{Place, State};
use crate::server::reply::Reply;
use crate::server::{Asked, Server, boot};
use crate::{Happening, LeaseState, MessageType, Mode, Output, Policy, Silence, code};

impl<P: Policy> Server<P> {
    /// A client found its address in use.
    pub(super) fn decline(&mut self, now: Instant, asked: &Asked<'_>) {
        let Some(address) = asked.message.options.address(code::REQUESTED_ADDRESS) else {
            return self.tell_silent(now, asked, Silence::NoAddressAsked);
        };
        match self.held_by(asked, address) {
            Ok(place) => self.set_aside(now, place, None, true),
            Err(reason) => self.tell_silent(now, asked, reason),
        }
    }

    /// A client gives its address back. It is the client's again if that comes before anybody else needs it.
    pub(super) fn release(&mut self, now: Instant, asked: &Asked<'_>) {
        let address = asked.message.ciaddr;
        let place = match self.held_by(asked, address) {
            Ok(place) => place,
            Err(reason) => return self.tell_silent(now, asked, reason),
        };
        let Some(binding) = self.bindings.get_mut(place) else { return };
        let leased = binding.leased;
        (binding.ends, binding.released) = (now, true);
        if leased {
            self.store_only(place, LeaseState::Released);
        }
        self.let_go(place, leased);
        self.tell(asked, Happening::Released { address });
    }

    /// Takes a lease back without its client's word, as a person asks for it; tells whether there was one. The client keeps
    /// using the address until it renews, so that this is for machines that are gone.
    pub fn take_back(&mut self, now: Instant, address: Ipv4Addr) -> bool {
        let held =
            |place: &Place| self.bindings.get(*place).is_some_and(|binding| binding.state == State::Bound);
        let Some(place) = self.bindings.at(address).filter(held) else { return false };
        let Some(binding) = self.bindings.get_mut(place) else { return false };
        (binding.ends, binding.released) = (now, true);
        let (hardware, subnet) = (binding.hardware, binding.subnet);
        self.store_only(place, LeaseState::Released);
        self.let_go(place, true);
        self.tell_lease(hardware, subnet, Happening::Released { address });
        true
    }

    /// The binding by which the sender holds `address`: both its name and the address must be those of the lease.
    fn held_by(&self, asked: &Asked<'_>, address: Ipv4Addr) -> Result<Place, Silence> {
        if let Some(server) = asked.message.options.address(code::SERVER_IDENTIFIER)
            && server != asked.way.server
            && !self.is_own(server)
        {
            return Err(Silence::OtherServer(server));
        }
        let place = self.bindings.at(address).ok_or(Silence::NotKnown(address))?;
        let binding = self.bindings.get(place).ok_or(Silence::NotKnown(address))?;
        if binding.owner.as_ref() != Some(&asked.identity) {
            return Err(Silence::Spoofed(address));
        }
        match binding.state {
            State::Bound | State::Offered => Ok(place),
            State::Remembered | State::Declined => Err(Silence::NotKnown(address)),
        }
    }

    /// A client that has an address asks for parameters: there is neither an address nor a time in the answer.
    pub(super) fn inform(&mut self, now: Instant, asked: &Asked<'_>) {
        if asked.mode == Mode::Proxy {
            return self.tell_silent(now, asked, Silence::NotBooting);
        }
        let address = asked.message.ciaddr;
        if address.is_unspecified() {
            return self.tell_silent(now, asked, Silence::NoAddressAsked);
        }
        let Some(terms) = self.terms(now, asked) else { return };
        let Some(at) = self.index_of(terms.subnet) else {
            return self.tell_silent(now, asked, Silence::NoSubnet(address));
        };
        let reply = Reply {
            request: asked.message,
            kind: MessageType::Ack,
            client: asked.client,
            server: asked.way.server,
            address: Ipv4Addr::UNSPECIFIED,
            mask: self.subnets[at].subnet.mask(),
            lease: None,
            terms: Some(&terms),
            boot: terms.boot.as_ref().map(|boot| (boot, boot::style(boot, asked.client, false))),
        };
        let departure = self.departure(&asked.way, &reply);
        self.counters.acks += 1;
        self.outputs.push_back(Output::Send(departure));
        self.tell(asked, Happening::Informed { address });
    }
}
