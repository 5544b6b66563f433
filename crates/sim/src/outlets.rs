//! Power strips with switched outlets, which speak SNMP as those of four makers do.
//!
//! A [`Strip`] answers on a UDP port, follows commands after a while as real ones do, and can be told to follow them not
//! at all. What an outlet feeds is told of each change by [`StripConfig::on_change`].

mod agent;
mod objects;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use self::objects::StripModel;

/// What a [`Strip`] is made of.
#[derive(Clone)]
pub struct StripConfig {
    /// Its address.
    pub bind: IpAddr,
    /// UDP port; 0 takes a free one.
    pub port: u16,
    /// Whose tables it has.
    pub model: StripModel,
    /// The names of its outlets, which are all on at first.
    pub outlets: Vec<String>,
    /// The community that may read.
    pub read_community: SecretString,
    /// The community that may switch.
    pub write_community: SecretString,
    /// A user of SNMP version 3, who may switch.
    pub user: Option<StripUser>,
    /// How long an outlet takes to follow a command.
    pub delay: Duration,
    /// Told of each change: the number of the outlet, from 1, and whether it is on.
    pub on_change: Option<Arc<dyn Fn(usize, bool) + Send + Sync>>,
}

/// A user of SNMP version 3.
#[derive(Clone)]
pub struct StripUser {
    /// The name.
    pub name: String,
    /// The password for authentication and privacy, at least 8 bytes.
    pub password: SecretString,
    /// How messages are authenticated.
    pub authentication: async_snmp::AuthProtocol,
    /// How messages are encrypted.
    pub privacy: async_snmp::PrivProtocol,
}

impl StripUser {
    /// With SHA-256 and AES-128.
    #[must_use]
    pub fn new(name: String, password: SecretString) -> Self {
        let (authentication, privacy) = (async_snmp::AuthProtocol::Sha256, async_snmp::PrivProtocol::Aes128);
        Self { name, password, authentication, privacy }
    }
}

impl StripConfig {
    /// A strip of a model at a free port of 127.0.0.1, with `count` outlets called `Outlet 1` and so on, the communities
    /// `public` and `private`, and no users.
    #[must_use]
    pub fn new(model: StripModel, count: usize) -> Self {
        Self {
            bind: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            model,
            outlets: (1..=count).map(|number| format!("Outlet {number}")).collect(),
            read_community: "public".into(),
            write_community: "private".into(),
            user: None,
            delay: Duration::ZERO,
            on_change: None,
        }
    }
}

/// What is wrong with an outlet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutletFault {
    /// It accepts commands and does not follow.
    Stuck,
    /// It refuses commands.
    Locked,
}

/// A change of an outlet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switched {
    /// When.
    pub at: Instant,
    /// Its number, from 1.
    pub outlet: usize,
    /// Whether it went on.
    pub on: bool,
}

/// Why a strip cannot be simulated.
#[derive(Debug, thiserror::Error)]
#[error("cannot simulate a power strip at {address}: {reason}")]
pub struct StripError {
    address: SocketAddr,
    reason: String,
}

/// A simulated strip. It stops when it is dropped.
pub struct Strip {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Strip {
    /// Starts a strip.
    ///
    /// # Errors
    ///
    /// [`StripError`] where the port cannot be had or the user's password is too short.
    pub async fn start(config: StripConfig) -> Result<Self, StripError> {
        let address = SocketAddr::new(config.bind, config.port);
        let outlets = config.outlets.iter().map(|name| State::new(name.clone())).collect();
        let shared = Arc::new(Shared {
            outlets: Mutex::new(outlets),
            history: Mutex::default(),
            delay: config.delay,
            on_change: config.on_change.clone(),
        });
        let stop = CancellationToken::new();
        let agent = agent::build(&config, address, Arc::clone(&shared), stop.clone())
            .await
            .map_err(|reason| StripError { address, reason })?;
        let address = agent.local_addr();
        let task = tokio::spawn(async move {
            if let Err(error) = agent.run().await {
                tracing::warn!(%address, %error, "a simulated strip stopped");
            }
        });
        Ok(Self { address, shared, stop, task })
    }

    /// Where it answers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether an outlet is on; `number` counts from 1. Nothing where there is no such outlet.
    #[must_use]
    pub fn is_on(&self, number: usize) -> Option<bool> {
        self.shared.lock().get(number.checked_sub(1)?).map(|outlet| outlet.on)
    }

    /// Switches an outlet by hand.
    pub fn switch(&self, number: usize, on: bool) {
        self.shared.follow(number, on);
    }

    /// Calls an outlet otherwise.
    pub fn rename(&self, number: usize, name: &str) {
        self.shared.with(number, |outlet| outlet.name = name.to_owned());
    }

    /// Breaks an outlet, or mends it.
    pub fn break_outlet(&self, number: usize, fault: Option<OutletFault>) {
        self.shared.with(number, |outlet| outlet.fault = fault);
    }

    /// What changed so far, in order.
    #[must_use]
    pub fn history(&self) -> Vec<Switched> {
        self.shared.history.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stops it, and frees its port.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        // The agent ends by itself; one that panicked has ended, too.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Strip {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// An outlet.
struct State {
    name: String,
    on: bool,
    fault: Option<OutletFault>,
    /// Where it is told to go, until it is there.
    heading: Option<bool>,
}

impl State {
    fn new(name: String) -> Self {
        Self { name, on: true, fault: None, heading: None }
    }
}

/// What the agent and the owner of a strip share.
struct Shared {
    outlets: Mutex<Vec<State>>,
    history: Mutex<Vec<Switched>>,
    delay: Duration,
    on_change: Option<Arc<dyn Fn(usize, bool) + Send + Sync>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Vec<State>> {
        self.outlets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, number: usize, change: impl FnOnce(&mut State) -> T) -> Option<T> {
        self.lock().get_mut(number.checked_sub(1)?).map(change)
    }

    /// Takes a command, which the outlet follows later.
    fn command(self: &Arc<Self>, number: usize, on: bool) {
        let stuck = self.with(number, |outlet| {
            let stuck = outlet.fault == Some(OutletFault::Stuck);
            outlet.heading = (!stuck).then_some(on);
            stuck
        });
        if stuck != Some(false) {
            return;
        }
        if self.delay.is_zero() {
            self.follow(number, on);
            return;
        }
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(shared.delay).await;
            // A later command decides.
            if shared.with(number, |outlet| outlet.heading) == Some(Some(on)) {
                shared.follow(number, on);
            }
        });
    }

    fn follow(&self, number: usize, on: bool) {
        let changed = self.with(number, |outlet| {
            outlet.heading = None;
            std::mem::replace(&mut outlet.on, on) != on
        });
        if changed != Some(true) {
            return;
        }
        let switched = Switched { at: Instant::now(), outlet: number, on };
        self.history.lock().unwrap_or_else(PoisonError::into_inner).push(switched);
        if let Some(tell) = &self.on_change {
            tell(number, on);
        }
    }
}

impl fmt::Debug for Strip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strip").field("address", &self.address).finish_non_exhaustive()
    }
}
