//! Which events a notifier is told of.

use std::collections::BTreeMap;

use ironhand_api::{Event, EventKind, Name, NotifierSpec};

/// Whether the kind and the severity of an event are ones that the notifier is told of. What is left to ask is
/// [`selects`].
pub(super) fn concerns(name: &Name, spec: &NotifierSpec, event: &Event) -> bool {
    if event.kind == EventKind::FlowNotice {
        return notice_to(name, event).is_some();
    }
    // A test is sent to its notifier alone, by who asks for it.
    event.kind != EventKind::NotifierTested
        && event.severity >= spec.severity
        && spec.events.iter().any(|pattern| matches(pattern, event.kind))
        // Told that it cannot be told, a notifier would never come to an end.
        && !(event.kind == EventKind::NotifierFailed && event.message.starts_with(&about(name)))
}

/// Whether a notifier is told of an event whose host carries these labels; none where it belongs to no host, or to one
/// that is gone.
pub(super) fn selects(spec: &NotifierSpec, labels: Option<&BTreeMap<String, String>>) -> bool {
    spec.select.is_all() || labels.is_some_and(|labels| spec.select.matches(labels))
}

/// What the message of an event about a notifier begins with. Names have no blanks, so that no other one begins so.
pub(super) fn about(name: &Name) -> String {
    format!("notifier {name} ")
}

/// What a flow tells the notifier, where the event is that; see [`FlowNotice`](EventKind::FlowNotice).
pub(super) fn notice_to<'e>(name: &Name, event: &'e Event) -> Option<&'e str> {
    let message = event.message.strip_prefix("to ")?.strip_prefix(name.as_str())?.strip_prefix(": ")?;
    (event.kind == EventKind::FlowNotice).then_some(message)
}

/// Whether a kind is the one that is written, or begins as written in front of a `*`.
fn matches(pattern: &str, kind: EventKind) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => kind.code().starts_with(start),
        None => kind.code() == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ironhand_api::{Severity, Timestamp};

    fn spec(json: serde_json::Value) -> NotifierSpec {
        let mut spec = serde_json::json!({ "socket": { "path": "/run/x" } });
        spec.as_object_mut().unwrap().extend(json.as_object().unwrap().clone());
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn kinds_and_severities_are_told_apart() {
        use EventKind::{AlertCleared, AlertOpened, NotifierFailed, NotifierTested, PowerChanged};
        use Severity::{Critical, Info, Warning};
        let check = |events: &[&str], least: &str, kind: EventKind, severity: Severity, told: bool| {
            let spec = spec(serde_json::json!({ "events": events, "severity": least }));
            let event = Event {
                id: 1,
                at: Timestamp::from_millis(0),
                kind,
                severity,
                host: None,
                incident: None,
                run: None,
                job: None,
                alert: None,
                message: "notifier pager cannot be told".to_owned(),
            };
            let label = format!("{events:?} {least} {kind} {severity:?}");
            assert_eq!(concerns(&"oncall".parse().unwrap(), &spec, &event), told, "{label}");
            if kind == NotifierFailed {
                assert!(!concerns(&"pager".parse().unwrap(), &spec, &event), "{label}");
                assert_eq!(concerns(&"page".parse().unwrap(), &spec, &event), told, "{label}");
            }
        };
        check(&["alert.opened"], "info", AlertOpened, Info, true);
        check(&["alert.opened"], "info", AlertCleared, Info, false);
        check(&["alert.*"], "info", AlertCleared, Info, true);
        check(&["alert.*"], "info", PowerChanged, Critical, false);
        check(&["alert.*", "power.changed"], "info", PowerChanged, Info, true);
        check(&["*"], "info", PowerChanged, Info, true);
        check(&["*"], "warning", PowerChanged, Info, false);
        check(&["*"], "warning", AlertOpened, Warning, true);
        check(&["*"], "critical", AlertOpened, Warning, false);
        check(&["*"], "critical", AlertOpened, Critical, true);
        check(&["*"], "info", NotifierFailed, Warning, true);
        check(&["*"], "info", NotifierTested, Critical, false);
        check(&["notifier.tested"], "info", NotifierTested, Critical, false);
    }

    #[test]
    fn hosts_are_selected_by_labels() {
        let check = |select: serde_json::Value, labels: Option<&[(&str, &str)]>, told: bool| {
            let spec = spec(serde_json::json!({ "select": { "labels": select } }));
            let labels = labels.map(|labels| {
                labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
            });
            assert_eq!(selects(&spec, labels.as_ref()), told, "{select} {labels:?}");
        };
        check(serde_json::json!({}), None, true);
        check(serde_json::json!({}), Some(&[]), true);
        check(serde_json::json!({ "room": "1" }), Some(&[("room", "1"), ("rack", "7")]), true);
        check(serde_json::json!({ "room": "1" }), Some(&[("room", "2")]), false);
        check(serde_json::json!({ "room": "1" }), None, false);
    }
}
