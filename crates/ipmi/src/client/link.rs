//! What all states of a client share: configuration, credentials, randomness and the outputs.

use std::collections::VecDeque;
use std::time::Duration;

use crate::client::config::ClientConfig;
use crate::client::error::Error;
use crate::client::{Event, Output};
use crate::entropy::{self, Entropy};
use crate::keys::{NAME_LIMIT, SECRET_LIMIT, SecretKey};

/// The credentials in the form that the protocol uses.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) name: Vec<u8>,
    /// Kuid.
    pub(super) user_key: SecretKey,
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
        let user_key =
            SecretKey::from_password(&config.password).ok_or(too_long("password", SECRET_LIMIT))?;
        let kg = match &config.kg {
            Some(kg) => Some(SecretKey::from_kg(kg).ok_or(too_long("Kg", SECRET_LIMIT))?),
            None => None,
        };
        Ok(Self { name: config.username.as_bytes().to_vec(), user_key, kg })
    }

    /// Kg; the user's key stands in for it where none is set (section 13.31).
    pub(super) fn kg(&self) -> &SecretKey {
        self.kg.as_ref().unwrap_or(&self.user_key)
    }
}

/// What all states of a client share.
pub(super) struct Link {
    pub(super) config: ClientConfig,
    /// Or why the configured ones cannot be used.
    pub(super) credentials: Result<Credentials, Error>,
    pub(super) entropy: Box<dyn Entropy>,
    outputs: VecDeque<Output>,
}

impl Link {
    pub(super) fn new(config: ClientConfig, entropy: Box<dyn Entropy>) -> Self {
        let credentials = Credentials::new(&config);
        Self { config, credentials, entropy, outputs: VecDeque::new() }
    }

    pub(super) fn send(&mut self, bytes: Vec<u8>) {
        self.outputs.push_back(Output::Send(bytes));
    }

    pub(super) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    pub(super) fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(super) fn backlog(&self) -> usize {
        self.outputs.len()
    }

    /// How long to wait after transmission `attempt`, which counts from 0.
    pub(super) fn wait(&mut self, attempt: u32) -> Duration {
        let [noise] = entropy::draw(&mut *self.entropy);
        self.config.retransmit.wait(attempt, noise)
    }

    pub(super) fn handshake_wait(&mut self, attempt: u32) -> Duration {
        let [noise] = entropy::draw(&mut *self.entropy);
        self.config.retransmit.handshake_wait(attempt, noise)
    }
}
