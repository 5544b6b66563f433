//! DECLINE, RELEASE and INFORM (rule D6), and who may send them.

use std::net::Ipv4Addr;
use std::time::Duration;

use ironhand_dhcp::{Destination, Happening, LeaseState, MessageType, Silence, code};

use crate::bench::{Bench, Machine, subnet_of};

#[test]
fn a_declined_address_is_set_aside_and_another_given() {
    let mut bench = Bench::new();
    let first = bench.lease(Machine(1)).yiaddr;
    bench.receive(&Machine(1).declines(first));
    assert!(bench.sent.is_empty());
    let told = Happening::InUse { address: first, by: None, declined: true };
    assert!(bench.happened().contains(&told));
    assert_eq!(bench.stored.last().map(|(_, lease)| lease.state), Some(LeaseState::Declined));
    let second = bench.lease(Machine(1)).yiaddr;
    assert_ne!(first, second);
    // After its hour it is an address like any other.
    bench.pass(Duration::from_secs(3600));
    assert_eq!(bench.server.pool_use().next().map(|pool| pool.free), Some(100));
}

#[test]
fn whoever_declines_everything_empties_no_pool() {
    let last = Ipv4Addr::new(10, 0, 0, 103);
    let mut bench = Bench::with(
        subnet_of(|subnet| subnet.pools = vec![Ipv4Addr::new(10, 0, 0, 100)..=last]),
        ironhand_dhcp::ServerConfig::default(),
    );
    for _ in 0..20 {
        let address = bench.lease(Machine(66)).yiaddr;
        bench.receive(&Machine(66).declines(address));
    }
    bench.lease(Machine(1));
}

#[test]
fn a_released_address_is_kept_for_its_client_as_long_as_nobody_needs_it() {
    let mut bench = Bench::new();
    let address = bench.lease(Machine(1)).yiaddr;
    bench.receive(&Machine(1).releases(address));
    assert_eq!(bench.stored.last().map(|(_, lease)| lease.state), Some(LeaseState::Released));
    assert_eq!(bench.server.lease_of(address).map(|lease| lease.state), Some(LeaseState::Released));
    assert_ne!(bench.lease(Machine(2)).yiaddr, address);
    assert_eq!(bench.lease(Machine(1)).yiaddr, address);
}

#[test]
fn nobody_gives_back_or_declines_the_lease_of_another() {
    let mut bench = Bench::new();
    let address = bench.lease(Machine(1)).yiaddr;
    for message in [Machine(2).releases(address), Machine(3).declines(address)] {
        bench.receive(&message);
        assert_eq!(bench.silence(), Silence::Spoofed(address));
    }
    assert_eq!(bench.server.counters().spoofed, 2);
    assert_eq!(bench.server.lease_of(address).map(|lease| lease.state), Some(LeaseState::Bound));
}

#[test]
fn inform_is_answered_without_address_and_time() {
    let mut bench = Bench::new();
    let mut message = Machine(1).says(MessageType::Inform);
    message.ciaddr = Ipv4Addr::new(10, 0, 0, 42);
    bench.receive(&message);
    assert_eq!(bench.sent[0].to, Destination::Unicast("10.0.0.42:68".parse().expect("an address")));
    let ack = bench.answer();
    assert_eq!(ack.message_type(), Some(MessageType::Ack));
    assert_eq!((ack.yiaddr, ack.ciaddr), (Ipv4Addr::UNSPECIFIED, message.ciaddr));
    assert_eq!(ack.options.get(code::LEASE_TIME), None);
    assert!(ack.options.get(code::SUBNET_MASK).is_some());
    assert!(bench.stored.is_empty());
}

#[test]
fn an_administrator_takes_a_lease_back() {
    let mut bench = Bench::new();
    let address = bench.lease(Machine(1)).yiaddr;
    assert!(bench.server.take_back(bench.now, address));
    assert!(!bench.server.take_back(bench.now, address));
    bench.drain();
    assert_eq!(bench.stored.last().map(|(_, lease)| lease.state), Some(LeaseState::Released));
}
