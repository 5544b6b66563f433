use std::time::Instant;

use super::*;
use crate::bmc::{BmcConfig, desk};
use crate::command::ChassisStatus;
use crate::procedure::ProcedureError;
use crate::quirk::Quirks;
use crate::sdr::{ReadSdr, SensorKey};
use crate::sensor::{
    ReadSensors, Sensor, SensorReport, SensorReports, SensorSelection, SetThresholds, Threshold,
    ThresholdError, Thresholds, Unavailable,
};

fn bmc(quirks: Quirks) -> Bmc {
    let mut config = BmcConfig::new(Vec::new());
    config.quirks = quirks;
    config.chassis = ChassisStatus { power_on: true, ..Default::default() };
    Bmc::new(config, Box::new(|bytes: &mut [u8]| bytes.fill(1)))
}

fn read(bmc: &mut Bmc, quirks: Quirks) -> SensorReports {
    let now = Instant::now();
    let repository = desk::run(bmc, now, ReadSdr::new(None)).unwrap();
    let selection = SensorSelection { thresholds: true, quirks, ..Default::default() };
    desk::run(bmc, now, ReadSensors::new(repository, selection)).unwrap()
}

/// A sensor as a line of text: name, value, unit, states, limits.
fn line((sensor, report): (&Sensor, &SensorReport)) -> String {
    let limits: Vec<String> =
        report.thresholds.iter().map(|(threshold, value)| format!("{threshold} {value:.3}")).collect();
    match report.reading {
        Ok(reading) => {
            let value = reading.value.map_or("-".to_owned(), |value| format!("{value:.3}"));
            let states = sensor.state_texts(reading.states).join(", ");
            format!("{} | {value} {} | {states} | {}", sensor.name, sensor.unit, limits.join(", "))
        }
        Err(unavailable) => format!("{} | {unavailable}", sensor.name),
    }
}

fn find(reports: &SensorReports, name: &str) -> String {
    reports.iter().find(|(sensor, _)| sensor.name == name).map(line).unwrap()
}

#[test]
fn the_sample_has_sensors_of_every_kind() {
    let reports = read(&mut bmc(Quirks::NONE), Quirks::NONE);
    let check = |expected: &str| {
        let (name, _) = expected.split_once(" |").unwrap();
        assert_eq!(find(&reports, name), expected);
    };
    check(
        "Inlet Temp | 24.000 °C |  | lower non-critical 3.000, lower critical -7.000, upper non-critical 42.000, \
         upper critical 47.000",
    );
    check(
        "DIMM Temp | 43.500 °C |  | upper non-critical 50.000, upper critical 55.000, upper non-recoverable 60.000",
    );
    check(
        "VRM Temp | 72.000 °C |  | upper non-critical 77.000, upper critical 79.500, upper non-recoverable 82.000",
    );
    check("Fan1 | 7500.000 RPM |  | lower non-critical 1200.000, lower critical 600.000");
    check("Pump | 2500.000 RPM |  | ");
    check("Air Flow | 80.000 CFM |  | ");
    check(
        "CPU1 VCore | 1.050 V |  | lower non-critical 0.600, lower critical 0.550, upper non-critical 1.400, upper critical 1.500",
    );
    check("CPU Usage | 37.000 % |  | ");
    check("Memory Errors | 2.000 correctable errors/h |  | ");
    check("PSU1 Status | -  | Presence detected | ");
    check("PSU Redundancy | -  | Fully redundant | ");
    check("Intrusion | -  |  | ");
    check("VRM Fault | -  | State deasserted | ");
    check("Drive4 | -  | Drive presence | ");
    check("System Boot | sends events only");
    assert_eq!(reports.reports.len(), 21 + 11 + 4 + 2);
}

