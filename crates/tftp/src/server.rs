//! The side that serves: all transfers of a listener.

mod blocks;
mod ended;
mod timers;
mod transfer;

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::options::{BLKSIZE_DEFAULT, BLKSIZE_RANGE, Options};
use crate::packet::{DATA_HEADER, DecodeError, ErrorCode, Mode, Packet, Request};
use crate::path::{PathFault, normalise};

pub use blocks::Blocks;
pub use ended::{End, Ended};
use timers::Timers;
use transfer::{Agreed, Step, Transfer};

/// Octets of the largest window that is granted, whatever its blocks: what a transfer needs at hand is bounded by it.
pub const WINDOW_OCTETS: u32 = 256 << 10;

/// What a server allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Transfers at the same time. Each takes under 3 KiB here: its path, its options and its state.
    pub transfers: usize,
    /// Transfers at the same time of one client address, so that no client takes the room of all.
    pub transfers_per_client: usize,
    /// The largest `windowsize` that is granted, in blocks.
    pub windowsize: u16,
    /// The largest `blksize` that is granted, in octets; what fits the path to the client may be less.
    pub blksize: u16,
    /// How often a datagram is sent again before the client is given up.
    pub retries: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            transfers: 4_096,
            transfers_per_client: 64,
            windowsize: 64,
            blksize: *BLKSIZE_RANGE.end(),
            retries: 7,
        }
    }
}

/// Which transfer is meant. No two transfers of a server have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransferId {
    slot: u32,
    generation: u32,
}

impl TransferId {
    /// A number to keep it by, as [`TransferId::from_bits`] reads.
    pub fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.slot)
    }

    /// The one of that number.
    pub fn from_bits(bits: u64) -> Self {
        Self { slot: bits as u32, generation: (bits >> 32) as u32 }
    }

    /// A place in a table: two transfers that live at the same time have different ones, and they are reused.
    pub fn slot(self) -> usize {
        self.slot as usize
    }
}

/// The way that datagrams take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Road {
    /// The port that all requests come to. A transfer may stay on it, which some address translators need.
    Listener,
    /// A port that belongs to this transfer alone.
    Own(TransferId),
}

/// Where a datagram came from and to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Who sent it.
    pub client: SocketAddr,
    /// The address that it was sent to, which the answers come from.
    pub local: SocketAddr,
    /// The port that it came by.
    pub road: Road,
}

/// Asked of whoever drives the server: find the file, and say so by [`Server::found`], at once or later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The transfer that it is for.
    pub transfer: TransferId,
    /// Who asks.
    pub client: SocketAddr,
    /// The address that was asked.
    pub local: SocketAddr,
    /// The path, as [`normalise`] makes it.
    pub path: String,
    /// In netascii the length is that of the translated file.
    pub mode: Mode,
}

/// What is served, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Octets to send; in netascii those of the translation.
    pub length: u64,
    /// Octets of the largest IP packet on the path to the client.
    pub mtu: u32,
    /// The port that the transfer shall use.
    pub road: Road,
}

/// Why nothing is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// ERROR 1, at once: loaders ask for many files that need not exist, and wait long where no answer comes.
    NotFound,
    /// ERROR 2, with a text.
    Forbidden(String),
    /// No answer: the client repeats its request by itself, while firmware takes an error for the end.
    Busy,
    /// ERROR 0, with a text.
    Failed(String),
}

/// What the machine wants done, or tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Find a file.
    Find(Asked),
    /// Send a datagram.
    Send(Departure),
    /// Send blocks of a file.
    Blocks(Blocks),
    /// A transfer ended; what was kept for it, its port too, may go once all that came before this is sent.
    Ended(Ended),
    /// A datagram was of no use.
    Ignored {
        /// Who sent it.
        client: SocketAddr,
        /// Why.
        why: Ignored,
    },
}

/// A datagram to send: an OACK or an ERROR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Who gets it.
    pub client: SocketAddr,
    /// The address that it comes from.
    pub local: SocketAddr,
    /// The port that it comes from.
    pub road: Road,
    /// The datagram.
    pub bytes: Vec<u8>,
}

