use std::time::Instant;

use super::*;
use crate::bmc::{BmcConfig, User, desk};

fn bmc(quirks: Quirks) -> Bmc {
    let users = vec![User::new("a", "b".into(), PrivilegeLevel::Administrator)];
    let config = BmcConfig { quirks, ..BmcConfig::new(users) };
    Bmc::new(config, Box::new(|bytes: &mut [u8]| bytes.fill(1)))
}

fn check(bmc: &mut Bmc, netfn: u8, cmd: u8, data: &[u8], expected: Result<&[u8], u8>) {
    let (code, reply) = desk::ask(bmc, Instant::now(), netfn, 0, cmd, data);
    let answer = if code.is_ok() { Ok(reply.as_slice()) } else { Err(code.0) };
    assert_eq!(answer, expected, "{netfn:02x}/{cmd:02x} {data:02x?}");
}

#[test]
fn parameters_are_set_and_read() {
    const SET: u8 = 0x21;
    const GET: u8 = 0x22;
    let mut bmc = bmc(Quirks::NONE);
    let mut check = |cmd, data: &[u8], expected| check(&mut bmc, 0x0C, cmd, data, expected);
    check(GET, &[0x0E, 0, 0, 0], Ok(&[0x11, 0]));
    check(SET, &[0x0E, 0, 1], Ok(&[]));
    check(SET, &[0x0E, 0, 1], Err(0x81));
    check(SET, &[0x0E, 0, 0], Ok(&[]));
    check(GET, &[0x01, 1, 0, 0], Ok(&[0x11, 1]));
    check(GET, &[0x01, 2, 0, 0], Ok(&[0x11, 0xC2]));
    check(SET, &[0x01, 2, 0x84], Ok(&[]));
    check(GET, &[0x01, 2, 0, 0], Ok(&[0x11, 0x84]));
    check(SET, &[0x01, 2, 0x00], Err(0xCC));
    check(SET, &[0x01, 2], Err(0xC7));
    check(GET, &[0x01, 3, 0, 0], Ok(&[0x11, 4, 96]));
    check(SET, &[0x01, 3, 10, 20], Ok(&[]));
    check(GET, &[0x01, 3, 0, 0], Ok(&[0x11, 10, 20]));
    check(GET, &[0x01, 4, 0, 0], Ok(&[0x11, 7, 50]));
    check(SET, &[0x01, 5, 8], Ok(&[]));
    check(GET, &[0x01, 6, 0, 0], Ok(&[0x11, 8]));
    check(SET, &[0x01, 6, 6], Ok(&[]));
    check(GET, &[0x01, 5, 0, 0], Ok(&[0x11, 8]));
    check(SET, &[0x01, 6, 5], Err(0xCC));
    check(GET, &[0x01, 7, 0, 0], Ok(&[0x11, 1]));
    check(SET, &[0x01, 7, 1], Err(0x82));
    check(GET, &[0x01, 8, 0, 0], Ok(&[0x11, 0x6F, 2]));
    check(GET, &[0x81, 8, 0, 0], Ok(&[0x11]));
    check(GET, &[0x01, 9, 0, 0], Err(0x80));
    check(SET, &[0x01, 9, 0], Err(0x80));
    check(GET, &[0x03, 1, 0, 0], Err(0xCC));
    check(GET, &[0x01], Err(0xC7));
    check(SET, &[], Err(0xC7));
}

#[test]
fn payload_commands_follow_the_specification() {
    let mut bmc = bmc(Quirks::NONE);
    let mut check = |cmd, data: &[u8], expected| check(&mut bmc, 0x06, cmd, data, expected);
    check(0x4A, &[1], Ok(&[1, 0, 0]));
    check(0x4A, &[2], Err(0xCC));
    check(0x4B, &[1, 1], Ok(&[0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]));
    check(0x4B, &[1, 2], Err(0xCC));
    check(0x49, &[1, 1, 0, 0, 0, 0], Err(0x80));
    check(0x48, &[1, 1], Err(0xC7));
    check(0x4D, &[0x0E, 1], Ok(&[2, 0, 0, 0]));
    check(0x4C, &[0x0E, 0x41, 2, 0, 0, 0], Ok(&[]));
    check(0x4D, &[0x0E, 1], Ok(&[0, 0, 0, 0]));
    check(0x4C, &[0x0E, 0x01, 0, 0, 0, 0], Ok(&[]));
    check(0x4D, &[0x0E, 1], Ok(&[0, 0, 0, 0]));
    check(0x4C, &[0x0E, 0x01, 2, 0, 0, 0], Ok(&[]));
    check(0x4D, &[0x0E, 1], Ok(&[2, 0, 0, 0]));
    check(0x4D, &[0x0E, 63], Err(0xCC));
    check(0x4C, &[0x0E, 0, 2, 0, 0, 0], Err(0xCC));
    check(0x4E, &[0x0E], Ok(&[3, 0, 0x3F, 0, 0, 0, 0, 0]));
    check(0x4F, &[0x0E, 1], Ok(&[0x10]));
    check(0x4F, &[0x0E, 0x15], Ok(&[0x10]));
    check(0x4F, &[0x0E, 2], Err(0x80));
    check(0x4F, &[0x0E, 0x16], Err(0x80));
    check(0x4F, &[0x0E, 0x20], Err(0x80));
}

#[test]
fn faults_of_vendors_can_be_shown() {
    check(&mut bmc(Quirk::SolStatus.into()), 0x06, 0x4A, &[1], Err(0xFF));
    check(&mut bmc(Quirk::SolChannelSupport.into()), 0x06, 0x4E, &[0x0E], Err(0xFF));
    let size = activation(Quirk::SolPayloadSize.into(), 623).inbound_size;
    assert_eq!(size, 0xFF00, "the bytes are swapped");
    assert_eq!(activation(Quirk::SolPort.into(), 623).port, 0x6F02);
}