#[test]
fn sensors_say_what_they_are_made_to_say() {
    let mut bmc = bmc(Quirks::NONE);
    bmc.set_sensor(0x02, SensorInput::Value(96.2)).unwrap();
    bmc.set_sensor(0x10, SensorInput::Raw(8)).unwrap();
    bmc.set_sensor(0x58, SensorInput::States(0x8001)).unwrap();
    bmc.set_sensor(0x51, SensorInput::NoReading).unwrap();
    bmc.set_sensor(0x52, SensorInput::NotScanned).unwrap();
    assert_eq!(bmc.set_sensor(0x99, SensorInput::Raw(1)), Err(SensorInputError::NoSensor(0x99)));
    assert_eq!(bmc.set_sensor(0xE0, SensorInput::Raw(1)), Err(SensorInputError::NoSensor(0xE0)));
    let out_of_range = SensorInputError::OutOfRange { sensor: 0x02, value: 300.0 };
    assert_eq!(bmc.set_sensor(0x02, SensorInput::Value(300.0)), Err(out_of_range));
    let reports = read(&mut bmc, Quirks::NONE);
    let check = |expected: &str| {
        let (name, _) = expected.split_once(" |").unwrap();
        assert!(find(&reports, name).starts_with(expected), "{}", find(&reports, name));
    };
    check("CPU1 Temp | 96.000 °C | upper critical |");
    check("Fan1 | 600.000 RPM | lower critical |");
    check("Intrusion | -  | Chassis intrusion |");
    check("PSU2 Status | no reading");
    check("PSU Redundancy | scanning disabled");

    bmc.set_sensor(0x51, SensorInput::States(0x0002)).unwrap();
    assert_eq!(
        find(&read(&mut bmc, Quirks::NONE), "PSU2 Status"),
        "PSU2 Status | -  | Power supply failure detected | "
    );
}

#[test]
fn sensors_that_need_power_say_nothing_while_the_machine_is_off() {
    let mut bmc = bmc(Quirks::NONE);
    bmc.set_chassis(ChassisStatus::default());
    let reports = read(&mut bmc, Quirks::NONE);
    assert_eq!(find(&reports, "Fan1"), "Fan1 | no reading");
    assert!(find(&reports, "Inlet Temp").starts_with("Inlet Temp | 24.000"));
}

#[test]
fn limits_are_set_within_what_the_sensor_allows() {
    let mut bmc = bmc(Quirks::NONE);
    let now = Instant::now();
    let repository = desk::run(&mut bmc, now, ReadSdr::new(None)).unwrap();
    let sensor = |number| repository.sensor(SensorKey::of_bmc(number)).unwrap();
    let limit = |threshold, value| {
        let mut limits = Thresholds::default();
        limits.set(threshold, Some(value));
        limits
    };
    let set = SetThresholds::new(sensor(0x02), &limit(Threshold::UpperNonCritical, 55.4)).unwrap();
    let now_in_force = desk::run(&mut bmc, now, set).unwrap();
    assert_eq!(now_in_force.get(Threshold::UpperNonCritical), Some(55));
    assert_eq!(now_in_force.get(Threshold::UpperCritical), Some(95));
    // 58 degrees are now too many.
    assert!(find(&read(&mut bmc, Quirks::NONE), "CPU1 Temp").contains("| upper non-critical |"));

    let check = |number, limits: &Thresholds<f64>, expected| {
        assert_eq!(SetThresholds::new(sensor(number), limits).map(|_| ()), Err(expected));
    };
    let lower = Threshold::LowerCritical;
    check(0x02, &limit(lower, 5.0), ThresholdError::NotSettable(lower));
    let threshold = Threshold::UpperCritical;
    check(0x02, &limit(threshold, 999.0), ThresholdError::OutOfRange { threshold, value: 999.0 });
    check(0x05, &limit(threshold, 70.0), ThresholdError::NoConversion);
    check(0x50, &limit(threshold, 70.0), ThresholdError::NoConversion);

    // The BMC refuses what a careless console asks for.
    assert_eq!(
        desk::ask(&mut bmc, now, 4, 0, 0x26, &[2, 0x01, 9, 9, 9, 9, 9, 9]).0,
        CompletionCode::INVALID_FIELD
    );
}

