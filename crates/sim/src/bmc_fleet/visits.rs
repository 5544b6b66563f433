//! What one BMC was asked, and by whom: the truth that a test holds a server's words against.

use std::net::SocketAddr;

use ironhand_ipmi::ChassisControl;

/// Addresses that are remembered. A BMC that more consoles than this talk to is no longer of interest to a test.
const CONSOLES: usize = 8;

/// What one BMC has seen since it came into being.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Visits {
    /// How often power was to come.
    pub power_up: u32,
    /// How often power was to go.
    pub power_down: u32,
    /// How often the machine was to lose and regain power.
    pub power_cycle: u32,
    /// How often the reset line was to be pulsed.
    pub hard_reset: u32,
    /// How often the operating system was to shut down.
    pub soft_shutdown: u32,
    /// How often a diagnostic interrupt was to be raised.
    pub diagnostic_interrupt: u32,
    /// The first addresses from which anything came, in the order in which they were first heard: 8 at most.
    pub consoles: Vec<SocketAddr>,
}

impl Visits {
    pub(super) fn control(&mut self, control: ChassisControl) {
        let count = match control {
            ChassisControl::PowerUp => &mut self.power_up,
            ChassisControl::PowerDown => &mut self.power_down,
            ChassisControl::PowerCycle => &mut self.power_cycle,
            ChassisControl::HardReset => &mut self.hard_reset,
            ChassisControl::SoftShutdown => &mut self.soft_shutdown,
            ChassisControl::DiagnosticInterrupt => &mut self.diagnostic_interrupt,
        };
        *count = count.saturating_add(1);
    }

    pub(super) fn heard(&mut self, from: SocketAddr) {
        if self.consoles.len() < CONSOLES && !self.consoles.contains(&from) {
            self.consoles.push(from);
        }
    }
}
