//! What is told at one time, in the forms that receivers take.

use std::fmt::Write as _;

use ironhand_api::{CloudEvent, Event, Name, NotifierSpec, Severity};

use super::error::NotifyError;
use super::template::{HostShown, Template};
use crate::template::TemplateError;

/// The longest subject of a mail, in characters: one line in most mail programs.
const SUBJECT: usize = 160;

/// An event, and its host where templates or labels ask for it.
pub(super) struct Told {
    pub(super) event: Event,
    pub(super) host: Option<HostShown>,
}

/// What is told at one time: several events in a mail, else one. Never empty.
pub(super) struct Letter<'a> {
    /// Stays the same however often it is sent.
    pub(super) id: String,
    pub(super) told: &'a [Told],
}

/// How letters are written for one notifier.
pub(super) struct Pen {
    /// What CloudEvents call this server.
    source: String,
    subject: Option<Template>,
    body: Option<Template>,
}

impl Pen {
    pub(super) fn new(source: &str, spec: &NotifierSpec) -> Result<Self, TemplateError> {
        let template =
            |field, text: &Option<String>| text.as_deref().map(|text| Template::new(field, text)).transpose();
        Ok(Self {
            source: source.to_owned(),
            subject: template("subject", &spec.subject)?,
            body: template("body", &spec.body)?,
        })
    }

    /// What cannot be in the templates.
    pub(super) fn faults(&self) -> Vec<String> {
        self.subject.iter().chain(&self.body).flat_map(Template::faults).collect()
    }

    /// Whether hosts are asked for.
    pub(super) const fn has_templates(&self) -> bool {
        self.subject.is_some() || self.body.is_some()
    }

    /// The event as a CloudEvent.
    pub(super) fn cloud_event(&self, event: &Event) -> Result<String, NotifyError> {
        let cloud_event = CloudEvent::new(&self.source, event.clone());
        serde_json::to_string(&cloud_event)
            .map_err(|error| NotifyError::Message { reason: error.to_string() })
    }

    /// What the template of the text gives for an event; none where there is no template.
    pub(super) fn templated(&self, told: &Told) -> Option<Result<String, TemplateError>> {
        self.body.as_ref().map(|template| template.render(&told.event, told.host.as_ref()))
    }

    /// Whether both templates give something for an event.
    pub(super) fn check(&self, told: &Told) -> Result<(), TemplateError> {
        for template in self.subject.iter().chain(&self.body) {
            template.render(&told.event, told.host.as_ref())?;
        }
        Ok(())
    }

    /// The subject of a mail: of the first of the worst events, and how many others there are.
    pub(super) fn subject(&self, letter: &Letter<'_>) -> String {
        let worst = letter.told.iter().map(|told| told.event.severity).max();
        let Some(first) = letter.told.iter().find(|told| Some(told.event.severity) == worst) else {
            return String::new();
        };
        let written =
            self.subject.as_ref().map(|template| template.render(&first.event, first.host.as_ref()));
        let subject = match written {
            Some(Ok(subject)) => subject,
            Some(Err(error)) => {
                tracing::warn!(event = first.event.id, %error, "a template gives no subject");
                plain_subject(&first.event)
            }
            None => plain_subject(&first.event),
        };
        let others = match letter.told.len() {
            0 | 1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        let line: String = subject.split_whitespace().collect::<Vec<_>>().join(" ");
        let line: String = line.chars().filter(|c| !c.is_control()).take(SUBJECT).collect();
        format!("{line}{others}")
    }

    /// The text of a mail: one paragraph or line for each event, in order.
    pub(super) fn text(&self, letter: &Letter<'_>) -> String {
        let mut text = String::new();
        for told in letter.told {
            match self.templated(told) {
                Some(Ok(written)) => text.push_str(written.trim_end()),
                Some(Err(error)) => {
                    tracing::warn!(event = told.event.id, %error, "a template gives no text");
                    text.push_str(&plain_line(&told.event));
                }
                None => text.push_str(&plain_line(&told.event)),
            }
            text.push('\n');
        }
        text
    }
}

/// The word for a severity that JSON carries too.
pub(super) const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

fn plain_subject(event: &Event) -> String {
    let host = event.host.as_ref().map(|host| format!("{host}: ")).unwrap_or_default();
    format!("[ironhand] {}: {host}{}", word(event.severity), event.message)
}

fn plain_line(event: &Event) -> String {
    let mut line = format!("{} {} {}", event.at, word(event.severity), event.kind);
    // Writing to a string does not fail.
    let _ = match event.host.as_ref().map(Name::as_str) {
        Some(host) => write!(line, " {host}: {}", event.message),
        None => write!(line, ": {}", event.message),
    };
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use ironhand_api::{EventKind, Timestamp};

    fn told(id: u64, severity: Severity, host: Option<&str>, message: &str) -> Told {
        let event = Event {
            id,
            at: Timestamp::from_millis(1_772_331_247_120),
            kind: EventKind::AlertOpened,
            severity,
            host: host.map(|host| host.parse().unwrap()),
            incident: None,
            run: None,
            job: None,
            alert: None,
            message: message.to_owned(),
        };
        Told { event, host: None }
    }

    fn pen(subject: Option<&str>, body: Option<&str>) -> Pen {
        let spec = serde_json::json!({ "socket": { "path": "/x" }, "subject": subject, "body": body });
        Pen::new("/ironhand", &serde_json::from_value(spec).unwrap()).unwrap()
    }

    #[test]
    fn mails_say_what_is_worst_and_list_everything_in_order() {
        let told = [
            told(1, Severity::Info, Some("a"), "power is on"),
            told(2, Severity::Critical, Some("b"), "no contact"),
            told(3, Severity::Critical, None, "no\r\nBcc: x@example.net"),
        ];
        let check = |pen: Pen, told: &[Told], subject: &str, text: &str| {
            let letter = Letter { id: String::new(), told };
            assert_eq!((pen.subject(&letter).as_str(), pen.text(&letter).as_str()), (subject, text));
        };
        let at = "2026-03-01T02:14:07.120Z";
        let first = format!("{at} info alert.opened a: power is on\n");
        check(pen(None, None), &told[..1], "[ironhand] info: a: power is on", &first);
        check(
            pen(None, None),
            &told[..2],
            "[ironhand] critical: b: no contact (and 1 more)",
            &format!("{first}{at} critical alert.opened b: no contact\n"),
        );
        check(
            pen(Some("{{ event.message }}"), Some("{{ event.id }}")),
            &told[2..],
            "no Bcc: x@example.net",
            "3\n",
        );
        check(
            pen(Some("{{ event.host }} is in {{ host.labels.room }}"), Some("{{ host.labels.room }}")),
            &told[..1],
            "[ironhand] info: a: power is on",
            &first,
        );
    }
}
