//! What goes wrong between Ironhand and a host.

use std::time::Duration;

use ironhand_api::{Capability, Fault, FenceReport, Name, PowerAction, PowerState, Reach, Timestamp};
use ironhand_ipmi::{CompletionCode, ProcedureError};
use ironhand_ipmi_port::{OpenError, RunError};
use ironhand_store::StoreError;

use crate::outreach::OutreachError;
use crate::ownership::NotOwner;

/// Why something could not be read from a host, or done to it.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum DeviceError {
    /// The host is not managed.
    #[error("management of {level} is disabled{}", because(.reason.as_deref()))]
    NotManaged { level: String, reason: Option<String> },
    /// The host's manifest names nothing that could do it.
    #[error("the host has no connector for {}", capability_word(*.capability))]
    NoConnector { capability: Capability },
    /// No connector of the host can do it, whatever the state of its devices; nothing was sent.
    #[error("{host} has no connector for {}: it has {}", capability_word(*.capability), listed(.connectors))]
    NoCapability {
        /// The host.
        host: Name,
        /// What is wanted.
        capability: Capability,
        /// What the host has.
        connectors: Vec<String>,
    },
    /// None of the host's connectors can do this to its power; nothing is sent.
    #[error("no connector of {host} can do power {}: {}", .action.as_str(), if .connectors.is_empty() { "it has none".to_owned() } else { .connectors.join("; ") })]
    NoPower {
        /// The host.
        host: Name,
        /// What is wanted.
        action: PowerAction,
        /// What the host has, and what each can do.
        connectors: Vec<String>,
    },
    /// The name of the controller does not resolve.
    #[error("the address {address} cannot be resolved: {reason}")]
    Resolve { address: String, reason: String },
    /// A credential of the host cannot be used.
    #[error("{reason}")]
    Credential { reason: String },
    /// The host names no credential of an account.
    #[error(
        "the host has no credential of the account `{account}`: its present password is not known, and a change could not be taken back"
    )]
    NoAccount { account: String },
    /// Every credential was refused not long ago; trying on would lock the account.
    #[error("{last}; not tried again for {} s, since controllers lock accounts after a few failures", .wait.as_secs().max(1))]
    Waiting { last: Box<DeviceError>, wait: Duration },
    /// The BMC cannot be spoken to.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The BMC did not answer, or said no.
    #[error("{0}")]
    Ipmi(#[from] ironhand_ipmi::Error),
    /// What the BMC answered to several commands did not lead to an end.
    #[error("{0}")]
    Procedure(#[from] ProcedureError),
    /// A device that speaks something else did not answer, or said no.
    #[error("{0}")]
    Connector(#[from] ironhand_connectors::Error),
    /// What a connector leads to could not be switched on.
    #[error("its VNC server cannot be switched on by Redfish: {0}")]
    NotSwitchedOn(Box<DeviceError>),
    /// A device shows another certificate than the one that it showed first.
    #[error("{error}; where it was replaced on purpose, `ironhand pin forget {host}` takes the new one")]
    CertificateChanged {
        /// The host.
        host: Name,
        /// Both digests.
        error: Box<ironhand_connectors::Error>,
    },
    /// No connector of the host could do it.
    #[error("no connector could do it: {}{}", .reasons.join("; "), if *.cut_not_allowed { "; the mains are not cut, as no connector has `allowHardCut`" } else { "" })]
    EveryWayFailed {
        /// The failure that tells the most.
        telling: Box<DeviceError>,
        /// Each of them, in the order in which they were tried.
        reasons: Vec<String>,
        /// Whether a switch of the mains was left that the manifest does not allow to be used.
        cut_not_allowed: bool,
    },
    /// Only a switch of the mains could do it, which the manifest does not allow.
    #[error("it would cut the mains of the machine, and no connector has `allowHardCut`")]
    CutNotAllowed,
    /// The picture is there, but cannot be read.
    #[error("the screen reader failed on the picture")]
    ReaderFailed,
    /// The host is not in a state in which the action means anything.
    #[error("{reason}")]
    NotNow { reason: &'static str },
    /// The action was accepted, but the world does not show it.
    #[error("not seen {wanted} within {} s; it is {seen}", .within.as_secs())]
    NotSeen { wanted: PowerState, seen: PowerState, within: Duration },
    /// The controller took the boot device, and says something else when asked.
    #[error("the BMC took the boot device but does not show it when read back")]
    BootDeviceNotKept,
    /// The reply to something that must not be done twice was lost.
    #[error("the reply to power {} was lost: it may or may not have been done, and is not repeated; power is {seen}", .action.as_str())]
    OutcomeUnknown { action: PowerAction, seen: PowerState },
    /// A password cannot be changed; nothing was sent.
    #[error("the password is not changed: {reason}")]
    PasswordRefused { reason: String },
    /// The old password still works, and is still used.
    #[error("the password was not changed: {reason}")]
    PasswordKept { reason: String },
    /// Nobody knows which password is valid.
    #[error("nobody knows which password is valid: {reason}; both are kept and tried again")]
    PasswordInDoubt { reason: String, attempts: u32 },
    /// It is not proven that the host is without power.
    #[error("the host is not proven to be without power: {}", .0.reason)]
    FenceNotProven(Box<FenceReport>),
    /// The host is not fenced, nor was it to be.
    #[error("the host is not fenced")]
    NotFenced,
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers")]
    NoRandomness,
    /// What had to be durable first could not be stored.
    #[error("nothing more is done, as the store failed: {reason}")]
    NotStored { reason: String },
    /// Another action on the host is under way.
    #[error("another action is under way on the host; {waiting} more wait for it")]
    Busy { waiting: usize },
    /// Somebody else has the console.
    #[error("{by} has had the console since {since}")]
    ConsoleHeld { by: String, since: Timestamp },
    /// The screen was not seen yet.
    #[error("the screen has not been seen yet")]
    NotSeenYet,
    /// Another system did not do what a flow asked of it.
    #[error(transparent)]
    Outreach(#[from] OutreachError),
    /// Nothing was deployed to the host.
    #[error("nothing is deployed: {reason}")]
    NotDeployed { reason: String },
    /// The host is another server's to work on.
    #[error(transparent)]
    NotOwner(#[from] NotOwner),
    /// The server, or the watch over the host, is stopping.
    #[error("the server is stopping, or the host was changed meanwhile")]
    Stopping,
}

fn listed(connectors: &[String]) -> String {
    if connectors.is_empty() { "none".to_owned() } else { connectors.join(", ") }
}

fn because(reason: Option<&str>) -> String {
    reason.map(|reason| format!(": {reason}")).unwrap_or_default()
}

const fn capability_word(capability: Capability) -> &'static str {
    match capability {
        Capability::Power => "power",
        Capability::BootDevice => "the boot device",
        Capability::Screen => "the screen",
        Capability::Keyboard => "the keyboard",
        Capability::Serial => "the serial console",
        Capability::PowerState => "the power state",
        Capability::Sensors => "sensors",
        Capability::Inventory => "the inventory",
        Capability::EventLog => "the event log",
        Capability::Users => "the controller's accounts",
        Capability::VirtualMedia => "virtual media",
        Capability::Identify => "the identification light",
    }
}

/// What a person adds to a host's manifest to have a capability.
const fn capability_hint(capability: Capability) -> &'static str {
    match capability {
        Capability::VirtualMedia => "add a `redfish` connector to the host's manifest",
        _ => "add a connector with that capability to the host's manifest, such as `redfish` or `ipmi`",
    }
}

impl From<RunError> for DeviceError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Client(error) => error.into(),
            RunError::Procedure(error) => error.into(),
        }
    }
}

