//! Probes, limits, and what is told how often (rules D7 and D15).

use std::net::Ipv4Addr;
use std::time::Duration;

use ironhand_dhcp::{Answer, Happening, LeaseState, Message, MessageType, Mode, ServerConfig, Silence, code};

use crate::bench::{Bench, Machine, pooled, subnet_of};

const FIRST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);
const SECOND: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 101);

fn probing() -> Bench {
    Bench::with(subnet_of(|subnet| subnet.probe = true), ServerConfig::default())
}

#[test]
fn d7_an_address_is_offered_when_nobody_answers_for_it() {
    let mut bench = probing();
    bench.receive(&Machine(1).discover());
    assert_eq!((bench.sent.len(), &bench.probes[..]), (0, &[FIRST][..]));
    // The client asks again meanwhile: one probe, one answer.
    let again = Message { xid: 77, ..Machine(1).discover() };
    bench.receive(&again);
    assert_eq!((bench.sent.len(), bench.probes.len()), (0, 1));
    bench.server.probed(bench.now, FIRST, None);
    bench.drain();
    let offer = bench.answer();
    assert_eq!((offer.yiaddr, offer.xid), (FIRST, 77));
    // What is held is not probed again.
    bench.receive(&Machine(1).discover());
    assert_eq!((bench.answer().yiaddr, bench.probes.len()), (FIRST, 1));
}

#[test]
fn d7_no_answer_in_time_is_taken_as_nobody() {
    let mut bench = probing();
    bench.receive(&Machine(1).discover());
    bench.pass(Duration::from_millis(299));
    assert!(bench.sent.is_empty());
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.answer().yiaddr, FIRST);
}

#[test]
fn d7_an_address_in_use_is_set_aside_and_the_next_one_offered() {
    let mut bench = probing();
    bench.receive(&Machine(1).discover());
    bench.server.probed(bench.now, FIRST, Some([9; 6]));
    bench.drain();
    assert_eq!(bench.probes, [FIRST, SECOND]);
    bench.server.probed(bench.now, SECOND, None);
    bench.drain();
    let offer = bench.answer();
    assert_eq!(offer.yiaddr, SECOND);
    assert!(bench.happened().contains(&Happening::InUse {
        address: FIRST,
        by: Some([9; 6]),
        declined: false
    }));
    assert_eq!(bench.server.lease_of(FIRST).map(|lease| lease.state), Some(LeaseState::Declined));
    bench.receive(&Machine(1).takes(&offer));
    assert_eq!(bench.answer().yiaddr, SECOND);
}

#[test]
fn d7_a_machine_that_answers_for_its_own_address_is_no_conflict() {
    let mut bench = probing();
    bench.receive(&Machine(1).discover());
    bench.server.probed(bench.now, FIRST, Some(Machine(1).mac()));
    bench.drain();
    assert_eq!(bench.answer().yiaddr, FIRST);
}

#[test]
fn d7_an_offer_found_in_use_too_late_is_refused_when_it_is_taken() {
    let mut bench = probing();
    bench.receive(&Machine(1).discover());
    bench.pass(Duration::from_millis(300));
    let offer = bench.answer();
    bench.server.probed(bench.now, FIRST, Some([9; 6]));
    bench.drain();
    bench.receive(&Machine(1).takes(&offer));
    assert_eq!(bench.answer().message_type(), Some(MessageType::Nak));
}

/// A DISCOVER of machine `at` from a port of a relay.
fn behind(circuit: u8, at: u8) -> Message {
    let mut message = Message { giaddr: Ipv4Addr::new(10, 0, 0, 254), ..Machine(at).discover() };
    message.options.set(code::RELAY_AGENT_INFORMATION, &[1, 1, circuit]);
    message
}

#[test]
fn a_circuit_holds_no_more_addresses_than_it_may() {
    let config = ServerConfig { addresses_per_circuit: 2, ..ServerConfig::default() };
    let mut bench = Bench::with(subnet_of(|_| {}), config.clone());
    for at in 1..=2 {
        bench.receive(&behind(5, at));
        bench.answer();
    }
    bench.receive(&behind(5, 3));
    assert_eq!(bench.silence(), Silence::CircuitLimit);
    bench.receive(&behind(6, 4));
    bench.answer();
    // Whoever has an address is not counted anew.
    bench.receive(&behind(5, 1));
    bench.answer();
    bench.pass(config.offer_hold);
    bench.receive(&behind(5, 3));
    bench.answer();
    assert_eq!(bench.server.counters().limited, 1);
}

#[test]
fn a_prefix_holds_no_more_addresses_than_it_may() {
    let config = ServerConfig { addresses_per_prefix: 1, ..ServerConfig::default() };
    let mut bench = Bench::with(subnet_of(|_| {}), config);
    let address = bench.lease(Machine(1)).yiaddr;
    bench.receive(&Machine(2).discover());
    assert_eq!(bench.silence(), Silence::PrefixLimit);
    bench.receive(&Machine(1).releases(address));
    bench.lease(Machine(2));
}

#[test]
fn d15_the_same_refusal_is_told_once_in_a_while_with_the_number_left_out() {
    let mut bench = Bench::new();
    bench.rule(|_| Answer::Silent("no record of it".into()));
    for _ in 0..10 {
        bench.receive(&Machine(1).discover());
    }
    assert_eq!(bench.events.len(), 1);
    bench.pass(Duration::from_secs(90));
    bench.receive(&Machine(1).discover());
    assert_eq!(bench.events.last().map(|event| event.left_out), Some(9));
    assert_eq!(bench.server.counters().left_out, 9);
    // Made-up names are told no more than so many a second.
    bench.events.clear();
    for number in 0..5_000_u32 {
        let mut message = Machine(1).discover();
        let [_, a, b, c] = number.to_be_bytes();
        message.chaddr = ironhand_dhcp::HardwareAddress::ethernet([2, 0, 0, a, b, c]);
        bench.receive(&message);
    }
    assert!(bench.events.len() <= 200, "{}", bench.events.len());
}

#[test]
fn reservations_alone_give_nothing_from_the_pool() {
    let mut bench =
        Bench::with(subnet_of(|subnet| subnet.mode = Mode::Reservations), ServerConfig::default());
    bench.receive(&Machine(1).discover());
    assert_eq!(bench.silence(), Silence::NoReservation);
    bench.serve(ironhand_dhcp::Terms {
        address: ironhand_dhcp::Choice::Reserved(Ipv4Addr::new(10, 0, 0, 9)),
        ..pooled()
    });
    assert_eq!(bench.lease(Machine(1)).yiaddr, Ipv4Addr::new(10, 0, 0, 9));
    let mut off = Bench::with(subnet_of(|subnet| subnet.mode = Mode::Off), ServerConfig::default());
    off.receive(&Machine(1).discover());
    assert_eq!(off.silence(), Silence::Off);
}
