//! The machine's case, as the BMC sees it (IPMI 2.0 chapter 28): identify light, buttons, policy, restart cause.

use std::time::{Duration, Instant};

use crate::bmc::Bmc;
use crate::bmc::commands::{Access, Answer, Caller, Handler, LAN_CHANNEL, dataless, handler, untyped};
use crate::chassis::{
    ChassisCapabilities, ChassisIdentify, GetChassisCapabilities, GetPohCounter, GetSystemRestartCause,
    PohCounter, RestartCause, SetFrontPanelEnables, SetPowerRestorePolicy,
};
use crate::command::{
    ButtonSet, ChassisControl, ChassisStatus, FrontPanelButtons, IdentifyState, RestorePolicy, netfn,
};
use crate::completion::CompletionCode;
use crate::message::BMC_ADDRESS;
use crate::privilege::PrivilegeLevel;

pub(super) const HANDLERS: &[Handler] = &[
    dataless::<GetChassisCapabilities>(|_, _| Ok(CAPABILITIES.encode())),
    handler::<ChassisIdentify>(identify),
    handler::<SetFrontPanelEnables>(|bmc, _, data| set_front_panel_enables(bmc, data)),
    untyped((netfn::CHASSIS, 0x0B), Access::From(PrivilegeLevel::Administrator), set_power_cycle_interval),
    handler::<SetPowerRestorePolicy>(|bmc, _, data| set_restore_policy(bmc, data)),
    dataless::<GetSystemRestartCause>(|bmc, _| Ok(bmc.front_panel.restart_cause.encode().to_vec())),
    dataless::<GetPohCounter>(|bmc, _| Ok(power_on_hours(bmc))),
];

/// Everything can be done, and everything is the BMC's own.
const CAPABILITIES: ChassisCapabilities = ChassisCapabilities {
    power_interlock: false,
    diagnostic_interrupt: true,
    front_panel_lockout: true,
    intrusion_sensor: true,
    fru_address: BMC_ADDRESS,
    sdr_address: BMC_ADDRESS,
    sel_address: BMC_ADDRESS,
    system_management_address: BMC_ADDRESS,
    bridge_address: None,
};

/// The policies that it supports: all three.
const ALL_POLICIES: u8 = 0b111;

/// What [`ChassisStatus`] does not say.
#[derive(Debug, Default)]
pub(super) struct FrontPanel {
    /// When the identify light goes off by itself.
    identify_ends: Option<Instant>,
    restart_cause: RestartCause,
    /// A console asked to switch the machine on, and it is not on yet.
    power_up_asked: bool,
}

/// Last power event, bit 4 (section 28.2): power was switched on by a command.
const SWITCHED_ON_BY_COMMAND: u8 = 0x10;

impl FrontPanel {
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.identify_ends
    }

    /// A status whose last power event tells by what the machine was switched on, unless it tells something else.
    pub(super) fn noting_power_up(&mut self, status: ChassisStatus, before: ChassisStatus) -> ChassisStatus {
        if !status.power_on || before.power_on {
            return status;
        }
        let by_command = std::mem::take(&mut self.power_up_asked);
        if status.last_power_event != before.last_power_event {
            return status;
        }
        let others = status.last_power_event & !SWITCHED_ON_BY_COMMAND;
        let bit = if by_command { SWITCHED_ON_BY_COMMAND } else { 0 };
        ChassisStatus { last_power_event: others | bit, ..status }
    }
}

/// A status that also tells what this BMC can do.
pub(super) fn completed(status: ChassisStatus, before: ChassisStatus) -> ChassisStatus {
    let buttons = FrontPanelButtons { can_disable: ButtonSet::ALL, disabled: ButtonSet::default() };
    ChassisStatus {
        identify: status.identify.or(before.identify).or(Some(IdentifyState::Off)),
        buttons: status.buttons.or(before.buttons).or(Some(buttons)),
        ..status
    }
}

