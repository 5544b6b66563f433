//! Where a run stands in the nested steps of its flow.

use ironhand_api::{Step, Timestamp};
use serde::{Deserialize, Serialize};

/// Where a run stands: durable, so that the next start goes on at the same step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Position {
    /// The step to begin next, or the one that is under way, among the steps of the flow itself.
    next: usize,
    /// The lists that it stands in, the outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    inside: Vec<Level>,
}

/// A list of steps within a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Level {
    within: Within,
    next: usize,
}

/// Which list of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Within {
    /// That of a branch of a `choose`, from 0.
    Branch(usize),
    /// What a `choose` does where no branch was taken.
    Otherwise,
    /// That of a `repeat`.
    Round {
        /// The round, from 1.
        number: u32,
        /// When the first one began.
        since: Timestamp,
    },
    /// That of the flow that is called.
    Called,
    /// The wait for what was deployed, which no step of the flow says.
    Deployed,
}

impl Within {
    fn list(self, step: &Step) -> Option<&[Step]> {
        match (self, step) {
            (Self::Branch(index), Step::Choose(choose)) => {
                choose.branches.get(index).map(|branch| branch.steps.as_slice())
            }
            (Self::Otherwise, Step::Choose(choose)) => choose.otherwise.as_deref(),
            (Self::Round { .. }, Step::Repeat(repeat)) => Some(&repeat.steps),
            (Self::Called, Step::Call(call)) => Some(call.steps()),
            (Self::Deployed, Step::Deploy(_)) => Some(&[]),
            _ => None,
        }
    }
}

impl Position {
    /// The step at this place; none at the end of a list.
    pub(super) fn step<'s>(&self, steps: &'s [Step]) -> Option<&'s Step> {
        let (list, next) = self.list(steps)?;
        list.get(next)
    }

    /// The innermost list, and the place in it.
    fn list<'s>(&self, steps: &'s [Step]) -> Option<(&'s [Step], usize)> {
        let mut place = (steps, self.next);
        for level in &self.inside {
            let (list, next) = place;
            place = (level.within.list(list.get(next)?)?, level.next);
        }
        Some(place)
    }

    /// The step that holds the innermost list; none in the flow's own.
    pub(super) fn holder<'s>(&self, steps: &'s [Step]) -> Option<&'s Step> {
        let mut outer = self.clone();
        outer.leave()?;
        outer.step(steps)
    }

    /// The innermost list; none in the flow's own.
    pub(super) fn within(&self) -> Option<Within> {
        self.inside.last().map(|level| level.within)
    }

    /// Goes on to the step behind.
    pub(super) fn advance(&mut self) {
        match self.inside.last_mut() {
            Some(level) => level.next += 1,
            None => self.next += 1,
        }
    }

    /// Goes to the first step of a list within the step at this place.
    pub(super) fn enter(&mut self, within: Within) {
        self.inside.push(Level { within, next: 0 });
    }

    /// Leaves the innermost list, for the step that holds it; none where it stands in no list but the flow's own.
    pub(super) fn leave(&mut self) -> Option<Within> {
        self.inside.pop().map(|level| level.within)
    }

    /// Goes behind the last step of the flow.
    pub(super) fn finish(&mut self, steps: &[Step]) {
        self.inside.clear();
        self.next = steps.len();
    }

    /// The steps that are repeated around this place, the outermost first, with when their first round began.
    pub(super) fn rounds<'s>(&self, steps: &'s [Step]) -> Vec<(&'s Step, Timestamp)> {
        let mut rounds = Vec::new();
        let mut list = steps;
        let mut next = self.next;
        for level in &self.inside {
            let Some(step) = list.get(next) else { break };
            if let Within::Round { since, .. } = level.within {
                rounds.push((step, since));
            }
            let Some(inner) = level.within.list(step) else { break };
            (list, next) = (inner, level.next);
        }
        rounds
    }

    /// The place as people count: `2`, or `2.1` for the first step within the second. The end of a round is at the place
    /// of what is repeated.
    pub(super) fn place(&self, steps: &[Step]) -> String {
        let ends_round = matches!(self.within(), Some(Within::Round { .. })) && self.step(steps).is_none();
        let depth = self.inside.len() - usize::from(ends_round);
        let inner = self.inside.iter().take(depth).map(|level| format!(".{}", level.next + 1));
        format!("{}{}", self.next + 1, inner.collect::<String>())
    }

    /// The rounds around this place, the outermost first.
    pub(super) fn round_numbers(&self) -> Vec<String> {
        let number = |level: &Level| match level.within {
            Within::Round { number, .. } => Some(number.to_string()),
            _ => None,
        };
        self.inside.iter().filter_map(number).collect()
    }
}
