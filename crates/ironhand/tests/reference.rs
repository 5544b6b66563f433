//! The pages of `docs/reference` say what the code says.

use std::fmt::Write;
use std::path::Path;

use ironhand_api::{EventKind, SettingScope, SettingValue, Settings};

/// Set, the pages are written anew in place of being compared.
const RENEW: &str = "IRONHAND_RENEW";

fn check(page: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(page);
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(&path, wanted).expect("the page can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/reference/{page} is not what the code says; renew it with {RENEW}=1 cargo test -p ironhand --test reference"
    );
}

#[test]
fn settings_are_listed() {
    let mut page = "# Settings\n\n\
        How often, how long, how many. A setting holds where it is set nearest to a host: in `spec.settings` of the host, of its\n\
        cluster, of the cluster's zone, in the `Settings` manifest named `global`, and else by its default. Those of the server as a\n\
        whole stand in `global` alone. `ironhand settings` shows them as they hold, `ironhand settings --host NAME` for one host and\n\
        what sets each. Changes hold at once, without a restart; a value out of range is refused.\n\n\
        Times are written with units: `500ms`, `60s`, `8m`, `1h30m`.\n\n\
        | setting | default | range | where | what it means |\n| --- | --- | --- | --- | --- |\n"
        .to_owned();
    for definition in Settings::definitions() {
        let place = match definition.scope {
            SettingScope::Global => "global alone",
            SettingScope::Host => "global, zone, cluster, host",
        };
        let (name, default, description) = (definition.name, definition.default, definition.description);
        let (least, greatest) = (definition.least, definition.greatest);
        let range = SettingValue::range(least, greatest).unwrap_or_default();
        writeln!(page, "| `{name}` | {default} | {range} | {place} | {description} |").unwrap();
    }
    page.push_str("\nThis page is made by `crates/ironhand/tests/reference.rs`.\n");
    check("settings.md", &page);
}

#[test]
fn event_kinds_are_listed() {
    let mut page = "# Events\n\n\
        Everything that happens is one event in one order: `ironhand events`, `GET /api/v1/events` (server-sent events that resume\n\
        after `Last-Event-ID`), and notifiers, which name kinds by these codes; `alert.*` stands for all that begin so. As a\n\
        CloudEvent the type is `io.ironhand.` and the code.\n\n\
        | code | what happened |\n| --- | --- |\n"
        .to_owned();
    for kind in EventKind::ALL {
        writeln!(page, "| `{kind}` | {} |", kind.description()).unwrap();
    }
    page.push_str("\nThis page is made by `crates/ironhand/tests/reference.rs`.\n");
    check("events.md", &page);
}