impl Bmc {
    /// Says why the machine last started, for Get System Restart Cause. Chassis Control and the watchdog timer set it by
    /// themselves.
    pub fn set_restart_cause(&mut self, cause: RestartCause) {
        self.front_panel.restart_cause = cause;
    }

    /// Chassis Control was accepted.
    pub(super) fn note_control(&mut self, control: ChassisControl) {
        match control {
            ChassisControl::PowerUp | ChassisControl::PowerCycle | ChassisControl::HardReset => {
                self.set_restart_cause(RestartCause::ChassisControl { channel: LAN_CHANNEL });
            }
            ChassisControl::PowerDown
            | ChassisControl::DiagnosticInterrupt
            | ChassisControl::SoftShutdown => {}
        }
        match control {
            ChassisControl::PowerUp => self.front_panel.power_up_asked = !self.chassis.power_on,
            ChassisControl::PowerCycle => self.front_panel.power_up_asked = true,
            ChassisControl::PowerDown | ChassisControl::SoftShutdown => {
                self.front_panel.power_up_asked = false
            }
            ChassisControl::HardReset | ChassisControl::DiagnosticInterrupt => {}
        }
        if !matches!(control, ChassisControl::DiagnosticInterrupt | ChassisControl::SoftShutdown) {
            self.watchdog.stop();
        }
    }

    pub(super) fn wake_front_panel(&mut self, now: Instant) {
        if self.front_panel.identify_ends.is_some_and(|end| end <= now) {
            self.front_panel.identify_ends = None;
            self.chassis.identify = Some(IdentifyState::Off);
        }
    }
}

fn identify(bmc: &mut Bmc, caller: Caller, data: &[u8]) -> Answer {
    let (seconds, force) = match *data {
        [] => (15, false),
        [seconds] => (seconds, false),
        [seconds, force] => (seconds, force & 1 != 0),
        _ => return Err(CompletionCode::REQUEST_LENGTH_INVALID),
    };
    let (state, ends) = match (force, seconds) {
        (true, _) => (IdentifyState::Indefinite, None),
        (false, 0) => (IdentifyState::Off, None),
        (false, _) => (IdentifyState::Temporary, Some(caller.now + Duration::from_secs(seconds.into()))),
    };
    bmc.chassis.identify = Some(state);
    bmc.front_panel.identify_ends = ends;
    Ok(Vec::new())
}

fn set_front_panel_enables(bmc: &mut Bmc, data: &[u8]) -> Answer {
    let &[bits] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    let disabled = ButtonSet::from_bits(bits);
    bmc.chassis.buttons = Some(FrontPanelButtons { can_disable: ButtonSet::ALL, disabled });
    // The lockout is that of power and reset.
    bmc.chassis.front_panel_lockout = disabled.power_off && disabled.reset;
    Ok(Vec::new())
}

/// Set Power Cycle Interval (section 28.9), in seconds: how long a power cycle takes is up to the machine.
fn set_power_cycle_interval(_: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let &[_seconds] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    Ok(Vec::new())
}

fn set_restore_policy(bmc: &mut Bmc, data: &[u8]) -> Answer {
    let &[number] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    match RestorePolicy::from_number(number & 7) {
        // 3 only asks for what is supported; from_number gives the same for numbers without a meaning.
        RestorePolicy::Unknown if number & 7 != 3 => return Err(CompletionCode::INVALID_FIELD),
        RestorePolicy::Unknown => {}
        policy => bmc.chassis.restore_policy = policy,
    }
    Ok(vec![ALL_POLICIES])
}

fn power_on_hours(bmc: &Bmc) -> Vec<u8> {
    let counter = PohCounter { minutes_per_count: 60, count: bmc.config.power_on_hours };
    let mut data = vec![counter.minutes_per_count];
    data.extend_from_slice(&counter.count.to_le_bytes());
    data
}
