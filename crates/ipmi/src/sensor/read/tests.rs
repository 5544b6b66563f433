use super::*;
use crate::bmc::desk;
use crate::sdr::{FullSensor, Record, RecordBody, SensorCapabilities, SensorDescription, SensorKey};
use crate::sensor::{AnalogFormat, Unit};

/// A temperature sensor with upper limits 80 and 90.
fn temperature(number: u8) -> FullSensor {
    let mut thresholds = Thresholds::default();
    thresholds.set(Threshold::UpperNonCritical, Some(80));
    thresholds.set(Threshold::UpperCritical, Some(90));
    FullSensor {
        description: SensorDescription {
            key: SensorKey::of_bmc(number),
            entity: Default::default(),
            initialization: 0,
            capabilities: SensorCapabilities { thresholds: Access::Readable, ..Default::default() },
            sensor_type: 1,
            event_type: 1,
            assertion_mask: 0,
            deassertion_mask: 0,
            reading_mask: 0x0018,
            format: Some(AnalogFormat::Unsigned),
            unit: Unit::base(1),
        },
        linearization: 0,
        factors: ReadingFactors { m: 1, ..Default::default() },
        direction: 1,
        nominal: None,
        normal_minimum: None,
        normal_maximum: None,
        sensor_maximum: 255,
        sensor_minimum: 0,
        thresholds,
        positive_hysteresis: 0,
        negative_hysteresis: 0,
        oem: 0,
        name: format!("Temp {number}"),
    }
}

fn repository(sensors: Vec<FullSensor>) -> Arc<SdrRepository> {
    let records =
        (1..).zip(sensors).map(|(id, sensor)| Record { id, body: RecordBody::Full(Box::new(sensor)) });
    Arc::new(SdrRepository::new(None, records.collect(), Vec::new()))
}

/// Reads one sensor whose Get Sensor Reading is answered so.
fn read_one(sensor: FullSensor, quirks: Quirks, code: u8, data: &[u8]) -> Result<SensorReading, Unavailable> {
    let selection = SensorSelection { quirks, ..Default::default() };
    let procedure = ReadSensors::new(repository(vec![sensor]), selection);
    let reports = desk::converse(procedure, |raw| {
        assert_eq!((raw.netfn, raw.cmd, raw.lun, &raw.data[..]), (0x04, 0x2D, 0, &[7][..]));
        (code, data.to_vec())
    });
    let reports = reports.unwrap().reports;
    assert_eq!(reports.len(), 1);
    reports[0].reading
}

#[test]
fn readings_are_converted_and_their_states_told() {
    let check = |data: &[u8], expected: Result<(f64, u16), Unavailable>| {
        let reading = read_one(temperature(7), Quirks::NONE, 0, data);
        let found = reading.map(|reading| (reading.value.unwrap(), reading.states & 0x3F));
        assert_eq!(found, expected, "{data:02x?}");
    };
    check(&[42, 0xC0, 0xC0], Ok((42.0, 0)));
    check(&[85, 0xC0, 0xC8], Ok((85.0, 8)));
    check(&[85, 0x40, 0x08, 0x80], Ok((85.0, 8)));
    // Without the states' bytes there are none.
    check(&[85, 0xC0], Ok((85.0, 0)));
    check(&[85, 0xE0, 0xC0], Err(Unavailable::NoReading));
    check(&[85, 0x80, 0xC0], Err(Unavailable::ScanningDisabled));
    check(&[85], Err(Unavailable::Malformed(Fault::Truncated("sensor reading"))));
    check(&[], Err(Unavailable::Malformed(Fault::Truncated("sensor reading"))));
}

#[test]
fn a_sensor_that_is_not_there_is_unavailable_and_no_error() {
    for code in [0xCB, 0xCD, 0xC9, 0xCE, 0xD5, 0xD3, 0xFF, 0xC1, 0xC0] {
        let reading = read_one(temperature(7), Quirks::NONE, code, &[]);
        assert_eq!(reading, Err(Unavailable::Refused(CompletionCode(code))));
    }
}

