use proptest::prelude::*;

use super::*;
use crate::completion::CompletionCode;
use crate::suite::CipherSuite;

fn encoded<C: Command>(command: &C) -> Vec<u8> {
    let mut data = Vec::new();
    command.encode(&mut data);
    data
}

#[test]
fn boot_flags_have_the_bytes_of_the_specification() {
    let check = |flags: BootFlags, mode: u8, device: u8| {
        assert_eq!(flags.bytes(), [mode, device, 0, 0, 0], "{flags:?}");
        assert_eq!(BootFlags::from_bytes(flags.bytes()), flags);
    };
    check(BootFlags::once(BootDevice::Pxe), 0x80, 0x04);
    check(BootFlags::once(BootDevice::Disk), 0x80, 0x08);
    check(BootFlags::once(BootDevice::DiskSafeMode), 0x80, 0x0C);
    check(BootFlags::once(BootDevice::Diagnostics), 0x80, 0x10);
    check(BootFlags::once(BootDevice::CdRom), 0x80, 0x14);
    check(BootFlags::once(BootDevice::Setup), 0x80, 0x18);
    check(BootFlags::once(BootDevice::RemoteFloppy), 0x80, 0x1C);
    check(BootFlags::once(BootDevice::RemoteCdRom), 0x80, 0x20);
    check(BootFlags::once(BootDevice::RemoteMedia), 0x80, 0x24);
    check(BootFlags::once(BootDevice::RemoteDisk), 0x80, 0x2C);
    check(BootFlags::once(BootDevice::Floppy), 0x80, 0x3C);
    check(BootFlags::once(BootDevice::Pxe).uefi(), 0xA0, 0x04);
    check(BootFlags::once(BootDevice::Pxe).persistent(), 0xC0, 0x04);
    check(BootFlags::once(BootDevice::Disk).uefi().persistent(), 0xE0, 0x08);
    check(BootFlags::cleared(), 0x00, 0x00);
}

#[test]
fn setting_boot_options_takes_five_messages() {
    let request = Request::SetBootOptions(BootFlags::once(BootDevice::Pxe).uefi());
    let data: Vec<Vec<u8>> =
        (0..).map_while(|index| request.step(index)).map(|step| step.data.to_vec()).collect();
    let expected: [&[u8]; 5] = [&[0, 1], &[3, 8], &[4, 1, 1], &[5, 0xA0, 0x04, 0, 0, 0], &[0, 0]];
    assert_eq!(data, expected);
}

#[test]
fn only_the_flags_themselves_must_be_accepted() {
    let request = Request::SetBootOptions(BootFlags::cleared());
    let tolerant: Vec<bool> = (0..)
        .map_while(|index| request.step(index))
        .map(|step| step.tolerates(CompletionCode::PARAMETER_UNSUPPORTED))
        .collect();
    assert_eq!(tolerant, [true, true, true, false, true]);
}

#[test]
fn surplus_bytes_of_a_boot_flags_reply_are_accepted() {
    // An HP DL380 G5 sends twelve of them.
    let mut reply = vec![0x01, 0x05, 0x80, 0x04, 0, 0, 0];
    reply.extend([0; 12]);
    assert_eq!(GetBootFlags::decode(&reply), Ok(BootFlags::once(BootDevice::Pxe)));
}

#[test]
fn a_reply_about_another_parameter_is_a_fault() {
    let reply = [0x01, 0x03, 0x80, 0x04, 0, 0, 0];
    assert_eq!(
        GetBootFlags::decode(&reply),
        Err(Fault::Field { field: "boot option parameter selector", value: 3 })
    );
}

#[test]
fn a_device_id_is_read() {
    let reply = [0x20, 0x81, 0x03, 0x52, 0x02, 0xBF, 0xA2, 0x02, 0x00, 0x00, 0x01, 0x00, 0x0F, 0x00, 0x00];
    let expected = DeviceId {
        device_id: 0x20,
        provides_device_sdrs: true,
        device_revision: 1,
        available: true,
        firmware_major: 3,
        firmware_minor: 52,
        ipmi_version: IpmiVersion { major: 2, minor: 0 },
        additional_support: 0xBF,
        manufacturer: 674,
        product: 0x0100,
        auxiliary_revision: Some([0x00, 0x0F, 0x00, 0x00]),
    };
    assert_eq!(GetDeviceId::decode(&reply), Ok(expected));
    assert_eq!(expected.encode(), reply);
    let short = DeviceId { auxiliary_revision: None, ..expected };
    assert_eq!(GetDeviceId::decode(&reply[..11]), Ok(short), "the auxiliary revision is optional");
    assert_eq!(GetDeviceId::decode(&reply[..10]), Err(Fault::Truncated("product id")));
}

