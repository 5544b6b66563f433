//! REQUEST: an offer is taken, or an address kept (RFC 2131, section 4.3.2).

use std::net::Ipv4Addr;
use std::time::Instant;

use crate::server::bindings::{Binding, Place, State};
use crate::server::discover::remember;
use crate::server::limits::Membership;
use crate::server::reply::Reply;
use crate::server::{Asked, MAX_WAITING, Server, boot};
use crate::{
    Choice, Client, Departure, Event, Happening, LeaseState, MessageType, Mode, Output, Policy, Silence,
    Terms,
};
use crate::{Ticket, code};

/// In which state of its own a client asks (RFC 2131, table 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    /// It takes our offer.
    Selecting,
    /// It keeps an address that it remembers, or renews one: INIT-REBOOT, RENEWING, REBINDING.
    Keeping,
}

impl<P: Policy> Server<P> {
    pub(super) fn request(&mut self, now: Instant, asked: &Asked<'_>) {
        let server = asked.message.options.address(code::SERVER_IDENTIFIER);
        let ours = server.map(|server| server == asked.way.server || self.is_own(server));
        if asked.mode == Mode::Proxy {
            return match (ours, server) {
                (Some(true), _) if asked.client.boots() => self.boot_service(now, asked),
                (Some(false), Some(server)) => self.tell(asked, took(asked.client, server)),
                // Whoever has an address has it from the other server (rule P15).
                _ => {}
            };
        }
        if let (Some(false), Some(server)) = (ours, server) {
            return self.took_other(asked, server);
        }
        let Some(address) = asked.client.requested else {
            return self.tell_silent(now, asked, Silence::NoAddressAsked);
        };
        let asking = if ours == Some(true) { Asking::Selecting } else { Asking::Keeping };
        let Some(terms) = self.terms(now, asked) else { return };
        let Some(at) = self.index_of(terms.subnet) else {
            return self.tell_silent(now, asked, Silence::NoSubnet(Ipv4Addr::UNSPECIFIED));
        };
        if self.is_proxy_for(at, &terms) {
            // It has its address from another server, or a policy that has changed; either way it is not ours to judge.
            return self.tell_silent(now, asked, Silence::NotYours(address));
        }
        // What it had from us and has no longer is ours to judge, whoever else answers here (RFC 2131, section 4.3.2).
        let had = self.bindings.of(terms.subnet, &asked.identity).and_then(|place| self.bindings.get(place));
        let had = had.is_some_and(|binding| binding.leased && binding.address == address);
        match self.grant(now, at, asked, &terms, address, asking) {
            Ok(place) => self.acknowledge(now, at, asked, &terms, place),
            Err(reason) => {
                let sure = asking == Asking::Selecting || had || self.subnets[at].subnet.authoritative;
                match reason {
                    Silence::NotYours(_) | Silence::WrongNetwork(_) | Silence::AddressTaken(_) if sure => {
                        self.refuse(now, asked, &terms, address, reason);
                    }
                    _ => self.tell_silent(now, asked, reason),
                }
            }
        }
    }

    /// The client took the offer of another server: ours is free (rule D4).
    fn took_other(&mut self, asked: &Asked<'_>, server: Ipv4Addr) {
        if let Some(place) = self.bindings.of(asked.client.subnet, &asked.identity)
            && self.bindings.get(place).is_some_and(|binding| binding.state == State::Offered)
        {
            self.end(place);
        }
        self.tell(asked, took(asked.client, server));
    }

    /// Finds the binding of a client that asks for `address`, or makes it where the address may be had.
    fn grant(
        &mut self,
        now: Instant,
        at: usize,
        asked: &Asked<'_>,
        terms: &Terms,
        address: Ipv4Addr,
        asking: Asking,
    ) -> Result<Place, Silence> {
        if !self.subnets[at].subnet.contains(address) {
            return Err(Silence::WrongNetwork(address));
        }
        if !self.fits(at, address, terms) {
            return Err(Silence::NotYours(address));
        }
        let member = Membership::of(asked.client, terms.subnet);
        if let Some(place) = self.bindings.of(terms.subnet, &asked.identity)
            && let Some(binding) = self.bindings.get(place)
        {
            if binding.address == address {
                if binding.state == State::Remembered {
                    self.check_limits(member)?;
                    self.take_again(at, place, member);
                }
                return Ok(place);
            }
            if binding.holds() {
                return Err(Silence::NotYours(address));
            }
        }
        // Nothing is known of it. A reservation is a record; beyond that only a server that is alone here may give what it
        // does not remember, as after the loss of its records.
        let reserved = terms.address == Choice::Reserved(address);
        if asking == Asking::Keeping && !reserved && !self.subnets[at].subnet.authoritative {
            return Err(Silence::NotKnown(address));
        }
        if reserved {
            self.take_reserved(at, address)?;
        } else {
            self.check_limits(member)?;
            if !self.subnets[at].pool.take(address) {
                return Err(Silence::NotYours(address));
            }
        }
        let mut binding = Binding::new(address, terms.subnet, asked.identity.clone(), now);
        if self.subnets[at].pool.contains(address) {
            self.held.add(member);
            binding.member = Some(member);
        }
        Ok(self.bindings.insert(binding))
    }

