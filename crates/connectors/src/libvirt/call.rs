//! Calls of procedures: libvirt's packets, and values in them as RFC 4506 (XDR) writes them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Error, Stream};

/// The program whose procedures are called, and its version.
const PROGRAM: u32 = 0x2000_8086;
const VERSION: u32 = 1;

/// Types of packets (`virNetMessageType`).
const CALL: u32 = 0;
const REPLY: u32 = 1;

/// The status of a reply that went well (`virNetMessageStatus`).
const OK: u32 = 0;

/// Length, program, version, procedure, type, serial and status.
const HEADER: usize = 28;

/// The longest packet that is read: answers to what is asked here are short.
const LONGEST: usize = 64 * 1024;

/// Packets that may come before a reply.
const MOST_OTHERS: usize = 1000;

/// How much of libvirt's complaints is told, in characters.
const MOST_COMPLAINT: usize = 300;

/// Errors (`virErrorNumber`).
const NO_SUPPORT: u32 = 3;
const NO_DOMAIN: u32 = 42;
const AUTH_FAILED: u32 = 45;
const AUTH_UNAVAILABLE: u32 = 80;
const ACCESS_DENIED: u32 = 88;

/// A connection to libvirt.
pub(super) struct Connection {
    stream: Stream,
    address: String,
    serial: u32,
}

/// What a procedure is given.
#[derive(Default)]
pub(super) struct Arguments(Vec<u8>);

/// What a procedure gives.
pub(super) struct Results(Vec<u8>);

impl Connection {
    /// `address` is how errors name it.
    pub(super) fn new(stream: Stream, address: String) -> Self {
        Self { stream, address, serial: 0 }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Calls a procedure.
    ///
    /// # Errors
    ///
    /// What libvirt says where it does not do it; that the connection is lost.
    pub(super) async fn call(&mut self, procedure: u32, arguments: &Arguments) -> Result<Results, Error> {
        self.serial += 1;
        let length = u32::try_from(HEADER + arguments.0.len())
            .map_err(|_| Error::Misconfigured { reason: "a name is too long for libvirt".to_owned() })?;
        let header = [length, PROGRAM, VERSION, procedure, CALL, self.serial, OK];
        let mut packet: Vec<u8> = header.into_iter().flat_map(u32::to_be_bytes).collect();
        packet.extend(&arguments.0);
        let written = async {
            self.stream.write_all(&packet).await?;
            self.stream.flush().await
        };
        written.await.map_err(|error| self.lost(&error))?;
        for _ in 0..MOST_OTHERS {
            let mut reply = self.packet().await?;
            let [program, _version, _procedure, kind, serial, status] = reply.numbers()?;
            if (program, kind, serial) == (PROGRAM, REPLY, self.serial) {
                return if status == OK { Ok(reply) } else { Err(reply.complaint()) };
            }
        }
        Err(Error::Malformed { reason: format!("no reply among {MOST_OTHERS} packets") })
    }

    /// The next packet, without its length.
    async fn packet(&mut self) -> Result<Results, Error> {
        let length = self.stream.read_u32().await.map_err(|error| self.lost(&error))?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if !(HEADER..=LONGEST).contains(&length) {
            return Err(Error::Malformed { reason: format!("a packet of {length} bytes") });
        }
        let mut packet = vec![0; length - 4];
        self.stream.read_exact(&mut packet).await.map_err(|error| self.lost(&error))?;
        Ok(Results(packet))
    }

    fn lost(&self, error: &std::io::Error) -> Error {
        Error::Unreachable { address: self.address.clone(), reason: error.to_string() }
    }
}

impl Arguments {
    pub(super) fn number(self, number: u32) -> Self {
        self.raw(&number.to_be_bytes())
    }

    /// A text that is not left out.
    pub(super) fn text(self, text: &str) -> Self {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let padding = vec![0; text.len().next_multiple_of(4) - text.len()];
        self.number(length).raw(text.as_bytes()).raw(&padding)
    }

    /// What is written already.
    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }
}

