//! Datagrams (RFC 1350, section 5).

use std::borrow::Cow;
use std::fmt;

use crate::options::{Options, string};

/// Octets before the data of a DATA packet: the opcode and the block number.
pub const DATA_HEADER: usize = 4;

/// The longest request that is read, in octets. RFC 2347 allows 512; some clients append long names of files.
pub const MAX_REQUEST: usize = 2_048;

/// One datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// RRQ: asks to read a file.
    Read(Request<'a>),
    /// WRQ: asks to write one.
    Write(Request<'a>),
    /// DATA.
    Data {
        /// The number of the block, modulo 65,536; the first is 1.
        block: u16,
        /// Its octets; fewer than the size of a block end the file.
        data: &'a [u8],
    },
    /// ACK.
    Acknowledge {
        /// The last block received in order, modulo 65,536; 0 acknowledges the options.
        block: u16,
    },
    /// ERROR: ends the transfer.
    Error {
        /// What kind of fault.
        code: ErrorCode,
        /// A text for people.
        message: Cow<'a, str>,
    },
    /// OACK: the options that are granted (RFC 2347).
    OptionAcknowledge(Options),
}

/// What an RRQ or WRQ says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The name of the file, as it came: no text of any certain encoding.
    pub file: &'a [u8],
    /// How its octets are translated.
    pub mode: Mode,
    /// What the client would like.
    pub options: Options,
}

/// The mode of a transfer (RFC 1350, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The octets of the file.
    Octet,
    /// Lines of text, translated as [`crate::netascii`] says.
    Netascii,
    /// Sent to a person; obsolete.
    Mail,
}

impl Mode {
    /// The name in a request.
    pub fn name(self) -> &'static str {
        match self {
            Self::Octet => "octet",
            Self::Netascii => "netascii",
            Self::Mail => "mail",
        }
    }

    fn named(name: &[u8]) -> Option<Self> {
        [Self::Octet, Self::Netascii, Self::Mail]
            .into_iter()
            .find(|mode| name.eq_ignore_ascii_case(mode.name().as_bytes()))
    }
}

/// The code of an ERROR packet (RFC 1350, appendix; 8 by RFC 2347).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u16);

impl ErrorCode {
    /// 0: not defined, see the message.
    pub const OTHER: Self = Self(0);
    /// 1: file not found.
    pub const NOT_FOUND: Self = Self(1);
    /// 2: access violation.
    pub const ACCESS: Self = Self(2);
    /// 4: illegal TFTP operation.
    pub const ILLEGAL: Self = Self(4);
    /// 5: unknown transfer.
    pub const UNKNOWN_TRANSFER: Self = Self(5);
    /// 8: the options are not wanted.
    pub const OPTIONS: Self = Self(8);
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "error {}", self.0)
    }
}

/// Why a datagram is no TFTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It ends within a field.
    #[error("the datagram ends too early")]
    Truncated,
    /// The opcode is none of 1 to 6.
    #[error("there is no opcode {0}")]
    Opcode(u16),
    /// A request in a mode that does not exist.
    #[error("the request names no known mode")]
    Mode,
    /// A request longer than [`MAX_REQUEST`].
    #[error("the request is longer than {MAX_REQUEST} octets")]
    TooLong,
}

impl<'a> Packet<'a> {
    /// Reads one datagram. Octets behind the last field are left alone, as some firmware sends its whole buffer.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (opcode, rest) = number(bytes)?;
        match opcode {
            1 => Ok(Self::Read(Request::decode(rest)?)),
            2 => Ok(Self::Write(Request::decode(rest)?)),
            3 => number(rest).map(|(block, data)| Self::Data { block, data }),
            4 => number(rest).map(|(block, _)| Self::Acknowledge { block }),
            5 => {
                let (code, rest) = number(rest)?;
                // Several clients leave out the zero behind the text, or the text.
                let text = string(rest).map_or(rest, |(text, _)| text);
                Ok(Self::Error { code: ErrorCode(code), message: String::from_utf8_lossy(text) })
            }
            6 => Ok(Self::OptionAcknowledge(Options::decode(rest))),
            other => Err(DecodeError::Opcode(other)),
        }
    }

    /// Appends the datagram to `out`. Zeros within texts are left out, as they would end them.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Read(request) => request.encode(1, out),
            Self::Write(request) => request.encode(2, out),
            Self::Data { block, data } => {
                out.extend_from_slice(&data_header(u64::from(*block)));
                out.extend_from_slice(data);
            }
            Self::Acknowledge { block } => {
                out.extend_from_slice(&[0, 4]);
                out.extend_from_slice(&block.to_be_bytes());
            }
            Self::Error { code, message } => {
                out.extend_from_slice(&[0, 5]);
                out.extend_from_slice(&code.0.to_be_bytes());
                text(message.as_bytes(), out);
            }
            Self::OptionAcknowledge(options) => {
                out.extend_from_slice(&[0, 6]);
                options.encode(out);
            }
        }
    }

    /// The datagram by itself.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}

/// What stands before the data of the block of that number, counted from 1 without end: on the wire it wraps to 0 after
/// 65,535.
pub fn data_header(block: u64) -> [u8; DATA_HEADER] {
    let [.., high, low] = block.to_be_bytes();
    [0, 3, high, low]
}

impl<'a> Request<'a> {
    fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_REQUEST - 2 {
            return Err(DecodeError::TooLong);
        }
        let (file, rest) = string(bytes).ok_or(DecodeError::Truncated)?;
        let (mode, rest) = string(rest).ok_or(DecodeError::Truncated)?;
        let mode = Mode::named(mode).ok_or(DecodeError::Mode)?;
        Ok(Self { file, mode, options: Options::decode(rest) })
    }

    fn encode(&self, opcode: u8, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0, opcode]);
        text(self.file, out);
        text(self.mode.name().as_bytes(), out);
        self.options.encode(out);
    }
}

fn number(bytes: &[u8]) -> Result<(u16, &[u8]), DecodeError> {
    let (number, rest) = bytes.split_first_chunk::<2>().ok_or(DecodeError::Truncated)?;
    Ok((u16::from_be_bytes(*number), rest))
}

fn text(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(bytes.iter().filter(|byte| **byte != 0));
    out.push(0);
}
