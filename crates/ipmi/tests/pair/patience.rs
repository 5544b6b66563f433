//! What loss, slowness and silence cost.

use std::time::Duration;

use ironhand_ipmi::bmc::Faults;
use ironhand_ipmi::client::IdlePolicy;
use ironhand_ipmi::command::GetChassisStatus;
use ironhand_ipmi::{BmcEvent, CipherSuite, ClientConfig, Error};

use crate::network::{CLEAR, Weather, World, bmc_config, client_config};

const MS: Duration = Duration::from_millis(1);

/// Packets of a cold reading on a clean line: open, RAKP 1 and 3, the command, and their answers.
const READING: usize = 8;

fn far_away(seed: u64) -> World {
    let mut world = World::new(seed, client_config(), bmc_config());
    world.weather = Weather { delay: 10, ..CLEAR };
    world
}

fn took(world: &World) -> Duration {
    world.now.duration_since(world.begun)
}

#[test]
fn a_lost_packet_costs_well_under_a_second_wherever_it_is_lost() {
    for lost in 0..READING {
        let mut world = far_away(lost as u64);
        world.lose = vec![lost];
        assert!(world.ask(GetChassisStatus).is_ok());
        assert!(took(&world) < 500 * MS, "packet {lost} of {READING}: {:?}", took(&world));
    }
    for (first, second) in (0..READING + 2).flat_map(|first| (0..first).map(move |second| (first, second))) {
        let mut world = far_away(1);
        world.lose = vec![first, second];
        assert!(world.ask(GetChassisStatus).is_ok());
        assert!(took(&world) < 1200 * MS, "packets {first} and {second}: {:?}", took(&world));
    }
}

#[test]
fn a_lost_packet_in_a_warm_session_costs_the_least_wait() {
    let mut world = far_away(3);
    for _ in 0..20 {
        world.ask(GetChassisStatus).unwrap();
    }
    let begun = world.now;
    world.lose_replies = 1;
    world.ask(GetChassisStatus).unwrap();
    assert!(world.now.duration_since(begun) < 260 * MS);
}

#[test]
fn a_silent_drop_of_the_first_suite_costs_well_under_a_second() {
    let mut world = World::with_suites(12, &CipherSuite::PREFERRED, &[CipherSuite::Suite3]);
    world.weather = Weather { delay: 10, ..CLEAR };
    world.mangle = Some(|bytes| if bytes[5] == 0x11 && bytes[17] != 0 { None } else { Some(bytes) });
    assert!(world.ask(GetChassisStatus).is_ok());
    assert!(took(&world) < 900 * MS, "{:?}", took(&world));
}

#[test]
fn a_bmc_that_thinks_for_a_second_gets_one_session_and_one_login() {
    let mut world = far_away(5);
    world.work = Some(|bytes| if matches!(bytes[5], 0x13 | 0x15) { 1000 * MS } else { MS });
    assert!(world.ask(GetChassisStatus).is_ok());
    assert!(took(&world) < 2200 * MS, "no slower than the BMC: {:?}", took(&world));
    let opened = world.bmc_events.iter().filter(|event| matches!(event, BmcEvent::SessionOpened { .. }));
    assert_eq!(opened.count(), 1);
    assert!(!world.bmc_events.iter().any(|event| matches!(event, BmcEvent::AuthFailed { .. })));

    let (begun, sent) = (world.now, world.sent.0);
    world.client.close(world.now);
    world.drain();
    world.pass(1000 * MS);
    world.ask(GetChassisStatus).unwrap();
    assert!(world.now.duration_since(begun) < 4000 * MS);
    assert_eq!(world.sent.0 - sent, 5, "close and a clean set-up: its times are known");
}

#[test]
fn a_line_slower_than_the_first_wait_is_learned() {
    let mut world = far_away(6);
    world.weather.delay = 400;
    assert!(world.ask(GetChassisStatus).is_ok());
    for _ in 0..3 {
        world.ask(GetChassisStatus).unwrap();
    }
    let sent = world.sent.0;
    for _ in 0..5 {
        world.ask(GetChassisStatus).unwrap();
    }
    assert_eq!(world.sent.0 - sent, 5, "nothing is sent twice any more");
}

#[test]
fn a_dead_bmc_costs_few_packets() {
    let mut world = World::new(7, client_config(), bmc_config());
    world.bmc_is_dead = true;
    assert!(matches!(world.ask(GetChassisStatus), Err(Error::Timeout { .. })));
    assert_eq!(took(&world), Duration::from_secs(6));
    assert_eq!(world.sent.0, 7, "five Open Session Requests and two probes");
}

#[test]
fn a_bmc_that_dies_in_a_session_is_known_within_both_patiences() {
    let mut world = World::new(8, client_config(), bmc_config());
    world.ask(GetChassisStatus).unwrap();
    world.bmc_is_dead = true;
    let (begun, sent) = (world.now, world.sent.0);
    assert!(matches!(world.ask(GetChassisStatus), Err(Error::Timeout { .. })));
    assert_eq!(world.now.duration_since(begun), Duration::from_secs(9));
    assert!(world.sent.0 - sent <= 12, "{}", world.sent.0 - sent);
}

#[test]
fn a_thousand_bmcs_on_a_bad_line_are_read_in_a_moment() {
    let (mut slowest, mut total) = (Duration::ZERO, Duration::ZERO);
    for seed in 0..1000 {
        let client = ClientConfig { idle: IdlePolicy::Close(Duration::ZERO), ..client_config() };
        let mut world = World::new(seed, client, bmc_config());
        world.weather = Weather { loss: 1, delay: 10, ..CLEAR };
        assert!(world.ask(GetChassisStatus).is_ok());
        slowest = slowest.max(took(&world));
        total += took(&world);
    }
    assert!(slowest < 1200 * MS, "{slowest:?}");
    assert!(total / 1000 < 120 * MS, "{:?}", total / 1000);
}

#[test]
fn a_racing_run_that_finds_the_bmc_full_does_not_end_the_first() {
    let mut world = far_away(9);
    world.work = Some(|bytes| if bytes[5] == 0x13 { 500 * MS } else { Duration::ZERO });
    let ticket = world.submit(GetChassisStatus);
    world.pass(200 * MS);
    world.bmc.set_faults(Faults { sessions_full: true, ..Faults::default() });
    world.pass(250 * MS);
    world.bmc.set_faults(Faults::default());
    world.run_until(|world| world.results.contains_key(&ticket));
    assert!(world.results[&ticket].is_ok());
    assert_eq!(world.sent.0, 5, "one Open Session Request more than on a fast line");
}
