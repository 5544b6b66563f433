//! Sessions of IPMI 1.5, for BMCs that have no others.

use std::time::Duration;

use ironhand_ipmi::bmc::{BadPasswordThreshold, Faults, Ipmi15Config};
use ironhand_ipmi::client::{IdlePolicy, SessionProtocol};
use ironhand_ipmi::command::{GetChassisStatus, GetDeviceId};
use ironhand_ipmi::{
    BmcConfig, BmcEvent, ChassisControl, ClientConfig, CompletionCode, Error, Event, IgnoreReason,
    Ipmi15Authentication, PrivilegeLevel, Quirk, Quirks, Reply, Request, User,
};

use crate::network::{PASSWORD, USER, Weather, World, bmc_config, client_config, secret};
use crate::{SECOND, leaves_no_session, power_is_on};

const BOTH: [Ipmi15Authentication; 2] = [Ipmi15Authentication::Md5, Ipmi15Authentication::Password];

fn client(authentication: Ipmi15Authentication) -> ClientConfig {
    ClientConfig { protocol: SessionProtocol::Ipmi15(authentication), ..client_config() }
}

fn bmc(per_message: bool) -> BmcConfig {
    let ipmi15 = Ipmi15Config { authentications: BOTH.to_vec(), per_message };
    BmcConfig { ipmi15, suites: Vec::new(), ..bmc_config() }
}

fn limits(world: &World) -> Vec<PrivilegeLevel> {
    let limit = |event: &Event| match event {
        Event::SessionOpened { suite: None, limit } => Some(*limit),
        _ => None,
    };
    world.events.iter().filter_map(limit).collect()
}

#[test]
fn a_machine_is_read_and_switched_with_either_authentication_in_every_packet_or_not() {
    for (authentication, per_message) in BOTH.into_iter().flat_map(|kind| [(kind, true), (kind, false)]) {
        let client = ClientConfig { idle: IdlePolicy::Close(Duration::ZERO), ..client(authentication) };
        let mut world = World::new(1, client, bmc(per_message));
        assert!(power_is_on(&world.ask(GetChassisStatus)), "{authentication:?} {per_message}");
        world.pass(SECOND);
        assert_eq!(world.sent, (5, 5), "capabilities, challenge, activation, the command, close");
        assert_eq!(world.ask(ChassisControl::HardReset), Ok(Reply::Done));
        world.pass(SECOND);
        assert_eq!(world.executed, [ChassisControl::HardReset]);
        assert_eq!(limits(&world), [PrivilegeLevel::User, PrivilegeLevel::Operator]);
        assert_eq!(world.bmc.session_count(), 0);
        let ignored = |event: &BmcEvent| matches!(event, BmcEvent::Ignored { .. });
        assert!(!world.bmc_events.iter().any(ignored), "{:?}", world.bmc_events);
    }
}

#[test]
fn a_client_that_is_closed_while_its_session_opens_leaves_none_behind() {
    for sent in 1..=4 {
        leaves_no_session(World::new(3, client(Ipmi15Authentication::Md5), bmc(true)), sent);
    }
}

#[test]
fn a_warm_session_needs_one_packet_each_way_for_as_long_as_numbers_go() {
    let mut world = World::new(2, client(Ipmi15Authentication::Md5), bmc(true));
    world.ask(GetChassisStatus).unwrap();
    let before = world.sent;
    for _ in 0..100 {
        world.ask(GetChassisStatus).unwrap();
    }
    assert_eq!((world.sent.0 - before.0, world.sent.1 - before.1), (100, 100));
    assert_eq!(world.client.learned().suite, None);
}

#[test]
fn there_is_no_falling_back_from_one_protocol_to_the_other() {
    let mut world = World::new(3, client_config(), bmc(true));
    assert_eq!(world.ask(GetChassisStatus), Err(Error::NoCommonSuite));
    let mut world = World::new(3, client(Ipmi15Authentication::Md5), bmc_config());
    assert_eq!(world.ask(GetChassisStatus), Err(Error::AuthenticationNotOffered));
}

