//! Event logs and inventories against strangers: `ipmitool` and FreeIPMI read, change and erase those of our BMC side and
//! see what our own decoder sees; our client does the same on OpenIPMI's `ipmi_sim`.

use std::path::Path;
use std::time::Duration;

use e2e::{Controller, IpmiSim, wait_until};
use serde_json::Value;

/// How long an erasure may take.
const ERASED_WITHIN: Duration = Duration::from_secs(10);

/// Both suites that programs use.
const SUITES: [&str; 2] = ["3", "17"];

fn entries(bmc: &Controller, suite: &str) -> Vec<Value> {
    bmc.ironhand(suite, &["sel"])["entries"].as_array().expect("a list").clone()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// Letters and digits alone, in lower case: programs differ in their commas.
fn words(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect()
}

/// `03/02/26`, `08:00:00 UTC` as RFC 3339.
fn ipmitool_time(date: &str, time: &str) -> String {
    let date: Vec<_> = date.trim().split('/').collect();
    let [month, day, year] = date.as_slice() else { return format!("+{}s", time.trim_start_matches('0')) };
    format!("20{year}-{month}-{day}T{}Z", time.trim().trim_end_matches(" UTC"))
}

/// The records that `ipmitool sel writeraw` wrote, in hexadecimal.
fn written_records(file: &Path) -> Vec<String> {
    let mut bytes = std::fs::read(file).expect("ipmitool wrote the records");
    for record in bytes.chunks_mut(16) {
        // It writes the manufacturer's id of a timestamped OEM record the other way round than it came.
        if (0xC0..=0xDF).contains(&record[2]) {
            record[7..10].reverse();
        }
    }
    bytes.chunks(16).map(|record| record.iter().map(|byte| format!("{byte:02x}")).collect()).collect()
}

#[test]
fn ipmitool_reads_the_same_records() {
    let bmc = Controller::simulated();
    for suite in SUITES {
        let ours = entries(&bmc, suite);
        assert!(ours.len() > 10, "a simulated BMC has a log: {ours:?}");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("records");
        bmc.ipmitool(suite, &["sel", "writeraw", &file.to_string_lossy()]);
        let raw: Vec<_> = ours.iter().map(|entry| text(entry, "raw")).collect();
        assert_eq!(raw, written_records(&file), "suite {suite}");

        let listed = bmc.ipmitool(suite, &["-c", "sel", "elist"]);
        assert_eq!(listed.lines().count(), ours.len(), "{listed}");
        for (line, entry) in listed.lines().zip(&ours) {
            let columns: Vec<_> = line.split(',').collect();
            assert_eq!(u64::from_str_radix(columns[0], 16).ok(), entry["id"].as_u64(), "{line}");
            if entry["direction"].is_null() {
                continue;
            }
            assert_eq!(ipmitool_time(columns[1], columns[2]), text(entry, "time"), "{line}");
            assert_eq!(words(columns[5]), text(entry, "direction"), "{line}");
            if let Some((sensor_type, number)) = columns[3].split_once(" #0x") {
                assert_eq!(u64::from_str_radix(number, 16).ok(), entry["sensor"].as_u64(), "{line}");
                assert_eq!(words(sensor_type), words(text(entry, "sensorType")), "{line}");
            }
        }
    }
}

#[test]
fn freeipmi_reads_the_same_records() {
    let bmc = Controller::simulated();
    for suite in SUITES {
        let ours = entries(&bmc, suite);
        let listed = bmc.freeipmi(
            "ipmi-sel",
            suite,
            &["-l", "USER", "--comma-separated-output", "--no-header-output", "-v", "--ignore-sdr-cache"],
        );
        assert_eq!(listed.lines().count(), ours.len(), "{listed}");
        for (line, entry) in listed.lines().zip(&ours) {
            let columns: Vec<_> = line.split(',').collect();
            assert_eq!(columns[0].parse().ok(), entry["id"].as_u64(), "{line}");
            if entry["direction"].is_null() {
                continue;
            }
            let number = columns[3].strip_prefix("Sensor #").and_then(|number| number.parse().ok());
            assert_eq!(number, entry["sensor"].as_u64(), "{line}");
            assert_eq!(columns[4], text(entry, "sensorType"), "{line}");
            let asserted = columns[5].starts_with("Assertion");
            assert_eq!(asserted, text(entry, "direction") == "asserted", "{line}");
            let time = text(entry, "time");
            assert_eq!(columns[1] == "PostInit", time.starts_with('+'), "{line}");
            assert!(time.starts_with('+') || time.ends_with(&format!("T{}Z", columns[2])), "{line} {time}");
            let said = words(columns[6]);
            for detail in entry["details"].as_array().expect("a list") {
                // "reading 2Bh raw" there is "Sensor Reading = 2Bh".
                let detail = words(detail.as_str().unwrap_or_default().trim_end_matches(" raw"));
                let spelled_alike = ["reading", "threshold", "nmi", "smsos", "memoryinitialization"];
                if spelled_alike.iter().any(|word| detail.starts_with(word)) {
                    assert!(said.contains(&detail), "{line}: {detail}");
                }
            }
            let spelled_alike = ["Temperature", "Fan", "Power Unit", "OS Boot", "Watchdog 2"];
            if spelled_alike.contains(&columns[4]) && !time.starts_with('+') {
                assert!(said.starts_with(&words(text(entry, "event"))), "{line}: {entry}");
            }
        }
    }
}

#[test]
fn strangers_find_the_same_sensors_behind_events() {
    let bmc = Controller::simulated();
    let cache = tempfile::tempdir().expect("a folder");
    let cache = format!("--sdr-cache-directory={}", cache.path().display());
    for suite in SUITES {
        let ours = bmc.ironhand(suite, &["sel", "--names"]);
        let ours = ours["entries"].as_array().expect("a list");
        assert!(ours.iter().filter(|entry| !entry["name"].is_null()).count() > 5, "{ours:?}");
        let by_ipmitool = bmc.ipmitool(suite, &["sel", "elist"]);
        let by_freeipmi = bmc.freeipmi(
            "ipmi-sel",
            suite,
            &["-l", "USER", "--comma-separated-output", "--no-header-output", "--quiet-cache", &cache],
        );
        for ((entry, line), theirs) in ours.iter().zip(by_ipmitool.lines()).zip(by_freeipmi.lines()) {
            let (name, sensor_type) = (text(entry, "name"), text(entry, "sensorType"));
            // FreeIPMI does not look for sensors that firmware reports about among the BMC's.
            if name.is_empty() || text(entry, "generator") != "BMC" {
                continue;
            }
            let columns: Vec<_> = theirs.split(',').collect();
            assert_eq!((columns[3], columns[4]), (name, sensor_type), "{theirs}");
            assert!(line.contains(name), "{line}: {name}");
            for detail in entry["details"].as_array().expect("a list") {
                // "reading 43 °C" there is "Sensor Reading = 43.00 C".
                let detail = detail.as_str().unwrap_or_default();
                if let Some((what, value)) = detail.split_once(' ').filter(|(what, _)| *what != "memory") {
                    let number = value.split(' ').next().unwrap_or_default();
                    let said = columns[5].to_lowercase();
                    assert!(said.contains(&format!("{what} = {number}.00")), "{theirs}: {detail}");
                }
            }
        }
    }
}

#[test]
fn strangers_see_the_same_state_of_the_log() {
    let bmc = Controller::simulated();
    for suite in SUITES {
        let ours = bmc.ironhand(suite, &["sel", "info"]);
        let said = bmc.ipmitool(suite, &["sel", "info"]);
        let check = |field: &str, expected: String| {
            let value = said.lines().find_map(|line| line.strip_prefix(field)?.trim().strip_prefix(':'));
            assert_eq!(value.map(str::trim), Some(expected.as_str()), "{field}: {said}");
        };
        check("Entries", ours["entries"].to_string());
        check("Free Space", format!("{} bytes", ours["free"]));
        check("Percent Used", format!("{}%", ours["percentUsed"]));
        check("Overflow", ours["overflow"].to_string());
        let said = bmc.freeipmi("ipmi-sel", suite, &["-l", "USER", "--info"]);
        assert!(
            said.contains(&format!("Number of log entries                  : {}", ours["entries"])),
            "{said}"
        );
    }
}

#[test]
fn strangers_set_the_clock_erase_the_log_and_add_to_it() {
    let bmc = Controller::simulated();
    for suite in SUITES {
        bmc.ipmitool(suite, &["sel", "time", "set", "03/02/26 08:00:00"]);
        let clock = bmc.ironhand(suite, &["sel", "time"]);
        assert!(text(&clock, "time").starts_with("2026-03-02T08:00:"), "{clock}");
        bmc.ironhand(suite, &["sel", "time", "set", "2027-05-06T07:08:00Z"]);
        let said = bmc.ipmitool(suite, &["sel", "time", "get"]);
        assert!(said.starts_with("05/06/27 07:08:") || said.starts_with("05/06/2027 07:08:"), "{said}");

        let erase = |program: &str| {
            match program {
                "ipmitool" => bmc.ipmitool(suite, &["sel", "clear"]),
                _ => bmc.freeipmi("ipmi-sel", suite, &["-l", "OPERATOR", "--clear"]),
            };
            wait_until("the log is erased", ERASED_WITHIN, || match entries(&bmc, suite).len() {
                0 => Ok(()),
                more => Err(format!("{more} records after {program}")),
            });
        };
        erase("ipmitool");
        // A predefined event of ipmitool: a temperature sensor crosses its upper critical threshold.
        bmc.ipmitool(suite, &["event", "1"]);
        let added = entries(&bmc, suite);
        assert_eq!(added.len(), 1, "{added:?}");
        assert_eq!(text(&added[0], "event"), "Upper critical, going high");
        assert_eq!(text(&added[0], "direction"), "asserted");
        assert!(text(&added[0], "time").starts_with("2027-05-06T07:08:"), "{added:?}");
        erase("ipmi-sel");
        bmc.ipmitool(suite, &["event", "1"]);
        let cleared = bmc.ironhand(suite, &["sel", "clear"]);
        assert_eq!(cleared["erased"], 1, "{cleared}");
        let info = bmc.ipmitool(suite, &["sel", "info"]);
        assert!(info.contains("Entries          : 0"), "{info}");
    }
}

/// What our client read of a device: the value of an area's field.
fn inventory_value(device: &Value, area: &str, field: &str) -> String {
    let areas = device["areas"].as_array().expect("a list");
    let area = areas.iter().find(|value| value["area"] == area).unwrap_or(&Value::Null);
    text(area, field).to_owned()
}

/// Where the same fields stand: ours, ipmitool's and FreeIPMI's.
const INVENTORY: [(&str, &str, &str, &str); 12] = [
    ("chassis", "type", "Chassis Type", "FRU Chassis Type"),
    ("chassis", "partNumber", "Chassis Part Number", "FRU Chassis Part Number"),
    ("chassis", "serialNumber", "Chassis Serial", "FRU Chassis Serial Number"),
    ("board", "manufacturer", "Board Mfg", "FRU Board Manufacturer"),
    ("board", "product", "Board Product", "FRU Board Product Name"),
    ("board", "serialNumber", "Board Serial", "FRU Board Serial Number"),
    ("board", "partNumber", "Board Part Number", "FRU Board Part Number"),
    ("product", "manufacturer", "Product Manufacturer", "FRU Product Manufacturer Name"),
    ("product", "name", "Product Name", "FRU Product Name"),
    ("product", "partNumber", "Product Part Number", "FRU Product Part/Model Number"),
    ("product", "version", "Product Version", "FRU Product Version"),
    ("product", "serialNumber", "Product Serial", "FRU Product Serial Number"),
];

/// The value behind a label in lines of `label : value`.
fn labelled<'a>(said: &'a str, label: &str) -> Option<&'a str> {
    said.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == label).then(|| value.trim())
    })
}

