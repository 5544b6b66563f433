//! `ironhand inventory` and `ironhand fru`: what hosts are made of.

use std::collections::BTreeMap;

use ironhand_api::{HardwareReport, Inventory, Part, PartKind};
use ironhand_client::Client;

use super::{notes, or_dash, read};
use crate::args;
use crate::exit::Failure;
use crate::many::{Block, Outcome, Pace, each};
use crate::output::{Field, Output, Tone};
use crate::select::selected;

/// `ironhand inventory`: of one host everything, of several a line each, unless more is asked for.
pub async fn inventory(client: &Client, asked: &args::Selector, output: Output) -> Result<(), Failure> {
    let hosts = selected(client, asked).await?;
    let whole = hosts.len() == 1 || output.is_wide();
    each(client, &hosts, Pace::reading(), output, async |host| {
        client.inventory(&host).await.map(|report| told(&report, whole))
    })
    .await
}

/// `ironhand fru`: what can be replaced, with the numbers by which it is ordered.
pub async fn fru(client: &Client, asked: &args::Selector, output: Output) -> Result<(), Failure> {
    let hosts = selected(client, asked).await?;
    each(client, &hosts, Pace::reading(), output, async |host| client.inventory(&host).await.map(replaceable))
        .await
}

fn told(report: &HardwareReport<Inventory>, whole: bool) -> Outcome {
    let found = &report.found;
    let word = if found.missing.is_empty() { "read" } else { "read in part" };
    let block = if whole {
        let head = vec!["part", "name", "model", "serial", "details", "health"];
        let rows: Vec<_> = found.parts.iter().map(row).collect();
        Block::table(word, head, rows).with_pairs(pairs(found))
    } else {
        Block::line(word, brief(found))
    };
    read(report, block.with_notes(notes(&found.missing)))
}

/// What is said of the machine as a whole.
fn pairs(found: &Inventory) -> Vec<(&'static str, Field)> {
    let pairs = [
        ("manufacturer", &found.manufacturer),
        ("model", &found.model),
        ("serial", &found.serial),
        ("UUID", &found.uuid),
        ("BIOS", &found.bios),
        ("controller", &found.controller),
        ("firmware", &found.controller_firmware),
    ];
    pairs.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?.into()))).collect()
}

fn row(part: &Part) -> Vec<Field> {
    let details = [
        part.bytes.map(|bytes| size(bytes, part.kind)),
        part.mac.clone(),
        part.firmware.as_ref().map(|firmware| format!("firmware {firmware}")),
    ];
    let details: Vec<_> = details.into_iter().flatten().collect();
    vec![
        part_word(part.kind).into(),
        part.name.as_str().into(),
        or_dash(part.model.as_deref()),
        or_dash(part.serial.as_deref()),
        or_dash(Some(details.join(", ").as_str()).filter(|details| !details.is_empty())),
        part.health.as_deref().map_or_else(|| or_dash(None), |health| Field::toned(health, tone(health))),
    ]
}

/// A machine on a line.
fn brief(found: &Inventory) -> String {
    let name = [&found.manufacturer, &found.model].into_iter().flatten().cloned().collect::<Vec<_>>();
    let controller = [&found.controller, &found.controller_firmware].into_iter().flatten().cloned();
    let controller = controller.collect::<Vec<_>>().join(" ");
    let pieces = [
        Some(name.join(" ")).filter(|name| !name.is_empty()),
        found.serial.as_ref().map(|serial| format!("serial {serial}")),
        found.bios.as_ref().map(|bios| format!("BIOS {bios}")),
        Some(controller).filter(|text| !text.is_empty()).map(|text| format!("controller {text}")),
    ];
    let mut counts: BTreeMap<PartKind, (usize, u64)> = BTreeMap::new();
    for part in &found.parts {
        let count = counts.entry(part.kind).or_default();
        *count = (count.0 + 1, count.1.saturating_add(part.bytes.unwrap_or(0)));
    }
    let counted = counts.into_iter().filter(|(kind, _)| is_counted(*kind)).map(|(kind, (count, bytes))| {
        let bytes = if bytes == 0 { String::new() } else { format!(" of {}", size(bytes, kind)) };
        format!("{count} {}{bytes}", if count == 1 { part_word(kind) } else { words(kind) })
    });
    pieces.into_iter().flatten().chain(counted).collect::<Vec<_>>().join(", ")
}