/// Why a datagram was of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ignored {
    /// No TFTP packet. A request is answered with ERROR 4.
    #[error("malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// A request for a name that is no path; answered with an ERROR.
    #[error("{0}")]
    Path(#[from] PathFault),
    /// A request to write; answered with ERROR 2.
    #[error("asks to write, which nobody may")]
    Write,
    /// A request for mail; answered with ERROR 4.
    #[error("asks for mail, which nobody sends")]
    Mail,
    /// A request that was sent again before it was answered.
    #[error("repeats a request that is being answered")]
    Repeated,
    /// [`Limits::transfers`]. Not answered: the client asks again.
    #[error("as many transfers as are allowed are under way")]
    Full,
    /// [`Limits::transfers_per_client`]. Not answered.
    #[error("this client has as many transfers as one may have")]
    Share,
    /// For no transfer, or one that has ended.
    #[error("belongs to no transfer")]
    Stray,
    /// An acknowledgement that nothing follows from: a duplicate, or of blocks that were not sent or are long acknowledged.
    #[error("acknowledges nothing new")]
    Acknowledgement,
    /// A packet that a client that reads does not send.
    #[error("is no packet of a client that reads")]
    Unexpected,
}

/// All transfers of a listener.
#[derive(Debug)]
pub struct Server {
    limits: Limits,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// The latest transfer of each address and port.
    by_client: HashMap<SocketAddr, TransferId>,
    /// Transfers of each address.
    shares: HashMap<IpAddr, usize>,
    timers: Timers,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    transfer: Option<Transfer>,
}

