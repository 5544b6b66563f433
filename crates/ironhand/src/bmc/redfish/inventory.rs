//! `ironhand bmc fru` over Redfish: what a machine is made of.

use std::borrow::Cow;

use ironhand_api::{Inventory, Part, PartKind};
use ironhand_connectors::Device;
use serde::Serialize;

use super::Controllers;
use crate::bmc::args::Fru;
use crate::bmc::report::{Finding, Shown};
use crate::exit::Failure;
use crate::hardware::part_word;
use crate::output::Output;

/// `ironhand bmc fru`.
pub async fn fru(controllers: &Controllers, asked: &Fru) -> Result<(), Failure> {
    if !asked.device.is_empty() {
        return Err(Failure::Usage {
            message: "Redfish numbers no FRU devices".to_owned(),
            hint: Some("leave out --device".to_owned()),
        });
    }
    controllers.each(async |device| Ok(Found(device.inventory().await?))).await
}

#[derive(Serialize)]
struct Found(Inventory);

impl Finding for Found {
    fn outcome(&self) -> Cow<'static, str> {
        if self.0.missing.is_empty() { "read".into() } else { "read in part".into() }
    }

    fn shown(&self, _: Output) -> Shown {
        let whole = Part {
            kind: PartKind::Other,
            name: "machine".to_owned(),
            manufacturer: self.0.manufacturer.clone(),
            model: self.0.model.clone(),
            serial: self.0.serial.clone(),
            part_number: None,
            bytes: None,
            mac: None,
            firmware: self.0.bios.clone(),
            health: None,
        };
        let controller = Part {
            name: "controller".to_owned(),
            manufacturer: None,
            model: self.0.controller.clone(),
            serial: None,
            firmware: self.0.controller_firmware.clone(),
            ..whole.clone()
        };
        let parts = [&whole, &controller].into_iter().chain(&self.0.parts);
        let row = |part: &Part| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default().into();
            let kind = match part.kind {
                PartKind::Other => String::new(),
                kind => part_word(kind).to_owned(),
            };
            let size = part.bytes.map(size).or_else(|| part.mac.clone());
            vec![
                kind.into(),
                part.name.as_str().into(),
                text(&part.manufacturer),
                text(&part.model),
                text(&part.serial),
                text(&size),
                text(&part.firmware),
                text(&part.health),
            ]
        };
        Shown::Table {
            head: &["kind", "name", "manufacturer", "model", "serial", "size or mac", "firmware", "health"],
            rows: parts.map(row).collect(),
        }
    }

    fn note(&self) -> Option<String> {
        let missing = &self.0.missing;
        (!missing.is_empty()).then(|| format!("not to be had: {}", missing.join("; ")))
    }
}

/// A size as it is written on the part: memory in GiB, drives in GB, of which only the latter are no multiples of a MiB.
fn size(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= 1 << 30 && bytes % (1 << 30) == 0 => format!("{} GiB", bytes >> 30),
        bytes if bytes >= 1_000_000_000 => format!("{} GB", bytes / 1_000_000_000),
        bytes => format!("{bytes} bytes"),
    }
}
