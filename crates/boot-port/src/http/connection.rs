//! The life of one connection: request, answer, request.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rustix::buffer::spare_capacity;
use rustix::io::{Errno, pread};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Follows};
use super::counters::{Count, Counters};
use super::listener::HttpConfig;
use super::request::{Fault, HEAD_LIMIT, Method, Request, head_end, parse};
use super::wire::{Wire, shortened};
use crate::content::{Body, Part, Question, Refusal, Service, Shelf, Transfer, TransferEnd};

/// Contents up to so many bytes are sent together with their head, and files over TLS are read in pieces of this size.
pub const PIECE: usize = 64 * 1024;
/// Bytes of a file that are sent before others on the same thread have their turn.
const TURN: usize = 2 << 20;
/// Bytes a second that a client has to take on average; below it the connection ends after the time-out for stalls.
pub const SLOWEST_RATE: u64 = 256;
/// The room that a connection begins with for what it receives.
const INBOX: usize = 2 * 1024;
/// The room that an answer begins with, enough for every head that is written here.
const OUTBOX: usize = 512;
/// The room for answers that a connection keeps while it waits for the next request.
const KEPT: usize = 8 * 1024;
/// How much of a request that was refused is still read before the connection ends, so that the answer is not lost with a reset.
const LAST_WORDS: usize = 64 * 1024;

/// What all connections of a listener share.
pub(super) struct Shared {
    pub(super) config: HttpConfig,
    pub(super) shelf: Arc<dyn Shelf>,
    pub(super) counters: Counters,
    pub(super) stop: CancellationToken,
}

pub(super) struct Connection {
    shared: Arc<Shared>,
    wire: Wire,
    client: SocketAddr,
    local: SocketAddr,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
}

/// Why a connection ends.
enum End {
    /// As it should: closed by the client, or by us after the last answer.
    Done,
    /// Nothing came in time.
    Silent,
    /// After a request that was refused: what the client still sends is read for a moment.
    Refused,
    /// The socket failed.
    Lost,
}

