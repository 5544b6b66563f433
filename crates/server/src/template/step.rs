//! Templates in the steps of flows, over `host`, `match`, `flow`, `run`, `incident` and `captures`.
//!
//! A text is a template where it holds `{{`; any other is left exactly as it is. Secrets are no part of a template: they
//! are put in place when the step is done, by the names that the flow itself says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use ironhand_api::{Flow, Host, HostHardware, HttpBody, Incident, Name, Notify, Run, Step, TextOrSecret};
use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, context};
use serde_json::Value as Json;

use super::{AnyName, TemplateError, environment, render};
use crate::console::keys_of_flow;
use crate::outreach::percent_encoded;

/// What makes a text a template.
const MARK: &str = "{{";

/// Characters that stand for values in keys until those are put in place: of a plane for private use (Unicode 23.5).
const FIRST_STAND_IN: u32 = 0xF_0000;

/// Values in one text of keys.
const MOST_VALUES: usize = 1000;

/// How values are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As they are.
    Plain,
    /// As a part of a URL, unless they are marked as safe.
    Url,
    /// So that they type themselves and press nothing.
    Keys,
    /// As one word of a shell, unless they are marked as safe.
    Shell,
}

/// What templates see of a run.
pub(crate) struct Scope<'s> {
    /// The host.
    pub(crate) host: &'s Host,
    /// The zone that it stands in.
    pub(crate) zone: Option<&'s Name>,
    /// What was read of its hardware.
    pub(crate) hardware: Option<&'s HostHardware>,
}

impl Scope<'_> {
    fn value(&self, run: &Run, incident: &Incident) -> Value {
        let Self { host, zone, hardware } = self;
        let names = |pairs: &BTreeMap<String, String>| {
            Value::from_pairs(pairs.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))))
        };
        let addresses: Vec<&str> =
            host.spec.connectors.iter().map(|connector| connector.address.as_str()).collect();
        let macs: Vec<String> = host.spec.macs.iter().map(ToString::to_string).collect();
        // Empty where it was not read yet: a step does not fail for that.
        let of_hardware = |part: fn(&HostHardware) -> Option<&str>| {
            Value::from(hardware.and_then(part).unwrap_or_default())
        };
        let mut shown = BTreeMap::from([
            ("name", Value::from(host.metadata.name.as_str())),
            ("labels", names(&host.metadata.labels)),
            ("addresses", Value::from_iter(addresses)),
            ("macs", Value::from_iter(macs)),
            ("vendor", of_hardware(|hardware| hardware.vendor.as_deref())),
            ("model", of_hardware(|hardware| hardware.model.as_deref())),
        ]);
        shown.extend(host.spec.cluster.as_ref().map(|cluster| ("cluster", Value::from(cluster.as_str()))));
        shown.extend(zone.map(|zone| ("zone", Value::from(zone.as_str()))));
        let captures = run.steps.iter().flat_map(|step| step.captured.clone()).collect();
        Value::from_pairs([
            ("host", Value::from_pairs(shown)),
            ("match", names(&run.matched.captures)),
            ("captures", names(&captures)),
            ("flow", context! { name => run.flow.as_str() }),
            ("run", context! { id => run.id, attempt => run.attempt, reason => run.reason.as_str() }),
            ("incident", context! { id => incident.id, cause => incident.cause.as_str() }),
        ])
    }
}

/// A host, a run and an incident that have everything, to try a template on.
fn sample() -> Value {
    let host = context! {
        name => "rack7-12", cluster => "web", zone => "ams", labels => Value::from_object(AnyName("1")),
        macs => ["52:54:00:12:34:56"; 4], addresses => ["10.0.7.12"; 4], vendor => "Dell Inc.", model => "R640",
    };
    Value::from_pairs([
        ("host", host),
        ("match", Value::from_object(AnyName("1"))),
        ("captures", Value::from_object(AnyName("1"))),
        ("flow", context! { name => "fsck" }),
        ("run", context! { id => 1, attempt => 1, reason => "the host was not proven well" }),
        ("incident", context! { id => 1, cause => "the screen shows `panic`" }),
    ])
}

/// A step with its templates filled in; nothing where it has none.
pub(crate) fn fill(
    step: &Step,
    scope: &Scope<'_>,
    run: &Run,
    incident: &Incident,
) -> Result<Option<Step>, String> {
    let mut filled = step.clone();
    let mut value = None;
    let mut is_template = false;
    each_text(&mut filled, &mut |field, form, text| {
        if text.contains(MARK) {
            is_template = true;
            let value = value.get_or_insert_with(|| scope.value(run, incident));
            *text = rendered(field, form, text, value.clone()).map_err(|error| error.to_string())?;
        }
        Ok(())
    })?;
    Ok(is_template.then_some(filled))
}

