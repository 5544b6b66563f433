//! Client and BMC against each other on a virtual clock.

mod network;

use std::time::Duration;

use ironhand_ipmi::client::{CloseReason, IdlePolicy, QUEUE_LIMIT};
use ironhand_ipmi::command::{GetBootFlags, GetChassisStatus, GetDeviceId, GetSystemGuid, SystemGuid};
use ironhand_ipmi::{
    BmcConfig, BmcEvent, BootDevice, BootFlags, ChassisControl, ChassisStatus, CipherSuite, ClientConfig,
    CompletionCode, Condition, Error, Event, PrivilegeLevel, RawCommand, Reply, Request, RetransmitPolicy,
    User,
};
use network::{PASSWORD, USER, Weather, World, bmc_config, client_config, secret};

const BOTH: [CipherSuite; 2] = CipherSuite::PREFERRED;

fn opened_suite(world: &World) -> Vec<CipherSuite> {
    let opened = |event: &Event| match event {
        Event::SessionOpened { suite, .. } => Some(*suite),
        _ => None,
    };
    world.events.iter().filter_map(opened).collect()
}

fn power_is_on(reply: &Result<Reply, Error>) -> bool {
    matches!(reply, Ok(Reply::ChassisStatus(status)) if status.power_on)
}

#[test]
fn each_suite_reads_the_chassis_status() {
    for suite in BOTH {
        let mut world = World::with_suites(1, &[suite], &BOTH);
        assert!(power_is_on(&world.ask(GetChassisStatus)));
        assert_eq!(opened_suite(&world), [suite]);
        assert_eq!(world.sent, (4, 4), "open, RAKP 1, RAKP 3, command");
    }
}

#[test]
fn a_warm_session_needs_one_packet_each_way() {
    let mut world = World::new(1, client_config(), bmc_config());
    world.ask(GetChassisStatus).unwrap();
    let before = world.sent;
    world.bmc.set_chassis(ChassisStatus::default());
    assert!(!power_is_on(&world.ask(GetChassisStatus)));
    assert_eq!((world.sent.0 - before.0, world.sent.1 - before.1), (1, 1));
}
