//! What was observed of a host: separate facts, each with time and source.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AlertCause, CheckStatus, ConsoleHolder, HostHardware, Management, PictureDigest, Said, Timestamp,
};

/// One observed value, with when and through what it was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fact<T> {
    /// The value.
    pub value: T,
    /// When it was last observed to be so.
    pub observed_at: Timestamp,
    /// When it became so, as far as was observed.
    pub since: Timestamp,
    /// The connector that saw it, like `ipmi 10.0.7.12`.
    pub source: String,
    /// What was seen in words, where the value alone does not tell: the reason of a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Whether the host has power.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PowerState {
    /// Powered.
    On,
    /// Not powered.
    Off,
    /// Told to power on; not yet seen on.
    TurningOn,
    /// Told to power off; not yet seen off.
    TurningOff,
    /// Never seen, or contact is lost.
    #[default]
    Unknown,
}

impl fmt::Display for PowerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::On => "on",
            Self::Off => "off",
            Self::TurningOn => "turning on",
            Self::TurningOff => "turning off",
            Self::Unknown => "unknown",
        })
    }
}

/// How well a management controller, or a screen, can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// It answers.
    Ok,
    /// Nothing comes back.
    Unreachable,
    /// It refuses the user name or password.
    AuthFailed,
    /// What comes back is not the protocol.
    ProtocolError,
    /// It is busy, or out of sessions.
    Throttled,
    /// It does not prove that it is the device that was meant: its certificate changed, or nobody vouches for it.
    NotTrusted,
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Unreachable => "unreachable",
            Self::AuthFailed => "authentication failed",
            Self::ProtocolError => "protocol error",
            Self::Throttled => "throttled",
            Self::NotTrusted => "not trusted",
        })
    }
}

/// The state that people see at a glance, derived from the facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Icon {
    /// Seen on, and reachable.
    On,
    /// Seen off, and reachable.
    Off,
    /// Not known now.
    Unknown,
    /// Not managed.
    Disabled,
}

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::On => "On",
            Self::Off => "Off",
            Self::Unknown => "Unknown",
            Self::Disabled => "Disabled",
        })
    }
}

/// What a screen shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScreenKind {
    /// One colour.
    Blank,
    /// Characters on a grid.
    Text,
    /// A picture, or text that cannot be read with certainty.
    Graphics,
}

impl fmt::Display for ScreenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Blank => "blank",
            Self::Text => "text",
            Self::Graphics => "graphics",
        })
    }
}

/// The last reading of a host's screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScreenStatus {
    /// When it was read.
    pub read_at: Timestamp,
    /// What it shows.
    pub kind: ScreenKind,
    /// The last line that is not blank, as a person would glance at it.
    pub headline: String,
    /// Whether the reading may be acted on.
    pub reliable: bool,
}

/// How the host fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// No incident is open.
    #[default]
    Well,
    /// An incident is open and nothing runs at this moment.
    Unwell,
    /// A run works on the incident.
    Recovering,
    /// Ironhand has done what it may: a person must look.
    NeedsHuman,
    /// No incident is open, but the controller or the screen cannot be reached: nobody can tell.
    Unknown,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Well => "well",
            Self::Unwell => "unwell",
            Self::Recovering => "recovering",
            Self::NeedsHuman => "needs human",
            Self::Unknown => "unknown",
        })
    }
}

/// One of several ways to a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WayStatus {
    /// The connector, like `redfish 10.0.7.12`.
    pub connector: String,
    /// Whether it can be used; absent before the first attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<Fact<Reach>>,
    /// The host between that connections are made through, like `jump host 10.0.0.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<String>,
    /// Its addresses in the order of the manifest, where it has several or is reached through a host between.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<PathStatus>,
}

/// One of several addresses of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PathStatus {
    /// The address.
    pub address: String,
    /// Whether the device is spoken to over it now.
    pub in_use: bool,
    /// Whether it worked when it was tried last; absent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub works: Option<bool>,
    /// Since when it works, or does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Why it does not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One of several connectors through which a screen can be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScreenWay {
    /// The connector, like `redfish 10.0.7.12`.
    pub connector: String,
    /// Whether the screen is seen through it now.
    pub in_use: bool,
    /// Whether it let us in when it was tried last; absent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub works: Option<bool>,
    /// Since when it works, or does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Whether the device shows no screen at all, which is no fault of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsupported: bool,
    /// Why it is left alone for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Everything observed of one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostStatus {
    /// Power, as the management controller reports it. The last known value stays when contact is lost; its age
    /// tells.
    pub power: Option<Fact<PowerState>>,
    /// Whether the management controller answers.
    pub reach: Option<Fact<Reach>>,
    /// Whether the screen can be seen.
    pub screen_reach: Option<Fact<Reach>>,
    /// Whether the host is managed; absent before its server has taken it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management: Option<Fact<Management>>,
    /// That somebody works on the host: present while it is in maintenance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Said>,
    /// That the host is proven to be without power: present from a fencing until power is seen, or wanted, again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fenced: Option<Fact<bool>>,
    /// The causes of the alerts that are open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<AlertCause>,
    /// The server that works on the host; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The connectors beside screens, in the order in which they are tried; empty where there is one, with one address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ways: Vec<WayStatus>,
    /// The connectors through which the screen can be seen, in the order in which they are preferred; empty where there
    /// is one, unless its device shows none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub screens: Vec<ScreenWay>,
    /// Who has its console; absent where nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console: Option<ConsoleHolder>,
    /// What the host itself was asked, in the order of their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckStatus>,
    /// What it is; absent before its inventory was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware: Option<HostHardware>,
    /// Derived from the facts above.
    pub icon: Icon,
    /// The last reading of the screen.
    pub screen: Option<ScreenStatus>,
    /// How the host fares.
    pub health: Health,
    /// The open incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<u64>,
    /// The picture of the last reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<PictureDigest>,
}
