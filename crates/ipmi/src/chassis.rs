//! The machine's case: finding it, its buttons, and what it does when power comes back (IPMI 2.0 chapter 28).
//!
//! Whether it is on, and switching it, are [`GetChassisStatus`](crate::command::GetChassisStatus) and
//! [`ChassisControl`](crate::ChassisControl).

use std::time::Duration;

use crate::command::{ButtonSet, Command, RestorePolicy, netfn};
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;
use crate::procedure::chain::{Boxed, Chain, ask, attempt, end};
use crate::procedure::{Procedure, ProcedureError};
use crate::wire::Reader;

/// Get Chassis Capabilities (section 28.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetChassisCapabilities;

/// The reply to [`GetChassisCapabilities`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChassisCapabilities {
    /// A power interlock can be seen.
    pub power_interlock: bool,
    /// The BMC can raise a diagnostic interrupt.
    pub diagnostic_interrupt: bool,
    /// The front panel can be locked.
    pub front_panel_lockout: bool,
    /// An opened case can be seen.
    pub intrusion_sensor: bool,
    /// Bus address of the device with the chassis's FRU data.
    pub fru_address: u8,
    /// Bus address of the device with the SDR repository.
    pub sdr_address: u8,
    /// Bus address of the device with the SEL.
    pub sel_address: u8,
    /// Bus address of the system management device.
    pub system_management_address: u8,
    /// Bus address of the bridge, where the BMC tells it.
    pub bridge_address: Option<u8>,
}

impl Command for GetChassisCapabilities {
    type Reply = ChassisCapabilities;
    const NETFN: u8 = netfn::CHASSIS;
    const CMD: u8 = 0x00;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<ChassisCapabilities, Fault> {
        let mut reader = Reader::new(data);
        let [flags, fru_address, sdr_address, sel_address, system_management_address] =
            reader.array("chassis capabilities")?;
        Ok(ChassisCapabilities {
            power_interlock: flags & 0x08 != 0,
            diagnostic_interrupt: flags & 0x04 != 0,
            front_panel_lockout: flags & 0x02 != 0,
            intrusion_sensor: flags & 0x01 != 0,
            fru_address,
            sdr_address,
            sel_address,
            system_management_address,
            bridge_address: reader.u8("bridge address").ok(),
        })
    }
}

impl ChassisCapabilities {
    /// The reply's data, as the BMC side sends it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let flags = u8::from(self.power_interlock) << 3
            | u8::from(self.diagnostic_interrupt) << 2
            | u8::from(self.front_panel_lockout) << 1
            | u8::from(self.intrusion_sensor);
        let mut data =
            vec![flags, self.fru_address, self.sdr_address, self.sel_address, self.system_management_address];
        data.extend(self.bridge_address);
        data
    }
}

/// Chassis Identify (section 28.5): lights the lamp that shows which machine is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChassisIdentify {
    /// For so many seconds; 0 switches the light off.
    Seconds(u8),
    /// Until it is switched off. Not every BMC can.
    On,
}

impl ChassisIdentify {
    /// How long the light is on where nothing else is said (section 28.5).
    pub const DEFAULT: Self = Self::Seconds(15);
}

impl Command for ChassisIdentify {
    type Reply = ();
    const NETFN: u8 = netfn::CHASSIS;
    const CMD: u8 = 0x04;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        match self {
            // The second byte is left out where it says nothing, as firmware of IPMI 1.5 does not know it.
            Self::Seconds(seconds) => data.push(*seconds),
            Self::On => data.extend_from_slice(&[0, 1]),
        }
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

/// Set Front Panel Enables (section 28.6): disables these buttons and enables all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SetFrontPanelEnables(pub ButtonSet);

impl Command for SetFrontPanelEnables {
    type Reply = ();
    const NETFN: u8 = netfn::CHASSIS;
    const CMD: u8 = 0x0A;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Administrator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.push(self.0.bits());
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

/// Set Power Restore Policy (section 28.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SetPowerRestorePolicy(
    /// The policy; [`RestorePolicy::Unknown`] changes nothing and only asks what the BMC supports.
    pub RestorePolicy,
);

/// The restore policies that a BMC supports: the reply to [`SetPowerRestorePolicy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SupportedPolicies {
    /// [`RestorePolicy::StayOff`].
    pub stay_off: bool,
    /// [`RestorePolicy::Previous`].
    pub previous: bool,
    /// [`RestorePolicy::PowerUp`].
    pub power_up: bool,
}

impl Command for SetPowerRestorePolicy {
    type Reply = SupportedPolicies;
    const NETFN: u8 = netfn::CHASSIS;
    const CMD: u8 = 0x06;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.push(self.0.number());
    }

    fn decode(data: &[u8]) -> Result<SupportedPolicies, Fault> {
        let bits = Reader::new(data).u8("supported power restore policies")?;
        Ok(SupportedPolicies { stay_off: bits & 1 != 0, previous: bits & 2 != 0, power_up: bits & 4 != 0 })
    }
}

/// Get System Restart Cause (section 28.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetSystemRestartCause;

/// Why the machine last started (table 28-11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RestartCause {
    /// Not known: the machine started before the BMC was ready, or nobody recorded it.
    #[default]
    Unknown,
    /// Chassis Control, asked for over this channel.
    ChassisControl {
        /// The channel's number.
        channel: u8,
    },
    /// The reset button.
    ResetButton,
    /// The power button.
    PowerButton,
    /// The watchdog timer expired.
    Watchdog,
    /// In a manufacturer's own way.
    Oem,
    /// Mains power came back, and the policy is to power up always.
    PolicyPowerUp,
    /// Mains power came back, and the machine had been on.
    PolicyPrevious,
    /// A platform event filter reset it.
    EventFilterReset,
    /// A platform event filter power-cycled it.
    EventFilterCycle,
    /// Its operating system restarted it (soft reset).
    SoftReset,
    /// Its clock woke it.
    RealTimeClock,
    /// A number without a meaning in the specification.
    Reserved(u8),
}