/// Why an answer was not taken.
enum Broken {
    Stalled(String),
    Failed(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl Connection {
    pub(super) fn new(shared: Arc<Shared>, wire: Wire, client: SocketAddr, local: SocketAddr) -> Self {
        Self { shared, wire, client, local, inbox: Vec::with_capacity(INBOX), outbox: Vec::new() }
    }

    /// Serves until either side has enough.
    pub(super) async fn serve(mut self) {
        match self.converse().await {
            End::Done => {
                let _ = timeout(self.shared.config.head_timeout, self.wire.close()).await;
            }
            End::Silent => self.shared.counters.one(Count::TimedOut),
            End::Refused => self.part().await,
            End::Lost => {}
        }
    }

    async fn converse(&mut self) -> End {
        loop {
            let head = match self.head().await {
                Ok(Some(length)) => length,
                Ok(None) => return End::Refused,
                Err(end) => return end,
            };
            let began = Instant::now();
            self.shared.counters.one(Count::Request);
            let request = match parse(&self.inbox[..head]) {
                Ok(request) => request,
                Err(fault) => {
                    self.refuse(fault).await;
                    return End::Refused;
                }
            };
            self.inbox.drain(..head);
            let stays = request.keep_alive && !self.shared.stop.is_cancelled();
            if self.answer(&request, stays, began).await.is_err() {
                return End::Lost;
            }
            if !stays || self.shared.stop.is_cancelled() {
                return End::Done;
            }
            if self.wire.watch().is_err() {
                return End::Lost;
            }
            // Who sends many requests without waiting for the answers does not keep the thread to itself.
            tokio::task::consume_budget().await;
        }
    }

    /// Waits for the head of a request; gives its length, and `None` after one that was too large.
    async fn head(&mut self) -> Result<Option<usize>, End> {
        let config = &self.shared.config;
        let (idle, slow) = (config.idle_timeout, config.head_timeout);
        let mut deadline = None;
        let mut searched = 0;
        loop {
            // An empty line before a request is let pass (RFC 9112, section 2.2).
            let blank = self.inbox.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.inbox.drain(..blank);
            searched = searched.min(self.inbox.len());
            if let Some(end) = head_end(&self.inbox, searched).filter(|end| *end <= HEAD_LIMIT) {
                return Ok(Some(end));
            }
            if self.inbox.len() >= HEAD_LIMIT {
                self.refuse(Fault::HeadTooLarge).await;
                return Ok(None);
            }
            searched = self.inbox.len();
            let wait = if self.inbox.is_empty() {
                idle
            } else {
                deadline
                    .get_or_insert_with(|| Instant::now() + slow)
                    .saturating_duration_since(Instant::now())
            };
            if self.inbox.len() == self.inbox.capacity() {
                self.inbox.reserve(HEAD_LIMIT - self.inbox.len());
            }
            let Self { shared, wire, inbox, .. } = &mut *self;
            let is_idle = inbox.is_empty();
            let received = match wire.receive_now(inbox) {
                Some(received) => Ok(received),
                None => tokio::select! {
                    biased;
                    received = timeout(wait, wire.receive(inbox)) => received,
                    () = shared.stop.cancelled(), if is_idle => return Err(End::Done),
                },
            };
            match received {
                Ok(Ok(0)) if self.inbox.is_empty() => return Err(End::Done),
                Ok(Ok(0) | Err(_)) => return Err(End::Lost),
                Ok(Ok(_)) => {}
                Err(_) => return Err(End::Silent),
            }
        }
    }

    /// Answers something that is not served.
    async fn refuse(&mut self, fault: Fault) {
        self.shared.counters.one(Count::Refused);
        tracing::debug!(client = %self.client, %fault, "request over HTTP refused");
        let (status, reason) = fault.status();
        let header = if fault == Fault::Method { "Allow: GET, HEAD\r\n" } else { "" };
        self.outbox.clear();
        let mut answer = Answer::new(&mut self.outbox, None, false);
        answer.plain(status, reason, header, Method::Get, &format!("{fault}\n"), SystemTime::now());
        let mut pace = Pace::new(&self.shared.config);
        let _ = send_all(&mut self.wire, &self.outbox, &mut pace).await;
    }

    /// Ends a connection on which the client may still be sending.
    async fn part(&mut self) {
        let leave = async {
            self.wire.finish().await?;
            let mut read = 0;
            while read < LAST_WORDS {
                self.inbox.clear();
                match self.wire.receive(&mut self.inbox).await? {
                    0 => break,
                    bytes => read += bytes,
                }
            }
            Ok::<(), io::Error>(())
        };
        let _ = timeout(Duration::from_secs(1), leave).await;
    }

    /// Answers `request` and notes how it went.
    async fn answer(&mut self, request: &Request, stays: bool, began: Instant) -> Result<(), ()> {
        let path = request.path.strip_prefix("boot/").unwrap_or(&request.path);
        let question = Question {
            service: Service::Http,
            client: self.client,
            local: self.local,
            path,
            query: request.query.as_deref(),
        };
        let found = self.shared.shelf.find(&question);
        self.outbox.clear();
        let small = found.as_ref().map_or(0, |content| content.body.len());
        self.outbox.reserve(OUTBOX + if small <= PIECE as u64 { small as usize } else { 0 });
        let mut answer = Answer::new(&mut self.outbox, Some(request), stays);
        let now = SystemTime::now();
        let (body, follows, refusal) = match found {
            Ok(content) => {
                let follows = answer.content(request, &content, now);
                (Some(content.body), follows, None)
            }
            Err(refusal) => {
                answer.refusal(request, &refusal, now);
                (None, Follows::Nothing, Some(refusal))
            }
        };
        let mut pace = Pace::new(&self.shared.config);
        let content = match (&body, follows) {
            (Some(body), Follows::Part { first, length }) => Some(Wanted { body, first, length }),
            _ => None,
        };
        let sent = self.send(content, &mut pace).await;
        if self.outbox.capacity() > KEPT {
            self.outbox = Vec::new();
        }
        let ended = sent.is_ok();
        self.note(request, path, follows, refusal, &pace, sent, began);
        if ended { Ok(()) } else { Err(()) }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a record of everything that is known at the end of a transfer"
    )]
    fn note(
        &self,
        request: &Request,
        path: &str,
        follows: Follows,
        refusal: Option<Refusal>,
        pace: &Pace,
        sent: Result<(), Broken>,
        began: Instant,
    ) {
        let (first, bytes, length) = match follows {
            Follows::Part { first, length } => (first, pace.content, length),
            Follows::Nothing => (0, 0, 0),
        };
        self.shared.counters.add(Count::Bytes, bytes);
        let end = match (sent, refusal) {
            (_, Some(refusal)) => TransferEnd::Refused(refusal),
            (Ok(()), None) if request.method == Method::Head => TransferEnd::SizeOnly,
            (Ok(()), None) => TransferEnd::Done,
            (Err(Broken::Stalled(what)), None) => {
                self.shared.counters.one(Count::Stalled);
                TransferEnd::Broken(what)
            }
            (Err(Broken::Failed(error)), None) => TransferEnd::Broken(error.to_string()),
        };
        let (service, client, path) = (Service::Http, self.client, path.to_owned());
        let took = began.elapsed();
        self.shared.shelf.note(&Transfer { service, client, path, first, bytes, length, took, end });
    }

    /// Sends the head in the outbox, and behind it what is to follow.
    async fn send(&mut self, content: Option<Wanted<'_>>, pace: &mut Pace) -> Result<(), Broken> {
        let small = content.filter(|content| content.length <= PIECE as u64);
        if let Some(content) = small {
            content.append_to(&mut self.outbox)?;
        }
        let rest = content.filter(|_| small.is_none());
        // The system takes most answers at once. What waits is set apart, so that those that do not stay small.
        let taken = match rest {
            None => self.wire.send_now(&self.outbox)?,
            Some(_) => 0,
        };
        if taken < self.outbox.len() {
            Box::pin(self.send_rest(taken, rest, pace)).await?;
        }
        if let Some(content) = small {
            pace.content = content.length;
        }
        Ok(())
    }

    /// Sends the outbox without the bytes that were `taken` of it, and a content behind it.
    async fn send_rest(
        &mut self,
        taken: usize,
        content: Option<Wanted<'_>>,
        pace: &mut Pace,
    ) -> Result<(), Broken> {
        let is_long = content.is_some();
        if is_long {
            // Else each turn ends with a segment that is not full.
            self.wire.hold_back(true)?;
        }
        send_all(&mut self.wire, &self.outbox[taken..], pace).await?;
        pace.begin_content();
        match content {
            None => {}
            Some(Wanted { body: Body::Bytes(bytes), first, length }) => {
                let wanted = &bytes[first as usize..(first + length) as usize];
                send_all(&mut self.wire, wanted, pace).await?;
            }
            Some(Wanted { body: Body::File { file, parts }, first, length }) => {
                for part in cut(parts, first, length) {
                    self.send_part(file, part, pace).await?;
                }
            }
        }
        if is_long {
            self.wire.hold_back(false)?;
        }
        Ok(self.wire.flush().await?)
    }

    async fn send_part(&mut self, file: &File, part: Part, pace: &mut Pace) -> Result<(), Broken> {
        let Part { mut offset, length: mut left } = part;
        let mut turn = 0;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(TURN);
            let sending = self.wire.send_file(file, offset, most, &mut self.outbox);
            let sent = pace.step(sending).await?;
            offset += sent as u64;
            left -= sent as u64;
            turn += sent;
            if turn >= TURN {
                turn = 0;
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }
}

/// What is wanted of a content, which lies within it.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    body: &'a Body,
    first: u64,
    length: u64,
}

impl Wanted<'_> {
    /// Puts it behind what is in `bytes`. It is no longer than a piece.
    fn append_to(self, bytes: &mut Vec<u8>) -> io::Result<()> {
        match self.body {
            Body::Bytes(all) => {
                bytes.extend_from_slice(&all[self.first as usize..(self.first + self.length) as usize]);
            }
            Body::File { file, parts } => {
                bytes.reserve(self.length as usize);
                for part in cut(parts, self.first, self.length) {
                    append(file, bytes, part)?;
                }
            }
        }
        Ok(())
    }
}

