//! Why a connection ended.

use core::fmt;

use thiserror::Error;

use crate::framebuffer::SizeError;
use crate::security::SecurityType;
use crate::security::vencrypt::VencryptSubtype;

/// Why a [`crate::Client`] gave up its connection. Texts of the server are cut and freed of control characters.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// The server has TLS only without a certificate, which does not show who it is: whoever sits between can read
    /// everything. No such TLS is spoken here; the server is to be set up for one of the X509 types.
    #[error(
        "the server offers TLS only without a certificate ({}); set it up for X509Vnc or another X509 type",
        list(.offered)
    )]
    AnonymousTls {
        /// What the server offered, in its order.
        offered: Vec<VencryptSubtype>,
    },
    /// The server did not take the password.
    #[error("the server refused the password: {}", or_silent(.reason))]
    AuthFailed {
        /// What the server said; empty before version 3.8, where servers say nothing.
        reason: String,
    },
    /// The connection ended before the part named was complete.
    #[error("the server closed the connection while {during} was under way")]
    Closed {
        /// What was under way.
        during: Phase,
    },
    /// What answers does not speak RFB.
    #[error("what answers is not an RFB server; it begins with \"{}\"", .start.escape_ascii())]
    NotRfb {
        /// The first bytes received, up to twelve.
        start: Vec<u8>,
    },
    /// The server wants a password and none was given.
    #[error("the server asks for a password and none is set")]
    PasswordRequired,
    /// The server broke the protocol.
    #[error("the server broke the protocol")]
    Protocol(#[from] ProtocolError),
    /// The server refused the connection before asking who comes.
    #[error("the server refused the connection: {}", or_silent(.reason))]
    Refused {
        /// What the server said.
        reason: String,
    },
    /// The server lets in over TLS only, and none is asked for.
    #[error("the server lets in over TLS only ({}), and no TLS is set", list(.offered))]
    TlsRequired {
        /// What the server offered, in its order.
        offered: Vec<VencryptSubtype>,
    },
    /// The server does not have the TLS that is asked for.
    #[error("the server offers no TLS, only {}", list(.offered))]
    TlsUnavailable {
        /// What the server offered, in its order.
        offered: Vec<SecurityType>,
    },
    /// The server did not answer in time.
    #[error("the server did not complete {waiting_for} in time")]
    Timeout {
        /// What was waited for.
        waiting_for: Phase,
    },
    /// The server's screen is larger than [`crate::Framebuffer::MAX_PIXELS`].
    #[error("the server's screen cannot be held")]
    TooLarge(#[source] SizeError),
    /// The server is locked for a while after failed attempts, of this client or of others.
    #[error("the server takes no passwords for a while after too many attempts: {}", or_silent(.reason))]
    TooManyAttempts {
        /// What the server said; may be empty.
        reason: String,
    },
    /// The server offers only ways to authenticate that this client does not have.
    #[error("the server offers no way to authenticate that is known here, only {}", list(.offered))]
    UnsupportedSecurity {
        /// What the server offered, in its order.
        offered: Vec<SecurityType>,
    },
    /// The server offers VeNCrypt only in ways that this client does not have.
    #[error("the server offers no way to authenticate by VeNCrypt that is known here, only {}", list(.offered))]
    UnsupportedVencrypt {
        /// What the server offered, in its order.
        offered: Vec<VencryptSubtype>,
    },
    /// The server wants a user's name and none was given.
    #[error("the server asks for a user name and none is set")]
    UserRequired,
    /// The server speaks a version of the protocol from before 3.3.
    #[error("the server speaks RFB {major}.{minor}, older than 3.3")]
    UnsupportedVersion {
        /// The major version it named.
        major: u16,
        /// The minor version it named.
        minor: u16,
    },
}

/// What an [`enum@Error`] says about the host, so that callers need not know the variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The password is wrong or missing, or no common way to authenticate exists: retrying alone does not help.
    AuthFailed,
    /// What answers is not an RFB server as the standard has it: retrying alone does not help.
    ProtocolError,
    /// The server turned the connection away: retry later.
    Refused,
    /// The server asks for time: retry after a minute or more.
    Throttled,
    /// Nothing, or not enough, arrived: retry.
    Unreachable,
}

impl Error {
    /// What the error says about the host.
    #[must_use]
    pub fn condition(&self) -> Condition {
        match self {
            Self::AnonymousTls { .. }
            | Self::AuthFailed { .. }
            | Self::PasswordRequired
            | Self::TlsRequired { .. }
            | Self::TlsUnavailable { .. }
            | Self::UnsupportedSecurity { .. }
            | Self::UnsupportedVencrypt { .. }
            | Self::UserRequired => Condition::AuthFailed,
            Self::NotRfb { .. } | Self::Protocol(_) | Self::TooLarge(_) | Self::UnsupportedVersion { .. } => {
                Condition::ProtocolError
            }
            Self::Refused { .. } => Condition::Refused,
            Self::TooManyAttempts { .. } => Condition::Throttled,
            Self::Closed { .. } | Self::Timeout { .. } => Condition::Unreachable,
        }
    }