impl DeviceError {
    /// An error about a credential that the store cannot give.
    pub(crate) fn credential(name: &Name, error: &StoreError) -> Self {
        Self::Credential { reason: format!("Credential {name} cannot be used: {error}") }
    }

    /// That something could not be made durable.
    pub(crate) fn not_stored(error: &StoreError) -> Self {
        Self::NotStored { reason: error.to_string() }
    }

    /// Whether the action may have been done though it failed.
    pub(crate) fn leaves_doubt(&self) -> bool {
        matches!(self, Self::OutcomeUnknown { .. } | Self::PasswordInDoubt { .. } | Self::Stopping)
            || self.may_be_done()
    }

    /// Whether the answer of the device to this very request was lost.
    pub(crate) fn may_be_done(&self) -> bool {
        match self {
            Self::Ipmi(ironhand_ipmi::Error::OutcomeUnknown) => true,
            Self::Procedure(error) => matches!(error, ProcedureError::NotKept { .. }),
            // Half of what was asked may have been done.
            Self::Connector(ironhand_connectors::Error::NotKept { .. }) => true,
            Self::Connector(error) => error.leaves_doubt(),
            Self::Outreach(error) => error.leaves_doubt(),
            _ => false,
        }
    }

    /// Whether the device knows nothing of what was asked.
    pub(crate) fn is_unsupported(&self) -> bool {
        match self {
            Self::Connector(error) => error.is_unsupported(),
            Self::Procedure(ProcedureError::Refused { code, .. }) => *code == CompletionCode::INVALID_COMMAND,
            Self::Procedure(error) => matches!(error, ProcedureError::Impossible { .. }),
            Self::NotSwitchedOn(error) => error.is_unsupported(),
            _ => false,
        }
    }

