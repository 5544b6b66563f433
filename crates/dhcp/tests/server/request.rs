//! REQUEST in each state of a client (RFC 2131, table 4; rules D4 and D5).

use std::net::Ipv4Addr;
use std::time::Duration;

use ironhand_dhcp::{Choice, Happening, MessageType, Mode, ServerConfig, Silence, StoreFailed, Terms, code};

use crate::bench::{Bench, Machine, SERVER, pooled, subnet};

/// The first address of the pool.
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(192, 168, 7, 7);

#[test]
fn d3_concurrent_discovers_of_one_machine_are_offered_the_same_address() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        bench.receive(&Machine(1).discover());
        assert_eq!(bench.answer().yiaddr, FIRST);
    }
    bench.receive(&Machine(2).discover());
    assert_eq!(bench.answer().yiaddr, Ipv4Addr::new(10, 0, 0, 101));
}

#[test]
fn d4_an_offer_is_free_again_when_the_client_takes_that_of_another_server() {
    let mut bench = Bench::new();
    bench.receive(&Machine(1).discover());
    let offer = bench.answer();
    let mut takes = Machine(1).takes(&offer);
    takes.options.set_addresses(code::SERVER_IDENTIFIER, &[Ipv4Addr::new(10, 0, 0, 2)]);
    bench.receive(&takes);
    assert!(bench.sent.is_empty());
    assert!(matches!(bench.happened().pop(), Some(Happening::TookOther { .. })));
    assert_eq!(bench.server.pool_use().next().map(|pool| pool.free), Some(100));
}

#[test]
fn d5_only_a_server_that_is_alone_refuses_what_it_does_not_know() {
    for authoritative in [true, false] {
        let mut bench = Bench::with(
            crate::bench::subnet_of(|subnet| subnet.authoritative = authoritative),
            ServerConfig::default(),
        );
        let owner = Machine(9);
        let ack = bench.lease(owner);
        let wrong = [
            Machine(1).remembers(ELSEWHERE),
            Machine(1).remembers(ack.yiaddr),
            Machine(1).renews(ack.yiaddr),
        ];
        for message in wrong {
            bench.receive(&message);
            if authoritative {
                let nak = bench.answer();
                assert_eq!(nak.message_type(), Some(MessageType::Nak));
                assert_eq!(nak.yiaddr, Ipv4Addr::UNSPECIFIED);
                assert_eq!(nak.options.get(code::LEASE_TIME), None);
            } else {
                assert!(bench.sent.is_empty());
            }
        }
    }
}

#[test]
fn a_server_that_lost_its_records_gives_what_nobody_else_has() {
    let mut bench = Bench::new();
    let address = Ipv4Addr::new(10, 0, 0, 150);
    bench.receive(&Machine(1).remembers(address));
    assert_eq!(bench.answer().yiaddr, address);
    bench.receive(&Machine(2).renews(address));
    assert_eq!(bench.answer().message_type(), Some(MessageType::Nak));
    bench.receive(&Machine(1).renews(address));
    assert_eq!(bench.answer().yiaddr, address);
}

#[test]
fn a_request_for_our_offer_is_refused_when_the_address_went_to_another() {
    let mut bench = Bench::new();
    let first = bench.lease(Machine(1));
    let mut takes = Machine(2).takes(&first);
    takes.xid = 7;
    bench.receive(&takes);
    let nak = bench.answer();
    assert_eq!((nak.message_type(), nak.xid), (Some(MessageType::Nak), 7));
}

#[test]
fn a_reservation_is_kept_for_its_owner_and_moves_it_when_it_changes() {
    let mut bench = Bench::new();
    let before = bench.lease(Machine(1)).yiaddr;
    let reserved = Ipv4Addr::new(10, 0, 0, 20);
    bench.serve(Terms { address: Choice::Reserved(reserved), ..pooled() });
    bench.receive(&Machine(1).renews(before));
    assert_eq!(bench.answer().message_type(), Some(MessageType::Nak));
    assert_eq!(bench.lease(Machine(1)).yiaddr, reserved);
}

#[test]
fn a_reserved_address_that_another_has_is_replaced_by_one_of_the_pool_until_it_is_free() {
    let reserved = Ipv4Addr::new(10, 0, 0, 150);
    for mode in [Mode::Full, Mode::Reservations] {
        let mut bench = Bench::with(
            crate::bench::subnet_of(|subnet| (subnet.mode, subnet.authoritative) = (mode, false)),
            ServerConfig::default(),
        );
        bench.serve(Terms { address: Choice::Reserved(reserved), ..pooled() });
        assert_eq!(bench.lease(Machine(1)).yiaddr, reserved);
        if mode == Mode::Reservations {
            bench.receive(&Machine(2).discover());
            assert_eq!(bench.silence(), Silence::AddressTaken(reserved));
            continue;
        }
        let given = bench.lease(Machine(2)).yiaddr;
        assert_eq!(given, FIRST);
        assert!(bench.happened().contains(&Happening::ReservedTaken { reserved, given }));
        assert_eq!(bench.lease(Machine(2)).yiaddr, FIRST);
        bench.receive(&Machine(2).renews(FIRST));
        assert_eq!(bench.answer().yiaddr, FIRST);
        bench.receive(&Machine(1).releases(reserved));
        bench.receive(&Machine(2).renews(FIRST));
        assert_eq!(bench.answer().message_type(), Some(MessageType::Nak));
        assert_eq!(bench.lease(Machine(2)).yiaddr, reserved);
        // Nor is an address kept from its machine that a stranger was found to use.
        bench.receive(&Machine(2).declines(reserved));
        assert_ne!(bench.lease(Machine(2)).yiaddr, reserved);
    }
}

