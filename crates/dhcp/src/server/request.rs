//! REQUEST: an offer is taken, or an address kept.

use std::time::Instant;

use crate::server::bindings::{Identity, Place, State};
use crate::server::discover::remember;
use crate::server::reply::Reply;
use crate::server::{MAX_WAITING, Server, Way, boot};
use crate::{Client, Happening, Message, MessageType, Policy, Silence, Terms, code};

impl<P: Policy> Server<P> {
    pub(super) fn request(
        &mut self,
        now: Instant,
        message: &Message,
        client: &Client<'_>,
        way: &Way<'_>,
        identity: Identity,
    ) {
        if let Some(server) = message.options.address(code::SERVER_IDENTIFIER)
            && server != way.server
        {
            if let Some(place) = self.bindings.of(client.subnet, &identity)
                && self.bindings.get(place).is_some_and(|binding| binding.state == State::Offered)
            {
                self.end(place);
            }
            return self.tell(message, way, client.subnet, Happening::TookOther { server });
        }
        let Some(terms) = self.terms(message, client, way) else { return };
        let place = self.bindings.of(terms.subnet, &identity).filter(|place| {
            self.bindings.get(*place).is_some_and(|binding| Some(binding.address) == client.requested)
        });
        let Some(place) = place else { return };
        self.acknowledge(now, message, client, way, &terms, place);
    }

    fn acknowledge(
        &mut self,
        now: Instant,
        message: &Message,
        client: &Client<'_>,
        way: &Way<'_>,
        terms: &Terms,
        place: Place,
    ) {
        if self.waiting.len() >= MAX_WAITING {
            return self.tell_silent(message, way, Some(terms.subnet), Silence::Overloaded);
        }
        let Some(binding) = self.bindings.get_mut(place) else { return };
        let address = binding.address;
        let renewed = binding.state == State::Bound;
        binding.state = State::Bound;
        binding.begins = now;
        binding.ends = now + terms.lease;
        let ends = binding.ends;
        remember(binding, client);
        self.bindings.set_timer(place, Some(ends));
        let reply = Reply {
            request: message,
            kind: MessageType::Ack,
            client: Some(client),
            server: way.server,
            address,
            mask: self.mask_of(terms.subnet),
            lease: Some(terms.lease),
            terms: Some(terms),
            boot: terms.boot.as_ref().map(|boot| (boot, boot::style(boot, client, false))),
        };
        let departure = self.departure(way, &reply);
        let event =
            self.event(message, way, terms.subnet, Happening::Bound { address, kind: client.kind, renewed });
        self.store(place, departure, event);
    }
}
