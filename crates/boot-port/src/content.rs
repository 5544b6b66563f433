//! What boot clients read: found by who asks and what for, served alike over TFTP and HTTP.

use std::borrow::Cow;
use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

/// Everything that boot clients may read.
///
/// Both calls are made on the thread that serves the packets of all clients, so neither may wait for anything: not for the
/// database, a name server or a controller. Opening a file that lies on a local disk is as much as they may do.
pub trait Shelf: Send + Sync + 'static {
    /// Finds what `question` asks for, as the records are at this moment.
    fn find(&self, question: &Question<'_>) -> Result<Content, Refusal>;

    /// Notes that a transfer ended, well or not.
    fn note(&self, transfer: &Transfer);
}

/// The protocol by which something is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// TFTP.
    Tftp,
    /// HTTP, in clear or over TLS.
    Http,
}

/// A request of a boot client.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// How it came.
    pub service: Service,
    /// Who asks.
    pub client: SocketAddr,
    /// The address of ours that was asked, which the client can reach and links are made with.
    pub local: SocketAddr,
    /// The path, percent-decoded, without a leading slash and with `/` between its parts whatever the client wrote.
    /// Parts named `..` never come this far.
    pub path: &'a str,
    /// What stands behind the question mark of a URL, as it was sent.
    pub query: Option<&'a str>,
}

/// Something found.
#[derive(Clone, Debug)]
pub struct Content {
    /// The bytes.
    pub body: Body,
    /// The media type, like `application/efi`.
    pub media_type: Cow<'static, str>,
    /// A strong validator without its quotes (RFC 9110, section 8.8.3): equal only for equal bytes.
    pub etag: String,
    /// When it last changed, where that is known.
    pub modified: Option<SystemTime>,
}

/// The bytes of a content.
#[derive(Clone, Debug)]
pub enum Body {
    /// Rendered, or small enough to be held.
    Bytes(Bytes),
    /// Parts of an open file, one behind the other: a whole file, or the extents of one within an ISO image.
    File {
        /// The file, which may be removed or replaced meanwhile: what was opened is what is served.
        file: Arc<File>,
        /// The parts, in order.
        parts: Arc<[Part]>,
    },
}

/// A run of bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The first byte.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
}

impl Body {
    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { parts, .. } => parts.iter().map(|part| part.length).sum(),
        }
    }

    /// Whether there is not one byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why something is not served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing of that name, or nothing any more. Clients ask for many files that need not exist, so this is no fault.
    #[error("there is no such file")]
    NotFound,
    /// There is something, but not for this client; the text says why, for the record of the host.
    #[error("refused: {0}")]
    Forbidden(String),
    /// Too much is being served at the moment; our own scripts ask again after the time given.
    #[error("busy; ask again in {} s", .0.as_secs())]
    Busy(Duration),
}

/// A transfer that ended.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// How it was served.
    pub service: Service,
    /// Who was served.
    pub client: SocketAddr,
    /// The path that was asked for, as in [`Question::path`].
    pub path: String,
    /// The first byte of the content that was to be sent: 0, or where the range begins that was asked for.
    pub first: u64,
    /// Bytes of the content that the client acknowledged (TFTP) or the system took (HTTP).
    pub bytes: u64,
    /// The length of what was to be sent: of the content, or of the range that was asked for.
    pub length: u64,
    /// From the request to the end.
    pub took: Duration,
    /// How it ended.
    pub end: TransferEnd,
}

/// How a transfer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferEnd {
    /// Whole.
    Done,
    /// The client asked only how long it is: a HEAD request, or a TFTP client that left after the answer to its options
    /// (error 8, which OVMF sends before it asks again).
    SizeOnly,
    /// Nothing was served, because the shelf said so.
    Refused(Refusal),
    /// The client went away or fell silent; the text says what was seen last.
    Broken(String),
}
