//! What goes wrong between Ironhand and a device.

use std::time::Duration;

use ironhand_api::{Fault, Reach};

/// Why something could not be read from a device, or done to it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The device cannot do it; nothing was sent.
    #[error("it cannot {what}")]
    Unsupported {
        /// What it cannot do, as a verb with its object.
        what: String,
    },
    /// What the manifest says of the connector cannot be used.
    #[error("{reason}")]
    Misconfigured {
        /// What is wrong.
        reason: String,
    },
    /// No connection came about; nothing was sent.
    #[error("no connection to {address}: {reason}")]
    Unreachable {
        /// The address that was tried last.
        address: String,
        /// Why.
        reason: String,
    },
    /// The host between does not let the connection through; nothing was sent to the device.
    #[error("no way through the {hop}: {reason}")]
    Hop {
        /// The host between.
        hop: String,
        /// Why.
        reason: String,
    },
    /// The device did not answer in time; nothing was sent that changes anything.
    #[error("no answer from {address} within {} s", .after.as_secs())]
    Silent {
        /// The address.
        address: String,
        /// For how long it was waited.
        after: Duration,
    },
    /// A device that is asked by community did not answer in time: it also says nothing to one that it does not know.
    #[error("no answer from {address} within {} s", .after.as_secs())]
    SilentToCommunity {
        /// The address.
        address: String,
        /// For how long it was waited.
        after: Duration,
    },
    /// The device does not prove that it is the one that was meant; nothing was sent.
    #[error("{address} does not prove who it is: {problem}")]
    Certificate {
        /// The address.
        address: String,
        /// Why.
        problem: CertificateProblem,
    },
    /// The device and Ironhand have no way of TLS in common; nothing was sent.
    #[error("no TLS with {address}: {reason}")]
    Tls {
        /// The address.
        address: String,
        /// Why.
        reason: String,
    },
    /// The device refused the login.
    #[error("the login of {username} was refused{}", .reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    LoginRefused {
        /// The account; empty where the device knows none.
        username: String,
        /// What the device said.
        reason: Option<String>,
    },
    /// The device is busy, or has no session left.
    #[error("it is busy: {reason}")]
    Busy {
        /// What the device said.
        reason: String,
    },
    /// The device refused what was asked.
    #[error("it refused: {reason}")]
    Refused {
        /// What the device said.
        reason: String,
    },
    /// The device accepted what was asked, and was not seen to do it.
    #[error("it was told to, and did not: {reason}")]
    NotKept {
        /// What is seen instead.
        reason: String,
    },
    /// The device has no picture to show: the machine sends none, or nothing watches it.
    #[error("there is no picture: {reason}")]
    NoPicture {
        /// What the device said.
        reason: String,
    },
    /// What the device answered makes no sense.
    #[error("its answer makes no sense: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// What must be durable before anything is sent could not be stored.
    #[error("nothing is sent, as the store failed: {reason}")]
    NotStored {
        /// What the store said.
        reason: String,
    },
    /// The answer to something that must not be done twice was lost.
    #[error("the answer was lost: it may or may not have been done")]
    OutcomeUnknown,
    /// An operation of Redfish did not reach its end.
    #[error(transparent)]
    Redfish(#[from] ironhand_redfish::Error),
    /// The connection to a remote framebuffer ended.
    #[error(transparent)]
    Rfb(#[from] ironhand_rfb::Error),
    /// The connection to a remote console of another kind ended.
    #[error(transparent)]
    Kvm(#[from] ironhand_kvm::Error),
}

/// Why a device does not prove who it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateProblem {
    /// Another certificate than the one that is pinned.
    #[error("its certificate changed: SHA-256 {shown} instead of {pinned}")]
    Changed {
        /// The digest of the one that was shown, in hexadecimal digits.
        shown: String,
        /// The digest of the pinned one.
        pinned: String,
    },
    /// No authority that is trusted vouches for it, or it is of another name, or not valid now.
    #[error("{0}")]
    NotTrusted(String),
    /// Another host key than the one that was given.
    #[error("its host key is {shown} instead of {expected}")]
    HostKey {
        /// The fingerprint of the one that was shown.
        shown: String,
        /// The fingerprint that was given.
        expected: String,
    },
    /// Another host key than the one that was shown first.
    #[error("its host key changed: {shown} instead of {pinned}")]
    HostKeyChanged {
        /// The fingerprint of the one that was shown.
        shown: String,
        /// The fingerprint of the pinned one.
        pinned: String,
    },
}

impl Error {
    /// What it says about the connector as a whole.
    pub fn reach(&self) -> Reach {
        use ironhand_redfish::Error as Redfish;
        match self {
            Self::Unreachable { .. }
            | Self::Hop { .. }
            | Self::Silent { .. }
            | Self::SilentToCommunity { .. }
            | Self::NoPicture { .. }
            | Self::OutcomeUnknown => Reach::Unreachable,
            Self::LoginRefused { .. }
            | Self::Redfish(Redfish::Unauthorized | Redfish::PasswordChangeRequired { .. }) => {
                Reach::AuthFailed
            }
            Self::Busy { .. } | Self::Redfish(Redfish::Busy { .. }) => Reach::Throttled,
            Self::Certificate { .. } => Reach::NotTrusted,
            Self::Rfb(error) => match error.condition() {
                ironhand_rfb::Condition::Unreachable => Reach::Unreachable,
                ironhand_rfb::Condition::AuthFailed => Reach::AuthFailed,
                ironhand_rfb::Condition::Throttled | ironhand_rfb::Condition::Refused => Reach::Throttled,
                ironhand_rfb::Condition::ProtocolError => Reach::ProtocolError,
            },
            Self::Kvm(error) => match error.condition() {
                ironhand_kvm::Condition::Unreachable => Reach::Unreachable,
                ironhand_kvm::Condition::AuthFailed => Reach::AuthFailed,
                ironhand_kvm::Condition::Refused => Reach::Throttled,
                ironhand_kvm::Condition::ProtocolError => Reach::ProtocolError,
            },
            _ => Reach::ProtocolError,
        }
    }

    /// Whether the credentials were refused, so that others may help.
    pub fn is_refusal(&self) -> bool {
        self.reach() == Reach::AuthFailed
    }

    /// Whether the device cannot do at all what was asked; nothing was done.
    pub fn is_unsupported(&self) -> bool {
        use ironhand_redfish::Error as Redfish;
        let by_redfish =
            |error: &_| matches!(error, Redfish::Unsupported { .. } | Redfish::Unlicensed { .. });
        matches!(self, Self::Unsupported { .. }) || matches!(self, Self::Redfish(error) if by_redfish(error))
    }

    /// Whether what was asked may have been done though it failed.
    pub fn leaves_doubt(&self) -> bool {
        matches!(self, Self::OutcomeUnknown)
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Unsupported { .. } | Self::Misconfigured { .. } | Self::LoginRefused { .. } => {
                Fault::Caller
            }
            Self::Unreachable { .. }
            | Self::Hop { .. }
            | Self::Silent { .. }
            | Self::SilentToCommunity { .. } => Fault::Network,
            Self::Redfish(
                ironhand_redfish::Error::NoSystem { .. } | ironhand_redfish::Error::Ambiguous { .. },
            ) => Fault::Caller,
            Self::NotStored { .. } => Fault::Server,
            Self::Rfb(_) | Self::Kvm(_) if self.reach() == Reach::Unreachable => Fault::Network,
            _ if self.is_refusal() => Fault::Caller,
            _ => Fault::Device,
        }
    }

    /// Whether the same may succeed later without anybody changing anything.
    pub fn retry(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Hop { .. }
                | Self::Silent { .. }
                | Self::SilentToCommunity { .. }
                | Self::Busy { .. }
                | Self::NoPicture { .. }
                | Self::NotStored { .. }
                | Self::Rfb(_)
                | Self::Kvm(_)
                | Self::Redfish(ironhand_redfish::Error::Busy { .. })
        )
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        use ironhand_redfish::Error as Redfish;
        match self {
            Self::Unsupported { .. } | Self::Redfish(Redfish::Unsupported { .. }) => "connector.unsupported",
            Self::Misconfigured { .. }
            | Self::Redfish(Redfish::NoSystem { .. } | Redfish::Ambiguous { .. }) => {
                "connector.misconfigured"
            }
            Self::Unreachable { .. } => "connector.unreachable",
            Self::Hop { .. } => "connector.hop",
            Self::Silent { .. } | Self::SilentToCommunity { .. } => "connector.silent",
            Self::Certificate { .. } => "connector.certificate",
            Self::Tls { .. } => "connector.tls",
            Self::LoginRefused { .. } | Self::Redfish(Redfish::Unauthorized) => "connector.login_refused",
            Self::Redfish(Redfish::PasswordChangeRequired { .. }) => "connector.password_change_required",
            Self::Busy { .. } | Self::Redfish(Redfish::Busy { .. }) => "connector.busy",
            Self::Refused { .. } | Self::Redfish(Redfish::Refused { .. } | Redfish::Forbidden { .. }) => {
                "connector.refused"
            }
            Self::Redfish(Redfish::Unlicensed { .. }) => "connector.unlicensed",
            Self::Redfish(Redfish::NoAccount { .. }) => "connector.no_account",
            Self::Redfish(Redfish::TaskFailed { .. } | Redfish::TaskEndless { .. }) => {
                "connector.task_failed"
            }
            Self::NotStored { .. } => "store.failed",
            Self::Rfb(error) => error.code(),
            Self::Kvm(error) => error.code(),
            Self::NoPicture { .. } => "connector.no_picture",
            Self::OutcomeUnknown => "connector.outcome_unknown",
            Self::NotKept { .. } | Self::Redfish(Redfish::NotKept { .. }) => "connector.not_kept",
            Self::Malformed { .. } | Self::Redfish(_) => "connector.malformed",
        }
    }

    /// What a person can do about it, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Certificate { problem: CertificateProblem::Changed { .. }, .. } => Some(
                "if the certificate was replaced on purpose, pin the new digest or forget the old pin: ironhand pin forget HOST",
            ),
            Self::Certificate { problem: CertificateProblem::HostKeyChanged { .. }, .. } => Some(
                "if it was replaced on purpose, write the new one into `hostKey` or forget the old pin: ironhand pin forget HOST",
            ),
            Self::Certificate { problem: CertificateProblem::HostKey { .. }, .. } => Some(
                "compare it with `ssh-keygen -lf` of the server's ed25519 key; if it was replaced on purpose, write it into `hostKey`",
            ),
            Self::Tls { .. } => {
                Some("it must speak TLS 1.2 or later; where its firmware cannot be renewed, use IPMI")
            }
            Self::Unreachable { .. } | Self::Silent { .. } => {
                Some("check the connector's address and port, and the network between")
            }
            Self::Redfish(ironhand_redfish::Error::Unlicensed { .. }) => Some(
                "another connector of the host may do it without a licence, as ipmi does on most controllers",
            ),
            Self::SilentToCommunity { .. } => Some(
                "check the connector's address and port, the community, and which addresses the strip answers to",
            ),
            Self::NoPicture { .. } => Some(
                "check that the machine is on and its video cable is plugged in; a key may wake its screen",
            ),
            Self::Rfb(_) if self.reach() == Reach::Unreachable => {
                Some("check the connector's address and port, and the network between")
            }
            _ if self.is_refusal() => Some("check the credentials that the host names"),
            _ => None,
        }
    }
}
