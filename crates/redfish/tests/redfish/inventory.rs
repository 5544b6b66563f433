//! What machines are made of, and their firmware.

use ironhand_redfish::{Inventory, PartKind, ReadFirmware, ReadInventory};
use serde_json::json;

use crate::recorded::Recorded;

fn inventory(recorded: &mut Recorded) -> Inventory {
    let place = recorded.place();
    recorded.play(ReadInventory { place }).expect("the inventory is read")
}

/// As lines: kind, name, manufacturer, model, serial number, size or address, firmware.
fn lines(inventory: &Inventory) -> Vec<String> {
    let line = |part: &ironhand_redfish::Part| {
        let size = part.bytes.map(|bytes| bytes.to_string());
        let words = [&part.manufacturer, &part.model, &part.serial, &size, &part.mac, &part.firmware];
        let words: Vec<_> = words.into_iter().map(|word| word.as_deref().unwrap_or("-")).collect();
        format!("{:?} {}: {}", part.kind, part.name, words.join(" | "))
    };
    inventory.parts.iter().map(line).collect()
}

#[test]
fn a_dell_is_known_by_its_service_tag() {
    let inventory = inventory(&mut Recorded::load("dell/idrac9"));
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    assert_eq!(text(&inventory.manufacturer), "Dell Inc.");
    assert_eq!(text(&inventory.model), "PowerEdge R650");
    assert_eq!(text(&inventory.serial), "7XK2M93");
    assert_eq!(text(&inventory.uuid), "4c4c4544-0058-4b10-8032-b7c04f4d3933");
    assert_eq!(text(&inventory.bios), "1.12.1");
    assert_eq!(text(&inventory.controller_firmware), "7.00.30.00");
    assert_eq!((inventory.asset_tag.as_deref(), inventory.host_name.as_deref()), (None, Some("alpha")));
    assert_eq!(inventory.missing, []);
    let cpu = "Intel | Intel(R) Xeon(R) Gold 6346 CPU @ 3.10GHz | - | - | - | -";
    let expected = [
        "Chassis Computer System Chassis: Dell Inc. | PowerEdge R650 | CNIVC001234567 | - | - | -".to_owned(),
        format!("Processor CPU.Socket.1: {cpu}"),
        format!("Processor CPU.Socket.2: {cpu}"),
        "Memory DIMM A1: Hynix Semiconductor | - | 5402A1B1 | 34359738368 | - | -".to_owned(),
        "Memory DIMM B1: Hynix Semiconductor | - | 5402A1B2 | 34359738368 | - | -".to_owned(),
        "StorageController PERC H745 Front: DELL | PERC H745 Front | - | - | - | 51.16.0-4296".to_owned(),
        "Drive SSD 0:1:0: SAMSUNG | MZ7LH960HAJR0D3 | S5YJNA0R500100 | 960197124096 | - | HG58".to_owned(),
        "Drive SSD 0:1:1: SAMSUNG | MZ7LH960HAJR0D3 | S5YJNA0R500101 | 960197124096 | - | HG58".to_owned(),
        "NetworkInterface NIC.Embedded.1-1-1: - | - | - | - | 02:00:5e:10:01:01 | -".to_owned(),
        "NetworkInterface NIC.Embedded.2-1-1: - | - | - | - | 02:00:5e:10:01:02 | -".to_owned(),
        "PowerSupply PS1 Status: DELL | PWR SPLY,800W,RDNT,LTON | CNLOD0010D0001 | - | - | 00.1B.53"
            .to_owned(),
        "PowerSupply PS2 Status: DELL | PWR SPLY,800W,RDNT,LTON | CNLOD0010D0002 | - | - | 00.1B.53"
            .to_owned(),
        "Fan System Board Fan1A: - | - | - | - | - | -".to_owned(),
        "PcieDevice PERC H745 Front: Broadcom / LSI | - | - | - | - | 51.16.0-4296".to_owned(),
    ];
    assert_eq!(lines(&inventory), expected);
}

#[test]
fn controllers_inside_storage_and_empty_slots() {
    let inventory = inventory(&mut Recorded::load("hpe/ilo5"));
    assert_eq!(inventory.serial.as_deref(), Some("CZJ0010ABC"));
    let of = |kind| inventory.parts.iter().filter(move |part| part.kind == kind);
    assert_eq!(of(PartKind::Memory).count(), 2, "the empty slot is no part");
    let controller = of(PartKind::StorageController).next().expect("a controller");
    assert_eq!(controller.serial.as_deref(), Some("PEYHC0ARHC500A"));
    let supplies: Vec<_> = of(PartKind::PowerSupply).map(|part| part.name.as_str()).collect();
    assert_eq!(supplies, ["HpeServerPowerSupply", "HpeServerPowerSupply 2"]);
    assert_eq!(inventory.missing, []);
}

