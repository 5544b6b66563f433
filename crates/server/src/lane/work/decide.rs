//! How a lane decides: it asks the model, makes the answer durable, and only then sees to it that it is done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ironhand_api::{
    EventKind, Flow, Incident, RecoveryMode, Run, ScreenPattern, Settings, Step, StepOutcome, Timestamp,
};
use ironhand_model::{
    BlastBound, BlastRequest, Decided, Decision, HostRecovery, OutbreakBound, Patience, ScreenView,
    Transition, View as Situation, quiet_until,
};
use ironhand_store::{HostState, StoreError};

use super::act::{Purpose, Wanted};
use super::observe::looked;
use super::{Lane, REFRESH};
use crate::clock;
use crate::lane::journal::Entry;
use crate::template::{Scope, fill};

/// How long a lane waits before it asks a store again that has failed.
pub(super) const STORE_RETRY: Duration = Duration::from_secs(1);

impl Lane {
    /// Decides what to do, makes it durable, and only then sees to it that it is done.
    pub(super) async fn think(&mut self) {
        let now = clock::now();
        let changes = self.facts.wake(now);
        self.journal.changes(changes);
        let before = self.recovery.clone();
        match self.decide(now).await {
            Ok(decision) => {
                let until = self.carry_out(decision);
                let alerts = self.alerts.next_wake(&self.terms.settings);
                let until = [until, self.facts.next_wake(), alerts].into_iter().flatten().min();
                self.times.decide = until.map(|until| Instant::now() + until.since(now));
            }
            Err(error) => {
                tracing::error!(host = %self.name, error = %crate::http::chain(&error), "nothing is done: the store failed");
                self.recovery = before;
                self.times.decide = Some(Instant::now() + STORE_RETRY);
            }
        }
        if self.is_at_work() {
            // Work that begins between two rare readings must not wait for the next one.
            self.times.power = self.times.power.min(Instant::now() + self.power_interval());
        }
        if let Some(screen) = &self.screen {
            screen.set_pace(self.screen_interval());
            screen.follow_serial(self.follows_serial());
        }
    }

    /// Asks the model what to do, on what was seen last.
    pub(super) fn consider(&mut self, now: Timestamp) -> Decided {
        self.in_situation(now, |recovery, situation| recovery.decide(now, situation))
    }