/// The `length` bytes from `first` on, as parts of the file.
fn cut(parts: &[Part], first: u64, length: u64) -> impl Iterator<Item = Part> + '_ {
    let (mut skip, mut left) = (first, length);
    parts.iter().filter_map(move |part| {
        let skipped = skip.min(part.length);
        skip -= skipped;
        let length = (part.length - skipped).min(left);
        left -= length;
        (length > 0).then_some(Part { offset: part.offset + skipped, length })
    })
}

/// Reads a part of `file`, which is no longer than a piece, behind what is in `bytes`.
fn append(file: &File, bytes: &mut Vec<u8>, part: Part) -> io::Result<()> {
    let end = bytes.len() + part.length as usize;
    while bytes.len() < end {
        bytes.reserve(end - bytes.len());
        let offset = part.offset + part.length - (end - bytes.len()) as u64;
        match pread(file, spare_capacity(bytes), offset) {
            Ok(0) => return Err(shortened()),
            Ok(_) => {}
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // There may have been more room than was asked for.
    bytes.truncate(end);
    Ok(())
}

async fn send_all(wire: &mut Wire, bytes: &[u8], pace: &mut Pace) -> Result<(), Broken> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let sent = pace.step(wire.send(rest)).await?;
        rest = &rest[sent.min(rest.len())..];
    }
    Ok(())
}

