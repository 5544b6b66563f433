//! How a client talks to its BMC.

use std::time::Duration;

use secrecy::SecretString;

use crate::client::learned::Learned;
use crate::privilege::PrivilegeLevel;
use crate::quirk::Quirks;
use crate::session15::Ipmi15Authentication;
use crate::suite::CipherSuite;

/// Credentials and habits of one [`Client`](crate::Client).
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// User name: up to 16 bytes; empty for the null user.
    pub username: String,
    /// Password: up to 20 bytes; up to 16 for IPMI 1.5.
    pub password: SecretString,
    /// The BMC's own key Kg, up to 20 bytes, where one is set; `0x` and an even count of hexadecimal digits stand for
    /// bytes. `None` where the BMC has none, which is the rule; an empty one and one of zeroes mean the same.
    pub kg: Option<SecretString>,
    /// In which protocol sessions are opened.
    pub protocol: SessionProtocol,
    /// Cipher suites in the order in which they are tried. The one that worked last comes first from then on.
    pub suites: Vec<CipherSuite>,
    /// The highest privilege level that a session may have; requests that need more end with
    /// [`Error::PrivilegeCapped`](crate::Error::PrivilegeCapped) and nothing is sent.
    ///
    /// A session is opened at the lowest level that the requests at hand need, as users are often limited, and opened
    /// again for a request that needs more.
    pub privilege: PrivilegeLevel,
    /// What an earlier client of the same BMC learned.
    pub learned: Learned,
    /// How long to wait for answers and how often to ask again.
    pub retransmit: RetransmitPolicy,
    /// What becomes of a session without work.
    pub idle: IdlePolicy,
    /// Vendor faults to work around. Those that are dealt with always need not be named.
    pub quirks: Quirks,
}

impl ClientConfig {
    /// RMCP+ with suites 17 then 3, any privilege level, no Kg, nothing known, the session kept alive.
    pub fn new(username: impl Into<String>, password: SecretString) -> Self {
        Self {
            username: username.into(),
            password,
            kg: None,
            protocol: SessionProtocol::default(),
            suites: CipherSuite::PREFERRED.to_vec(),
            privilege: PrivilegeLevel::Administrator,
            learned: Learned::default(),
            retransmit: RetransmitPolicy::default(),
            idle: IdlePolicy::default(),
            quirks: Quirks::NONE,
        }
    }
}

/// In which protocol sessions are opened. A client never falls back from one to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SessionProtocol {
    /// RMCP+, the sessions of IPMI 2.0, with one of [`ClientConfig::suites`].
    #[default]
    RmcpPlus,
    /// Those of IPMI 1.5, which encrypt nothing: only for BMCs that have no others. [`ClientConfig::suites`] and
    /// [`ClientConfig::kg`] have no meaning in them.
    Ipmi15(Ipmi15Authentication),
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

/// How long to wait for answers and how often to ask again.
///
/// Once a BMC has answered, waits follow what its answers took. Each wait for the same answer is twice as long as the one
/// before, up to `ceiling`, and varies by an eighth so that many clients do not fall into step. A BMC that says nothing is
/// given up after `patience`, or `session_patience` and `patience` where a session was open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetransmitPolicy {
    /// First wait for a BMC that has not answered anything yet.
    pub first: Duration,
    /// The least wait, however fast a BMC answered before: some commands take longer than others.
    pub floor: Duration,
    /// The least wait for RAKP messages 2 and 4, while the BMC does its cryptography. Some take a second for each; such a
    /// BMC is asked a little too often once, and not again when its times are known.
    pub handshake: Duration,
    /// Longest wait between two transmissions.
    pub ceiling: Duration,
    /// How long a BMC may say nothing in an open session before the session is taken to be lost.
    pub session_patience: Duration,
    /// How long a BMC may say nothing to a step of a set-up before it is given up, and how long a command is waited for
    /// that must not be sent twice.
    pub patience: Duration,
}

impl Default for RetransmitPolicy {
    /// First wait 250 ms, least 200 ms and 300 ms for the handshake, longest 4 s, 3 s in a session, 6 s in all.
    fn default() -> Self {
        Self {
            first: Duration::from_millis(250),
            floor: Duration::from_millis(200),
            handshake: Duration::from_millis(300),
            ceiling: Duration::from_secs(4),
            session_patience: Duration::from_secs(3),
            patience: Duration::from_secs(6),
        }
    }
}

/// The longest wait that a configuration may ask for, so that adding it to any instant stays in range.
const WAIT_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The shortest, so that no configuration makes a client spin.
const WAIT_FLOOR: Duration = Duration::from_millis(1);

impl RetransmitPolicy {
    pub(crate) fn session_patience(&self) -> Duration {
        bounded(self.session_patience)
    }

    pub(crate) fn patience(&self) -> Duration {
        bounded(self.patience)
    }
}

/// `wait` within what the machines can count with.
pub(crate) fn bounded(wait: Duration) -> Duration {
    wait.clamp(WAIT_FLOOR, WAIT_LIMIT)
}
