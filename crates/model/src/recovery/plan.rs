//! What a run would do, told before anything is done.

use ironhand_api::{Choose, Incident, PlannedStep, Run, Step, Truth};

use super::{View, obstacle_to_step};
use crate::condition::judge;

/// The steps of a flow, with what is known of each now. Templates are filled in for a run that would begin now; what only a
/// step before it captures is not known yet.
pub(super) fn planned_steps(
    view: &View<'_>,
    steps: &[Step],
    run: &Run,
    incident: &Incident,
) -> Vec<PlannedStep> {
    let mut planner = Planner { view, run, incident, untouched: true, planned: Vec::new() };
    planner.list(steps, "", None);
    planner.planned
}

struct Planner<'p, 'v> {
    view: &'p View<'v>,
    run: &'p Run,
    incident: &'p Incident,
    /// Whether nothing was done yet at this place, so that the screen shows then what it shows now.
    untouched: bool,
    planned: Vec<PlannedStep>,
}

impl Planner<'_, '_> {
    fn list(&mut self, steps: &[Step], at: &str, only_where: Option<&str>) {
        for (index, step) in steps.iter().enumerate() {
            let number = index + 1;
            let place = if at.is_empty() { number.to_string() } else { format!("{at}.{number}") };
            self.step(step, place, only_where);
        }
    }

    fn step(&mut self, step: &Step, place: String, only_where: Option<&str>) {
        let mut note = obstacle_to_step(self.view.facts, step)
            .filter(|_| self.untouched)
            .map(|obstacle| format!("cannot begin now: {obstacle}"));
        let taken = match step {
            Step::Choose(choose) if self.untouched => self.branch(choose),
            _ => None,
        };
        match step {
            Step::WaitFor(wait) if self.untouched => note = note.or_else(|| self.holds(&wait.condition)),
            Step::Choose(choose) => {
                let told = match taken {
                    Some(index) => format!("branch {} would be taken", index + 1),
                    None if self.untouched && choose.otherwise.is_some() => {
                        "none of the branches now; `otherwise` would be taken".to_owned()
                    }
                    None => "the screen decides then".to_owned(),
                };
                note = note.or(Some(told));
            }
            Step::Deploy(_) => note = note.or_else(|| self.replaced()),
            _ => {}
        }
        let does = match (self.view.fill)(&step.without_inner(), self.run, self.incident) {
            Ok(filled) => filled.as_ref().unwrap_or(step).to_string(),
            Err(reason) => {
                note = note.or_else(|| Some(format!("not filled in: {reason}")));
                step.to_string()
            }
        };
        let only = only_where.map(str::to_owned);
        self.planned.push(PlannedStep { place: place.clone(), does, only_where: only, note });
        self.below(step, &place, only_where, taken);
        self.untouched &= matches!(step, Step::Snapshot(_) | Step::Approve(_));
    }

    /// The steps within a step, each list as if nothing else was done before it than what comes before the step.
    fn below(&mut self, step: &Step, place: &str, only_where: Option<&str>, taken: Option<usize>) {
        let Step::Choose(choose) = step else {
            for (_, steps) in step.lists() {
                self.list(steps, place, only_where);
            }
            return;
        };
        let before = self.untouched;
        for (index, branch) in choose.branches.iter().enumerate() {
            self.untouched = before;
            let condition = branch.when.to_string();
            match taken {
                Some(taken) if taken == index => self.list(&branch.steps, place, only_where),
                Some(_) => {}
                None => self.list(&branch.steps, place, Some(&condition)),
            }
        }
        if let (Some(steps), None) = (&choose.otherwise, taken) {
            self.untouched = before;
            self.list(steps, place, Some("none of the branches is true"));
        }
    }

    /// The branch that is true now.
    fn branch(&self, choose: &Choose) -> Option<usize> {
        let sight = self.view.sight_now();
        choose.branches.iter().position(|branch| judge(&branch.when, &sight).truth == Truth::Yes)
    }

    /// What a deployment would take the place of.
    fn replaced(&self) -> Option<String> {
        let seen = self.view.facts.deployment()??;
        Some(format!("in the place of Profile {}, which is {}", seen.profile, seen.phase))
    }

    fn holds(&self, condition: &ironhand_api::Condition) -> Option<String> {
        let judged = judge(condition, &self.view.sight_now());
        Some(format!(
            "{} now: {}",
            if judged.truth == Truth::Yes { "so" } else { "not yet so" },
            judged.reason
        ))
    }
}
