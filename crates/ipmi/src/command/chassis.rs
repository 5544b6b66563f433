//! Power: Get Chassis Status and Chassis Control (IPMI 2.0 chapter 28).

use crate::command::{Command, netfn};
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;
use crate::wire::Reader;

/// Get Chassis Status (section 28.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetChassisStatus;

/// What the machine does when mains power comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RestorePolicy {
    /// It stays off.
    StayOff,
    /// It returns to the state it had.
    Previous,
    /// It is switched on.
    PowerUp,
    /// The BMC does not say.
    #[default]
    Unknown,
}

impl RestorePolicy {
    /// The number on the wire in Get Chassis Status.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::StayOff => 0,
            Self::Previous => 1,
            Self::PowerUp => 2,
            Self::Unknown => 3,
        }
    }

    pub(crate) const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::StayOff,
            1 => Self::Previous,
            2 => Self::PowerUp,
            _ => Self::Unknown,
        }
    }
}

/// The reply to [`GetChassisStatus`].
///
/// The state lags behind: for some seconds after Chassis Control a BMC may still show the state before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ChassisStatus {
    /// System power is on (S0; some BMCs also count sleep states).
    pub power_on: bool,
    /// Shut down because of a power overload.
    pub power_overload: bool,
    /// Shut down because a chassis interlock is open.
    pub interlock: bool,
    /// A fault of the main power subsystem.
    pub power_fault: bool,
    /// The BMC could not switch power as asked.
    pub power_control_fault: bool,
    /// What happens when mains power comes back.
    pub restore_policy: RestorePolicy,
    /// Why power last went off or on: bit 0 mains failed, 1 overload, 2 interlock, 3 power fault, 4 switched on by an
    /// IPMI command.
    pub last_power_event: u8,
    /// The chassis was opened.
    pub intrusion: bool,
    /// The front panel's power and reset buttons are locked.
    pub front_panel_lockout: bool,
    /// A drive has failed.
    pub drive_fault: bool,
    /// Cooling or a fan has failed.
    pub cooling_fault: bool,
    /// What the identify light does; `None` where the BMC does not tell.
    pub identify: Option<IdentifyState>,
    /// What can be done to the front panel's buttons, and is; `None` where the BMC does not tell.
    pub buttons: Option<FrontPanelButtons>,
}

/// What the light does that shows people which machine is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IdentifyState {
    /// It is off.
    #[default]
    Off,
    /// It is on for some time.
    Temporary,
    /// It is on until it is switched off.
    Indefinite,
    /// A reserved value.
    Reserved,
}

/// The front panel's buttons: which can be disabled and which are (the optional fourth byte of Get Chassis Status).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FrontPanelButtons {
    /// The buttons that can be disabled.
    pub can_disable: ButtonSet,
    /// The buttons that are disabled.
    pub disabled: ButtonSet,
}

/// Some of the front panel's buttons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ButtonSet {
    /// Standby, or sleep.
    pub standby: bool,
    /// Diagnostic interrupt (NMI).
    pub diagnostic: bool,
    /// Reset.
    pub reset: bool,
    /// Power off; the button still powers on.
    pub power_off: bool,
}

impl ButtonSet {
    /// Every button.
    pub const ALL: Self = Self { standby: true, diagnostic: true, reset: true, power_off: true };

    /// Bits 3:0.
    pub(crate) const fn bits(self) -> u8 {
        (self.standby as u8) << 3
            | (self.diagnostic as u8) << 2
            | (self.reset as u8) << 1
            | self.power_off as u8
    }

    pub(crate) const fn from_bits(bits: u8) -> Self {
        Self {
            standby: bits & 8 != 0,
            diagnostic: bits & 4 != 0,
            reset: bits & 2 != 0,
            power_off: bits & 1 != 0,
        }
    }
}

