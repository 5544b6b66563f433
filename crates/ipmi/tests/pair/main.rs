//! Client and BMC against each other on a virtual clock: each behaviour once, on a good network unless it says otherwise.

mod faults;
mod ipmi15;
mod learning;
mod network;
mod patience;
mod quirks;
mod sol;
mod storms;
mod suites;

use std::time::Duration;

use ironhand_ipmi::bmc::{AuthFailure, SessionEnd};
use ironhand_ipmi::client::{CloseReason, IdlePolicy, QUEUE_LIMIT};
use ironhand_ipmi::command::{GetBootFlags, GetChassisStatus, GetDeviceId, GetSystemGuid, SystemGuid};
use ironhand_ipmi::{
    BmcConfig, BmcEvent, BootDevice, BootFlags, ChassisControl, ChassisStatus, CipherSuite, ClientConfig,
    CompletionCode, Condition, Error, Event, IgnoreReason, PrivilegeLevel, RakpStatus, RawCommand, Reply,
    Request, RetransmitPolicy, User,
};
use network::{Mangle, PASSWORD, USER, World, bmc_config, client_config, secret};

const BOTH: [CipherSuite; 2] = CipherSuite::PREFERRED;
const SECOND: Duration = Duration::from_secs(1);

fn opened_suites(world: &World) -> Vec<CipherSuite> {
    let opened = |event: &Event| match event {
        Event::SessionOpened { suite, .. } => *suite,
        _ => None,
    };
    world.events.iter().filter_map(opened).collect()
}

fn power_is_on(reply: &Result<Reply, Error>) -> bool {
    matches!(reply, Ok(Reply::ChassisStatus(status)) if status.power_on)
}

fn world_with_user(client: ClientConfig, user: User) -> World {
    World::new(7, client, BmcConfig { users: vec![user], ..bmc_config() })
}

