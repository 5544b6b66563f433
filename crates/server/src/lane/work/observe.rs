//! What a lane sees: power, contact, screens, and what the flows say of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ironhand_api::{IncidentState, PowerState, Reach, Timestamp, Whereabouts};
use ironhand_model::{Change, Observation};

use super::{Lane, LastLook, Polled};
use crate::catalog::Looked;
use crate::clock;
use crate::device::DeviceError;
use crate::lane::Ports;
use crate::lane::lines::Reading;
use crate::screen::{Seen, View};

impl Lane {
    /// Takes in what was seen; says whether that changed anything.
    pub(super) fn observe(&mut self, at: Timestamp, source: &str, observation: Observation) -> bool {
        let is_off = matches!(observation, Observation::Power(PowerState::Off));
        let changes = self.facts.observe(at, source, observation);
        let changed = !changes.is_empty();
        if is_off && changed {
            // As on any other screen, nothing shows of what was written before.
            let consoles = &self.tools.consoles;
            consoles.mark(&self.name).inspect(|written| consoles.forget(written));
        }
        self.take_in(source, changes);
        changed
    }

    pub(super) fn take_in(&mut self, source: &str, changes: Vec<Change>) {
        for change in &changes {
            tracing::info!(host = %self.name, connector = source, op = change.kind.code(), detail = change.message, "observed");
        }
        self.journal.changes(changes);
    }

    /// Takes in a reading of the power state; says whether it tells how the host is now.
    pub(super) fn polled(&mut self, Polled { lines, reading, hints }: Polled) -> bool {
        self.polling = None;
        let Reading { asked, source, result } = reading;
        self.hints.opened(hints);
        self.facts.listen(self.hints.is_open());
        let several = lines.len() > 1;
        let stale = self.lines_stale;
        self.lines_home(Some(lines));
        if stale {
            self.times.power = Instant::now();
            return false;
        }
        self.look_at_paths();
        let now = clock::now();
        if several {
            for (source, result) in asked {
                let failed = result.err().map(|error| (error.reach(), Some(error.to_string())));
                let (reach, detail) = failed.unwrap_or((Reach::Ok, None));
                self.observe(now, &source, Observation::Way(reach, detail));
            }
        }
        let seen = *result.as_ref().unwrap_or(&PowerState::Unknown);
        let wait = match result {
            // Nothing was tried, so nothing was observed; but why nothing is tried must be seen, also where management
            // was disabled since the refusal. Without the time to wait, which would be out of date at once.
            Err(DeviceError::Waiting { last, wait }) => {
                if self.facts.reach().is_none_or(|fact| fact.value != last.reach()) {
                    let why = format!("{last}; not tried again for a while, since accounts get locked");
                    self.observe(now, &source, Observation::Reach(last.reach(), Some(why)));
                }
                // Another line may answer before.
                if several { wait.min(self.power_interval()) } else { wait }
            }
            Ok(state) => {
                let changed = self.observe(now, &source, Observation::Power(state));
                self.cadence.observed(now, true, changed);
                self.power_interval()
            }
            Err(error) => {
                tracing::debug!(host = %self.name, connector = source, op = "power", %error, "reading failed");
                let observation = Observation::Reach(error.reach(), Some(error.to_string()));
                let changed = self.observe(now, &source, observation);
                self.cadence.observed(now, false, changed);
                self.power_interval()
            }
        };
        self.times.power = Instant::now() + wait + self.share(wait / 8);
        self.resume_jobs(seen);
        true
    }

    pub(super) fn looked(&mut self, ports: &Ports) {
        let Some(view) = self.view.as_mut().map(|view| view.borrow_and_update().clone()) else { return };
        ports.view.send_replace(view.clone());
        self.look_at_paths();
        match view {
            // What was seen before is not how it is now.
            View::Connecting => self.last = None,
            View::Lost { source, error, beside } => {
                self.last = None;
                let observation = match beside {
                    true if error.is_unsupported() => Observation::NoScreen,
                    true => Observation::ScreenBeside(error.reach(), Some(error.to_string())),
                    false => Observation::ScreenReach(error.reach(), Some(error.to_string())),
                };
                self.observe(clock::now(), &source, observation);
            }
            View::Seen(seen) => {
                let shot = &seen.shot;
                let observation = Observation::Screen {
                    kind: shot.kind(),
                    headline: shot.headline(),
                    reliable: shot.reading.is_reliable(),
                    text_hash: shot.text_hash(),
                };
                self.observe(seen.at, &seen.source, observation);
                self.judge_look(seen);
            }
        }
    }

    /// Asks the flows of a look, unless they have said it of the same picture.
    fn judge_look(&mut self, seen: Arc<Seen>) {
        let flows = Arc::clone(&self.flows.borrow());
        let same = self
            .last
            .take()
            .filter(|last| Arc::ptr_eq(&last.seen.shot, &seen.shot) && Arc::ptr_eq(&last.flows, &flows))
            .filter(|_| !flows.asks_beyond_picture());
        let last = match same {
            Some(last) => LastLook { seen, ..last },
            None => {
                let text = seen.shot.text();
                let looked = looked(&seen, &text);
                let verdicts = flows.verdicts(&self.whereabouts(), &self.facts, &looked);
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

    /// What flows select the host by.
    pub(super) fn whereabouts(&self) -> Whereabouts<'_> {
        let (labels, cluster) = (&self.host.metadata.labels, self.host.spec.cluster.as_ref());
        Whereabouts { labels, cluster, zone: self.terms.zone.as_ref(), hardware: self.facts.hardware() }
    }

    /// Until the next reading of the power state, before hosts are kept out of step.
    pub(super) fn power_interval(&self) -> Duration {
        self.cadence.interval(clock::now(), self.is_at_work(), &self.terms.settings)
    }

    /// Between two readings of the screen.
    pub(super) fn screen_interval(&self) -> Duration {
        let settings = &self.terms.settings;
        if self.is_at_work() {
            return settings.screen_interval_incident;
        }
        let wanted = self.flows.borrow().look_every(&self.whereabouts());
        wanted.map_or(settings.screen_interval, |wanted| wanted.min(settings.screen_interval))
    }

    /// Whether the serial console is kept open where no picture is seen: a flow waits for what the machine writes, or
    /// works on it.
    pub(super) fn follows_serial(&self) -> bool {
        self.is_at_work() || self.flows.borrow().select_any(&self.whereabouts())
    }

    /// Whether something is wrong and Ironhand works on it, or a screen is recognised and more readings decide.
    pub(super) fn is_at_work(&self) -> bool {
        match self.recovery.incident() {
            Some(incident) => incident.state != IncidentState::NeedsHuman,
            None => {
                let applies = |last: &LastLook| last.verdicts.iter().any(|verdict| verdict.applies);
                let settings = &self.terms.settings;
                // As long as it takes until a person is asked; a check that fails for longer is nothing new.
                self.last.as_ref().is_some_and(applies)
                    || self.recovery.is_roused()
                    || self.facts.is_alarmed(clock::now(), settings.boot_time + settings.ask_after)
            }
        }
    }
}

pub(super) fn looked<'l>(seen: &'l Seen, text: &'l str) -> Looked<'l> {
    Looked { page: &seen.shot.page, text, at: seen.at, picture: Some(&seen.shot.digest) }
}
