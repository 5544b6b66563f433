//! What event data bytes 2 and 3 mean, by the sensor type (IPMI 2.0 table 42-3, last column).

use crate::chassis::GetSystemRestartCause;
use crate::command::Command;
use crate::sel::EventData;
use crate::sensor::event_text::sensor_type_name;

/// A part of byte 2 or 3 that means something.
struct Meaning {
    sensor_type: u8,
    /// The offsets of event data byte 1 for which it holds, a bit each.
    offsets: u16,
    byte: Byte,
    /// The bits of the byte, as a mask that reaches down to the lowest bit after shifting.
    shift: u8,
    mask: u8,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Byte {
    Second,
    Third,
}

enum What {
    /// The value counts something.
    Number(&'static str),
    /// The value numbers something from 1 on; 0 says that it is not known.
    NumberFromOne(&'static str),
    /// The value stands for a text; those that are empty, or none, say nothing.
    Text(&'static [&'static str]),
}

/// All offsets.
const ANY: u16 = 0x7FFF;

const fn at(offset: u8) -> u16 {
    1 << offset
}

const fn second(sensor_type: u8, offsets: u16, shift: u8, mask: u8, what: What) -> Meaning {
    Meaning { sensor_type, offsets, byte: Byte::Second, shift, mask, what }
}

const fn third(sensor_type: u8, offsets: u16, shift: u8, mask: u8, what: What) -> Meaning {
    Meaning { sensor_type, offsets, byte: Byte::Third, shift, mask, what }
}

/// Every meaning that is a number or a text.
const MEANINGS: &[Meaning] = &[
    second(0x05, at(4), 0, 0xFF, What::Number("network controller")),
    third(0x08, at(6), 0, 0x0F, What::Text(SUPPLY_MISMATCHES)),
    third(0x0C, ANY, 0, 0xFF, What::Number("memory module")),
    second(0x0F, at(0), 0, 0xFF, What::Text(FIRMWARE_ERRORS)),
    second(0x0F, at(1) | at(2), 0, 0xFF, What::Text(FIRMWARE_PROGRESS)),
    second(0x10, at(0), 0, 0xFF, What::Number("memory module")),
    second(0x10, at(1), 0, 0xFF, What::Number("event type")),
    third(0x10, at(1), 0, 0x0F, What::Number("offset")),
    third(0x10, at(1), 4, 0x01, What::Text(&["deassertion", "assertion"])),
    third(0x10, at(1), 5, 0x01, What::Text(&["", "all events of the type"])),
    third(0x10, at(5), 0, 0xFF, What::Number("percent full:")),
    second(0x10, at(6), 0, 0xFF, What::Number("processor")),
    second(0x12, at(3), 4, 0x0F, What::Text(AUXILIARY_ACTIONS)),
    second(0x12, at(3), 0, 0x0F, What::Text(&["MCA log", "OEM log 1", "OEM log 2"])),
    second(0x12, at(5), 7, 0x01, What::Text(&["first of a pair", "second of a pair"])),
    second(0x12, at(5), 0, 0x0F, What::Text(&["SEL clock", "SDR clock"])),
    second(0x19, at(0), 0, 0xFF, What::Text(POWER_STATES_ASKED)),
    third(0x19, at(0), 0, 0xFF, What::Text(POWER_STATES_BEFORE)),
    second(0x21, ANY, 0, 0x7F, What::Text(CONNECTORS)),
    third(0x21, ANY, 0, 0xFF, What::Number("number")),
    second(0x23, ANY, 4, 0x0F, What::Text(&["no interrupt", "SMI", "NMI", "messaging interrupt"])),
    second(0x23, ANY, 0, 0x0F, What::Text(&["", "BIOS FRB2", "BIOS/POST", "OS load", "SMS/OS", "OEM"])),
    second(0x28, at(0) | at(4), 0, 0xFF, What::Number("sensor")),
    second(0x28, at(5), 0, 0x07, What::Number("bus")),
    second(0x28, at(5), 3, 0x03, What::Number("LUN")),
    second(0x28, at(5), 7, 0x01, What::Text(&["physical device", "logical device"])),
    third(0x28, at(5), 0, 0xFF, What::Number("FRU device")),
    second(0x2A, ANY, 0, 0x3F, What::NumberFromOne("user")),
    third(0x2A, ANY, 0, 0x0F, What::Number("channel")),
    third(
        0x2A,
        at(1),
        4,
        0x03,
        What::Text(&["", "by Close Session", "by timeout", "by configuration change"]),
    ),
    second(0x2B, ANY, 0, 0xFF, What::Text(VERSION_CHANGES)),
    second(0x2C, ANY, 4, 0x0F, What::Text(FRU_STATE_CAUSES)),
    second(0x2C, ANY, 0, 0x0F, What::Text(FRU_STATES_BEFORE)),
];

const SUPPLY_MISMATCHES: &[&str] = &[
    "vendor mismatch",
    "revision mismatch",
    "processor missing",
    "power rating mismatch",
    "voltage rating mismatch",
];

const FIRMWARE_ERRORS: &[&str] = &[
    "unspecified",
    "no memory is installed",
    "no usable memory",
    "unrecoverable hard-disk/ATAPI/IDE device failure",
    "unrecoverable system-board failure",
    "unrecoverable diskette subsystem failure",
    "unrecoverable hard-disk controller failure",
    "unrecoverable PS/2 or USB keyboard failure",
    "removable boot medium not found",
    "unrecoverable video controller failure",
    "no video device detected",
    "firmware ROM corruption detected",
    "CPU voltage mismatch",
    "CPU speed matching failure",
];

const FIRMWARE_PROGRESS: &[&str] = &[
    "unspecified",
    "memory initialization",
    "hard-disk initialization",
    "secondary processor initialization",
    "user authentication",
    "user-initiated system setup",
    "USB resource configuration",
    "PCI resource configuration",
    "option ROM initialization",
    "video initialization",
    "cache initialization",
    "SM bus initialization",
    "keyboard controller initialization",
    "management controller initialization",
    "docking station attachment",
    "enabling docking station",
    "docking station ejection",
    "disabling docking station",
    "calling operating system wake-up vector",
    "starting operating system boot process",
    "motherboard initialization",
    "",
    "floppy initialization",
    "keyboard test",
    "pointing device test",
    "primary processor initialization",
];

const AUXILIARY_ACTIONS: &[&str] = &[
    "entry added",
    "entry added that has no standard event",
    "entry added beside entries of the SEL",
    "log cleared",
    "log disabled",
    "log enabled",
];

/// The actions of a platform event filter, by their bit.
const FILTER_ACTIONS: [&str; 6] =
    ["alert", "power off", "reset", "power cycle", "OEM action", "diagnostic interrupt"];

const POWER_STATES_ASKED: &[&str] = &[
    "asked for S0",
    "asked for S1",
    "asked for S2",
    "asked for S3",
    "asked for S4",
    "asked for S5",
    "asked for S4/S5",
    "asked for G3",
    "asked for sleep",
    "asked for G1 sleep",
    "asked for S5 by override",
    "asked for legacy on",
    "asked for legacy off",
];

const POWER_STATES_BEFORE: &[&str] = &[
    "was in S0",
    "was in S1",
    "was in S2",
    "was in S3",
    "was in S4",
    "was in S5",
    "was in S4/S5",
    "was in G3",
    "was asleep",
    "was in G1 sleep",
    "was in S5 by override",
    "was on (legacy)",
    "was off (legacy)",
];

const CONNECTORS: &[&str] = &[
    "PCI",
    "drive array",
    "external peripheral connector",
    "docking",
    "other internal slot",
    "slot of the sensor's entity",
    "AdvancedTCA",
    "DIMM",
    "fan",
    "PCI Express",
    "SCSI",
    "SATA/SAS",
    "USB",
];

const VERSION_CHANGES: &[&str] = &[
    "unspecified",
    "controller device id",
    "controller firmware revision",
    "controller device revision",
    "controller manufacturer id",
    "controller IPMI version",
    "controller auxiliary firmware id",
    "controller firmware boot block",
    "other controller firmware",
    "system firmware",
    "SMBIOS",
    "operating system",
    "operating system loader",
    "diagnostic partition",
    "management software agent",
    "management application",
    "management middleware",
    "programmable hardware",
    "board or FRU module",
    "board or FRU component",
    "board or FRU replaced with equivalent version",
    "board or FRU replaced with newer version",
    "board or FRU replaced with older version",
    "board or FRU hardware configuration",
];

const FRU_STATE_CAUSES: &[&str] = &[
    "normal state change",
    "commanded by software",
    "by handle latch",
    "by hot-swap button",
    "by FRU itself",
    "communication lost",
    "communication lost by local failure",
    "unexpected extraction",
    "operator intervention",
    "IPMB address unknown",
    "unexpected deactivation",
];

const FRU_STATES_BEFORE: &[&str] = &[
    "was not installed",
    "was inactive",
    "had activation requested",
    "had activation in progress",
    "was active",
    "had deactivation requested",
    "had deactivation in progress",
    "had communication lost",
];

impl Meaning {
    fn text(&self, value: u8) -> Option<String> {
        let value = value >> self.shift & self.mask;
        match self.what {
            What::NumberFromOne(name) => (value != 0).then(|| format!("{name} {value}")),
            What::Number(name) => Some(format!("{name} {value}")),
            What::Text(texts) => {
                let text = texts.get(usize::from(value)).filter(|text| !text.is_empty());
                text.map(|text| (*text).to_owned())
            }
        }
    }
}

/// What bytes 2 and 3 say about an event of a sensor with states of its own type.
pub(super) fn sensor_specific(sensor_type: u8, data: EventData) -> Vec<String> {
    let [_, second, third] = data.0;
    // FFh says "unspecified" in both.
    let second = Some(second).filter(|byte| data.second_form() == 3 && *byte != 0xFF);
    let third = Some(third).filter(|byte| data.third_form() == 3 && *byte != 0xFF);
    let offset = data.offset();
    match (sensor_type, offset, second) {
        // System Event: PEF action.
        (0x12, 4, Some(bits)) => {
            let actions = FILTER_ACTIONS.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
            actions.map(|(_, action)| (*action).to_owned()).collect()
        }
        // System Boot Initiated: system restart, with the reply to Get System Restart Cause.
        (0x1D, 7, Some(cause)) => {
            let cause = GetSystemRestartCause::decode(&[cause, third.unwrap_or(0)]);
            let channel = third.map(|channel| format!("channel {channel}"));
            cause.map(|cause| cause.text().to_owned()).into_iter().chain(channel).collect()
        }
        _ => {
            let holds =
                |meaning: &&Meaning| meaning.sensor_type == sensor_type && meaning.offsets >> offset & 1 == 1;
            let value = |meaning: &Meaning| match meaning.byte {
                Byte::Second => second,
                Byte::Third => third,
            };
            MEANINGS.iter().filter(holds).filter_map(|meaning| meaning.text(value(meaning)?)).collect()
        }
    }
}

/// Byte 2 of a discrete event may say how severe the event is, as an offset of the severity states (table 42-2, 07h).
pub(super) fn severity(data: EventData) -> Option<u8> {
    let severity = data.0[1] >> 4;
    (data.second_form() == 1 && severity != 0x0F).then_some(severity)
}

/// Byte 2 of a discrete event may say which state was before.
pub(super) fn previous_state(data: EventData) -> Option<u8> {
    let previous = data.0[1] & 0x0F;
    (data.second_form() == 1 && previous != 0x0F).then_some(previous)
}

/// The bytes that only the manufacturer knows, as far as there are any.
pub(super) fn manufacturer_bytes(sensor_type: u8, data: EventData) -> Vec<String> {
    let [_, second, third] = data.0;
    let oem_sensor = sensor_type_name(sensor_type) == "OEM";
    let mut texts = Vec::new();
    for (name, form, byte) in [("data 2", data.second_form(), second), ("data 3", data.third_form(), third)] {
        if form == 2 || form == 3 && oem_sensor {
            texts.push(format!("{name}: {byte:02X}h"));
        }
    }
    texts
}
