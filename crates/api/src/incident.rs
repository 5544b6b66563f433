//! What opens when a host is unwell and closes when it is proven well.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Name, PictureDigest, Timestamp};

/// A time of illness of one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    /// Rises with each incident.
    pub id: u64,
    /// The host.
    pub host: Name,
    /// What was seen, in words.
    pub cause: String,
    /// The flow that recognised it; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<Name>,
    /// Where it stands.
    pub state: IncidentState,
    /// Why it stands there, in words.
    pub reason: String,
    /// When the host was last seen without it: the last look at its screen, or else the first check that failed. Absent where it was unwell at the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_well_at: Option<Timestamp>,
    /// When it opened.
    pub opened_at: Timestamp,
    /// When it closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// How many runs were made.
    pub attempts: u32,
    /// The text of the screen, where no flow recognises it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_screen: Option<String>,
    /// The screen when it opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_picture: Option<PictureDigest>,
    /// The last screen kept: of the proof when it closed, or what a person should look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_picture: Option<PictureDigest>,
}

/// Screens of unwell hosts that are alike and that no flow recognises: one flow may do for all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnknownScreen {
    /// The text of one of them.
    pub text: String,
    /// The hosts that show them.
    pub hosts: Vec<Name>,
    /// Their incidents, in the order of the hosts.
    pub incidents: Vec<u64>,
    /// Since when the first of them shows it.
    pub since: Timestamp,
    /// The picture that the text was read of, where it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<PictureDigest>,
}

/// Where an [`Incident`] stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// Open; the next run waits.
    Open,
    /// A run works on it.
    Recovering,
    /// Ironhand has done what it may: a person must look.
    NeedsHuman,
    /// The host is proven well.
    Closed,
}

impl fmt::Display for IncidentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Open => "open",
            Self::Recovering => "recovering",
            Self::NeedsHuman => "needs human",
            Self::Closed => "closed",
        })
    }
}
