//! Hosts that are unwell by their checks, whose screen no flow recognises.

use std::collections::{BTreeMap, BTreeSet};

use ironhand_api::{
    EventKind, Flow, Incident, IncidentState, MatchEvidence, ScreenKind, Severity, Timestamp,
};

use super::open::{Open, Proof};
use super::{Decision, Fresh, HostRecovery, Log, UNNUMBERED, View, wait};
use crate::facts::Illness;

/// The longest text of a screen that an incident keeps, in bytes: a screen of 200 by 80 characters.
const LONGEST_TEXT: usize = 16 * 1024;

impl HostRecovery {
    /// A host without an incident, whose screen no flow recognises firmly: opens one where its checks make it unwell,
    /// else `decision` holds.
    pub(super) fn fall_ill(
        &mut self,
        now: Timestamp,
        view: &View<'_>,
        fresh: Fresh,
        decision: Decision,
        log: &mut Log,
    ) -> Decision {
        match view.facts.illness(now, self.settled_at, view.patience.boot) {
            Illness::None => decision,
            Illness::From(at, what) => match decision {
                Decision::Settled => wait(what.to_owned(), Some(at), None),
                Decision::Wait { reason, until, evidence } => {
                    let until = Some(until.map_or(at, |until| until.min(at)));
                    Decision::Wait { reason, until, evidence }
                }
                other => other,
            },
            Illness::Now(cause) => {
                let seen_well_at = self.seen_well_at.or_else(|| view.facts.failing_since());
                let open = Open::unrecognised(now, view, cause, seen_well_at, log);
                self.tend(now, view, fresh, open, log)
            }
        }
    }
}

impl Open {
    /// An incident that no flow has recognised.
    fn unrecognised(
        now: Timestamp,
        view: &View<'_>,
        cause: String,
        seen_well_at: Option<Timestamp>,
        log: &mut Log,
    ) -> Self {
        let evidence = evidence_of_screen(now, view);
        let record = Incident {
            id: UNNUMBERED,
            host: view.host.clone(),
            cause: cause.clone(),
            flow: None,
            state: IncidentState::Open,
            reason: "no flow recognises the screen".to_owned(),
            seen_well_at,
            opened_at: now,
            closed_at: None,
            attempts: 0,
            unknown_screen: unknown_screen(view),
            first_picture: evidence.picture.clone(),
            last_picture: evidence.picture.clone(),
        };
        let open = Self {
            record,
            flow: None,
            proof: Proof::default(),
            doubt_since: now,
            run: None,
            evidence,
            told: BTreeSet::new(),
        };
        let shows = match view.screen.filter(|screen| screen.reliable) {
            Some(_) => "no flow recognises the screen",
            None => "the screen cannot be read",
        };
        let message = format!("{cause}, and {shows}");
        open.tell(EventKind::IncidentOpened, Severity::Warning, message, log);
        open
    }

    /// Whether a person was asked since no flow recognised the screen, and `flow` was not tried yet: it may have been
    /// written for this very screen, or begins on a sign that had to last.
    pub(super) fn is_for(&self, flow: &Flow, attempts: u32) -> bool {
        let is_answer = self.record.unknown_screen.is_some() || !flow.spec.when.needs_screen();
        is_answer
            && attempts == 0
            && self.flow.as_ref().is_none_or(|tried| tried.metadata.name != flow.metadata.name)
    }
}

/// The text of the screen, where it can be read.
pub(super) fn unknown_screen(view: &View<'_>) -> Option<String> {
    let screen = view.screen.filter(|screen| screen.reliable)?;
    let is_text = view.facts.screen().is_some_and(|status| status.kind == ScreenKind::Text);
    let text = screen.text.trim_end();
    (is_text && !text.is_empty()).then(|| text[..text.floor_char_boundary(LONGEST_TEXT)].to_owned())
}

/// The screen as a whole, where nothing on it was recognised.
fn evidence_of_screen(now: Timestamp, view: &View<'_>) -> MatchEvidence {
    let screen = view.screen;
    MatchEvidence {
        text: view.facts.screen().map(|status| status.headline.clone()).unwrap_or_default(),
        row: 0,
        column: 0,
        confidence: 1.0,
        screen_text: unknown_screen(view).unwrap_or_default(),
        read_at: screen.map_or(now, |screen| screen.read_at),
        picture: screen.and_then(|screen| screen.picture.cloned()),
        captures: BTreeMap::new(),
        findings: Vec::new(),
    }
}