#[test]
fn words_that_only_fill_a_field_are_none() {
    let inventory = inventory(&mut Recorded::load("supermicro/x13"));
    assert_eq!(inventory.serial.as_deref(), Some("E100001X3A00001"));
    assert_eq!(inventory.host_name, None);
    let drives: Vec<_> = inventory.parts.iter().filter(|part| part.kind == PartKind::Drive).collect();
    assert_eq!(drives.len(), 1);
    assert_eq!(drives[0].serial.as_deref(), Some("22403C0A1B2C"));
}

#[test]
fn a_machine_that_says_nothing_of_itself_is_known_by_its_case() {
    let mut recorded = Recorded::load("openbmc/gb200");
    let system = "/redfish/v1/Systems/System_0";
    recorded.merge(system, json!({ "Manufacturer": null, "Model": "", "SerialNumber": "N/A" }));
    let inventory = inventory(&mut recorded);
    let told = [&inventory.manufacturer, &inventory.model, &inventory.serial].map(|text| text.as_deref());
    assert_eq!(told, [Some("NVIDIA"), Some("GB200 NVL"), Some("1333124010101")]);
}

#[test]
fn a_part_that_cannot_be_read_is_named_and_the_others_are_there() {
    let mut recorded = Recorded::load("openbmc/gb200");
    recorded.merge(
        "/redfish/v1/Systems/System_0",
        json!({ "EthernetInterfaces": { "@odata.id": "/redfish/v1/Systems/System_0/Broken" } }),
    );
    recorded.page("/redfish/v1/Systems/System_0/Broken", json!({ "body": "{\"Members\": [" }));
    let inventory = inventory(&mut recorded);
    let missing: Vec<_> = inventory.missing.iter().map(ToString::to_string).collect();
    let expected = [
        "/redfish/v1/Systems/System_0/Broken: the answer to GET /redfish/v1/Systems/System_0/Broken makes no \
         sense: it is cut off",
        "/redfish/v1/Systems/System_0/Processors/CPU_1: the controller has no \
         /redfish/v1/Systems/System_0/Processors/CPU_1",
    ];
    assert_eq!(missing, expected);
    let kinds: Vec<_> = inventory.parts.iter().map(|part| part.kind).collect();
    assert!(kinds.contains(&PartKind::Memory) && kinds.contains(&PartKind::Processor), "{kinds:?}");
}

#[test]
fn each_page_of_a_machine_may_be_missing_or_nonsense() {
    for recording in ["dell/idrac9", "hpe/ilo5", "supermicro/x13", "openbmc/gb200"] {
        let mut recorded = Recorded::load(recording);
        let place = recorded.place();
        recorded.play(ReadInventory { place: place.clone() }).expect("the inventory is read");
        let asked: Vec<_> = recorded.asked.iter().filter_map(|asked| asked.strip_prefix("GET ")).collect();
        let asked: Vec<String> = asked.into_iter().map(str::to_owned).collect();
        for path in asked.into_iter().filter(|path| *path != place.system && path != "/redfish/v1/") {
            for page in [
                json!({ "status": 404 }),
                json!({ "status": 500, "body": "<html>" }),
                json!({ "body": "{\"Members\":" }),
                json!({ "body": [1, 2] }),
                json!({ "body": { "Members": { "a": 1 }, "Drives": "x", "Status": 7, "Name": [] } }),
            ] {
                let mut broken = Recorded::load(recording);
                broken.page(&path, page.clone());
                let inventory = broken.play(ReadInventory { place: place.clone() });
                let inventory = inventory.expect("one page costs no inventory");
                assert!(inventory.model.is_some(), "{recording} {path} {page}");
            }
        }
    }
}

#[test]
fn firmware_is_listed_with_dates_that_are_dates() {
    let mut recorded = Recorded::load("dell/idrac9");
    let place = recorded.place();
    let firmware = recorded.play(ReadFirmware { place }).expect("the firmware is read");
    assert_eq!(firmware.missing, []);
    let seen: Vec<_> = firmware
        .items
        .iter()
        .map(|item| {
            let version = item.version.as_deref().unwrap_or("-");
            (item.name.as_str(), version, item.released, item.updateable)
        })
        .collect();
    let expected = [
        ("BIOS", "1.12.1", Some(1_694_476_800_000), true),
        ("Integrated Dell Remote Access Controller", "7.00.30.00", None, true),
        ("BIOS", "1.11.2", None, true),
        ("Power Supply.Slot.1", "00.1B.53", None, true),
    ];
    assert_eq!(seen, expected);
}
