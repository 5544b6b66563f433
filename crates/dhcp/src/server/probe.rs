//! Probes: whether anybody uses an address is found out before it is offered (rule D7).

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;

use crate::server::bindings::{Place, State};
use crate::server::{MAX_TRIES, Server};
use crate::{Departure, Destination, Event, Happening, LeaseState, Output, Policy, Silence};

/// An offer that leaves when its address was probed.
#[derive(Debug)]
pub(super) struct Probing {
    pub departure: Departure,
    pub event: Event,
    pub until: Instant,
    /// How many addresses more are tried for this client.
    pub left: u8,
}

/// Where the field `yiaddr` lies.
const YIADDR: std::ops::Range<usize> = 16..20;

impl<P: Policy> Server<P> {
    pub(super) fn begin_probe(&mut self, now: Instant, place: Place, departure: Departure, event: Event) {
        let until = now + self.config.probe_wait;
        self.ask_probe(place, &departure);
        self.wait_for_probe(place, departure, event, until, MAX_TRIES);
    }

    fn ask_probe(&mut self, place: Place, departure: &Departure) {
        let Some(binding) = self.bindings.get(place) else { return };
        // Through a relay the answer goes to its port, and to no client's.
        let relayed = matches!(departure.to, Destination::Unicast(_));
        let (address, interface) = (binding.address, departure.interface);
        self.outputs.push_back(Output::Probe { address, interface, relayed });
    }

    pub(super) fn wait_for_probe(
        &mut self,
        place: Place,
        departure: Departure,
        event: Event,
        until: Instant,
        left: u8,
    ) {
        if let Some(binding) = self.bindings.get_mut(place) {
            binding.probing = Some(Box::new(Probing { departure, event, until, left }));
            self.bindings.set_timer(place, Some(until));
        }
    }

    /// Lets an offer go whose address nobody uses, as far as is known.
    pub(super) fn end_probe(&mut self, now: Instant, place: Place) -> bool {
        let hold = now + self.config.offer_hold;
        let Some(probing) = self.bindings.get_mut(place).and_then(|binding| binding.probing.take()) else {
            return false;
        };
        self.hold_until(place, hold);
        self.send_offer(probing.departure, probing.event);
        true
    }

    pub(super) fn send_offer(&mut self, departure: Departure, event: Event) {
        self.counters.offers += 1;
        self.outputs.push_back(Output::Send(departure));
        self.outputs.push_back(Output::Event(event));
    }

    /// Tells what a probe found: the hardware address of whoever uses the address, zeros where it is not known, or nobody.
    pub fn probed(&mut self, now: Instant, address: Ipv4Addr, in_use: Option<[u8; 6]>) {
        let Some(place) = self.bindings.at(address) else { return };
        let Some(binding) = self.bindings.get_mut(place).filter(|binding| binding.state == State::Offered)
        else {
            return;
        };
        // A machine that answers for the address that it had is no conflict.
        let Some(by) = in_use.filter(|mac| binding.hardware.mac() != Some(*mac)) else {
            self.end_probe(now, place);
            return;
        };
        let probing = binding.probing.take();
        let owner = binding.owner.clone();
        let (subnet, member) = (binding.subnet, binding.member);
        let by = Some(by).filter(|mac| *mac != [0; 6]);
        self.set_aside(now, place, by, false);
        // An offer that has left already is refused when it is taken; one that waits gets another address.
        let (Some(probing), Some(owner)) = (probing, owner) else { return };
        let Some(at) = self.index_of(subnet) else { return };
        let next = if probing.left > 0 { self.subnets[at].pool.take_next() } else { None };
        let Some(next) = next else {
            let what = Happening::Silent { message: None, reason: Silence::PoolExhausted };
            self.counters.exhausted += 1;
            self.outputs.push_back(Output::Event(Event { what, ..probing.event }));
            return self.recycle(probing.departure.bytes);
        };
        let Probing { mut departure, mut event, left, .. } = *probing;
        departure.bytes[YIADDR].copy_from_slice(&next.octets());
        if let Destination::Hardware { address, .. } = &mut departure.to {
            *address = SocketAddrV4::new(next, address.port());
        }
        if let Happening::Offered { address, .. } = &mut event.what {
            *address = next;
        }
        let place = self.bind_again(now, next, subnet, owner, member);
        self.ask_probe(place, &departure);
        let until = now + self.config.probe_wait;
        self.wait_for_probe(place, departure, event, until, left - 1);
    }

    /// Sets an address aside that somebody uses.
    pub(super) fn set_aside(&mut self, now: Instant, place: Place, by: Option<[u8; 6]>, declined: bool) {
        let ends = now + self.config.decline_hold;
        self.release_member(place);
        self.bindings.disown(place);
        let Some(binding) = self.bindings.get_mut(place) else { return };
        binding.state = State::Declined;
        (binding.begins, binding.ends) = (now, ends);
        let (address, subnet, hardware) = (binding.address, binding.subnet, binding.hardware);
        self.bindings.set_timer(place, Some(ends));
        if let Some(at) = self.index_of(subnet)
            && self.subnets[at].pool.contains(address)
        {
            self.subnets[at].set_aside.push_back(address);
        }
        self.store_only(place, LeaseState::Declined);
        self.counters.in_use += 1;
        self.tell_lease(hardware, subnet, Happening::InUse { address, by, declined });
    }
}
