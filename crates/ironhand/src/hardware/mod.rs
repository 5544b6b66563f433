//! `ironhand sensors|sel|fru|inventory|identify|media`: the hardware of hosts, through whichever connector can.

mod inventory;
mod media;
mod sel;
mod sensors;

use ironhand_api::HardwareReport;
use serde::Serialize;

use crate::many::{Block, Outcome};
use crate::output::{Field, Tone};

pub use inventory::{fru, inventory, part_word};
pub use media::{identify, media};
pub use sel::sel;
pub use sensors::{sensors, state_tone, state_word};

/// What was read of a host, as programs get it.
#[derive(Serialize)]
struct Document<'a, T> {
    connector: &'a str,
    #[serde(flatten)]
    found: &'a T,
}

/// What was read of a host, with what people see of it.
fn read<T: Serialize>(report: &HardwareReport<T>, block: Block) -> Outcome {
    let HardwareReport { connector, found, warnings, .. } = report;
    match serde_json::to_value(Document { connector, found }) {
        Ok(document) => Outcome {
            read: Some(Box::new(block.with_document(document))),
            warnings: warnings.clone(),
            ..Outcome::default()
        },
        Err(error) => Outcome::failed(format!("the result cannot be printed: {error}")),
    }
}

/// Lines about what could not be read.
fn notes(missing: &[String]) -> Vec<Field> {
    missing.iter().map(|missing| Field::toned(format!("not read: {missing}"), Tone::Warn)).collect()
}

/// A value that may not be there.
fn or_dash(value: Option<&str>) -> Field {
    value.map_or_else(|| Field::toned("-", Tone::Dim), Field::from)
}
