//! What a lane takes in of a fencing.

use ironhand_api::{AlertCause, FenceEvidence};
use ironhand_model::Observation;

use super::Lane;
use crate::clock;
use crate::lane::{Action, ActionFailure, Done};

impl Lane {
    /// Whether there is a fencing that could be lifted: one that holds, was broken, or was refused.
    pub(super) fn has_fence(&self) -> bool {
        let refused = || self.alerts.open().any(|cause| cause == AlertCause::FenceRefused);
        self.facts.fenced().is_some() || self.facts.fence_broken().is_some() || refused()
    }

    /// Takes in what a fencing came to, or that it was lifted.
    pub(super) fn fence_ended(&mut self, action: &Action, result: &Result<Done, ActionFailure>) {
        let now = clock::now();
        match (action, result) {
            (Action::LiftFence, Ok(_)) => {
                self.observe(now, "the API", Observation::FenceLifted);
            }
            (Action::Fence { attested }, Ok(Done { fence: Some(report), .. })) => {
                let source = match attested {
                    Some(person) => person.by.clone(),
                    None => report.evidence.iter().rev().find_map(source).unwrap_or_default().to_owned(),
                };
                self.observe(now, &source, Observation::Fenced { detail: report.reason.clone() });
            }
            (Action::Fence { .. }, Err(failure)) => {
                let raised = self.alerts.raise(now, AlertCause::FenceRefused, failure.error.to_string());
                self.alert_changes(raised);
            }
            _ => {}
        }
    }
}

/// The connector that gave a finding.
fn source(found: &FenceEvidence) -> Option<&str> {
    match found {
        FenceEvidence::Reading { source, .. }
        | FenceEvidence::Outlets { source, .. }
        | FenceEvidence::NoAnswer { source, .. } => Some(source),
        FenceEvidence::Attested { .. } => None,
    }
}
