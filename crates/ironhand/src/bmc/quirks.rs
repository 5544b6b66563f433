//! `ironhand bmc quirks`.

use ironhand_ipmi::Quirk;
use serde::Serialize;

use crate::args::Format;
use crate::exit::Failure;
use crate::output::{Field, Output, Tone};

/// A fault of vendors' BMCs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: &'static str,
    handled: String,
    symptom: &'static str,
    remedy: &'static str,
    products: &'static str,
}

/// Prints all faults that are known.
pub fn list(output: Output) -> Result<(), Failure> {
    let rows: Vec<Row> = Quirk::all()
        .map(|quirk| {
            let row = quirk.description();
            Row {
                name: row.name,
                handled: row.handling.to_string(),
                symptom: row.symptom,
                remedy: row.remedy,
                products: row.products,
            }
        })
        .collect();
    let wide = output.format == Format::Wide;
    let head: &[&str] = match wide {
        true => &["name", "handled", "symptom", "what is done", "products"],
        false => &["name", "handled", "symptom"],
    };
    output.list(
        &rows,
        head,
        |row| row.name.to_owned(),
        |row| {
            let mut fields: Vec<Field> =
                vec![row.name.into(), row.handled.as_str().into(), row.symptom.into()];
            if wide {
                fields.extend([row.remedy.into(), Field::toned(row.products, Tone::Dim)]);
            }
            fields
        },
    )
}
