use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::bmc::{Bmc, BmcConfig, desk};
use crate::completion::CompletionCode;
use crate::procedure::{Ask, script};
use crate::suite::CipherSuite;

fn bmc() -> Bmc {
    Bmc::new(BmcConfig::new(Vec::new()), Box::new(|bytes: &mut [u8]| bytes.fill(1)))
}

#[test]
fn the_lan_is_described() {
    let info = desk::run(&mut bmc(), Instant::now(), Ask::new("read it", &GetChannelInfo(THIS))).unwrap();
    assert_eq!((info.channel, info.medium_text(), info.protocol_text()), (1, "802.3 LAN", "IPMB v1.0"));
    assert_eq!(info.vendor, 7154);
    assert_eq!(desk::run(&mut bmc(), Instant::now(), current()), Ok(1));
    let (outcome, _) = script::run(current(), |_| (0xC1, Vec::new()));
    assert_eq!(outcome, Ok(1));
}

#[test]
fn access_has_two_settings() {
    let (mut bmc, now) = (bmc(), Instant::now());
    let get = |setting| Ask::new("read it", &GetChannelAccess { channel: 1, setting });
    let open = desk::run(&mut bmc, now, get(AccessSetting::Present)).unwrap();
    let access =
        ChannelAccess { alerting_disabled: true, limit: Limit::Level(PrivilegeLevel::Operator), ..open };
    let set = SetChannelAccess { channel: 1, setting: AccessSetting::Present, access };
    desk::run(&mut bmc, now, Ask::new("set it", &set)).unwrap();
    assert_eq!(desk::run(&mut bmc, now, get(AccessSetting::Present)), Ok(access));
    assert_eq!(desk::run(&mut bmc, now, get(AccessSetting::NonVolatile)), Ok(open));
    // Bits 7:6 at zero leave the flags, and the limit, as they are.
    let (code, _) = desk::ask(&mut bmc, now, 0x06, 0, 0x40, &[1, 0x00, 0x84]);
    assert_eq!(code, CompletionCode::OK);
    let limit = Limit::Level(PrivilegeLevel::Administrator);
    assert_eq!(desk::run(&mut bmc, now, get(AccessSetting::Present)), Ok(ChannelAccess { limit, ..access }));
    assert_eq!(desk::ask(&mut bmc, now, 0x06, 0, 0x40, &[1, 0x85, 0x84]).0.0, 0x83);
}

#[test]
fn cipher_suites_are_listed() {
    let suites = desk::run(&mut bmc(), Instant::now(), cipher_suites(THIS)).unwrap();
    let numbers: Vec<u8> = suites.iter().map(|suite| suite.id).collect();
    assert_eq!(numbers, CipherSuite::PREFERRED.map(CipherSuite::id));
    let first = &suites[0];
    assert_eq!(
        (first.authentication_text(), first.integrity_text(), first.confidentiality_text()),
        ("hmac-sha256", "hmac-sha256-128", "aes-cbc-128")
    );
}

#[test]
fn lists_of_any_length_are_read() {
    let check = |list: &[u8], expected: &[(u8, Option<u32>)]| {
        let list = list.to_vec();
        let (outcome, _) = script::run(cipher_suites(1), move |asked| {
            let part: Vec<u8> =
                list.iter().skip(usize::from(asked.data[2] & 0x3F) * 16).take(16).copied().collect();
            // As firmware does that refuses an index behind the end.
            if part.is_empty() && asked.data[2] != 0x80 {
                (0xCC, part)
            } else {
                (0, [vec![1], part].concat())
            }
        });
        let found: Vec<_> = outcome.unwrap().iter().map(|suite| (suite.id, suite.oem)).collect();
        assert_eq!(found, expected);
    };
    check(&[], &[]);
    check(&[0xC0, 0, 0x00, 0x40, 0x80, 0xC0, 3, 0x01, 0x41, 0x81], &[(0, None), (3, None)]);
    check(&[0xC1, 0x80, 0xA2, 0x02, 0x00, 0x01, 0xC0, 17, 3, 0x44, 0x81], &[(0x80, Some(674)), (17, None)]);
    // Sixteen bytes to the dot, so that the end shows only in the next answer.
    let sixteen = [0xC0, 1, 1, 0xC0, 2, 1, 0x41, 0xC0, 3, 1, 0x41, 0x81, 0xC0, 6, 2, 0x40];
    check(&sixteen, &[(1, None), (2, None), (3, None), (6, None)]);
    check(&[0x03, 0x01], &[]);
    check(&[0xC1, 0x80], &[]);
    let (outcome, _) = script::run(cipher_suites(1), |_| (0xC1, Vec::new()));
    let code = CompletionCode::INVALID_COMMAND;
    assert_eq!(outcome, Err(ProcedureError::Refused { doing: "list the cipher suites", code }));
}

proptest! {
    #[test]
    fn access_survives_the_wire(flags in 0u8..0x40, limit in 0u8..16) {
        let access = ChannelAccess::from_bits([flags, limit]);
        prop_assert_eq!(access.bits(), [flags, limit]);
    }

    #[test]
    fn decoders_take_any_bytes(data in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = GetChannelInfo::decode(&data);
        let _ = GetChannelAccess::decode(&data);
        let _ = SuiteRecord::parse(&data);
        for command in 0x40..=0x42 {
            let _ = desk::ask(&mut bmc(), Instant::now(), 0x06, 0, command, &data);
        }
        let _ = script::run(cipher_suites(1), |_| (0, data.clone()));
    }
}
