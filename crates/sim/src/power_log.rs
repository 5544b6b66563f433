//! What a management controller shows of its machine's power: chassis status, sensor, event log.

use std::time::Instant;

use ironhand_ipmi::bmc::SensorInput;
use ironhand_ipmi::sel::SystemEvent;
use ironhand_ipmi::sensor::event_text::SENSOR_SPECIFIC;
use ironhand_ipmi::{Bmc, ChassisStatus};

/// What happened to a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PowerChange {
    /// It got power, and boots.
    On,
    /// It lost power.
    Off,
    /// It boots without having lost power.
    Reset,
}

impl PowerChange {
    /// The machine boots.
    pub(crate) fn boots(self) -> bool {
        matches!(self, Self::On | Self::Reset)
    }

    /// What is written to the System Event Log (IPMI 2.0 table 42-3).
    fn log(self) -> &'static [SystemEvent] {
        const fn acpi(state: u8) -> SystemEvent {
            SystemEvent::of_bmc(0x22, ACPI_STATE, SENSOR_SPECIFIC, [state, 0xFF, 0xFF])
        }
        const fn boot(how: u8) -> SystemEvent {
            SystemEvent::of_bmc(0x1D, SYSTEM_BOOT, SENSOR_SPECIFIC, [how, 0xFF, 0xFF])
        }
        const POWER_ON: [SystemEvent; 2] = [acpi(WORKING), boot(0x00)];
        const POWER_OFF: [SystemEvent; 1] = [acpi(SOFT_OFF)];
        const HARD_RESET: [SystemEvent; 1] = [boot(0x01)];
        match self {
            Self::On => &POWER_ON,
            Self::Off => &POWER_OFF,
            Self::Reset => &HARD_RESET,
        }
    }
}

/// Sensors of [`SensorSet::sample`](ironhand_ipmi::bmc::SensorSet::sample): the machine's ACPI power state, with two of
/// its states, and how it was booted.
pub(crate) const ACPI_STATE: u8 = 0x72;
pub(crate) const WORKING: u8 = 0;
pub(crate) const SOFT_OFF: u8 = 5;
const SYSTEM_BOOT: u8 = 0xE0;

/// Shows whether the machine has power, as it was asked for.
pub(crate) fn show(bmc: &mut Bmc, power_on: bool) {
    bmc.set_chassis(ChassisStatus { power_on, power_control_fault: false, ..bmc.chassis() });
    let state = SensorInput::States(1 << if power_on { WORKING } else { SOFT_OFF });
    if let Err(error) = bmc.set_sensor(ACPI_STATE, state) {
        tracing::debug!(%error, "a simulated BMC does not show its machine's power state");
    }
}

/// Shows and logs what happened.
pub(crate) fn tell(bmc: &mut Bmc, now: Instant, change: PowerChange) {
    if change != PowerChange::Reset {
        show(bmc, change == PowerChange::On);
    }
    for event in change.log() {
        bmc.log_event(now, *event);
    }
}
