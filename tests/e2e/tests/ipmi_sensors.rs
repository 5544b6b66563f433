//! Sensors against strangers: `ipmitool` and FreeIPMI's `ipmi-sensors` read those of our BMC side and see the values,
//! states and limits that our own decoder sees; our client and `ipmitool` read OpenIPMI's `ipmi_sim` and see the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use e2e::{Controller, IpmiSim, LoopbackBmc};
use ironhand_ipmi::bmc::{SensorInput, SensorSet};
use ironhand_ipmi::sdr::{
    Access, CompactSensor, Entity, FullSensor, RecordBody, SensorCapabilities, SensorDescription, SensorKey,
    Sharing,
};
use ironhand_ipmi::sensor::event_text::state_text;
use ironhand_ipmi::sensor::{AnalogFormat, ReadingFactors, Threshold, Thresholds, Unit};
use serde_json::Value;

/// Both suites that programs use.
const SUITES: [&str; 2] = ["3", "17"];

/// The limits in the order in which `ipmitool sensor` and `ipmi-sensors` print them.
const LIMITS: [&str; 6] = [
    "lowerNonRecoverable",
    "lowerCritical",
    "lowerNonCritical",
    "upperNonCritical",
    "upperCritical",
    "upperNonRecoverable",
];

/// A sensor as some program shows it.
#[derive(Debug, Clone, PartialEq, Default)]
struct Seen {
    value: Option<f64>,
    unit: String,
    /// Of a sensor of limits: `ok`, `nc`, `cr` or `nr`.
    severity: Option<&'static str>,
    /// Of a sensor of states.
    states: Vec<String>,
    limits: [Option<f64>; 6],
}

type Sensors = BTreeMap<String, Seen>;

/// Whether a program that prints this many decimals would print the same.
fn same(ours: Option<f64>, theirs: Option<f64>, decimals: i32) -> bool {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() <= 0.51 * 10f64.powi(-decimals),
        (ours, theirs) => ours == theirs,
    }
}

/// Compares all sensors that `theirs` has; each must be among ours.
fn compare(program: &str, ours: &Sensors, theirs: &Sensors, decimals: i32) {
    for (name, theirs) in theirs {
        let ours = ours.get(name).unwrap_or_else(|| panic!("we do not see {name}"));
        let limits =
            ours.limits.iter().zip(&theirs.limits).all(|(ours, theirs)| same(*ours, *theirs, decimals));
        assert!(
            same(ours.value, theirs.value, decimals)
                && ours.unit == theirs.unit
                && ours.severity == theirs.severity
                && limits,
            "{name}: we see {ours:?}, {program} {theirs:?}"
        );
    }
}

fn severity(state: &str) -> &'static str {
    match state.split_once(' ') {
        None if state == "ok" => "ok",
        Some((_, "non-critical")) => "nc",
        Some((_, "critical")) => "cr",
        Some((_, "non-recoverable")) => "nr",
        _ => panic!("{state}?"),
    }
}

