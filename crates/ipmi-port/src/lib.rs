//! The UDP sockets that all BMCs are spoken to through, and the one task that drives them.
//!
//! [`IpmiPort::open`] makes a BMC known and gives a [`Bmc`], by which one request after the other is asked and
//! procedures are run. Behind them one task owns the [`ironhand_ipmi::Client`] machine of each BMC: datagrams are told
//! apart by their peer, one timer stands for the earliest deadline of all machines, and nothing waits for one BMC while
//! another could be served.
//!
//! # Thousands at once
//!
//! Everything may be asked at once; the port sees to it that nothing is lost for that. Datagrams go in and out in batches,
//! one socket for each family of addresses. How many BMCs are asked at the same time follows from how fast they answer
//! (`window`); dead ones take no room for long, and those that were silent the last time come after the others. A BMC has
//! one request in flight at most.
//!
//! # Memory
//!
//! A session that is kept takes less than 4 KiB (`tests/memory.rs` holds it to that), and no more than
//! [`PortConfig::warm_sessions`] are kept. A BMC may have [`QUEUE_LIMIT`](ironhand_ipmi::client::QUEUE_LIMIT) requests
//! waiting; what is beyond ends with [`Error::QueueFull`]. The buffers of datagrams are bounded by what is in flight.

mod driver;
mod entropy;
mod run;
mod slot;
mod sockets;
mod sol;
mod statistics;
mod timers;
mod warm;
mod window;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ironhand_ipmi::{ClientConfig, Error, Learned, Reply, Request};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use run::RunError;
pub use sol::{SolEnded, SolReader, SolStream, SolWriter};
pub use statistics::Statistics;

use driver::Driver;
use sockets::Sockets;
use statistics::Counters;

/// Habits of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortConfig {
    /// Sessions without work that are kept at most, over all BMCs; the port holds one session for each BMC at most. Beyond
    /// it the least recently used are closed politely, and opened again when they are needed.
    pub warm_sessions: usize,
}

impl Default for PortConfig {
    /// 16,384 sessions, which take up to 64 MiB.
    fn default() -> Self {
        Self { warm_sessions: 16_384 }
    }
}

/// Names a BMC at the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BmcKey {
    number: usize,
    /// Never used twice, as a number is.
    serial: u64,
}

enum Command {
    Open { peer: SocketAddr, config: Box<ClientConfig>, reply: oneshot::Sender<Result<BmcKey, OpenError>> },
    Request { bmc: BmcKey, request: Request, reply: oneshot::Sender<Result<Reply, Error>> },
    Sol { bmc: BmcKey, order: sol::Order },
    Learned { bmc: BmcKey, reply: oneshot::Sender<Learned> },
    Close { bmc: BmcKey, closed: Option<oneshot::Sender<()>> },
}

/// Why a BMC cannot be spoken to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is open at this port already: replies could not be told apart.
    #[error("another host uses the BMC at {peer}")]
    InUse {
        /// Its address.
        peer: SocketAddr,
    },
    /// This machine has no IPv6.
    #[error("{peer} cannot be reached: this machine has no IPv6")]
    NoIpv6 {
        /// Its address.
        peer: SocketAddr,
    },
    /// The port is stopping.
    #[error("no BMC is opened any more: the program is stopping")]
    Stopping,
}

/// Where BMCs are opened; cheap to clone.
#[derive(Clone)]
pub struct IpmiPort {
    /// Bounded by those who ask: each waits for its answer, and a machine takes no more than
    /// [`QUEUE_LIMIT`](ironhand_ipmi::client::QUEUE_LIMIT) requests.
    commands: mpsc::UnboundedSender<Command>,
    counters: Arc<Counters>,
}

impl IpmiPort {
    /// Binds the sockets and starts the driver on the current tokio runtime. When `stop` is cancelled, or the port and
    /// all its BMCs are dropped, it closes all sessions and ends.
    ///
    /// # Errors
    ///
    /// Where the system has no socket or no randomness to give.
    pub fn start(config: PortConfig, stop: CancellationToken) -> io::Result<(Self, JoinHandle<()>)> {
        entropy::prove()?;
        let sockets = Sockets::bind()?;
        let counters = Arc::new(Counters::default());
        let (commands, receiver) = mpsc::unbounded_channel();
        let driver = tokio::spawn(Driver::new(&config, sockets, receiver, Arc::clone(&counters)).run(stop));
        Ok((Self { commands, counters }, driver))
    }

    /// Makes a BMC known. No packet goes out before the first request.
    ///
    /// # Errors
    ///
    /// Where the BMC is open at this port already, or cannot be reached by its family of addresses.
    pub async fn open(&self, peer: SocketAddr, config: ClientConfig) -> Result<Bmc, OpenError> {
        let (reply, opened) = oneshot::channel();
        let command = Command::Open { peer, config: Box::new(config), reply };
        self.commands.send(command).map_err(|_| OpenError::Stopping)?;
        let key = opened.await.map_err(|_| OpenError::Stopping)??;
        Ok(Bmc { key, commands: self.commands.clone() })
    }

    /// What went through the port since it was started.
    pub fn statistics(&self) -> Statistics {
        self.counters.read()
    }
}

impl fmt::Debug for IpmiPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IpmiPort").field("statistics", &self.statistics()).finish_non_exhaustive()
    }
}

/// A BMC at the port. Dropping it closes its session politely; [`Bmc::close`] also waits until that is done.
pub struct Bmc {
    key: BmcKey,
    commands: mpsc::UnboundedSender<Command>,
}

impl Bmc {
    /// Asks the BMC, and waits for the answer or for the machine to give up.
    ///
    /// # Errors
    ///
    /// Whatever kept the answer from coming; [`Error::Closed`] where the port stops.
    pub async fn request(&self, request: Request) -> Result<Reply, Error> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Request { bmc: self.key, request, reply }).map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// What has been found out about the BMC so far: to be kept, and given to the next [`ClientConfig`] for it.
    pub async fn learned(&self) -> Learned {
        let (reply, learned) = oneshot::channel();
        // Where the driver has ended, nothing more is learned.
        let _ = self.commands.send(Command::Learned { bmc: self.key, reply });
        learned.await.unwrap_or_default()
    }

    /// Closes the session politely, and waits until the BMC has said so, or does not answer.
    pub async fn close(self) {
        let (closed, done) = oneshot::channel();
        // Where the driver has ended, it closed everything.
        let _ = self.commands.send(Command::Close { bmc: self.key, closed: Some(closed) });
        let _ = done.await;
    }
}

impl Drop for Bmc {
    fn drop(&mut self) {
        // Where the driver has ended, it closed everything.
        let _ = self.commands.send(Command::Close { bmc: self.key, closed: None });
    }
}

impl fmt::Debug for Bmc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bmc").field(&self.key.serial).finish()
    }
}

#[cfg(test)]
mod tests;
