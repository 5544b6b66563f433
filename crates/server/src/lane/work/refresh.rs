//! Readings that somebody asks for: those who ask at the same time share one.

use std::time::Instant;

use ironhand_api::{Capability, HostStatus};
use tokio::sync::oneshot;

use super::Lane;
use crate::clock;
use crate::device::DeviceError;

/// Who waits for a reading at most; more than that is a fault of theirs.
const WAITING: usize = 1024;

impl Lane {
    /// Reads the power state now, unless it is being read already. An action that uses the BMC reads it too.
    pub(super) fn refresh(&mut self, reply: oneshot::Sender<Result<HostStatus, DeviceError>>) {
        let no_line = self.connector(Capability::PowerState).is_none();
        let missing = || DeviceError::NoConnector { capability: Capability::PowerState };
        let full = || DeviceError::Busy { waiting: WAITING };
        let error = self.refusal().or_else(|| no_line.then(missing));
        if let Some(error) = error.or_else(|| (self.refreshing.len() >= WAITING).then(full)) {
            // An error of sending means that nobody waits any longer; the same below.
            let _ = reply.send(Err(error));
            return;
        }
        self.refreshing.push(reply);
        self.cadence.hurry(clock::now());
        self.times.power = self.times.power.min(Instant::now());
        self.times.event_log = Instant::now();
    }

    /// Tells everybody who waited for a reading how the host is.
    pub(super) fn refreshed(&mut self) {
        if self.refreshing.is_empty() {
            return;
        }
        let status = self.status();
        for reply in std::mem::take(&mut self.refreshing) {
            let _ = reply.send(Ok(status.clone()));
        }
    }
}
