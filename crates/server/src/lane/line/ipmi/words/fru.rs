//! What the FRU devices of a machine say it is made of.

use std::collections::BTreeMap;

use ironhand_api::{Inventory, Part, PartKind};
use ironhand_ipmi::command::DeviceId;
use ironhand_ipmi::fru::{Contents, DeviceReading, Field, FruReading};

use crate::lane::line::ipmi::hardware::BUILT_IN;

/// What names that records give to devices begin with or hold, by what such a device is.
const NAMES: &[(&[&str], PartKind)] = &[
    (&["PSU", "PWR", "POWER SUPPLY"], PartKind::PowerSupply),
    (&["DIMM"], PartKind::Memory),
    (&["CPU", "PROC"], PartKind::Processor),
    (&["NIC", "LOM", "ETHERNET"], PartKind::NetworkInterface),
    (&["FAN"], PartKind::Fan),
    (&["BOARD", "PLANE", "PLANAR", "RISER"], PartKind::Board),
];

/// What a machine is made of. `names` are those that the records give its devices.
pub(in crate::lane::line::ipmi) fn inventory(
    device: &DeviceId,
    readings: &[DeviceReading],
    names: &BTreeMap<u8, Option<String>>,
    mut missing: Vec<String>,
) -> Inventory {
    let mut told = Inventory {
        controller_firmware: Some(format!("{}.{:02}", device.firmware_major, device.firmware_minor)),
        ..Inventory::default()
    };
    for reading in readings {
        let name = names.get(&reading.device).and_then(Option::as_deref);
        let label = name.map_or_else(|| format!("FRU {}", reading.device), str::to_owned);
        match &reading.reading {
            Ok(found) if reading.device == BUILT_IN => {
                missing.extend(found.flaws.iter().map(|flaw| format!("{label}: {flaw}")));
                machine(&mut told, found);
            }
            Ok(found) => {
                missing.extend(found.flaws.iter().map(|flaw| format!("{label}: {flaw}")));
                told.parts.extend(device_part(found, label));
            }
            Err(error) => missing.push(format!("{label}: {error}")),
        }
    }
    Inventory { missing, ..told }
}

/// Takes in what the machine's own device says.
fn machine(told: &mut Inventory, found: &FruReading) {
    let inventory = &found.inventory;
    if let Some(case) = &inventory.chassis {
        told.serial = text(&case.serial_number);
        told.parts.push(Part {
            serial: text(&case.serial_number),
            part_number: text(&case.part_number),
            ..named(PartKind::Chassis, "Chassis")
        });
    }
    if let Some(board) = &inventory.board {
        told.manufacturer = text(&board.manufacturer);
        told.model = text(&board.product);
        told.parts.push(Part {
            manufacturer: text(&board.manufacturer),
            model: text(&board.product),
            serial: text(&board.serial_number),
            part_number: text(&board.part_number),
            ..named(PartKind::Board, "Board")
        });
    }
    if let Some(product) = &inventory.product {
        let keep = |known: &mut Option<String>, field| *known = text(field).or_else(|| known.take());
        keep(&mut told.manufacturer, &product.manufacturer);
        keep(&mut told.model, &product.name);
        keep(&mut told.serial, &product.serial_number);
    }
}

/// The part that another device is. It describes itself as a product, or as a board where it is no more than that.
fn device_part(found: &FruReading, name: String) -> Option<Part> {
    let inventory = &found.inventory;
    let supply = inventory.records.iter().any(|record| matches!(record.contents, Contents::PowerSupply(_)));
    let kind = if supply { PartKind::PowerSupply } else { kind_of(&name, inventory.product.is_none()) };
    let product = inventory
        .product
        .as_ref()
        .map(|product| [&product.manufacturer, &product.name, &product.serial_number, &product.part_number]);
    let board = inventory
        .board
        .as_ref()
        .map(|board| [&board.manufacturer, &board.product, &board.serial_number, &board.part_number]);
    let of = |place: usize| {
        let fields = [product, board].into_iter().flatten();
        fields.into_iter().find_map(|fields| fields.get(place).and_then(|field| text(field)))
    };
    (product.is_some() || board.is_some() || supply).then(|| Part {
        manufacturer: of(0),
        model: of(1),
        serial: of(2),
        part_number: of(3),
        ..named(kind, &name)
    })
}

/// A part of which nothing else is known yet.
fn named(kind: PartKind, name: &str) -> Part {
    Part {
        kind,
        name: name.to_owned(),
        manufacturer: None,
        model: None,
        serial: None,
        part_number: None,
        bytes: None,
        mac: None,
        firmware: None,
        health: None,
    }
}

