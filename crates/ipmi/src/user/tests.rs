use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::bmc::{Bmc, BmcConfig, User, desk};
use crate::command::{Command, RawCommand};
use crate::completion::CompletionCode;
use crate::privilege::PrivilegeLevel;
use crate::procedure::{Procedure, ProcedureError, script};
use crate::quirk::{Quirk, Quirks};

fn bmc(quirks: Quirks) -> Bmc {
    let users = vec![User::new("admin", "secret".into(), PrivilegeLevel::Administrator)];
    let config = BmcConfig { quirks, ..BmcConfig::new(users) };
    Bmc::new(config, Box::new(|bytes: &mut [u8]| bytes.fill(1)))
}

fn run<P: Procedure>(bmc: &mut Bmc, procedure: P) -> Result<P::Output, ProcedureError> {
    desk::run(bmc, Instant::now(), procedure)
}

fn id(number: u8) -> UserId {
    UserId::new(number).unwrap()
}

fn password(text: &str) -> UserPassword {
    UserPassword::new(&text.into()).unwrap()
}

fn operator(name: &str, secret: &str) -> NewUser {
    NewUser {
        name: UserName::new(name).unwrap(),
        password: password(secret),
        size: PasswordSize::Twenty,
        limit: PrivilegeLevel::Operator,
    }
}

const SEVENTEEN: &str = "seventeen-bytes-x";

#[test]
fn a_created_user_is_listed_and_a_deleted_one_leaves_its_place_free() {
    let mut bmc = bmc(Quirks::NONE);
    let created = run(&mut bmc, create(14, operator("night", SEVENTEEN))).unwrap();
    let whole = PasswordKept { size: PasswordSize::Twenty, truncated: false, tested: true };
    assert_eq!(created, Created { id: id(2), password: whole });

    let users = run(&mut bmc, list(14)).unwrap();
    assert_eq!(users.counts, UserCounts { maximum: 15, enabled: 2, fixed_names: 0 });
    assert_eq!(users.users.len(), 15);
    let night = users.named(&UserName::new("night").unwrap()).unwrap();
    let expected = UserAccess::lan(PrivilegeLevel::Operator);
    assert_eq!((night.enabled, night.access), (EnabledStatus::Enabled, expected));
    assert_eq!(users.free(), Some(id(3)));

    let again = run(&mut bmc, create(14, operator("night", "other")));
    let taken = ProcedureError::Impossible { doing: "create the user", reason: "another user has the name" };
    assert_eq!(again, Err(taken));

    let deleted = run(&mut bmc, delete(14, id(2))).unwrap();
    assert_eq!(deleted, Deleted { disabled: Ok(()), access_removed: Ok(()), name_cleared: Ok(()) });
    assert_eq!(run(&mut bmc, list(14)).unwrap().free(), Some(id(2)));
}

#[test]
fn the_order_of_creation_is_the_one_that_all_bmcs_take() {
    let mut ordered = Vec::new();
    let mut bmc = bmc(Quirks::NONE);
    let (outcome, asked) = script::run(create(14, operator("night", "secret")), |asked| {
        let (code, data) =
            desk::ask(&mut bmc, Instant::now(), asked.netfn, asked.lun, asked.cmd, &asked.data);
        (code.0, data)
    });
    assert!(outcome.is_ok());
    for command in asked {
        if !matches!(command.cmd, GetUserAccess::CMD | GetUserName::CMD) {
            ordered.push((command.cmd, command.data.get(1).copied().filter(|_| command.cmd == 0x47)));
        }
    }
    // Name; password set and tested; access; enable.
    assert_eq!(ordered, [(0x45, None), (0x47, Some(2)), (0x47, Some(3)), (0x43, None), (0x47, Some(1))]);
}

