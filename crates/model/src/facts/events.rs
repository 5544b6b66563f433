//! What the controller told of: new entries of its event log, and the events that it sends.

use std::collections::{BTreeSet, VecDeque};

use ironhand_api::{EventSource, LogEntry, Timestamp};
use serde::{Deserialize, Serialize};

use super::HostFacts;

/// Events that are kept of a host; a controller that tells more between two looks tells of one thing many times.
const KEPT: usize = 32;

/// The longest text that is kept of one, in characters: a few rows of a screen.
const LONGEST: usize = 300;

/// The longest name of an entry of the log that is told apart, in characters.
const LONGEST_ID: usize = 64;

/// Entries of the log that are known again.
const KNOWN: usize = 128;

/// An event as conditions see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventSeen {
    /// Where it was seen.
    pub source: EventSource,
    /// What it said.
    pub text: String,
    /// When it was first seen here. The clocks of controllers are not relied upon.
    pub at: Timestamp,
}

/// What the controller of a host told of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct EventFacts {
    /// The newest last.
    told: VecDeque<EventSeen>,
    /// Where it is known what was told, and what was not.
    watched: BTreeSet<EventSource>,
    /// The entries of the last reading of the log.
    in_log: BTreeSet<String>,
}

impl EventFacts {
    pub(super) fn is_empty(&self) -> bool {
        self.watched.is_empty() && self.told.is_empty()
    }

    fn add(&mut self, source: EventSource, text: &str, at: Timestamp) {
        self.told.push_back(EventSeen { source, text: text.chars().take(LONGEST).collect(), at });
        while self.told.len() > KEPT {
            self.told.pop_front();
        }
    }
}

/// What tells an entry of a log from the others, also after the log was cleared and its numbers begin anew.
fn identity(entry: &LogEntry) -> String {
    let id: String = entry.id.chars().take(LONGEST_ID).collect();
    let log: String = entry.log.iter().flat_map(|log| log.chars()).take(LONGEST_ID).collect();
    format!("{log}/{id}@{}", entry.at.map_or(0, |at| at.as_millis()))
}

impl HostFacts {
    /// Takes in a reading of the newest entries of the event log. What stands there at the first reading happened before
    /// anybody looked, and is no event; says whether there are any.
    pub fn read_log(&mut self, at: Timestamp, entries: &[LogEntry]) -> bool {
        let is_first = self.events.watched.insert(EventSource::Sel);
        let known = std::mem::take(&mut self.events.in_log);
        let mut is_new = false;
        for entry in entries.iter().take(KNOWN) {
            let identity = identity(entry);
            if !is_first && !known.contains(&identity) {
                let about = entry.about.as_ref().map(|about| format!("{about}: ")).unwrap_or_default();
                self.events.add(EventSource::Sel, &format!("{about}{}", entry.message), at);
                is_new = true;
            }
            self.events.in_log.insert(identity);
        }
        is_new
    }

    /// Takes in that the controller sends its events, or sends them no longer.
    pub fn listen(&mut self, listens: bool) {
        if listens {
            self.events.watched.insert(EventSource::Redfish);
        } else {
            self.events.watched.remove(&EventSource::Redfish);
        }
    }

    /// Takes in an event that the controller sent.
    pub fn hear(&mut self, at: Timestamp, text: &str) {
        self.listen(true);
        self.events.add(EventSource::Redfish, text, at);
    }

    /// What the controller told of lately, the newest last.
    pub fn events(&self) -> impl Iterator<Item = &EventSeen> {
        self.events.told.iter()
    }

    /// Where it is known what the controller told of, and what not.
    pub const fn watched_events(&self) -> &BTreeSet<EventSource> {
        &self.events.watched
    }
}

#[cfg(test)]
mod tests {
    use ironhand_api::Severity;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn entry(id: &str, time: i64, message: &str) -> LogEntry {
        LogEntry {
            id: id.to_owned(),
            log: None,
            at: Some(at(time)),
            severity: Severity::Warning,
            message: message.to_owned(),
            about: Some("DIMM A1".to_owned()),
        }
    }

    fn told(facts: &HostFacts) -> Vec<(&str, i64)> {
        facts.events().map(|event| (event.text.as_str(), event.at.as_millis() / 1000)).collect()
    }

    #[test]
    fn an_entry_is_an_event_once_and_at_the_time_of_the_server() {
        let mut facts = HostFacts::new();
        let old = entry("1", 5, "old");
        assert!(!facts.read_log(at(100), std::slice::from_ref(&old)), "it was there before");
        let new = entry("2", 7, "Uncorrectable ECC");
        assert!(facts.read_log(at(160), &[old.clone(), new.clone()]));
        assert!(!facts.read_log(at(220), &[new, old]), "nothing is new, whatever the order");
        assert_eq!(told(&facts), [("DIMM A1: Uncorrectable ECC", 160)]);
        // The log was cleared, and its numbers begin anew.
        assert!(facts.read_log(at(280), &[entry("1", 250, "log cleared")]));
        assert_eq!(told(&facts).last(), Some(&("DIMM A1: log cleared", 280)));
        let kept = serde_json::to_string(&facts).unwrap();
        assert_eq!(serde_json::from_str::<HostFacts>(&kept).unwrap(), facts, "a restart forgets nothing");
    }

    #[test]
    fn what_is_kept_has_bounds() {
        let mut facts = HostFacts::new();
        for number in 0..100 {
            facts.hear(at(number), &format!("{number} {}", "x".repeat(1000)));
        }
        assert_eq!(facts.events().count(), KEPT);
        assert!(facts.events().all(|event| event.text.chars().count() == LONGEST));
        assert!(told(&facts).last().is_some_and(|(text, _)| text.starts_with("99 ")), "the newest stay");
        assert!(facts.watched_events().contains(&EventSource::Redfish));
        facts.listen(false);
        assert!(facts.watched_events().is_empty());
    }
}
