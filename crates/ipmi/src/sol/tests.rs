//! A sender and a receiver over a network that loses, copies and reorders, where the receiver often has little room.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::sol::packet::SolPacket;
use crate::sol::receiver::{Acknowledgement, Receiver};
use crate::sol::sender::{Gather, Retry, Sender};

/// A small generator (an LCG): the same seed gives the same run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

enum Arrival {
    Packet(u32, Vec<u8>),
    Told(u32, Acknowledgement),
}

struct Pair {
    random: Random,
    /// Of 100 packets so many are lost.
    loss: u64,
    now: Instant,
    wire: BTreeMap<(Instant, u64), Arrival>,
    count: u64,
}

impl Pair {
    /// Puts it on the wire up to twice; copies have the same session sequence number, of which the session drops all but
    /// the first, so there are none here.
    fn put(&mut self, arrival: Arrival) {
        if self.random.below(100) < self.loss {
            return;
        }
        self.count += 1;
        let delay = Duration::from_millis(self.random.below(900));
        self.wire.insert((self.now + delay, self.count), arrival);
    }
}

/// Sends a text, of each packet of which the receiver has room for at least `least_room` characters.
fn run(seed: u64, loss: u64, least_room: u64) {
    let now = Instant::now();
    let mut pair = Pair { random: Random(seed), loss, now, wire: BTreeMap::new(), count: 0 };
    let retry = Retry {
        first: Duration::from_millis(300),
        ceiling: Duration::from_millis(600),
        count: 1000,
        renumber_after: None,
    };
    let gather = Gather { interval: Duration::from_millis(20), threshold: 30 };
    let mut sender = Sender::new(now, 4096, 40, retry, gather);
    let mut receiver = Receiver::default();
    let text: Vec<u8> = (0..2000).map(|_| pair.random.below(256) as u8).collect();
    assert_eq!(sender.write(now, &text), text.len());
    let (mut orders, mut delivered) = ((0, 0), Vec::new());
    while sender.waiting() > 0 {
        if let Some(transmission) = sender.transmit(pair.now) {
            let packet = SolPacket {
                sequence: transmission.sequence,
                acknowledged: 0,
                accepted: 0,
                flags: transmission.flags,
                characters: transmission.characters,
            };
            let bytes = packet.encode();
            orders.0 += 1;
            pair.put(Arrival::Packet(orders.0, bytes));
        }
        let arrival = pair.wire.first_key_value().map(|((at, _), _)| *at);
        let wakes = arrival.into_iter().chain(sender.next_wake());
        pair.now = wakes.min().expect("there is always something to wait for").max(pair.now);
        if arrival.is_none_or(|at| at > pair.now) {
            continue;
        }
        match pair.wire.pop_first() {
            Some((_, Arrival::Packet(order, bytes))) => {
                let packet = SolPacket::decode(&bytes).unwrap();
                let room = (least_room + pair.random.below(60)) as usize;
                if let Some(intake) = receiver.take(pair.now, order, &packet, room) {
                    delivered.extend_from_slice(intake.characters);
                    orders.1 += 1;
                    pair.put(Arrival::Told(orders.1, intake.acknowledgement));
                }
            }
            Some((_, Arrival::Told(order, told))) => {
                sender.acknowledged(pair.now, order, told.sequence, told.accepted, told.refused);
            }
            None => {}
        }
    }
    assert!(delivered == text, "seed {seed}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn every_character_arrives_once_and_in_order(seed: u64) {
        run(seed, 20, 1);
    }

    // Where all refusals of a packet get lost for as long as they stand, the protocol has no way to tell a stubborn
    // sender from a deaf one; so here they are late and out of order, and arrive.
    #[test]
    fn nothing_is_lost_or_doubled_where_packets_are_refused(seed: u64) {
        run(seed, 0, 0);
    }
}
