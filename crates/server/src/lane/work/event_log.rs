//! The event log of the controller: read by itself only where a flow asks for what it says.

use std::time::{Duration, Instant};

use ironhand_api::{Capability, Reach};

use super::Lane;
use super::act::{Purpose, Wanted};
use crate::clock;
use crate::lane::hardware::{Found, Hardware};
use crate::lane::{Action, ActionFailure, Done};

/// Entries that are read at a time; more than a machine logs between two readings.
const NEWEST: usize = 64;

/// Between two readings.
const REST: Duration = Duration::from_secs(60);

impl Lane {
    /// Reads the event log when its time has come, a flow asks for it, and nothing else is to be done.
    pub(super) fn look_at_event_log(&mut self) {
        if self.times.event_log > Instant::now() || self.acting.is_some() || !self.queue.is_empty() {
            return;
        }
        let reached = self.facts.reach().is_some_and(|fact| fact.value == Reach::Ok);
        let able = self.connector(Capability::EventLog).is_some();
        if !reached || !able || self.refusal().is_some() {
            return;
        }
        self.times.event_log = Instant::now() + REST + self.share(REST / 8);
        if self.flows.borrow().ask_event_log(&self.whereabouts()) {
            let action = Action::Hardware(Hardware::EventLog { newest: NEWEST });
            self.queue.push_back(Wanted { action, purpose: Purpose::Knowledge });
        }
    }

    /// Takes in what the event log says. A person may have read less of it, which is not compared.
    pub(super) fn learn_event_log(&mut self, purpose: &Purpose, result: &Result<Done, ActionFailure>) {
        let Ok(Done { found: Some((_, Found::EventLog(log))), .. }) = result else { return };
        if matches!(purpose, Purpose::Knowledge) && self.facts.read_log(clock::now(), &log.entries) {
            tracing::info!(host = %self.name, "the event log has new entries");
            self.judge();
        }
    }
}
