//! How a console uses SOL, and what it hears.

use std::time::Duration;

use crate::client::Error;
use crate::completion::CompletionCode;
use crate::privilege::PrivilegeLevel;

/// How a console uses Serial over LAN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SolConfig {
    /// SOL instance: 1 to 15, nearly always 1.
    pub instance: u8,
    /// If another session has the console: deactivate it there and take it. Otherwise the answer is
    /// [`SolClosed::InUse`].
    pub steal: bool,
    /// The privilege level to ask at: SOL configuration parameter 2 of the BMC says which it wants.
    pub privilege: PrivilegeLevel,
    /// What becomes of alerts of the BMC over the serial port meanwhile.
    pub serial_alerts: SerialAlerts,
    /// Wait after the first transmission of characters; it doubles after every second one up to eight times.
    pub retransmit: Duration,
    /// Transmissions after the first until the console is given up.
    pub retransmissions: u32,
    /// How often the BMC is asked whether this session still has the console. Many say nothing when it is taken.
    pub check: Duration,
    /// What is sent to a system that has been silent for [`SolConfig::check`], to find BMCs that no longer redirect.
    pub probe: SerialProbe,
}

/// The shortest and the longest time that a configuration may ask for, so that no console spins and adding it to any
/// instant stays in range.
const CHECK_RANGE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60 * 60)];
const RETRANSMIT_RANGE: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(60 * 60)];

impl SolConfig {
    /// [`SolConfig::check`] within bounds.
    pub(crate) fn bounded_check(&self) -> Duration {
        let [least, most] = CHECK_RANGE;
        self.check.clamp(least, most)
    }

    /// [`SolConfig::retransmit`] within bounds.
    pub(crate) fn bounded_retransmit(&self) -> Duration {
        let [least, most] = RETRANSMIT_RANGE;
        self.retransmit.clamp(least, most)
    }
}

impl Default for SolConfig {
    /// Instance 1, not stolen, asked for as Operator; 500 ms and ten retransmissions; checked every 20 seconds; nothing sent unasked.
    fn default() -> Self {
        Self {
            instance: 1,
            steal: false,
            privilege: PrivilegeLevel::Operator,
            serial_alerts: SerialAlerts::Fail,
            retransmit: Duration::from_millis(500),
            retransmissions: 10,
            check: Duration::from_secs(20),
            probe: SerialProbe::None,
        }
    }
}

/// What becomes of alerts over the shared serial port while SOL is active (table 24-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SerialAlerts {
    /// They fail.
    Fail,
    /// They wait until SOL is deactivated. Some BMCs take no input otherwise.
    Deferred,
    /// They go out, between the console's characters.
    Succeed,
}

/// What a console sends to a system that is silent. Some BMCs keep the session when the machine restarts and redirect
/// nothing any more, not even input; the missing acknowledgement shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SerialProbe {
    /// Nothing.
    None,
    /// A numbered packet without characters. The system does not see it; not every BMC acknowledges it.
    Empty,
    /// A NUL character, which most systems ignore.
    Nul,
}

/// What happened on a serial console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SolEvent {
    /// The console is open.
    Opened {
        /// Characters that the BMC takes in one packet: 1 to 255.
        characters: usize,
    },
    /// The system wrote this.
    Data(Vec<u8>),
    /// The system sent a break.
    Break,
    /// The BMC lost characters of the system.
    Overrun,
    /// The BMC cannot transfer characters now: the system is off or in reset. What is written waits.
    Unavailable,
    /// It can again.
    Available,
    /// The console is closed.
    Closed(SolClosed),
}

/// Why a serial console was closed, or could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SolClosed {
    /// The caller asked for it.
    #[error("closed as asked")]
    Requested,
    /// Another session has the console, and [`SolConfig::steal`] is not set.
    #[error("another session has the console")]
    InUse,
    /// SOL is disabled at the BMC.
    #[error("Serial over LAN is disabled at the BMC")]
    Disabled,
    /// The BMC refused to activate SOL for another reason.
    #[error("the BMC refused to open the console: {0}")]
    Refused(CompletionCode),
    /// Another session has taken the console.
    #[error("another session has taken the console")]
    Stolen,
    /// The BMC has deactivated the console, mostly because another session took it.
    #[error("the BMC has closed the console")]
    Deactivated,
    /// The BMC acknowledged no transmission of some characters.
    #[error("the BMC no longer takes characters")]
    Unacknowledged,
    /// The session that carried it was lost.
    #[error("the session was lost")]
    Lost,
    /// The commands that open it failed.
    #[error("the console could not be opened: {0}")]
    Failed(Error),
}

impl SolClosed {
    /// A stable code for logs and programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Requested => "sol.requested",
            Self::InUse => "sol.in_use",
            Self::Disabled => "sol.disabled",
            Self::Refused(_) => "sol.refused",
            Self::Stolen => "sol.stolen",
            Self::Deactivated => "sol.deactivated",
            Self::Unacknowledged => "sol.unacknowledged",
            Self::Lost => "sol.lost",
            Self::Failed(error) => error.code(),
        }
    }
}