    /// Whether it is of the line as a whole, so that asking for something else comes to the same for now.
    pub(crate) fn is_of_line(&self) -> bool {
        match self {
            Self::Waiting { .. } | Self::Resolve { .. } | Self::Open(_) | Self::CertificateChanged { .. } => {
                true
            }
            Self::Connector(
                ironhand_connectors::Error::Certificate { .. } | ironhand_connectors::Error::Tls { .. },
            ) => true,
            Self::Ipmi(_) | Self::Connector(_) | Self::Credential { .. } => {
                !self.may_be_done() && matches!(self.reach(), Reach::Unreachable | Reach::AuthFailed)
            }
            _ => false,
        }
    }

    /// The power state that was read back, where it was.
    pub(crate) fn power_seen(&self) -> Option<PowerState> {
        match self {
            Self::OutcomeUnknown { seen, .. } | Self::NotSeen { seen, .. } => Some(*seen),
            _ => None,
        }
    }

    /// What it says about the connector as a whole.
    pub(crate) fn reach(&self) -> Reach {
        match self {
            Self::Credential { .. } => Reach::AuthFailed,
            Self::Waiting { last, .. } => last.reach(),
            Self::Ipmi(error) => match error.condition() {
                ironhand_ipmi::Condition::Unreachable => Reach::Unreachable,
                ironhand_ipmi::Condition::AuthFailed => Reach::AuthFailed,
                ironhand_ipmi::Condition::Throttled => Reach::Throttled,
                ironhand_ipmi::Condition::ProtocolError | ironhand_ipmi::Condition::Refused => {
                    Reach::ProtocolError
                }
            },
            Self::Procedure(_) => Reach::ProtocolError,
            Self::Connector(error) => error.reach(),
            Self::CertificateChanged { error, .. } => error.reach(),
            Self::NotSwitchedOn(error) => error.reach(),
            Self::EveryWayFailed { telling, .. } => telling.reach(),
            _ => Reach::Unreachable,
        }
    }