#[test]
fn a_chassis_status_is_read_from_three_or_four_bytes() {
    let on = ChassisStatus {
        power_on: true,
        restore_policy: RestorePolicy::PowerUp,
        last_power_event: 0x10,
        drive_fault: true,
        ..Default::default()
    };
    assert_eq!(GetChassisStatus::decode(&[0x41, 0x10, 0x04]), Ok(on));
    let told = ChassisStatus {
        identify: Some(IdentifyState::Temporary),
        buttons: Some(FrontPanelButtons {
            can_disable: ButtonSet::ALL,
            disabled: ButtonSet { reset: true, ..ButtonSet::default() },
        }),
        ..on
    };
    assert_eq!(GetChassisStatus::decode(&[0x41, 0x10, 0x54, 0xF2]), Ok(told));
    assert_eq!(told.encode(), [0x41, 0x10, 0x54, 0xF2]);
    assert_eq!((on.faults(), on.power_events()), (vec!["drive fault"], vec!["switched on by IPMI"]));
    assert_eq!(GetChassisStatus::decode(&[0x41, 0x10]), Err(Fault::Truncated("chassis status")));
}

#[test]
fn cipher_suite_records_have_the_bytes_of_the_specification() {
    assert_eq!(
        encode_suite_records(&CipherSuite::PREFERRED),
        [0xC0, 17, 0x03, 0x44, 0x81, 0xC0, 3, 0x01, 0x41, 0x81]
    );
}

#[test]
fn cipher_suites_are_found_in_any_list() {
    let check =
        |records: &[u8], expected: &[u8]| assert_eq!(suite_numbers(records), expected, "{records:02x?}");
    check(&encode_suite_records(&CipherSuite::ALL), &[3, 8, 12, 17]);
    check(&[0xC0, 0, 0, 0x40, 0x80], &[0]);
    // The maker of suite 80h has C0h in its number; the suite behind it counts.
    check(&[0xC1, 0x80, 0xC0, 0x02, 0x00, 0x01, 0x41, 0x81, 0xC0, 17, 0x03, 0x44, 0x81], &[17]);
    check(&[0xC0, 3, 0x01, 0x41, 0x81, 0xC0, 3, 0x01, 0x41], &[3]);
    check(&[0xC0], &[]);
    check(&[0xC1, 1], &[]);
    check(&[], &[]);
    assert_eq!(encoded(&GetChannelCipherSuites { part: 2 }), [0x0E, 0x00, 0x82]);
}

#[test]
fn authentication_capabilities_are_read_in_both_forms() {
    let read = |data: &[u8]| GetChannelAuthenticationCapabilities::decode(data).unwrap();
    let old = read(&[1, 0x15, 0x1C, 0, 0, 0, 0, 0]);
    assert!(old.ipmi_1_5 && !old.rmcp_plus && !old.extended && old.named_users);
    assert!(!old.per_message_authentication && !old.user_level_authentication);
    let types: Vec<_> = old.types.iter().collect();
    assert_eq!(types, [AuthenticationType::None, AuthenticationType::Md5, AuthenticationType::Password]);
    let new = read(&[0x81, 0xA0, 0x24, 0x02, 0x57, 0x01, 0, 9]);
    assert!(!new.ipmi_1_5 && new.rmcp_plus && new.extended && new.kg_is_set);
    assert_eq!((new.channel, new.oem, new.oem_auxiliary), (1, 343, 9));
    assert!(new.types.contains(AuthenticationType::Oem));
}

#[test]
fn authentication_capabilities_are_asked_in_two_forms() {
    let ask = |extended| GetChannelAuthenticationCapabilities {
        extended,
        privilege: PrivilegeLevel::Administrator,
    };
    assert_eq!(encoded(&ask(true)), [0x8E, 0x04]);
    assert_eq!(encoded(&ask(false)), [0x0E, 0x04]);
}