/// What `ironhand bmc sensors` sees.
fn ours(bmc: &Controller, suite: &str) -> Sensors {
    let said = bmc.ironhand(suite, &["sensors", "--thresholds", "--all"]);
    let seen = |sensor: &Value| Seen {
        value: sensor["value"].as_f64(),
        unit: sensor["unit"].as_str().unwrap_or_default().to_owned(),
        severity: sensor["state"].as_str().map(severity),
        states: texts(&sensor["states"]),
        limits: LIMITS.map(|limit| sensor["thresholds"][limit].as_f64()),
    };
    let sensors = said["sensors"].as_array().expect("a list");
    sensors.iter().map(|sensor| (sensor["name"].as_str().expect("a name").to_owned(), seen(sensor))).collect()
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A unit as we write it, from another program's words.
fn unit(words: &str) -> String {
    let known = [
        ("degrees C", "°C"),
        ("C", "°C"),
        ("Volts", "V"),
        ("Amps", "A"),
        ("Watts", "W"),
        ("percent", "%"),
        ("correctable error", "correctable errors/h"),
        ("correctable err per hour", "correctable errors/h"),
        ("unspecified", ""),
        ("N/A", ""),
    ];
    known.iter().find(|(theirs, _)| *theirs == words).map_or(words, |(_, ours)| ours).to_owned()
}

/// What `ipmitool sensor` sees of sensors of limits.
fn ipmitool(bmc: &Controller, suite: &str) -> Sensors {
    let listed = bmc.ipmitool(suite, &["sensor"]);
    let name = |line: &str| line.split('|').next().unwrap_or_default().trim().to_owned();
    let analog = listed.lines().filter(|line| !line.contains("discrete"));
    analog.map(|line| (name(line), ipmitool_sensor(line))).collect()
}

/// A line of `ipmitool sensor`: name, value, unit, severity, limits.
fn ipmitool_sensor(line: &str) -> Seen {
    let columns: Vec<_> = line.split('|').map(str::trim).collect();
    Seen {
        value: columns[1].parse().ok(),
        unit: unit(columns[2]),
        severity: ["ok", "nc", "cr", "nr"].into_iter().find(|known| *known == columns[3]),
        states: Vec::new(),
        limits: std::array::from_fn(|index| columns[4 + index].parse().ok()),
    }
}

/// What `ipmi-sensors` sees.
fn freeipmi(bmc: &Controller, suite: &str) -> Sensors {
    let cache = tempfile::tempdir().expect("a folder");
    let folder = cache.path().to_string_lossy().into_owned();
    let listed = bmc.freeipmi(
        "ipmi-sensors",
        suite,
        &[
            "--sdr-cache-directory",
            &folder,
            "--quiet-cache",
            "--comma-separated-output",
            "--no-header-output",
            "--output-sensor-thresholds",
            "--shared-sensors",
        ],
    );
    let mut sensors = Sensors::new();
    for line in listed.lines() {
        // ID,Name,Type,Reading,Units,Lower NR,Lower C,Lower NC,Upper NC,Upper C,Upper NR,Event
        let columns: Vec<&str> = line.splitn(12, ',').collect();
        let [_, name, _, value, units, limits @ .., event] = columns.as_slice() else { panic!("{line}?") };
        // One of its texts has a quotation mark of its own.
        let event = event.replace("Error''", "Error'");
        let texts: Vec<String> =
            event.split('\'').skip(1).step_by(2).filter(|text| *text != "OK").map(str::to_owned).collect();
        let severity = if texts.iter().any(|text| text.contains("Non-Recoverable Threshold")) {
            "nr"
        } else if texts.iter().any(|text| text.contains("r Critical Threshold")) {
            "cr"
        } else if texts.iter().any(|text| text.contains("Non-Critical Threshold")) {
            "nc"
        } else {
            "ok"
        };
        let compares = *units != "N/A";
        let seen = Seen {
            value: value.parse().ok(),
            unit: unit(units),
            severity: compares.then_some(severity),
            states: if compares { Vec::new() } else { texts },
            limits: std::array::from_fn(|index| limits[index].parse().ok()),
        };
        sensors.insert((*name).to_owned(), seen);
    }
    sensors
}

/// Letters and digits alone, in lower case.
fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[test]
fn strangers_see_the_sensors_of_a_simulated_server() {
    let bmc = Controller::simulated();
    for suite in SUITES {
        let ours = ours(&bmc, suite);
        let theirs = ipmitool(&bmc, suite);
        assert_eq!(theirs.len(), 21, "{theirs:?}");
        compare("ipmitool", &ours, &theirs, 3);

        let mut theirs = freeipmi(&bmc, suite);
        assert_eq!(theirs.len(), 21 + 11 + 4, "{theirs:?}");
        // It does not read sensors that are not linear.
        theirs.remove("VRM Temp");
        for index in 1..=4 {
            // It puts a blank between the name and the number of those that share a record.
            let drive = theirs.remove(&format!("Drive {index}")).expect("a drive");
            theirs.insert(format!("Drive{index}"), drive);
        }
        compare("ipmi-sensors", &ours, &theirs, 2);
        for (name, theirs) in theirs {
            let words = |states: &[String]| states.iter().map(|text| letters(text)).collect::<Vec<_>>();
            let (ours, theirs) = (words(&ours[&name].states), words(&theirs.states));
            let begins = ours.iter().zip(&theirs).all(|(ours, theirs)| ours.starts_with(theirs.as_str()));
            assert!(ours.len() == theirs.len() && begins, "{name}: {ours:?}, not {theirs:?}");
        }
    }
}

#[test]
fn strangers_list_the_same_records() {
    let bmc = Controller::simulated();
    for suite in SUITES {
        let said = bmc.ironhand(suite, &["sdr"]);
        let records = said["records"].as_array().expect("a list");
        let named = |record: &&Value| record["name"].is_string() && record["type"] != "entity association";
        let ours: Vec<_> = records
            .iter()
            .filter(named)
            .map(|record| {
                format!("{} {}", record["name"].as_str().unwrap(), record["entity"].as_str().unwrap())
            })
            .collect();
        let listed = bmc.ipmitool(suite, &["sdr", "elist", "all"]);
        let columns = listed.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
        let mut theirs: Vec<_> = columns.map(|columns| format!("{} {}", columns[0], columns[3])).collect();
        // It lists the records by kind.
        let mut sorted = ours.clone();
        sorted.sort();
        theirs.sort();
        assert_eq!(sorted, theirs);
    }
}

/// A sensor with a value: its record and what it says.
struct Analog {
    name: &'static str,
    format: AnalogFormat,
    linearization: u8,
    factors: (i16, i16, i8, i8),
    limits: [Option<u8>; 6],
    raw: u8,
}

fn description(number: u8, sensor_type: u8, event_type: u8) -> SensorDescription {
    SensorDescription {
        key: SensorKey::of_bmc(number),
        entity: Entity::new(7, 1),
        initialization: 0x7F,
        capabilities: SensorCapabilities::default(),
        sensor_type,
        event_type,
        assertion_mask: 0x7FFF,
        deassertion_mask: 0,
        reading_mask: 0x7FFF,
        format: None,
        unit: Unit::default(),
    }
}

impl Analog {
    fn record(&self, number: u8) -> RecordBody {
        let mut thresholds = Thresholds::default();
        for (threshold, limit) in Threshold::ALL.into_iter().zip(self.limits) {
            thresholds.set(threshold, limit);
        }
        let access = if thresholds.is_empty() { Access::Absent } else { Access::Readable };
        let (m, b, b_exponent, r_exponent) = self.factors;
        RecordBody::Full(Box::new(FullSensor {
            description: SensorDescription {
                capabilities: SensorCapabilities { thresholds: access, ..Default::default() },
                assertion_mask: 0x0FFF,
                reading_mask: u16::from(thresholds.mask()),
                format: Some(self.format),
                unit: Unit::base(4),
                ..description(number, 2, 1)
            },
            linearization: self.linearization,
            factors: ReadingFactors { m, b, b_exponent, r_exponent, ..Default::default() },
            direction: 1,
            nominal: None,
            normal_minimum: None,
            normal_maximum: None,
            sensor_maximum: 0xFF,
            sensor_minimum: 0,
            thresholds,
            positive_hysteresis: 0,
            negative_hysteresis: 0,
            oem: 0,
            name: self.name.to_owned(),
        }))
    }
}

/// Every format, linearisation and sign.
fn conversions() -> Vec<Analog> {
    use AnalogFormat::{OnesComplement, TwosComplement, Unsigned};
    let sensor = |name, format, linearization, factors, raw| Analog {
        name,
        format,
        linearization,
        factors,
        limits: [None; 6],
        raw,
    };
    let limits = [Some(20), Some(10), Some(5), Some(80), Some(90), Some(100)];
    let limited = |name, raw| Analog { limits, ..sensor(name, Unsigned, 0, (1, 0, 0, 0), raw) };
    vec![
        sensor("unsigned", Unsigned, 0, (1, 0, 0, 0), 200),
        sensor("twos complement", TwosComplement, 0, (1, 0, 0, 0), 0xF6),
        sensor("ones complement", OnesComplement, 0, (1, 0, 0, 0), 0xF6),
        sensor("negative M", Unsigned, 0, (-2, 300, 0, -1), 100),
        sensor("negative B", Unsigned, 0, (1, -5, 1, 0), 70),
        sensor("great M", Unsigned, 0, (511, -512, 0, -3), 100),
        sensor("exponents", Unsigned, 0, (37, -120, -2, 2), 5),
        sensor("small", Unsigned, 0, (3, 7, 1, -4), 100),
        sensor("ln", Unsigned, 1, (1, 0, 0, 0), 10),
        sensor("log10", Unsigned, 2, (1, 0, 0, 0), 100),
        sensor("log2", Unsigned, 3, (1, 0, 0, 0), 9),
        sensor("e", Unsigned, 4, (1, 0, 0, -1), 12),
        sensor("exp10", Unsigned, 5, (1, 0, 0, -1), 15),
        sensor("exp2", Unsigned, 6, (1, 0, 0, 0), 10),
        sensor("inverse", Unsigned, 7, (1, 0, 0, -2), 40),
        sensor("square", Unsigned, 8, (1, 0, 0, 0), 12),
        sensor("cube", TwosComplement, 9, (1, 0, 0, 0), 0xFD),
        sensor("square root", Unsigned, 10, (1, 0, 0, 0), 50),
        sensor("cube root", Unsigned, 11, (1, 0, 0, 0), 30),
        limited("in order", 50),
        limited("rather low", 15),
        limited("too low", 10),
        limited("dead low", 4),
        limited("rather high", 80),
        limited("too high", 99),
        limited("dead high", 101),
        Analog {
            limits: [Some(0xF6), None, None, Some(0x0A), None, None],
            ..sensor("below zero", TwosComplement, 0, (1, 0, 0, 0), 0xEC)
        },
    ]
}

#[test]
fn strangers_convert_every_value_alike() {
    let sensors = conversions();
    let numbered = || (1u8..).zip(&sensors);
    let mut set = SensorSet::new(numbered().map(|(number, sensor)| sensor.record(number)));
    for (number, sensor) in numbered() {
        set = set.with(number, SensorInput::Raw(sensor.raw)).expect("a sensor of the set");
    }
    let bmc = LoopbackBmc::start(|config| config.sensors = Arc::new(set));
    let bmc = Controller::at(bmc.port().to_owned());
    for suite in SUITES {
        let ours = ours(&bmc, suite);
        let theirs = ipmitool(&bmc, suite);
        assert_eq!(theirs.len(), sensors.len());
        compare("ipmitool", &ours, &theirs, 3);
        let mut theirs = freeipmi(&bmc, suite);
        assert_eq!(theirs.len(), sensors.len());
        // It takes the specification's "cube to the -1" for one by the cube; ipmitool, as we, for the cube root.
        theirs.remove("cube root");
        compare("ipmi-sensors", &ours, &theirs, 2);
    }
}

#[test]
fn freeipmi_knows_the_same_states() {
    // A sensor of every event/reading type and of every sensor type, in each state that has a text.
    let kinds =
        (0x02..=0x0C).map(|event_type| (0x0B, event_type)).chain((0x05..=0x2C).map(|kind| (kind, 0x6F)));
    let mut bodies = Vec::new();
    let mut inputs = Vec::new();
    for (number, (sensor_type, event_type)) in (1u8..).zip(kinds) {
        let states = (0..15).filter(|offset| state_text(event_type, sensor_type, *offset).is_some());
        let bits = states.fold(0u16, |bits, offset| bits | 1 << offset);
        bodies.push(RecordBody::Compact(CompactSensor {
            description: description(number, sensor_type, event_type),
            direction: 1,
            sharing: Sharing { count: 1, ..Sharing::default() },
            positive_hysteresis: 0,
            negative_hysteresis: 0,
            oem: 0,
            name: format!("{event_type:02x} {sensor_type:02x}"),
        }));
        inputs.push((number, SensorInput::States(bits)));
    }
    let mut set = SensorSet::new(bodies);
    for (number, input) in inputs {
        set = set.with(number, input).expect("a sensor of the set");
    }
    let bmc = LoopbackBmc::start(|config| config.sensors = Arc::new(set));
    let bmc = Controller::at(bmc.port().to_owned());
    let ours = ours(&bmc, "17");
    for (name, theirs) in freeipmi(&bmc, "17") {
        let ours = &ours[&name].states;
        assert_eq!(ours.len(), theirs.states.len(), "{name}: {ours:?}, not {:?}", theirs.states);
        for (ours, theirs) in ours.iter().zip(&theirs.states) {
            // It does not know what a chip set has beyond the first state.
            let alike = words(ours).any(|word| words(theirs).any(|other| other == word));
            assert!(alike || theirs.starts_with("Unrecognized"), "{name}: {ours}, not {theirs}");
        }
    }
}

/// The words of a text, in lower case.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// Records written down after tables 43-1 and 43-2, as hexadecimal bytes.
const RECORDS: [&str; 5] = [
    // Full, Temperature, two's complement, all limits, a name in six bits: "CPU TEMP".
    "00 00 51 01 31 20 00 01 07 01 7f 68 01 01 00 00 00 00 3f 3f 80 01 00 00 01 00 00 00 00 00 00 00 00 00 ff 00 64 5a 50 f6 00 05 00 00 00 00 00 86 23 5c 03 74 d9 c2",
    // Full, Fan, 60 RPM a count, lower limits, a name in Latin-1: "Fan é".
    "00 00 51 01 30 20 00 02 07 01 7f 68 04 01 00 00 00 00 07 07 00 12 00 00 3c 00 00 00 00 00 00 00 00 00 ff 00 00 00 00 05 0a 0f 00 00 00 00 00 c5 46 61 6e 20 e9",
    // Full, Voltage, 0.059 V a count, a name in BCD plus: "12.0 - 1".
    "00 00 51 01 2f 20 00 03 07 01 7f 68 02 01 00 00 00 00 1b 1b 00 04 00 00 3b 00 00 00 00 d0 00 00 00 00 ff 00 00 dc d2 00 b4 be 00 00 00 00 00 44 12 c0 ab a1",
    // Compact, Power Supply, a name in Latin-1: "PSU".
    "00 00 51 02 1e 20 00 10 07 01 67 40 08 6f ff 7f 00 00 ff 7f c0 00 00 01 00 00 00 00 00 00 00 c3 50 53 55",
    // Compact, Memory, a name in six bits: "DIMM".
    "00 00 51 02 1e 20 00 11 07 01 67 40 0c 6f ff 7f 00 00 ff 7f c0 00 00 01 00 00 00 00 00 00 00 83 64 da b6",
];

/// What `ipmi_sim` is told of its sensors.
const SENSORS: &str = "\
    sensor_add 0x20 0 1 1 1\n\
    sensor_set_threshold 0x20 0 1 settable 111111 100 90 80 3 2 1\n\
    sensor_set_value 0x20 0 1 42 0\n\
    sensor_add 0x20 0 2 4 1\n\
    sensor_set_threshold 0x20 0 2 readable 000111 0 0 0 5 10 15\n\
    sensor_set_value 0x20 0 2 9 0\n\
    sensor_add 0x20 0 3 2 1\n\
    sensor_set_value 0x20 0 3 203 0\n\
    sensor_add 0x20 0 0x10 8 0x6f\n\
    sensor_set_bit 0x20 0 0x10 0 1 0\n\
    sensor_set_bit 0x20 0 0x10 3 1 0\n\
    sensor_add 0x20 0 0x11 0x0c 0x6f\n";

#[test]
fn our_client_reads_openipmis_sensors() {
    let folder = tempfile::tempdir().expect("a folder");
    let record = |bytes: &&str| format!("main_sdr_add 0x20 0x{}\n", bytes.replace(' ', " 0x"));
    let records: String = RECORDS.iter().map(record).collect();
    let sim = IpmiSim::start(folder.path(), "", &format!("{records}{SENSORS}"));
    let bmc = sim.controller();
    let ours = ours(&bmc, "3");
    // ipmitool does not decode the names, and its output is not UTF-8 where they are not.
    assert_eq!(ours.keys().collect::<Vec<_>>(), ["12.0 - 1", "CPU TEMP", "DIMM", "Fan é", "PSU"]);
    let in_order = ["CPU TEMP", "Fan é", "12.0 - 1"];
    let listed = bmc.ipmitool("3", &["sensor"]);
    let theirs: Vec<_> =
        listed.lines().filter(|line| !line.contains("discrete")).map(ipmitool_sensor).collect();
    assert_eq!(theirs.len(), in_order.len(), "{listed}");
    let theirs = in_order.into_iter().map(str::to_owned).zip(theirs).collect();
    compare("ipmitool", &ours, &theirs, 3);
    assert_eq!(ours["PSU"].states, ["Presence detected", "Power supply input lost"]);
    assert_eq!(ours["DIMM"].states, Vec::<String>::new());
}