#[test]
fn a_password_is_not_shown_to_a_bmc_that_does_not_ask_for_it() {
    let ipmi15 = Ipmi15Config { authentications: vec![Ipmi15Authentication::Md5], per_message: true };
    let bmc = BmcConfig { ipmi15, ..bmc_config() };
    let mut world = World::new(3, client(Ipmi15Authentication::Password), bmc);
    assert_eq!(world.ask(GetChassisStatus), Err(Error::AuthenticationNotOffered));
    assert_eq!(world.sent.0, 1, "the question what it offers");
}

#[test]
fn wrong_credentials_are_told_apart() {
    for authentication in BOTH {
        let wrong = ClientConfig { password: secret("guess"), ..client(authentication) };
        let rule = BadPasswordThreshold {
            threshold: 3,
            reset_interval: Duration::ZERO,
            lockout_interval: Duration::ZERO,
        };
        let mut world = World::new(4, wrong, BmcConfig { bad_password_threshold: Some(rule), ..bmc(true) });
        assert_eq!(world.ask(GetChassisStatus), Err(Error::ActivationUnanswered));
        let failed = |event: &&BmcEvent| matches!(event, BmcEvent::AuthFailed { .. });
        assert_eq!(world.bmc_events.iter().filter(failed).count(), 2);
        world.use_client(client(authentication));
        assert!(power_is_on(&world.ask(GetChassisStatus)), "which locks nobody out");

        let nobody = ClientConfig { username: "nobody".to_owned(), ..client(authentication) };
        let mut world = World::new(4, nobody, bmc(true));
        assert_eq!(world.ask(GetChassisStatus), Err(Error::UnknownUser));
    }
}

#[test]
fn passwords_have_up_to_sixteen_bytes() {
    let user = |password| User::new(USER, secret(password), PrivilegeLevel::Operator);
    for authentication in BOTH {
        let check = |client_password, bmc_password, expected: Result<(), Error>| {
            let client = ClientConfig { password: secret(client_password), ..client(authentication) };
            let bmc = BmcConfig { users: vec![user(bmc_password)], ..bmc(true) };
            let result = World::new(5, client, bmc).ask(GetChassisStatus).map(|_| ());
            assert_eq!(result, expected, "{authentication:?} {client_password}");
        };
        check("sixteen letters!", "sixteen letters!", Ok(()));
        check("", "", Ok(()));
        let limit = 16;
        let too_long = Error::CredentialTooLong { which: "password", limit };
        check("seventeen letters", "seventeen letters", Err(too_long));
        check("seventeen letter", "seventeen letters", Err(Error::UnknownUser));
    }
}

#[test]
fn a_level_that_the_user_does_not_have_is_refused() {
    let user = User::new(USER, secret(PASSWORD), PrivilegeLevel::User);
    let bmc = BmcConfig { users: vec![user], ..bmc(true) };
    let mut world = World::new(6, client(Ipmi15Authentication::Md5), bmc);
    let needed = PrivilegeLevel::Operator;
    assert_eq!(world.ask(ChassisControl::PowerDown), Err(Error::PrivilegeRefused { needed }));
    assert_eq!(world.client.learned().privilege, Some(PrivilegeLevel::User));
    assert!(power_is_on(&world.ask(GetChassisStatus)));
}

#[test]
fn a_full_bmc_is_told_from_a_silent_one() {
    let mut world = World::new(7, client(Ipmi15Authentication::Md5), bmc(true));
    world.bmc.set_faults(Faults { sessions_full: true, ..Faults::default() });
    assert_eq!(world.ask(GetChassisStatus), Err(Error::SessionsExhausted));
    world.bmc_is_dead = true;
    assert!(matches!(world.ask(GetChassisStatus), Err(Error::Timeout { .. })));
}

#[test]
fn a_lost_packet_is_sent_again_wherever_it_is_lost() {
    for lost in 0..8 {
        let mut world = World::new(8, client(Ipmi15Authentication::Md5), bmc(true));
        world.lose = vec![lost];
        assert!(power_is_on(&world.ask(GetChassisStatus)), "packet {lost}");
        assert!(world.now.duration_since(world.begun) < SECOND / 2);
    }
}

