//! Recordings of consoles that somebody had.

use serde::{Deserialize, Serialize};

use crate::{LiveScreen, Name, Timestamp};

/// A recording of a console that somebody had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recording {
    /// Names it among those of its host: when it began, in milliseconds since 1970.
    pub id: i64,
    /// Whose console it was.
    pub host: Name,
    /// Who had it.
    pub by: String,
    /// Which side of the console it shows.
    #[serde(default)]
    pub kind: RecordingKind,
    /// When it began.
    pub begun_at: Timestamp,
    /// When it ended; absent while it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The size of its files.
    pub bytes: u64,
    /// The incident that was open at the host when it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<u64>,
}

/// What a [`Recording`] shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingKind {
    /// What the machine wrote on its serial line, as an asciicast (version 2).
    #[default]
    Serial,
    /// Its screen: a [`RecordedEvent`] a line, and the pictures beside them.
    Screen,
}

impl RecordingKind {
    /// As people are told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::Screen => "screen",
        }
    }
}

/// A line of the recording of a screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedEvent {
    /// Milliseconds since the recording began.
    pub after: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: Recorded,
}

/// What is recorded of a screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Recorded {
    /// The first line: whose console it is, and who has it.
    Begun {
        /// The host.
        host: Name,
        /// Who has the console.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// The screen was another than before. Its picture, if kept, is the file `{picture}.png`.
    Screen(Box<LiveScreen>),
    /// Keys were pressed: with stars for what they typed unless that was to be recorded, and the names of secrets.
    Keys(String),
    /// Something else.
    Note(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_time_and_what_happened() {
        let check = |what: Recorded, json: serde_json::Value| {
            let event = RecordedEvent { after: 1500, what };
            assert_eq!(serde_json::to_value(&event).unwrap(), json);
            assert_eq!(serde_json::from_value::<RecordedEvent>(json).unwrap(), event);
        };
        check(Recorded::Keys("<F1>".to_owned()), serde_json::json!({ "after": 1500, "keys": "<F1>" }));
        check(Recorded::Note("left".to_owned()), serde_json::json!({ "after": 1500, "note": "left" }));
    }

    #[test]
    fn recordings_of_earlier_releases_are_of_serial_lines() {
        let told = serde_json::json!({
            "id": 7, "host": "web-1", "by": "ann", "begunAt": "2026-11-21T20:14:03.000Z", "bytes": 12,
        });
        let recording: Recording = serde_json::from_value(told).unwrap();
        assert_eq!(
            (recording.kind, recording.ended_at, recording.incident),
            (RecordingKind::Serial, None, None)
        );
    }
}
