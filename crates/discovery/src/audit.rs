//! What is wrong with how a controller is kept: checks over what it showed.
//!
//! A check is a row of [`CHECKS`]: a pure function that gives the evidence, or nothing. No check tries a weakness out.

mod checks;
mod sarif;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use crate::{Gathered, Identity, Inside};

pub use checks::{CHECKS, FLEET_CHECKS};
use checks::{SHARED_KEY, SHARED_PASSWORD};
pub use sarif::sarif;

/// The longest name of something shared that is shown, in characters.
const LONGEST_NAME: usize = 64;

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
#[derive(Debug)]
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
    inside: &'a Inside,
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

/// The faults of one address, the worst first. `inside` is what it told to those that it lets in, `now` in seconds since
/// 1970.
pub fn findings(gathered: &Gathered, identity: &Identity, inside: &Inside, now: i64) -> Vec<Finding> {
    let seen = Seen { gathered, identity, inside, now };
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

/// Something secret that several addresses have in common, found over a whole fleet.
#[derive(Debug)]
pub struct Shared {
    check: &'static Check,
    /// What it is called in findings.
    what: &'static str,
    addresses: BTreeMap<String, Vec<IpAddr>>,
}

impl Shared {
    /// Finds the keys of certificates that are shared. Each is named by its digest.
    pub const fn keys() -> Self {
        Self { check: &SHARED_KEY, what: "show the key with the digest", addresses: BTreeMap::new() }
    }

    /// Finds the passwords that are shared. Each is named by its credential.
    pub const fn passwords() -> Self {
        Self {
            check: &SHARED_PASSWORD,
            what: "accept the password of the credential",
            addresses: BTreeMap::new(),
        }
    }

    /// Takes what one address has.
    pub fn take(&mut self, address: IpAddr, name: &str) {
        let name = name.chars().take(LONGEST_NAME).collect();
        self.addresses.entry(name).or_default().push(address);
    }

    /// One finding for each address that shares what it has.
    pub fn findings(&self) -> Vec<Finding> {
        let shared = self.addresses.iter().filter(|(_, addresses)| addresses.len() > 1);
        let each = shared.flat_map(|(name, addresses)| {
            let count = addresses.len();
            addresses.iter().map(move |address| Finding {
                id: self.check.id,
                severity: self.check.severity,
                address: *address,
                evidence: format!("{count} addresses {} {name}", self.what),
                remedy: self.check.remedy,
            })
        });
        each.collect()
    }
}

#[cfg(test)]
mod tests;