/// What in the templates of a flow cannot be, each fault with its place.
pub(crate) fn faults(flow: &Flow) -> Vec<String> {
    let mut faults = Vec::new();
    let mut known = Known::of(flow);
    let mut visit = |place: &str, step: &Step| {
        let mut tried = step.clone();
        // The visitor itself never fails.
        let _ = each_text(&mut tried, &mut |field, form, text| {
            if text.contains(MARK) {
                faults.extend(fault(field, form, text, &known).map(|fault| format!("{place}.{fault}")));
            }
            Ok(())
        });
        match step {
            Step::Http(request) => known.captures.extend(request.capture.keys().cloned()),
            Step::Ssh(command) => known.captures.extend(groups(command.expect.output.as_deref())),
            // What the other flow captures is known when both are put together.
            Step::Call(_) => known.any_capture = true,
            _ => {}
        }
    };
    Step::walk(&flow.spec.steps, "spec.do", &mut visit);
    Step::walk(&flow.spec.on_failure, "spec.onFailure", &mut visit);
    faults
}

/// The named groups of a pattern. One that is no pattern is told of as such.
fn groups(pattern: Option<&str>) -> Vec<String> {
    let pattern = pattern.and_then(|pattern| regex::Regex::new(pattern).ok());
    let names =
        pattern.as_ref().map(|pattern| pattern.capture_names().flatten().map(str::to_owned).collect());
    names.unwrap_or_default()
}

/// A text as one word of a POSIX shell (POSIX.1-2017, XCU 2.2.2): in single quotes, in which nothing means anything.
fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The names that mean something in a flow.
struct Known {
    /// The named groups of the patterns of `when`.
    groups: BTreeSet<String>,
    /// What the steps before capture.
    captures: BTreeSet<String>,
    any_capture: bool,
}

impl Known {
    fn of(flow: &Flow) -> Self {
        let mut groups = BTreeSet::new();
        flow.spec.when.condition.each_pattern("", &mut |_, pattern| {
            // One that is no pattern is told of as such.
            if let Ok(pattern) = regex::Regex::new(pattern.source()) {
                groups.extend(pattern.capture_names().flatten().map(str::to_owned));
            }
        });
        Self { groups, captures: BTreeSet::new(), any_capture: false }
    }

    /// Whether a name like `host.name` means something.
    fn has(&self, name: &str) -> bool {
        let mut parts = name.split('.');
        let (first, second) = (parts.next().unwrap_or_default(), parts.next());
        let of = |names: &[&str]| second.is_none_or(|second| names.contains(&second));
        match first {
            "host" => of(&["name", "cluster", "zone", "labels", "macs", "addresses", "vendor", "model"]),
            "flow" => of(&["name"]),
            "run" => of(&["id", "attempt", "reason"]),
            "incident" => of(&["id", "cause"]),
            "match" => second.is_none_or(|group| self.groups.contains(group)),
            "captures" => second.is_none_or(|name| self.any_capture || self.captures.contains(name)),
            _ => false,
        }
    }

    /// What there is, for who wrote something else.
    fn told(&self) -> String {
        let mut told =
            "host.name, host.cluster, host.zone, host.labels, host.macs, host.addresses, host.vendor, \
                        host.model, flow.name, run.id, run.attempt, run.reason, incident.id, incident.cause"
                .to_owned();
        for (of, names) in [("match", &self.groups), ("captures", &self.captures)] {
            for name in names {
                // Writing to a string does not fail.
                let _ = write!(told, ", {of}.{name}");
            }
        }
        told
    }
}

fn fault(field: &str, form: Form, text: &str, known: &Known) -> Option<String> {
    let mut environment = environment();
    if let Err(error) = environment.add_template_owned(field.to_owned(), text.to_owned()) {
        return Some(TemplateError::new(field, &error).to_string());
    }
    let template = environment.get_template(field).ok()?;
    let mut strangers: Vec<String> = template
        .undeclared_variables(true)
        .into_iter()
        .filter(|name| !known.has(name) && environment.globals().all(|(global, _)| global != name))
        .collect();
    strangers.sort();
    if let Some(name) = strangers.first() {
        return Some(format!("`{field}`: `{name}` means nothing here; there are {}", known.told()));
    }
    // Names are in order; what is left shows only when it is used.
    rendered(field, form, text, sample()).err().map(|error| error.to_string())
}

