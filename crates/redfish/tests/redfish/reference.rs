//! `docs/reference/redfish-faults.md` says what the table of vendor faults says.

use std::fmt::Write as _;
use std::path::Path;

use ironhand_redfish::Quirk;

/// Set, the page is written anew in place of being compared.
const RENEW: &str = "IRONHAND_RENEW";

#[test]
fn the_faults_of_redfish_services_are_listed() {
    let mut page = String::from(
        "# Faults of vendors' Redfish services\n\n\
        Ironhand knows these faults by name. Nothing is to be set: a fault is dealt with **wherever it shows**, or **where it is\n\
        known**, which is where the controller is one of those named here. What a controller is, is told by its service root, its\n\
        manager and the machine's model.\n\n\
        The products are those of which users and authors of other tools reported the fault. Nothing here was tried on such a product:\n\
        each fault is imitated by a recorded controller of `testdata/redfish`, which was written by us, and Ironhand is tested against\n\
        that. [Faults of IPMI](../guides/hardware.md) have a list of their own.\n\n\
        | name | dealt with | reported of | how it shows | what is done |\n| --- | --- | --- | --- | --- |\n",
    );
    for quirk in Quirk::all() {
        let row = quirk.description();
        writeln!(
            page,
            "| `{}` | {} | {} | {} | {} |",
            row.name, row.handling, row.products, row.symptom, row.remedy
        )
        .expect("a String takes anything");
    }
    page.push_str("\nThis page is made by `crates/redfish/tests/redfish/reference.rs`.\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/redfish-faults.md");
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(&path, &page).expect("the page can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/reference/redfish-faults.md is not what the table says; renew it with {RENEW}=1 cargo test -p ironhand-redfish"
    );
}
