use proptest::prelude::*;

use super::*;
use crate::sdr::{Access, Entity, SensorKey};
use crate::sensor::{AnalogFormat, Threshold, Unit};

/// A full record written down by hand, byte by byte after table 43-1.
fn cpu_temperature() -> Vec<u8> {
    let mut record = vec![0x01, 0x00, 0x51, 0x01, 0x35];
    record.extend([0x20, 0x00, 0x31, 0x03, 0x01, 0x7F, 0x68, 0x01, 0x01]);
    record.extend([0x80, 0x7A, 0x80, 0x7A, 0x3F, 0x3B]);
    record.extend([0x80, 0x01, 0x00, 0x00]);
    record.extend([0x01, 0x02, 0xF6, 0xC1, 0x24, 0x01]);
    record.extend([0x07, 0x2D, 0x50, 0x05, 0x7F, 0x80]);
    record.extend([0x6E, 0x64, 0x5F, 0xF6, 0x00, 0x05, 0x02, 0x03, 0x00, 0x00, 0x00]);
    record.extend(b"\xCACPU 1 Temp");
    record
}

#[test]
fn a_full_record_is_read_field_by_field() {
    let bytes = cpu_temperature();
    let record = Record::decode(0x1234, &bytes).unwrap();
    assert_eq!((record.id, record.name()), (0x1234, Some("CPU 1 Temp")));
    let RecordBody::Full(sensor) = &record.body else { panic!("{record:?}") };
    let description = sensor.description;
    assert_eq!(description.key, SensorKey::of_bmc(0x31));
    assert_eq!(description.entity, Entity::new(3, 1));
    assert_eq!((description.sensor_type, description.event_type), (1, 1));
    assert_eq!(description.capabilities.thresholds, Access::Settable);
    assert_eq!(description.capabilities.hysteresis, Access::Settable);
    assert!(description.capabilities.auto_rearm && !description.capabilities.ignored_without_entity);
    assert_eq!((description.readable_thresholds(), description.settable_thresholds()), (0x3F, 0x3B));
    assert_eq!(description.format, Some(AnalogFormat::TwosComplement));
    assert_eq!(description.unit, Unit::base(1));
    assert_eq!((sensor.factors.m, sensor.factors.tolerance), (1, 2));
    assert_eq!((sensor.factors.b, sensor.factors.b_exponent, sensor.factors.r_exponent), (-10, 1, 0));
    assert_eq!((sensor.factors.accuracy, sensor.factors.accuracy_exponent), (0x81, 1));
    assert_eq!(
        (sensor.nominal, sensor.normal_maximum, sensor.normal_minimum),
        (Some(0x2D), Some(0x50), Some(5))
    );
    assert_eq!((sensor.sensor_maximum, sensor.sensor_minimum), (0x7F, 0x80));
    assert_eq!(sensor.thresholds.get(Threshold::UpperNonRecoverable), Some(0x6E));
    assert_eq!(sensor.thresholds.get(Threshold::UpperNonCritical), Some(0x5F));
    assert_eq!(sensor.thresholds.get(Threshold::LowerNonRecoverable), Some(0xF6));
    assert_eq!(sensor.thresholds.get(Threshold::LowerNonCritical), Some(0x05));
    assert_eq!((sensor.positive_hysteresis, sensor.negative_hysteresis), (2, 3));
    assert_eq!(sensor.conversion().unwrap().value(45), Some(-55.0));
    assert_eq!(Record { id: 1, ..record }.encode(), bytes);
}

#[test]
fn records_that_end_early_are_read_as_far_as_they_go() {
    let bytes = cpu_temperature();
    let name = |length: usize| {
        let record = Record::decode(1, &bytes[..length]).unwrap();
        let fault = match &record.body {
            RecordBody::Opaque { fault, .. } => *fault,
            _ => None,
        };
        (record.name().map(str::to_owned), fault)
    };
    assert_eq!(name(bytes.len() - 5), (Some("CPU 1".into()), None));
    assert_eq!(name(48), (Some(String::new()), None));
    assert_eq!(name(47), (None, Some(Fault::Truncated("id string"))));
    assert_eq!(name(10), (None, Some(Fault::Truncated("sensor type"))));
    assert_eq!(Record::decode(1, &bytes[..4]), Err(Fault::Truncated("SDR header")));
}

