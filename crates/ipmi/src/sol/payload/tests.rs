use std::fmt::Debug;

use proptest::prelude::*;

use super::*;
use crate::command::RawCommand;
use crate::sol::parameter::GetSolParameter;
use crate::sol::{BitRate, SetSolParameter, SolAccumulate, SolAuthentication, SolParameter, SolRetry};

/// Numbers, request data and a reply of a command, as the specification's tables lay them out.
fn check<C: Command>(command: &C, cmd: u8, data: &[u8], reply: &[u8], expected: C::Reply)
where
    C::Reply: PartialEq + Debug,
{
    let raw = RawCommand::of(command);
    assert_eq!((raw.cmd, raw.data.as_slice()), (cmd, data));
    assert_eq!(C::decode(reply).as_ref(), Ok(&expected));
}

#[test]
fn payload_commands_are_laid_out_as_specified() {
    let activation = SolActivation { inbound_size: 0x0102, outbound_size: 0x0304, port: 623 };
    check(
        &ActivateSol { instance: 1, serial_alerts: SerialAlerts::Deferred },
        0x48,
        &[1, 1, 0xC4, 0, 0, 0],
        &[0, 0, 0, 0, 2, 1, 4, 3, 0x6F, 2, 0xFF, 0xFF],
        activation,
    );
    assert_eq!(ActivateSol::decode(&activation.encode()), Ok(activation));
    check(&DeactivateSol { instance: 2 }, 0x49, &[1, 2, 0, 0, 0, 0], &[], ());
    let status = SolActivationStatus { capacity: 2, active: 0x0103 };
    check(&GetSolActivationStatus, 0x4A, &[1], &[2, 3, 1], status);
    let info = SolInstanceInfo { session: 0x0403_0201, port: 1 };
    check(&GetSolInstanceInfo { instance: 1 }, 0x4B, &[1, 1], &[1, 2, 3, 4, 1, 0, 0, 0, 0, 0, 0, 0], info);
    check(&SetUserSolAccess { user: 3, enabled: true }, 0x4C, &[0x0E, 3, 2, 0, 0, 0], &[], ());
    check(&SetUserSolAccess { user: 3, enabled: false }, 0x4C, &[0x0E, 0x43, 2, 0, 0, 0], &[], ());
    check(&GetUserSolAccess { user: 3 }, 0x4D, &[0x0E, 3], &[2, 0, 0, 0], true);
    check(&GetUserSolAccess { user: 3 }, 0x4D, &[0x0E, 3], &[0xFD, 0, 0, 0], false);
    let support = ChannelPayloadSupport { standard: 3, setup: 0x3F, oem: 0x0201 };
    check(&GetChannelPayloadSupport, 0x4E, &[0x0E], &[3, 0, 0x3F, 0, 1, 2, 0, 0], support);
    assert!(support.sol());
    assert_eq!(support.encode(), [3, 0, 0x3F, 0, 1, 2, 0, 0]);
    check(&GetSolPayloadVersion, 0x4F, &[0x0E, 1], &[0x12], PayloadVersion { major: 1, minor: 2 });
}

#[test]
fn careless_replies_are_understood() {
    // No instances means one (Dell M6xx), and the second byte of the status may be missing.
    let status = SolActivationStatus { capacity: 1, active: 1 };
    assert_eq!(GetSolActivationStatus::decode(&[0, 1]), Ok(status));
    let info = SolInstanceInfo { session: 0, port: 0 };
    assert_eq!(GetSolInstanceInfo::decode(&[0, 0, 0, 0]), Ok(info));
}

fn check_parameter(parameter: SolParameter, data: &[u8]) {
    let set = RawCommand::of(&SetSolParameter(parameter));
    assert_eq!((set.netfn, set.cmd), (0x0C, 0x21));
    assert_eq!(set.data, [&[0x0E], data].concat());
    let [selector, value @ ..] = data else { panic!("no selector") };
    assert_eq!(SolParameter::decode_value(*selector, value), Ok(parameter));
}

#[test]
fn parameters_are_laid_out_as_specified() {
    check_parameter(SolParameter::SetInProgress(true), &[0, 1]);
    check_parameter(SolParameter::Enable(true), &[1, 1]);
    let authentication = SolAuthentication {
        force_encryption: true,
        force_authentication: true,
        privilege: PrivilegeLevel::Administrator,
    };
    check_parameter(SolParameter::Authentication(authentication), &[2, 0xC4]);
    let interval = std::time::Duration::from_millis;
    check_parameter(
        SolParameter::Accumulate(SolAccumulate { interval: interval(60), threshold: 96 }),
        &[3, 12, 96],
    );
    check_parameter(SolParameter::Retry(SolRetry { count: 7, interval: interval(500) }), &[4, 7, 50]);
    check_parameter(SolParameter::NonVolatileBitRate(BitRate::B9600), &[5, 6]);
    check_parameter(SolParameter::VolatileBitRate(BitRate::B115200), &[6, 10]);
    check_parameter(SolParameter::Channel(1), &[7, 1]);
    check_parameter(SolParameter::Port(623), &[8, 0x6F, 2]);
    let get = RawCommand::of(&GetSolParameter { selector: 5 });
    assert_eq!((get.netfn, get.cmd, get.data), (0x0C, 0x22, vec![0x0E, 5, 0, 0]));
    assert_eq!(GetSolParameter::decode(&[0x11, 6, 9]), Ok(vec![6, 9]));
}

#[test]
fn values_without_a_meaning_are_no_parameters() {
    let check = |selector, value: &[u8], field| {
        let number = value.first().copied().unwrap_or(selector);
        let fault = Fault::Field { field, value: number.into() };
        assert_eq!(SolParameter::decode_value(selector, value), Err(fault));
    };
    check(2, &[0x09], "SOL privilege level");
    check(5, &[0x03], "SOL bit rate");
    check(9, &[], "SOL parameter selector");
}

proptest! {
    #[test]
    fn any_reply_is_read_or_refused(data in proptest::collection::vec(any::<u8>(), 0..16), selector: u8) {
        let _ = ActivateSol::decode(&data);
        let _ = GetSolActivationStatus::decode(&data);
        let _ = GetSolInstanceInfo::decode(&data);
        let _ = GetUserSolAccess::decode(&data);
        let _ = GetChannelPayloadSupport::decode(&data);
        let _ = GetSolPayloadVersion::decode(&data);
        if let Ok(parameter) = SolParameter::decode_value(selector % 10, &data) {
            let again = SolParameter::decode_value(parameter.selector(), &parameter.encode_value());
            // An interval of zero steps is none, and becomes one.
            if !matches!(parameter, SolParameter::Accumulate(accumulate) if accumulate.interval.is_zero()) {
                prop_assert_eq!(again, Ok(parameter));
            }
        }
    }
}