/// Watches how fast a client takes an answer.
struct Pace {
    limit: Duration,
    /// When the stretch began over which the rate is judged, and what was sent in it.
    began: Option<Instant>,
    stretch: u64,
    /// Bytes of the content that were sent.
    content: u64,
    counting: bool,
}

impl Pace {
    fn new(config: &HttpConfig) -> Self {
        Self { limit: config.stall_timeout, began: None, stretch: 0, content: 0, counting: false }
    }

    /// From now on what is sent is the content.
    fn begin_content(&mut self) {
        self.counting = true;
    }

    /// Waits for one step of sending.
    async fn step(&mut self, sending: impl Future<Output = io::Result<usize>>) -> Result<usize, Broken> {
        let Ok(sent) = timeout(self.limit, sending).await else {
            return Err(Broken::Stalled(format!("the client took nothing for {} s", self.limit.as_secs())));
        };
        let sent = sent?;
        if sent == 0 {
            return Err(Broken::Failed(io::ErrorKind::WriteZero.into()));
        }
        if self.counting {
            self.content += sent as u64;
        }
        self.stretch += sent as u64;
        let now = Instant::now();
        let since = now - *self.began.get_or_insert(now);
        if since >= self.limit {
            if self.stretch < SLOWEST_RATE * self.limit.as_secs().max(1) {
                return Err(Broken::Stalled(format!(
                    "the client took {} bytes in {} s",
                    self.stretch,
                    since.as_secs()
                )));
            }
            (self.began, self.stretch) = (Some(now), 0);
        }
        Ok(sent)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_range_over_parts_is_what_lies_there(
            lengths in proptest::collection::vec(0u64..20, 0..6),
            first in 0u64..80,
            length in 0u64..80,
        ) {
            // Parts lie apart, so that a byte of the file tells which part it is of.
            let parts: Vec<Part> =
                lengths.iter().enumerate().map(|(number, length)| Part { offset: number as u64 * 100, length: *length }).collect();
            let all: Vec<u64> = parts.iter().flat_map(|part| part.offset..part.offset + part.length).collect();
            let expected: Vec<u64> = all.iter().copied().skip(first as usize).take(length as usize).collect();
            let taken: Vec<u64> =
                cut(&parts, first, length).flat_map(|part| part.offset..part.offset + part.length).collect();
            prop_assert_eq!(taken, expected);
        }
    }
}
