//! How transfers end.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Refusal, TransferId};
use crate::packet::ErrorCode;

/// A transfer that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Which one.
    pub transfer: TransferId,
    /// Who was served.
    pub client: SocketAddr,
    /// The path that was asked for.
    pub path: String,
    /// Octets that the client acknowledged.
    pub acknowledged: u64,
    /// Octets that were to be sent; 0 where nothing was served.
    pub length: u64,
    /// Datagrams that were sent again.
    pub repeated: u64,
    /// From the request to the end.
    pub took: Duration,
    /// How.
    pub end: End,
}

/// How a transfer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The client acknowledged the last block.
    Done,
    /// The client wanted only to know how long the file is: it left after the answer to its options, with ERROR 8 (OVMF), with
    /// another error (PXE ROMs by Intel, which say "TFTP Aborted"), or by closing its port.
    SizeOnly,
    /// Nothing was served.
    Refused(Refusal),
    /// The client sent an ERROR.
    Error(ErrorCode, String),
    /// The client's port is closed, with the last block sent but not acknowledged where the flag says so.
    Closed {
        /// All was sent, and the last acknowledgement may have been lost.
        all_sent: bool,
    },
    /// The client did not answer.
    Silent {
        /// All was sent, and the last acknowledgement may have been lost.
        all_sent: bool,
    },
    /// The client asked for something else from the same port.
    Replaced,
    /// The file could not be read, or the server stops.
    Failed(String),
}
