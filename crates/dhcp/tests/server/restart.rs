//! What survives a restart and a change of the records (rule D16).

use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime};

use ironhand_dhcp::{LeaseState, MessageType, ServerConfig, SubnetId, code};

use crate::bench::{Bench, Machine, subnet, subnet_of};

/// A bench whose server took back the leases of `before`, on a clock that stands `later` than that one's.
fn restarted(before: &Bench, later: i64) -> Bench {
    let mut bench = Bench::new();
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs((1_800_000_000 + later) as u64);
    bench.server.set_clock(bench.now, wall);
    for (_, lease) in &before.stored {
        bench.server.restore(bench.now, lease.clone());
    }
    bench
}

#[test]
fn leases_survive_a_restart() {
    let mut before = Bench::new();
    let mut discover = Machine(1).discover();
    discover.options.set_text(code::HOST_NAME, "node1");
    before.receive(&discover);
    let offer = before.answer();
    let mut takes = Machine(1).takes(&offer);
    takes.options.set_text(code::HOST_NAME, "node1");
    before.receive(&takes);
    before.sent.clear();
    let second = before.lease(Machine(2)).yiaddr;
    before.receive(&Machine(2).releases(second));

    let mut after = restarted(&before, 100);
    let lease = after.server.lease_of(offer.yiaddr).expect("it was restored");
    assert_eq!((lease.state, lease.host_name.as_deref()), (LeaseState::Bound, Some("node1")));
    assert_eq!(after.server.lease_of(second).map(|lease| lease.state), Some(LeaseState::Released));
    // It runs as long as it would have, and its owner has it.
    after.receive(&Machine(1).renews(offer.yiaddr));
    assert_eq!(after.answer().message_type(), Some(MessageType::Ack));
    assert_eq!(after.lease(Machine(2)).yiaddr, second);
    assert_ne!(after.lease(Machine(3)).yiaddr, offer.yiaddr);

    let mut after = restarted(&before, 100);
    after.pass(Duration::from_secs(499));
    assert_eq!(after.server.lease_of(offer.yiaddr).map(|lease| lease.state), Some(LeaseState::Bound));
    after.pass(Duration::from_secs(1));
    assert_eq!(after.server.lease_of(offer.yiaddr).map(|lease| lease.state), Some(LeaseState::Expired));
}

#[test]
fn a_clock_that_stands_wrong_neither_ends_the_world_nor_keeps_leases_for_ever() {
    let mut before = Bench::new();
    let address = before.lease(Machine(1)).yiaddr;
    // Years ahead: it has ended, and is still the client's if it comes first.
    let mut ahead = restarted(&before, 100_000_000);
    assert_eq!(ahead.server.lease_of(address).map(|lease| lease.state), Some(LeaseState::Expired));
    assert_eq!(ahead.lease(Machine(1)).yiaddr, address);
    // Years back: it runs no longer than it was given for.
    let mut behind = restarted(&before, -100_000_000);
    behind.pass(Duration::from_secs(600));
    assert_eq!(behind.server.lease_of(address).map(|lease| lease.state), Some(LeaseState::Expired));
}

#[test]
fn a_step_of_the_clock_while_running_changes_no_lease() {
    let mut bench = Bench::new();
    let address = bench.lease(Machine(1)).yiaddr;
    bench.server.set_clock(bench.now, SystemTime::UNIX_EPOCH);
    bench.pass(Duration::from_secs(599));
    assert_eq!(bench.server.lease_of(address).map(|lease| lease.state), Some(LeaseState::Bound));
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.server.lease_of(address).map(|lease| lease.state), Some(LeaseState::Expired));
}

#[test]
fn subnets_change_while_leases_run() {
    let mut bench = Bench::new();
    let first = bench.lease(Machine(1)).yiaddr;
    let second = bench.lease(Machine(2)).yiaddr;
    bench.receive(&Machine(2).releases(second));
    bench.server.set_subnets(vec![
        subnet(),
        subnet_of(|subnet| {
            subnet.id = SubnetId(2);
            subnet.network = Ipv4Addr::new(10, 9, 0, 0);
        }),
    ]);
    assert_eq!(bench.server.pool_use().next().map(|pool| pool.free), Some(99));
    assert_eq!(bench.lease(Machine(1)).yiaddr, first);
    // An address that is somebody's reservation from now on is refused to whoever has it, and given to nobody else.
    bench.server.set_subnets(vec![subnet_of(|subnet| subnet.excluded = vec![first])]);
    bench.receive(&Machine(1).renews(first));
    assert_eq!(bench.answer().message_type(), Some(MessageType::Nak));
    assert_ne!(bench.lease(Machine(1)).yiaddr, first);
    assert_eq!(bench.server.pool_use().next().map(|pool| pool.size), Some(99));
}

#[test]
fn declined_addresses_stay_set_aside_over_a_restart() {
    let mut before = Bench::with(subnet(), ServerConfig::default());
    let address = before.lease(Machine(1)).yiaddr;
    before.receive(&Machine(1).declines(address));
    let mut after = restarted(&before, 10);
    assert_ne!(after.lease(Machine(1)).yiaddr, address);
    after.pass(Duration::from_secs(3600));
    assert!(after.server.lease_of(address).is_none_or(|lease| lease.state != LeaseState::Declined));
}