#[test]
fn nobody_is_given_the_address_of_the_server_whatever_is_reserved() {
    for mode in [Mode::Full, Mode::Reservations] {
        let mut bench =
            Bench::with(crate::bench::subnet_of(|subnet| subnet.mode = mode), ServerConfig::default());
        bench.serve(Terms { address: Choice::Reserved(SERVER), ..pooled() });
        bench.receive(&Machine(1).remembers(SERVER));
        assert_eq!(bench.answer().message_type(), Some(MessageType::Nak));
        bench.receive(&Machine(1).discover());
        match mode {
            Mode::Full => assert_eq!(bench.answer().yiaddr, FIRST),
            _ => assert!(bench.sent.is_empty()),
        }
    }
}

#[test]
fn a_lease_of_ours_that_holds_no_longer_is_refused_also_beside_other_servers() {
    let mut bench =
        Bench::with(crate::bench::subnet_of(|subnet| subnet.authoritative = false), ServerConfig::default());
    let before = bench.lease(Machine(1)).yiaddr;
    let reserved = Ipv4Addr::new(10, 0, 0, 20);
    bench.serve(Terms { address: Choice::Reserved(reserved), ..pooled() });
    // What another server may have given is not ours to judge.
    bench.receive(&Machine(1).renews(ELSEWHERE));
    bench.receive(&Machine(1).renews(Ipv4Addr::new(10, 0, 0, 150)));
    assert!(bench.sent.is_empty());
    for message in [Machine(1).renews(before), Machine(1).remembers(before)] {
        bench.receive(&message);
        assert_eq!(bench.answer().message_type(), Some(MessageType::Nak));
    }
    assert_eq!(bench.lease(Machine(1)).yiaddr, reserved);
}

#[test]
fn a_lease_ends_and_its_address_is_given_to_another_only_when_needed() {
    let mut bench = Bench::with(
        crate::bench::subnet_of(|subnet| subnet.pools = vec![FIRST..=Ipv4Addr::new(10, 0, 0, 101)]),
        ServerConfig::default(),
    );
    let first = bench.lease(Machine(1)).yiaddr;
    bench.pass(Duration::from_secs(599));
    assert!(!bench.happened().contains(&Happening::Expired { address: first }));
    bench.pass(Duration::from_secs(1));
    assert!(bench.happened().contains(&Happening::Expired { address: first }));
    assert_ne!(bench.lease(Machine(2)).yiaddr, first);
    assert_eq!(bench.lease(Machine(1)).yiaddr, first);
    bench.receive(&Machine(3).discover());
    assert_eq!(bench.silence(), Silence::PoolExhausted);
    bench.pass(Duration::from_secs(601));
    assert_eq!(bench.lease(Machine(3)).yiaddr.octets()[..3], [10, 0, 0]);
}

#[test]
fn no_ack_leaves_before_its_lease_is_stored_and_none_if_it_cannot_be() {
    let mut bench = Bench::new();
    bench.stores = false;
    bench.receive(&Machine(1).discover());
    let offer = bench.answer();
    bench.receive(&Machine(1).takes(&offer));
    assert!(bench.sent.is_empty());
    let (ticket, _) = bench.stored.remove(0);
    bench.server.stored(bench.now, ticket, Err(StoreFailed));
    bench.drain();
    assert!(bench.sent.is_empty());
    assert!(bench.happened().contains(&Happening::NotStored { address: offer.yiaddr }));
    assert_eq!(bench.server.leases().count(), 0);

    bench.receive(&Machine(1).takes(&offer));
    let (ticket, lease) = bench.stored.remove(0);
    bench.server.stored(bench.now, ticket, Ok(()));
    // Confirmed twice is confirmed once.
    bench.server.stored(bench.now, ticket, Ok(()));
    bench.drain();
    assert_eq!(bench.answer().yiaddr, lease.address);
}

#[test]
fn an_offer_that_nobody_took_is_free_after_its_time() {
    let mut bench = Bench::new();
    bench.receive(&Machine(1).discover());
    let offer = bench.answer();
    bench.pass(ServerConfig::default().offer_hold);
    assert_eq!(bench.server.pool_use().next().map(|pool| pool.free), Some(100));
    assert_eq!(bench.server.leases().count(), 0);
    // Late is no fault as long as nobody else has the address.
    bench.receive(&Machine(1).takes(&offer));
    assert_eq!(bench.answer().yiaddr, offer.yiaddr);
}

#[test]
fn the_default_subnet_of_these_tests_has_a_hundred_addresses() {
    let bench = Bench::with(subnet(), ServerConfig::default());
    assert_eq!(bench.server.pool_use().next().map(|pool| (pool.size, pool.free)), Some((100, 100)));
}
