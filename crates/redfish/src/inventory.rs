//! What a machine is made of (DSP0268: ComputerSystem, Chassis and what they lead to).

use std::sync::Arc;

use serde_json::Value;

use crate::listing::{expands, list_of, number, read_collections, read_each, tell_apart, told};
use crate::sensor::chassis;
use crate::system::Place;
use crate::{Missing, Operation, Resource, Stop, Talk, Vendor};

/// What a machine is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory {
    /// The machine's manufacturer.
    pub manufacturer: Option<String>,
    /// The machine's model.
    pub model: Option<String>,
    /// The machine's serial number, or service tag.
    pub serial: Option<String>,
    /// What its owner calls it.
    pub asset_tag: Option<String>,
    /// The name that its operating system has told the controller.
    pub host_name: Option<String>,
    /// The machine's UUID, as its firmware tells the operating system.
    pub uuid: Option<String>,
    /// The version of its BIOS or UEFI firmware.
    pub bios: Option<String>,
    /// The version of the controller's firmware.
    pub controller_firmware: Option<String>,
    /// Its parts.
    pub parts: Vec<Part>,
    /// What could not be had.
    pub missing: Vec<Missing>,
}

/// A part of a machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Its name or slot.
    pub name: String,
    /// Its manufacturer.
    pub manufacturer: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// Its part number.
    pub part_number: Option<String>,
    /// Its size in bytes: of memory and drives.
    pub bytes: Option<u64>,
    /// Its hardware address: of network interfaces.
    pub mac: Option<String>,
    /// The version of its firmware.
    pub firmware: Option<String>,
    /// What the controller thinks of it: `OK`, `Warning`, `Critical`.
    pub health: Option<String>,
}

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PartKind {
    /// A case, or a board with what it holds.
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
}

/// Reads what a machine is made of.
#[derive(Clone, Debug)]
pub struct ReadInventory {
    /// The machine.
    pub place: Place,
}

impl Operation for ReadInventory {
    type Output = Inventory;

    fn perform(&self, talk: &mut Talk) -> Result<Inventory, Stop> {
        let mut missing = Vec::new();
        let expand = expands(talk, &self.place)?;
        let cases = chassis(talk, &self.place, &mut missing)?;
        let system = talk.read(&self.place.system)?;
        let manager: Vec<String> = self.place.manager.iter().cloned().collect();
        let manager = read_each(talk, &manager, &mut missing)?.pop();

        let mut parts = Parts(Vec::new());
        for case in &cases {
            parts.add(PartKind::Chassis, &case.value, case.id());
        }
        of_system(talk, &system, &cases, expand, &mut parts, &mut missing)?;
        of_cases(talk, &cases, expand, &mut parts, &mut missing)?;
        let mut parts = parts.0;
        parts.sort_by_key(|part| part.kind);
        tell_apart(parts.iter_mut().map(|part| (part.kind, &mut part.name)));

        let told = |name: &str| told(&system.value[name]).map(str::to_owned);
        let of_case =
            |name: &str| cases.iter().filter(|case| holds_machine(case)).find_map(|case| named(case, name));
        // What people know a Dell by is its service tag; its serial number is that of the board.
        let tag = (self.place.identity.vendor == Vendor::Dell).then(|| told("SKU")).flatten();
        let controller_firmware =
            manager.and_then(|manager| manager.text(&["FirmwareVersion"]).map(str::to_owned));
        Ok(Inventory {
            manufacturer: told("Manufacturer").or_else(|| of_case("Manufacturer")),
            model: told("Model").or_else(|| of_case("Model")),
            serial: tag.or_else(|| told("SerialNumber")).or_else(|| of_case("SerialNumber")),
            asset_tag: told("AssetTag"),
            host_name: told("HostName"),
            uuid: told("UUID"),
            bios: told("BiosVersion"),
            controller_firmware,
            parts,
            missing,
        })
    }
}

/// Whether a case holds a machine as a whole, so that it can be known by what is said of the case.
fn holds_machine(case: &Resource) -> bool {
    matches!(case.text(&["ChassisType"]), Some("RackMount" | "Shelf" | "StandAlone" | "Blade" | "Sled"))
}

fn named(case: &Resource, name: &str) -> Option<String> {
    told(&case.value[name]).map(str::to_owned)
}

/// The collections of a machine, and what their members are.
const COLLECTIONS: [(&str, PartKind); 3] = [
    ("Processors", PartKind::Processor),
    ("Memory", PartKind::Memory),
    ("EthernetInterfaces", PartKind::NetworkInterface),
];