    /// Whether the credentials were refused, so that another one may help.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Ipmi(_) | Self::Connector(_)) && self.reach() == Reach::AuthFailed
    }

    /// Whose fault it is.
    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::NotManaged { .. }
            | Self::NoConnector { .. }
            | Self::NoCapability { .. }
            | Self::NoPower { .. }
            | Self::Credential { .. }
            | Self::NotNow { .. }
            | Self::NotDeployed { .. }
            | Self::ConsoleHeld { .. }
            | Self::CutNotAllowed
            | Self::NotFenced
            | Self::PasswordRefused { .. }
            | Self::NoAccount { .. }
            | Self::Open(OpenError::InUse { .. }) => Fault::Caller,
            Self::Busy { .. }
            | Self::Stopping
            | Self::NotOwner(_)
            | Self::Open(_)
            | Self::NotStored { .. }
            | Self::NotSeenYet
            | Self::ReaderFailed => Fault::Server,
            Self::Resolve { .. } => Fault::Network,
            Self::NoRandomness => Fault::Server,
            Self::NotSeen { .. }
            | Self::OutcomeUnknown { .. }
            | Self::BootDeviceNotKept
            | Self::Procedure(_)
            | Self::PasswordKept { .. }
            | Self::PasswordInDoubt { .. }
            | Self::FenceNotProven(_) => Fault::Device,
            Self::Waiting { last, .. } => last.fault(),
            Self::Outreach(error) => error.fault(),
            Self::EveryWayFailed { telling, .. } => telling.fault(),
            Self::Connector(error) => error.fault(),
            Self::CertificateChanged { error, .. } => error.fault(),
            Self::NotSwitchedOn(error) => error.fault(),
            Self::Ipmi(_) => match self.reach() {
                Reach::Unreachable => Fault::Network,
                Reach::AuthFailed => Fault::Caller,
                _ => Fault::Device,
            },
        }
    }

    /// Whether the same may succeed later without anybody changing anything.
    pub(crate) fn retry(&self) -> bool {
        match self {
            Self::Ipmi(error) => error.is_retryable(),
            Self::Connector(error) => error.retry(),
            Self::Outreach(error) => error.retry(),
            Self::EveryWayFailed { telling, .. } => telling.retry(),
            Self::NotSwitchedOn(error) => error.retry(),
            Self::Resolve { .. } | Self::NotSeen { .. } => true,
            Self::NotStored { .. }
            | Self::Busy { .. }
            | Self::ConsoleHeld { .. }
            | Self::NotSeenYet
            | Self::NotOwner(_)
            | Self::Stopping => true,
            _ => false,
        }
    }

    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NotManaged { .. } => "management.disabled",
            Self::NoConnector { .. } | Self::NoCapability { .. } | Self::NoPower { .. } => {
                "host.no_connector"
            }
            Self::Resolve { .. } => "host.address_unresolved",
            Self::Credential { .. } => "host.credential_unusable",
            Self::Waiting { last, .. } => last.code(),
            Self::Open(OpenError::InUse { .. }) => "bmc.in_use",
            Self::Open(OpenError::NoIpv6 { .. }) => "bmc.no_ipv6",
            Self::Open(OpenError::Stopping) | Self::Stopping => "server.stopping",
            Self::Ipmi(error) => error.code(),
            Self::Procedure(ProcedureError::Refused { code, .. }) => {
                ironhand_ipmi::Error::Completion(*code).code()
            }
            Self::Procedure(_) => "ipmi.procedure",
            Self::Connector(error) => error.code(),
            Self::CertificateChanged { error, .. } => error.code(),
            Self::NotSwitchedOn(_) => "screen.not_switched_on",
            Self::EveryWayFailed { .. } => "host.every_way_failed",
            Self::CutNotAllowed => "power.cut_not_allowed",
            Self::ReaderFailed => "screen.reader_failed",
            Self::NotNow { .. } => "power.not_now",
            Self::NotDeployed { .. } => "deployment.refused",
            Self::NotSeen { .. } => "power.not_seen",
            Self::OutcomeUnknown { .. } => "power.outcome_unknown",
            Self::NotStored { .. } => "store.failed",
            Self::BootDeviceNotKept => "boot_device.not_kept",
            Self::NotOwner(_) => "host.owned_elsewhere",
            Self::Outreach(error) => error.code(),
            Self::NoAccount { .. } => "host.no_account",
            Self::PasswordRefused { .. } => "password.refused",
            Self::PasswordKept { .. } => "password.not_changed",
            Self::PasswordInDoubt { .. } => "password.in_doubt",
            Self::FenceNotProven(_) => "fence.not_proven",
            Self::NotFenced => "fence.not_fenced",
            Self::NoRandomness => "server.no_randomness",
            Self::Busy { .. } => "host.busy",
            Self::ConsoleHeld { .. } => "console.held",
            Self::NotSeenYet => "screen.not_seen_yet",
        }
    }

    /// What a person can do about it, where there is something.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotManaged { .. } => Some("enable management at the level that the message names"),
            Self::NoConnector { .. } => Some("add a connector with that capability to the host's manifest"),
            Self::NoCapability { capability, .. } => Some(capability_hint(*capability)),
            Self::ConsoleHeld { .. } => Some("watch with --read-only, or take it with --take-over"),
            Self::NoPower { .. } => Some("add a connector that can do it to the host's manifest"),
            Self::Waiting { .. } => Some("apply the host's credentials again to have them tried at once"),
            Self::CutNotAllowed | Self::EveryWayFailed { cut_not_allowed: true, .. } => Some(
                "set `allowHardCut` on the connector where the power may be cut; file systems may suffer from it",
            ),
            Self::EveryWayFailed { telling, .. } => telling.hint(),
            Self::Connector(error) => error.hint(),
            Self::Outreach(error) => error.hint(),
            Self::CertificateChanged { error, .. } => error.hint(),
            Self::NotSwitchedOn(error) => error.hint(),
            Self::NotOwner(_) => Some("ask the server that owns the host; GET /api/v1/servers lists them"),
            Self::OutcomeUnknown { .. } => {
                Some("look at the screen whether the host starts anew before asking again")
            }
            Self::FenceNotProven(_) => {
                Some("cut the power in another way, see to it, and say so with the name of who has seen it")
            }
            Self::PasswordInDoubt { .. } => Some(
                "Ironhand goes on trying both; set the password at the BMC by hand and apply the host's credential to end it",
            ),
            Self::NotSeen { .. } => Some("look at the screen; ask again with a longer timeout"),
            _ => match self.reach() {
                Reach::AuthFailed => Some("check the credentials that the host names"),
                Reach::Unreachable if self.fault() == Fault::Network => {
                    Some("check the connector's address and port, and the network between")
                }
                _ => None,
            },
        }
    }
}
