//! Serial consoles.

use futures_util::future::BoxFuture;
use hyper::body::Bytes;
use ironhand_api::Connector;

use crate::{Error, Login, Surroundings};

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

    /// Ends the session on the controller, which keeps the console to itself until then.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// Connects to the serial console of a connector under a login, and goes through the menu before it.
///
/// # Errors
///
/// [`Error::Unsupported`] where connectors of the type have no serial console here (that of `ipmi` is opened over the session
/// that the host has already); what the way there and the device itself say.
pub async fn open_serial(
    connector: &Connector,
    _login: Option<Login>,
    _surroundings: &Surroundings,
) -> Result<Box<dyn SerialConsole>, Error> {
    Err(Error::Unsupported { what: format!("open a serial console by {}", connector.kind().as_str()) })
}
