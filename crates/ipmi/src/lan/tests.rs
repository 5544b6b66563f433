use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::bmc::{BadPasswordThreshold, Bmc, BmcConfig, LanSettings, desk};
use crate::channel::{AccessSetting, GetChannelAccess};
use crate::completion::CompletionCode;
use crate::privilege::PrivilegeLevel;
use crate::procedure::{Ask, Procedure, ProcedureError, script};
use crate::user::Limit;

const CHANNEL: u8 = 1;

fn bmc() -> Bmc {
    let rule = BadPasswordThreshold {
        threshold: 3,
        reset_interval: Duration::from_secs(60),
        lockout_interval: Duration::from_secs(300),
    };
    let config = BmcConfig { bad_password_threshold: Some(rule), ..BmcConfig::new(Vec::new()) };
    Bmc::new(config, Box::new(|bytes: &mut [u8]| bytes.fill(1)))
}

fn run<P: Procedure>(bmc: &mut Bmc, procedure: P) -> Result<P::Output, ProcedureError> {
    desk::run(bmc, Instant::now(), procedure)
}

#[test]
fn all_settings_are_read() {
    let configuration = run(&mut bmc(), read(CHANNEL)).unwrap();
    let settings = LanSettings::default();
    assert_eq!(configuration.address(), Some(settings.address));
    assert_eq!(configuration.mask(), Some(settings.mask));
    assert_eq!(configuration.gateway(), Some(settings.gateway));
    assert_eq!(configuration.mac(), Some(settings.mac));
    assert_eq!(configuration.source(), Some(AddressSource::Static));
    assert_eq!(configuration.set_in_progress(), Some(false));
    assert_eq!(configuration.vlan(), Some(None));
    assert_eq!(configuration.port(), Some(623));
    assert_eq!(configuration.community().as_deref(), Some("public"));
    assert_eq!(configuration.arp(), Some(ArpControl { responses: true, gratuitous: false }));
    assert_eq!(configuration.suites(), Some(vec![17, 3]));
    let administrator = Limit::Level(PrivilegeLevel::Administrator);
    assert_eq!(configuration.suite_privileges(), Some(vec![administrator; 2]));
    assert_eq!(configuration.bad_password_threshold(), Some((3, 6, 30)));
    assert_eq!(configuration.destinations().len(), 4);
    let ipv6: Vec<_> = configuration.ipv6_addresses();
    assert_eq!(ipv6.len(), 2);
    assert_eq!(ipv6[1].address.to_string(), "fe80::ff:fe00:20a");
    assert_eq!((ipv6[1].prefix_length, ipv6[1].is_static, ipv6[1].flag), (64, false, true));
}

#[test]
fn a_bmc_may_lack_every_parameter() {
    let (outcome, _) = script::run(read(CHANNEL), |asked| match asked.data[1] {
        3 => (0, vec![0x11, 10, 0, 0, 7]),
        // Too short to be anything.
        6 => (0, vec![0x11, 255]),
        17 => (0, vec![0x11]),
        _ => (0x80, Vec::new()),
    });
    let configuration = outcome.unwrap();
    assert_eq!(configuration.address(), Some(Ipv4Addr::new(10, 0, 0, 7)));
    assert_eq!((configuration.mask(), configuration.source(), configuration.vlan()), (None, None, None));
    assert!(configuration.destinations().is_empty() && configuration.ipv6_addresses().is_empty());
}

#[test]
fn changes_are_read_back() {
    let mut bmc = bmc();
    let changes = vec![
        LanChange::GatewayMac([2, 0, 0, 0, 0, 9]),
        LanChange::BackupGateway(Ipv4Addr::new(192, 0, 2, 2)),
        LanChange::VlanPriority(5),
        LanChange::Community("ops".to_owned()),
        LanChange::Arp(ArpControl { responses: true, gratuitous: true }),
        LanChange::ArpInterval(4),
        LanChange::SuitePrivileges(vec![Limit::Level(PrivilegeLevel::Administrator), Limit::Reserved(0)]),
        LanChange::Ipv6Static {
            number: 0,
            enabled: true,
            address: "2001:db8::7".parse().unwrap(),
            prefix_length: 64,
        },
    ];
    assert!(changes.iter().all(|change| !change.moves_bmc()));
    assert_eq!(run(&mut bmc, set(CHANNEL, changes)), Ok(()));
    let configuration = run(&mut bmc, read(CHANNEL)).unwrap();
    assert_eq!(configuration.gateway_mac(), Some([2, 0, 0, 0, 0, 9]));
    assert_eq!(configuration.backup_gateway(), Some(Ipv4Addr::new(192, 0, 2, 2)));
    assert_eq!(configuration.vlan_priority(), Some(5));
    assert_eq!(configuration.community().as_deref(), Some("ops"));
    assert_eq!(configuration.arp_interval(), Some(4));
    assert_eq!(configuration.suite_privileges().unwrap()[1], Limit::Reserved(0));
    assert_eq!(configuration.ipv6_addresses()[0].address.to_string(), "2001:db8::7");
    assert_eq!(configuration.set_in_progress(), Some(false), "the end is told");
}