fn agrees_with_ipmitool(bmc: &Controller, suite: &str, device: &Value) {
    assert!(device["flaws"].is_null(), "{device}");
    let said = bmc.ipmitool(suite, &["fru", "print", "0"]);
    for (area, field, label, _) in INVENTORY {
        let value = inventory_value(device, area, field);
        assert_eq!(labelled(&said, label), Some(value.as_str()), "{said}");
    }
    assert_eq!(inventory_value(device, "board", "made"), "2025-06-02T09:30:00Z");
    assert_eq!(labelled(&said, "Board Mfg Date"), Some("Mon Jun  2 09:30:00 2025 UTC"), "{said}");
}

fn agrees_with_freeipmi(bmc: &Controller, suite: &str, device: &Value) {
    let said = bmc.freeipmi("ipmi-fru", suite, &["-l", "USER", "--ignore-sdr-cache", "--device-id", "0"]);
    for (area, field, _, label) in INVENTORY {
        let value = inventory_value(device, area, field);
        assert_eq!(labelled(&said, label), Some(value.as_str()), "{said}");
    }
}

#[test]
fn strangers_read_the_same_inventory() {
    let bmc = Controller::simulated();
    for suite in SUITES {
        let ours = bmc.ironhand(suite, &["fru", "--device", "0"]);
        agrees_with_ipmitool(&bmc, suite, &ours["devices"][0]);
        agrees_with_freeipmi(&bmc, suite, &ours["devices"][0]);
        // A power supply: ratings in records.
        let ours = bmc.ironhand(suite, &["fru", "--device", "1"]);
        let said = bmc.ipmitool(suite, &["-v", "fru", "print", "1"]);
        let value = |area, field| inventory_value(&ours["devices"][0], area, field);
        let check = |label: &str, expected: String| {
            assert_eq!(labelled(&said, label), Some(expected.as_str()), "{said}")
        };
        check("Product Serial", value("product", "serialNumber"));
        check("Capacity", value("power supply", "capacity"));
        check("Peak VA", value("power supply", "peak"));
        check("Nominal voltage", value("DC output", "voltage"));
    }
}

