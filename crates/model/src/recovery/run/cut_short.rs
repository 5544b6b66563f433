//! Keys whose outcome is not known, as where the server was killed while they were pressed: what the screen shows of them.
//!
//! No flow recognises a prompt at which half of a line stands. Where the screen is what it was before the step, with the beginning of its text behind it,
//! Enter was not pressed: what stands there is taken back by Backspace, and where that is seen to have worked the step was not done, and is. Where the
//! screen does not move at all the step had no effect, and the run need not wait for a proof that cannot come.
//!
//! Of a line that was typed right behind another one nobody saw what the screen showed before it, but at which prompt: there the last row tells, and only of a line
//! that was not typed to its end, which Enter was certainly not pressed behind.

use std::time::Duration;

use ironhand_api::{PowerAction, Step, StepOutcome, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::position::Position;
use super::super::view::{ScreenView, View};
use super::super::{Decision, Log, obstacle_to_step};
use super::{Planned, Running, said, steps_of};

/// How long a screen may stay as it was before a step; then the step had no effect. Firmware may take half a minute from a key to the first change.
const UNMOVED: Duration = Duration::from_secs(60);

/// The most times that one key may be pressed by one word of the grammar of keys.
const MOST_REPEATED: usize = 100;

/// A step that may have been done in part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CutShort {
    /// Where the step stands.
    position: Position,
    /// What the screen showed before it.
    before: String,
    /// That is its last row alone: keys were pressed since it was read, after which the same prompt was to come.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    row: bool,
    /// The text that it types first; empty where it types none, or where nothing is to be taken back.
    typed: String,
    /// Readings after it count.
    since: Timestamp,
    stage: Stage,
    /// The reading that was looked at last, and what stood behind `before`.
    last: Option<(u64, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Stage {
    /// It is looked what the screen shows of it.
    Looked,
    /// What stands there is being taken back.
    TakingBack,
    /// It was taken back, and the screen must show that.
    TakenBack,
}

/// What the screen shows of a step.
enum Trace {
    /// Nothing that says anything yet.
    Unclear,
    /// The beginning of its text, of so many characters.
    Half(usize),
    /// Nothing of what was taken back.
    Gone,
    /// What it showed before, for long.
    Unmoved,
    /// Something else.
    Moved,
}

/// How the run goes on from a step that was cut short.
pub(super) enum Next {
    /// It awaits its proof.
    Proof,
    /// It takes back what was typed.
    TakeBack(Decision),
    /// It does the step that was not done.
    Again,
    /// It has failed.
    Failed(String),
}

impl CutShort {
    fn look(&mut self, now: Timestamp, screen: Option<ScreenView<'_>>) -> Trace {
        let Some(screen) = screen.filter(|screen| screen.reliable && screen.read_at > self.since) else {
            return Trace::Unclear;
        };
        let text =
            if self.row { screen.text.trim_end().lines().last().unwrap_or_default() } else { screen.text };
        let Some(behind) = behind(&self.before, text) else {
            // What came of the line before may still be written.
            return if self.row { Trace::Unclear } else { Trace::Moved };
        };
        let before = self.last.replace((screen.seq, behind.clone()));
        // A key may be on its way: what is acted on is seen twice.
        let is_steady = before.is_some_and(|(seq, seen)| seq != screen.seq && seen == behind);
        if behind.is_empty() {
            return match self.stage {
                Stage::TakenBack if is_steady => Trace::Gone,
                Stage::Looked if !self.row && now.since(self.since) >= UNMOVED => Trace::Unmoved,
                _ => Trace::Unclear,
            };
        }
        if self.stage != Stage::Looked || !self.typed.trim_start().starts_with(&behind) {
            return Trace::Moved;
        }
        if self.row && self.typed.trim() == behind {
            return Trace::Unclear;
        }
        if is_steady { Trace::Half(self.reach(&behind)) } else { Trace::Unclear }
    }

    /// How many characters of the text stand there at most: a reading shows no blanks at the end of a row.
    fn reach(&self, behind: &str) -> usize {
        let rest = self.typed.trim_start().strip_prefix(behind).unwrap_or_default();
        behind.chars().count() + rest.chars().take_while(|c| *c == ' ').count()
    }
}

/// What stands behind `before` in the row that it ends in; none where the text is something else.
fn behind(before: &str, text: &str) -> Option<String> {
    let rest = text.trim_end().strip_prefix(before.trim_end())?;
    if rest.starts_with('\n') {
        return None;
    }
    // A long line goes on in the next row.
    Some(rest.chars().filter(|c| *c != '\n').collect::<String>().trim_start().to_owned())
}

/// The text that keys type before anything else; none where a secret is typed, of which no screen shows how far it came.
fn text_of(keys: &str) -> Option<String> {
    if keys.to_ascii_lowercase().contains("<secret") {
        return None;
    }
    let (mut text, mut rest) = (String::new(), keys);
    while let Some(character) = rest.chars().next() {
        if character == '<' && !rest.starts_with("<<") {
            break;
        }
        text.push(character);
        rest = &rest[if character == '<' { 2 } else { character.len_utf8() }..];
    }
    Some(text)
}

/// Backspace, so many times.
fn backspaces(count: usize) -> String {
    let times = |count: usize| format!("<Backspace*{count}>");
    let whole = times(MOST_REPEATED).repeat(count / MOST_REPEATED);
    let rest = count % MOST_REPEATED;
    if rest == 0 { whole } else { whole + &times(rest) }
}

impl Running {
    /// Keeps what the screen shows before a step is done of which that tells later whether it was done.
    pub(super) fn remember_screen(&mut self, step: &Step, view: &View<'_>) {
        let tells = match step {
            Step::Keys(_) => true,
            Step::Power(action) => matches!(action, PowerAction::Cycle | PowerAction::Reset),
            _ => false,
        };
        let screen = view.screen.filter(|screen| tells && screen.reliable);
        let seen = screen.map(|screen| (screen.text.trim_end(), screen.read_at));
        let pressed = self.record.steps.last().filter(|record| matches!(record.step, Step::Keys(_)));
        let pressed = pressed.and_then(|record| record.ended_at);
        self.before_row = seen.zip(pressed).is_some_and(|((_, read_at), pressed)| read_at <= pressed);
        let shown = seen
            .map(|(text, _)| if self.before_row { text.lines().last().unwrap_or_default() } else { text });
        self.before = shown.filter(|text| !text.trim().is_empty()).map(str::to_owned);
    }

    /// The step under way was cut short.
    pub(super) fn cut(&mut self, now: Timestamp) {
        let step = self.record.steps.last().map(|record| &record.step);
        let typed = match step {
            // What was taken back once is not taken back again: that did not help.
            Some(Step::Keys(keys)) if !self.repeated => text_of(keys).unwrap_or_default(),
            _ => String::new(),
        };
        let before = self.before.take().filter(|_| self.failing.is_none());
        self.cut_short = before.map(|before| CutShort {
            position: self.position.clone(),
            before,
            row: self.before_row,
            typed,
            since: now,
            stage: Stage::Looked,
            last: None,
        });
    }

    /// Whether what a step typed is being taken back.
    pub(super) fn takes_back(&self) -> bool {
        self.cut_short.as_ref().is_some_and(|cut| cut.stage == Stage::TakingBack)
    }

    /// Whether a step is done that was not done before since it was cut short.
    pub(super) fn does_again(&self) -> bool {
        let steps = steps_of(&self.flow, self.failing.is_some());
        self.repeated && matches!(self.position.step(steps), Some(Step::Keys(_)))
    }

    /// Takes in what became of taking back; tells it in words.
    pub(super) fn took_back(&mut self, now: Timestamp, outcome: &StepOutcome) -> String {
        let steps = steps_of(&self.flow, self.failing.is_some());
        self.position.finish(steps);
        match outcome {
            StepOutcome::Done(detail) => {
                if let Some(cut) = &mut self.cut_short {
                    (cut.stage, cut.since, cut.last) = (Stage::TakenBack, now, None);
                }
                detail.clone()
            }
            StepOutcome::Failed(detail) => {
                self.cut_short = None;
                format!("it failed: {detail}")
            }
            StepOutcome::Unknown(detail) => {
                self.cut_short = None;
                format!("it is not known whether it was done: {detail}")
            }
        }
    }

    /// What follows from what the screen shows of a step that was cut short.
    pub(super) fn follow_cut(
        &mut self,
        now: Timestamp,
        view: &View<'_>,
        incident: &ironhand_api::Incident,
        log: &mut Log,
    ) -> Next {
        let Some(cut) = &mut self.cut_short else { return Next::Proof };
        match cut.look(now, view.screen) {
            Trace::Unclear => Next::Proof,
            Trace::Moved => {
                self.cut_short = None;
                Next::Proof
            }
            Trace::Unmoved => {
                let record = self.record.steps.last();
                let place = record.map(|record| record.place.as_str()).unwrap_or_default();
                let types_secret = matches!(record.map(|record| &record.step), Some(Step::Keys(keys)) if text_of(keys).is_none());
                let unseen = if types_secret {
                    "; a part of the secret may stand there where nobody sees it"
                } else {
                    ""
                };
                Next::Failed(format!(
                    "it is not known whether step {place} was done, and {} s later the screen is as it was before it{unseen}",
                    UNMOVED.as_secs()
                ))
            }
            Trace::Half(count) => {
                let step = Step::Keys(backspaces(count));
                let is_free = self.record.asked.is_some();
                if view.hold.is_some() && !is_free || obstacle_to_step(view.facts, &step).is_some() {
                    return Next::Proof;
                }
                cut.stage = Stage::TakingBack;
                self.position = cut.position.clone();
                self.verifying_since = None;
                Next::TakeBack(self.act(now, step, incident, log))
            }
            Trace::Gone => {
                self.position = cut.position.clone();
                self.cut_short = None;
                self.verifying_since = None;
                self.repeated = true;
                Next::Again
            }
        }
    }

    /// Begins a step that is done outside.
    pub(super) fn act(
        &mut self,
        now: Timestamp,
        step: Step,
        incident: &ironhand_api::Incident,
        log: &mut Log,
    ) -> Decision {
        self.start_record(now, step.clone(), incident, log);
        Decision::Act(Box::new(Planned {
            run: self.record.id,
            flow: self.record.flow.clone(),
            place: self.place(),
            record: self.record.steps.len() - 1,
            step,
            reason: said(&self.flow, &self.record.matched, ""),
            evidence: self.record.matched.clone(),
        }))
    }
}