impl Server {
    /// A server without transfers.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            slots: Vec::new(),
            free: Vec::new(),
            by_client: HashMap::new(),
            shares: HashMap::new(),
            timers: Timers::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Transfers that are under way.
    pub fn transfers(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Takes a datagram.
    pub fn receive(&mut self, now: Instant, arrival: Arrival, bytes: &[u8]) {
        let client = arrival.client;
        let packet = match Packet::decode(bytes) {
            Ok(packet) => packet,
            Err(error) => {
                // An answer to what is no request would let two servers talk with each other without end.
                if arrival.road == Road::Listener && matches!(bytes, [0, 1 | 2, ..]) {
                    self.error(arrival, ErrorCode::ILLEGAL, error.to_string());
                }
                return self.ignore(client, Ignored::Malformed(error));
            }
        };
        match (packet, arrival.road) {
            (Packet::Read(request), Road::Listener) => self.read(now, arrival, &request),
            (Packet::Write(_), Road::Listener) => {
                self.error(arrival, ErrorCode::ACCESS, "this server is read-only".to_owned());
                self.ignore(client, Ignored::Write);
            }
            (Packet::Acknowledge { block }, _) => self.acknowledge(now, arrival, block),
            (Packet::Error { code, message }, _) => match self.addressed(arrival) {
                Some(id) => {
                    let end = self.transfer(id).map(|transfer| transfer.end_by_client(code, &message));
                    self.end(now, id, end.unwrap_or(End::Replaced));
                }
                None => self.ignore(client, Ignored::Stray),
            },
            _ => self.ignore(client, Ignored::Unexpected),
        }
    }

    /// Does what is due.
    pub fn wake(&mut self, now: Instant) {
        let retries = self.limits.retries;
        while let Some((at, id)) = self.timers.due(now) {
            let Some(transfer) = self.transfer(id).filter(|transfer| transfer.timer == Some(at)) else {
                continue;
            };
            transfer.timer = transfer.deadline.filter(|deadline| *deadline > now);
            if let Some(later) = transfer.timer {
                self.timers.set(later, id);
                continue;
            }
            match transfer.retransmit(now, retries) {
                Some(step) => self.take(now, id, step),
                None => {
                    let end = transfer.end_by_silence();
                    self.end(now, id, end);
                }
            }
        }
    }

    /// When [`Server::wake`] is due. It may turn out that nothing is.
    pub fn next_wake(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// What is to be done next.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Answers [`Output::Find`]. Does nothing if the transfer has ended meanwhile, or was answered before.
    pub fn found(&mut self, now: Instant, id: TransferId, found: Result<Offer, Refusal>) {
        let limits = self.limits.clone();
        let Some(transfer) = self.transfer(id).filter(|transfer| transfer.is_asked()) else { return };
        match found {
            Ok(offer) => {
                let agreed = agree(&transfer.options, transfer.mode, transfer.client, &offer, &limits);
                let step = transfer.begin(now, &offer, agreed);
                self.take(now, id, step);
            }
            Err(refusal) => {
                let arrival = transfer.arrival();
                let answer = match &refusal {
                    Refusal::NotFound => Some((ErrorCode::NOT_FOUND, "there is no such file".to_owned())),
                    Refusal::Forbidden(why) => Some((ErrorCode::ACCESS, why.clone())),
                    Refusal::Failed(why) => Some((ErrorCode::OTHER, why.clone())),
                    Refusal::Busy => None,
                };
                if let Some((code, message)) = answer {
                    self.error(arrival, code, message);
                }
                self.end(now, id, End::Refused(refusal));
            }
        }
    }

    /// Ends a transfer whose file cannot be read any more, and tells the client why.
    pub fn fail(&mut self, now: Instant, id: TransferId, why: String) {
        if let Some(transfer) = self.transfer(id) {
            let arrival = transfer.arrival();
            self.error(arrival, ErrorCode::OTHER, why.clone());
            self.end(now, id, End::Failed(why));
        }
    }

    /// Notes that the system reports the client's port to be closed, or the client not to be there.
    pub fn unreachable(&mut self, now: Instant, id: TransferId) {
        if let Some(transfer) = self.transfer(id) {
            let end = transfer.end_by_closed_port();
            self.end(now, id, end);
        }
    }

    /// Ends all transfers, and tells the clients that the server stops.
    pub fn stop(&mut self, now: Instant) {
        let ids: Vec<TransferId> = self.ids().collect();
        for id in ids {
            self.fail(now, id, "the server stops".to_owned());
        }
    }

    fn ids(&self) -> impl Iterator<Item = TransferId> {
        self.slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.transfer.is_some())
            .map(|(at, slot)| TransferId { slot: at as u32, generation: slot.generation })
    }

    fn transfer(&mut self, id: TransferId) -> Option<&mut Transfer> {
        let slot = self.slots.get_mut(id.slot()).filter(|slot| slot.generation == id.generation)?;
        slot.transfer.as_mut()
    }

    /// The transfer that a datagram is for.
    fn addressed(&mut self, arrival: Arrival) -> Option<TransferId> {
        let id = match arrival.road {
            Road::Own(id) => id,
            Road::Listener => *self.by_client.get(&arrival.client)?,
        };
        let transfer = self.transfer(id)?;
        // A transfer is spoken to by its own client and port only (RFC 1350, section 4).
        (transfer.client == arrival.client && transfer.road == arrival.road).then_some(id)
    }

    fn read(&mut self, now: Instant, arrival: Arrival, request: &Request<'_>) {
        let path = match normalise(request.file) {
            Ok(path) => path,
            Err(fault) => {
                let code = match fault {
                    PathFault::Climbs => ErrorCode::ACCESS,
                    PathFault::Empty | PathFault::NoText | PathFault::TooLong => ErrorCode::NOT_FOUND,
                };
                self.error(arrival, code, fault.to_string());
                return self.ignore(arrival.client, Ignored::Path(fault));
            }
        };
        if request.mode == Mode::Mail {
            self.error(arrival, ErrorCode::ILLEGAL, "mail is not sent".to_owned());
            return self.ignore(arrival.client, Ignored::Mail);
        }
        if let Some(id) = self.by_client.get(&arrival.client).copied() {
            let step = self.transfer(id).map(|transfer| transfer.asked_again(now, &path, request));
            match step {
                // The answer was lost, or is on its way. Who repeats a request waits for nothing else.
                Some(Some(step)) => {
                    self.take(now, id, step);
                    return self.ignore(arrival.client, Ignored::Repeated);
                }
                // Firmware uses the same port for one file after the other.
                Some(None) => self.end(now, id, End::Replaced),
                None => {}
            }
        }
        if self.transfers() >= self.limits.transfers {
            return self.ignore(arrival.client, Ignored::Full);
        }
        let share = self.shares.entry(arrival.client.ip()).or_default();
        if *share >= self.limits.transfers_per_client.max(1) {
            return self.ignore(arrival.client, Ignored::Share);
        }
        *share += 1;
        let transfer = Transfer::new(now, arrival, path.clone(), request);
        let id = self.insert(transfer);
        self.by_client.insert(arrival.client, id);
        self.outputs.push_back(Output::Find(Asked {
            transfer: id,
            client: arrival.client,
            local: arrival.local,
            path,
            mode: request.mode,
        }));
    }

    fn insert(&mut self, transfer: Transfer) -> TransferId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, transfer: None });
            (self.slots.len() - 1) as u32
        });
        let place = &mut self.slots[slot as usize];
        place.transfer = Some(transfer);
        TransferId { slot, generation: place.generation }
    }

    fn acknowledge(&mut self, now: Instant, arrival: Arrival, block: u16) {
        let Some(id) = self.addressed(arrival) else {
            return self.ignore(arrival.client, Ignored::Stray);
        };
        let step = self.transfer(id).map_or(Step::Nothing, |transfer| transfer.acknowledge(now, block));
        match step {
            Step::Nothing => self.ignore(arrival.client, Ignored::Acknowledgement),
            step => self.take(now, id, step),
        }
    }

    fn take(&mut self, now: Instant, id: TransferId, step: Step) {
        let Some(transfer) = self.transfer(id) else { return };
        let output = match step {
            Step::Nothing => None,
            Step::Options(options) => Some(Output::Send(Departure {
                client: transfer.client,
                local: transfer.local,
                road: transfer.road,
                bytes: Packet::OptionAcknowledge(options).to_vec(),
            })),
            Step::Window(window) => Some(Output::Blocks(Blocks::new(id, transfer, window))),
            Step::Done => return self.end(now, id, End::Done),
        };
        if let Some(deadline) = transfer.deadline
            && transfer.timer.is_none_or(|timer| deadline < timer)
        {
            transfer.timer = Some(deadline);
            self.timers.set(deadline, id);
        }
        self.outputs.extend(output);
    }

    fn end(&mut self, now: Instant, id: TransferId, end: End) {
        let Some(slot) = self.slots.get_mut(id.slot()).filter(|slot| slot.generation == id.generation) else {
            return;
        };
        let Some(transfer) = slot.transfer.take() else { return };
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.slot);
        if self.by_client.get(&transfer.client) == Some(&id) {
            self.by_client.remove(&transfer.client);
        }
        if let Some(share) = self.shares.get_mut(&transfer.client.ip()) {
            *share -= 1;
            if *share == 0 {
                self.shares.remove(&transfer.client.ip());
            }
        }
        self.outputs.push_back(Output::Ended(transfer.ended(now, id, end)));
    }

    fn error(&mut self, arrival: Arrival, code: ErrorCode, message: String) {
        let bytes = Packet::Error { code, message: message.into() }.to_vec();
        let Arrival { client, local, road } = arrival;
        self.outputs.push_back(Output::Send(Departure { client, local, road, bytes }));
    }

    fn ignore(&mut self, client: SocketAddr, why: Ignored) {
        self.outputs.push_back(Output::Ignored { client, why });
    }
}

