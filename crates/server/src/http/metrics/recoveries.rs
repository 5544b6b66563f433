//! Incidents and runs, as monitoring systems gather them: counted from the events that tell of them.

use ironhand_api::{Event, EventKind, Incident, Run, RunState};
use ironhand_model::cause_of;
use ironhand_store::{Store, StoreError};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::Labels;

/// Upper ends of the classes of times, in seconds: from a look at a screen to the longest boots.
const CLASSES: [f64; 11] = [1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0];

type Times = Family<Labels, Histogram, fn() -> Histogram>;

fn times() -> Times {
    Family::new_with_constructor(|| Histogram::new(CLASSES))
}

/// An event with what it tells of.
pub(super) struct Told {
    kind: EventKind,
    incident: Incident,
    run: Option<Run>,
}

pub(super) struct RecoveryMetrics {
    incidents: Family<Labels, Counter>,
    runs: Family<Labels, Counter>,
    to_notice: Times,
    to_act: Times,
    to_recover: Times,
}

impl RecoveryMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            incidents: Family::default(),
            runs: Family::default(),
            to_notice: times(),
            to_act: times(),
            to_recover: times(),
        };
        registry.register(
            "incidents",
            "Incidents since this server was first asked, by what hosts fell ill of and what became of them",
            Family::clone(&metrics.incidents),
        );
        registry.register(
            "runs",
            "Runs of flows that ended since this server was first asked",
            Family::clone(&metrics.runs),
        );
        for (name, help, family) in [
            ("time_to_notice", "From when a host was last seen well to its incident", &metrics.to_notice),
            ("time_to_act", "From the opening of an incident to its first run", &metrics.to_act),
            (
                "time_to_recover",
                "From the opening of an incident to the end of the run that healed it",
                &metrics.to_recover,
            ),
        ] {
            registry.register_with_unit(name, help, Unit::Seconds, Family::clone(family));
        }
        metrics
    }

    /// What an event tells of, where it is of an incident or a run.
    pub(super) async fn read(store: &Store, event: &Event) -> Result<Option<Told>, StoreError> {
        let told = matches!(
            event.kind,
            EventKind::IncidentOpened
                | EventKind::IncidentNeedsHuman
                | EventKind::IncidentClosed
                | EventKind::RunStarted
                | EventKind::RunEnded
        );
        let Some(id) = event.incident.filter(|_| told) else { return Ok(None) };
        let Some(incident) = store.incident(id).await? else { return Ok(None) };
        let run = match event.run {
            Some(run) => store.run(run).await?,
            None => None,
        };
        Ok(Some(Told { kind: event.kind, incident, run }))
    }

    /// Counts what was told.
    pub(super) fn count(&self, told: &[Told]) {
        for Told { kind, incident, run } in told {
            self.note(*kind, incident, run.as_ref());
        }
    }

    fn note(&self, kind: EventKind, incident: &Incident, run: Option<&Run>) {
        let cause = cause_of(incident);
        let of_cause = vec![("cause", cause.clone())];
        let became = |word: &str| {
            let labels = vec![("cause", cause.clone()), ("became", word.to_owned())];
            self.incidents.get_or_create(&labels).inc();
        };
        match (kind, run) {
            (EventKind::IncidentOpened, _) => {
                became("opened");
                if let Some(well) = incident.seen_well_at {
                    let took = incident.opened_at.since(well).as_secs_f64();
                    self.to_notice.get_or_create(&of_cause).observe(took);
                }
            }
            (EventKind::IncidentNeedsHuman, _) => became("needs_human"),
            (EventKind::IncidentClosed, _) => became("closed"),
            (EventKind::RunStarted, Some(run)) if run.attempt == 1 => {
                let took = run.started_at.since(incident.opened_at).as_secs_f64();
                self.to_act.get_or_create(&of_cause).observe(took);
            }
            (EventKind::RunEnded, Some(run)) => {
                let labels = vec![("flow", run.flow.to_string()), ("state", run.state.to_string())];
                self.runs.get_or_create(&labels).inc();
                if let Some(ended_at) = run.ended_at.filter(|_| run.state == RunState::Succeeded) {
                    let took = ended_at.since(incident.opened_at).as_secs_f64();
                    self.to_recover.get_or_create(&of_cause).observe(took);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn incidents_and_runs_are_counted_by_cause_and_flow() {
        let mut registry = Registry::with_prefix("ironhand");
        let metrics = RecoveryMetrics::register(&mut registry);
        let incident: Incident = serde_json::from_value(serde_json::json!({
            "id": 1, "host": "n1", "cause": "what was seen", "flow": "panic", "state": "closed", "reason": "",
            "seenWellAt": "2026-03-01T02:14:00.000Z", "openedAt": "2026-03-01T02:14:07.000Z", "attempts": 1,
        }))
        .expect("an incident");
        let run: Run = serde_json::from_value(serde_json::json!({
            "id": 3, "host": "n1", "incident": 1, "flow": "panic", "attempt": 1, "state": "succeeded", "reason": "",
            "startedAt": "2026-03-01T02:14:08.000Z", "endedAt": "2026-03-01T02:14:47.000Z", "steps": [],
            "matched": { "text": "", "row": 0, "column": 0, "confidence": 1.0, "screenText": "", "readAt": "2026-03-01T02:14:07.000Z" },
        }))
        .expect("a run");
        metrics.note(EventKind::IncidentOpened, &incident, None);
        metrics.note(EventKind::RunStarted, &incident, Some(&run));
        metrics.note(EventKind::RunEnded, &incident, Some(&run));
        metrics.note(EventKind::IncidentClosed, &incident, None);
        let second = Run { attempt: 2, state: RunState::Failed, ..run };
        metrics.note(EventKind::RunStarted, &incident, Some(&second));
        metrics.note(EventKind::RunEnded, &incident, Some(&second));
        metrics.note(
            EventKind::IncidentOpened,
            &Incident { flow: None, seen_well_at: None, ..incident },
            None,
        );
        let mut text = String::new();
        encode(&mut text, &registry).expect("a string takes it");
        for line in [
            "ironhand_incidents_total{cause=\"panic\",became=\"opened\"} 1",
            "ironhand_incidents_total{cause=\"panic\",became=\"closed\"} 1",
            "ironhand_incidents_total{cause=\"not recognised\",became=\"opened\"} 1",
            "ironhand_runs_total{flow=\"panic\",state=\"succeeded\"} 1",
            "ironhand_runs_total{flow=\"panic\",state=\"failed\"} 1",
            "ironhand_time_to_notice_seconds_sum{cause=\"panic\"} 7.0",
            "ironhand_time_to_act_seconds_count{cause=\"panic\"} 1",
            "ironhand_time_to_recover_seconds_sum{cause=\"panic\"} 40.0",
            "ironhand_time_to_recover_seconds_bucket{le=\"60.0\",cause=\"panic\"} 1",
        ] {
            assert!(text.lines().any(|told| told == line), "{line}: {text}");
        }
    }
}
