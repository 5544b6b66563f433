//! How a client talks to its BMC.

use std::time::Duration;

use secrecy::SecretString;

use crate::privilege::PrivilegeLevel;
use crate::quirk::Quirks;
use crate::suite::CipherSuite;

/// Credentials and habits of one [`Client`](crate::Client).
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// User name: up to 16 bytes; empty for the null user.
    pub username: String,
    /// Password: up to 20 bytes.
    pub password: SecretString,
    /// The BMC's own key Kg, up to 20 bytes, where one is set; `0x` and an even count of hexadecimal digits stand for
    /// bytes. `None` where the BMC has none, which is the rule.
    pub kg: Option<SecretString>,
    /// Cipher suites in the order in which they are tried. The one that worked last comes first from then on.
    pub suites: Vec<CipherSuite>,
    /// Highest privilege level to ask for. If a BMC refuses it, lower ones are tried, down to what the request at hand
    /// needs. The session rises above [`PrivilegeLevel::User`] only when a request needs it.
    pub privilege: PrivilegeLevel,
    /// How long to wait for answers and how often to ask again.
    pub retransmit: RetransmitPolicy,
    /// What becomes of a session without work.
    pub idle: IdlePolicy,
    /// Vendor faults to work around. Those that are dealt with always need not be named.
    pub quirks: Quirks,
}

impl ClientConfig {
    /// Suites 17 then 3, at most Operator, no Kg, the session kept alive.
    pub fn new(username: impl Into<String>, password: SecretString) -> Self {
        Self {
            username: username.into(),
            password,
            kg: None,
            suites: CipherSuite::PREFERRED.to_vec(),
            privilege: PrivilegeLevel::Operator,
            retransmit: RetransmitPolicy::default(),
            idle: IdlePolicy::default(),
            quirks: Quirks::NONE,
        }
    }
}

/// What becomes of a session without work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdlePolicy {
    /// A command goes out each time this long has passed without an answer, so that the BMC, which forgets a session
    /// after 60 seconds of silence (section 6.12.15), keeps it.
    KeepAlive(Duration),
    /// The session is closed after this long without work; zero closes it as soon as the queue is empty.
    Close(Duration),
}

impl Default for IdlePolicy {
    /// Kept alive every 20 seconds: the specification gives a session 60, OpenIPMI's `ipmi_sim` only 30.
    fn default() -> Self {
        Self::KeepAlive(Duration::from_secs(20))
    }
}

/// How long to wait for an answer, and how often.
///
/// The wait doubles from `first` to `ceiling` and varies by an eighth so that many clients do not fall into step.
/// Within a session a repeatable command is transmitted up to `attempts` times; a set-up, of which no single message may
/// be repeated once it moved on, starts over as a whole up to `attempts` times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetransmitPolicy {
    /// Wait after the first transmission.
    pub first: Duration,
    /// Longest wait.
    pub ceiling: Duration,
    /// The least wait for RAKP messages 2 and 4, while the BMC does its cryptography: some take a second for each.
    pub handshake: Duration,
    /// Transmissions of a command, runs of a set-up: at least 1.
    pub attempts: u32,
}

impl Default for RetransmitPolicy {
    /// One second, doubling up to four, three seconds for the handshake, three attempts: a dead BMC is known after
    /// about seven seconds.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            ceiling: Duration::from_secs(4),
            handshake: Duration::from_secs(3),
            attempts: 3,
        }
    }
}

/// The longest wait that a configuration may ask for, so that adding it to any instant stays in range.
const WAIT_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The shortest, so that no configuration makes a client spin.
const WAIT_FLOOR: Duration = Duration::from_millis(1);

impl RetransmitPolicy {
    /// The wait after transmission `attempt`, which counts from 0. `noise` spreads it by up to an eighth either way.
    pub(crate) fn wait(&self, attempt: u32, noise: u8) -> Duration {
        let doubled = self.first.saturating_mul(1u32.checked_shl(attempt).unwrap_or(u32::MAX));
        let wait = bounded(doubled.min(self.ceiling.max(self.first)));
        wait - wait / 8 + wait / 4 * u32::from(noise) / 255
    }

    pub(crate) fn handshake_wait(&self, attempt: u32, noise: u8) -> Duration {
        self.wait(attempt, noise).max(bounded(self.handshake))
    }

    /// How long a command that may be sent only once is waited for: as long as all transmissions of another.
    pub(crate) fn patience(&self) -> Duration {
        bounded((0..self.attempts().min(32)).map(|attempt| self.wait(attempt, 128)).sum())
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.attempts.max(1)
    }
}

/// `wait` within what the machines can count with.
pub(crate) fn bounded(wait: Duration) -> Duration {
    wait.clamp(WAIT_FLOOR, WAIT_LIMIT)
}
