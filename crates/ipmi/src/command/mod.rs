//! Commands and their data: what goes into a request and what its reply says.
//!
//! A command is a type that implements [`Command`]; [`Request`] and [`Reply`] gather those that
//! [`Client::submit`](crate::Client::submit) takes. The same types encode and decode on the BMC side.

mod app;
mod boot;
mod channel;
mod chassis;
mod request;
mod session15;

pub(crate) use app::{CloseSession, SetSessionPrivilegeLevel};
pub use app::{DeviceId, GetDeviceId, GetSystemGuid, IpmiVersion, SystemGuid};
pub(crate) use boot::parameter;
pub use boot::{BootDevice, BootFlags, GetBootFlags};
pub use channel::{
    AuthenticationCapabilities, AuthenticationType, AuthenticationTypes,
    GetChannelAuthenticationCapabilities, GetChannelCipherSuites,
};
pub(crate) use channel::{encode_suite_records, suite_numbers};
pub use chassis::{
    ButtonSet, ChassisControl, ChassisStatus, FrontPanelButtons, GetChassisStatus, IdentifyState,
    RestorePolicy,
};
pub(crate) use request::Step;
pub use request::{RawCommand, Reply, Request};
pub(crate) use session15::{
    ActivateSession, ActivatedSession, GetSessionChallenge, SessionChallenge, padded_name,
};

use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;

/// Network functions (table 5-1). Requests are even; the reply's is one more.
pub mod netfn {
    /// Chassis: power and boot.
    pub const CHASSIS: u8 = 0x00;
    /// Sensors and events.
    pub const SENSOR_EVENT: u8 = 0x04;
    /// Application: the BMC itself, its sessions, users and channels.
    pub const APP: u8 = 0x06;
    /// Storage: SEL, SDR, FRU.
    pub const STORAGE: u8 = 0x0A;
    /// Transport: LAN and serial configuration.
    pub const TRANSPORT: u8 = 0x0C;
}

/// A command of the specification: its numbers, its request data and how to read its reply.
pub trait Command {
    /// What a successful reply says.
    type Reply;

    /// Network function of the request: an even number.
    const NETFN: u8;
    /// Command number.
    const CMD: u8;
    /// The lowest privilege level at which a BMC carries the command out (appendix G).
    const PRIVILEGE: PrivilegeLevel;
    /// Whether doing it twice is the same as doing it once, so that it may be sent again when no reply came.
    const REPEATABLE: bool;

    /// Appends the request's data.
    fn encode(&self, data: &mut Vec<u8>);

    /// Reads a successful reply's data, without the completion code. Surplus bytes are accepted: BMCs send them.
    fn decode(data: &[u8]) -> Result<Self::Reply, Fault>;
}

#[cfg(test)]
mod tests;