/// Whether people ask how many of them a machine has.
const fn is_counted(kind: PartKind) -> bool {
    matches!(kind, PartKind::Processor | PartKind::Memory | PartKind::Drive | PartKind::NetworkInterface)
}

/// Memory is counted in powers of two, drives are sold in powers of ten.
fn size(bytes: u64, kind: PartKind) -> String {
    let (step, units) = match kind {
        PartKind::Memory => (1024.0, ["B", "KiB", "MiB", "GiB", "TiB"]),
        _ => (1000.0, ["B", "kB", "MB", "GB", "TB"]),
    };
    let mut value = bytes as f64;
    let mut unit = units[0];
    for next in &units[1..] {
        if value < step {
            break;
        }
        (value, unit) = (value / step, next);
    }
    let value = (value * 100.0).round() / 100.0;
    format!("{value} {unit}")
}

/// The parts that have a number, the machine itself among them.
fn replaceable(mut report: HardwareReport<Inventory>) -> Outcome {
    report.found.parts.retain(|part| part.serial.is_some() || part.part_number.is_some());
    let found = &report.found;
    let word_of = if found.missing.is_empty() { "read" } else { "read in part" };
    let system = vec![
        "system".into(),
        or_dash(None),
        or_dash(found.manufacturer.as_deref()),
        or_dash(found.model.as_deref()),
        or_dash(None),
        or_dash(found.serial.as_deref()),
    ];
    let parts = found.parts.iter().map(|part| {
        vec![
            part_word(part.kind).into(),
            part.name.as_str().into(),
            or_dash(part.manufacturer.as_deref()),
            or_dash(part.model.as_deref()),
            or_dash(part.part_number.as_deref()),
            or_dash(part.serial.as_deref()),
        ]
    });
    let is_known = found.serial.is_some() || found.model.is_some();
    let rows = is_known.then_some(system).into_iter().chain(parts).collect();
    let head = vec!["part", "name", "manufacturer", "model", "part number", "serial"];
    read(&report, Block::table(word_of, head, rows).with_notes(notes(&found.missing)))
}

/// The kind of a part in a word.
pub const fn part_word(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Board => "board",
        PartKind::Chassis => "chassis",
        PartKind::Processor => "processor",
        PartKind::Memory => "memory module",
        PartKind::StorageController => "storage controller",
        PartKind::Drive => "drive",
        PartKind::NetworkInterface => "network interface",
        PartKind::PowerSupply => "power supply",
        PartKind::Fan => "fan",
        PartKind::PcieDevice => "PCIe device",
        PartKind::Other => "other",
    }
}

/// The same of several.
const fn words(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Processor => "processors",
        PartKind::Memory => "memory modules",
        PartKind::Drive => "drives",
        PartKind::NetworkInterface => "network interfaces",
        kind => part_word(kind),
    }
}

fn tone(health: &str) -> Tone {
    match health {
        "OK" => Tone::Good,
        "Warning" => Tone::Warn,
        "Critical" => Tone::Bad,
        _ => Tone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_as_people_buy_them() {
        let check = |bytes, kind, text| assert_eq!(size(bytes, kind), text);
        check(32 << 30, PartKind::Memory, "32 GiB");
        check(7_680_000_000_000, PartKind::Drive, "7.68 TB");
        check(512, PartKind::Drive, "512 B");
        check(u64::MAX, PartKind::Memory, "16777216 TiB");
    }

    #[test]
    fn a_machine_is_told_on_a_line() {
        let part = |kind, bytes| Part {
            kind,
            name: "x".to_owned(),
            manufacturer: None,
            model: None,
            serial: None,
            part_number: None,
            bytes,
            mac: None,
            firmware: None,
            health: None,
        };
        let found = Inventory {
            model: Some("R650".to_owned()),
            serial: Some("7".to_owned()),
            controller_firmware: Some("5.10".to_owned()),
            parts: vec![
                part(PartKind::Processor, None),
                part(PartKind::Fan, None),
                part(PartKind::Memory, Some(16 << 30)),
                part(PartKind::Memory, Some(16 << 30)),
            ],
            ..Inventory::default()
        };
        let text = "R650, serial 7, controller 5.10, 1 processor, 2 memory modules of 32 GiB";
        assert_eq!(brief(&found), text);
        assert_eq!(brief(&Inventory::default()), "");
    }
}