/// The parts that a machine leads to.
fn of_system(
    talk: &mut Talk,
    system: &Resource,
    cases: &[Arc<Resource>],
    expand: bool,
    parts: &mut Parts,
    missing: &mut Vec<Missing>,
) -> Result<(), Stop> {
    let (mut links, mut kinds) = (Vec::new(), Vec::new());
    for (name, kind) in COLLECTIONS {
        links.extend(system.link(&[name]).map(str::to_owned));
        kinds.extend(system.link(&[name]).map(|_| Some(kind)));
    }
    // Drives stand in one of the two; where there are both, the simple one repeats the other.
    let storage = system.link(&["Storage"]).or_else(|| system.link(&["SimpleStorage"]));
    links.extend(storage.map(str::to_owned));
    kinds.extend(storage.map(|_| None));
    // A list of links, or in newer schemas a link to a collection.
    let with_devices = |holder: &&Resource| !holder.at(&["PCIeDevices"]).is_null();
    let devices = std::iter::once(system).chain(cases.iter().map(Arc::as_ref)).find(with_devices);
    let paths = devices.map_or(Vec::new(), |holder| holder.links(&["PCIeDevices"]));
    links.extend(devices.and_then(|holder| holder.link(&["PCIeDevices"])).map(str::to_owned));
    kinds.push(Some(PartKind::PcieDevice));

    let (mut controllers, mut drives) = (Vec::new(), Vec::new());
    for (collection, resource) in read_collections(talk, &links, expand, missing)? {
        let value = &resource.value;
        match kinds.get(collection).copied().flatten() {
            Some(kind) => parts.add(kind, value, resource.id()),
            None => {
                controllers.extend(resource.link(&["Controllers"]).map(str::to_owned));
                drives.extend(resource.links(&["Drives"]));
                for (list, kind) in
                    [("StorageControllers", PartKind::StorageController), ("Devices", PartKind::Drive)]
                {
                    list_of(value, list).for_each(|entry| parts.add(kind, entry, resource.id()));
                }
            }
        }
    }
    for device in read_each(talk, &paths, missing)? {
        parts.add(PartKind::PcieDevice, &device.value, device.id());
    }
    for drive in read_each(talk, &drives, missing)? {
        parts.add(PartKind::Drive, &drive.value, drive.id());
    }
    for (_, controller) in read_collections(talk, &controllers, expand, missing)? {
        parts.add(PartKind::StorageController, &controller.value, controller.id());
    }
    Ok(())
}

/// The power supplies and fans of cases: of the older lists, and of the subsystems where a case has no such list.
fn of_cases(
    talk: &mut Talk,
    cases: &[Arc<Resource>],
    expand: bool,
    parts: &mut Parts,
    missing: &mut Vec<Missing>,
) -> Result<(), Stop> {
    const LISTS: [(&str, &str, &str, PartKind); 2] = [
        ("Power", "PowerSubsystem", "PowerSupplies", PartKind::PowerSupply),
        ("Thermal", "ThermalSubsystem", "Fans", PartKind::Fan),
    ];
    for (older, newer, list, kind) in LISTS {
        let (mut olders, mut newers) = (Vec::new(), Vec::new());
        for case in cases {
            match (case.link(&[older]), case.link(&[newer])) {
                (Some(link), _) => olders.push(link.to_owned()),
                (None, Some(link)) => newers.push(link.to_owned()),
                (None, None) => {}
            }
        }
        olders.dedup();
        newers.dedup();
        for resource in read_each(talk, &olders, missing)? {
            list_of(&resource.value, list).for_each(|entry| parts.add(kind, entry, list));
        }
        let mut collections = Vec::new();
        for resource in read_each(talk, &newers, missing)? {
            collections.extend(resource.link(&[list]).map(str::to_owned));
        }
        for (_, resource) in read_collections(talk, &collections, expand, missing)? {
            parts.add(kind, &resource.value, resource.id());
        }
    }
    Ok(())
}

/// The parts that were found.
struct Parts(Vec<Part>);

impl Parts {
    /// Adds what a resource, or an entry of a list, tells of a part; `id` names it where it has no name. Slots that are
    /// empty are no parts.
    fn add(&mut self, kind: PartKind, value: &Value, id: &str) {
        if value["Status"]["State"] == "Absent" {
            return;
        }
        let first = |names: &[&str]| names.iter().find_map(|name| told(&value[*name])).map(str::to_owned);
        let names: &[&str] = match kind {
            PartKind::Processor => &["Socket", "Name"],
            PartKind::Memory => &["DeviceLocator", "Name"],
            // Their names are all the same.
            PartKind::NetworkInterface => &["Id", "Name"],
            PartKind::Fan => &["Name", "FanName"],
            _ => &["Name"],
        };
        self.0.push(Part {
            kind,
            name: first(names).unwrap_or_else(|| id.to_owned()),
            manufacturer: first(&["Manufacturer"]),
            model: first(&["Model"]),
            serial: first(&["SerialNumber"]),
            part_number: first(&["PartNumber", "SparePartNumber"]),
            bytes: bytes(value),
            mac: first(&["MACAddress", "PermanentMACAddress"]),
            firmware: first(&["FirmwareVersion", "Revision"]),
            health: value["Status"]["Health"].as_str().map(str::to_owned),
        });
    }
}

/// A size in bytes, of memory or a drive.
fn bytes(value: &Value) -> Option<u64> {
    const MIB: f64 = 1024.0 * 1024.0;
    let whole = number(&value["CapacityBytes"]).or_else(|| Some(number(&value["CapacityMiB"])? * MIB))?;
    // Where it is negative or too large, it is no size: the cast keeps within the type.
    (whole >= 1.0).then_some(whole as u64)
}
