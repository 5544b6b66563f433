//! Which of a host's connectors answer, where it has several.

use ironhand_api::{EventKind, Fact, Reach, Severity, Timestamp};

use super::{Change, HostFacts, in_words, set};

impl HostFacts {
    /// How the connector that is called `source` was reached last; none before the first attempt.
    pub fn way(&self, source: &str) -> Option<&Fact<Reach>> {
        self.ways.get(source)
    }

    /// A device that does not prove that it is the one that was meant, where one does not.
    pub fn not_trusted(&self) -> Option<&Fact<Reach>> {
        self.reach.iter().chain(self.ways.values()).find(|fact| fact.value == Reach::NotTrusted)
    }

    /// Forgets the connectors that the host has no more.
    pub fn keep_ways(&mut self, has: impl Fn(&str) -> bool) {
        self.ways.retain(|source, _| has(source));
        self.paths.retain(|source, _| has(source));
    }

    /// Over which of its addresses the device is spoken to that the connector called `source` leads to; none where it
    /// has one.
    pub fn path(&self, source: &str) -> Option<&Fact<String>> {
        self.paths.get(source)
    }

    pub(super) fn see_path(
        &mut self,
        at: Timestamp,
        source: &str,
        address: String,
        detail: Option<String>,
    ) -> Option<Change> {
        let mut fact = self.paths.remove(source);
        let before = fact.as_ref().map(|fact| fact.value.clone());
        set(&mut fact, at, source, address.clone(), detail.clone());
        self.paths.extend(fact.map(|fact| (source.to_owned(), fact)));
        let (severity, message) = match (before, detail) {
            (Some(before), _) if before == address => return None,
            // Nobody needs to be told that the first address works.
            (None, None) => return None,
            (Some(_), None) => {
                (Severity::Info, format!("{source} is spoken to over {address} again, its first address"))
            }
            (_, Some(why)) => {
                (Severity::Warning, format!("{source} is spoken to over its backup address {address}: {why}"))
            }
        };
        Some(Change::new(EventKind::PathChanged, severity, message))
    }

    pub(super) fn see_way(
        &mut self,
        at: Timestamp,
        source: &str,
        reach: Reach,
        detail: Option<String>,
    ) -> Option<Change> {
        let before = self.ways.get(source).map(|fact| (fact.value, fact.since));
        let mut fact = self.ways.remove(source);
        set(&mut fact, at, source, reach, detail.clone());
        self.ways.extend(fact.map(|fact| (source.to_owned(), fact)));
        let (severity, message) = match (before, reach) {
            (Some((value, _)), _) if value == reach => return None,
            (None, Reach::Ok) => return None,
            (Some((value, since)), Reach::Ok) => {
                let lost = in_words(at.since(since));
                (Severity::Info, format!("{source} can be used again, after {lost} ({value})"))
            }
            _ => {
                let why = detail.map_or_else(|| reach.to_string(), |detail| format!("{reach}: {detail}"));
                (
                    Severity::Warning,
                    format!("{source} cannot be used ({why}); the host's other connectors are"),
                )
            }
        };
        Some(Change::new(EventKind::ReachChanged, severity, message))
    }
}