impl Results {
    /// All that was not read yet.
    pub(super) fn rest(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn number(&mut self) -> Result<u32, Error> {
        self.numbers().map(|[number]| number)
    }

    fn numbers<const N: usize>(&mut self) -> Result<[u32; N], Error> {
        let mut numbers = [0; N];
        for number in &mut numbers {
            let Some((bytes, rest)) = self.0.split_first_chunk() else {
                return Err(Error::Malformed { reason: "a reply is cut off".to_owned() });
            };
            *number = u32::from_be_bytes(*bytes);
            self.0 = rest.to_vec();
        }
        Ok(numbers)
    }

    /// A text that may be left out.
    fn text(&mut self) -> Result<String, Error> {
        if self.number()? == 0 {
            return Ok(String::new());
        }
        let length = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        let Some(text) = self.0.get(..length) else {
            return Err(Error::Malformed { reason: "a text is cut off".to_owned() });
        };
        Ok(String::from_utf8_lossy(text).chars().take(MOST_COMPLAINT).collect())
    }

    /// What an error says (`remote_error`).
    fn complaint(mut self) -> Error {
        let [code, _domain] = match self.numbers() {
            Ok(numbers) => numbers,
            Err(malformed) => return malformed,
        };
        let reason = match self.text() {
            Ok(text) if text.is_empty() => format!("error {code}"),
            Ok(text) => text,
            Err(malformed) => return malformed,
        };
        match code {
            NO_DOMAIN => Error::Misconfigured { reason },
            NO_SUPPORT => Error::Unsupported { what: format!("do it: {reason}") },
            AUTH_FAILED | AUTH_UNAVAILABLE | ACCESS_DENIED => {
                Error::LoginRefused { username: "this process".to_owned(), reason: Some(reason) }
            }
            _ => Error::Refused { reason },
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    fn packet(numbers: &[u32], more: &[u8]) -> Vec<u8> {
        let length = u32::try_from(4 + numbers.len() * 4 + more.len()).unwrap();
        let numbers = std::iter::once(&length).chain(numbers).flat_map(|number| number.to_be_bytes());
        numbers.chain(more.iter().copied()).collect()
    }

    /// What a call comes to where this is said.
    async fn called(said: &[Vec<u8>]) -> Result<Vec<u8>, Error> {
        let (ours, mut theirs) = duplex(1 << 20);
        theirs.write_all(&said.concat()).await.unwrap();
        theirs.shutdown().await.unwrap();
        let mut connection = Connection::new(Box::new(ours), "libvirt".to_owned());
        connection.call(7, &Arguments::default().number(1).text("guest1")).await.map(Results::rest)
    }

    #[tokio::test]
    async fn the_reply_is_found_among_other_packets() {
        let event = packet(&[PROGRAM, VERSION, 107, 2, 0, OK], b"event");
        let late = packet(&[PROGRAM, VERSION, 7, REPLY, 0, OK], b"late");
        let alive = packet(&[0x6b65_6570, 1, 1, 2, 0, OK], b"");
        let reply = packet(&[PROGRAM, VERSION, 7, REPLY, 1, OK], b"reply");
        assert_eq!(called(&[event, late, alive, reply]).await, Ok(b"reply".to_vec()));
    }

    #[tokio::test]
    async fn what_goes_wrong_is_told() {
        let check = async |said: &[Vec<u8>], expected: &str| {
            let error = called(said).await.unwrap_err();
            assert!(format!("{}: {error}", error.code()).contains(expected), "{}: {error}", error.code());
        };
        let error = |code: u32, text: Option<&str>| {
            let text = text.map(|text| Arguments::default().number(1).text(text));
            let text = text.unwrap_or_else(|| Arguments::default().number(0));
            packet(&[PROGRAM, VERSION, 7, REPLY, 1, 1, code, 10], &text.0)
        };
        check(&[error(NO_DOMAIN, Some("no such"))], "connector.misconfigured: no such").await;
        check(&[error(AUTH_FAILED, Some("no agent"))], "connector.login_refused").await;
        check(&[error(NO_SUPPORT, Some("not here"))], "connector.unsupported").await;
        check(&[error(1, None)], "connector.refused: it refused: error 1").await;
        check(&[packet(&[PROGRAM, VERSION, 7, REPLY, 1, 1, 1], b"")], "connector.malformed").await;
        let cut = packet(&[PROGRAM, VERSION, 7, REPLY, 1, 1, 1, 10, 1, 900], b"too short");
        check(&[cut], "connector.malformed").await;
        check(&[vec![0xff; 8]], "connector.malformed").await;
        check(&[vec![0, 0, 0, 4]], "connector.malformed").await;
        check(&[vec![0, 0, 0, 40, 1]], "connector.unreachable").await;
        check(&[], "connector.unreachable").await;
    }
}
