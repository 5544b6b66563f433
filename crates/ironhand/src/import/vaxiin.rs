//! Manifests of Vaxiin: credentials, devices, actions and rules, an object in each file, told apart by their fields.

mod action;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ironhand_api::{API_VERSION, Name};
use ironhand_console::Pattern;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Imported, picture};
use action::{Around, Login, steps_of};

/// The literal that stands for the credential that counts where a device names none.
const DEFAULT: &str = "default";

#[derive(Deserialize)]
struct Cred {
    name: String,
    username: String,
    password: String,
    #[serde(default)]
    is_default: bool,
}

#[derive(Deserialize)]
struct Device {
    uid: String,
    ipmi_ip: String,
    #[serde(default)]
    model: String,
    creds_name: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
pub(super) struct Action {
    name: String,
    action_type: String,
    #[serde(default)]
    action_data: Value,
}

#[derive(Deserialize)]
struct Rule {
    name: String,
    regex: String,
    #[serde(default)]
    actions: Vec<String>,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default = "yes")]
    ignore_case: bool,
    before_rule: Option<String>,
    after_rule: Option<String>,
    screenshot: Option<String>,
}

const fn yes() -> bool {
    true
}

/// Everything that was read.
#[derive(Default)]
struct Read {
    creds: Vec<Cred>,
    devices: Vec<Device>,
    actions: BTreeMap<String, Action>,
    rules: Vec<Rule>,
    states: usize,
}

/// What becomes of the objects of files.
pub(super) fn import(objects: Vec<(PathBuf, Value)>) -> Imported {
    let mut imported = Imported::default();
    let mut read = Read::default();
    for (path, object) in objects {
        if let Err(reason) = read.take(object) {
            imported.left.push(format!("{}: {reason}", path.display()));
        }
    }
    if read.states > 0 {
        imported.notes.push(format!("{} states: what was seen there is no manifest here", read.states));
    }
    let names = read.credentials(&mut imported);
    read.hosts(&names, &mut imported);
    read.flows(&names, &mut imported);
    imported
}

impl Read {
    fn take(&mut self, object: Value) -> Result<(), String> {
        let has = |field: &str| object.get(field).is_some();
        let wrong = |error: serde_json::Error| error.to_string();
        if has("regex") {
            self.rules.push(serde_json::from_value(object).map_err(wrong)?);
        } else if has("action_type") {
            let action: Action = serde_json::from_value(object).map_err(wrong)?;
            self.actions.insert(action.name.clone(), action);
        } else if has("ipmi_ip") {
            self.devices.push(serde_json::from_value(object).map_err(wrong)?);
        } else if has("username") {
            self.creds.push(serde_json::from_value(object).map_err(wrong)?);
        } else if has("device_uid") {
            self.states += 1;
        } else {
            return Err("no credential, device, action, rule or state of Vaxiin is in it".to_owned());
        }
        Ok(())
    }

    /// The credentials, by the names that they had.
    fn credentials(&self, imported: &mut Imported) -> BTreeMap<String, Login> {
        let mut used = BTreeSet::new();
        let mut logins = BTreeMap::new();
        for cred in &self.creds {
            let name = named(&cred.name, &mut used);
            imported.credentials.push(json!({
                "apiVersion": API_VERSION,
                "kind": "Credential",
                "metadata": { "name": name },
                "spec": { "username": cred.username, "password": { "fromFile": format!("secrets/{name}") } },
            }));
            imported.secrets.push((name.to_string(), cred.password.as_str().into()));
            logins.insert(cred.name.clone(), Login { name, username: cred.username.clone() });
        }
        // The first one that was made is the default where none says so.
        let default = self.creds.iter().find(|cred| cred.is_default).or(self.creds.first());
        if let Some(login) = default.and_then(|cred| logins.get(&cred.name)).cloned() {
            logins.entry(DEFAULT.to_owned()).or_insert(login);
        }
        logins
    }

