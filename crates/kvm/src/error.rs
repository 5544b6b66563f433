//! Why a connection ended.

use core::fmt;

use thiserror::Error;

use crate::ast2100::StreamError;
use crate::picture::SizeError;

/// Why a client gave up its connection. Texts of the controller are cut and freed of control characters.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// The controller did not take the name and password, or the token.
    #[error("the controller refused the login to its console: {}", or_silent(.reason))]
    AuthFailed {
        /// What the controller said; may be empty.
        reason: String,
    },
    /// The connection ended before the part named was complete.
    #[error("the controller closed the connection while {during} was under way")]
    Closed {
        /// What was under way.
        during: Phase,
    },
    /// A name, password or token does not fit its field.
    #[error("the {what} has more than the {limit} bytes that the protocol has for it")]
    CredentialTooLong {
        /// Which one.
        what: &'static str,
        /// The room there is.
        limit: usize,
    },
    /// The controller encrypts its frames, by a cipher (RC4) that nobody should use today.
    #[error(
        "the controller encrypts its pictures by RC4, which is not supported; switch KVM encryption off on it"
    )]
    EncryptedVideo,
    /// What answers does not speak the protocol.
    #[error("what answers is not a console of this kind; it begins with \"{}\"", .start.escape_ascii())]
    NotThisConsole {
        /// The first bytes received, up to twelve.
        start: Vec<u8>,
    },
    /// A frame cannot be decoded.
    #[error("the controller sent a picture that cannot be decoded")]
    Picture(#[from] StreamError),
    /// The controller broke the protocol.
    #[error("the controller broke the protocol")]
    Protocol(#[from] ProtocolError),
    /// The controller turned the connection away or ended it.
    #[error("the controller refused the console: {}", or_silent(.reason))]
    Refused {
        /// What the controller said.
        reason: String,
    },
    /// The controller did not answer in time.
    #[error("the controller did not complete {waiting_for} in time")]
    Timeout {
        /// What was waited for.
        waiting_for: Phase,
    },
    /// The screen is larger than [`crate::Picture::MAX_PIXELS`], or empty.
    #[error("the controller's screen cannot be held")]
    Size(#[from] SizeError),
    /// The controller offers only ways to authenticate that are not spoken here.
    #[error("the controller offers no login that is known here, only types {offered:?}")]
    UnsupportedSecurity {
        /// What it offered, in its order.
        offered: Vec<u8>,
    },
}

/// What an [`enum@Error`] says about the host, so that callers need not know the variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The login is wrong, or no common way to log in exists: retrying alone does not help.
    AuthFailed,
    /// What answers is not a console as it is known here: retrying alone does not help.
    ProtocolError,
    /// The controller turned the connection away, as when all sessions are taken: retry later.
    Refused,
    /// Nothing, or not enough, arrived: retry.
    Unreachable,
}

impl Error {
    /// What the error says about the host.
    #[must_use]
    pub fn condition(&self) -> Condition {
        match self {
            Self::AuthFailed { .. } | Self::CredentialTooLong { .. } | Self::UnsupportedSecurity { .. } => {
                Condition::AuthFailed
            }
            Self::EncryptedVideo
            | Self::NotThisConsole { .. }
            | Self::Picture(_)
            | Self::Protocol(_)
            | Self::Size(_) => Condition::ProtocolError,
            Self::Refused { .. } => Condition::Refused,
            Self::Closed { .. } | Self::Timeout { .. } => Condition::Unreachable,
        }
    }

    /// A name that stays the same across releases.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::AuthFailed { .. } => "kvm.auth_failed",
            Self::Closed { .. } => "kvm.closed",
            Self::CredentialTooLong { .. } => "kvm.credential_too_long",
            Self::EncryptedVideo => "kvm.encrypted_video",
            Self::NotThisConsole { .. } => "kvm.not_this_console",
            Self::Picture(_) => "kvm.picture",
            Self::Protocol(_) => "kvm.protocol",
            Self::Refused { .. } => "kvm.refused",
            Self::Timeout { .. } => "kvm.timeout",
            Self::Size(_) => "kvm.size",
            Self::UnsupportedSecurity { .. } => "kvm.unsupported_security",
        }
    }
}

/// Why a server gave up its connection.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ServerError {
    /// The viewer does not know the password or token.
    #[error("the viewer gave a wrong login")]
    AuthFailed,
    /// What connected does not speak the protocol.
    #[error("what connected is not a viewer of this console")]
    NotAViewer,
    /// The viewer broke the protocol.
    #[error("the viewer broke the protocol")]
    Protocol(#[from] ProtocolError),
    /// The viewer did not complete the handshake in time.
    #[error("the viewer did not complete {waiting_for} in time")]
    Timeout {
        /// What was waited for.
        waiting_for: Phase,
    },
    /// The viewer ended the session.
    #[error("the viewer ended the session")]
    Stopped,
}

/// The part of a connection that was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Agreeing on a version, or waiting to be let speak.
    Version,
    /// Agreeing on a way to log in.
    Security,
    /// The login and its result.
    Authentication,
    /// Exchanging names and states.
    Initialisation,
    /// Nothing: the connection stood idle.
    Idle,
    /// A picture, or another message, half received or asked for.
    Update,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "the version exchange",
            Self::Security => "the choice of security",
            Self::Authentication => "authentication",
            Self::Initialisation => "initialisation",
            Self::Idle => "nothing",
            Self::Update => "a screen update",
        })
    }
}

/// How a peer broke a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// A sum that does not come out.
    #[error("a keyboard report has a wrong checksum")]
    Checksum,
    /// An encoding of the screen that is not known here.
    #[error("a rectangle has encoding {number:#x}, which is not supported")]
    Encoding {
        /// Its number.
        number: i32,
    },
    /// A unit announces more bytes or parts than it can need, or fewer than it must have.
    #[error("a {what} announces {announced} bytes or parts, beyond its bounds")]
    Length {
        /// What it is.
        what: &'static str,
        /// What it announces.
        announced: u64,
    },
    /// A message of unknown type, whose length therefore is unknown.
    #[error("a message of unknown type {number:#04x}")]
    Message {
        /// Its number.
        number: u8,
    },
    /// A quality, or a resolution of colours, that does not exist.
    #[error("a quality of {luma}, {chroma}, {subsampling} that does not exist")]
    Quality {
        /// Step of the brightness.
        luma: u8,
        /// Step of the colours.
        chroma: u8,
        /// 444 or 422.
        subsampling: u16,
    },
    /// A result of the login other than those known.
    #[error("a login result of {number}")]
    Result {
        /// Its number.
        number: u32,
    },
    /// A tile outside the screen.
    #[error("a tile stands in column {column}, row {row}, outside the screen")]
    Tile {
        /// Its column, counted in tiles.
        column: u8,
        /// Its row.
        row: u8,
    },
    /// More pictures than were asked for.
    #[error("more than {limit} pictures for one request")]
    Unasked {
        /// The most that are taken.
        limit: u32,
    },
}

fn or_silent(reason: &str) -> &str {
    if reason.is_empty() { "it gave no reason" } else { reason }
}

/// A text of a peer as one line, cut and without control characters.
pub(crate) fn line(bytes: &[u8]) -> String {
    /// Enough for a sentence.
    const MAX_CHARACTERS: usize = 200;
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let text: String = String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).collect();
    text.trim().chars().take(MAX_CHARACTERS).collect()
}
