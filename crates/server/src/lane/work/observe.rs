//! What a lane sees: power, contact, screens, and what the flows say of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ironhand_api::{Capability, IncidentState, Timestamp};
use ironhand_model::{Change, Observation};

use super::{Lane, LastLook, Polled};
use crate::catalog::Looked;
use crate::clock;
use crate::device::DeviceError;
use crate::lane::Ports;
use crate::screen::{Seen, View};

impl Lane {
    pub(super) fn observe(&mut self, at: Timestamp, source: &str, observation: Observation) {
        let changes = self.facts.observe(at, source, observation);
        self.take_in(source, changes);
    }

    pub(super) fn take_in(&mut self, source: &str, changes: Vec<Change>) {
        for change in &changes {
            tracing::info!(host = %self.name, connector = source, op = change.kind.code(), detail = change.message, "observed");
        }
        self.journal.changes(changes);
    }

    pub(super) fn polled(&mut self, Polled { line, result }: Polled) {
        self.polling = None;
        let source = line.source();
        let stale = self.line_stale;
        self.line_home(Some(line));
        let interval = self.pace().0;
        self.times.power = Instant::now() + interval + self.share(interval / 8);
        if stale {
            self.times.power = Instant::now();
            return;
        }
        match result {
            Ok(state) => self.observe(clock::now(), &source, Observation::Power(state)),
            // Nothing was tried, so nothing was observed.
            Err(DeviceError::Waiting { wait, .. }) => self.times.power = Instant::now() + wait,
            Err(error) => {
                tracing::debug!(host = %self.name, connector = source, op = "power", %error, "reading failed");
                let observation = Observation::Reach(error.reach(), Some(error.to_string()));
                self.observe(clock::now(), &source, observation);
            }
        }
    }

    pub(super) fn looked(&mut self, ports: &Ports) {
        let Some(view) = self.view.as_mut().map(|view| view.borrow_and_update().clone()) else { return };
        ports.view.send_replace(view.clone());
        let source = self.screen_source();
        match view {
            View::Connecting => {}
            View::Lost(error) => {
                self.last = None;
                let observation = Observation::ScreenReach(error.reach(), Some(error.to_string()));
                self.observe(clock::now(), &source, observation);
            }
            View::Seen(seen) => {
                self.judge_look(Arc::clone(&seen));
                let shot = &seen.shot;
                let observation = Observation::Screen {
                    kind: shot.kind(),
                    headline: shot.headline(),
                    reliable: shot.reading.is_reliable(),
                    text_hash: shot.text_hash(),
                };
                self.observe(seen.at, &source, observation);
            }
        }
    }

    pub(super) fn screen_source(&self) -> String {
        self.connector(Capability::Screen).map_or_else(|| "vnc".to_owned(), ToString::to_string)
    }

    /// Asks the flows of a look, unless they have said it of the same picture.
    fn judge_look(&mut self, seen: Arc<Seen>) {
        let flows = Arc::clone(&self.flows.borrow());
        let same = self
            .last
            .take()
            .filter(|last| Arc::ptr_eq(&last.seen.shot, &seen.shot) && Arc::ptr_eq(&last.flows, &flows));
        let last = match same {
            Some(last) => LastLook { seen, ..last },
            None => {
                let text = seen.shot.text();
                let looked = looked(&seen, &text);
                let verdicts = flows.verdicts(&self.host.metadata.labels, &looked);
                LastLook { seen, flows, verdicts, text }
            }
        };
        let calm = self.recovery.incident().is_none() && !last.verdicts.iter().any(|verdict| verdict.applies);
        self.journal.album.add(&last.seen.shot, calm);
        self.last = Some(last);
    }

    /// Asks the flows again: they, or the host's labels, changed.
    pub(super) fn judge(&mut self) {
        self.flows.mark_unchanged();
        if let Some(last) = self.last.take() {
            self.judge_look(last.seen);
        }
    }

    /// Intervals of power and screen readings: short while something is wrong and Ironhand works on it, or while a
    /// screen is recognised and more readings decide.
    pub(super) fn pace(&self) -> (Duration, Duration) {
        let settings = &self.terms.settings;
        let at_work =
            self.recovery.incident().is_some_and(|incident| incident.state != IncidentState::NeedsHuman);
        let suspicious = self.recovery.incident().is_none()
            && self.last.as_ref().is_some_and(|last| last.verdicts.iter().any(|verdict| verdict.applies));
        if at_work || suspicious {
            (settings.power_interval_fast, settings.screen_interval_incident)
        } else {
            (settings.power_interval, settings.screen_interval)
        }
    }
}

pub(super) fn looked<'l>(seen: &'l Seen, text: &'l str) -> Looked<'l> {
    Looked { page: &seen.shot.page, text, at: seen.at, picture: Some(&seen.shot.digest) }
}
