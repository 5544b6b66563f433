//! The pages of `docs/reference` say what the code says.

use std::fmt::Write;
use std::path::Path;

use ironhand_api::{EventKind, Kind, SettingScope, SettingValue, Settings, json_schema, parse_manifests};
use serde_json::{Value, json};

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

/// The pages of kinds that machines are booted by: the kind, what stands above its fields, what stands below them.
const KINDS: [(Kind, &str, &str); 3] = [
    (
        Kind::Network,
        "A network that machines boot from: who answers DHCP there, with what. [Guide](../guides/network-boot.md).\n\n\
         Texts of `options` may hold the [templates](profile.md#templates) of a Profile, but for those of files and media.\n",
        "",
    ),
    (
        Kind::Profile,
        "How machines are booted or installed. Exactly one of `kernel`, `script` and `chain` says what is booted; a\n\
         [Deployment](deployment.md) binds it to a host. [Guide](../guides/network-boot.md).\n",
        "\n## Templates\n\n\
         `commandLine`, `script` and the content of `files` are templates (minijinja) that are filled in when the machine asks:\n\
         `{{ ... }}` puts a value in place, `{% if ... %}` and `{% for ... %}` choose and repeat.\n\n\
         | value | |\n| --- | --- |\n\
         | `host.name`, `host.labels.KEY`, `host.cluster` | of the Host; for machines that are none the name is the hardware address with dashes |\n\
         | `host.macs`, `host.address`, `host.uuid`, `host.serial` | its hardware addresses, the address that is kept for it or that it has, its UUID, its serial number |\n\
         | `mac`, `bootif` | the hardware address that boots, as `52:54:00:12:34:56` and as `01-52-54-00-12-34-56` |\n\
         | `architecture` | its firmware, one of the words of `architectures` |\n\
         | `network.name`, `network.subnet`, `network.netmask`, `network.prefix`, `network.gateway`, `network.dns`, `network.domain`, `network.ntp` | of the Network |\n\
         | `server.address`, `server.url` | this server as the machine reaches it; the URL without a slash at its end |\n\
         | `profile`, `deployment` | the names |\n\
         | `media` | the URL of the media, without a slash at its end |\n\
         | `files['NAME']` | the URL of a file of the profile, with the token of the deployment in it |\n\n\
         A template that fails, or makes something that a loader would misread, lets the machine wait and ask again; `ironhand boot\n\
         explain` says what is wrong.\n",
    ),
    (
        Kind::Deployment,
        "A [Profile](profile.md) bound to a Host. A host has one at most. [Guide](../guides/network-boot.md).\n",
        "\n## Phases\n\n\
         `ironhand get deployments` shows how far each came. Applying another specification begins anew.\n\n\
         | phase | the next boot of the host |\n| --- | --- |\n\
         | `waiting` | the host has not asked yet: it boots the profile |\n\
         | `booting` | it has its script, and has not fetched everything: it boots the profile |\n\
         | `booted` | it has fetched everything: with `boot: once` it boots from its disk, with `always` the profile |\n\
         | `stopped` | it asked six times without fetching what it boots: it waits until the Deployment is applied again or deleted |\n\n\
         That everything was fetched is seen where the last file that is booted lies in media of this server. What lies elsewhere,\n\
         and scripts of one's own, count as booted when they are handed out.\n",
    ),
];

#[test]
fn kinds_that_machines_are_booted_by_have_pages() {
    for (kind, above, below) in KINDS {
        let name = kind.to_string().to_lowercase();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/examples/{name}.yaml"));
        let example = std::fs::read_to_string(example).expect("each has an example");
        let schema = json_schema(Some(kind));
        let mut page = format!("# {kind}\n\n{above}\n");
        let mut pending = vec![format!("{kind}Spec")];
        let mut written = Vec::new();
        while let Some(definition) = pending.pop() {
            if written.contains(&definition) {
                continue;
            }
            fields(&mut page, &schema["$defs"], &definition, written.is_empty(), &mut pending);
            written.push(definition);
        }
        page.push_str(below);
        write!(page, "\n## Examples\n\n```yaml\n{example}```\n").unwrap();
        page.push_str("\nThis page is made by `crates/ironhand/tests/reference.rs`.\n");
        check(&format!("{name}.md"), &page);
    }
}

