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
    /// The job it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<u64>,
    /// The alert that it tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<u64>,
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
    /// Work was accepted: it is durable, and will be done or told of.
    #[serde(rename = "job.accepted")]
    JobAccepted,
    /// Work is over: done, failed, or not known to be either.
    #[serde(rename = "job.ended")]
    JobEnded,
    /// Somebody began or ended work on a host.
    #[serde(rename = "maintenance.changed")]
    MaintenanceChanged,
    /// Another server works on a host now.
    #[serde(rename = "owner.changed")]
    OwnerChanged,
    /// The password of a controller's account was changed, or the change was undone or is in doubt.
    #[serde(rename = "password.changed")]
    PasswordChanged,
    /// A host was proven to be without power, could not be proven to be, or has power again.
    #[serde(rename = "fence.changed")]
    FenceChanged,
    /// There is a new cause for alarm.
    #[serde(rename = "alert.opened")]
    AlertOpened,
    /// An alert has been open for a while and is told again.
    #[serde(rename = "alert.repeated")]
    AlertRepeated,
    /// The cause of an alert is gone.
    #[serde(rename = "alert.cleared")]
    AlertCleared,
    /// A notifier could not be told, or can be told again.
    #[serde(rename = "notifier.failed")]
    NotifierFailed,
    /// Somebody tests whether a notifier is told; sent to that one alone.
    #[serde(rename = "notifier.tested")]
    NotifierTested,
    /// What is sealed was sealed anew under another key.
    #[serde(rename = "key.rotated")]
    KeyRotated,
}

impl EventKind {
    /// Every kind, for documentation and tests.
    pub const ALL: [Self; 28] = [
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
        Self::JobAccepted,
        Self::JobEnded,
        Self::MaintenanceChanged,
        Self::OwnerChanged,
        Self::PasswordChanged,
        Self::FenceChanged,
        Self::AlertOpened,
        Self::AlertRepeated,
        Self::AlertCleared,
        Self::NotifierFailed,
        Self::NotifierTested,
        Self::KeyRotated,
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
            Self::JobAccepted => "job.accepted",
            Self::JobEnded => "job.ended",
            Self::MaintenanceChanged => "maintenance.changed",
            Self::OwnerChanged => "owner.changed",
            Self::PasswordChanged => "password.changed",
            Self::FenceChanged => "fence.changed",
            Self::AlertOpened => "alert.opened",
            Self::AlertRepeated => "alert.repeated",
            Self::AlertCleared => "alert.cleared",
            Self::NotifierFailed => "notifier.failed",
            Self::NotifierTested => "notifier.tested",
            Self::KeyRotated => "key.rotated",
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