#[test]
fn each_suite_reads_the_chassis_status() {
    for suite in BOTH {
        let mut world = World::with_suites(1, &[suite], &BOTH);
        assert!(power_is_on(&world.ask(GetChassisStatus)));
        assert_eq!(opened_suites(&world), [suite]);
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

#[test]
fn every_command_is_answered() {
    for suite in BOTH {
        let mut world = World::with_suites(2, &[suite], &BOTH);
        assert_eq!(world.ask(GetSystemGuid), Ok(Reply::SystemGuid(SystemGuid(*b"0123456789abcdef"))));
        assert_eq!(world.ask(GetDeviceId), Ok(Reply::DeviceId(bmc_config().device_id)));
        let controls = [
            ChassisControl::PowerCycle,
            ChassisControl::HardReset,
            ChassisControl::DiagnosticInterrupt,
            ChassisControl::SoftShutdown,
            ChassisControl::PowerDown,
            ChassisControl::PowerUp,
        ];
        for control in controls {
            assert_eq!(world.ask(control), Ok(Reply::Done), "{control:?}");
        }
        assert_eq!(world.executed, controls);
        let self_test = RawCommand {
            netfn: 0x06,
            lun: 0,
            cmd: 0x04,
            data: vec![],
            privilege: PrivilegeLevel::User,
            repeatable: true,
        };
        assert_eq!(world.ask(self_test.clone()), Ok(Reply::Raw(vec![0x55, 0x00])));
        let unknown = RawCommand { netfn: 0x2E, cmd: 0x99, ..self_test };
        assert_eq!(world.ask(unknown), Err(Error::Completion(CompletionCode::INVALID_COMMAND)));
        assert_eq!(opened_suites(&world), [suite; 2], "one session for users, one for operators");
    }
}

#[test]
fn boot_flags_are_set_read_back_taken_and_cleared() {
    let mut world = World::new(3, client_config(), bmc_config());
    let pxe = BootFlags::once(BootDevice::Pxe).uefi();
    assert_eq!(world.ask(Request::SetBootOptions(pxe)), Ok(Reply::Done));
    assert!(world.bmc_events.contains(&BmcEvent::BootFlagsSet(pxe)));
    assert_eq!(world.ask(GetBootFlags), Ok(Reply::BootFlags(pxe)));
    assert_eq!(world.bmc.take_boot_flags(), Some(pxe), "the machine boots");
    assert_eq!(world.bmc.take_boot_flags(), None, "and the next time from where it likes");
    assert_eq!(world.ask(GetBootFlags), Ok(Reply::BootFlags(BootFlags { valid: false, ..pxe })));

    let setup = BootFlags::once(BootDevice::Setup).persistent();
    assert_eq!(world.ask(Request::SetBootOptions(setup)), Ok(Reply::Done));
    assert_eq!([world.bmc.take_boot_flags(), world.bmc.take_boot_flags()], [Some(setup), Some(setup)]);
    assert_eq!(world.ask(Request::SetBootOptions(BootFlags::cleared())), Ok(Reply::Done));
    assert_eq!(world.bmc.boot_flags(), None);
}

fn raw_boot(cmd: u8, data: &[u8]) -> RawCommand {
    RawCommand {
        netfn: 0,
        lun: 0,
        cmd,
        data: data.to_vec(),
        privilege: PrivilegeLevel::Operator,
        repeatable: true,
    }
}

#[test]
fn boot_flags_lapse_after_a_minute_without_chassis_control_unless_told_otherwise() {
    let check = |keep: bool, control: bool, expected: bool| {
        let mut world = World::new(4, client_config(), bmc_config());
        if keep {
            world.ask(raw_boot(0x08, &[0x03, 0x08])).unwrap();
        }
        world.ask(raw_boot(0x08, &[0x05, 0x80, 0x04, 0, 0, 0])).unwrap();
        if control {
            world.ask(ChassisControl::HardReset).unwrap();
        }
        world.pass(61 * SECOND);
        assert_eq!(world.bmc.boot_flags().is_some(), expected, "keep {keep}, control {control}");
    };
    check(false, false, false);
    check(false, true, true);
    check(true, false, true);
}

#[test]
fn boot_option_parameters_follow_the_specification() {
    let mut world = World::new(4, client_config(), bmc_config());
    let mut check = |cmd, data: &[u8], expected: Result<&[u8], u8>| {
        let expected = expected.map(|data| Reply::Raw(data.to_vec()));
        let expected = expected.map_err(|code| Error::Completion(CompletionCode(code)));
        assert_eq!(world.ask(raw_boot(cmd, data)), expected, "{cmd:#x} {data:02x?}");
    };
    const SET: u8 = 0x08;
    const GET: u8 = 0x09;
    check(GET, &[0, 0, 0], Ok(&[1, 0, 0]));
    check(SET, &[0, 1], Ok(&[]));
    check(GET, &[0, 0, 0], Ok(&[1, 0, 1]));
    check(SET, &[0, 1, 1], Err(0xC7));
    check(SET, &[0, 3], Err(0xCC));
    check(SET, &[0, 0], Ok(&[]));
    check(SET, &[4, 0x03, 0x02], Ok(&[]));
    check(SET, &[4, 0x01, 0x01], Ok(&[]));
    check(GET, &[4, 0, 0], Ok(&[1, 4, 0, 3]));
    check(SET, &[5, 0xE0, 0x04, 1, 2, 3], Ok(&[]));
    check(GET, &[5, 0, 0], Ok(&[1, 5, 0xE0, 0x04, 1, 2, 3]));
    check(SET, &[0x85], Ok(&[]));
    check(GET, &[5, 0, 0], Ok(&[1, 0x85, 0xE0, 0x04, 1, 2, 3]));
    check(SET, &[5, 0xE0, 0x04], Err(0xC7));
    check(GET, &[7, 0, 0], Err(0x80));
    check(SET, &[0x7F, 1], Err(0x80));
    check(GET, &[5], Err(0xC7));
    check(SET, &[], Err(0xC7));
}

#[test]
fn session_commands_follow_the_specification() {
    let client = ClientConfig { privilege: PrivilegeLevel::Administrator, ..client_config() };
    let mut world = World::new(4, client, bmc_config());
    let administrator = RawCommand { privilege: PrivilegeLevel::Administrator, ..raw_boot(0x01, &[]) };
    world.ask(administrator).unwrap();
    let mut check = |cmd, data: &[u8], expected: Result<&[u8], u8>| {
        let expected = expected.map(|data| Reply::Raw(data.to_vec()));
        let expected = expected.map_err(|code| Error::Completion(CompletionCode(code)));
        let command = RawCommand { netfn: 0x06, privilege: PrivilegeLevel::User, ..raw_boot(cmd, data) };
        assert_eq!(world.ask(command), expected, "{cmd:#x} {data:02x?}");
    };
    const SET_PRIVILEGE: u8 = 0x3B;
    check(SET_PRIVILEGE, &[0], Ok(&[4]));
    check(SET_PRIVILEGE, &[2], Ok(&[2]));
    check(SET_PRIVILEGE, &[1], Err(0x80));
    check(SET_PRIVILEGE, &[5], Err(0x80));
    check(SET_PRIVILEGE, &[3], Ok(&[3]));
    check(SET_PRIVILEGE, &[0], Ok(&[3]));
    check(SET_PRIVILEGE, &[], Err(0xC7));
    const CLOSE: u8 = 0x3C;
    check(CLOSE, &[1, 2, 3, 4], Err(0x87));
    check(CLOSE, &[0, 0, 0, 0, 9], Err(0x88));
    check(CLOSE, &[1], Err(0xC7));
    const SESSION_INFO: u8 = 0x3D;
    let session: &[u8] = &[1, 16, 1, 1, 3, 0x11, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0x6F, 0x02];
    check(SESSION_INFO, &[0], Ok(session));
    check(SESSION_INFO, &[1], Ok(session));
    check(SESSION_INFO, &[0xFE, 1], Ok(session));
    check(SESSION_INFO, &[2], Ok(&[0, 16, 1]));
    check(SESSION_INFO, &[0xFF, 1, 2, 3, 4], Ok(&[0, 16, 1]));
    check(SESSION_INFO, &[0xFE], Err(0xC7));
    check(0x42, &[0x0E], Ok(&[1, 4, 1, 0x81, 0xF2, 0x1B, 0, 0, 0]));
    check(0x42, &[0x05], Err(0xCC));
    check(0x41, &[0x0E, 0x40], Ok(&[2, 4]));
    check(0x41, &[0x0E, 0x00], Err(0xCC));
}

#[test]
fn a_session_may_not_rise_above_its_limit_nor_close_others() {
    let client = ClientConfig { privilege: PrivilegeLevel::Operator, ..client_config() };
    let mut world = World::new(4, client, bmc_config());
    world.ask(GetChassisStatus).unwrap();
    world.use_client(client_config());
    world.ask(GetChassisStatus).unwrap();
    assert_eq!(world.bmc.session_count(), 2);
    let app = |cmd, data: &[u8]| RawCommand { netfn: 0x06, ..raw_boot(cmd, data) };
    assert_eq!(world.ask(app(0x3B, &[4])), Err(Error::Completion(CompletionCode(0x81))));
    let refused = Err(Error::Completion(CompletionCode::INSUFFICIENT_PRIVILEGE));
    assert_eq!(world.ask(app(0x3C, &[0, 0, 0, 0, 1])), refused);
    assert_eq!(world.ask(app(0x3C, &[0, 0, 0, 0, 2])), Ok(Reply::Raw(vec![])), "its own it may");
    assert_eq!(world.bmc.session_count(), 1);
}

#[test]
fn a_power_cycle_of_a_machine_that_is_off_is_refused() {
    let mut world = World::new(5, client_config(), bmc_config());
    world.bmc.set_chassis(ChassisStatus::default());
    let refused = Err(Error::Completion(CompletionCode::WRONG_STATE));
    assert_eq!(world.ask(ChassisControl::PowerCycle), refused);
    assert!(world.executed.is_empty());
}

#[test]
fn a_suite_that_the_bmc_refuses_gives_way_to_the_next() {
    let check = |client: &[CipherSuite], bmc: &[CipherSuite], expected: Result<CipherSuite, Error>| {
        let mut world = World::with_suites(6, client, bmc);
        let result = world.ask(GetChassisStatus).map(|_| opened_suites(&world)[0]);
        assert_eq!(result, expected, "{client:?} {bmc:?}");
        assert!(world.now.duration_since(world.begun) < SECOND, "without waiting");
    };
    use CipherSuite::{Suite3, Suite17};
    check(&BOTH, &[Suite3], Ok(Suite3));
    check(&BOTH, &[Suite17], Ok(Suite17));
    check(&[Suite3, Suite17], &[Suite17], Ok(Suite17));
    check(&[Suite3], &[Suite17], Err(Error::NoCommonSuite));
    check(&[], &BOTH, Err(Error::NoCommonSuite));
}

#[test]
fn the_suite_that_worked_is_tried_first_the_next_time() {
    let mut world = World::with_suites(6, &BOTH, &[CipherSuite::Suite3]);
    world.ask(GetChassisStatus).unwrap();
    world.client.close(world.now);
    world.drain();
    world.pass(SECOND);
    let before = world.sent;
    world.ask(GetChassisStatus).unwrap();
    assert_eq!(world.sent.0 - before.0, 4);
}

/// Answers suite 3 as an Intel M50CYP does, which takes only suite 17: "insufficient resources".
fn refuse_with_insufficient_resources(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    if bytes[5] == 0x11 && bytes[17] == RakpStatus::NO_CIPHER_SUITE_MATCH.0 {
        bytes[17] = RakpStatus::INSUFFICIENT_RESOURCES.0;
    }
    Some(bytes)
}

#[test]
fn insufficient_resources_may_mean_the_wrong_suite() {
    use CipherSuite::{Suite3, Suite17};
    let mut world = World::with_suites(6, &[Suite3, Suite17], &[Suite17]);
    world.mangle = Some(refuse_with_insufficient_resources);
    assert!(power_is_on(&world.ask(GetChassisStatus)));
    let mut world = World::with_suites(6, &[Suite3], &[Suite17]);
    world.mangle = Some(refuse_with_insufficient_resources);
    assert_eq!(world.ask(GetChassisStatus), Err(Error::SessionsExhausted));
}

#[test]
fn a_wrong_password_is_found_without_telling_the_bmc() {
    for suite in BOTH {
        let mut world = World::with_suites(8, &[suite], &BOTH);
        world.use_client(ClientConfig { suites: vec![suite], ..ClientConfig::new(USER, secret("guess")) });
        assert_eq!(world.ask(GetChassisStatus), Err(Error::WrongPassword));
        assert_eq!(world.sent, (2, 2), "no RAKP message 3");
        assert!(!world.bmc_events.iter().any(|event| matches!(event, BmcEvent::AuthFailed { .. })));
    }
}

#[test]
fn an_unknown_or_disabled_user_is_told_from_a_wrong_password() {
    let limit = PrivilegeLevel::Administrator;
    let disabled = User { enabled: false, ..User::new(USER, secret(PASSWORD), limit) };
    let other = User::new("somebody", secret(PASSWORD), limit);
    for user in [disabled, other] {
        let mut world = world_with_user(client_config(), user);
        assert_eq!(world.ask(GetChassisStatus), Err(Error::UnknownUser));
        let failed =
            |event: &BmcEvent| matches!(event, BmcEvent::AuthFailed { reason: AuthFailure::UnknownUser, .. });
        assert!(world.bmc_events.iter().any(failed));
    }
}

#[test]
fn the_null_user_can_log_in() {
    let user = User::new("", secret("pw"), PrivilegeLevel::Operator);
    let mut world = world_with_user(ClientConfig::new("", secret("pw")), user);
    assert_eq!(world.ask(ChassisControl::PowerDown), Ok(Reply::Done));
    let user = User::new("", secret(""), PrivilegeLevel::User);
    let mut world = world_with_user(ClientConfig::new("", secret("")), user);
    assert!(power_is_on(&world.ask(GetChassisStatus)), "nor is a password needed");
}

#[test]
fn a_wrong_kg_is_told_from_a_wrong_password() {
    let check = |client: Option<&str>, bmc: Option<&str>, expected: Result<(), Error>| {
        for suite in BOTH {
            let client = ClientConfig { kg: client.map(secret), suites: vec![suite], ..client_config() };
            let mut world = World::new(9, client, BmcConfig { kg: bmc.map(secret), ..bmc_config() });
            assert_eq!(world.ask(GetChassisStatus).map(|_| ()), expected);
        }
    };
    check(Some("0x6b67"), Some("kg"), Ok(()));
    check(Some("kg"), Some("other"), Err(Error::WrongKg));
    check(Some("kg"), None, Err(Error::WrongKg));
    check(None, Some("kg"), Err(Error::WrongKg));
}

#[test]
fn a_lower_privilege_level_is_taken_where_it_is_enough() {
    let user = |limit| User::new(USER, secret(PASSWORD), limit);
    let mut world = world_with_user(client_config(), user(PrivilegeLevel::User));
    assert!(power_is_on(&world.ask(GetChassisStatus)));
    let limit = PrivilegeLevel::User;
    assert!(world.events.contains(&Event::SessionOpened { suite: Some(CipherSuite::Suite17), limit }));
    let needed = PrivilegeLevel::Operator;
    assert_eq!(world.ask(ChassisControl::PowerDown), Err(Error::PrivilegeRefused { needed }));
    assert!(power_is_on(&world.ask(GetChassisStatus)), "the session goes on");
    assert!(world.executed.is_empty());

    let mut world = world_with_user(client_config(), user(PrivilegeLevel::User));
    assert_eq!(world.ask(ChassisControl::PowerDown), Err(Error::PrivilegeRefused { needed }));

    let admin = ClientConfig { privilege: PrivilegeLevel::Administrator, ..client_config() };
    let mut world = world_with_user(admin, user(PrivilegeLevel::Operator));
    assert_eq!(world.ask(ChassisControl::PowerDown), Ok(Reply::Done));
}

#[test]
fn credentials_that_do_not_fit_are_refused_before_anything_is_sent() {
    let check = |config: ClientConfig, which, limit| {
        let mut world = World::new(10, config, bmc_config());
        let result = world.ask(GetChassisStatus);
        assert_eq!(result, Err(Error::CredentialTooLong { which, limit }));
        assert_eq!(world.sent, (0, 0));
    };
    check(ClientConfig::new("seventeen letters", secret("x")), "user name", 16);
    check(ClientConfig::new(USER, secret("twenty-one characters")), "password", 20);
    check(ClientConfig { kg: Some(secret("twenty-one characters")), ..client_config() }, "Kg", 20);
}

#[test]
fn a_raw_command_that_does_not_fit_is_refused() {
    let mut world = World::new(10, client_config(), bmc_config());
    let length = RawCommand::DATA_LIMIT + 1;
    let result = world.ask(raw_boot(0x08, &vec![0; length]));
    assert_eq!(result, Err(Error::RequestTooLong { length, limit: RawCommand::DATA_LIMIT }));
}

#[test]
fn a_dead_bmc_is_unreachable() {
    let mut world = World::new(11, client_config(), bmc_config());
    world.bmc_is_dead = true;
    let tickets = [world.submit(GetChassisStatus), world.submit(GetDeviceId)];
    world.run_until(|world| world.results.len() == 2);
    for ticket in tickets {
        let Err(error) = &world.results[&ticket] else { panic!("answered by the dead") };
        assert!(matches!(error, Error::Timeout { .. }));
        assert_eq!(error.condition(), Condition::Unreachable);
        assert!(error.is_retryable());
    }
    let took = world.now.duration_since(world.begun);
    assert!((6 * SECOND..9 * SECOND).contains(&took), "{took:?}, and the second request did not wait again");
    assert_eq!(world.client.next_wake(), None);
}

#[test]
fn a_bmc_that_answers_garbage_is_not_unreachable() {
    let check = |mangle: Mangle| {
        let mut world = World::new(12, client_config(), bmc_config());
        world.mangle = Some(mangle);
        let Err(error) = world.ask(GetChassisStatus) else { panic!("garbage was understood") };
        assert!(matches!(error, Error::Protocol(_)), "{error:?}");
        assert_eq!(error.condition(), Condition::ProtocolError);
    };
    check(|_| Some(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()));
    check(|mut bytes| {
        bytes.truncate(12);
        Some(bytes)
    });
    check(|_| Some(Vec::new()));
    // Only what is in the session is spoilt.
    check(|mut bytes| {
        if bytes[5] == 0xC0 {
            *bytes.last_mut().unwrap() ^= 1;
        }
        Some(bytes)
    });
}

#[test]
fn a_bmc_without_ipmi_2_says_so() {
    let mut world = World::new(12, client_config(), bmc_config());
    // It drops all RMCP+ packets and denies IPMI 2.0 in its authentication capabilities.
    world.mangle = Some(|mut bytes| {
        if bytes[4] == 0x06 {
            return None;
        }
        bytes[24] = 0x01;
        fix_last_checksum(&mut bytes);
        Some(bytes)
    });
    assert_eq!(world.ask(GetChassisStatus), Err(Error::NoRmcpPlus));
}

fn fix_last_checksum(bytes: &mut [u8]) {
    let Some((last, rest)) = bytes.split_last_mut() else { return };
    *last = rest[17..].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg();
}

#[test]
fn a_bmc_that_drops_a_suite_in_silence_is_asked_for_the_next() {
    let mut world = World::with_suites(12, &BOTH, &[CipherSuite::Suite3]);
    world.mangle = Some(|bytes| if bytes[5] == 0x11 && bytes[17] != 0 { None } else { Some(bytes) });
    assert!(power_is_on(&world.ask(GetChassisStatus)));
    assert_eq!(opened_suites(&world), [CipherSuite::Suite3]);
}

#[test]
fn a_forgotten_session_is_opened_again_without_a_word() {
    let mut world = World::new(13, client_config(), bmc_config());
    world.ask(GetChassisStatus).unwrap();
    world.bmc.forget_sessions();
    assert!(power_is_on(&world.ask(GetChassisStatus)));
    assert_eq!(opened_suites(&world).len(), 2);
    assert!(world.events.contains(&Event::SessionClosed { reason: CloseReason::Lost }));
}

#[test]
fn a_forgotten_session_does_not_make_the_outcome_of_a_power_cycle_unknown() {
    let mut world = World::new(13, client_config(), bmc_config());
    world.ask(ChassisControl::HardReset).unwrap();
    world.pass(3 * SECOND);
    world.bmc.forget_sessions();
    assert_eq!(world.ask(ChassisControl::PowerCycle), Ok(Reply::Done));
    assert_eq!(world.executed, [ChassisControl::HardReset, ChassisControl::PowerCycle]);
}

#[test]
fn a_lost_reply_to_a_power_cycle_leaves_the_outcome_unknown() {
    let mut world = World::new(14, client_config(), bmc_config());
    world.ask(ChassisControl::HardReset).unwrap();
    let ticket = world.submit(ChassisControl::PowerCycle);
    world.weather.loss = 100;
    world.run_until(|world| world.results.contains_key(&ticket));
    assert_eq!(world.results[&ticket], Err(Error::OutcomeUnknown));
    assert_eq!(world.executed, [ChassisControl::HardReset, ChassisControl::PowerCycle]);
    world.weather.loss = 0;
    assert!(power_is_on(&world.ask(GetChassisStatus)), "which is then read back");
    assert_eq!(opened_suites(&world).len(), 1, "in the same session");
    assert_eq!(world.executed.len(), 2);
}

#[test]
fn a_busy_bmc_is_asked_again_later() {
    let mut world = World::new(15, client_config(), bmc_config());
    world.ask(ChassisControl::HardReset).unwrap();
    world.bmc.set_busy(true);
    let ticket = world.submit(ChassisControl::PowerCycle);
    world.pass(SECOND / 2);
    assert!(!world.results.contains_key(&ticket));
    world.bmc.set_busy(false);
    world.run_until(|world| world.results.contains_key(&ticket));
    assert_eq!(world.results[&ticket], Ok(Reply::Done));
    world.bmc.set_busy(true);
    assert_eq!(world.ask(GetChassisStatus), Err(Error::Completion(CompletionCode::NODE_BUSY)));
    assert_eq!(world.executed, [ChassisControl::HardReset, ChassisControl::PowerCycle]);
}

#[test]
fn a_session_is_kept_alive() {
    let mut world = World::new(16, client_config(), bmc_config());
    world.ask(GetChassisStatus).unwrap();
    world.pass(600 * SECOND);
    assert_eq!(world.bmc.session_count(), 1);
    let before = world.sent.0;
    assert!(power_is_on(&world.ask(GetChassisStatus)));
    assert_eq!(world.sent.0 - before, 1, "still the same session");
}

#[test]
fn an_idle_session_is_closed_where_that_is_wanted() {
    for (after, within) in [(Duration::ZERO, SECOND), (5 * SECOND, 6 * SECOND)] {
        let client = ClientConfig { idle: IdlePolicy::Close(after), ..client_config() };
        let mut world = World::new(16, client, bmc_config());
        world.ask(GetChassisStatus).unwrap();
        world.pass(within);
        assert_eq!(world.bmc.session_count(), 0);
        assert_eq!(world.events.last(), Some(&Event::SessionClosed { reason: CloseReason::Idle }));
        assert_eq!(world.client.next_wake(), None);
        assert!(power_is_on(&world.ask(GetChassisStatus)), "and opened again on demand");
    }
}

#[test]
fn a_bmc_closes_a_session_that_is_silent() {
    let client = ClientConfig { idle: IdlePolicy::KeepAlive(3600 * SECOND), ..client_config() };
    let mut world = World::new(17, client, bmc_config());
    world.ask(GetChassisStatus).unwrap();
    world.pass(59 * SECOND);
    assert_eq!(world.bmc.session_count(), 1);
    world.pass(2 * SECOND);
    assert_eq!(world.bmc.session_count(), 0);
    let ended =
        |event: &BmcEvent| matches!(event, BmcEvent::SessionClosed { reason: SessionEnd::Inactive, .. });
    assert!(world.bmc_events.iter().any(ended));
    assert_eq!(world.bmc.next_wake(), None);
    assert!(power_is_on(&world.ask(GetChassisStatus)));
}

#[test]
fn a_client_that_is_closed_while_its_session_opens_leaves_none_behind() {
    // Closed after each number of datagrams that the client may have sent.
    for sent in 1..=5 {
        leaves_no_session(World::new(19, client_config(), bmc_config()), sent);
    }
}

/// Closes the client when it has sent that many datagrams for its first request.
fn leaves_no_session(mut world: World, sent: usize) {
    let ticket = world.submit(GetChassisStatus);
    world.run_until(|world| world.sent.0 >= sent);
    world.client.close(world.now);
    world.pass(10 * SECOND);
    assert!(world.results.contains_key(&ticket), "{sent}");
    assert_eq!(world.bmc.session_count(), 0, "closed after {sent} datagrams");
    assert_eq!(world.client.next_wake(), None);
    assert!(power_is_on(&world.ask(GetChassisStatus)), "and opened again on demand");
}

#[test]
fn closing_ends_everything_and_leaves_no_session_behind() {
    let mut world = World::new(18, client_config(), bmc_config());
    world.ask(GetChassisStatus).unwrap();
    let waiting = [world.submit(GetDeviceId), world.submit(GetSystemGuid)];
    world.client.close(world.now);
    world.drain();
    assert!(waiting.iter().all(|ticket| world.results[ticket] == Err(Error::Closed)));
    world.pass(SECOND);
    assert_eq!(world.bmc.session_count(), 0);
    assert_eq!(world.events.last(), Some(&Event::SessionClosed { reason: CloseReason::Requested }));
    assert_eq!(world.client.next_wake(), None);
}

#[test]
fn closing_during_a_power_cycle_does_not_hide_that_it_was_sent() {
    let mut world = World::new(18, client_config(), bmc_config());
    world.ask(ChassisControl::HardReset).unwrap();
    let ticket = world.submit(ChassisControl::PowerCycle);
    world.client.close(world.now);
    world.drain();
    assert_eq!(world.results[&ticket], Err(Error::OutcomeUnknown));
}

#[test]
fn the_queue_is_bounded() {
    let mut world = World::new(19, client_config(), bmc_config());
    let tickets: Vec<_> = (0..QUEUE_LIMIT + 5).map(|_| world.submit(GetChassisStatus)).collect();
    world.run_until(|world| world.results.len() == tickets.len());
    let full = tickets.iter().filter(|ticket| world.results[ticket] == Err(Error::QueueFull)).count();
    assert_eq!(full, 4, "one is in flight, QUEUE_LIMIT wait");
}

#[test]
fn a_full_bmc_is_told_from_a_refusing_one() {
    let mut world = World::new(20, client_config(), BmcConfig { max_sessions: 1, ..bmc_config() });
    world.ask(GetChassisStatus).unwrap();
    world.use_client(client_config());
    let result = world.ask(GetChassisStatus);
    assert_eq!(result, Err(Error::SessionsExhausted));
    assert_eq!(result.unwrap_err().condition(), Condition::Throttled);
}

#[test]
fn a_copied_power_cycle_is_carried_out_once() {
    let mut world = World::new(21, client_config(), bmc_config());
    world.weather.copies = 100;
    assert_eq!(world.ask(ChassisControl::PowerCycle), Ok(Reply::Done));
    world.pass(SECOND);
    assert_eq!(world.executed, [ChassisControl::PowerCycle]);
    let copy =
        |event: &BmcEvent| matches!(event, BmcEvent::Ignored { reason: IgnoreReason::OutsideWindow(_), .. });
    assert!(world.bmc_events.iter().any(copy));
}

#[test]
fn a_retransmitted_command_is_answered_from_the_kept_reply() {
    let mut world = World::new(22, client_config(), bmc_config());
    world.ask(Request::SetBootOptions(BootFlags::cleared())).unwrap();
    let set = |events: &[BmcEvent]| {
        events.iter().filter(|event| matches!(event, BmcEvent::BootFlagsSet(_))).count()
    };
    let before = set(&world.bmc_events);
    world.lose_replies = 1;
    world.ask(raw_boot(0x08, &[5, 0x80, 4, 0, 0, 0])).unwrap();
    assert_eq!(set(&world.bmc_events) - before, 1);
}

#[test]
fn patience_is_configurable() {
    let retransmit = RetransmitPolicy {
        first: Duration::from_millis(50),
        ceiling: Duration::from_millis(50),
        patience: Duration::from_millis(75),
        ..RetransmitPolicy::default()
    };
    let mut world = World::new(23, ClientConfig { retransmit, ..client_config() }, bmc_config());
    world.bmc_is_dead = true;
    assert!(matches!(world.ask(GetChassisStatus), Err(Error::Timeout { .. })));
    assert_eq!(world.now.duration_since(world.begun), retransmit.patience);
    assert_eq!(world.sent.0, 3, "two Open Session Requests and a probe");
}