impl RestartCause {
    /// The cause in words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::ChassisControl { .. } => "chassis control command",
            Self::ResetButton => "reset button",
            Self::PowerButton => "power button",
            Self::Watchdog => "watchdog expired",
            Self::Oem => "OEM",
            Self::PolicyPowerUp => "power restored, policy is to power up",
            Self::PolicyPrevious => "power restored, policy is the previous state",
            Self::EventFilterReset => "reset by event filter",
            Self::EventFilterCycle => "power cycle by event filter",
            Self::SoftReset => "soft reset",
            Self::RealTimeClock => "real-time clock",
            Self::Reserved(_) => "reserved",
        }
    }

    /// The reply's data, as the BMC side sends it.
    pub(crate) const fn encode(self) -> [u8; 2] {
        match self {
            Self::Unknown => [0x0, 0],
            Self::ChassisControl { channel } => [0x1, channel],
            Self::ResetButton => [0x2, 0],
            Self::PowerButton => [0x3, 0],
            Self::Watchdog => [0x4, 0],
            Self::Oem => [0x5, 0],
            Self::PolicyPowerUp => [0x6, 0],
            Self::PolicyPrevious => [0x7, 0],
            Self::EventFilterReset => [0x8, 0],
            Self::EventFilterCycle => [0x9, 0],
            Self::SoftReset => [0xA, 0],
            Self::RealTimeClock => [0xB, 0],
            Self::Reserved(number) => [number, 0],
        }
    }
}

impl Command for GetSystemRestartCause {
    type Reply = RestartCause;
    const NETFN: u8 = netfn::CHASSIS;
    const CMD: u8 = 0x07;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<RestartCause, Fault> {
        let mut reader = Reader::new(data);
        let cause = reader.u8("restart cause")? & 0xF;
        let channel = reader.u8("restart channel").unwrap_or(0);
        Ok(match cause {
            0x0 => RestartCause::Unknown,
            0x1 => RestartCause::ChassisControl { channel },
            0x2 => RestartCause::ResetButton,
            0x3 => RestartCause::PowerButton,
            0x4 => RestartCause::Watchdog,
            0x5 => RestartCause::Oem,
            0x6 => RestartCause::PolicyPowerUp,
            0x7 => RestartCause::PolicyPrevious,
            0x8 => RestartCause::EventFilterReset,
            0x9 => RestartCause::EventFilterCycle,
            0xA => RestartCause::SoftReset,
            0xB => RestartCause::RealTimeClock,
            other => RestartCause::Reserved(other),
        })
    }
}

/// Get POH Counter (section 28.14 of revision 1.1): how long the machine has been powered on in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetPohCounter;

/// The reply to [`GetPohCounter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PohCounter {
    /// Minutes that one count stands for: usually 60.
    pub minutes_per_count: u8,
    /// Counts so far.
    pub count: u32,
}

impl PohCounter {
    /// The time powered on.
    pub const fn time(self) -> Duration {
        Duration::from_secs(60 * self.minutes_per_count as u64 * self.count as u64)
    }
}

impl Command for GetPohCounter {
    type Reply = PohCounter;
    const NETFN: u8 = netfn::CHASSIS;
    const CMD: u8 = 0x0F;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<PohCounter, Fault> {
        let mut reader = Reader::new(data);
        let minutes_per_count = reader.u8("minutes per count")?;
        Ok(PohCounter { minutes_per_count, count: reader.u32("power-on counter")? })
    }
}

/// Lights the lamp. Where the BMC does not know [`ChassisIdentify::On`] it is lit for the longest time there is, 255
/// seconds; the output says for how long, `None` standing for "until switched off".
pub fn identify(wish: ChassisIdentify) -> impl Procedure<Output = Option<u8>> + Send {
    let doing = "switch the identify light";
    attempt(doing, &wish).then(move |outcome| -> Boxed<Option<u8>> {
        match (wish, outcome) {
            (ChassisIdentify::Seconds(seconds), Ok(())) => Box::new(end(Ok(Some(seconds)))),
            (ChassisIdentify::On, Ok(())) => Box::new(end(Ok(None))),
            (ChassisIdentify::On, Err(_)) => {
                Box::new(ask(doing, &ChassisIdentify::Seconds(u8::MAX)).map(|()| Some(u8::MAX)))
            }
            (_, Err(code)) => Box::new(end(Err(ProcedureError::Refused { doing, code }))),
        }
    })
}

/// Sets the power restore policy and reads it back; [`ProcedureError::NotKept`] where the BMC shows another one.
pub fn set_restore_policy(policy: RestorePolicy) -> impl Procedure<Output = SupportedPolicies> + Send {
    let doing = "set the power restore policy";
    ask(doing, &SetPowerRestorePolicy(policy)).then(move |supported| {
        ask("read the chassis status", &crate::command::GetChassisStatus).then(move |status| {
            let kept = status.restore_policy == policy || policy == RestorePolicy::Unknown;
            end(if kept { Ok(supported) } else { Err(ProcedureError::NotKept { doing }) })
        })
    })
}

#[cfg(test)]
mod tests;
