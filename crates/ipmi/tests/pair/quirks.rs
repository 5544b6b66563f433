//! Every fault of the table: the BMC shows it, and the client fails as described or works.

use std::time::Instant;

use ironhand_ipmi::audit::{Audit, AuditOutput, Suite0};
use ironhand_ipmi::bmc::{FruConfig, SelConfig};
use ironhand_ipmi::command::{GetBootFlags, GetChassisStatus};
use ironhand_ipmi::fru::{Area, FruFlaw, ReadFru};
use ironhand_ipmi::procedure::{Answer, Ask, Procedure, Turn};
use ironhand_ipmi::quirk::Handling;
use ironhand_ipmi::sel::{self, Entry, ReadSel, Start};
use ironhand_ipmi::watchdog::GetWatchdogTimer;
use ironhand_ipmi::{
    Bmc, BmcConfig, BmcOutput, BootDevice, BootFlags, ChassisControl, CipherSuite, ClientConfig,
    CompletionCode, Error, Fault, PrivilegeLevel, Quirk, Quirks, RawCommand, Reply, Request, User, presence,
};

use crate::network::{Mangle, PASSWORD, Seeded, USER, World, bmc_config, client_config, peer, secret};
use crate::{opened_suites, power_is_on};

/// A client that may know of the quirk, and a BMC that shows it.
fn world(quirk: Quirk, known: bool) -> World {
    let quirks = if known { quirk.into() } else { Quirks::NONE };
    let client = ClientConfig { quirks, ..client_config() };
    World::new(41, client, BmcConfig { quirks: quirk.into(), ..bmc_config() })
}

/// Power is read and switched in one session of each suite.
fn works(quirk: Quirk, known: bool) {
    works_on(quirk, known, None);
}

fn works_on(quirk: Quirk, known: bool, shows: Option<Mangle>) {
    for suite in CipherSuite::PREFERRED {
        let mut world = world(quirk, known);
        world.mangle = shows;
        world.use_client(ClientConfig {
            suites: vec![suite],
            quirks: if known { quirk.into() } else { Quirks::NONE },
            ..client_config()
        });
        assert!(power_is_on(&world.ask(GetChassisStatus)), "{quirk} {suite:?}");
        assert_eq!(world.ask(ChassisControl::HardReset), Ok(Reply::Done), "{quirk} {suite:?}");
        assert_eq!(world.executed, [ChassisControl::HardReset]);
        assert!(opened_suites(&world).iter().all(|opened| *opened == suite));
    }
}

/// The client is told what is described unless it knows of the quirk.
fn needs_the_workaround(quirk: Quirk, symptom: fn(&Error) -> bool) {
    assert_eq!(quirk.description().handling, Handling::OnRequest, "{quirk}");
    match world(quirk, false).ask(GetChassisStatus) {
        Err(error) => assert!(symptom(&error), "{quirk}: {error}"),
        Ok(reply) => panic!("{quirk} does not show: {reply:?}"),
    }
    works(quirk, true);
}

fn is_tolerated(quirk: Quirk) {
    assert_eq!(quirk.description().handling, Handling::Always, "{quirk}");
    works(quirk, false);
}

#[test]
fn keys_from_the_open_session_privilege_are_met_by_asking_for_the_same_twice() {
    for quirk in [Quirk::OpenSessionPrivilege, Quirk::Sun20] {
        is_tolerated(quirk);
        // What a console gets that asks for the highest level first and for a certain one then.
        let mut world = world(quirk, false);
        world.mangle_to_bmc = Some(|mut bytes| {
            if bytes[5] == 0x10 {
                bytes[17] = 0;
            }
            Some(bytes)
        });
        assert_eq!(world.ask(GetChassisStatus), Err(Error::WrongPassword), "{quirk} does not show");
    }
}

#[test]
fn authentication_capabilities_are_not_believed() {
    is_tolerated(Quirk::AuthenticationCapabilities);
    // The client asks for them where the first answer is lost.
    let mut world = world(Quirk::AuthenticationCapabilities, false);
    world.lose_replies = 1;
    assert!(power_is_on(&world.ask(GetChassisStatus)));
}

fn suites_with(quirk: Quirk, client: &[CipherSuite], bmc: &[CipherSuite]) -> Result<CipherSuite, Error> {
    let mut world = World::with_suites(42, client, bmc);
    world.bmc.set_quirks(quirk.into());
    world.ask(GetChassisStatus).map(|_| opened_suites(&world)[0])
}

