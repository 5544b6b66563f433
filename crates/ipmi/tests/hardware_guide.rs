//! The table in docs/guides/hardware.md is that of `quirk.rs`.

use std::fmt::Write as _;
use std::path::Path;

use ironhand_ipmi::Quirk;

#[test]
fn the_guide_has_the_table_of_vendor_faults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/hardware.md");
    let guide = std::fs::read_to_string(path).expect("the guide is there");
    let mut table = String::from(
        "| name | dealt with | reported of | how it shows | what is done |\n|---|---|---|---|---|\n",
    );
    for quirk in Quirk::all() {
        let row = quirk.description();
        writeln!(
            table,
            "| `{}` | {} | {} | {} | {} |",
            row.name, row.handling, row.products, row.symptom, row.remedy
        )
        .expect("a String takes anything");
    }
    assert!(guide.contains(&table), "the guide should contain this:\n{table}");
}