#[test]
fn a_password_is_set_in_the_form_that_the_bmc_takes() {
    let check = |quirks: Quirks, secret: &str, asked, expected: Result<PasswordKept, ProcedureError>| {
        let mut bmc = bmc(quirks);
        assert_eq!(
            run(&mut bmc, set_password(id(1), password(secret), asked)),
            expected,
            "{quirks:?} {secret}"
        );
    };
    let kept = |size, truncated| Ok(PasswordKept { size, truncated, tested: true });
    let (sixteen, twenty) = (PasswordSize::Sixteen, PasswordSize::Twenty);
    check(Quirks::NONE, "short", twenty, kept(twenty, false));
    check(Quirks::NONE, "short", sixteen, kept(sixteen, false));
    check(Quirks::NONE, SEVENTEEN, sixteen, kept(twenty, false));
    check(Quirk::Password20.into(), "short", twenty, kept(sixteen, false));
    let code = CompletionCode::REQUEST_LENGTH_INVALID;
    let refused = ProcedureError::Refused { doing: "set the user's password", code };
    check(Quirk::Password20.into(), SEVENTEEN, twenty, Err(refused));
    check(Quirk::TruncatedPassword.into(), SEVENTEEN, twenty, kept(twenty, true));
    check(Quirk::TruncatedPassword.into(), "short", twenty, kept(twenty, false));
}

#[test]
fn bmcs_that_keep_something_else_or_refuse_are_told_apart() {
    let check = |set: u8, test: u8, expected: Result<PasswordKept, ProcedureError>| {
        let procedure = set_password(id(2), password("short"), PasswordSize::Twenty);
        let (outcome, _) =
            script::run(procedure, |asked| (if asked.data[1] == 2 { set } else { test }, Vec::new()));
        assert_eq!(outcome, expected, "{set:#x} {test:#x}");
    };
    let doing = "set the user's password";
    check(0, 0x80, Err(ProcedureError::NotKept { doing }));
    check(0, 0xC1, Ok(PasswordKept { size: PasswordSize::Twenty, truncated: false, tested: false }));
    let weak = ProcedureError::Impossible { doing, reason: "it takes it for too weak (8Fh)" };
    check(0x8F, 0, Err(weak));
    let code = CompletionCode::INSUFFICIENT_PRIVILEGE;
    check(0xD4, 0, Err(ProcedureError::Refused { doing, code }));
}

#[test]
fn a_password_is_tested_in_both_sizes() {
    let check = |quirks: Quirks, secret: &str, expected| {
        let mut bmc = bmc(quirks);
        assert_eq!(run(&mut bmc, test_password(id(1), password(secret))), Ok(expected), "{secret}");
    };
    check(Quirks::NONE, "secret", PasswordTest::Matches(PasswordSize::Sixteen));
    check(Quirks::NONE, "Secret", PasswordTest::Differs);
    check(Quirks::NONE, SEVENTEEN, PasswordTest::Differs);
    check(Quirk::Password20.into(), "secret", PasswordTest::Matches(PasswordSize::Sixteen));
}

#[test]
fn a_password_goes_along_where_enabling_wants_the_field() {
    let strict = |asked: &RawCommand| (if asked.data.len() == 18 { 0 } else { 0xC7 }, Vec::new());
    let (outcome, asked) = script::run(enable(id(2), Some(password("secret"))), strict);
    assert_eq!(outcome, Ok(()));
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].data[..8], *b"\x02\x01secret");
    let (outcome, asked) = script::run(disable(id(2), None), strict);
    assert_eq!((outcome, asked[1].data.as_slice()), (Ok(()), [&[2, 0][..], &[0; 16]].concat().as_slice()));
}

#[test]
fn a_user_who_can_be_neither_disabled_nor_cut_off_is_not_deleted() {
    let (outcome, _) = script::run(delete(14, id(1)), |_| (0xCC, Vec::new()));
    let code = CompletionCode::INVALID_FIELD;
    assert_eq!(outcome, Err(ProcedureError::Refused { doing: "delete the user", code }));
    // Supermicro's X10DDW does not disable user 1, and others take no empty name: what could be done is told.
    let (outcome, _) = script::run(delete(14, id(1)), |asked| match asked.cmd {
        SetUserAccess::CMD => (0, Vec::new()),
        _ => (0xCC, Vec::new()),
    });
    let refused = Err(code);
    assert_eq!(outcome, Ok(Deleted { disabled: refused, access_removed: Ok(()), name_cleared: refused }));
}