    /// Asks the model something about the host, with what was seen last.
    pub(super) fn in_situation<T>(
        &mut self,
        now: Timestamp,
        ask: impl FnOnce(&mut HostRecovery, &Situation<'_>) -> T,
    ) -> T {
        let flows = Arc::clone(&self.flows.borrow());
        let selecting = flows.selecting(&self.whereabouts());
        let looked = self.last.as_ref().map(|last| looked(&last.seen, &last.text));
        let find = |pattern: &ScreenPattern| looked.as_ref().and_then(|looked| flows.find(pattern, looked));
        let screen = self.last.as_ref().map(|last| ScreenView {
            seq: last.seen.number,
            read_at: last.seen.at,
            reliable: last.seen.shot.reading.is_reliable(),
            picture: Some(&last.seen.shot.digest),
            text: &last.text,
            verdicts: &last.verdicts,
            find: &find,
        });
        let bound = |settings: &Settings| BlastBound {
            hosts: settings.blast_hosts,
            share: settings.blast_share,
            window: settings.blast_window,
        };
        let permit = |flow: &Flow, opened_at: Timestamp| {
            let settings = &self.terms.settings;
            let around = OutbreakBound {
                hosts: settings.correlate_hosts,
                share: settings.correlate_share,
                window: settings.correlate_window,
            };
            // Of this very decision, perhaps.
            self.tools.brake.fell_ill(opened_at, &self.name);
            self.tools.brake.ask_around(now, (&self.name, &settings.correlate_by), around)?;
            let asked = BlastRequest {
                host: &self.name,
                flow: &flow.metadata.name,
                flow_hosts: flow.spec.limits.hosts,
                in_cluster: bound(&self.terms.settings),
                in_fleet: bound(&self.site.borrow().settings()),
            };
            self.tools.brake.ask(now, &asked)
        };
        let (zone, hardware) = (self.terms.zone.as_ref(), self.facts.hardware());
        let scope = Scope { host: &self.host, zone, hardware };
        let fill = |step: &Step, run: &Run, incident: &Incident| fill(step, &scope, run, incident);
        let situation = Situation {
            host: &self.name,
            facts: &self.facts,
            screen,
            flows: &selecting,
            hold: self.terms.hold.as_deref(),
            quiet_until: quiet_until(now, &self.terms.settings.quiet_hours),
            observes: self.terms.settings.mode == RecoveryMode::Observe,
            patience: Patience::from(&self.terms.settings),
            permit: &permit,
            fill: &fill,
        };
        ask(&mut self.recovery, &situation)
    }

    /// Gives what began its numbers.
    pub(super) async fn number(&mut self, decided: &mut Decided) -> Result<(), StoreError> {
        let incident =
            if decided.needs_incident_id() { self.tools.store.next_incident_id().await? } else { 0 };
        let run = if decided.needs_run_id() { self.tools.store.next_run_id().await? } else { 0 };
        if incident != 0 || run != 0 {
            self.recovery.number(decided, incident, run);
        }
        Ok(())
    }

    pub(super) async fn decide(&mut self, now: Timestamp) -> Result<Decision, StoreError> {
        let mut decided = self.consider(now);
        self.number(&mut decided).await?;
        for opened in decided.transitions.iter().filter(|told| told.kind == EventKind::IncidentOpened) {
            self.tools.brake.fell_ill(opened.incident.opened_at, &self.name);
        }
        let needs_human = match &decided.decision {
            Decision::NeedsHuman { reason, .. } => Some(reason.as_str()),
            _ => None,
        };
        let news = self.alerts.consider(now, &self.facts, needs_human, &self.terms.settings);
        self.alert_changes(news);
        let due = self.times.refresh <= Instant::now();
        if due || !decided.transitions.is_empty() || !self.journal.is_empty() || !self.news.is_empty() {
            self.commit(now, &decided.transitions).await?;
        }
        Ok(decided.decision)
    }

    pub(super) async fn commit(&mut self, at: Timestamp, decided: &[Transition]) -> Result<(), StoreError> {
        self.number_alerts().await?;
        let state = HostState {
            facts: self.facts.clone(),
            recovery: self.recovery.clone(),
            alerts: self.alerts.clone(),
        };
        let token = self.held.token();
        let entry = Entry { host: &self.name, at, token, status: self.status(), state, decided };
        // Boxed: a lane waits most of its life, and must not hold the room that this takes meanwhile.
        let committed = Box::pin(self.journal.commit(&self.tools.store, entry)).await;
        self.is_lost |= matches!(committed, Err(StoreError::LeaseLost { .. }));
        committed?;
        self.times.refresh = next_refresh(self.times.refresh, Instant::now());
        Ok(())
    }

    /// Queues the step of a decision; says when to decide again.
    pub(super) fn carry_out(&mut self, decision: Decision) -> Option<Timestamp> {
        match decision {
            Decision::Act(planned) => {
                match self.action_of(&planned) {
                    Ok(action) => {
                        // Before what people asked for: it was decided on what the screen shows now.
                        self.queue.push_front(Wanted { action, purpose: Purpose::Step(planned) });
                    }
                    Err(reason) => {
                        let outcome = StepOutcome::Failed(reason);
                        let transitions = self.recovery.record(clock::now(), &planned, outcome, Vec::new());
                        self.journal.transitions(transitions);
                        return Some(clock::now());
                    }
                }
                None
            }
            Decision::Wait { until, .. } => until,
            Decision::Settled | Decision::NeedsHuman { .. } => None,
        }
    }
}

/// The first moment after `now` of those that come every [`REFRESH`], one of which is `moment`.
fn next_refresh(moment: Instant, now: Instant) -> Instant {
    let missed =
        now.checked_duration_since(moment).map_or(0, |late| late.as_millis() / REFRESH.as_millis() + 1);
    moment + REFRESH * u32::try_from(missed).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_host_keeps_its_moment_to_be_stored() {
        let moment = Instant::now() + REFRESH;
        let check =
            |now: Instant, periods: u32| assert_eq!(next_refresh(moment, now), moment + REFRESH * periods);
        check(moment - REFRESH, 0);
        check(moment - Duration::from_millis(1), 0);
        check(moment, 1);
        check(moment + Duration::from_secs(1), 1);
        check(moment + REFRESH, 2);
        check(moment + REFRESH * 40 + Duration::from_secs(1), 41);
    }
}
