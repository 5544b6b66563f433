//! The side that reads a file.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::options::{BLKSIZE_DEFAULT, BLKSIZE_RANGE, Options};
use crate::packet::{ErrorCode, Mode, Packet, Request};

/// Until the last datagram is sent again, the first time.
const TIMEOUT: Duration = Duration::from_secs(1);
/// The longest that a repetition is awaited.
const TIMEOUT_MOST: Duration = Duration::from_secs(8);

/// What to read, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// The name of the file, as it is sent.
    pub file: String,
    /// How it is translated. In [`Mode::Netascii`] what arrives is to be given to [`crate::netascii::Decoder`].
    pub mode: Mode,
    /// What to ask for; `tsize` is 0 to ask.
    pub options: Options,
    /// How often a datagram is sent again before the server is given up.
    pub retries: u8,
}

impl Download {
    /// The octets of a file, in blocks of 512 and without options.
    pub fn octet(file: impl Into<String>) -> Self {
        Self { file: file.into(), mode: Mode::Octet, options: Options::default(), retries: 6 }
    }
}

/// What the machine wants sent, or tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientOutput {
    /// Send a datagram.
    Send {
        /// To whom.
        to: SocketAddr,
        /// The datagram.
        bytes: Vec<u8>,
    },
    /// Something happened.
    Event(ClientEvent),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// The server granted these options; none if it knows no options.
    Agreed(Options),
    /// The file is whole.
    Done {
        /// Octets received, in netascii before they were translated.
        length: u64,
    },
    /// There will be no more of the file.
    Failed(ClientFailure),
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientFailure {
    /// The server sent an ERROR.
    #[error("the server answered with {code}: {message}")]
    Refused {
        /// The code.
        code: ErrorCode,
        /// The text that came with it.
        message: String,
    },
    /// The server did not answer.
    #[error("the server fell silent")]
    Silent,
    /// The server granted what was not asked for.
    #[error("the server granted options that were not asked for")]
    Options,
    /// A block was longer than agreed.
    #[error("a block is longer than was agreed")]
    Block,
    /// Fewer or more octets than the server had said (`tsize`).
    #[error("{got} octets arrived, and {said} were announced")]
    Length {
        /// What `tsize` said.
        said: u64,
        /// What arrived.
        got: u64,
    },
    /// [`Client::leave`] was called.
    #[error("it was given up")]
    Left,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Requested,
    Receiving,
    Done,
    Failed,
}

/// Reads one file.
#[derive(Debug)]
pub struct Client {
    server: SocketAddr,
    /// Address and port that answered (the server's transfer identifier).
    peer: Option<SocketAddr>,
    download: Download,
    state: State,
    blksize: u16,
    windowsize: u16,
    tsize: Option<u64>,
    /// Blocks received in order.
    blocks: u64,
    octets: u64,
    /// Of these, blocks that were not acknowledged.
    pending: u16,
    /// A block was missing, and the server was told.
    gap: bool,
    retries: u8,
    deadline: Option<Instant>,
    outputs: VecDeque<ClientOutput>,
}

impl Client {
    /// A client that asks `server`, port 69 of it as a rule, for a file.
    pub fn new(now: Instant, server: SocketAddr, download: Download) -> Self {
        let mut client = Self {
            server,
            peer: None,
            download,
            state: State::Requested,
            blksize: BLKSIZE_DEFAULT,
            windowsize: 1,
            tsize: None,
            blocks: 0,
            octets: 0,
            pending: 0,
            gap: false,
            retries: 0,
            deadline: None,
            outputs: VecDeque::new(),
        };
        client.request();
        client.await_answer(now);
        client
    }

