//! Templates of subjects and texts (minijinja), over `event` and `host`.

use std::collections::BTreeMap;

use ironhand_api::{Event, Name};
use minijinja::{Environment, Value, context};

use super::letter::word;
use crate::template::{AnyName, TemplateError, environment, render};

/// The fields of an event, as templates name them.
const EVENT_FIELDS: [&str; 10] =
    ["id", "at", "kind", "severity", "host", "incident", "run", "job", "alert", "message"];

/// The host of an event, as templates see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostShown {
    pub(super) name: Name,
    pub(super) labels: BTreeMap<String, String>,
}

/// A template, compiled.
pub(super) struct Template {
    /// The field that it is of, which is its name in errors.
    field: &'static str,
    environment: Environment<'static>,
}

impl Template {
    /// Compiles the template that stands in `field`.
    pub(super) fn new(field: &'static str, text: &str) -> Result<Self, TemplateError> {
        let mut environment = environment();
        let added = environment.add_template_owned(field, text.to_owned());
        added.map_err(|source| TemplateError::new(field, &source))?;
        Ok(Self { field, environment })
    }

    /// What in it cannot be: names that mean nothing here, filters that do not exist.
    pub(super) fn faults(&self) -> Vec<String> {
        let template = match self.environment.get_template(self.field) {
            Ok(template) => template,
            Err(error) => return vec![TemplateError::new(self.field, &error).to_string()],
        };
        let mut strangers: Vec<String> = template
            .undeclared_variables(true)
            .into_iter()
            .filter(|name| !is_known(name) && self.environment.globals().all(|(global, _)| global != name))
            .map(|name| {
                let fields = EVENT_FIELDS.join(", event.");
                format!(
                    "`{}`: `{name}` means nothing here; there are event.{fields}, host.name and host.labels",
                    self.field
                )
            })
            .collect();
        strangers.sort();
        if strangers.is_empty() {
            // Names are in order; what is left shows only when it is used.
            strangers.extend(self.render_value(sample()).err().map(|error| error.to_string()));
        }
        strangers
    }

    /// The text for an event.
    pub(super) fn render(&self, event: &Event, host: Option<&HostShown>) -> Result<String, TemplateError> {
        let host = host.map(|host| {
            let labels = host.labels.iter().map(|(key, value)| (key.as_str(), Value::from(value.as_str())));
            context! { name => host.name.as_str(), labels => Value::from_pairs(labels) }
        });
        self.render_value(context! { event => shown(event), host => host })
    }

    fn render_value(&self, context: Value) -> Result<String, TemplateError> {
        render(&self.environment, self.field, context)
    }
}

/// Whether a name, like `event.message`, means something in every template.
fn is_known(name: &str) -> bool {
    let mut parts = name.split('.');
    match (parts.next(), parts.next()) {
        (Some("event"), None) | (Some("host"), None | Some("name" | "labels")) => true,
        (Some("event"), Some(field)) => EVENT_FIELDS.contains(&field),
        _ => false,
    }
}

/// An event with every field there: one that has nothing to say is none.
fn shown(event: &Event) -> Value {
    context! {
        id => event.id,
        at => event.at.to_string(),
        kind => event.kind.code(),
        severity => word(event.severity),
        host => event.host.as_ref().map(Name::as_str),
        incident => event.incident,
        run => event.run,
        job => event.job,
        alert => event.alert,
        message => event.message.as_str(),
    }
}

/// An event and a host that have everything, to try a template on.
fn sample() -> Value {
    let host = context! { name => "rack7-12", labels => Value::from_object(AnyName("value")) };
    let event = context! {
        id => 1, at => "2026-03-01T02:14:07.120Z", kind => "alert.opened", severity => "critical",
        host => "rack7-12", incident => 1, run => 1, job => 1, alert => 1, message => "power is on",
    };
    context! { event, host }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ironhand_api::{EventKind, Severity, Timestamp};

    fn event() -> Event {
        Event {
            id: 7,
            at: Timestamp::from_millis(1_772_331_247_120),
            kind: EventKind::AlertOpened,
            severity: Severity::Critical,
            host: Some("rack7-12".parse().unwrap()),
            incident: None,
            run: None,
            job: None,
            alert: Some(3),
            message: "no \"contact\"".to_owned(),
        }
    }

    fn host() -> HostShown {
        let labels = BTreeMap::from([("rack".to_owned(), "7".to_owned())]);
        HostShown { name: "rack7-12".parse().unwrap(), labels }
    }

    #[test]
    fn templates_give_texts() {
        let check = |text: &str, wanted: &str| {
            let template = Template::new("body", text).unwrap();
            assert_eq!(template.faults(), Vec::<String>::new(), "{text}");
            assert_eq!(template.render(&event(), Some(&host())).unwrap(), wanted, "{text}");
        };
        check("plain", "plain");
        check("{{ event.id }} {{ event.kind }} {{ event.severity }}", "7 alert.opened critical");
        check("{{ event.at }} {{ event.alert }}", "2026-03-01T02:14:07.120Z 3");
        check("{{ host.name }}/{{ host.labels.rack }}", "rack7-12/7");
        check("{{ host.labels.room | default('?') }}", "?");
        check("{% if event.incident %}incident{% else %}none{% endif %}", "none");
        check(r#"{"text": {{ event.message | tojson }}}"#, r#"{"text": "no \"contact\""}"#);
        check("{{ event.message }} <b>", "no \"contact\" <b>");
        check("{% set it = event.message %}{{ it | upper }}", "NO \"CONTACT\"");
        check("{% for n in range(3) %}{{ n }}{% endfor %}", "012");
    }

    #[test]
    fn templates_that_cannot_be_are_found_when_they_are_applied() {
        let check = |text: &str, wanted: &str| {
            let message = match Template::new("subject", text) {
                Ok(template) => template.faults().join("; "),
                Err(error) => error.to_string(),
            };
            assert!(message.contains("`subject`: ") && message.contains(wanted), "{text}: {message}");
        };
        check("{{ event.message", "syntax error");
        check("{% if %}", "syntax error");
        check("\n{% endfor %}", "in line 2");
        check("{{ evnt.message }}", "`evnt.message` means nothing here");
        check("{{ event.mesage }}", "`event.mesage` means nothing here");
        check("{{ host.address }}", "`host.address` means nothing here");
        check("{{ event.message | shout }}", "unknown filter");
        check("{{ event.message is loud }}", "unknown test");
        check("{{ include('/etc/passwd') }}", "include");
        check("{% include '/etc/passwd' %}", "unknown statement");
        check("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "fuel");
        check("{% for a in range(9000) %}0123456789012345678901234567890123456789{% endfor %}", "write");
    }

    #[test]
    fn a_label_that_is_missing_is_an_error_and_no_empty_text() {
        let template = Template::new("body", "{{ host.labels.room }}").unwrap();
        assert_eq!(template.faults(), Vec::<String>::new());
        let error = template.render(&event(), Some(&host())).unwrap_err().to_string();
        assert!(error.contains("undefined"), "{error}");
        assert!(template.render(&event(), None).is_err());
    }
}
