//! What a host of a fleet was asked.

use std::time::Instant;

use ironhand_ipmi::ChassisControl;

/// How much is kept of one host: far more than a test means to do to it.
const MOST: usize = 4096;

/// Something that somebody asked of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// When.
    pub at: Instant,
    /// What.
    pub what: Asked,
}

/// What a host can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A power action, by IPMI or Redfish.
    Power(ChassisControl),
    /// A key that went down, as a keysym of X.
    Key(u32),
}

/// The first [`MOST`] of them, in order.
#[derive(Debug, Default)]
pub(super) struct Log(Vec<Received>);

impl Log {
    pub(super) fn note(&mut self, at: Instant, what: Asked) {
        if self.0.len() < MOST {
            self.0.push(Received { at, what });
        }
    }

    pub(super) fn copy(&self) -> Vec<Received> {
        self.0.clone()
    }
}