    /// Takes a datagram, and returns those of its octets that the file grows by.
    pub fn receive<'b>(&mut self, now: Instant, from: SocketAddr, bytes: &'b [u8]) -> &'b [u8] {
        let stranger = match self.peer {
            Some(peer) => peer != from,
            None => from.ip() != self.server.ip(),
        };
        let Ok(packet) = Packet::decode(bytes) else { return &[] };
        if stranger {
            // Never an answer to an ERROR: two ends could go on for ever.
            if !matches!(packet, Packet::Error { .. }) {
                self.error(from, ErrorCode::UNKNOWN_TRANSFER, "unknown transfer");
            }
            return &[];
        }
        match (self.state, packet) {
            (State::Requested | State::Receiving, Packet::Error { code, message }) => {
                let message = message.chars().take(200).collect();
                self.fail(ClientFailure::Refused { code, message });
            }
            (State::Requested, Packet::OptionAcknowledge(options)) => {
                self.peer = Some(from);
                self.agree(now, options);
            }
            // The acknowledgement of the options was lost.
            (State::Receiving, Packet::OptionAcknowledge(_)) if self.blocks == 0 => self.acknowledge(now),
            (State::Requested, Packet::Data { block: 1, data }) => {
                self.peer = Some(from);
                self.state = State::Receiving;
                self.outputs.push_back(ClientOutput::Event(ClientEvent::Agreed(Options::default())));
                return self.data(now, 1, data);
            }
            (State::Receiving, Packet::Data { block, data }) => return self.data(now, block, data),
            // The last acknowledgement was lost.
            (State::Done, Packet::Data { block, .. }) if block == self.blocks as u16 => self.acknowledge(now),
            _ => {}
        }
        &[]
    }

    /// Does what is due.
    pub fn wake(&mut self, now: Instant) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        if self.retries >= self.download.retries {
            return self.fail(ClientFailure::Silent);
        }
        self.retries += 1;
        match self.state {
            State::Requested => {
                self.request();
                self.await_answer(now);
            }
            State::Receiving => {
                self.gap = false;
                self.acknowledge(now);
            }
            State::Done | State::Failed => self.deadline = None,
        }
    }

    /// When [`Client::wake`] is due.
    pub fn next_wake(&self) -> Option<Instant> {
        self.deadline
    }

    /// What is to be sent or known next.
    pub fn next_output(&mut self) -> Option<ClientOutput> {
        self.outputs.pop_front()
    }

    /// Gives up, and tells the server by an ERROR: as firmware does that wanted only the length of the file.
    pub fn leave(&mut self, code: ErrorCode, message: &str) {
        if matches!(self.state, State::Requested | State::Receiving) {
            if let Some(peer) = self.peer {
                self.error(peer, code, message);
            }
            self.fail(ClientFailure::Left);
        }
    }

    fn agree(&mut self, now: Instant, granted: Options) {
        let asked = &self.download.options;
        let within = |granted: Option<u16>, asked: Option<u16>| {
            granted.is_none_or(|granted| asked.is_some_and(|asked| granted <= asked))
        };
        let fair = within(granted.blksize, asked.blksize)
            && within(granted.windowsize, asked.windowsize)
            && granted.blksize.is_none_or(|blksize| BLKSIZE_RANGE.contains(&blksize))
            && (granted.timeout.is_none() || granted.timeout == asked.timeout)
            && (granted.tsize.is_none() || asked.tsize.is_some());
        if !fair {
            if let Some(peer) = self.peer {
                self.error(peer, ErrorCode::OPTIONS, "these options were not asked for");
            }
            return self.fail(ClientFailure::Options);
        }
        self.blksize = granted.blksize.unwrap_or(BLKSIZE_DEFAULT);
        self.windowsize = granted.windowsize.unwrap_or(1);
        self.tsize = granted.tsize;
        self.state = State::Receiving;
        self.retries = 0;
        self.outputs.push_back(ClientOutput::Event(ClientEvent::Agreed(granted)));
        self.acknowledge(now);
    }

    fn data<'b>(&mut self, now: Instant, block: u16, data: &'b [u8]) -> &'b [u8] {
        if data.len() > usize::from(self.blksize) {
            if let Some(peer) = self.peer {
                self.error(peer, ErrorCode::ILLEGAL, "the block is longer than was agreed");
            }
            self.fail(ClientFailure::Block);
            return &[];
        }
        let ahead = block.wrapping_sub(self.blocks as u16);
        if ahead != 1 {
            self.out_of_order(now, ahead);
            return &[];
        }
        self.blocks += 1;
        self.octets += data.len() as u64;
        self.pending += 1;
        self.gap = false;
        self.retries = 0;
        if data.len() < usize::from(self.blksize) {
            self.acknowledge(now);
            self.finish();
        } else if self.pending >= self.windowsize {
            self.acknowledge(now);
        } else {
            self.await_answer(now);
        }
        data
    }

    /// A block that is not the next one: of `ahead` 0 the last one again, of 2 and more a later one or, far off, an earlier.
    fn out_of_order(&mut self, now: Instant, ahead: u16) {
        let later = ahead > 1 && ahead <= self.windowsize.max(2);
        let last_again = ahead == 0 && self.pending == 0;
        if last_again && self.blocks > 0 || later && !self.gap && self.windowsize > 1 {
            self.gap = later;
            self.acknowledge(now);
        }
    }

    fn finish(&mut self) {
        match self.tsize {
            Some(said) if said != self.octets && self.download.mode == Mode::Octet => {
                self.fail(ClientFailure::Length { said, got: self.octets });
            }
            _ => {
                self.state = State::Done;
                self.deadline = None;
                self.outputs.push_back(ClientOutput::Event(ClientEvent::Done { length: self.octets }));
            }
        }
    }

    fn fail(&mut self, failure: ClientFailure) {
        self.state = State::Failed;
        self.deadline = None;
        self.outputs.push_back(ClientOutput::Event(ClientEvent::Failed(failure)));
    }

    fn request(&mut self) {
        let Download { file, mode, options, .. } = &self.download;
        let request = Request { file: file.as_bytes(), mode: *mode, options: options.clone() };
        self.outputs.push_back(ClientOutput::Send { to: self.server, bytes: Packet::Read(request).to_vec() });
    }

    fn acknowledge(&mut self, now: Instant) {
        self.pending = 0;
        if let Some(to) = self.peer {
            let bytes = Packet::Acknowledge { block: self.blocks as u16 }.to_vec();
            self.outputs.push_back(ClientOutput::Send { to, bytes });
        }
        self.await_answer(now);
    }

    fn await_answer(&mut self, now: Instant) {
        if matches!(self.state, State::Requested | State::Receiving) {
            let timeout = TIMEOUT.saturating_mul(1 << self.retries.min(16)).min(TIMEOUT_MOST);
            self.deadline = Some(now + timeout);
        }
    }

    fn error(&mut self, to: SocketAddr, code: ErrorCode, message: &str) {
        let bytes = Packet::Error { code, message: message.into() }.to_vec();
        self.outputs.push_back(ClientOutput::Send { to, bytes });
    }
}
