//! What a client finds out about its BMC, and how few packets it then needs.

use ironhand_ipmi::client::IdlePolicy;
use ironhand_ipmi::command::GetChassisStatus;
use ironhand_ipmi::{
    BmcConfig, ChassisControl, CipherSuite, ClientConfig, Error, Event, Learned, PrivilegeLevel, RakpStatus,
    Reply, User,
};
use std::time::Duration;

use crate::network::{PASSWORD, USER, World, bmc_config, client_config, secret};

fn one_shot() -> ClientConfig {
    ClientConfig { idle: IdlePolicy::Close(Duration::ZERO), ..client_config() }
}

fn with_limit(limit: PrivilegeLevel) -> BmcConfig {
    BmcConfig { users: vec![User::new(USER, secret(PASSWORD), limit)], ..bmc_config() }
}

fn limits(world: &World) -> Vec<PrivilegeLevel> {
    let limit = |event: &Event| match event {
        Event::SessionOpened { limit, .. } => Some(*limit),
        _ => None,
    };
    world.events.iter().filter_map(limit).collect()
}

#[test]
fn a_cold_reading_takes_ten_packets_with_either_suite() {
    for suite in CipherSuite::PREFERRED {
        let client = ClientConfig { suites: vec![suite], ..one_shot() };
        let mut world = World::new(1, client, bmc_config());
        world.ask(GetChassisStatus).unwrap();
        world.pass(Duration::from_secs(1));
        assert_eq!(world.sent, (5, 5), "open, RAKP 1 and 3, the command, close: {suite:?}");
        assert_eq!(world.bmc.session_count(), 0);
    }
}

#[test]
fn what_was_learned_saves_the_next_client_the_trial() {
    let bmc = BmcConfig { suites: vec![CipherSuite::Suite3], ..bmc_config() };
    let mut world = World::new(2, one_shot(), bmc);
    assert_eq!(world.client.learned(), Learned::default());
    world.ask(GetChassisStatus).unwrap();
    let learned = world.client.learned();
    let (suite, privilege) = (Some(CipherSuite::Suite3), Some(PrivilegeLevel::User));
    assert_eq!(learned, Learned { suite, privilege, kg_is_set: Some(false) });
    world.pass(Duration::from_secs(1));

    let before = world.sent.0;
    world.use_client(ClientConfig { learned, ..one_shot() });
    world.ask(GetChassisStatus).unwrap();
    world.pass(Duration::from_secs(1));
    assert_eq!(world.sent.0 - before, 5);
}

#[test]
fn a_bmc_that_changed_since_is_learned_anew() {
    let learned = Learned { suite: Some(CipherSuite::Suite3), ..Learned::default() };
    let bmc = BmcConfig { suites: vec![CipherSuite::Suite17], ..bmc_config() };
    let mut world = World::new(2, ClientConfig { learned, ..one_shot() }, bmc);
    world.ask(GetChassisStatus).unwrap();
    assert_eq!(world.client.learned().suite, Some(CipherSuite::Suite17));
}

#[test]
fn a_kg_that_is_missing_here_is_learned_from_the_failure() {
    let bmc = BmcConfig { kg: Some(secret("kg")), ..bmc_config() };
    let mut world = World::new(3, client_config(), bmc);
    assert_eq!(world.ask(GetChassisStatus), Err(Error::WrongKg));
    assert_eq!(world.client.learned().kg_is_set, Some(true));
}

#[test]
fn a_session_has_the_level_that_the_requests_at_hand_need() {
    use PrivilegeLevel::{Operator, User};
    let mut world = World::new(4, client_config(), bmc_config());
    world.ask(GetChassisStatus).unwrap();
    assert_eq!(limits(&world), [User]);
    world.ask(ChassisControl::HardReset).unwrap();
    assert_eq!(limits(&world), [User, Operator], "opened again for what needs more");
    assert_eq!(world.bmc.session_count(), 1, "and the old one was closed");
    world.ask(GetChassisStatus).unwrap();
    assert_eq!(limits(&world).len(), 2, "but not for what needs less");

    let mut world = World::new(4, client_config(), bmc_config());
    world.submit(GetChassisStatus);
    world.ask(ChassisControl::HardReset).unwrap();
    assert_eq!(limits(&world), [User, Operator], "the first request did not wait for the second");
    world.client.close(world.now);
    world.drain();
    world.pass(Duration::from_secs(1));
    world.bmc_is_dead = true;
    world.submit(GetChassisStatus);
    world.submit(ChassisControl::PowerUp);
    world.bmc_is_dead = false;
    world.pass(Duration::from_secs(1));
    assert_eq!(limits(&world)[2..], [User, Operator]);
}

#[test]
fn a_request_above_the_configured_level_is_refused_without_a_packet() {
    let client = ClientConfig { privilege: PrivilegeLevel::User, ..client_config() };
    let mut world = World::new(5, client, bmc_config());
    let needed = PrivilegeLevel::Operator;
    assert_eq!(world.ask(ChassisControl::PowerDown), Err(Error::PrivilegeCapped { needed }));
    assert_eq!(world.sent, (0, 0));
    assert!(world.ask(GetChassisStatus).is_ok());
    assert_eq!(world.ask(ChassisControl::PowerDown), Err(Error::PrivilegeCapped { needed }));
}

#[test]
fn a_level_that_the_bmc_refuses_is_learned() {
    let mut world = World::new(6, client_config(), with_limit(PrivilegeLevel::User));
    let needed = PrivilegeLevel::Operator;
    assert_eq!(world.ask(ChassisControl::PowerDown), Err(Error::PrivilegeRefused { needed }));
    assert_eq!(world.client.learned().privilege, Some(PrivilegeLevel::User));
    assert!(world.ask(GetChassisStatus).is_ok());
}

/// Says "unauthorised name" of a user who may not have the level asked for.
fn refuse_privilege_by_name(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    if bytes[5] == 0x13 && bytes[17] == RakpStatus::UNAUTHORIZED_ROLE.0 {
        bytes[17] = RakpStatus::UNAUTHORIZED_NAME.0;
    }
    Some(bytes)
}

#[test]
fn a_user_without_the_level_is_told_from_no_user_whatever_the_bmc_says() {
    let mut world = World::new(7, client_config(), with_limit(PrivilegeLevel::User));
    world.mangle = Some(refuse_privilege_by_name);
    let needed = PrivilegeLevel::Operator;
    assert_eq!(world.ask(ChassisControl::PowerDown), Err(Error::PrivilegeRefused { needed }));
    assert_eq!(world.sent.0, 4, "two runs up to RAKP message 1");
    assert!(world.ask(GetChassisStatus).is_ok());

    let nobody = BmcConfig { users: Vec::new(), ..bmc_config() };
    let mut world = World::new(7, client_config(), nobody);
    assert_eq!(world.ask(ChassisControl::PowerDown), Err(Error::UnknownUser));
}

#[test]
fn one_suite_out_of_resources_is_not_all_of_them() {
    let mut world = World::new(8, client_config(), BmcConfig { max_sessions: 1, ..bmc_config() });
    world.ask(GetChassisStatus).unwrap();
    world.use_client(client_config());
    let before = world.sent.0;
    assert_eq!(world.ask(GetChassisStatus), Err(Error::SessionsExhausted));
    assert_eq!(world.sent.0 - before, 2, "each suite was asked for once");
    assert!(matches!(world.ask(GetChassisStatus), Err(Error::SessionsExhausted)));
    world.pass(Duration::from_secs(70));
    assert!(matches!(world.ask(GetChassisStatus), Ok(Reply::ChassisStatus(_))), "when the other is gone");
}
