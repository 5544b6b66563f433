//! What a lane takes in of a fencing.

use ironhand_api::AlertCause;
use ironhand_model::Observation;

use super::Lane;
use crate::clock;
use crate::lane::{Action, ActionFailure, Done};

impl Lane {
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
                    None => self.line.as_ref().map_or_else(|| "ipmi".to_owned(), |line| line.source()),
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