#[test]
fn limits_that_a_bmc_does_not_keep_are_told() {
    let mut bmc = bmc(Quirks::NONE);
    let repository = desk::run(&mut bmc, Instant::now(), ReadSdr::new(None)).unwrap();
    let mut limits = Thresholds::default();
    limits.set(Threshold::UpperCritical, Some(70.0));
    let sensor = repository.sensor(SensorKey::of_bmc(2)).unwrap();
    let check = |answers: [(u8, &[u8]); 2], expected: Result<u8, ProcedureError>| {
        let procedure = SetThresholds::new(sensor, &limits).unwrap();
        let mut answers = answers.into_iter();
        let set =
            desk::converse(procedure, |_| answers.next().map(|(code, data)| (code, data.to_vec())).unwrap());
        assert_eq!(set.map(|found| found.get(Threshold::UpperCritical).unwrap()), expected);
    };
    let doing = "set the sensor's thresholds";
    check([(0, &[]), (0, &[0x10, 0, 0, 0, 0, 70, 0])], Ok(70));
    check([(0, &[]), (0, &[0x10, 0, 0, 0, 0, 95, 0])], Err(ProcedureError::NotKept { doing }));
    let code = CompletionCode::INVALID_FIELD;
    check([(0xCC, &[]), (0, &[])], Err(ProcedureError::Refused { doing, code }));
}

#[test]
fn vendor_faults_of_sensors_are_shown_and_worked_around() {
    let read = |quirk: Quirk, worked_around: bool| {
        let around = if worked_around { quirk.into() } else { Quirks::NONE };
        find(&read(&mut bmc(quirk.into()), around), "Fan1")
    };
    let good = read(Quirk::SdrInfo, false);
    assert_eq!(read(Quirk::AssumeBmcOwner, false), "Fan1 | belongs to controller 0xc0, channel 0");
    assert_eq!(read(Quirk::AssumeBmcOwner, true), good);
    assert_eq!(
        read(Quirk::IgnoreScanningDisabled, false),
        format!("Fan1 | {}", Unavailable::ScanningDisabled)
    );
    assert_eq!(read(Quirk::IgnoreScanningDisabled, true), good);
    assert_eq!(read(Quirk::DiscreteReading, false), "Fan1 | 7500.000 RPM | Transition to running | ");
}

#[test]
fn commands_of_sensors_are_refused_as_the_specification_says() {
    let mut bmc = bmc(Quirks::NONE);
    let mut check = |cmd, data: &[u8], code| {
        assert_eq!(desk::ask(&mut bmc, Instant::now(), 4, 0, cmd, data).0, code, "{cmd:#x} {data:?}");
    };
    for cmd in [0x27, 0x29, 0x2B, 0x2D, 0x2F] {
        check(cmd, &[], CompletionCode::REQUEST_LENGTH_INVALID);
        check(cmd, &[0x99], CompletionCode::NOT_PRESENT);
        check(cmd, &[0x02], CompletionCode::OK);
    }
    check(0x27, &[0x50], CompletionCode::NOT_PRESENT);
    check(0x25, &[0x02, 0xFF], CompletionCode::OK);
    check(0x25, &[], CompletionCode::REQUEST_LENGTH_INVALID);
    check(0x26, &[0x02, 0x10], CompletionCode::REQUEST_LENGTH_INVALID);
    check(0x23, &[0x02, 0x10], CompletionCode::OK);
    check(0x23, &[0x50, 0x10], CompletionCode::NOT_PRESENT);
}

#[test]
fn many_bmcs_share_one_set() {
    let [one, other] = [bmc(Quirks::NONE), bmc(Quirks::NONE)];
    assert!(Arc::ptr_eq(&one.sensors.set, &other.sensors.set));
    let set = SensorSet::default().with(3, SensorInput::Raw(1));
    assert_eq!(set.map(|_| ()), Err(SensorInputError::NoSensor(3)));
}