#[test]
fn a_reserved_linearization_gives_no_conversion() {
    let mut bytes = cpu_temperature();
    bytes[23] = 12;
    let record = Record::decode(1, &bytes).unwrap();
    assert!(matches!(record.body, RecordBody::Full(sensor) if sensor.conversion().is_none()));
}

#[test]
fn devices_and_associations_come_back_as_the_same_bytes() {
    let check = |bytes: &[u8], expected: fn(&RecordBody) -> bool| {
        let record = Record::decode(7, bytes).unwrap();
        assert!(expected(&record.body), "{record:?}");
        assert_eq!(record.encode(), bytes, "{record:?}");
    };
    check(b"\x07\x00\x51\x02\x1E\x20\x00\x40\x08\x01\x03\x40\x0C\x6F\x01\x00\x01\x00\x01\x00\xC0\x00\x00\x54\x8A\x00\x00\x00\x00\x00\x55\xC3ECC", |body| {
        matches!(body, RecordBody::Compact(sensor) if sensor.sharing.count == 4 && sensor.oem == 0x55
            && sensor.direction == 1 && sensor.description.format.is_none())
    });
    check(
        b"\x07\x00\x51\x03\x10\x20\x00\x50\x22\x01\x12\x6F\x41\x00\x00\x00\xC4Boot",
        |body| matches!(body, RecordBody::EventOnly(sensor) if sensor.sensor_type == 0x12),
    );
    check(
        &[7, 0, 0x51, 0x08, 11, 10, 1, 0x80, 29, 1, 29, 4, 0, 0, 0, 0],
        |body| matches!(body, RecordBody::EntityAssociation(association) if association.contained.len() == 2),
    );
    check(
        &[
            7, 0, 0x51, 0x09, 27, 10, 0x61, 0x24, 0, 0x20, 0x24, 0, 29, 1, 0x26, 1, 29, 2, 0, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0,
        ],
        |body| {
            matches!(body, RecordBody::EntityAssociation(association)
                if association.container_device == Some((0x24, 0)) && association.contained[1].1 == Some((0x26, 1)))
        },
    );
    check(b"\x07\x00\x51\x10\x10\x20\xA1\x2B\x01\x00\x08\x02\x08\x03\x00\xC5EEPRM", |body| {
        matches!(body, RecordBody::GenericDevice(device)
            if device.channel == 9 && device.slave_address == 0xA0 && (device.lun, device.bus) == (1, 3))
    });
    check(
        b"\x07\x00\x51\x11\x0E\x20\x02\x80\x10\x00\x10\x00\x0A\x01\x00\xC3PSU",
        |body| matches!(body, RecordBody::FruDevice(device) if device.logical && device.device == 2 && device.channel == 1),
    );
    check(
        b"\x07\x00\x51\x12\x0E\x20\x00\x24\xBF\x00\x00\x00\x07\x01\x00\xC3BMC",
        |body| matches!(body, RecordBody::ControllerDevice(device) if device.capabilities == 0xBF),
    );
    check(
        &[7, 0, 0x51, 0xC0, 5, 0x57, 0x01, 0x00, 0xAA, 0xBB],
        |body| matches!(body, RecordBody::Oem { manufacturer: 343, data } if data == &[0xAA, 0xBB]),
    );
    check(&[7, 0, 0x51, 0x14, 2, 1, 2], |body| {
        matches!(body, RecordBody::Opaque { record_type: 0x14, fault: None, .. })
    });
}

proptest! {
    #[test]
    fn any_bytes_are_read_and_said_again_the_same(
        id: u16,
        record_type in prop_oneof![Just(1u8), Just(2), Just(3), Just(8), Just(9), Just(0x10), Just(0x11), Just(0x12), any::<u8>()],
        body in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut bytes = vec![0, 0, 0x51, record_type, body.len() as u8];
        bytes.extend(body);
        let record = Record::decode(id, &bytes).unwrap();
        // Reserved bits and the name's coding are not kept; what is understood is.
        let again = Record::decode(id, &record.encode()).unwrap();
        let names_differ = record.name().is_some_and(|name| !name.is_ascii() || name.len() > 30);
        let opaque = matches!(record.body, RecordBody::Opaque { .. });
        prop_assert!(names_differ || opaque || again == record, "{:?} {:?}", record, again);
    }

    #[test]
    fn any_datagram_is_survived(bytes: Vec<u8>) {
        let _ = Record::decode(0, &bytes);
    }
}