#[test]
fn access_is_changed_in_parts_and_read_back() {
    let mut bmc = bmc(Quirks::NONE);
    let change = AccessChange { limit: Some(PrivilegeLevel::User.into()), ..AccessChange::default() };
    let after = run(&mut bmc, set_access(1, id(1), change)).unwrap();
    assert_eq!(after, UserAccess::lan(PrivilegeLevel::User));
    let change = AccessChange { ipmi_messaging: Some(false), ..AccessChange::default() };
    assert!(!run(&mut bmc, set_access(1, id(1), change)).unwrap().ipmi_messaging);

    let (outcome, _) =
        script::run(set_access(1, id(2), AccessChange { limit: Some(Limit::Oem), ..change }), |_| {
            (0, vec![10, 0x41, 0, 0x14])
        });
    assert_eq!(outcome, Err(ProcedureError::NotKept { doing: "set the user's access" }));
}

#[test]
fn places_that_a_bmc_does_not_tell_about_are_left_out() {
    let (outcome, _) = script::run(list(1), |asked| match (asked.cmd, asked.data[asked.data.len() - 1]) {
        (GetUserAccess::CMD, 1) => (0, vec![3, 0x01, 1, 0x04]),
        (GetUserAccess::CMD, 3) => (0, vec![3, 0x01, 1, 0x33]),
        (GetUserName::CMD, 3) => (0, b"guard\xFF\xFF".to_vec()),
        _ => (0xCC, Vec::new()),
    });
    let users = outcome.unwrap();
    let found: Vec<_> = users.users.iter().map(|user| (user.id.number(), user.name.as_str())).collect();
    assert_eq!(found, [(1, ""), (3, "guard")]);
    assert!(users.users.iter().all(|user| user.enabled == EnabledStatus::Unspecified));
    assert_eq!(users.free(), None);
}

#[test]
fn names_and_passwords_that_ipmi_cannot_carry_are_refused() {
    assert_eq!(UserName::new("a-name-of-17-byte"), Err(NameError::TooLong(17)));
    assert_eq!(UserName::new("a\0b"), Err(NameError::Nul));
    assert_eq!(UserPassword::new(&"x".repeat(21).into()).err(), Some(PasswordError::TooLong));
    assert_eq!(UserPassword::new(&"a\0".into()).err(), Some(PasswordError::Nul));
}

#[test]
fn passwords_do_not_show() {
    let command = SetUserPassword {
        user: id(2),
        size: PasswordSize::Sixteen,
        operation: Operation::Set(crate::keys::SecretKey::padded(b"canary").unwrap()),
    };
    let mut raw = RawCommand::of(&command);
    assert!(raw.data.windows(6).any(|window| window == b"canary"));
    for shown in [
        format!("{raw:?}"),
        format!("{:?}", crate::command::Step::of(&command)),
        format!("{:?}", crate::procedure::Turn::<()>::Ask(raw.clone())),
        format!("{:?}", operator("night", "canary")),
    ] {
        // As text and as the list of numbers that a vector's Debug is.
        assert!(
            !shown.contains("canary") && !shown.contains("99, 97, 110") && !shown.contains("data"),
            "{shown}"
        );
    }
    raw.wipe();
    assert!(raw.data.is_empty());
    assert!(format!("{:?}", RawCommand::of(&GetUserName(id(1)))).contains("data: [1]"));
}

prop_compose! {
    fn access()(flags: [bool; 3], limit in 0u8..16) -> UserAccess {
        UserAccess {
            callback_only: flags[0],
            link_authentication: flags[1],
            ipmi_messaging: flags[2],
            limit: Limit::from_number(limit),
        }
    }
}

proptest! {
    #[test]
    fn access_survives_the_wire(access in access(), numbers in [0u8..64, 0u8..64, 0u8..64], status in 0usize..4) {
        let found = FoundAccess {
            counts: UserCounts { maximum: numbers[0], enabled: numbers[1], fixed_names: numbers[2] },
            status: [
                EnabledStatus::Unspecified,
                EnabledStatus::Enabled,
                EnabledStatus::Disabled,
                EnabledStatus::Reserved,
            ][status],
            access,
        };
        prop_assert_eq!(GetUserAccess::decode(&found.encode()), Ok(found));
    }

    #[test]
    fn decoders_take_any_bytes(data in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = GetUserAccess::decode(&data);
        let _ = GetUserName::decode(&data);
        let _ = SetUserAccess::decode_request(&data);
        let _ = SetUserPassword::decode_request(&data);
        let mut bmc = bmc(Quirks::NONE);
        for command in 0x43..=0x47 {
            let _ = desk::ask(&mut bmc, Instant::now(), 0x06, 0, command, &data);
        }
    }
}
