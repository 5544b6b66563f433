//! The UDP sockets that all BMCs are spoken to through, and the one task that drives them.
//!
//! The task owns the [`ironhand_ipmi::Client`] machine of each BMC. Datagrams are told apart by their peer; one timer
//! stands for the earliest deadline of all machines. Nothing here waits for one BMC while another could be served.

mod driver;
mod sockets;

use std::fmt;
use std::io;
use std::net::SocketAddr;

use ironhand_ipmi::{ClientConfig, Error, Reply, Request};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use driver::Driver;
use sockets::Sockets;

/// Commands that wait for the driver. It takes each in microseconds; beyond this, lanes wait to hand theirs in.
const COMMANDS: usize = 1024;

/// The number of a BMC at the port; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BmcKey(u64);

enum Command {
    Open { peer: SocketAddr, config: Box<ClientConfig>, reply: oneshot::Sender<Result<BmcKey, OpenError>> },
    Request { bmc: BmcKey, request: Request, reply: oneshot::Sender<Result<Reply, Error>> },
    Close { bmc: BmcKey },
}

/// Why a BMC cannot be spoken to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpenError {
    /// Replies could not be told apart.
    #[error("another host uses the BMC at {peer}")]
    InUse { peer: SocketAddr },
    /// This machine has no IPv6.
    #[error("{peer} cannot be reached: this machine has no IPv6")]
    NoIpv6 { peer: SocketAddr },
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

/// Where BMCs are opened; cheap to clone.
#[derive(Clone)]
pub(crate) struct IpmiPort {
    commands: mpsc::Sender<Command>,
}

impl IpmiPort {
    /// Binds the sockets and starts the driver. When `stop` is cancelled it closes all sessions and ends.
    pub(crate) fn start(stop: CancellationToken) -> io::Result<(Self, JoinHandle<()>)> {
        let sockets = Sockets::bind()?;
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let driver = tokio::spawn(Driver::new(sockets, receiver).run(stop));
        Ok((Self { commands }, driver))
    }

    /// Makes a BMC known. No packet goes out before the first request.
    pub(crate) async fn open(&self, peer: SocketAddr, config: ClientConfig) -> Result<Bmc, OpenError> {
        let (reply, opened) = oneshot::channel();
        let command = Command::Open { peer, config: Box::new(config), reply };
        self.commands.send(command).await.map_err(|_| OpenError::Stopping)?;
        let key = opened.await.map_err(|_| OpenError::Stopping)??;
        Ok(Bmc { key, commands: self.commands.clone() })
    }
}

/// A BMC at the port. Dropping it closes its session politely.
pub(crate) struct Bmc {
    key: BmcKey,
    commands: mpsc::Sender<Command>,
}

impl Bmc {
    /// Asks the BMC, and waits for the answer or for the machine to give up.
    pub(crate) async fn request(&self, request: Request) -> Result<Reply, Error> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(Command::Request { bmc: self.key, request, reply })
            .await
            .map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

impl Drop for Bmc {
    fn drop(&mut self) {
        let close = Command::Close { bmc: self.key };
        if let Err(mpsc::error::TrySendError::Full(close)) = self.commands.try_send(close)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let commands = self.commands.clone();
            runtime.spawn(async move {
                // An error means that the driver has ended, and closed everything.
                let _ = commands.send(close).await;
            });
        }
    }
}

impl fmt::Debug for Bmc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bmc").field(&self.key.0).finish()
    }
}

#[cfg(test)]
mod tests;