#[test]
fn scanning_that_is_falsely_disabled_is_ignored_on_request() {
    let quirks = Quirk::IgnoreScanningDisabled.into();
    let reading = read_one(temperature(7), quirks, 0, &[42, 0x80, 0xC0]).unwrap();
    assert_eq!(reading.value, Some(42.0));
    // A reading that is marked as not there stays so.
    assert_eq!(read_one(temperature(7), quirks, 0, &[0, 0xA0, 0xC0]), Err(Unavailable::NoReading));
}

#[test]
fn another_controllers_sensor_is_never_taken_for_the_bmcs() {
    let mut sensor = temperature(7);
    sensor.description.key = SensorKey { owner: 0x2C, channel: 6, ..SensorKey::of_bmc(7) };
    let procedure = ReadSensors::new(repository(vec![sensor.clone()]), SensorSelection::default());
    let reports = desk::converse(procedure, |raw| panic!("{raw:?}")).unwrap().reports;
    assert_eq!(reports[0].reading, Err(Unavailable::OtherOwner { owner: 0x2C, channel: 6 }));
    let reading = read_one(sensor, Quirk::AssumeBmcOwner.into(), 0, &[42, 0xC0, 0xC0]);
    assert_eq!(reading.map(|reading| reading.value), Ok(Some(42.0)));
}

#[test]
fn a_sensor_on_another_logical_unit_is_asked_there() {
    let mut sensor = temperature(7);
    sensor.description.key.lun = 3;
    let procedure = ReadSensors::new(repository(vec![sensor]), SensorSelection::default());
    let reports = desk::converse(procedure, |raw| {
        assert_eq!(raw.lun, 3);
        (0, vec![1, 0xC0, 0xC0])
    });
    assert_eq!(reports.unwrap().reports[0].reading.unwrap().value, Some(1.0));
}

#[test]
fn a_sensor_of_states_with_a_reading_shows_both() {
    let mut sensor = temperature(7);
    sensor.description.event_type = 0x0A;
    let reading = read_one(sensor.clone(), Quirks::NONE, 0, &[42, 0xC0, 0x01, 0x80]).unwrap();
    assert_eq!((reading.value, reading.states), (Some(42.0), 1));
    assert_eq!(Sensor::of_full(1, &sensor).state_texts(reading.states), ["Transition to running"]);
    // Without an analogue format there is nothing to show.
    sensor.description.format = None;
    let reading = read_one(sensor, Quirks::NONE, 0, &[42, 0xC0, 0x01, 0x80]).unwrap();
    assert_eq!((reading.raw, reading.value), (None, None));
}

#[test]
fn a_power_supply_without_states_is_no_alarm() {
    let mut sensor = temperature(7);
    sensor.description =
        SensorDescription { sensor_type: 8, event_type: 0x6F, format: None, ..sensor.description };
    for (states, expected) in [(1, vec!["Presence detected"]), (0, vec![])] {
        let reading = read_one(sensor.clone(), Quirks::NONE, 0, &[0, 0xC0, states, 0x80]).unwrap();
        assert_eq!(Sensor::of_full(1, &sensor).state_texts(reading.states), expected);
    }
    assert_eq!(Sensor::of_full(1, &sensor).state_texts(0x4000), ["state 14"]);
}

#[test]
fn a_value_that_is_no_number_is_none() {
    let sensor = FullSensor { linearization: 1, ..temperature(7) };
    let reading = read_one(sensor, Quirks::NONE, 0, &[0, 0xC0, 0xC0]).unwrap();
    assert_eq!((reading.raw, reading.value), (Some(0), None));
}

