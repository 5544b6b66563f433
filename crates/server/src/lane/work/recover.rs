//! Runs that people ask for by hand.

use ironhand_api::{RecoverPlan, RecoverRequest, Run};
use ironhand_model::{RunOrder, StartRefusal};

use super::Lane;
use crate::clock;
use crate::device::DeviceError;
use crate::lane::{Ports, RecoverError};

impl Lane {
    /// Begins a run on a person's word; durable when this returns.
    pub(super) async fn recover(
        &mut self,
        request: &RecoverRequest,
        ports: &Ports,
    ) -> Result<Run, RecoverError> {
        self.look_before(ports);
        let now = clock::now();
        let before = self.recovery.clone();
        let started = self.in_situation(now, |recovery, view| recovery.start(now, view, &order(request)));
        let mut decided = started.map_err(RecoverError::Refused)?;
        let stored = async {
            self.number(&mut decided).await?;
            self.commit(now, &decided.transitions).await
        };
        if let Err(error) = stored.await {
            self.recovery = before;
            return Err(RecoverError::Device(DeviceError::not_stored(&error)));
        }
        let run = self.recovery.run().cloned();
        run.ok_or(RecoverError::Device(DeviceError::Stopping))
    }

    /// What a run would do.
    pub(super) fn plan(
        &mut self,
        request: &RecoverRequest,
        ports: &Ports,
    ) -> Result<RecoverPlan, StartRefusal> {
        self.look_before(ports);
        let now = clock::now();
        self.in_situation(now, |recovery, view| recovery.plan(view, &order(request)))
    }

    /// Takes in a look at the screen that has come since the last turn: a person means what is there now.
    fn look_before(&mut self, ports: &Ports) {
        if self.view.as_ref().is_some_and(|view| view.has_changed().unwrap_or(false)) {
            self.looked(ports);
        }
    }
}

fn order(request: &RecoverRequest) -> RunOrder<'_> {
    RunOrder {
        by: &request.by,
        reason: request.reason.as_deref(),
        flow: request.flow.as_ref(),
        force: request.force,
    }
}