    fn hosts(&self, logins: &BTreeMap<String, Login>, imported: &mut Imported) {
        let mut used = BTreeSet::new();
        for device in &self.devices {
            let name = named(&device.uid, &mut used);
            if name.as_str() != device.uid {
                imported
                    .notes
                    .push(format!("device `{}` is Host {name}: names are written so here", device.uid));
            }
            let wanted = device.creds_name.as_deref().unwrap_or(DEFAULT);
            let login = logins.get(wanted);
            if login.is_none() {
                imported.left.push(format!("device `{}`: there is no credential `{wanted}`", device.uid));
            }
            let mut labels = Map::new();
            if !device.model.is_empty() {
                labels.insert("model".to_owned(), json!(device.model));
            }
            for (key, value) in &device.metadata {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                labels.insert(label(key), json!(text));
            }
            let (connectors, types) = connectors(&device.model, &device.ipmi_ip);
            if !types {
                imported.notes.push(format!(
                    "Host {name}: nothing that types on a `{}` is known without a browser; add a connector with a keyboard (docs/guides/connectors.md)",
                    device.model
                ));
            }
            imported.hosts.push(json!({
                "apiVersion": API_VERSION,
                "kind": "Host",
                "metadata": { "name": name, "labels": labels },
                "spec": { "credentials": login.iter().map(|login| &login.name).collect::<Vec<_>>(), "connectors": connectors },
            }));
        }
    }

    fn flows(&self, logins: &BTreeMap<String, Login>, imported: &mut Imported) {
        let rules = self.in_order(imported);
        let own = self.only_login(logins);
        let around = Around { logins, own: own.as_ref() };
        let mut used = BTreeSet::new();
        for (index, rule) in rules.iter().enumerate() {
            let name = named(&rule.name, &mut used);
            let flow = self.flow(&name, rule, (rules.len() - index) * 10, &around, imported);
            match flow {
                Ok(flow) => imported.flows.push(flow),
                Err(reason) => imported.left.push(format!("rule `{}`: {reason}", rule.name)),
            }
        }
        if !imported.flows.is_empty() {
            imported.notes.push(
                "`verify` of each flow only says that its screen is gone, as Vaxiin proves nothing: write what a host shows that is well"
                    .to_owned(),
            );
        }
    }

    /// The login of all devices, where it is one.
    fn only_login(&self, logins: &BTreeMap<String, Login>) -> Option<Login> {
        let named = |device: &Device| device.creds_name.clone().unwrap_or_else(|| DEFAULT.to_owned());
        let mut all = self.devices.iter().map(|device| logins.get(&named(device)));
        let first = all.next().unwrap_or_else(|| logins.get(DEFAULT))?;
        all.all(|other| other.is_some_and(|other| other.name == first.name)).then(|| first.clone())
    }

    fn flow(
        &self,
        name: &Name,
        rule: &Rule,
        priority: usize,
        around: &Around<'_>,
        imported: &mut Imported,
    ) -> Result<Value, String> {
        let pattern = pattern(rule)?;
        let mut steps = Vec::new();
        for action in &rule.actions {
            let found = self.actions.get(action).ok_or_else(|| format!("there is no action `{action}`"))?;
            steps.extend(steps_of(found, around).map_err(|reason| format!("action `{action}`: {reason}"))?);
        }
        if steps.is_empty() {
            return Err("it does nothing that a flow could do".to_owned());
        }
        let mut spec = json!({
            "when": { "screen": pattern },
            "priority": priority,
            "do": steps,
            "verify": { "not": { "screen": pattern }, "timeout": "15m" },
            "limits": { "attempts": 2, "cooldown": "1h" },
        });
        if !rule.enabled {
            spec["dryRun"] = json!(true);
            imported
                .notes
                .push(format!("rule `{}` was disabled: its flow only tells what it would do", rule.name));
        }
        if let Some(bytes) = rule.screenshot.as_deref().and_then(picture) {
            spec["examples"] = json!([{ "picture": format!("{name}.png"), "matches": true }]);
            imported.pictures.push((name.to_string(), bytes));
        }
        Ok(json!({
            "apiVersion": API_VERSION, "kind": "Flow", "metadata": { "name": name }, "spec": spec,
        }))
    }

