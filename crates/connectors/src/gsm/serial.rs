//! A modem at a serial device: `/dev/ttyUSB0`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::fs::{Mode, OFlags};
use rustix::termios::{self, ControlModes, OptionalActions, SpecialCodeIndex};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::unix::pipe::{Receiver, Sender};

/// What modems speak unless they are told otherwise, and what those at USB do not care about.
const BAUD: u32 = 115_200;

/// A serial device, 8 data bits without parity, nothing changed on the way. The runtime waits for both directions of it as
/// it does for pipes.
pub(crate) struct SerialPort {
    incoming: Receiver,
    outgoing: Sender,
}

impl SerialPort {
    pub(crate) fn open(path: &str) -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let device = rustix::fs::open(path, flags, Mode::empty())?;
        let mut settings = termios::tcgetattr(&device)?;
        settings.make_raw();
        settings.set_speed(BAUD)?;
        // Whoever holds the modem's lines must not matter.
        settings.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD;
        settings.special_codes[SpecialCodeIndex::VMIN] = 1;
        settings.special_codes[SpecialCodeIndex::VTIME] = 0;
        termios::tcsetattr(&device, OptionalActions::Flush, &settings)?;
        let outgoing = Sender::from_owned_fd_unchecked(device.try_clone()?)?;
        Ok(Self { incoming: Receiver::from_owned_fd_unchecked(device)?, outgoing })
    }
}

impl AsyncRead for SerialPort {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.incoming).poll_read(cx, buffer)
    }
}

impl AsyncWrite for SerialPort {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.outgoing).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.outgoing).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.outgoing).poll_shutdown(cx)
    }
}
