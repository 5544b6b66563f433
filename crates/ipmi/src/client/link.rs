//! What all states of a client share: configuration, credentials, randomness and the outputs.

use std::collections::VecDeque;
use std::time::Duration;

use crate::client::config::{ClientConfig, SessionProtocol};
use crate::client::error::Error;
use crate::client::learned::Learned;
use crate::client::timing::Timing;
use crate::client::{Event, Output};
use crate::entropy::{self, Entropy};
use crate::keys::{KgFault, NAME_LIMIT, SECRET_LIMIT, SHORT_SECRET_LIMIT, SecretKey};
use crate::quirk::Quirk;
use crate::suite::CipherSuite;

/// Places that an empty queue keeps.
const KEPT: usize = 4;

/// Gives an empty queue's memory back, as a fleet has thousands of idle clients.
pub(super) fn give_back<T>(queue: &mut VecDeque<T>) {
    if queue.is_empty() && queue.capacity() > KEPT {
        queue.shrink_to(KEPT);
    }
}

/// The credentials in the form that the protocol uses.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) name: Vec<u8>,
    /// Kuid.
    user_key: SecretKey,
    /// Suites with HMAC-MD5 look at the password's first 16 bytes.
    short_with_md5: bool,
    kg: Option<SecretKey>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl Credentials {
    fn new(config: &ClientConfig) -> Result<Self, Error> {
        let too_long = |which, limit| Error::CredentialTooLong { which, limit };
        if config.username.len() > NAME_LIMIT {
            return Err(too_long("user name", NAME_LIMIT));
        }
        let mut user_key =
            SecretKey::from_password(&config.password).ok_or(too_long("password", SECRET_LIMIT))?;
        if config.quirks.contains(Quirk::TruncatedPassword) {
            user_key = user_key.truncated(SHORT_SECRET_LIMIT);
        }
        let is_short = user_key.clone().truncated(SHORT_SECRET_LIMIT) == user_key;
        if !is_short && matches!(config.protocol, SessionProtocol::Ipmi15(_)) {
            return Err(too_long("password", SHORT_SECRET_LIMIT));
        }
        let mut name = config.username.as_bytes().to_vec();
        if config.quirks.contains(Quirk::Intel20) {
            name.resize(NAME_LIMIT, 0);
        }
        let kg = match &config.kg {
            Some(kg) => SecretKey::from_kg(kg).map_err(|fault| match fault {
                KgFault::TooLong => too_long("Kg", SECRET_LIMIT),
                KgFault::Malformed => Error::CredentialMalformed { which: "Kg" },
            })?,
            None => None,
        };
        Ok(Self { name, user_key, short_with_md5: config.quirks.contains(Quirk::Intel20), kg })
    }

    pub(super) fn has_kg(&self) -> bool {
        self.kg.is_some()
    }

    /// Kg; the user's key stands in for it where none is set (section 13.31).
    pub(super) fn kg(&self, suite: CipherSuite) -> SecretKey {
        self.kg.clone().unwrap_or_else(|| self.user_key(suite))
    }

    /// The password, as a session of IPMI 1.5 uses it.
    pub(super) fn password(&self) -> &SecretKey {
        &self.user_key
    }

    /// Kuid, as a session with `suite` uses it.
    pub(super) fn user_key(&self, suite: CipherSuite) -> SecretKey {
        let key = self.user_key.clone();
        match self.short_with_md5 && suite.algorithms().authentication.is_md5() {
            true => key.truncated(SHORT_SECRET_LIMIT),
            false => key,
        }
    }
}

/// What all states of a client share.
pub(super) struct Link {
    pub(super) config: ClientConfig,
    /// Or why the configured ones cannot be used.
    pub(super) credentials: Result<Credentials, Error>,
    pub(super) entropy: Box<dyn Entropy>,
    pub(super) learned: Learned,
    pub(super) timing: Timing,
    outputs: VecDeque<Output>,
}

impl Link {
    pub(super) fn new(config: ClientConfig, entropy: Box<dyn Entropy>) -> Self {
        let credentials = Credentials::new(&config);
        Self {
            learned: config.learned,
            config,
            credentials,
            entropy,
            timing: Timing::default(),
            outputs: VecDeque::new(),
        }
    }

    pub(super) fn send(&mut self, bytes: Vec<u8>) {
        self.outputs.push_back(Output::Send(bytes));
    }

    pub(super) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    pub(super) fn next_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        give_back(&mut self.outputs);
        output
    }

    pub(super) fn backlog(&self) -> usize {
        self.outputs.len()
    }

    /// How long to wait for the reply to a command.
    pub(super) fn command_wait(&mut self) -> Duration {
        let noise = self.noise();
        self.timing.command_wait(&self.config.retransmit, noise)
    }

    /// How long to wait for an Open Session Response after `attempt` waits in vain.
    pub(super) fn open_wait(&mut self, attempt: u32) -> Duration {
        let noise = self.noise();
        self.timing.open_wait(&self.config.retransmit, attempt, noise)
    }

    /// How long to wait for RAKP message 2 or 4 after `attempt` waits in vain.
    pub(super) fn handshake_wait(&mut self, attempt: u32) -> Duration {
        let noise = self.noise();
        self.timing.handshake_wait(&self.config.retransmit, attempt, noise)
    }

    fn noise(&mut self) -> u8 {
        let [noise] = entropy::draw(&mut *self.entropy);
        noise
    }
}