#[test]
fn a_packet_that_the_network_doubles_is_carried_out_once() {
    let mut world = World::new(9, client(Ipmi15Authentication::Md5), bmc(true));
    world.weather.copies = 100;
    assert_eq!(world.ask(ChassisControl::PowerCycle), Ok(Reply::Done));
    world.pass(SECOND);
    assert_eq!(world.executed, [ChassisControl::PowerCycle]);
    let copy =
        |event: &BmcEvent| matches!(event, BmcEvent::Ignored { reason: IgnoreReason::OutsideWindow(_), .. });
    assert!(world.bmc_events.iter().any(copy));
}

#[test]
fn vendor_faults_are_worked_around() {
    let check = |quirk: Quirk, per_message: bool, unasked: bool| {
        for authentication in BOTH {
            let faulty = || BmcConfig { quirks: quirk.into(), ..bmc(per_message) };
            let asked = ClientConfig { quirks: quirk.into(), ..client(authentication) };
            let mut world = World::new(10, asked, faulty());
            assert!(power_is_on(&world.ask(GetChassisStatus)), "{quirk} {authentication:?}");
            assert!(power_is_on(&world.ask(GetChassisStatus)), "{quirk} {authentication:?}");
            let plain = ClientConfig { quirks: Quirks::NONE, ..client(authentication) };
            let mut world = World::new(10, plain, faulty());
            let result = world.ask(GetChassisStatus);
            assert_eq!(power_is_on(&result), unasked, "{quirk} {authentication:?} {result:?}");
        }
    };
    check(Quirk::UnexpectedAuth, false, true);
    check(Quirk::ForcePerMessage, false, false);
    check(Quirk::NoAuthCodeCheck, true, false);
}

#[test]
fn numbers_in_the_wrong_byte_order_are_read_where_that_is_asked_for() {
    let bmc = BmcConfig { quirks: Quirk::EndianSequence.into(), ..bmc(true) };
    let asked = ClientConfig { quirks: Quirk::EndianSequence.into(), ..client(Ipmi15Authentication::Md5) };
    let mut world = World::new(11, asked, bmc);
    for _ in 0..300 {
        assert!(power_is_on(&world.ask(GetChassisStatus)));
    }
    assert_eq!(world.sent.0, 303);
}

#[test]
fn spoilt_packets_do_not_pass_for_good_ones() {
    for seed in 0..500 {
        let mut world = World::new(seed, client(Ipmi15Authentication::Md5), bmc(true));
        world.weather = Weather { loss: 0, copies: 0, delay: 5, jitter: 0, spoilt: 5 + seed % 30 };
        for _ in 0..5 {
            if let Ok(reply) = world.ask(GetDeviceId) {
                assert_eq!(reply, Reply::DeviceId(bmc_config().device_id), "seed {seed}");
            }
        }
    }
}

#[test]
fn in_bad_weather_nothing_is_done_twice() {
    let controls = [ChassisControl::PowerUp, ChassisControl::HardReset, ChassisControl::DiagnosticInterrupt];
    let (mut asked, mut answered) = (0, 0);
    for seed in 0..1500 {
        let authentication = BOTH[(seed % 2) as usize];
        let mut world = World::new(seed, client(authentication), bmc(seed % 3 != 0));
        world.weather =
            Weather { loss: seed % 25, copies: seed % 30, delay: seed % 50, jitter: seed % 400, spoilt: 0 };
        // Kept replies would hide that a client sends a command twice.
        world.bmc.set_faults(Faults { repeats_commands: seed % 2 == 0, ..Faults::default() });
        for control in controls {
            for request in [Request::GetChassisStatus, control.into()] {
                asked += 1;
                match world.ask(request) {
                    Ok(_) => answered += 1,
                    Err(Error::OutcomeUnknown | Error::Timeout { .. } | Error::ActivationUnanswered) => {}
                    Err(Error::Completion(CompletionCode::WRONG_STATE)) => {}
                    Err(error) => panic!("seed {seed}: {error:?}"),
                }
            }
            if seed % 7 == 0 {
                world.bmc.forget_sessions();
            }
        }
        for (at, control) in world.executed.iter().enumerate() {
            assert!(!world.executed[..at].contains(control), "seed {seed}: {control:?} twice");
        }
    }
    assert!(answered * 100 > asked * 80, "{answered} of {asked} answered");
}
