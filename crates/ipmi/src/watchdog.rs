//! The watchdog timer (IPMI 2.0 chapter 27): resets a machine whose software does not report in time.
//!
//! Software on the machine sets the timer and restarts it again and again; from outside it is mostly read, or stopped
//! where nothing restarts it any more.

use std::time::Duration;

use crate::command::{Command, netfn};
use crate::completion::CompletionCode;
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;
use crate::wire::Reader;

/// Reset Watchdog Timer's own code: the timer was never set.
pub const NEVER_SET: CompletionCode = CompletionCode(0x80);

/// Who uses the timer (table 27-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimerUse {
    /// The BIOS, for fault resilient booting.
    BiosFrb2,
    /// The BIOS, for its self test.
    BiosPost,
    /// The BIOS, until the operating system is loaded.
    OsLoad,
    /// Software of the operating system.
    Sms,
    /// A manufacturer's own use.
    Oem,
    /// A reserved number.
    Reserved(u8),
}

impl TimerUse {
    /// The use in words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::BiosFrb2 => "BIOS FRB2",
            Self::BiosPost => "BIOS POST",
            Self::OsLoad => "OS load",
            Self::Sms => "SMS/OS",
            Self::Oem => "OEM",
            Self::Reserved(_) => "reserved",
        }
    }

    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::BiosFrb2 => 1,
            Self::BiosPost => 2,
            Self::OsLoad => 3,
            Self::Sms => 4,
            Self::Oem => 5,
            Self::Reserved(number) => number & 7,
        }
    }

    const fn from_number(number: u8) -> Self {
        match number & 7 {
            1 => Self::BiosFrb2,
            2 => Self::BiosPost,
            3 => Self::OsLoad,
            4 => Self::Sms,
            5 => Self::Oem,
            other => Self::Reserved(other),
        }
    }
}

/// What happens when the timer expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeoutAction {
    /// Nothing.
    None,
    /// The machine is reset.
    HardReset,
    /// Power is switched off.
    PowerDown,
    /// Power is switched off and on.
    PowerCycle,
    /// A reserved number.
    Reserved(u8),
}

impl TimeoutAction {
    /// The action in words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::None => "no action",
            Self::HardReset => "hard reset",
            Self::PowerDown => "power down",
            Self::PowerCycle => "power cycle",
            Self::Reserved(_) => "reserved",
        }
    }

    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::HardReset => 1,
            Self::PowerDown => 2,
            Self::PowerCycle => 3,
            Self::Reserved(number) => number & 7,
        }
    }

    const fn from_number(number: u8) -> Self {
        match number & 7 {
            0 => Self::None,
            1 => Self::HardReset,
            2 => Self::PowerDown,
            3 => Self::PowerCycle,
            other => Self::Reserved(other),
        }
    }
}

/// What happens shortly before the timer expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PretimeoutInterrupt {
    /// Nothing.
    None,
    /// A system management interrupt.
    Smi,
    /// A diagnostic interrupt.
    Nmi,
    /// An interrupt of the BMC's message interface.
    Messaging,
    /// A reserved number.
    Reserved(u8),
}

impl PretimeoutInterrupt {
    /// The interrupt in words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Smi => "SMI",
            Self::Nmi => "NMI",
            Self::Messaging => "messaging",
            Self::Reserved(_) => "reserved",
        }
    }

    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Smi => 1,
            Self::Nmi => 2,
            Self::Messaging => 3,
            Self::Reserved(number) => number & 7,
        }
    }

    const fn from_number(number: u8) -> Self {
        match number & 7 {
            0 => Self::None,
            1 => Self::Smi,
            2 => Self::Nmi,
            3 => Self::Messaging,
            other => Self::Reserved(other),
        }
    }
}

/// How the timer is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WatchdogSettings {
    /// The expiry is not to be logged in the SEL.
    pub dont_log: bool,
    /// Who uses the timer.
    pub timer_use: TimerUse,
    /// What happens when it expires.
    pub action: TimeoutAction,
    /// What happens shortly before.
    pub pretimeout_interrupt: PretimeoutInterrupt,
    /// How long before, in seconds.
    pub pretimeout: u8,
    /// For each [`TimerUse`] whether the timer has expired in it: bit n for use n.
    pub expired: u8,
    /// The time that it is started with, in tenths of a second: up to 6553.5 seconds.
    pub countdown: u16,
}

