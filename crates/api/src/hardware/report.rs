//! What is asked of a host's hardware through the HTTP API, and what comes back.

use serde::{Deserialize, Serialize};

use crate::{ActionReceipt, LogEntry, MediaDrive, MediaKind, Name, Sensor, Span};

/// What was read of a host's hardware: the reply of `GET /api/v1/hosts/{name}/sensors`, `sel`, `inventory` and `media`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HardwareReport<T> {
    /// The host.
    pub host: Name,
    /// The connector through which it was read.
    pub connector: String,
    /// What was read.
    #[serde(flatten)]
    pub found: T,
    /// What the person who asked should know though it was read: that the host is in maintenance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Each connector and credential that was tried.
    pub receipts: Vec<ActionReceipt>,
}

/// The sensors of a machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sensors {
    /// Each sensor, in the controller's order.
    pub sensors: Vec<Sensor>,
    /// What could not be read, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// The event log of a machine, or its newest part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventLog {
    /// The entries, the oldest first.
    pub entries: Vec<LogEntry>,
    /// What could not be read, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// The drives of a machine that take images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMedia {
    /// Each drive, in the controller's order.
    pub drives: Vec<MediaDrive>,
    /// What could not be read, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// The body of `POST /api/v1/hosts/{name}/identify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdentifyRequest {
    /// Whether the light is to be on.
    pub on: bool,
    /// After how long it is to go off by itself; without it, it stays on. Only where the protocol knows such a time:
    /// IPMI does, up to 255 s.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub time: Option<Span>,
}

/// The body of `POST /api/v1/hosts/{name}/media`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InsertMediaRequest {
    /// The address of the image, which the controller fetches by itself; without a user name or password.
    pub url: String,
    /// What the image is to the machine.
    #[serde(default)]
    pub kind: MediaKind,
    /// The identifier of the drive; without it, the first that is free and can be such a drive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drive: Option<String>,
    /// The credential of the server that has the image, where it wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Name>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::SensorState;

    #[test]
    fn what_was_read_stands_beside_through_what() {
        let report = HardwareReport {
            host: "n1".parse().unwrap(),
            connector: "ipmi 192.0.2.1".to_owned(),
            found: Sensors {
                sensors: vec![Sensor {
                    name: "Inlet".to_owned(),
                    kind: Some("Temperature".to_owned()),
                    reading: Some(24.0),
                    unit: Some("Cel".to_owned()),
                    state: SensorState::Ok,
                    events: Vec::new(),
                }],
                missing: Vec::new(),
            },
            warnings: Vec::new(),
            receipts: Vec::new(),
        };
        let told = serde_json::to_value(&report).unwrap();
        let wanted = json!({
            "host": "n1", "connector": "ipmi 192.0.2.1", "receipts": [],
            "sensors": [{ "name": "Inlet", "kind": "Temperature", "reading": 24.0, "unit": "Cel", "state": "ok" }],
        });
        assert_eq!(told, wanted);
        assert_eq!(serde_json::from_value::<HardwareReport<Sensors>>(told).unwrap(), report);
    }

    #[test]
    fn requests_say_no_more_than_needed() {
        let check = |json: serde_json::Value, on: bool, time: Option<u64>| {
            let request: IdentifyRequest = serde_json::from_value(json).unwrap();
            assert_eq!(request, IdentifyRequest { on, time: time.map(Span::from_secs) });
        };
        check(json!({ "on": false }), false, None);
        check(json!({ "on": true, "for": "30s" }), true, Some(30));
        let image: InsertMediaRequest =
            serde_json::from_value(json!({ "url": "http://192.0.2.1/a.iso" })).unwrap();
        assert_eq!((image.kind, image.drive, image.credential), (MediaKind::Cd, None, None));
    }
}
