//! Changes of the password that were cut short, or left in doubt: looked at when the lane begins, and from time to time.

use std::time::Instant;

use ironhand_api::{AlertCause, Capability, Job, JobState, Name, Work};
use ironhand_model::retry_after;

use super::Lane;
use super::act::{Purpose, Wanted};
use super::decide::STORE_RETRY;
use crate::clock;
use crate::device::DeviceError;
use crate::lane::line::controller;
use crate::lane::{Action, ActionFailure, Done};

impl Lane {
    /// Finds out whether an earlier start left a change that is not over.
    pub(super) async fn take_up_rotation(&mut self) {
        self.times.rotation = match self.tools.store.rotation(&self.name).await {
            Ok(Some(kept)) => {
                // Its job ends when that is found out, or found to be in doubt.
                let job = self.unfinished.iter().position(|job| job.id == kept.job);
                self.rotation_job = job.map(|place| self.unfinished.remove(place));
                Some(Instant::now())
            }
            Ok(None) => {
                self.end_untold();
                None
            }
            Err(error) => {
                let error = crate::http::chain(&error);
                tracing::error!(host = %self.name, error, "whether a change of the password is over is not known");
                Some(Instant::now() + STORE_RETRY)
            }
        };
    }

    /// Ends the changes that were begun, and of which nothing was stored: a BMC is told a password only after that.
    fn end_untold(&mut self) {
        let begun = |job: &mut Job| job.work == Work::Password && job.state == JobState::Running;
        let untold: Vec<Job> = self.unfinished.extract_if(.., begun).collect();
        for job in untold {
            let detail = "the server stopped before the BMC was told the new password; ask again".to_owned();
            self.resumed(job, JobState::Failed, detail);
        }
    }

    /// Queues it where it is due, before what people ask for.
    pub(super) fn look_at_rotation(&mut self) {
        let due = self.times.rotation.is_some_and(|due| due <= Instant::now());
        if due && self.lines.is_some() {
            self.times.rotation = None;
            self.queue.push_front(Wanted { action: Action::ResolveRotation, purpose: Purpose::Own });
        }
    }

    /// A credential changed: what the devices that it is for refused before says nothing of it.
    pub(super) fn credential_changed(&mut self, name: &Name) {
        for connector in self.host.spec.connectors_for(Capability::Power) {
            if self.uses(connector, name) {
                self.tools.refusals.forgive(&controller(connector));
            }
        }
        if self.times.rotation.is_some() {
            self.times.rotation = Some(Instant::now());
        }
    }

    /// Takes in what a change came to.
    pub(super) fn rotation_ended(&mut self, action: &Action, result: &Result<Done, ActionFailure>) {
        if !matches!(action, Action::Rotate(_) | Action::ResolveRotation) {
            return;
        }
        let error = match result {
            Ok(_) => None,
            Err(ActionFailure { error: DeviceError::PasswordKept { .. }, .. }) => None,
            Err(ActionFailure { error, .. }) => Some(error),
        };
        let Some(error) = error else {
            let why = "it is known again which password is valid";
            let cleared = self.alerts.clear(clock::now(), AlertCause::PasswordIndeterminate, why);
            self.alert_changes(cleared);
            if let Some(job) = self.rotation_job.take() {
                self.job_ended(job, result);
            }
            return;
        };
        let settings = &self.terms.settings;
        let wait = match (error, action) {
            (DeviceError::PasswordInDoubt { attempts, .. }, _) => retry_after(*attempts, settings),
            // Whether it was stored is not known.
            (DeviceError::NotStored { .. }, _) => STORE_RETRY,
            (DeviceError::Waiting { wait, .. }, Action::ResolveRotation) => *wait,
            (_, Action::ResolveRotation) => settings.auth_first,
            // Refused before anything was stored, or another one is not over, which has its own time.
            _ => return,
        };
        self.times.rotation = Some(Instant::now() + wait);
        if matches!(error, DeviceError::PasswordInDoubt { .. }) {
            let cause = AlertCause::PasswordIndeterminate;
            let raised = self.alerts.raise(clock::now(), cause, error.to_string());
            self.alert_changes(raised);
            // It may stay in doubt for long. The job is corrected when it is known which password is valid.
            if let Some(job) = self.rotation_job.take() {
                self.job_ended(job, result);
            }
        }
    }
}
