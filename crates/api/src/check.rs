//! Checks: whether a host itself answers, past its management controller.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{Fact, Name, Span};

/// One thing that a host is looked at by, beside its controller and its screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What is asked of the host.
    #[serde(flatten)]
    pub probe: Probe,
    /// What conditions call it; the word of what is asked where absent, like `ping`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Between two checks; [`Check::EVERY`] where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
    /// For how long it must fail before the host counts as unwell; [`Check::AFTER`] where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Span>,
    /// How long an answer may take; [`Check::TIMEOUT`] where absent. For a heartbeat: how late it may be, as long as
    /// its interval where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
}

/// What is asked of a host, or expected of it.
///
/// `{host}` in an address or a URL stands for the name of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Probe {
    /// An ICMP echo of this address.
    Ping(String),
    /// A TCP connection to this address and port.
    Tcp(String),
    /// An answer of an HTTP server.
    Http(HttpCheck),
    /// The greeting of an SSH server at this address, and port where it is not 22.
    Ssh(String),
    /// A signed message that the host sends by itself.
    Heartbeat(HeartbeatCheck),
}

/// An answer of an HTTP server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpCheck {
    /// What is fetched, by GET.
    pub url: String,
    /// The status that is expected; 200 to 399 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// A text that must stand within the first 64 KiB of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
}

/// What is expected of a host that sends heartbeats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeartbeatCheck {
    /// How often the host sends one.
    pub every: Span,
}

/// What sort of thing a check asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckKind {
    /// [`Probe::Ping`]
    Ping,
    /// [`Probe::Tcp`]
    Tcp,
    /// [`Probe::Http`]
    Http,
    /// [`Probe::Ssh`]
    Ssh,
    /// [`Probe::Heartbeat`]
    Heartbeat,
}

impl fmt::Display for CheckKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ping => "ping",
            Self::Tcp => "tcp",
            Self::Http => "http",
            Self::Ssh => "ssh",
            Self::Heartbeat => "heartbeat",
        })
    }
}

impl Check {
    /// Between two checks, where the manifest does not say.
    pub const EVERY: Duration = Duration::from_secs(15);

    /// For how long a check must fail before the host counts as unwell, where the manifest does not say: longer than a
    /// switch takes to start.
    pub const AFTER: Duration = Duration::from_secs(60);

    /// How long an answer may take, where the manifest does not say.
    pub const TIMEOUT: Duration = Duration::from_secs(3);

    /// What conditions call it.
    pub fn name(&self) -> String {
        self.name.as_ref().map_or_else(|| self.probe.kind().to_string(), ToString::to_string)
    }

    /// Between two checks; of a heartbeat, how often one is expected.
    pub fn every(&self) -> Duration {
        match &self.probe {
            Probe::Heartbeat(heartbeat) => heartbeat.every.duration(),
            _ => self.every.map_or(Self::EVERY, Span::duration),
        }
    }

    /// For how long it must fail before the host counts as unwell.
    pub fn after(&self) -> Duration {
        self.after.map_or(Self::AFTER, Span::duration)
    }

    /// How long an answer may take, or how late a heartbeat may be.
    pub fn timeout(&self) -> Duration {
        match (&self.timeout, &self.probe) {
            (Some(timeout), _) => timeout.duration(),
            (None, Probe::Heartbeat(heartbeat)) => heartbeat.every.duration(),
            (None, _) => Self::TIMEOUT,
        }
    }

    /// The check with the name of the host in place of `{host}`.
    #[must_use]
    pub fn of_host(&self, host: &Name) -> Self {
        let named = |text: &String| text.replace("{host}", host.as_str());
        let probe = match &self.probe {
            Probe::Ping(address) => Probe::Ping(named(address)),
            Probe::Tcp(address) => Probe::Tcp(named(address)),
            Probe::Ssh(address) => Probe::Ssh(named(address)),
            Probe::Http(http) => Probe::Http(HttpCheck { url: named(&http.url), ..http.clone() }),
            Probe::Heartbeat(heartbeat) => Probe::Heartbeat(heartbeat.clone()),
        };
        Self { probe, ..self.clone() }
    }

    /// The first name that two of the checks share.
    pub fn shared_name(checks: &[Self]) -> Option<String> {
        let mut names = BTreeSet::new();
        checks.iter().map(Self::name).find(|name| !names.insert(name.clone()))
    }
}

impl Probe {
    /// What sort of thing is asked.
    pub const fn kind(&self) -> CheckKind {
        match self {
            Self::Ping(_) => CheckKind::Ping,
            Self::Tcp(_) => CheckKind::Tcp,
            Self::Http(_) => CheckKind::Http,
            Self::Ssh(_) => CheckKind::Ssh,
            Self::Heartbeat(_) => CheckKind::Heartbeat,
        }
    }
}

impl fmt::Display for Probe {
    /// What is asked, like `ping 10.1.7.12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ping(address) | Self::Tcp(address) | Self::Ssh(address) => {
                write!(f, "{} {address}", self.kind())
            }
            Self::Http(http) => write!(f, "http {}", http.url),
            Self::Heartbeat(heartbeat) => write!(f, "heartbeat every {}", heartbeat.every),
        }
    }
}

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    /// The host answered as it should.
    Passing,
    /// It did not.
    Failing,
    /// Nobody can tell: it could not be asked from here.
    Unknown,
}

impl fmt::Display for CheckState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passing => "passing",
            Self::Failing => "failing",
            Self::Unknown => "unknown",
        })
    }
}

/// A check of a host, with what it came to last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckStatus {
    /// What conditions call it.
    pub name: String,
    /// What sort of thing it asks.
    pub kind: CheckKind,
    /// What it asks, like `ping 10.1.7.12`.
    pub asks: String,
    /// For how long it must fail before the host counts as unwell.
    pub after: Span,
    /// What it came to; absent before it was first made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Fact<CheckState>>,
}

/// How manifests may write checks: one alone, or a list.
pub(crate) fn checks_schema(generator: &mut SchemaGenerator) -> Schema {
    let (one, several) = (generator.subschema_for::<Check>(), generator.subschema_for::<Vec<Check>>());
    json_schema!({ "anyOf": [one, several] })
}
