//! Domains of libvirt, by the protocol that its own programs speak to it.

mod call;

use std::time::Duration;

use futures_util::future::BoxFuture;
use ironhand_api::{LibvirtOptions, PowerAction, PowerState};
use tokio::time::{Instant, timeout_at};

use crate::path::joined;
use crate::{Device, Error, PathHealth, Route, connect};
use call::{Arguments, Connection, Results};

/// How long all that belongs to one action may take. libvirt gives a process that does not end some 15 s before it kills it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What libvirt is asked for where the manifest does not say.
const SYSTEM: &str = "qemu:///system";

/// Procedures (`remote_procedure`).
const CONNECT_OPEN: u32 = 1;
const DOMAIN_CREATE: u32 = 9;
const DOMAIN_DESTROY: u32 = 12;
const DOMAIN_LOOKUP_BY_NAME: u32 = 23;
const DOMAIN_SHUTDOWN: u32 = 33;
const AUTH_LIST: u32 = 66;
const AUTH_POLKIT: u32 = 70;
const DOMAIN_IS_PERSISTENT: u32 = 151;
const DOMAIN_INJECT_NMI: u32 = 210;
const DOMAIN_GET_STATE: u32 = 212;
const DOMAIN_RESET: u32 = 245;
const DOMAIN_PM_WAKEUP: u32 = 267;

/// Ways of authentication (`remote_auth_type`).
const AUTH_NONE: u32 = 0;
const AUTH_BY_POLKIT: u32 = 2;

/// States of a domain (`virDomainState`).
const NO_STATE: u32 = 0;
const SHUT_OFF: u32 = 5;
const SLEEPING: u32 = 7;

/// More ways of authentication than there are.
const MOST_WAYS: u32 = 20;

/// A virtual machine.
pub(crate) struct Libvirt {
    route: Route,
    health: PathHealth,
    options: LibvirtOptions,
}

/// A domain that was found, at a connection.
struct Domain {
    connection: Connection,
    /// How procedures name it (`remote_nonnull_domain`).
    named: Vec<u8>,
    name: String,
    /// Whether something was asked that changes anything.
    changed: bool,
}

impl Libvirt {
    pub(crate) fn new(options: &LibvirtOptions, route: Route, health: PathHealth) -> Self {
        Self { route, health, options: options.clone() }
    }

    async fn domain(&self, deadline: Instant) -> Result<Domain, Error> {
        let (stream, taken) = connect(&self.route, &self.health, deadline).await?;
        let address = joined(&taken.address, taken.port);
        let silent = Error::Silent { address: address.clone(), after: PATIENCE };
        let found = async {
            let mut connection = Connection::new(stream, address);
            log_in(&mut connection).await?;
            let driver = self.options.uri.as_deref().unwrap_or(SYSTEM);
            // The driver, which may be left out, and flags.
            let arguments = Arguments::default().number(1).text(driver).number(0);
            connection.call(CONNECT_OPEN, &arguments).await?;
            let name = Arguments::default().text(&self.options.domain);
            let named = connection.call(DOMAIN_LOOKUP_BY_NAME, &name).await?.rest();
            Ok(Domain { connection, named, name: self.options.domain.clone(), changed: false })
        };
        timeout_at(deadline, found).await.unwrap_or(Err(silent))
    }

    async fn state(&self) -> Result<PowerState, Error> {
        let deadline = Instant::now() + PATIENCE;
        let mut domain = self.domain(deadline).await?;
        let state = timeout_at(deadline, domain.state()).await;
        Ok(match state.unwrap_or_else(|_| Err(domain.silent()))? {
            NO_STATE => PowerState::Unknown,
            SHUT_OFF => PowerState::Off,
            _ => PowerState::On,
        })
    }

    async fn act(&self, action: PowerAction) -> Result<(), Error> {
        let deadline = Instant::now() + PATIENCE;
        let mut domain = self.domain(deadline).await?;
        match timeout_at(deadline, domain.act(action)).await {
            Ok(Err(Error::Unreachable { .. } | Error::Malformed { .. })) | Err(_) if domain.changed => {
                Err(Error::OutcomeUnknown)
            }
            Ok(done) => done,
            Err(_) => Err(domain.silent()),
        }
    }
}

/// Gets in where libvirt wants no password: it knows who is at the other end of a socket.
async fn log_in(connection: &mut Connection) -> Result<(), Error> {
    let mut results = connection.call(AUTH_LIST, &Arguments::default()).await?;
    let mut ways = Vec::new();
    for _ in 0..results.number()?.min(MOST_WAYS) {
        ways.push(results.number()?);
    }
    if ways.is_empty() || ways.contains(&AUTH_NONE) {
        return Ok(());
    }
    if ways.contains(&AUTH_BY_POLKIT) {
        return connection.call(AUTH_POLKIT, &Arguments::default()).await.map(drop);
    }
    let reason = "libvirt wants a login by SASL here, which is not supported; use its socket".to_owned();
    Err(Error::Unsupported { what: format!("get in: {reason}") })
}

impl Domain {
    async fn act(&mut self, action: PowerAction) -> Result<(), Error> {
        let state = self.state().await?;
        if action == PowerAction::On {
            return match state {
                SHUT_OFF => self.tell(DOMAIN_CREATE, &[]).await,
                SLEEPING => self.tell(DOMAIN_PM_WAKEUP, &[0]).await,
                _ => Ok(()),
            };
        }
        if state == SHUT_OFF {
            return match action {
                PowerAction::Off => Ok(()),
                _ => Err(Error::Refused { reason: "the domain is shut off".to_owned() }),
            };
        }
        match action {
            PowerAction::Soft => self.tell(DOMAIN_SHUTDOWN, &[]).await,
            PowerAction::Reset => self.tell(DOMAIN_RESET, &[0]).await,
            PowerAction::Nmi => self.tell(DOMAIN_INJECT_NMI, &[0]).await,
            PowerAction::Off => self.cut().await,
            PowerAction::Cycle | PowerAction::On => {
                self.cut().await?;
                self.tell(DOMAIN_CREATE, &[]).await
            }
        }
    }

    /// Ends the machine, where that does not end all that libvirt knows of it.
    async fn cut(&mut self) -> Result<(), Error> {
        if self.ask(DOMAIN_IS_PERSISTENT, &[]).await?.number()? == 0 {
            let reason = format!("the domain {} is transient: once off it could not be started", self.name);
            return Err(Error::Refused { reason });
        }
        self.tell(DOMAIN_DESTROY, &[]).await
    }

    async fn state(&mut self) -> Result<u32, Error> {
        self.ask(DOMAIN_GET_STATE, &[0]).await?.number()
    }

    /// Asks for something that changes the machine.
    async fn tell(&mut self, procedure: u32, flags: &[u32]) -> Result<(), Error> {
        self.changed = true;
        self.ask(procedure, flags).await.map(drop)
    }

    async fn ask(&mut self, procedure: u32, flags: &[u32]) -> Result<Results, Error> {
        let named = Arguments::default().raw(&self.named);
        let arguments = flags.iter().fold(named, |arguments, flag| arguments.number(*flag));
        self.connection.call(procedure, &arguments).await
    }

    fn silent(&self) -> Error {
        Error::Silent { address: self.connection.address().to_owned(), after: PATIENCE }
    }
}

impl Device for Libvirt {
    fn power_state(&mut self) -> BoxFuture<'_, Result<PowerState, Error>> {
        Box::pin(self.state())
    }

    fn power(&mut self, action: PowerAction) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.act(action))
    }
}
