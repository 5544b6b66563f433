//! Serial over LAN of Intel AMT: the serial line of the machine, redirected.

use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::body::Bytes;
use ironhand_api::{AmtOptions, Connector};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};

use super::console::{self, Redirected};
use crate::path::Stream;
use crate::serial::{SerialConsole, TAKEN};
use crate::{Error, Login, Surroundings};

/// What is read at once.
const AT_ONCE: usize = 4096;

/// Characters in one message: engines take ten times as many.
const LONGEST: usize = 1000;

/// Between two signs of life: the engine gives us up after ten seconds without one.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// Kinds of messages.
const END: u8 = 0x22;
const ENDED: u8 = 0x23;
const PING: u8 = 0x24;
const PONG: u8 = 0x25;
const TO_MACHINE: u8 = 0x28;
const SIGNALS: u8 = 0x29;
const FROM_MACHINE: u8 = 0x2A;
const BEAT: u8 = 0x2B;

/// An open serial line.
pub(crate) struct AmtSerial {
    stream: Stream,
    address: String,
    /// What arrived and is not whole: less than one message of 64 KiB, and what was read beyond.
    inbox: Vec<u8>,
    /// What is to be written before anything else.
    outbox: Vec<u8>,
    /// The number of the next message.
    sequence: u32,
    next_beat: Instant,
    leave: BoxFuture<'static, ()>,
}

/// What arrived.
#[derive(Debug, PartialEq, Eq)]
enum Arrived {
    Characters(Vec<u8>),
    Ping,
    /// The line is redirected no longer.
    End,
    /// Nothing that matters.
    Nothing,
}

impl AmtSerial {
    pub(crate) async fn open(
        connector: &Connector,
        options: &AmtOptions,
        login: Option<Login>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let (stream, taken, leave) =
            console::open(Redirected::Serial, connector, options, login, surroundings).await?;
        Ok(Self {
            stream,
            address: taken.to_string(),
            inbox: Vec::new(),
            outbox: Vec::new(),
            sequence: 1,
            next_beat: Instant::now() + HEARTBEAT,
            leave,
        })
    }

    async fn receive_next(&mut self) -> Result<Bytes, Error> {
        loop {
            while let Some((length, arrived)) = next(&self.inbox)? {
                self.inbox.drain(..length);
                match arrived {
                    Arrived::Characters(characters) if !characters.is_empty() => return Ok(characters.into()),
                    Arrived::Ping => self.post(PONG, &[]),
                    Arrived::End => return Err(self.gone("the engine ended the session")),
                    Arrived::Characters(_) | Arrived::Nothing => {}
                }
            }
            self.flush().await?;
            let mut buffer = [0; AT_ONCE];
            tokio::select! {
                read = self.stream.read(&mut buffer) => match read {
                    Ok(0) => return Err(self.gone("the engine closed the session")),
                    Ok(length) => self.inbox.extend_from_slice(&buffer[..length]),
                    Err(error) => return Err(self.gone(&error.to_string())),
                },
                () = sleep_until(self.next_beat) => self.post(BEAT, &[]),
            }
        }
    }

    /// Adds a message to what is to be written. Any is a sign of life.
    fn post(&mut self, kind: u8, data: &[u8]) {
        self.outbox.extend([kind, 0, 0, 0]);
        self.outbox.extend(self.sequence.to_le_bytes());
        self.outbox.extend(data);
        self.sequence = self.sequence.wrapping_add(1);
        self.next_beat = Instant::now() + HEARTBEAT;
    }

    /// Writes what is to be written. Dropping the future loses nothing.
    async fn flush(&mut self) -> Result<(), Error> {
        let writing = async {
            while !self.outbox.is_empty() {
                let written = self.stream.write(&self.outbox).await?;
                if written == 0 {
                    return Err(std::io::ErrorKind::WriteZero.into());
                }
                self.outbox.drain(..written);
            }
            self.stream.flush().await
        };
        match timeout(TAKEN, writing).await {
            Ok(written) => written.map_err(|error| self.gone(&error.to_string())),
            Err(_) => Err(Error::Silent { address: self.address.clone(), after: TAKEN }),
        }
    }

    fn gone(&self, reason: &str) -> Error {
        Error::Unreachable { address: self.address.clone(), reason: reason.to_owned() }
    }
}

/// The first message of what arrived, with its length; none where it is not whole.
fn next(inbox: &[u8]) -> Result<Option<(usize, Arrived)>, Error> {
    let Some(&kind) = inbox.first() else { return Ok(None) };
    let (length, arrived) = match kind {
        FROM_MACHINE => {
            let Some(&[.., l0, l1]) = inbox.first_chunk::<10>() else { return Ok(None) };
            let length = 10 + usize::from(u16::from_le_bytes([l0, l1]));
            let Some(characters) = inbox.get(10..length) else { return Ok(None) };
            (length, Arrived::Characters(characters.to_vec()))
        }
        SIGNALS => (10, Arrived::Nothing),
        BEAT | PONG => (8, Arrived::Nothing),
        PING => (8, Arrived::Ping),
        ENDED | END => (8, Arrived::End),
        _ => {
            let reason = format!("message {kind:#04x} is none of a serial line of Intel AMT");
            return Err(Error::Malformed { reason });
        }
    };
    Ok((inbox.len() >= length).then_some((length, arrived)))
}

impl SerialConsole for AmtSerial {
    fn receive(&mut self) -> BoxFuture<'_, Result<Bytes, Error>> {
        Box::pin(self.receive_next())
    }

    fn send<'a>(&'a mut self, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            for part in bytes.chunks(LONGEST) {
                // As long as a part is, at most.
                let length = (part.len() as u16).to_le_bytes();
                self.post(TO_MACHINE, &[&length[..], part].concat());
                self.flush().await?;
            }
            Ok(())
        })
    }

    fn send_break(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        let what = "send a break over Intel AMT's serial line: no message for one is known".to_owned();
        Box::pin(std::future::ready(Err(Error::Unsupported { what })))
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.post(END, &[]);
            // The engine may be gone already; one that takes nothing is left.
            let _ = self.flush().await;
            let _ = timeout(TAKEN, self.stream.shutdown()).await;
            self.leave.await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart() {
        let check = |bytes: &[u8], wanted: Option<(usize, Arrived)>| {
            assert_eq!(next(bytes), Ok(wanted), "{bytes:02x?}");
            // Nothing is taken before it is whole.
            for cut in 0..bytes.len().min(8) {
                assert_eq!(next(&bytes[..cut]), Ok(None), "{:02x?}", &bytes[..cut]);
            }
        };
        let said = [&[0x2A, 0, 0, 0, 1, 0, 0, 0, 3, 0][..], b"abc"].concat();
        check(&said, Some((13, Arrived::Characters(b"abc".to_vec()))));
        check(&[0x2A, 0, 0, 0, 1, 0, 0, 0, 0xFF, 0xFF], None);
        check(&[0x2B, 0, 0, 0, 1, 0, 0, 0], Some((8, Arrived::Nothing)));
        check(&[0x24, 0, 0, 0, 1, 0, 0, 0], Some((8, Arrived::Ping)));
        check(&[0x29, 0, 0, 0, 1, 0, 0, 0, 7, 0], Some((10, Arrived::Nothing)));
        check(&[0x23, 0, 0, 0, 1, 0, 0, 0], Some((8, Arrived::End)));
        assert_eq!(next(b"HTTP/1.1").map_err(|error| error.code()), Err("connector.malformed"));
    }
}