/// What of the wishes of a client is granted.
fn agree(asked: &Options, mode: Mode, client: SocketAddr, offer: &Offer, limits: &Limits) -> Agreed {
    /// Octets of the headers of IP and UDP.
    const HEADERS: [u32; 2] = [20 + 8, 40 + 8];
    let headers = HEADERS[usize::from(client.is_ipv6())] + DATA_HEADER as u32;
    // A block larger than the path takes would travel in fragments, which much firmware does not put together.
    let fits = u16::try_from(offer.mtu.saturating_sub(headers)).unwrap_or(u16::MAX);
    let most = limits.blksize.min(fits).clamp(*BLKSIZE_RANGE.start(), *BLKSIZE_RANGE.end());
    let blksize = asked.blksize.map(|blksize| blksize.min(most));
    let window = WINDOW_OCTETS / u32::from(blksize.unwrap_or(BLKSIZE_DEFAULT));
    let window = u16::try_from(window).unwrap_or(u16::MAX).min(limits.windowsize).max(1);
    let granted = Options {
        blksize,
        // In netascii the length is not that of the file, which a client may want to make room for.
        tsize: asked.tsize.filter(|_| mode == Mode::Octet).map(|_| offer.length),
        timeout: asked.timeout,
        windowsize: asked.windowsize.map(|windowsize| windowsize.min(window)),
    };
    Agreed { timeout: asked.timeout.map(|seconds| Duration::from_secs(u64::from(seconds))), granted }
}
