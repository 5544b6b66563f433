//! The least machine that a BMC can have behind it: power that follows the button after a while.

use std::time::{Duration, Instant};

use ironhand_ipmi::ChassisControl;

use crate::power_log::PowerChange;

/// How long a machine takes to follow its button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerTimes {
    /// From the command until power comes or goes, or until the reset line is pulsed.
    pub act: Duration,
    /// How long a power cycle leaves it without power.
    pub cycle: Duration,
    /// How long an operating system takes to shut down when the button is pressed shortly.
    pub shutdown: Duration,
}

impl PowerTimes {
    /// Times in the proportions of a server, `act` being the first of them.
    #[must_use]
    pub fn from_act(act: Duration) -> Self {
        Self { act, cycle: act.saturating_mul(4), shutdown: act.saturating_mul(10) }
    }
}

impl Default for PowerTimes {
    /// Short ones: a tenth of a second to act.
    fn default() -> Self {
        Self::from_act(Duration::from_millis(100))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    On,
    Off,
    CycleOff,
    Reset,
}

/// The power of a machine, and what its button has asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct PowerSwitch {
    on: bool,
    times: PowerTimes,
    due: Option<(Instant, Due)>,
}

impl PowerSwitch {
    pub(super) fn new(on: bool, times: PowerTimes) -> Self {
        Self { on, times, due: None }
    }

    pub(super) fn is_on(&self) -> bool {
        self.on
    }

    /// Follows a command. A later command replaces one that is still to be done, as a button does that is held
    /// while the machine restarts.
    pub(super) fn control(&mut self, now: Instant, control: ChassisControl) {
        let PowerTimes { act, shutdown, .. } = self.times;
        let due = match control {
            ChassisControl::PowerUp if !self.on => (act, Due::On),
            // What a cycle has left without power stays so.
            ChassisControl::PowerDown => (act, Due::Off),
            ChassisControl::PowerCycle if self.on => (act, Due::CycleOff),
            ChassisControl::HardReset if self.on => (act, Due::Reset),
            ChassisControl::SoftShutdown if self.on => (shutdown, Due::Off),
            _ => return,
        };
        self.due = Some((now + due.0, due.1));
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.due.map(|(at, _)| at)
    }

    /// Does the next thing that is due.
    pub(super) fn wake(&mut self, now: Instant) -> Option<PowerChange> {
        let (at, due) = self.due.take_if(|(at, _)| *at <= now)?;
        match due {
            Due::On => {
                self.on = true;
                Some(PowerChange::On)
            }
            Due::Off => std::mem::replace(&mut self.on, false).then_some(PowerChange::Off),
            Due::CycleOff => {
                self.on = false;
                self.due = Some((at + self.times.cycle, Due::On));
                Some(PowerChange::Off)
            }
            Due::Reset => Some(PowerChange::Reset),
        }
    }
}