#[test]
fn a_lie_about_resources_leads_to_the_next_suite() {
    use CipherSuite::{Suite3, Suite17};
    is_tolerated(Quirk::SuiteStatus);
    let check = |client: &[_], bmc: &[_], expected| {
        assert_eq!(suites_with(Quirk::SuiteStatus, client, bmc), expected, "{client:?} {bmc:?}");
    };
    check(&[Suite3, Suite17], &[Suite17], Ok(Suite17));
    check(&[Suite17, Suite3], &[Suite3], Ok(Suite3));
    check(&[Suite3], &[Suite17], Err(Error::SessionsExhausted));
}

#[test]
fn silence_to_a_suite_leads_to_the_next() {
    use CipherSuite::{Suite3, Suite17};
    is_tolerated(Quirk::SuiteSilence);
    assert_eq!(suites_with(Quirk::SuiteSilence, &[Suite17, Suite3], &[Suite3]), Ok(Suite3));
    let silent = suites_with(Quirk::SuiteSilence, &[Suite17], &[Suite3]);
    assert!(matches!(silent, Err(Error::Timeout { .. })), "{silent:?}");
}

#[test]
fn a_short_memory_for_passwords_needs_the_short_password() {
    let quirk = Quirk::TruncatedPassword;
    let password = "twenty characters ok";
    let (whole, kept) = (password, &password[..16]);
    let check = |password: &str, quirks: Quirks, expected: Result<(), Error>| {
        let user = User::new(USER, secret(whole), PrivilegeLevel::Administrator);
        let bmc = BmcConfig { users: vec![user], quirks: quirk.into(), ..bmc_config() };
        let client = ClientConfig { quirks, ..ClientConfig::new(USER, secret(password)) };
        let result = World::new(43, client, bmc).ask(GetChassisStatus);
        assert_eq!(result.map(|_| ()), expected, "{} bytes", password.len());
    };
    check(whole, Quirks::NONE, Err(Error::WrongPassword));
    check(whole, quirk.into(), Ok(()));
    check(kept, Quirks::NONE, Ok(()));
    check(kept, quirk.into(), Ok(()));
    check(&whole[..15], quirk.into(), Err(Error::WrongPassword));
    works(quirk, true);
    assert!(PASSWORD.len() <= 16, "so that the usual password does not show it");
}

#[test]
fn a_ping_without_an_answer_has_a_question_beside_it() {
    let ask = |quirks: Quirks, datagram: &[u8]| {
        let mut bmc = Bmc::new(BmcConfig { quirks, ..bmc_config() }, Box::new(Seeded(44)));
        bmc.receive(Instant::now(), peer(), datagram);
        match bmc.next_output() {
            Some(BmcOutput::Send { bytes, .. }) => Some(bytes),
            _ => None,
        }
    };
    let pong = ask(Quirks::NONE, &presence::ping(9));
    assert_eq!(pong.as_deref().and_then(presence::pong), Some(9));
    assert_eq!(ask(Quirk::IpmiPing.into(), &presence::ping(9)), None);
    for quirks in [Quirks::NONE, Quirk::IpmiPing.into()] {
        let answer = ask(quirks, &presence::question(9));
        assert_eq!(answer.as_deref().and_then(presence::answer), Some(9));
    }
    is_tolerated(Quirk::IpmiPing);
}

#[test]
fn faults_of_packets_are_tolerated_where_their_integrity_is_proven() {
    // What does not show the fault is swallowed, so that it can work only with it.
    let check = |quirk: Quirk, shows: Mangle| {
        assert_eq!(quirk.description().handling, Handling::Always, "{quirk}");
        works_on(quirk, false, Some(shows));
    };
    check(Quirk::Supermicro20, |bytes| {
        let claimed = usize::from(bytes[14]) + 16;
        (bytes[5] != 0x13 || claimed == bytes.len() + 1).then_some(bytes)
    });
    check(Quirk::Sun20, |bytes| (bytes[5] != 0x13 || bytes.ends_with(&[0xA5; 4])).then_some(bytes));
    check(Quirk::IdZero, |bytes| (bytes[5] != 0xC0 || bytes[6..10] == [0; 4]).then_some(bytes));
    check(Quirk::OddSequence, |bytes| (bytes[5] != 0xC0 || bytes[10] % 2 == 1).then_some(bytes));
    needs_the_workaround(Quirk::NoChecksumCheck, |error| *error == Error::Protocol(Fault::Checksum));
}

