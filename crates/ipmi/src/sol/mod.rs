//! Serial over LAN: the characters of a machine's serial port inside an RMCP+ session (IPMI 2.0 chapter 15).
//!
//! Each direction has one numbered packet outstanding until the other end tells how many of its characters it took; the
//! others are sent again under a new number. `sender` and `receiver` are these two ends of a direction; `console`
//! and `redirection`, the BMC's side, each have one of both. `payload` and `parameter` are the commands that open, close
//! and configure it.
//!
//! # Every character once
//!
//! Numbers come round after 15 packets, so a packet that the network kept back could pass for a new one. Session sequence
//! numbers do not: whatever was sent before the packet that settled something is not about what came after it. This also
//! makes the numbers themselves free to jump, which those of some BMCs do.
//!
//! One gap is left by the protocol: a BMC that adds characters to a packet when it sends it again, and gets the
//! acknowledgement of the shorter one late, sends the added ones twice.

mod config;
pub(crate) mod console;
mod info;
pub(crate) mod packet;
pub(crate) mod parameter;
pub(crate) mod payload;
pub(crate) mod receiver;
pub(crate) mod redirection;
pub(crate) mod sender;

pub use config::{SerialAlerts, SerialProbe, SolClosed, SolConfig, SolEvent};
pub use info::{ReadSolInfo, SolInfo};
pub use parameter::{BitRate, SetSolParameter, SolAccumulate, SolAuthentication, SolParameter, SolRetry};
pub use payload::{
    ActivateSol, ChannelPayloadSupport, DeactivateSol, GetChannelPayloadSupport, GetSolActivationStatus,
    GetSolInstanceInfo, GetSolPayloadVersion, GetUserSolAccess, PayloadVersion, SetUserSolAccess,
    SolActivation, SolActivationStatus, SolInstanceInfo,
};

#[cfg(test)]
mod tests;
