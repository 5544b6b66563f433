//! Proof that a host is without power, for those who are about to start its work elsewhere.

use serde::{Deserialize, Serialize};

use crate::{Name, Timestamp};

/// The body of `POST /api/v1/hosts/{name}/fence`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FenceRequest {
    /// A person who has seen with their own eyes that the host is without power, and answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attested_by: Option<String>,
    /// What that person has seen or done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
}

/// What is known of a host's power for the purpose of fencing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FenceReport {
    /// The host.
    pub host: Name,
    /// Whether it is proven to be without power. Never true because a controller cannot be reached.
    pub fenced: bool,
    /// Why, in words.
    pub reason: String,
    /// What was found, in order.
    pub evidence: Vec<FenceEvidence>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum FenceEvidence {
    /// The controller reported the power state, in a session that was opened for this reading.
    #[serde(rename_all = "camelCase")]
    Reading {
        /// When.
        at: Timestamp,
        /// The connector, like `ipmi 10.0.7.12`.
        source: String,
        /// Which session of the fencing it was, from 1; readings of one session are one reading.
        session: u32,
        /// Whether it reported the host off; anything else is no proof.
        off: bool,
    },
    /// Nothing was learned from the controller: no proof of anything.
    #[serde(rename_all = "camelCase")]
    NoAnswer {
        /// When.
        at: Timestamp,
        /// The connector.
        source: String,
        /// Why.
        reason: String,
    },
    /// Outlets that feed the host.
    #[serde(rename_all = "camelCase")]
    Outlets {
        /// When.
        at: Timestamp,
        /// The connector.
        source: String,
        /// How many of the host's feeds were read back as off.
        off: u32,
        /// How many feeds the host has.
        all: u32,
    },
    /// The word of a person.
    #[serde(rename_all = "camelCase")]
    Attested {
        /// When.
        at: Timestamp,
        /// Who.
        by: String,
        /// What they said.
        statement: String,
    },
}