#[test]
fn a_password_is_cut_for_md5_alone() {
    let check = |suite: CipherSuite, quirks: Quirks, expected: Result<(), Error>| {
        let password = "twenty characters ok";
        let user = User::new(USER, secret(password), PrivilegeLevel::Administrator);
        let suites = vec![suite];
        let quirk = Quirk::Intel20.into();
        let bmc = BmcConfig { users: vec![user], suites: suites.clone(), quirks: quirk, ..bmc_config() };
        let client = ClientConfig { suites, quirks, ..ClientConfig::new(USER, secret(password)) };
        assert_eq!(World::new(45, client, bmc).ask(GetChassisStatus).map(|_| ()), expected, "{suite:?}");
    };
    for suite in [3, 8, 12, 17].map(|id| CipherSuite::from_id(id).expect("the suite is spoken")) {
        check(suite, Quirk::Intel20.into(), Ok(()));
        check(suite, Quirks::NONE, Err(Error::UnknownUser));
    }
}

#[test]
fn a_uefi_boot_from_disk_is_asked_for_as_the_bmc_wants_it() {
    let quirk = Quirk::UefiDisk;
    let check = |known: bool, flags: BootFlags, boots_from: BootDevice| {
        let mut world = world(quirk, known);
        assert_eq!(world.ask(Request::SetBootOptions(flags)), Ok(Reply::Done));
        assert_eq!(world.ask(GetBootFlags), Ok(Reply::BootFlags(flags)), "reads back what was asked for");
        assert_eq!(world.bmc.take_boot_flags().map(|taken| taken.device), Some(boots_from), "{flags:?}");
    };
    let disk = BootFlags::once(BootDevice::Disk);
    check(false, disk.uefi(), BootDevice::RemoteMedia);
    check(true, disk.uefi(), BootDevice::Disk);
    check(true, disk, BootDevice::Disk);
    check(true, BootFlags::once(BootDevice::Pxe).uefi(), BootDevice::Pxe);
    works(quirk, true);
}

#[test]
fn surplus_bytes_behind_boot_flags_are_not_read() {
    let mut world = world(Quirk::BootSurplus, false);
    let flags = BootFlags::once(BootDevice::Pxe);
    assert_eq!(world.ask(Request::SetBootOptions(flags)), Ok(Reply::Done));
    assert_eq!(world.ask(GetBootFlags), Ok(Reply::BootFlags(flags)));
    let raw = RawCommand { cmd: 0x09, data: vec![5, 0, 0], ..RawCommand::of(&GetChassisStatus) };
    let operator = RawCommand { privilege: PrivilegeLevel::Operator, ..raw };
    assert!(matches!(world.ask(operator), Ok(Reply::Raw(data)) if data.len() == 7 + 12), "they are there");
    is_tolerated(Quirk::BootSurplus);
}

/// Runs a procedure over a session with a BMC that has sample records and shows the quirk.
fn read<P: Procedure>(quirk: Option<Quirk>, mut procedure: P) -> P::Output {
    let quirks = quirk.into_iter().collect();
    let bmc = BmcConfig { quirks, sel: SelConfig::sample(), fru: FruConfig::sample(), ..bmc_config() };
    let client = ClientConfig { privilege: PrivilegeLevel::Administrator, ..client_config() };
    let mut world = World::new(46, client, bmc);
    loop {
        match procedure.next() {
            Turn::Ask(command) => {
                let (code, data) = match world.ask(command) {
                    Ok(Reply::Raw(data)) => (CompletionCode::OK, data),
                    Err(Error::Completion(code)) => (code, Vec::new()),
                    other => panic!("{quirk:?}: {other:?}"),
                };
                procedure.answer(Answer { code, data: &data });
            }
            Turn::Wait(time) => world.pass(time),
            Turn::Done(result) => return result.expect("it is tolerated"),
        }
    }
}

#[test]
fn record_types_that_do_not_exist_are_read_as_events() {
    let events = |quirk: Option<Quirk>| {
        let entries = read(quirk, ReadSel::new(Start::First)).entries;
        let event = |entry: &Entry| match entry.record {
            sel::Record::Event(event) => Some((event.has_reserved_type(), event.sensor_type, event.data)),
            _ => None,
        };
        entries.iter().filter_map(event).collect::<Vec<_>>()
    };
    let (plain, faulty) = (events(None), events(Some(Quirk::AssumeSystemEvent)));
    assert!(plain.len() > 1 && plain.iter().all(|(reserved, ..)| !reserved));
    assert!(faulty.iter().all(|(reserved, ..)| *reserved), "the fault is shown");
    assert!(plain.iter().map(|event| (event.1, event.2)).eq(faulty.iter().map(|event| (event.1, event.2))));
}

