//! Whether what was found proves that a host is without power.
//!
//! Somebody is about to start the host's work elsewhere, and two copies of it would destroy what both write to. So only
//! three things prove it: the controller reporting off twice, in sessions of their own with time between them; every
//! outlet that feeds the host read back as off; the word of a person who gives their name. A controller that cannot be
//! reached proves nothing: it loses its power together with its server, but a broken cable looks the same.

use std::time::Duration;

use ironhand_api::{FenceEvidence, FenceReport, Name, Timestamp};

use crate::facts::in_words;

/// Judges what was found, in the order in which it was found. `gap` is the least time between the two readings.
///
/// A report of power voids everything found before it, whatever it was.
pub fn judge_fence(host: &Name, evidence: Vec<FenceEvidence>, gap: Duration) -> FenceReport {
    let mut findings = Findings::default();
    for found in &evidence {
        findings.take(found, gap);
    }
    let (fenced, reason) = match findings.proof() {
        Some(proof) => (true, proof),
        None => (false, findings.missing(gap)),
    };
    FenceReport { host: host.clone(), fenced, reason, evidence }
}

/// What still stands of the evidence so far.
#[derive(Default)]
struct Findings<'e> {
    /// Readings of off: when, through what, in which session.
    offs: Vec<(Timestamp, &'e str, u32)>,
    /// Two of them prove it.
    twice: Option<String>,
    outlets: Option<(&'e str, u32, u32)>,
    attested: Option<(&'e str, &'e str)>,
    /// The last thing that speaks against it, in words.
    against: Option<String>,
}

impl<'e> Findings<'e> {
    fn take(&mut self, found: &'e FenceEvidence, gap: Duration) {
        match found {
            FenceEvidence::Reading { source, off: false, .. } => {
                let against = format!("{source} does not report the host off");
                *self = Self { against: Some(against), ..Self::default() };
            }
            FenceEvidence::Reading { at, source, session, off: true } => {
                let first = self.offs.iter().find(|(before, _, other)| {
                    *other != *session && at.since(*before) >= gap && *at > *before
                });
                if let Some((before, ..)) = first {
                    let apart = in_words(at.since(*before));
                    self.twice = Some(format!(
                        "{source} reported it off twice, {apart} apart, in a session of its own each time"
                    ));
                }
                self.offs.push((*at, source, *session));
            }
            FenceEvidence::NoAnswer { source, reason, .. } => {
                self.against = Some(format!("{source}: {reason}; that nothing answers proves nothing"));
            }
            // The last reading counts: an outlet may have been switched on again.
            FenceEvidence::Outlets { source, off, all, .. } => self.outlets = Some((source, *off, *all)),
            FenceEvidence::Attested { by, statement, .. } => {
                self.attested = Some((by.trim(), statement.trim()))
            }
        }
    }

    fn proof(&self) -> Option<String> {
        if self.twice.is_some() {
            return self.twice.clone();
        }
        if let Some((source, off, all)) = self.outlets
            && all > 0
            && off == all
        {
            return Some(format!("every outlet that feeds it ({all}) is read back as off through {source}"));
        }
        match self.attested {
            Some((by, statement)) if !by.is_empty() && !statement.is_empty() => {
                Some(format!("{by} says so: {statement}"))
            }
            Some((by, _)) if !by.is_empty() => Some(format!("{by} says so")),
            _ => None,
        }
    }

    fn missing(&self, gap: Duration) -> String {
        if self.attested.is_some() {
            return "nobody answers for it: the person who has seen it must give their name".to_owned();
        }
        if let Some((source, off, all)) = self.outlets {
            return format!(
                "{off} of the {all} outlets that feed the host are read back as off through {source}"
            );
        }
        if let Some((_, source, _)) = self.offs.last() {
            return format!(
                "{source} reported the host off; a second such reading in a session of its own, at least {} later, \
                 is needed",
                in_words(gap)
            );
        }
        self.against.clone().unwrap_or_else(|| "nothing was found out".to_owned())
    }
}

#[cfg(test)]
mod tests;