/// What a device is by its name; where that says nothing, a board if it is described as one.
fn kind_of(name: &str, is_board: bool) -> PartKind {
    let name = name.to_ascii_uppercase();
    let known = NAMES.iter().find(|(words, _)| words.iter().any(|word| name.contains(word)));
    match known {
        Some((_, kind)) => *kind,
        None if is_board => PartKind::Board,
        None => PartKind::Other,
    }
}

fn text(field: &Field) -> Option<String> {
    Some(field.text()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use ironhand_ipmi::ProcedureError;
    use ironhand_ipmi::command::IpmiVersion;
    use ironhand_ipmi::fru::{Board, Chassis, Inventory as Areas, Product};

    use super::*;

    fn field(text: &str) -> Field {
        Field::Text(text.to_owned())
    }

    fn product(name: &str, serial: &str) -> Product {
        Product { name: field(name), serial_number: field(serial), ..Product::default() }
    }

    fn board(serial: &str) -> Board {
        Board { product: field("B-9"), serial_number: field(serial), ..Board::default() }
    }

    fn device() -> DeviceId {
        DeviceId {
            device_id: 1,
            provides_device_sdrs: false,
            device_revision: 1,
            available: true,
            firmware_major: 2,
            firmware_minor: 7,
            ipmi_version: IpmiVersion { major: 2, minor: 0 },
            additional_support: 0,
            manufacturer: 0,
            product: 0,
            auxiliary_revision: None,
        }
    }

    #[test]
    fn the_product_names_the_machine_and_the_board_where_there_is_none() {
        let chassis = Chassis { serial_number: field("C-1"), ..Chassis::default() };
        let check = |product: Option<Product>, model: &str, serial: &str| {
            let inventory = Areas {
                chassis: Some(chassis.clone()),
                board: Some(board("B-1")),
                product,
                ..Default::default()
            };
            let reading = Ok(FruReading { inventory, flaws: Vec::new() });
            let readings = [DeviceReading { device: 0, reading }];
            let told = inventory_of(&readings, &[]);
            assert_eq!((told.model.as_deref(), told.serial.as_deref()), (Some(model), Some(serial)));
            let kinds: Vec<_> = told.parts.iter().map(|part| part.kind).collect();
            assert_eq!(kinds, [PartKind::Chassis, PartKind::Board]);
            assert_eq!(told.controller_firmware.as_deref(), Some("2.07"));
        };
        check(Some(product("R1", "S-1")), "R1", "S-1");
        // One that leaves its number out has that of its case.
        check(Some(product("R1", "")), "R1", "C-1");
        check(None, "B-9", "C-1");
    }

    #[test]
    fn other_devices_are_parts_and_those_that_cannot_be_read_are_told() {
        let of = |inventory| Ok(FruReading { inventory, flaws: Vec::new() });
        let supply = Areas { product: Some(product("PS800", "S-7")), ..Default::default() };
        let doing = "read the inventory";
        let absent = ProcedureError::Impossible { doing, reason: "it is not there" };
        let readings = [
            DeviceReading { device: 3, reading: of(supply) },
            DeviceReading { device: 4, reading: Err(absent) },
            DeviceReading { device: 5, reading: of(Areas::default()) },
        ];
        let told = inventory_of(&readings, &[(3, "PSU1"), (4, "PSU2")]);
        let parts: Vec<_> = told.parts.iter().map(|part| (part.kind, part.name.as_str())).collect();
        assert_eq!(parts, [(PartKind::PowerSupply, "PSU1")]);
        assert_eq!(told.missing, ["PSU2: cannot read the inventory: it is not there"]);
    }

    fn inventory_of(readings: &[DeviceReading], names: &[(u8, &str)]) -> Inventory {
        let names = names.iter().map(|(device, name)| (*device, Some((*name).to_owned()))).collect();
        inventory(&device(), readings, &names, Vec::new())
    }

    #[test]
    fn devices_are_told_apart_by_their_names() {
        let check = |name, is_board, kind| assert_eq!(kind_of(name, is_board), kind, "{name}");
        check("PSU1 FRU", false, PartKind::PowerSupply);
        check("DIMM_A1", false, PartKind::Memory);
        check("Backplane 1", true, PartKind::Board);
        check("Mezzanine", true, PartKind::Board);
        check("Mezzanine", false, PartKind::Other);
    }
}
