//! A BMC that misbehaves on demand, and what a client makes of it.

use std::time::Duration;

use ironhand_ipmi::bmc::{AuthFailure, BadPasswordThreshold, Faults, Proof};
use ironhand_ipmi::command::{GetChassisStatus, GetDeviceId};
use ironhand_ipmi::{
    BmcConfig, BmcEvent, ChassisControl, CipherSuite, ClientConfig, Condition, Error, Fault, Quirk, Quirks,
    Reply,
};

use crate::network::{USER, World, bmc_config, client_config, secret};
use crate::{SECOND, opened_suites, power_is_on};

fn faulty(faults: Faults) -> World {
    World::new(31, client_config(), BmcConfig { faults, ..bmc_config() })
}

#[test]
fn a_full_session_table_is_told_until_it_is_not() {
    let mut world = faulty(Faults { sessions_full: true, ..Faults::default() });
    assert_eq!(world.ask(GetChassisStatus), Err(Error::SessionsExhausted));
    world.bmc.set_faults(Faults::default());
    assert!(power_is_on(&world.ask(GetChassisStatus)));
}

#[test]
fn a_wrong_proof_is_noticed_at_its_step() {
    let check = |proof, expected: fn(&Error) -> bool| {
        for suite in CipherSuite::PREFERRED {
            let mut world = World::with_suites(31, &[suite], &[suite]);
            world.bmc.set_faults(Faults { wrong_proof: Some(proof), ..Faults::default() });
            let error = world.ask(GetChassisStatus).unwrap_err();
            assert!(expected(&error), "{proof:?}: {error}");
        }
    };
    check(Proof::Rakp2, |error| *error == Error::WrongPassword);
    check(Proof::Rakp4, |error| *error == Error::WrongKg);
    check(Proof::Packets, |error| *error == Error::Protocol(Fault::Integrity));
}

#[test]
fn sessions_whose_answers_are_bad_do_not_fill_the_bmc() {
    let check = |faults: Faults, quirks: Quirks, fault: Fault| {
        let bmc = BmcConfig { faults, quirks, max_sessions: 2, ..bmc_config() };
        let mut world = World::new(31, client_config(), bmc);
        for _ in 0..8 {
            assert_eq!(world.ask(GetChassisStatus), Err(Error::Protocol(fault)));
        }
    };
    let wrong = Faults { wrong_proof: Some(Proof::Packets), ..Faults::default() };
    check(wrong, Quirks::NONE, Fault::Integrity);
    check(Faults::default(), Quirk::NoChecksumCheck.into(), Fault::Checksum);
}

#[test]
fn garbage_is_a_broken_protocol() {
    let mut world = faulty(Faults { garbage: true, ..Faults::default() });
    let error = world.ask(GetChassisStatus).unwrap_err();
    assert_eq!(error.condition(), Condition::ProtocolError, "{error}");
}

#[test]
fn a_slow_bmc_is_waited_for() {
    let latency = Duration::from_millis(700);
    let mut world = faulty(Faults { latency, ..Faults::default() });
    assert!(power_is_on(&world.ask(GetChassisStatus)));
    assert_eq!(world.sent.0, 6, "one request twice and a question whether it is there");
    assert!(world.now.duration_since(world.begun) >= 4 * latency);
    let before = world.sent;
    assert!(power_is_on(&world.ask(GetChassisStatus)));
    assert_eq!(world.sent.0 - before.0, 1, "then its pace is known");
    world.bmc.set_faults(Faults { latency: 10 * SECOND, ..Faults::default() });
    assert!(matches!(world.ask(GetDeviceId), Err(Error::Timeout { .. })), "but not for ever");
    world.bmc.set_faults(Faults::default());
    assert!(power_is_on(&world.ask(GetChassisStatus)));
}

#[test]
fn a_bmc_that_restarts_at_a_command_did_or_did_not_carry_it_out() {
    let restart = Faults { restart_at_command: Some(3 * SECOND), ..Faults::default() };
    let mut world = faulty(Faults::default());
    // Raises the privilege level too, so that the next command is the next message.
    assert_eq!(world.ask(ChassisControl::HardReset), Ok(Reply::Done));
    world.bmc.set_faults(restart);
    assert_eq!(world.ask(ChassisControl::PowerCycle), Err(Error::OutcomeUnknown));
    assert_eq!(world.executed, [ChassisControl::HardReset, ChassisControl::PowerCycle]);
    assert!(power_is_on(&world.ask(GetChassisStatus)), "in a new session");
    assert_eq!(opened_suites(&world).len(), 2);

    world.bmc.set_faults(restart);
    assert!(power_is_on(&world.ask(GetChassisStatus)), "what is repeatable is repeated");
    assert_eq!(world.bmc.faults(), Faults::default(), "it happens once");
}

#[test]
fn a_restart_loses_sessions_and_answers_and_is_silent_for_a_while() {
    let mut world = faulty(Faults::default());
    world.ask(GetChassisStatus).unwrap();
    world.bmc.restart(world.now, 5 * SECOND);
    assert_eq!(world.bmc.session_count(), 0);
    let before = world.sent.1;
    let ticket = world.submit(GetChassisStatus);
    world.pass(4 * SECOND);
    assert_eq!(world.sent.1, before);
    world.run_until(|world| world.results.contains_key(&ticket));
    assert!(power_is_on(&world.results[&ticket]));
}

#[test]
fn failed_logins_lock_the_user_out_for_a_while() {
    let bad_password_threshold = Some(BadPasswordThreshold {
        threshold: 3,
        reset_interval: 60 * SECOND,
        lockout_interval: 300 * SECOND,
    });
    let bmc = BmcConfig { bad_password_threshold, ..bmc_config() };
    let mut world = World::new(32, client_config(), bmc);
    let login = |world: &mut World| {
        world.use_client(client_config());
        world.ask(GetChassisStatus)
    };
    // A guess that goes no further than RAKP message 2 is not counted.
    for _ in 0..5 {
        world.use_client(ClientConfig::new(USER, secret("guess")));
        assert_eq!(world.ask(GetChassisStatus), Err(Error::WrongPassword));
    }
    assert!(power_is_on(&login(&mut world)));
    for failures in [2, 2, 3] {
        (0..failures).for_each(|_| fail_login(&mut world));
        assert_eq!(login(&mut world).is_ok(), failures < 3, "after {failures} and a success before");
    }
    assert_eq!(login(&mut world), Err(Error::UnknownUser), "as one who does not exist");
    world.pass(300 * SECOND);
    assert!(power_is_on(&login(&mut world)));
    (0..3).for_each(|_| fail_login(&mut world));
    assert_eq!(login(&mut world), Err(Error::UnknownUser));
    world.bmc.unlock_users();
    assert!(power_is_on(&login(&mut world)));
}

/// A console that does not look at RAKP message 2 and sends a wrong message 3, as a guessing program does.
fn fail_login(world: &mut World) {
    world.use_client(client_config());
    world.mangle_to_bmc = Some(|mut bytes| {
        if bytes[5] == 0x14 {
            *bytes.last_mut()? ^= 1;
        }
        Some(bytes)
    });
    let events = world.bmc_events.len();
    let refused = world.ask(GetChassisStatus).map_err(|error| error.condition());
    assert_eq!(refused, Err(Condition::AuthFailed));
    world.mangle_to_bmc = None;
    let failed = |event: &BmcEvent| matches!(event, BmcEvent::AuthFailed { reason: AuthFailure::WrongPassword, user, .. } if user == USER);
    assert!(world.bmc_events[events..].iter().any(failed));
}
