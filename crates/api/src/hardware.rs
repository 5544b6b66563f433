//! What a machine is made of, measures and has logged, whoever made it.

mod report;

use serde::{Deserialize, Serialize};

use crate::{Severity, Timestamp};

pub use report::{EventLog, HardwareReport, IdentifyRequest, InsertMediaRequest, Sensors, VirtualMedia};

/// One sensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sensor {
    /// Its name, as the controller gives it.
    pub name: String,
    /// What it measures, in the words of Redfish's `ReadingType`: `Temperature`, `Rotational`, `Voltage`, `Power` and others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What it reads, where it reads a number now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<f64>,
    /// The unit of the reading, in the Unified Code for Units of Measure as Redfish uses it: `Cel`, `RPM`, `V`, `W`, `%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What the controller thinks of it.
    pub state: SensorState,
    /// What a sensor without a number says: the states that are set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
}

/// What a controller thinks of a sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SensorState {
    /// Within its thresholds.
    Ok,
    /// Beyond a threshold that is not critical.
    Warning,
    /// Beyond a critical threshold.
    Critical,
    /// It cannot be read now, as where its part is without power.
    Absent,
}

/// What a host is, in short: what flows select by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HostHardware {
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Its model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The version of its BIOS or UEFI firmware.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bios: Option<String>,
    /// What kind of controller it has, with the version of its firmware.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
}

impl From<&Inventory> for HostHardware {
    fn from(read: &Inventory) -> Self {
        let controller = [read.controller.as_deref(), read.controller_firmware.as_deref()];
        let controller: Vec<&str> = controller.into_iter().flatten().collect();
        Self {
            vendor: read.manufacturer.clone(),
            model: read.model.clone(),
            bios: read.bios.clone(),
            controller: (!controller.is_empty()).then(|| controller.join(" ")),
        }
    }
}

/// What a machine is made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// The machine's manufacturer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// The machine's model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The machine's serial number, or service tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The machine's UUID, as its firmware tells the operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// The version of its BIOS or UEFI firmware.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bios: Option<String>,
    /// What kind of controller it has: `iDRAC 9`, `iLO 5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
    /// The version of the controller's firmware.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller_firmware: Option<String>,
    /// Its parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// What could not be read, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// A part of a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Its name or slot, as the controller gives it.
    pub name: String,
    /// Its manufacturer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// Its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Its part number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_number: Option<String>,
    /// Its size in bytes: of memory and drives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Its hardware address: of network interfaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// The version of its firmware.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
    /// What the controller thinks of it: `OK`, `Warning`, `Critical`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
}

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartKind {
    /// A board.
    Board,
    /// A case with what it holds.
    Chassis,
    /// A processor.
    Processor,
    /// A memory module.
    Memory,
    /// A storage controller.
    StorageController,
    /// A drive.
    Drive,
    /// A network interface.
    NetworkInterface,
    /// A power supply.
    PowerSupply,
    /// A fan.
    Fan,
    /// A PCIe device.
    PcieDevice,
    /// Anything else.
    Other,
}

/// An entry of a machine's event log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// Its identifier in the log.
    pub id: String,
    /// The log, where the controller has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// When it happened, by the controller's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// How bad it is.
    pub severity: Severity,
    /// What happened.
    pub message: String,
    /// The part or sensor that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

/// A drive of a machine that takes images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaDrive {
    /// Its identifier: `CD`, `2`, `EXT1`.
    pub id: String,
    /// What it can be to the machine; empty where the controller does not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<MediaKind>,
    /// Whether the machine sees an image in it.
    pub inserted: bool,
    /// The address of the image, without a user name and password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Whether the machine cannot write to it; absent where the controller does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_protected: Option<bool>,
}

/// What a drive is to a machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MediaKind {
    /// A CD or DVD.
    #[default]
    Cd,
    /// A USB stick.
    Usb,
    /// A floppy disk.
    Floppy,
}

impl MediaKind {
    /// The word in requests and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cd => "cd",
            Self::Usb => "usb",
            Self::Floppy => "floppy",
        }
    }
}
