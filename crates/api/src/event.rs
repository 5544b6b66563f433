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

macro_rules! event_kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident $code:literal;)+) => {
        /// What kind of thing happened; written as a stable dotted code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum EventKind {
            $($(#[doc = $doc])+ #[serde(rename = $code)] $kind,)+
        }

        impl EventKind {
            /// Every kind, in the order in which documentation lists them.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$kind => $code,)+
                }
            }

            /// What it means, for documentation.
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$kind => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}

event_kinds! {
    /// A resource was created or changed.
    ResourceApplied "resource.applied";
    /// A resource was removed.
    ResourceDeleted "resource.deleted";
    /// The observed power state changed.
    PowerChanged "power.changed";
    /// Contact with a management controller was lost, regained, or failed in another way than before.
    ReachChanged "reach.changed";
    /// A device with several addresses is spoken to over another one of them than before.
    PathChanged "path.changed";
    /// The certificate that a device showed first was pinned, or such a pin was forgotten.
    PinChanged "pin.changed";
    /// Contact with a screen was lost, regained, or failed in another way than before.
    ScreenReachChanged "screen.reach-changed";
    /// A check of a host fails, passes again, or cannot be made.
    CheckChanged "check.changed";
    /// A host came under management, or left it.
    ManagementChanged "management.changed";
    /// The text of a screen changed.
    ScreenChanged "screen.changed";
    /// The work on a host failed inside Ironhand, and begins anew.
    LaneFailed "lane.failed";
    /// A host was found unwell.
    IncidentOpened "incident.opened";
    /// Ironhand has done what it may for a host: a person must look.
    IncidentNeedsHuman "incident.needs-human";
    /// A host was proven well again.
    IncidentClosed "incident.closed";
    /// What keeps Ironhand from working on an incident is another reason than before.
    IncidentWaits "incident.waits";
    /// A flow would have begun, and was only told of: the mode is `observe`, or the flow is tried dry.
    RunWouldBegin "run.would-begin";
    /// A flow began.
    RunStarted "run.started";
    /// A step of a flow is about to be done.
    StepStarted "run.step-started";
    /// A step of a flow has an outcome.
    StepEnded "run.step-ended";
    /// A flow waits for a person to agree to its next step.
    ApprovalWanted "run.approval-wanted";
    /// A flow tells a notifier something; sent to that one alone.
    FlowNotice "run.notice";
    /// A flow ended.
    RunEnded "run.ended";
    /// A person acted on a host through the API.
    ActionDone "action.done";
    /// Work was accepted: it is durable, and will be done or told of.
    JobAccepted "job.accepted";
    /// Work is over: done, failed, or not known to be either.
    JobEnded "job.ended";
    /// Somebody has the console of a host now.
    ConsoleTaken "console.taken";
    /// The console of a host was taken from whoever had it.
    ConsoleTakenOver "console.taken-over";
    /// Nobody has the console of a host any more.
    ConsoleReleased "console.released";
    /// Somebody began or ended work on a host.
    MaintenanceChanged "maintenance.changed";
    /// Recovery was paused, by a person or since too many hosts fell ill at once, or goes on.
    RecoveryChanged "recovery.changed";
    /// Another server works on a host now.
    OwnerChanged "owner.changed";
    /// The password of a controller's account was changed, or the change was undone or is in doubt.
    PasswordChanged "password.changed";
    /// A host was proven to be without power, could not be proven to be, or has power again.
    FenceChanged "fence.changed";
    /// There is a new cause for alarm.
    AlertOpened "alert.opened";
    /// An alert has been open for a while and is told again.
    AlertRepeated "alert.repeated";
    /// The cause of an alert is gone.
    AlertCleared "alert.cleared";
    /// A notifier could not be told, or can be told again.
    NotifierFailed "notifier.failed";
    /// Somebody tests whether a notifier is told; sent to that one alone.
    NotifierTested "notifier.tested";
    /// A commit of a repository was applied, or what was changed by hand was made again as it says.
    RepositoryApplied "repository.applied";
    /// A commit of a repository has faults, or not the signature that is required: the one before stays in force.
    RepositoryRefused "repository.refused";
    /// Somebody changed or deleted by hand what stands in a repository, or it is as it says again.
    RepositoryDrift "repository.drift";
    /// A repository could not be looked at, or can be again.
    RepositoryFailed "repository.failed";
    /// A machine began to boot over the network.
    BootStarted "boot.started";
    /// A machine passed a step of its boot over the network: an offer, a lease, a loader, a script, a kernel.
    BootStep "boot.step";
    /// What should have come next in a boot over the network did not come.
    BootStalled "boot.stalled";
    /// A machine that boots over the network is not served, for the reason that is told.
    BootRefused "boot.refused";
    /// A boot over the network is over: the machine has all that it asked for, or was told to do something else.
    BootEnded "boot.ended";
    /// A deployment came further: its machine is given the script, fetched all that it boots, or was stopped.
    DeploymentChanged "deployment.changed";
    /// A machine that is no host booted over the network, and is free from now on.
    MachineFound "machine.found";
    /// Another DHCP server answers on a network, or does so no longer.
    NetworkForeign "network.foreign-server";
    /// A network is served with DHCP, or is not, for the reason that is told.
    NetworkServed "network.served";
    /// The pools of a network are nearly used up, or used up, or have room again.
    NetworkPool "network.pool";
    /// A person gave back the lease of an address.
    LeaseReleased "lease.released";
    /// What is sealed was sealed anew under another key.
    KeyRotated "key.rotated";
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
            assert!(kind.description().ends_with('.'), "{kind}");
        }
    }
}
