//! The one ordered record of what happened.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Name, Timestamp};

/// Something that happened. Events are ordered by `id`, without gaps in the order in which they became true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Rises with each event; the `Last-Event-ID` of the stream.
    pub id: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What kind of thing happened.
    pub kind: EventKind,
    /// How much it matters to a person.
    pub severity: Severity,
    /// The host it happened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Name>,
    /// The incident it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<u64>,
    /// The run it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    /// What happened, in words that an operator understands.
    pub message: String,
}

/// What kind of thing happened; written as a stable dotted code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// A resource was created or changed.
    #[serde(rename = "resource.applied")]
    ResourceApplied,
    /// A resource was removed.
    #[serde(rename = "resource.deleted")]
    ResourceDeleted,
    /// The observed power state changed.
    #[serde(rename = "power.changed")]
    PowerChanged,
    /// Contact with a management controller was lost, regained, or failed in another way than before.
    #[serde(rename = "reach.changed")]
    ReachChanged,
    /// The same for the screen.
    #[serde(rename = "screen.reach-changed")]
    ScreenReachChanged,
    /// A host came under management, or left it.
    #[serde(rename = "management.changed")]
    ManagementChanged,
    /// The text of a screen changed.
    #[serde(rename = "screen.changed")]
    ScreenChanged,
    /// The work on a host failed inside Ironhand, and begins anew.
    #[serde(rename = "lane.failed")]
    LaneFailed,
    /// A host was found unwell.
    #[serde(rename = "incident.opened")]
    IncidentOpened,
    /// Ironhand has done what it may.
    #[serde(rename = "incident.needs-human")]
    IncidentNeedsHuman,
    /// A host was proven well again.
    #[serde(rename = "incident.closed")]
    IncidentClosed,
    /// A flow began.
    #[serde(rename = "run.started")]
    RunStarted,
    /// A step of a flow is about to be done.
    #[serde(rename = "run.step-started")]
    StepStarted,
    /// A step of a flow has an outcome.
    #[serde(rename = "run.step-ended")]
    StepEnded,
    /// A flow ended.
    #[serde(rename = "run.ended")]
    RunEnded,
    /// A person acted on a host through the API.
    #[serde(rename = "action.done")]
    ActionDone,
}

impl EventKind {
    /// Every kind, for documentation and tests.
    pub const ALL: [Self; 16] = [
        Self::ResourceApplied,
        Self::ResourceDeleted,
        Self::PowerChanged,
        Self::ReachChanged,
        Self::ScreenReachChanged,
        Self::ManagementChanged,
        Self::ScreenChanged,
        Self::LaneFailed,
        Self::IncidentOpened,
        Self::IncidentNeedsHuman,
        Self::IncidentClosed,
        Self::RunStarted,
        Self::StepStarted,
        Self::StepEnded,
        Self::RunEnded,
        Self::ActionDone,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ResourceApplied => "resource.applied",
            Self::ResourceDeleted => "resource.deleted",
            Self::PowerChanged => "power.changed",
            Self::ReachChanged => "reach.changed",
            Self::ScreenReachChanged => "screen.reach-changed",
            Self::ManagementChanged => "management.changed",
            Self::ScreenChanged => "screen.changed",
            Self::LaneFailed => "lane.failed",
            Self::IncidentOpened => "incident.opened",
            Self::IncidentNeedsHuman => "incident.needs-human",
            Self::IncidentClosed => "incident.closed",
            Self::RunStarted => "run.started",
            Self::StepStarted => "run.step-started",
            Self::StepEnded => "run.step-ended",
            Self::RunEnded => "run.ended",
            Self::ActionDone => "action.done",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// How much an event matters to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// For the record.
    Info,
    /// Somebody may need to act.
    Warning,
    /// Somebody must act.
    Critical,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_what_json_carries() {
        for kind in EventKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.code());
        }
    }
}