#[test]
fn inventories_with_wrong_checksums_are_read_and_said_to_be_wrong() {
    let (plain, faulty) = (read(None, ReadFru::new(0)), read(Some(Quirk::SkipChecks), ReadFru::new(0)));
    assert_eq!(plain.inventory, faulty.inventory);
    assert_eq!(plain.flaws, []);
    assert_eq!(faulty.flaws, [FruFlaw::Checksum { area: Area::Header }]);
}

#[test]
fn a_watchdog_that_always_seems_to_run_shows_a_countdown_that_stands_still() {
    let timer = |quirk: Option<Quirk>| read(quirk, Ask::new("read the watchdog timer", &GetWatchdogTimer));
    let (plain, faulty) = (timer(None), timer(Some(Quirk::WatchdogRunning)));
    assert!(!plain.running && faulty.running);
    assert_eq!(plain.present, faulty.present);
}

#[test]
fn an_audit_for_suite_0_gets_no_further_than_the_open_session_response() {
    let mut entropy = Seeded(47);
    let mut now = Instant::now();
    let mut bmc = Bmc::new(bmc_config(), Box::new(Seeded(48)));
    let mut audit = Audit::new(now, &mut entropy);
    let mut asked_for_suite_0 = false;
    let report = loop {
        match audit.next_output() {
            Some(AuditOutput::Done(report)) => break report,
            Some(AuditOutput::Send(bytes)) => {
                assert!(!(0x12..=0x15).contains(&bytes[5]) || bytes[4] != 0x06, "RAKP: {bytes:02x?}");
                if bytes[4] == 0x06 && bytes[5] == 0x10 {
                    asked_for_suite_0 = true;
                    audit.receive(now, &accepted(&bytes));
                    continue;
                }
                bmc.receive(now, peer(), &bytes);
                while let Some(output) = bmc.next_output() {
                    if let BmcOutput::Send { bytes, .. } = output {
                        audit.receive(now, &bytes);
                    }
                }
            }
            None => {
                now = audit.next_wake().expect("it waits");
                audit.wake(now);
            }
        }
    };
    assert!(asked_for_suite_0);
    assert_eq!(report.suite_0, Suite0::Accepted, "{}", Quirk::IntegrityCheckValue);
}

/// The answer of a BMC that opens a session with what the Open Session Request asks for.
fn accepted(request: &[u8]) -> Vec<u8> {
    let (header, payload) = request.split_at(16);
    let mut bytes = header.to_vec();
    (bytes[5], bytes[14]) = (0x11, payload.len() as u8 + 4);
    // Tag, no error, administrator, reserved, the console's session id, the BMC's, and the algorithms.
    bytes.extend_from_slice(&[payload[0], 0, 4, 0]);
    bytes.extend_from_slice(&payload[4..8]);
    bytes.extend_from_slice(&[1, 2, 3, 4]);
    bytes.extend_from_slice(&payload[8..]);
    bytes
}

/// Tests that name quirks; those of a part of the crate stand beside it.
const TESTS: [&str; 8] = [
    include_str!("quirks.rs"),
    include_str!("sol.rs"),
    include_str!("ipmi15.rs"),
    include_str!("../../src/bmc/sensors/tests.rs"),
    include_str!("../../src/bmc/sol/tests.rs"),
    include_str!("../../src/dcmi/tests.rs"),
    include_str!("../../src/sdr/read/tests.rs"),
    include_str!("../../src/user/tests.rs"),
];

#[test]
fn no_quirk_is_without_a_test() {
    for quirk in Quirk::all() {
        let name = format!("Quirk::{quirk:?}");
        assert!(TESTS.iter().any(|test| test.contains(&name)), "{name}");
    }
}

#[test]
fn users_that_are_looked_up_otherwise_need_the_workaround() {
    needs_the_workaround(Quirk::Intel20, |error| *error == Error::UnknownUser);
    needs_the_workaround(Quirk::Intel82571, |error| matches!(error, Error::Timeout { .. }));
}