/// The table of the fields of one definition of a schema; those that it refers to are added to `pending`.
fn fields(page: &mut String, definitions: &Value, name: &str, is_spec: bool, pending: &mut Vec<String>) {
    let definition = &definitions[name];
    if is_spec {
        page.push_str("`ironhand schema ");
        writeln!(page, "{}` prints the same for editors.\n", name.trim_end_matches("Spec").to_lowercase())
            .expect("a text takes all");
        page.push_str("| field of `spec` | default | |\n| --- | --- | --- |\n");
    } else {
        writeln!(page, "\n## {name}\n\n{}\n", one_line(definition)).expect("a text takes all");
        page.push_str("| field | default | |\n| --- | --- | --- |\n");
    }
    let required = definition["required"].as_array().cloned().unwrap_or_default();
    let all = definition["properties"].as_object().expect("a definition with fields");
    let (must, may): (Vec<_>, Vec<_>) = all.iter().partition(|(field, _)| required.contains(&json!(field)));
    for (field, about) in must.iter().chain(&may) {
        let default = match &about["default"] {
            _ if required.contains(&json!(field)) => "must be given".to_owned(),
            Value::Null => String::new(),
            Value::String(word) => format!("`{word}`"),
            Value::Array(words) => {
                let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
                format!("`[{}]`", words.join(", "))
            }
            other => format!("`{other}`"),
        };
        let mut text = one_line(about);
        if let Some(to) = referred(about) {
            let target = &definitions[&to];
            if target["properties"].is_object() {
                write!(text, " [{to}](#{})", to.to_lowercase()).expect("a text takes all");
                pending.push(to);
            } else {
                text.push_str(&words(target));
            }
        }
        writeln!(page, "| `{field}` | {default} | {text} |").expect("a text takes all");
    }
}

/// The definition that a field refers to, or that its items do.
fn referred(about: &Value) -> Option<String> {
    let of = |value: &Value| value["$ref"].as_str()?.strip_prefix("#/$defs/").map(str::to_owned);
    let choices = about["anyOf"].as_array().cloned().unwrap_or_default();
    of(about).or_else(|| of(&about["items"])).or_else(|| choices.iter().find_map(of))
}

/// The words that a field may have, each with what it means; nothing where it is free.
fn words(definition: &Value) -> String {
    let choices = definition["oneOf"].as_array().cloned().unwrap_or_default();
    let told = choices.iter().filter_map(|choice| {
        let meaning = one_line(choice);
        let meaning = meaning.trim_end_matches('.');
        Some(format!("`{}`: {meaning}", choice["const"].as_str()?))
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() { String::new() } else { format!("<br>{}", told.join("<br>")) }
}

fn one_line(about: &Value) -> String {
    about["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|")
}

/// Manifests in the guide and the examples are what the server would take.
#[test]
fn manifests_in_the_documentation_are_valid() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let guide = "guides/network-boot.md";
    let text = std::fs::read_to_string(docs.join(guide)).expect("the guide");
    let mut found = text
        .split("```yaml\n")
        .skip(1)
        .map(|rest| (guide.to_owned(), rest.split("```").next().unwrap_or_default().to_owned()))
        .collect::<Vec<_>>();
    for entry in std::fs::read_dir(docs.join("examples")).expect("the examples") {
        let path = entry.expect("an example").path();
        found.push((path.display().to_string(), std::fs::read_to_string(&path).expect("an example")));
    }
    assert!(found.len() > 3);
    for (place, manifests) in found {
        match parse_manifests(&place, &manifests) {
            Ok(read) => assert!(!read.is_empty(), "{place} holds no manifest:\n{manifests}"),
            Err(faults) => panic!("{faults:?}\n{manifests}"),
        }
    }
}
