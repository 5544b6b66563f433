//! What people say of a run that is under way.

use ironhand_api::Run;
use ironhand_model::RunRefusal;

use super::Lane;
use crate::clock;
use crate::device::DeviceError;
use crate::lane::{Ruling, RulingError};

impl Lane {
    /// Lets a run go on, or stops it; durable when this returns.
    pub(super) async fn rule(&mut self, run: u64, ruling: &Ruling) -> Result<Run, RulingError> {
        let now = clock::now();
        let before = self.recovery.clone();
        let transitions = if ruling.go_on {
            self.recovery
                .approve(now, run, &ruling.by, ruling.reason.as_deref())
                .map_err(RulingError::Refused)?
        } else if self.recovery.run().is_some_and(|running| running.id == run) {
            let reason = ruling.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            self.recovery.cancel(now, &format!("{}{reason}", ruling.by))
        } else {
            return Err(RulingError::Refused(RunRefusal::NotUnderWay { run }));
        };
        let ruled = transitions.iter().rev().find_map(|transition| transition.run.clone());
        if let Err(error) = self.commit(now, &transitions).await {
            self.recovery = before;
            return Err(RulingError::Device(DeviceError::not_stored(&error)));
        }
        ruled.ok_or(RulingError::Refused(RunRefusal::NotUnderWay { run }))
    }
}
