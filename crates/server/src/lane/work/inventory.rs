//! What a host is: read when it is first reached, and rarely after that.

use std::time::{Duration, Instant};

use ironhand_api::{Capability, HostHardware, Reach};

use super::Lane;
use super::act::{Purpose, Wanted};
use crate::lane::hardware::{Found, Hardware};
use crate::lane::{Action, ActionFailure, Done};

/// How long after a lane began the inventory is read for the first time, and each host a moment of its own later: what
/// people wait for goes first.
pub(super) const FIRST: Duration = Duration::from_secs(30);

/// Within which time after that the hosts of a fleet are read.
pub(super) const SPREAD: Duration = Duration::from_secs(600);

/// Between two readings: firmware is replaced, and boards are, but not often. A reading takes some controllers a minute.
const REST: Duration = Duration::from_secs(24 * 3600);

impl Lane {
    /// Reads the inventory when its time has come and nothing else is to be done.
    pub(super) fn look_at_inventory(&mut self) {
        if self.times.inventory > Instant::now() || self.acting.is_some() || !self.queue.is_empty() {
            return;
        }
        let reached = self.facts.reach().is_some_and(|fact| fact.value == Reach::Ok);
        let able = self.connector(Capability::Inventory).is_some();
        if !reached || !able || self.refusal().is_some() || self.is_at_work() {
            return;
        }
        self.times.inventory = Instant::now() + REST + self.share(REST / 8);
        let action = Action::Hardware(Hardware::Inventory);
        self.queue.push_back(Wanted { action, purpose: Purpose::Knowledge });
    }

    /// Takes in what the host is, whoever asked for its inventory.
    pub(super) fn learn(&mut self, result: &Result<Done, ActionFailure>) {
        let Ok(Done { found: Some((_, Found::Inventory(read))), .. }) = result else { return };
        let hardware = HostHardware::from(&**read);
        if self.facts.hardware() != Some(&hardware) {
            self.facts.know_hardware(hardware);
            self.judge();
        }
    }
}