fn ask(bmc: &mut Bmc, command: u8, data: &[u8]) -> (u8, Vec<u8>) {
    let (code, data) = desk::ask(bmc, Instant::now(), 0x04, 0, command, data);
    (code.0, data)
}

#[test]
fn events_follow_from_the_record_and_the_reading() {
    // Inlet Temp has four limits, of which the upper ones are passed going high.
    let mut bmc = bmc(Quirks::NONE);
    let mut check = |degrees: f64, asserted: u16| {
        bmc.set_sensor(0x01, SensorInput::Value(degrees)).unwrap();
        let [low, high] = asserted.to_le_bytes();
        assert_eq!(ask(&mut bmc, 0x2B, &[0x01]), (0, vec![0xC0, low, high, 0, 0]), "{degrees}");
    };
    check(24.0, 0);
    check(43.0, 1 << 7);
    check(48.0, 1 << 7 | 1 << 9);
    check(0.0, 1 << 0);
    check(-10.0, 1 << 0 | 1 << 2);
    let events: u16 = 1 << 0 | 1 << 2 | 1 << 7 | 1 << 9;
    let [low, high] = events.to_le_bytes();
    assert_eq!(ask(&mut bmc, 0x29, &[0x01]), (0, vec![0xC0, low, high, low, high]));
    // A discrete sensor: a power supply that is present.
    assert_eq!(ask(&mut bmc, 0x29, &[0x50]), (0, vec![0xC0, 0xFF, 0x7F, 0, 0]));
    assert_eq!(ask(&mut bmc, 0x2B, &[0x50]), (0, vec![0xC0, 0x01, 0, 0, 0]));
    bmc.set_sensor(0x50, SensorInput::NoReading).unwrap();
    assert_eq!(ask(&mut bmc, 0x2B, &[0x50]), (0, vec![0xE0, 0, 0, 0, 0]));
    assert_eq!((ask(&mut bmc, 0x29, &[0xEE]).0, ask(&mut bmc, 0x2B, &[0xEE]).0), (0xCB, 0xCB));
}

#[test]
fn consoles_choose_events() {
    let mut bmc = bmc(Quirks::NONE);
    let mut check = |data: &[u8], code: u8, enabled: [u8; 5]| {
        assert_eq!(ask(&mut bmc, 0x28, data).0, code, "{data:02x?}");
        assert_eq!(ask(&mut bmc, 0x29, &[0x50]).1, enabled, "{data:02x?}");
    };
    check(&[0x50, 0xE0, 0xFE, 0x7F], 0, [0xC0, 0x01, 0, 0, 0]);
    // No deassertion of this sensor is an event.
    check(&[0x50, 0xD0, 0x02, 0, 0xFF, 0xFF], 0, [0xC0, 0x03, 0, 0, 0]);
    check(&[0x50, 0xF0, 0x02, 0], 0xCC, [0xC0, 0x03, 0, 0, 0]);
    check(&[0x50], 0xC7, [0xC0, 0x03, 0, 0, 0]);
    check(&[0x50, 0xC0, 0, 0, 0, 0, 0], 0xC7, [0xC0, 0x03, 0, 0, 0]);
    check(&[0x50, 0x40], 0, [0x40, 0x03, 0, 0, 0]);
    check(&[0x50, 0x80], 0, [0x80, 0x03, 0, 0, 0]);
    assert_eq!(ask(&mut bmc, 0x2A, &[0x50, 0x00]), (0, vec![]));
    assert_eq!(ask(&mut bmc, 0x2A, &[0xEE, 0x00]).0, 0xCB);
    // The sample's hysteresis can only be read.
    assert_eq!(ask(&mut bmc, 0x25, &[0x01, 0xFF]), (0, vec![1, 1]));
    assert_eq!(ask(&mut bmc, 0x24, &[0x01, 0xFF, 2, 3]).0, 0xCD);
}