#[test]
fn limits_in_force_are_asked_for_and_those_of_the_record_are_kept() {
    let check = |access, answer: (u8, &[u8]), expected: [Option<f64>; 2]| {
        let mut sensor = temperature(7);
        sensor.description.capabilities.thresholds = access;
        let selection = SensorSelection { thresholds: true, ..Default::default() };
        let procedure = ReadSensors::new(repository(vec![sensor]), selection);
        let reports = desk::converse(procedure, |raw| match raw.cmd {
            0x2D => (0, vec![42, 0xC0, 0xC0]),
            0x27 => (answer.0, answer.1.to_vec()),
            other => panic!("{other:#x}"),
        });
        let report = &reports.unwrap().reports[0];
        let limits = [Threshold::UpperNonCritical, Threshold::UpperCritical];
        assert_eq!(limits.map(|limit| report.thresholds.get(limit)), expected);
    };
    check(Access::Readable, (0, &[0x18, 0, 0, 0, 70, 75, 0]), [Some(70.0), Some(75.0)]);
    check(Access::Settable, (0, &[0x10, 0, 0, 0, 70, 75, 0]), [None, Some(75.0)]);
    check(Access::Readable, (0xCD, &[]), [Some(80.0), Some(90.0)]);
    check(Access::Readable, (0, &[0x18]), [Some(80.0), Some(90.0)]);
    // Limits that are built in, and none at all: nothing is asked.
    check(Access::Fixed, (0xFF, &[]), [Some(80.0), Some(90.0)]);
    check(Access::Absent, (0xFF, &[]), [None, None]);
}

#[test]
fn factors_are_asked_for_where_they_differ_by_reading() {
    let sensor = FullSensor { linearization: 0x7F, ..temperature(7) };
    let selection = SensorSelection { thresholds: true, ..Default::default() };
    let mut asked = Vec::new();
    let procedure = ReadSensors::new(repository(vec![sensor.clone()]), selection.clone());
    let reports = desk::converse(procedure, |raw| match raw.cmd {
        0x2D => (0, vec![42, 0xC0, 0xC0]),
        0x27 => (0, vec![0x18, 0, 0, 0, 70, 75, 0]),
        0x23 => {
            asked.push(raw.data[1]);
            // Twice the raw value; that of 75 is not told.
            if raw.data[1] == 75 { (0xCC, Vec::new()) } else { (0, vec![0, 2, 0, 0, 0, 0, 0]) }
        }
        other => panic!("{other:#x}"),
    });
    assert_eq!(asked, [42, 70, 75]);
    let report = &reports.unwrap().reports[0];
    assert_eq!(report.reading.unwrap().value, Some(84.0));
    assert_eq!(report.thresholds.iter().collect::<Vec<_>>(), [(Threshold::UpperNonCritical, 140.0)]);

    // Without factors there is a raw value and no other.
    let procedure = ReadSensors::new(repository(vec![sensor]), SensorSelection::default());
    let reports = desk::converse(procedure, |raw| match raw.cmd {
        0x2D => (0, vec![42, 0xC0, 0xC0]),
        _ => (0xC1, Vec::new()),
    });
    let reading = reports.unwrap().reports[0].reading.unwrap();
    assert_eq!((reading.raw, reading.value), (Some(42), None));
}

#[test]
fn only_the_chosen_types_are_read() {
    let mut fan = temperature(8);
    fan.description.sensor_type = 4;
    let selection = SensorSelection { types: vec![4], ..Default::default() };
    let procedure = ReadSensors::new(repository(vec![temperature(7), fan, temperature(9)]), selection);
    let mut asked = Vec::new();
    let reports = desk::converse(procedure, |raw| {
        asked.push(raw.data[0]);
        (0, vec![1, 0xC0, 0xC0])
    });
    let reports = reports.unwrap();
    assert_eq!(asked, [8]);
    assert_eq!(reports.iter().map(|(sensor, _)| sensor.name.as_str()).collect::<Vec<_>>(), ["Temp 8"]);
}
