//! Steps that tell somebody, or write to a line of the host.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Name;

/// Tells a notifier something: `notify: oncall`, or with a text of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Notify {
    /// What the flow does, and why.
    Plain(Name),
    /// A text.
    #[serde(rename_all = "camelCase")]
    Text {
        /// The notifier.
        to: Name,
        /// What it is told.
        text: String,
    },
}

impl Notify {
    /// The notifier.
    pub const fn to(&self) -> &Name {
        match self {
            Self::Plain(to) | Self::Text { to, .. } => to,
        }
    }

    /// The text, where the flow gives one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Plain(_) => None,
            Self::Text { text, .. } => Some(text),
        }
    }
}

impl fmt::Display for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tell notifier {}", self.to())?;
        self.text().map_or(Ok(()), |text| write!(f, ": {text}"))
    }
}

/// Writes to the serial console: `serial: 'reboot<Enter>'`, in the grammar of keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Serial {
    /// What is written.
    Plain(String),
    /// The same, written out.
    #[serde(rename_all = "camelCase")]
    Full {
        /// What is written.
        send: String,
    },
}

impl Serial {
    /// What is written.
    pub fn send(&self) -> &str {
        match self {
            Self::Plain(send) | Self::Full { send } => send,
        }
    }

    /// The same place for another text.
    pub const fn send_mut(&mut self) -> &mut String {
        match self {
            Self::Plain(send) | Self::Full { send } => send,
        }
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "write `{}` to the serial console", self.send())
    }
}

/// A command to the management controller that has no name here (IPMI 2.0 section 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IpmiRaw {
    /// The network function of the request: even, 0 to 0x3e.
    pub net_fn: u8,
    /// The command.
    pub command: u8,
    /// Its data, at most 248 bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<u8>,
    /// The completion code that is right; 0 where absent.
    #[serde(default)]
    pub expect_completion: u8,
    /// Whether doing it twice is doing it once.
    #[serde(default)]
    pub idempotent: bool,
}

impl fmt::Display for IpmiRaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "send IPMI {:#04x} {:#04x}", self.net_fn, self.command)?;
        self.data.iter().try_for_each(|byte| write!(f, " {byte:#04x}"))
    }
}