impl Command for GetChassisStatus {
    type Reply = ChassisStatus;
    const NETFN: u8 = netfn::CHASSIS;
    const CMD: u8 = 0x01;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<ChassisStatus, Fault> {
        let mut reader = Reader::new(data);
        let [power, last_power_event, other] = reader.array("chassis status")?;
        let buttons = reader.u8("front panel buttons").ok();
        let bit = |byte: u8, bit: u8| byte >> bit & 1 == 1;
        Ok(ChassisStatus {
            power_on: bit(power, 0),
            power_overload: bit(power, 1),
            interlock: bit(power, 2),
            power_fault: bit(power, 3),
            power_control_fault: bit(power, 4),
            restore_policy: RestorePolicy::from_number(power >> 5 & 3),
            last_power_event: last_power_event & 0x1F,
            intrusion: bit(other, 0),
            front_panel_lockout: bit(other, 1),
            drive_fault: bit(other, 2),
            cooling_fault: bit(other, 3),
            identify: bit(other, 6).then_some(match other >> 4 & 3 {
                0 => IdentifyState::Off,
                1 => IdentifyState::Temporary,
                2 => IdentifyState::Indefinite,
                _ => IdentifyState::Reserved,
            }),
            buttons: buttons.map(|bits| FrontPanelButtons {
                can_disable: ButtonSet::from_bits(bits >> 4),
                disabled: ButtonSet::from_bits(bits),
            }),
        })
    }
}

impl ChassisStatus {
    /// What is wrong with the machine, in words; nothing where all is well.
    pub fn faults(&self) -> Vec<&'static str> {
        [
            (self.power_overload, "power overload"),
            (self.interlock, "chassis interlock open"),
            (self.power_fault, "power supply fault"),
            (self.power_control_fault, "power does not follow commands"),
            (self.intrusion, "chassis intrusion"),
            (self.drive_fault, "drive fault"),
            (self.cooling_fault, "cooling or fan fault"),
        ]
        .into_iter()
        .filter_map(|(present, text)| present.then_some(text))
        .collect()
    }

    /// Why power last went off or on, in words.
    pub fn power_events(&self) -> Vec<&'static str> {
        ["mains failed", "power overload", "interlock opened", "power fault", "switched on by IPMI"]
            .into_iter()
            .enumerate()
            .filter_map(|(bit, text)| (self.last_power_event >> bit & 1 == 1).then_some(text))
            .collect()
    }

    /// The reply's data, as the BMC side sends it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let policy = self.restore_policy.number();
        let power = u8::from(self.power_on)
            | u8::from(self.power_overload) << 1
            | u8::from(self.interlock) << 2
            | u8::from(self.power_fault) << 3
            | u8::from(self.power_control_fault) << 4
            | policy << 5;
        let other = u8::from(self.intrusion)
            | u8::from(self.front_panel_lockout) << 1
            | u8::from(self.drive_fault) << 2
            | u8::from(self.cooling_fault) << 3
            | self.identify.map_or(0, |state| {
                0x40 | match state {
                    IdentifyState::Off => 0x00,
                    IdentifyState::Temporary => 0x10,
                    IdentifyState::Indefinite => 0x20,
                    IdentifyState::Reserved => 0x30,
                }
            });
        let mut data = vec![power, self.last_power_event & 0x1F, other];
        data.extend(self.buttons.map(|buttons| buttons.can_disable.bits() << 4 | buttons.disabled.bits()));
        data
    }
}

/// Chassis Control (section 28.3): acts on the machine's power.
///
/// The BMC answers before it acts; whether the machine followed shows only in [`GetChassisStatus`] later. None of these
/// is ever sent twice by [`Client`](crate::Client), not even those that look harmless: a second soft shutdown forces
/// power off on some firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChassisControl {
    /// Power off at once.
    PowerDown,
    /// Power on.
    PowerUp,
    /// Off for at least a second, then on. Many BMCs refuse it (D5h) or ignore it while the machine is off.
    PowerCycle,
    /// Pulse the reset line.
    HardReset,
    /// Raise a diagnostic interrupt (NMI), which makes an operating system dump its memory.
    DiagnosticInterrupt,
    /// Ask the operating system to shut down, by an emulated press of the power button.
    SoftShutdown,
}

impl ChassisControl {
    /// The number on the wire.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::PowerDown => 0,
            Self::PowerUp => 1,
            Self::PowerCycle => 2,
            Self::HardReset => 3,
            Self::DiagnosticInterrupt => 4,
            Self::SoftShutdown => 5,
        }
    }

    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::PowerDown),
            1 => Some(Self::PowerUp),
            2 => Some(Self::PowerCycle),
            3 => Some(Self::HardReset),
            4 => Some(Self::DiagnosticInterrupt),
            5 => Some(Self::SoftShutdown),
            _ => None,
        }
    }
}

impl Command for ChassisControl {
    type Reply = ();
    const NETFN: u8 = netfn::CHASSIS;
    const CMD: u8 = 0x02;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = false;

    fn encode(&self, data: &mut Vec<u8>) {
        data.push(self.number());
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}
