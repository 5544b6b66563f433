//! What can be wrong with bytes from the network, and why a datagram is put aside.

/// How a message breaks the specification.
///
/// The reason inside [`Error::Protocol`](crate::Error::Protocol) and [`IgnoreReason::Malformed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The message ends before this field.
    #[error("the message ends before its {0}")]
    Truncated(&'static str),
    /// The datagram is longer than any that IPMI has use for.
    #[error("a datagram of {0} bytes is too long for IPMI")]
    TooLong(usize),
    /// The first byte is not RMCP version 1.0 (`06h`, section 13.1.3).
    #[error("RMCP version {0:#04x} is not 0x06")]
    RmcpVersion(u8),
    /// An RMCP class other than ASF (6) and IPMI (7).
    #[error("RMCP class {0:#04x} is neither ASF nor IPMI")]
    RmcpClass(u8),
    /// An ASF message other than presence ping and pong.
    #[error("ASF message type {0:#04x} is neither ping nor pong")]
    AsfType(u8),
    /// An authentication type that this crate does not speak (section 13.6).
    #[error("authentication type {0:#04x} is not supported")]
    AuthenticationType(u8),
    /// A payload type that this crate does not speak (section 13.27.3).
    #[error("payload type {0:#04x} is not supported")]
    PayloadType(u8),
    /// A checksum of the inner message is wrong (section 13.8).
    #[error("a checksum of the inner message is wrong")]
    Checksum,
    /// A message in a session came without authentication or encryption although the suite asks for both.
    #[error("a message of a protected session is not protected")]
    Unprotected,
    /// The authentication code at the end of the packet does not fit (section 13.28.4).
    #[error("the packet's integrity check fails")]
    Integrity,
    /// An encrypted payload whose length or confidentiality pad is impossible (section 13.29).
    #[error("the encrypted payload has an impossible length or pad")]
    Encryption,
    /// A message that only consoles send came to a console: something reflects its own datagrams.
    #[error("a message that only consoles send came back: what answers is no BMC")]
    Reflected,
    /// A field holds a value that has no meaning there.
    #[error("the {field} holds {value:#x}, which has no meaning there")]
    Field {
        /// The specification's name of the field.
        field: &'static str,
        /// What it holds.
        value: u32,
    },
}

/// Why a datagram had no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum IgnoreReason {
    /// It breaks the specification.
    #[error("malformed: {0}")]
    Malformed(#[from] Fault),
    /// It names a session that does not exist here (any more).
    #[error("session {0:#010x} does not exist")]
    UnknownSession(u32),
    /// Its session sequence number was seen before or lies outside the window: a copy made by the network, or a replay.
    #[error("session sequence number {0} was seen before or is outside the window")]
    OutsideWindow(u32),
    /// It is well formed but answers nothing that is outstanding, for example a late copy of an earlier reply.
    #[error("it answers nothing that was asked")]
    Unexpected,
    /// A set-up step that its session cannot take at this point: out of order, or with other contents than before.
    #[error("the session set-up is not at this step")]
    OutOfStep,
}