fn rendered(field: &str, form: Form, text: &str, context: Value) -> Result<String, TemplateError> {
    let mut environment = environment();
    let values = Arc::new(Mutex::new(Vec::new()));
    match form {
        Form::Plain => {}
        Form::Url => environment.set_formatter(|out, _, value| {
            let text = value.to_string();
            let text = if value.is_safe() { text } else { percent_encoded(&text) };
            Ok(out.write_str(&text)?)
        }),
        Form::Shell => environment.set_formatter(|out, _, value| {
            let text = value.to_string();
            let text = if value.is_safe() { text } else { shell_word(&text) };
            Ok(out.write_str(&text)?)
        }),
        Form::Keys => stand_in(&mut environment, Arc::clone(&values)),
    }
    let added = environment.add_template_owned(field.to_owned(), text.to_owned());
    added.map_err(|error| TemplateError::new(field, &error))?;
    let written = render(&environment, field, context)?;
    if form != Form::Keys {
        return Ok(written);
    }
    let values = std::mem::take(&mut *values.lock().unwrap_or_else(PoisonError::into_inner));
    in_keys(&written, &values)
        .map_err(|reason| TemplateError::new(field, &Error::new(ErrorKind::InvalidOperation, reason)))
}

/// Writes a character in the place of each value, so that no value can be read as the name of a key, whatever stands
/// around it.
fn stand_in(environment: &mut Environment<'static>, values: Arc<Mutex<Vec<String>>>) {
    environment.set_formatter(move |out, _, value| {
        let mut values = values.lock().unwrap_or_else(PoisonError::into_inner);
        let place = u32::try_from(values.len()).ok().filter(|_| values.len() < MOST_VALUES);
        let place = place.and_then(|place| char::from_u32(FIRST_STAND_IN + place));
        let place =
            place.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "there are too many values"))?;
        values.push(value.to_string());
        Ok(out.write_char(place)?)
    });
}

/// Puts the values in place, where they may stand.
fn in_keys(written: &str, values: &[String]) -> Result<String, String> {
    let stands_for = |c: char| {
        let place = u32::from(c).checked_sub(FIRST_STAND_IN).and_then(|place| usize::try_from(place).ok())?;
        values.get(place)
    };
    let mut keys = String::with_capacity(written.len());
    let mut is_in_name = false;
    let mut characters = written.chars().peekable();
    while let Some(c) = characters.next() {
        if let Some(value) = stands_for(c) {
            if is_in_name {
                return Err("a value cannot be a part of the name of a key or a secret".to_owned());
            }
            if value.chars().any(char::is_control) {
                return Err("a value has characters that press keys, like a line break".to_owned());
            }
            keys.push_str(&value.replace('<', "<<"));
            continue;
        }
        keys.push(c);
        match c {
            '<' if !is_in_name && characters.peek() == Some(&'<') => {
                keys.extend(characters.next());
            }
            '<' => is_in_name = true,
            '>' => is_in_name = false,
            _ => {}
        }
    }
    keys_of_flow(&keys)?;
    Ok(keys)
}

/// Calls `visit` with each text of a step that may be a template, and its field.
fn each_text(
    step: &mut Step,
    visit: &mut dyn FnMut(&str, Form, &mut String) -> Result<(), String>,
) -> Result<(), String> {
    match step {
        Step::Keys(keys) => visit("keys", Form::Keys, keys),
        Step::Serial(serial) => visit("serial", Form::Keys, serial.send_mut()),
        Step::Snapshot(Some(note)) => visit("snapshot", Form::Plain, note),
        Step::Approve(approve) => visit("approve.ask", Form::Plain, &mut approve.ask),
        Step::Notify(Notify::Text { text, .. }) => visit("notify.text", Form::Plain, text),
        Step::Ssh(command) => {
            if let Some(address) = &mut command.address {
                visit("ssh.address", Form::Plain, address)?;
            }
            visit("ssh.run", Form::Shell, &mut command.run)?;
            match &mut command.input {
                Some(TextOrSecret::Plain(text)) => visit("ssh.input", Form::Plain, text),
                _ => Ok(()),
            }
        }
        Step::Http(request) => {
            if let TextOrSecret::Plain(url) = &mut request.url {
                visit("http.url", Form::Url, url)?;
            }
            for (name, value) in &mut request.headers {
                if let TextOrSecret::Plain(text) = value {
                    visit(&format!("http.headers.{name}"), Form::Plain, text)?;
                }
            }
            match &mut request.body {
                Some(HttpBody::Text(text)) => visit("http.body", Form::Plain, text),
                Some(HttpBody::Json(json)) => each_leaf(json, "http.body", visit),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// The texts of a JSON value, but not the names of secrets.
fn each_leaf(
    json: &mut Json,
    field: &str,
    visit: &mut dyn FnMut(&str, Form, &mut String) -> Result<(), String>,
) -> Result<(), String> {
    match json {
        Json::String(text) => visit(field, Form::Plain, text),
        Json::Array(items) => items
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, item)| each_leaf(item, &format!("{field}[{index}]"), visit)),
        Json::Object(fields) if fields.len() == 1 && fields.contains_key("secret") => Ok(()),
        Json::Object(fields) => fields
            .iter_mut()
            .try_for_each(|(name, value)| each_leaf(value, &format!("{field}.{name}"), visit)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
