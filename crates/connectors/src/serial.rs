//! Serial consoles.

mod guard;
mod log;
mod menu;
mod ssh;
mod tcp;
mod telnet;

use std::future::ready;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::body::Bytes;
use ironhand_api::{Connector, Way};
use tokio::sync::watch;

use crate::amt::serial::AmtSerial;
use crate::{Error, Login, Surroundings};
use log::FollowedLog;
use ssh::SshConsole;
use tcp::TcpConsole;

/// How long what is sent may take to be taken.
pub(crate) const TAKEN: Duration = Duration::from_secs(20);

/// A serial console that lets us in, or a file of what one said.
pub trait SerialConsole: Send {
    /// The next bytes that the machine sent; an error at the end. Dropping the future loses nothing.
    fn receive(&mut self) -> BoxFuture<'_, Result<Bytes, Error>>;

    /// Sends bytes to the machine.
    fn send<'a>(&'a mut self, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), Error>>;

    /// Sends a break (the line held low for longer than a character), which Linux takes as the magic request key.
    fn send_break(&mut self) -> BoxFuture<'_, Result<(), Error>>;

    /// Whether nothing can be sent.
    fn is_read_only(&self) -> bool {
        false
    }

    /// Why the machine cannot be heard at the moment, as it changes; none where a console that is lost ends.
    fn lapses(&self) -> Option<watch::Receiver<Option<Error>>> {
        None
    }

    /// Tells the machine how large the window is in which it is looked at, in characters; whether there is a way to tell.
    fn resize(&mut self, _columns: u16, _rows: u16) -> BoxFuture<'_, Result<bool, Error>> {
        Box::pin(ready(Ok(false)))
    }

    /// Ends the session on the controller, which keeps the console to itself until then.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// Connects to the serial console of a connector under a login, and goes through the menu before it.
///
/// Terminal servers that ask for a login over telnet or raw TCP are not given one: behind them the machine asks in the same
/// words.
///
/// # Errors
///
/// [`Error::Unsupported`] where connectors of the type have no serial console here (that of `ipmi` is opened over the session
/// that the host has already); what the way there and the device itself say.
pub async fn open_serial(
    connector: &Connector,
    login: Option<Login>,
    surroundings: &Surroundings,
) -> Result<Box<dyn SerialConsole>, Error> {
    match &connector.way {
        Way::SshConsole(options) => {
            Ok(Box::new(SshConsole::open(connector, options, login, surroundings).await?))
        }
        Way::Telnet => Ok(Box::new(TcpConsole::open_telnet(connector, surroundings).await?)),
        Way::SerialTcp => Ok(Box::new(TcpConsole::open_raw(connector, surroundings).await?)),
        Way::Amt(options) => Ok(Box::new(AmtSerial::open(connector, options, login, surroundings).await?)),
        Way::ConsoleLog(options) => Ok(Box::new(FollowedLog::open(connector, options, surroundings)?)),
        _ => Err(Error::Unsupported {
            what: format!("open a serial console by {}", connector.kind().as_str()),
        }),
    }
}
