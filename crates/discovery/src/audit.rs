//! What is wrong with how a controller is kept: checks over what it showed.
//!
//! A check is a row of [`CHECKS`]: a pure function that gives the evidence, or nothing. No check tries a weakness out.

mod checks;
mod sarif;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use crate::{Gathered, Identity};

pub use checks::CHECKS;
pub use sarif::sarif;

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Weakens what else protects.
    Low,
    /// Helps an attacker who has something else already.
    Medium,
    /// Gives an attacker on the network a way in, with effort.
    High,
    /// Lets anybody on the network in.
    Critical,
}

impl Severity {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// A check.
pub struct Check {
    /// The stable identifier.
    pub id: &'static str,
    /// What is checked, as the fault that it finds.
    pub title: &'static str,
    /// How bad the fault is.
    pub severity: Severity,
    /// What to do about it.
    pub remedy: &'static str,
    /// Gives the evidence where the fault is there.
    find: fn(&Seen<'_>) -> Option<String>,
}

/// What checks go by.
struct Seen<'a> {
    gathered: &'a Gathered,
    identity: &'a Identity,
    /// Seconds since 1970.
    now: i64,
}

/// A fault that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The identifier of the check.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub address: IpAddr,
    /// What was seen.
    pub evidence: String,
    /// What to do about it.
    pub remedy: &'static str,
}

/// The faults of one address, the worst first. `now` is in seconds since 1970.
pub fn findings(gathered: &Gathered, identity: &Identity, now: i64) -> Vec<Finding> {
    let seen = Seen { gathered, identity, now };
    let found = CHECKS.iter().filter_map(|check| {
        (check.find)(&seen).map(|evidence| Finding {
            id: check.id,
            severity: check.severity,
            address: gathered.address,
            evidence,
            remedy: check.remedy,
        })
    });
    let mut found: Vec<Finding> = found.collect();
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    found
}

/// Keys of certificates that several addresses share, found over a whole fleet.
#[derive(Debug, Default)]
pub struct SharedKeys {
    addresses: BTreeMap<String, Vec<IpAddr>>,
}

impl SharedKeys {
    /// The check of which these are the findings.
    pub const CHECK: Check = Check {
        id: "TLS-SHARED-KEY",
        title: "several controllers hold the same private key",
        severity: Severity::Medium,
        remedy: "give each controller a certificate with a key of its own; the shared one is in the firmware that anybody can download",
        find: |_| None,
    };

    /// Takes what one address showed.
    pub fn take(&mut self, gathered: &Gathered) {
        let certificate = gathered.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
        if let Some(certificate) = certificate {
            self.addresses.entry(certificate.key_sha256.clone()).or_default().push(gathered.address);
        }
    }

    /// One finding for each address that shares a key.
    pub fn findings(&self) -> Vec<Finding> {
        let shared = self.addresses.iter().filter(|(_, addresses)| addresses.len() > 1);
        let each = shared.flat_map(|(digest, addresses)| {
            let count = addresses.len();
            addresses.iter().map(move |address| Finding {
                id: Self::CHECK.id,
                severity: Self::CHECK.severity,
                address: *address,
                evidence: format!(
                    "{count} addresses show the key with the digest {}",
                    &digest[..digest.len().min(16)]
                ),
                remedy: Self::CHECK.remedy,
            })
        });
        each.collect()
    }
}

#[cfg(test)]
mod tests;
