//! What a lane asks the host itself, and what it makes of the answers.

use std::time::Instant;

use ironhand_api::{Check, CheckState};
use ironhand_model::Observation;
use tokio::sync::mpsc;

use super::Lane;
use crate::check::CheckResult;
use crate::clock;

/// The checks of a host that are being made.
#[derive(Default)]
pub(super) struct CheckWatch {
    asked: Vec<Check>,
    results: Option<mpsc::Receiver<CheckResult>>,
}

impl CheckWatch {
    /// The next result; waits for ever where nothing is asked. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> CheckResult {
        if let Some(results) = &mut self.results
            && let Some(result) = results.recv().await
        {
            return result;
        }
        std::future::pending().await
    }
}

impl Lane {
    /// Asks what the terms of the host name, and nothing of a host that is not managed.
    pub(super) async fn watch_checks(&mut self) {
        let wanted = if self.terms.management.is_enabled() { self.terms.health.as_slice() } else { &[] };
        if self.checks.results.is_some() && self.checks.asked == wanted {
            return;
        }
        self.facts.keep_checks(clock::now(), wanted);
        let results = self.tools.checks.watch(&self.name, wanted).await;
        self.checks = CheckWatch { asked: wanted.to_vec(), results: Some(results) };
    }

    /// Takes in what a check came to. What fails makes the lane look at once.
    pub(super) fn checked(&mut self, result: CheckResult) {
        let CheckResult { name, asked, at, found } = result;
        let (state, detail) = found.told();
        let changed = self.observe(at, &asked, Observation::Check { name, state, detail });
        if changed && state == CheckState::Failing {
            self.look_at_once();
        }
        self.judge();
    }

    /// Takes in a heartbeat.
    pub(super) fn beaten(&mut self) {
        self.observe(clock::now(), "its heartbeat", Observation::Heartbeat);
        self.judge();
    }

    /// Reads the power now; the pace of the screen follows from what is believed of the host.
    pub(super) fn look_at_once(&mut self) {
        self.cadence.hurry(clock::now());
        self.times.power = self.times.power.min(Instant::now());
    }
}
