//! The ways to a machine's serial console beside IPMI: over SSH through the menu of a controller, and at the port of a
//! terminal server, on loopback.
//!
//! ```
//! # #[tokio::main]
//! # async fn main() -> std::io::Result<()> {
//! use ironhand_sim::console_server::{ConsoleServer, ConsoleServerConfig, Maker};
//!
//! let server = ConsoleServer::ssh(ConsoleServerConfig::new(Maker::Hpe)).await?;
//! println!("ssh -p {} admin@127.0.0.1", server.address().port());
//! assert!(server.host_key().starts_with("SHA256:"));
//! # Ok(())
//! # }
//! ```

mod menu;
mod ssh;
mod telnet;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{HashAlg, PrivateKey};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::bmc_fleet::console::SerialConsole;

/// Whose controller it is, and so what is met behind a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// Dell: `racadm>>`, `connect com2`, Ctrl-\.
    Dell,
    /// Lenovo: `system>`, `console 1`, `ESC (`.
    Lenovo,
    /// HPE: `</>hpiLO->`, `vsp`, `ESC (`.
    Hpe,
    /// OpenBMC: the console itself.
    Openbmc,
}

/// What is wrong with a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleFault {
    /// Another session has it.
    InUse,
    /// The controller has no licence for it.
    Unlicensed,
    /// The controller shows another prompt than that of its maker.
    WrongPrompt,
    /// The connection ends when so many bytes were typed at the machine.
    Drops {
        /// How many.
        after: usize,
    },
    /// Another session takes it when so many bytes were typed at the machine: the controller's prompt is there again.
    Taken {
        /// How many.
        after: usize,
    },
}

/// What a [`ConsoleServer`] is made of.
#[derive(Clone, Debug)]
pub struct ConsoleServerConfig {
    /// Whose it is.
    pub maker: Maker,
    /// The host name of the machine.
    pub name: String,
    /// Who may log in.
    pub user: String,
    /// With which password.
    pub password: SecretString,
    /// What its host key is drawn from.
    pub seed: u8,
    /// What is wrong with it.
    pub fault: Option<ConsoleFault>,
}

impl ConsoleServerConfig {
    /// User `admin` with password `simulated`, a machine `sim1`, and nothing wrong.
    #[must_use]
    pub fn new(maker: Maker) -> Self {
        Self {
            maker,
            name: "sim1".to_owned(),
            user: "admin".to_owned(),
            password: "simulated".into(),
            seed: 1,
            fault: None,
        }
    }
}

/// A simulated way to a serial console, until it is dropped.
#[derive(Debug)]
pub struct ConsoleServer {
    address: SocketAddr,
    host_key: String,
    port: Arc<Port>,
    _stop: DropGuard,
}

/// A machine's serial port, which one session has at a time.
#[derive(Debug)]
struct Port {
    machine: Mutex<SerialConsole>,
    sessions: Mutex<Sessions>,
}

/// What the sessions at a port did.
#[derive(Debug, Default)]
struct Sessions {
    holds: bool,
    left: usize,
}

impl Port {
    fn new(name: String) -> Arc<Self> {
        Arc::new(Self { machine: Mutex::new(SerialConsole::new(name)), sessions: Mutex::default() })
    }

    fn machine<T>(&self, act: impl FnOnce(&mut SerialConsole) -> T) -> T {
        act(&mut self.machine.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the port; says whether it was free.
    fn take(&self) -> bool {
        !std::mem::replace(&mut self.sessions.lock().unwrap_or_else(PoisonError::into_inner).holds, true)
    }

    fn give_back(&self, in_order: bool) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.holds = false;
        sessions.left += usize::from(in_order);
    }
}

impl ConsoleServer {
    /// A controller that lets people in over SSH.
    ///
    /// # Errors
    ///
    /// Where there is no port to be had.
    pub async fn ssh(config: ConsoleServerConfig) -> io::Result<Self> {
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&[config.seed; 32]));
        let host_key = key.public_key().fingerprint(HashAlg::Sha256).to_string();
        let (listener, port, stop) = Self::listen(config.name.clone()).await?;
        let address = listener.local_addr()?;
        tokio::spawn(stop.clone().run_until_cancelled_owned(ssh::serve(
            listener,
            key,
            config,
            Arc::clone(&port),
        )));
        Ok(Self { address, host_key, port, _stop: stop.drop_guard() })
    }

    /// A terminal server that speaks telnet; the machine has this host name.
    ///
    /// # Errors
    ///
    /// Where there is no port to be had.
    pub async fn telnet(name: &str) -> io::Result<Self> {
        let (listener, port, stop) = Self::listen(name.to_owned()).await?;
        let address = listener.local_addr()?;
        tokio::spawn(stop.clone().run_until_cancelled_owned(telnet::serve(listener, Arc::clone(&port))));
        Ok(Self { address, host_key: String::new(), port, _stop: stop.drop_guard() })
    }

    async fn listen(name: String) -> io::Result<(TcpListener, Arc<Port>, CancellationToken)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Ok((listener, Port::new(name), CancellationToken::new()))
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The fingerprint of its host key, as OpenSSH writes it; empty without SSH.
    pub fn host_key(&self) -> &str {
        &self.host_key
    }

    /// Whether a session has the console.
    pub fn is_held(&self) -> bool {
        self.port.sessions.lock().unwrap_or_else(PoisonError::into_inner).holds
    }

    /// How many sessions left the console and then logged out, as people should.
    pub fn left_in_order(&self) -> usize {
        self.port.sessions.lock().unwrap_or_else(PoisonError::into_inner).left
    }
}