/// OpenIPMI's simulator with a log and the inventory of one of our simulated BMCs.
fn start_ipmi_sim(folder: &Path) -> IpmiSim {
    let inventory = folder.join("inventory");
    Controller::simulated().ipmitool("17", &["fru", "read", "0", &inventory.to_string_lossy()]);
    let size = std::fs::metadata(&inventory).expect("ipmitool wrote the inventory").len();
    let inventory = inventory.display();
    let commands =
        format!("sel_enable 0x20 1000 0x0a\nmc_add_fru_data 0x20 0 {size} file 0 \"{inventory}\"\n");
    IpmiSim::start(folder, "", &commands)
}

#[test]
fn our_client_reads_openipmis_log_and_inventory() {
    let folder = tempfile::tempdir().expect("a folder");
    let sim = start_ipmi_sim(folder.path());
    let bmc = sim.controller();
    bmc.ironhand("3", &["sel", "clear"]);
    assert_eq!(entries(&bmc, "3"), Vec::<Value>::new());
    bmc.ironhand("3", &["sel", "time", "set", "2026-03-02T08:00:00Z"]);
    // Add SEL Entry: a temperature's event, and two of a manufacturer.
    let event = "0x0a 0x44 0 0 0x02 0 0 0 0 0x20 0 4 1 0x30 1 0x57 0x2b 0x2a";
    let oem_with_time = "0x0a 0x44 0 0 0xc1 0 0 0 0 0xf2 0x1b 0 1 2 3 4 5 6";
    let oem = "0x0a 0x44 0 0 0xe5 1 2 3 4 5 6 7 8 9 10 11 12 13";
    for record in [event, event, oem_with_time, oem] {
        let bytes: Vec<_> = ["raw"].into_iter().chain(record.split(' ')).collect();
        bmc.ipmitool("3", &bytes);
    }
    let ours = entries(&bmc, "3");
    let types: Vec<_> = ours.iter().map(|entry| entry["recordType"].as_u64()).collect();
    assert_eq!(types, [Some(0x02), Some(0x02), Some(0xC1), Some(0xE5)]);
    let records = folder.path().join("records");
    bmc.ipmitool("3", &["sel", "writeraw", &records.to_string_lossy()]);
    let raw: Vec<_> = ours.iter().map(|entry| text(entry, "raw")).collect();
    assert_eq!(raw, written_records(&records));
    let last = bmc.ironhand("3", &["sel", "--last", "2"]);
    assert_eq!(last["entries"].as_array().map(Vec::as_slice), ours.get(2..), "{last}");
    let info = bmc.ironhand("3", &["sel", "info"]);
    assert_eq!(info["entries"], 4, "{info}");
    // FreeIPMI finds no privilege level for the users of ipmi_sim.
    let ours = bmc.ironhand("3", &["fru", "--device", "0"]);
    agrees_with_ipmitool(&bmc, "3", &ours["devices"][0]);
}
