//! What a controller tells of its machine, in the words of all connectors.

use ironhand_api::{
    Inventory, LogEntry, MediaDrive, MediaKind, Part, PartKind, Sensor, SensorState, Severity, Timestamp,
};
use ironhand_redfish as redfish;

/// One sensor.
pub(super) fn sensor(sensor: redfish::Sensor) -> Sensor {
    Sensor {
        name: sensor.name,
        kind: sensor.kind,
        reading: sensor.reading,
        unit: sensor.unit,
        state: match sensor.state {
            redfish::SensorState::Ok => SensorState::Ok,
            redfish::SensorState::Warning => SensorState::Warning,
            redfish::SensorState::Critical => SensorState::Critical,
            redfish::SensorState::Absent => SensorState::Absent,
        },
        events: Vec::new(),
    }
}

/// What a machine is made of; `controller` is the kind that it has.
pub(super) fn inventory(found: redfish::Inventory, controller: Option<String>) -> Inventory {
    Inventory {
        manufacturer: found.manufacturer,
        model: found.model,
        serial: found.serial,
        uuid: found.uuid,
        bios: found.bios,
        controller,
        controller_firmware: found.controller_firmware,
        parts: found.parts.into_iter().map(part).collect(),
        missing: missing(&found.missing),
    }
}

fn part(part: redfish::Part) -> Part {
    Part {
        kind: match part.kind {
            redfish::PartKind::Chassis => PartKind::Chassis,
            redfish::PartKind::Processor => PartKind::Processor,
            redfish::PartKind::Memory => PartKind::Memory,
            redfish::PartKind::StorageController => PartKind::StorageController,
            redfish::PartKind::Drive => PartKind::Drive,
            redfish::PartKind::NetworkInterface => PartKind::NetworkInterface,
            redfish::PartKind::PowerSupply => PartKind::PowerSupply,
            redfish::PartKind::Fan => PartKind::Fan,
            redfish::PartKind::PcieDevice => PartKind::PcieDevice,
        },
        name: part.name,
        manufacturer: part.manufacturer,
        model: part.model,
        serial: part.serial,
        part_number: part.part_number,
        bytes: part.bytes,
        mac: part.mac,
        firmware: part.firmware,
        health: part.health,
    }
}

/// An entry of the log `log`.
pub(super) fn entry(entry: redfish::LogEntry, log: &str) -> LogEntry {
    LogEntry {
        id: entry.id,
        log: Some(log.to_owned()),
        at: entry.at.map(Timestamp::from_millis),
        severity: match entry.severity {
            redfish::LogSeverity::Ok => Severity::Info,
            redfish::LogSeverity::Warning => Severity::Warning,
            redfish::LogSeverity::Critical => Severity::Critical,
        },
        message: entry.message,
        about: entry.about,
    }
}

/// A drive that takes images.
pub(super) fn drive(slot: redfish::MediaSlot) -> MediaDrive {
    let told = |kind| match kind {
        redfish::MediaKind::Cd => MediaKind::Cd,
        redfish::MediaKind::Usb => MediaKind::Usb,
        redfish::MediaKind::Floppy => MediaKind::Floppy,
    };
    MediaDrive {
        id: slot.id,
        kinds: slot.kinds.into_iter().map(told).collect(),
        inserted: slot.inserted,
        image: slot.image,
        write_protected: slot.write_protected,
    }
}

/// What a drive is to be.
pub(super) fn kind(wanted: MediaKind) -> redfish::MediaKind {
    match wanted {
        MediaKind::Cd => redfish::MediaKind::Cd,
        MediaKind::Usb => redfish::MediaKind::Usb,
        MediaKind::Floppy => redfish::MediaKind::Floppy,
    }
}

/// What could not be had, in words.
pub(super) fn missing(missing: &[redfish::Missing]) -> Vec<String> {
    missing.iter().map(ToString::to_string).collect()
}