    /// Binds an address, and has the lease stored; the ACK leaves behind that.
    fn acknowledge(&mut self, now: Instant, at: usize, asked: &Asked<'_>, terms: &Terms, place: Place) {
        let hold = now + self.config.offer_hold;
        if self.waiting.len() >= MAX_WAITING {
            self.hold_until(place, hold);
            return self.tell_silent(now, asked, Silence::Overloaded);
        }
        let Some(binding) = self.bindings.get_mut(place) else { return };
        let address = binding.address;
        let renewed = binding.state == State::Bound;
        binding.state = State::Bound;
        binding.begins = now;
        binding.ends = now + terms.lease;
        binding.leased = true;
        binding.released = false;
        let ends = binding.ends;
        remember(binding, asked.client);
        let probing = binding.probing.take();
        self.bindings.set_timer(place, Some(ends));
        if let Some(probing) = probing {
            self.recycle(probing.departure.bytes);
        }
        let reply = Reply {
            request: asked.message,
            kind: MessageType::Ack,
            client: asked.client,
            server: asked.way.server,
            address,
            mask: self.subnets[at].subnet.mask(),
            lease: Some(terms.lease),
            terms: Some(terms),
            boot: terms.boot.as_ref().map(|boot| (boot, boot::style(boot, asked.client, false))),
        };
        let departure = self.departure(&asked.way, &reply);
        let what = Happening::Bound { address, kind: asked.client.kind, renewed };
        let event = self.event(asked, terms.subnet, what);
        self.store(place, departure, event);
    }

    fn refuse(&mut self, now: Instant, asked: &Asked<'_>, terms: &Terms, address: Ipv4Addr, reason: Silence) {
        let reply = Reply {
            request: asked.message,
            kind: MessageType::Nak,
            client: asked.client,
            server: asked.way.server,
            address: Ipv4Addr::UNSPECIFIED,
            mask: Ipv4Addr::UNSPECIFIED,
            lease: None,
            terms: None,
            boot: None,
        };
        let departure = self.departure(&asked.way, &reply);
        self.counters.naks += 1;
        self.outputs.push_back(Output::Send(departure));
        let event = self.event(asked, terms.subnet, Happening::Refused { address, reason: reason.clone() });
        self.tell_quietly(now, &reason, event);
    }

    /// Asks for a lease to be stored, behind which `departure` leaves.
    fn store(&mut self, place: Place, departure: Departure, event: Event) {
        let ticket = self.next_ticket();
        let Some(binding) = self.bindings.get_mut(place) else { return };
        binding.ticket = Some(ticket);
        let address = binding.address;
        let lease = self.bindings.get(place).map(|binding| self.lease(binding, LeaseState::Bound));
        self.waiting.push_back(Some(Waiting { place, address, departure, event }));
        self.outputs.extend(lease.map(|lease| Output::Store { ticket, lease }));
    }

    /// Asks for a lease to be stored that nobody waits for.
    pub(super) fn store_only(&mut self, place: Place, state: LeaseState) {
        let ticket = self.next_ticket();
        let Some(binding) = self.bindings.get(place) else { return };
        let lease = self.lease(binding, state);
        self.waiting.push_back(None);
        self.outputs.push_back(Output::Store { ticket, lease });
    }

    fn next_ticket(&self) -> Ticket {
        Ticket(self.first_waiting + self.waiting.len() as u64)
    }

    /// Lets an ACK go, unless the client gave its address back meanwhile, or drops it.
    pub(super) fn settle(&mut self, now: Instant, ticket: Ticket, waiting: Waiting, stored: bool) {
        let Waiting { place, address, departure, event } = waiting;
        let same = |binding: &&mut Binding| binding.address == address && binding.state == State::Bound;
        let Some(binding) = self.bindings.get_mut(place).filter(same) else {
            return self.recycle(departure.bytes);
        };
        let last = binding.ticket == Some(ticket);
        if last {
            binding.ticket = None;
        }
        if stored {
            self.counters.acks += 1;
            self.outputs.push_back(Output::Send(departure));
            self.outputs.push_back(Output::Event(event));
            return;
        }
        let fresh = last && !matches!(event.what, Happening::Bound { renewed: true, .. });
        if fresh {
            // What was never stored is an offer.
            (binding.state, binding.leased) = (State::Offered, false);
        }
        self.recycle(departure.bytes);
        if fresh {
            let hold = now + self.config.offer_hold;
            self.hold_until(place, hold);
        }
        self.counters.not_stored += 1;
        self.outputs.push_back(Output::Event(Event { what: Happening::NotStored { address }, ..event }));
    }
}

fn took(client: &Client<'_>, server: Ipv4Addr) -> Happening {
    Happening::TookOther { server, address: client.requested, kind: client.kind }
}

/// An ACK that leaves when its lease is stored.
#[derive(Debug)]
pub(super) struct Waiting {
    place: Place,
    address: Ipv4Addr,
    departure: Departure,
    event: Event,
}