    /// The rules in their order: as the files come, and where one says before or behind which, there.
    fn in_order(&self, imported: &mut Imported) -> Vec<&Rule> {
        let mut order: Vec<&Rule> = Vec::new();
        let mut later: Vec<&Rule> = Vec::new();
        for rule in &self.rules {
            if rule.before_rule.is_some() || rule.after_rule.is_some() { &mut later } else { &mut order }
                .push(rule);
        }
        while !later.is_empty() {
            let before = later.len();
            later.retain(|rule| {
                let place =
                    |name: &Option<String>| order.iter().position(|other| Some(&other.name) == name.as_ref());
                let at = place(&rule.before_rule).or_else(|| Some(place(&rule.after_rule)? + 1));
                if let Some(at) = at {
                    order.insert(at, rule);
                }
                at.is_none()
            });
            if later.len() == before {
                for rule in later.drain(..) {
                    imported.notes.push(format!(
                        "rule `{}` stands last: the one that it names is not there",
                        rule.name
                    ));
                    order.push(rule);
                }
            }
        }
        order
    }
}

/// The pattern of a rule. Vaxiin's `^` and `$` stand at the ends of the whole text, and its patterns are those of Python.
fn pattern(rule: &Rule) -> Result<String, String> {
    let mut flags = String::new();
    if rule.regex.contains(['^', '$']) {
        flags.push_str("(?-m)");
    }
    if !rule.ignore_case {
        flags.push_str("(?-i)");
    }
    let pattern = format!("{flags}{}", rule.regex);
    Pattern::new(&pattern).map_err(|error| format!("its pattern cannot be used here: {error}"))?;
    Ok(pattern)
}

/// The connectors of a device, and whether one of them types.
fn connectors(model: &str, address: &str) -> (Vec<Value>, bool) {
    let redfish = json!({ "type": "redfish", "address": address });
    let ipmi = json!({ "type": "ipmi", "address": address });
    let preview = |vendor: &str| json!({ "type": "preview", "address": address, "vendor": vendor });
    match model {
        // Its VNC server has a password of its own, which Vaxiin knows nothing of.
        "idrac9" => (vec![redfish, ipmi, preview("idrac9")], false),
        "ilo4" | "ilo5" => (vec![redfish, ipmi, preview("ilo")], false),
        "xcc" => (vec![redfish, ipmi, preview("xcc")], false),
        "x10" => (vec![ipmi, json!({ "type": "kvm", "address": address, "protocol": "aten" })], true),
        _ => (vec![ipmi], false),
    }
}

/// A name as names are written here, which no other has.
fn named(text: &str, used: &mut BTreeSet<Name>) -> Name {
    let mut written = String::new();
    for c in text.to_ascii_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            written.push(c);
        } else if !written.is_empty() && !written.ends_with('-') {
            written.push('-');
        }
    }
    written.truncate(50);
    let stem = match written.trim_end_matches('-') {
        "" => "unnamed",
        stem => stem,
    };
    let mut number = 1;
    loop {
        let text = if number == 1 { stem.to_owned() } else { format!("{stem}-{number}") };
        // Letters, digits and single hyphens are a name: only that it is taken makes it another one.
        if let Ok(name) = text.parse::<Name>()
            && used.insert(name.clone())
        {
            return name;
        }
        number += 1;
    }
}

/// The key of a label for a key of metadata.
fn label(key: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    key.chars().map(plain).collect::<String>().trim_matches(['-', '_', '.']).to_owned()
}

#[cfg(test)]
mod tests;
