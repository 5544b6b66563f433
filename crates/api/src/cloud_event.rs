//! Events in the form that other systems take (CloudEvents specification 1.0).

use serde::{Deserialize, Serialize};

use crate::{Event, Timestamp};

/// An event as a CloudEvent in structured mode: media type [`CloudEvent::MEDIA_TYPE`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudEvent {
    /// The version of the specification (section 3.1.1): `1.0`.
    pub specversion: String,
    /// Unique within `source`: the id of the event.
    pub id: String,
    /// The server that tells it, as a URI reference.
    pub source: String,
    /// `io.ironhand.` and the kind of the event.
    #[serde(rename = "type")]
    pub kind: String,
    /// The host, where it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it happened.
    pub time: Timestamp,
    /// The media type of `data`.
    pub datacontenttype: String,
    /// The event itself.
    pub data: Event,
}

impl CloudEvent {
    /// The media type (CloudEvents JSON event format, section 3).
    pub const MEDIA_TYPE: &'static str = "application/cloudevents+json";

    /// What every type begins with.
    pub const TYPE_PREFIX: &'static str = "io.ironhand.";

    /// The event as told by the server named `source`.
    pub fn new(source: &str, event: Event) -> Self {
        Self {
            specversion: "1.0".to_owned(),
            id: event.id.to_string(),
            source: source.to_owned(),
            kind: format!("{}{}", Self::TYPE_PREFIX, event.kind.code()),
            subject: event.host.as_ref().map(ToString::to_string),
            time: event.at,
            datacontenttype: "application/json".to_owned(),
            data: event,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventKind, Severity};

    #[test]
    fn required_attributes_are_there() {
        let event = Event {
            id: 7,
            at: Timestamp::from_millis(1_772_331_247_120),
            kind: EventKind::PowerChanged,
            severity: Severity::Info,
            host: Some("rack7-12".parse().unwrap()),
            incident: None,
            run: None,
            job: None,
            alert: None,
            message: "power is on".to_owned(),
        };
        let json = serde_json::to_value(CloudEvent::new("/ironhand", event)).unwrap();
        assert_eq!(json["specversion"], "1.0");
        assert_eq!(json["id"], "7");
        assert_eq!(json["source"], "/ironhand");
        assert_eq!(json["type"], "io.ironhand.power.changed");
        assert_eq!(json["subject"], "rack7-12");
        assert_eq!(json["time"], "2026-03-01T02:14:07.120Z");
        assert_eq!(json["data"]["message"], "power is on");
    }
}
