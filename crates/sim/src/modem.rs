//! A modem with power sockets behind a network of its own: text messages switch machines on and off.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use ironhand_gsm::{Incoming, Submit, Terminal, TerminalEvent};
use nix::pty::openpty;
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, join};
use tokio::net::TcpListener;
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio_util::sync::{CancellationToken, DropGuard};

/// What is told that a socket was switched.
pub type Switched = Arc<dyn Fn(bool) + Send + Sync>;

/// A modem at a TCP address or a terminal device. It goes when this is dropped.
pub struct SimModem {
    place: String,
    _stop: DropGuard,
}

/// The network that simulated sockets hang on.
#[derive(Clone, Default)]
struct Network(Arc<Mutex<HashMap<String, Socket>>>);

struct Socket {
    on: bool,
    switched: Switched,
}

impl SimModem {
    /// A modem that a TCP connection leads to, one at a time, with sockets by their telephone numbers.
    ///
    /// # Errors
    ///
    /// Where the address cannot be listened at.
    pub async fn at_tcp(
        address: SocketAddr,
        sockets: impl IntoIterator<Item = (String, Switched)>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let (network, stop) = (Network::new(sockets), CancellationToken::new());
        let place = listener.local_addr()?.to_string();
        let serve = async move {
            // A failed connection is the next one's chance.
            loop {
                if let Ok((stream, _)) = listener.accept().await {
                    network.serve(stream).await;
                }
            }
        };
        tokio::spawn(stop.clone().run_until_cancelled_owned(serve));
        Ok(Self { place, _stop: stop.drop_guard() })
    }

    /// A modem at a terminal device of its own, as programs for serial modems want it.
    ///
    /// # Errors
    ///
    /// Where the operating system gives no terminal.
    pub fn at_terminal(sockets: impl IntoIterator<Item = (String, Switched)>) -> io::Result<Self> {
        let pty = openpty(None, None)?;
        let mut settings = tcgetattr(&pty.slave)?;
        cfmakeraw(&mut settings);
        tcsetattr(&pty.slave, SetArg::TCSANOW, &settings)?;
        let place = nix::unistd::ttyname(&pty.slave)?.to_string_lossy().into_owned();
        let (network, stop) = (Network::new(sockets), CancellationToken::new());
        let outgoing = Sender::from_owned_fd_unchecked(not_blocking(pty.master.try_clone()?)?)?;
        let incoming = Receiver::from_owned_fd_unchecked(not_blocking(pty.master)?)?;
        let slave = pty.slave;
        let serve = async move {
            network.serve(join(incoming, outgoing)).await;
            // Without anybody at the other side the terminal would be hung up between two users.
            drop(slave);
        };
        tokio::spawn(stop.clone().run_until_cancelled_owned(serve));
        Ok(Self { place, _stop: stop.drop_guard() })
    }

    /// The address or device that leads to it.
    pub fn place(&self) -> &str {
        &self.place
    }
}

fn not_blocking(end: OwnedFd) -> io::Result<OwnedFd> {
    rustix::io::ioctl_fionbio(&end, true)?;
    Ok(end)
}

impl Network {
    fn new(sockets: impl IntoIterator<Item = (String, Switched)>) -> Self {
        let sockets = sockets.into_iter();
        let sockets = sockets.map(|(number, switched)| (number, Socket { on: true, switched })).collect();
        Self(Arc::new(Mutex::new(sockets)))
    }

    /// Plays a modem until the line is closed.
    async fn serve(&self, mut line: impl AsyncRead + AsyncWrite + Unpin) {
        let mut modem = Terminal::default();
        let mut buffer = [0; 512];
        while let Ok(read @ 1..) = line.read(&mut buffer).await {
            modem.receive(&buffer[..read]);
            while let Some(TerminalEvent::Sent { reference, message }) = modem.next_event() {
                let answer = self.deliver(&message);
                let status = if answer.is_some() { 0x00 } else { UNKNOWN_SUBSCRIBER };
                if message.report {
                    modem.deliver(&Incoming::StatusReport { reference, status }, &message.number);
                }
                if let Some(text) = answer.flatten() {
                    modem.deliver(&Incoming::Deliver { number: message.number, text, part: None }, "");
                }
            }
            if line.write_all(&modem.take_output()).await.is_err() {
                return;
            }
        }
    }

    /// What a socket does with a message, and what it answers; nothing where nobody has the number.
    fn deliver(&self, message: &Submit) -> Option<Option<String>> {
        let mut sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let socket = sockets.get_mut(&message.number)?;
        let wanted = match message.text.as_str() {
            "#01#" => Some(true),
            "#02#" => Some(false),
            "#07#" => None,
            _ => return Some(None),
        };
        let Some(on) = wanted else {
            return Some(Some(format!("Socket: {}", if socket.on { "ON" } else { "OFF" })));
        };
        socket.on = on;
        (socket.switched)(on);
        Some(None)
    }
}

/// TP-ST: the service centre gives up, as the number is nobody's (3GPP TS 23.040 section 9.2.3.15).
const UNKNOWN_SUBSCRIBER: u8 = 0x41;