    /// A name that stays the same across releases.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::AnonymousTls { .. } => "rfb.anonymous_tls",
            Self::AuthFailed { .. } => "rfb.auth_failed",
            Self::Closed { .. } => "rfb.closed",
            Self::NotRfb { .. } => "rfb.not_rfb",
            Self::PasswordRequired => "rfb.password_required",
            Self::Protocol(_) => "rfb.protocol",
            Self::Refused { .. } => "rfb.refused",
            Self::Timeout { .. } => "rfb.timeout",
            Self::TlsRequired { .. } => "rfb.tls_required",
            Self::TlsUnavailable { .. } => "rfb.tls_unavailable",
            Self::TooLarge(_) => "rfb.too_large",
            Self::TooManyAttempts { .. } => "rfb.too_many_attempts",
            Self::UnsupportedSecurity { .. } => "rfb.unsupported_security",
            Self::UnsupportedVencrypt { .. } => "rfb.unsupported_vencrypt",
            Self::UnsupportedVersion { .. } => "rfb.unsupported_version",
            Self::UserRequired => "rfb.user_required",
        }
    }
}

/// The part of a connection that was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Agreeing on a version (RFC 6143 section 7.1.1).
    Version,
    /// Agreeing on a security type (section 7.1.2).
    Security,
    /// Proving the password (section 7.2.2) and its result (section 7.1.3).
    Authentication,
    /// Exchanging sizes and names (section 7.3).
    Initialisation,
    /// Anything at all after the client told which encodings it reads: servers that cannot bear what they are offered
    /// fall silent or close here ([`crate::Encoding::FEW`]).
    Encodings,
    /// Nothing: the connection stood idle.
    Idle,
    /// An update of the screen (section 7.6.1), or another message, half received or asked for in full.
    Update,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "the version exchange",
            Self::Security => "the choice of security",
            Self::Authentication => "authentication",
            Self::Initialisation => "initialisation",
            Self::Encodings => "its first message after the choice of encodings",
            Self::Idle => "nothing",
            Self::Update => "a screen update",
        })
    }
}

/// How a peer broke RFC 6143. Section numbers are of that document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// Bytes between the agreement on TLS and TLS: someone else may have slipped them in.
    #[error("the server sent bytes in the clear where TLS was to begin")]
    BeforeTls,
    /// A CopyRect reads from outside the screen (section 7.7.2).
    #[error("a CopyRect reads at {x},{y}, outside the screen")]
    CopySource {
        /// Column of the source's upper left corner.
        x: u16,
        /// Row of the source's upper left corner.
        y: u16,
    },
    /// An encoding that was not offered (section 7.7).
    #[error("a rectangle has encoding {number}, which was not offered")]
    Encoding {
        /// Its number.
        number: i32,
    },
    /// A JPEG picture that is damaged, progressive, or of another size than its rectangle.
    #[error("a JPEG picture is damaged or does not fit its rectangle")]
    Jpeg,
    /// A message of unknown type, whose length therefore is unknown (sections 7.5 and 7.6).
    #[error("a message of unknown type {number}")]
    Message {
        /// Its number.
        number: u8,
    },
    /// The updates between two requests paint so often over the screen that they can only be meant to keep us busy.
    #[error("updates paint more than {limit} pixels for one request")]
    PaintLimit {
        /// The most that is painted.
        limit: u64,
    },
    /// A pixel has the number of a colour that its palette does not hold.
    #[error("a pixel has colour {index} of a palette of {size}")]
    PaletteIndex {
        /// The number of the colour.
        index: u8,
        /// How many colours there are.
        size: usize,
    },
    /// A pixel format that cannot exist or is not served (section 7.4).
    #[error("a pixel format of {bits_per_pixel} bits per pixel that cannot be served")]
    PixelFormat {
        /// Bits per pixel named in it.
        bits_per_pixel: u8,
    },
    /// A rectangle or a part of it lies outside the screen or outside the rectangle that holds it.
    #[error("a rectangle of {width}x{height} at {x},{y} leaves its bounds")]
    Rectangle {
        /// Column of the upper left corner.
        x: u16,
        /// Row of the upper left corner.
        y: u16,
        /// Pixels per row.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// A rectangle announces more bytes or parts than its size can need.
    #[error("a rectangle announces {announced} parts or bytes where {limit} are the most it can need")]
    RectangleLength {
        /// What it announces.
        announced: u32,
        /// What it can need at most.
        limit: u64,
    },
    /// A security result other than those defined (section 7.1.3).
    #[error("a security result of {number}")]
    SecurityResult {
        /// Its number.
        number: u32,
    },
    /// A name or reason of more than 1 MiB, or cut text of 2 GiB or more.
    #[error("a text of {length} bytes")]
    TextLength {
        /// Its announced length in bytes.
        length: u32,
    },
    /// A Tight rectangle of an undefined kind.
    #[error("a Tight rectangle begins with {control:#04x}")]
    TightControl {
        /// Its first byte.
        control: u8,
    },
    /// A Tight rectangle behind an undefined filter.
    #[error("a Tight rectangle names filter {number}")]
    TightFilter {
        /// The number of the filter.
        number: u8,
    },
    /// A version of VeNCrypt from before 0.2, whose subtypes have other numbers.
    #[error("VeNCrypt of version {major}.{minor}")]
    VencryptVersion {
        /// The major version it named.
        major: u8,
        /// The minor version it named.
        minor: u8,
    },
    /// A ZRLE tile that is shorter than its pixels need, or is of an undefined kind (section 7.7.6).
    #[error("a ZRLE tile of subencoding {subencoding} is malformed")]
    Tile {
        /// The tile's first byte.
        subencoding: u8,
    },
    /// Compressed data that no zlib stream has (RFC 1950), or more of it than the rectangle holds.
    #[error("a zlib stream is malformed or holds more than its rectangle")]
    Zlib,
}

fn or_silent(reason: &str) -> &str {
    if reason.is_empty() { "it gave no reason" } else { reason }
}

fn list<T: fmt::Display>(offered: &[T]) -> String {
    let names: Vec<String> = offered.iter().map(T::to_string).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