#[test]
fn a_setting_that_does_not_hold_is_told_and_the_end_as_well() {
    let (outcome, asked) =
        script::run(set(CHANNEL, vec![LanChange::ArpInterval(4)]), |asked| match asked.cmd {
            0x02 => (0, vec![0x11, 9]),
            _ => (0, Vec::new()),
        });
    assert_eq!(outcome, Err(ProcedureError::NotKept { doing: "change the LAN configuration" }));
    assert_eq!(asked.last().map(|command| command.data.as_slice()), Some(&[1, 0, 0][..]));
    let (outcome, _) =
        script::run(set(CHANNEL, vec![LanChange::VlanPriority(1)]), |asked| match asked.data[1] {
            // No set-in-progress here, and a parameter that can only be read.
            0 => (0x80, Vec::new()),
            _ => (0x82, Vec::new()),
        });
    let code = CompletionCode(0x82);
    assert_eq!(outcome, Err(ProcedureError::Refused { doing: "change the LAN configuration", code }));
}

#[test]
fn the_address_is_written_last_and_never_twice() {
    let changes = vec![
        LanChange::Address(Ipv4Addr::new(192, 0, 2, 77)),
        LanChange::Vlan(Some(7)),
        LanChange::Gateway(Ipv4Addr::new(192, 0, 2, 254)),
        LanChange::Source(AddressSource::Static),
        LanChange::Mask(Ipv4Addr::new(255, 255, 0, 0)),
    ];
    assert!(changes.iter().all(LanChange::moves_bmc));
    let (outcome, asked) = script::run(move_to(CHANNEL, changes), |_| (0, Vec::new()));
    assert_eq!(outcome, Ok(()));
    let written: Vec<&[u8]> = asked.iter().map(|command| &command.data[1..]).collect();
    let expected: [&[u8]; 5] =
        [&[4, 1], &[12, 192, 0, 2, 254], &[6, 255, 255, 0, 0], &[20, 7, 0x80], &[3, 192, 0, 2, 77]];
    assert_eq!(written, expected);
    assert!(asked.iter().all(|command| !command.repeatable));
}

#[test]
fn alerts_go_to_nobody_any_more() {
    let mut bmc = bmc();
    let off = run(&mut bmc, alerts_off(CHANNEL)).unwrap();
    assert_eq!(off, AlertsOff { channel_disabled: Ok(()), cleared: 4, refused: Vec::new() });
    for setting in [AccessSetting::NonVolatile, AccessSetting::Present] {
        let access =
            run(&mut bmc, Ask::new("read it", &GetChannelAccess { channel: CHANNEL, setting })).unwrap();
        assert!(access.alerting_disabled);
    }
    let (outcome, _) = script::run(alerts_off(CHANNEL), |asked| match (asked.netfn, asked.cmd) {
        (0x0C, 0x02) => (0, vec![0x11, 1]),
        _ => (0xD4, Vec::new()),
    });
    let code = CompletionCode::INSUFFICIENT_PRIVILEGE;
    let refused = AlertsOff { channel_disabled: Err(code), cleared: 0, refused: vec![(1, code)] };
    assert_eq!(outcome, Ok(refused));
}

#[test]
fn the_bmc_refuses_what_makes_no_sense() {
    let mut bmc = bmc();
    let mut check = |cmd: u8, data: &[u8], code: u8| {
        assert_eq!(desk::ask(&mut bmc, Instant::now(), 0x0C, 0, cmd, data).0.0, code, "{cmd} {data:?}");
    };
    check(0x02, &[1, 3, 0], 0xC7);
    check(0x02, &[2, 3, 0, 0], 0xCC);
    check(0x02, &[1, 200, 0, 0], 0x80);
    check(0x02, &[1, 18, 9, 0], 0xC9);
    check(0x02, &[0x81, 3, 0, 0], 0);
    check(0x01, &[1, 3, 10, 0, 0], 0xC7);
    check(0x01, &[1, 22, 1], 0x82);
    check(0x01, &[1, 0, 1], 0);
    check(0x01, &[1, 0, 1], 0x81);
    check(0x01, &[1, 0, 2], 0);
    check(0x01, &[1, 0, 7], 0xCC);
    check(0x01, &[1, 26, 0, 5, 1, 0, 2, 0], 0);
    check(0x01, &[1], 0xC7);
}

proptest! {
    #[test]
    fn any_bytes_are_some_configuration(data in proptest::collection::vec(any::<u8>(), 0..24)) {
        let (outcome, _) = script::run(read(CHANNEL), |_| (0, data.clone()));
        if let Ok(read) = outcome {
            let _ = (read.suites(), read.suite_privileges(), read.community(), read.vlan(), read.port());
            let _ = (read.destinations(), read.ipv6_addresses(), read.bad_password_threshold());
        }
        for command in [0x01, 0x02] {
            let _ = desk::ask(&mut bmc(), Instant::now(), 0x0C, 0, command, &data);
        }
    }
}