#[test]
fn chassis_control_numbers_are_those_of_the_specification() {
    let all = [
        ChassisControl::PowerDown,
        ChassisControl::PowerUp,
        ChassisControl::PowerCycle,
        ChassisControl::HardReset,
        ChassisControl::DiagnosticInterrupt,
        ChassisControl::SoftShutdown,
    ];
    for (number, control) in (0..).zip(all) {
        assert_eq!(encoded(&control), [number]);
        assert_eq!(ChassisControl::from_number(number), Some(control));
    }
    assert_eq!(ChassisControl::from_number(6), None);
}

prop_compose! {
    fn chassis_status()(bits: u16, last_power_event in 0u8..0x20) -> ChassisStatus {
        let bit = |n: u16| bits >> n & 1 == 1;
        let policies =
            [RestorePolicy::StayOff, RestorePolicy::Previous, RestorePolicy::PowerUp, RestorePolicy::Unknown];
        ChassisStatus {
            power_on: bit(0),
            power_overload: bit(1),
            interlock: bit(2),
            power_fault: bit(3),
            power_control_fault: bit(4),
            restore_policy: policies[usize::from(bits >> 5 & 3)],
            last_power_event,
            intrusion: bit(8),
            front_panel_lockout: bit(9),
            drive_fault: bit(10),
            cooling_fault: bit(11),
            identify: bit(12).then_some(IdentifyState::Indefinite),
            buttons: bit(13).then_some(FrontPanelButtons {
                can_disable: ButtonSet::from_bits(last_power_event),
                disabled: ButtonSet::from_bits(last_power_event >> 1),
            }),
        }
    }
}

prop_compose! {
    fn device_id()(
        numbers: [u8; 3],
        flags: [bool; 2],
        device_revision in 0u8..16,
        firmware in (0u8..128, 0u8..100),
        version in (0u8..16, 0u8..16),
        manufacturer in 0u32..0x10_0000,
        product: u16,
        auxiliary_revision: Option<[u8; 4]>,
    ) -> DeviceId {
        DeviceId {
            device_id: numbers[0],
            provides_device_sdrs: flags[0],
            device_revision,
            available: flags[1],
            firmware_major: firmware.0,
            firmware_minor: firmware.1,
            ipmi_version: IpmiVersion { major: version.0, minor: version.1 },
            additional_support: numbers[1],
            manufacturer,
            product,
            auxiliary_revision,
        }
    }
}

proptest! {
    #[test]
    fn chassis_status_survives_the_wire(status in chassis_status()) {
        prop_assert_eq!(GetChassisStatus::decode(&status.encode()), Ok(status));
    }

    #[test]
    fn device_id_survives_the_wire(id in device_id()) {
        prop_assert_eq!(GetDeviceId::decode(&id.encode()), Ok(id));
    }

    #[test]
    fn boot_flags_survive_the_wire(bytes: [u8; 5]) {
        let flags = BootFlags::from_bytes(bytes);
        prop_assert_eq!(BootFlags::from_bytes(flags.bytes()), flags);
    }

    #[test]
    fn authentication_capabilities_survive_the_wire(bits: [bool; 9], types: u8, channel in 0u8..16, oem in 0u32..0x100_0000) {
        let capabilities = AuthenticationCapabilities {
            channel,
            extended: bits[0],
            kg_is_set: bits[1],
            named_users: bits[2],
            null_users: bits[3],
            anonymous_login: bits[4],
            rmcp_plus: bits[0] && bits[5],
            ipmi_1_5: !bits[0] || bits[6],
            per_message_authentication: bits[7],
            user_level_authentication: bits[8],
            types: AuthenticationTypes::from_bits(types),
            oem,
            oem_auxiliary: types,
        };
        prop_assert_eq!(GetChannelAuthenticationCapabilities::decode(&capabilities.encode()), Ok(capabilities));
    }

    #[test]
    fn decoders_take_any_bytes(data in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = GetDeviceId::decode(&data);
        let _ = GetSystemGuid::decode(&data);
        let _ = GetChassisStatus::decode(&data);
        let _ = GetBootFlags::decode(&data);
        let _ = GetChannelAuthenticationCapabilities::decode(&data);
        let _ = SetSessionPrivilegeLevel::decode(&data);
        let _ = GetChannelCipherSuites::decode(&data).map(|records| suite_numbers(&records));
    }
}