impl WatchdogSettings {
    /// The time that it is started with.
    pub const fn time(self) -> Duration {
        Duration::from_millis(self.countdown as u64 * 100)
    }

    fn first_bytes(self, running: bool) -> [u8; 4] {
        [
            u8::from(self.dont_log) << 7 | u8::from(running) << 6 | self.timer_use.number(),
            self.pretimeout_interrupt.number() << 4 | self.action.number(),
            self.pretimeout,
            self.expired & 0x3E,
        ]
    }

    fn read(reader: &mut Reader<'_>) -> Result<(Self, bool), Fault> {
        let [timer_use, actions, pretimeout, expired] = reader.array("watchdog timer")?;
        let settings = Self {
            dont_log: timer_use & 0x80 != 0,
            timer_use: TimerUse::from_number(timer_use),
            action: TimeoutAction::from_number(actions),
            pretimeout_interrupt: PretimeoutInterrupt::from_number(actions >> 4),
            pretimeout,
            expired: expired & 0x3E,
            countdown: reader.u16("watchdog countdown")?,
        };
        Ok((settings, timer_use & 0x40 != 0))
    }
}

/// Set Watchdog Timer (section 27.6). Stops the timer unless `keep_running`; start it with [`ResetWatchdogTimer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SetWatchdogTimer {
    /// A running timer goes on, with the new time.
    pub keep_running: bool,
    /// The settings; a bit of `expired` clears that flag.
    pub settings: WatchdogSettings,
}

impl SetWatchdogTimer {
    /// Stops the timer and leaves it without an action.
    pub const STOP: Self = Self {
        keep_running: false,
        settings: WatchdogSettings {
            dont_log: false,
            timer_use: TimerUse::Sms,
            action: TimeoutAction::None,
            pretimeout_interrupt: PretimeoutInterrupt::None,
            pretimeout: 0,
            expired: 1 << TimerUse::Sms.number(),
            countdown: 0,
        },
    };
}

impl Command for SetWatchdogTimer {
    type Reply = ();
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x24;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&self.settings.first_bytes(self.keep_running));
        data.extend_from_slice(&self.settings.countdown.to_le_bytes());
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

impl SetWatchdogTimer {
    /// Reads the request's data, as the BMC side does.
    pub(crate) fn decode_request(data: &[u8]) -> Result<Self, CompletionCode> {
        if data.len() != 6 {
            return Err(CompletionCode::REQUEST_LENGTH_INVALID);
        }
        let (settings, keep_running) = WatchdogSettings::read(&mut Reader::new(data))
            .map_err(|_| CompletionCode::REQUEST_LENGTH_INVALID)?;
        Ok(Self { keep_running, settings })
    }
}

/// Reset Watchdog Timer (section 27.5): starts the countdown, again. Refused with [`NEVER_SET`] before the first
/// [`SetWatchdogTimer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResetWatchdogTimer;

impl Command for ResetWatchdogTimer {
    type Reply = ();
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x22;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

/// Get Watchdog Timer (section 27.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetWatchdogTimer;

/// The reply to [`GetWatchdogTimer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WatchdogTimer {
    /// The BMC says that the timer runs. Some say so always; [`WatchdogTimer::present`] that stands still tells.
    pub running: bool,
    /// How it is set up.
    pub settings: WatchdogSettings,
    /// What is left of the countdown, in tenths of a second.
    pub present: u16,
}

impl WatchdogTimer {
    /// What is left of the countdown.
    pub const fn time_left(self) -> Duration {
        Duration::from_millis(self.present as u64 * 100)
    }
}

impl Command for GetWatchdogTimer {
    type Reply = WatchdogTimer;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x25;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<WatchdogTimer, Fault> {
        let mut reader = Reader::new(data);
        let (settings, running) = WatchdogSettings::read(&mut reader)?;
        Ok(WatchdogTimer { running, settings, present: reader.u16("present watchdog countdown")? })
    }
}

impl WatchdogTimer {
    /// The reply's data, as the BMC side sends it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut data = self.settings.first_bytes(self.running).to_vec();
        data.extend_from_slice(&self.settings.countdown.to_le_bytes());
        data.extend_from_slice(&self.present.to_le_bytes());
        data
    }
}
