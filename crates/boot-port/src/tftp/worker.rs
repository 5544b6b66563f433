//! The thread that serves.

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Instant;

use ironhand_tftp::{
    Arrival, Asked, Blocks, DATA_HEADER, Departure, End, Ended, Ignored, MAX_REQUEST, Mode, Offer, Output,
    Road, Server, TransferId,
};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::EventFd;

use super::TftpConfig;
use super::channel::{Channel, Press, is_full};
use super::content::{NETASCII_LIMIT, Readiness, Source};
use super::disk::{Disk, Job};
use super::listener::{Inbox, Listener};
use super::statistics::Counters;
use crate::{Question, Refusal, Service, Shelf, Transfer, TransferEnd};

/// Sockets that are looked at in one go.
const EVENTS: usize = 256;
/// What `epoll` says of sockets that belong to no transfer. Transfers are known by their slot, which has 32 bits.
const STOP: u64 = 1 << 33;
const DISK: u64 = 1 << 34;
const LISTENER: u64 = 1 << 35;
/// What is taken of the packet sizes on the way where the system does not tell: Ethernet.
const MTU: u32 = 1_500;

pub(super) struct Worker {
    config: TftpConfig,
    shelf: Arc<dyn Shelf>,
    counters: Arc<Counters>,
    stop: Arc<EventFd>,
    epoll: Epoll,
    listeners: Vec<Listener>,
    machine: Server,
    /// By [`TransferId::slot`].
    seats: Vec<Option<Seat>>,
    /// What the shelf said of transfers that are about to end.
    refusals: HashMap<TransferId, Refusal>,
    disk: Option<Disk>,
    inbox: Inbox,
    headers: Vec<[u8; DATA_HEADER]>,
    press: Press,
    next_port: u16,
}

/// What a transfer needs of the system.
struct Seat {
    transfer: TransferId,
    client: SocketAddr,
    local: SocketAddr,
    source: Source,
    /// Its own socket; else it uses the listener's.
    channel: Option<Channel>,
    /// Blocks to send, and how many of them have left.
    unsent: Option<(Blocks, usize)>,
    /// The disk is being waited for.
    reading: bool,
    /// `epoll` tells when the socket takes more.
    full: bool,
}

impl Worker {
    pub(super) fn new(
        config: &TftpConfig,
        listeners: Vec<Listener>,
        shelf: Arc<dyn Shelf>,
        counters: Arc<Counters>,
        stop: Arc<EventFd>,
    ) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&*stop, EpollEvent::new(EpollFlags::EPOLLIN, STOP))?;
        for (at, listener) in listeners.iter().enumerate() {
            let event = EpollEvent::new(EpollFlags::EPOLLIN, LISTENER + at as u64);
            epoll.add(listener.descriptor(), event)?;
        }
        Ok(Self {
            config: config.clone(),
            shelf,
            counters,
            stop,
            epoll,
            listeners,
            machine: Server::new(config.limits.clone()),
            seats: Vec::new(),
            refusals: HashMap::new(),
            disk: None,
            inbox: Inbox::new(),
            headers: Vec::new(),
            press: Press::new(),
            next_port: 0,
        })
    }

    /// Serves until it is stopped.
    pub(super) fn run(mut self) {
        let mut events = [EpollEvent::empty(); EVENTS];
        let mut buffer = [0; MAX_REQUEST];
        let mut now = Instant::now();
        loop {
            let count = match self.epoll.wait(&mut events, self.patience(now)) {
                Ok(count) => count,
                Err(Errno::EINTR) => 0,
                Err(error) => {
                    tracing::error!(%error, "TFTP is not served any more");
                    return;
                }
            };
            for event in &events[..count] {
                match event.data() {
                    STOP => return self.end_all(),
                    DISK => self.disk_has_read(),
                    listener if listener >= LISTENER => self.requests((listener - LISTENER) as usize),
                    slot => self.transfer(slot as usize, event.events(), &mut buffer),
                }
            }
            now = Instant::now();
            if self.machine.next_wake().is_some_and(|wake| wake <= now) {
                self.machine.wake(now);
                self.drain(now);
            }
        }
    }

    /// How long there is nothing to do but to listen.
    fn patience(&self, now: Instant) -> EpollTimeout {
        let Some(wake) = self.machine.next_wake() else { return EpollTimeout::NONE };
        let wait = wake.saturating_duration_since(now);
        // Rounded up: a millisecond too early would be one of waking in vain.
        let milliseconds = wait.as_micros().div_ceil(1_000).min(i32::MAX as u128);
        EpollTimeout::try_from(milliseconds).unwrap_or(EpollTimeout::MAX)
    }

    fn end_all(mut self) {
        debug_assert!(Arc::strong_count(&self.stop) > 0);
        let now = Instant::now();
        self.machine.stop(now);
        self.drain(now);
    }

    fn requests(&mut self, listener: usize) {
        match self.listeners[listener].receive(&mut self.inbox) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) => {
                // An ICMP error about an answer; nothing was received, and nothing is lost.
                tracing::debug!(%error, "a TFTP listener reports");
                return;
            }
        }
        let now = Instant::now();
        for at in 0..self.inbox.len() {
            let (client, local, bytes) = self.inbox.get(at);
            self.machine.receive(now, Arrival { client, local, road: Road::Listener }, bytes);
            self.drain(now);
        }
    }

    fn transfer(&mut self, slot: usize, flags: EpollFlags, buffer: &mut [u8]) {
        let Some(Some(seat)) = self.seats.get(slot) else { return };
        let Some(channel) = &seat.channel else { return };
        let now = Instant::now();
        let (id, client, local) = (seat.transfer, seat.client, seat.local);
        if flags.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLERR) {
            match channel.receive(buffer) {
                Ok(length) => {
                    let arrival = Arrival { client, local, road: Road::Own(id) };
                    self.machine.receive(now, arrival, &buffer[..length]);
                }
                Err(error) if is_gone(&error) => self.gone(now, slot),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => tracing::debug!(%client, %error, "the socket of a TFTP transfer reports"),
            }
            self.drain(now);
        }
        if flags.contains(EpollFlags::EPOLLOUT) {
            self.push(now, slot);
            self.drain(now);
        }
    }

    fn drain(&mut self, now: Instant) {
        while let Some(output) = self.machine.next_output() {
            match output {
                Output::Find(asked) => self.find(now, asked),
                Output::Send(departure) => self.send(&departure),
                Output::Blocks(blocks) => {
                    let slot = blocks.transfer.slot();
                    if let Some(Some(seat)) = self.seats.get_mut(slot) {
                        seat.unsent = Some((blocks, 0));
                        self.push(now, slot);
                    }
                }
                Output::Ended(ended) => self.ended(ended),
                Output::Ignored { client, why } => self.ignored(client, why),
            }
        }
    }

    fn find(&mut self, now: Instant, asked: Asked) {
        self.counters.requests.add(1);
        let Asked { transfer, client, local, path, mode } = asked;
        let question = Question { service: Service::Tftp, client, local, path: &path, query: None };
        let body = match self.shelf.find(&question) {
            Ok(content) => content.body,
            Err(refusal) => {
                let answer = match &refusal {
                    Refusal::NotFound => ironhand_tftp::Refusal::NotFound,
                    Refusal::Forbidden(why) => ironhand_tftp::Refusal::Forbidden(why.clone()),
                    Refusal::Busy(_) => ironhand_tftp::Refusal::Busy,
                };
                self.refusals.insert(transfer, refusal);
                return self.machine.found(now, transfer, Err(answer));
            }
        };
        let source = match mode {
            Mode::Netascii if body.len() > NETASCII_LIMIT => {
                Err(format!("too long for netascii: ask in octet mode for more than {NETASCII_LIMIT} octets"))
            }
            Mode::Netascii => Source::netascii(&body).map_err(|error| error.to_string()),
            Mode::Octet | Mode::Mail => Ok(Source::new(body)),
        };
        let source = match source {
            Ok(source) => source,
            Err(why) => return self.machine.found(now, transfer, Err(ironhand_tftp::Refusal::Failed(why))),
        };
        let channel = self.channel(transfer, client, local);
        let mtu = channel.as_ref().and_then(|channel| channel.mtu(client).ok()).unwrap_or(MTU);
        let road = if channel.is_some() { Road::Own(transfer) } else { Road::Listener };
        let offer = Offer { length: source.len(), mtu, road };
        let slot = transfer.slot();
        if self.seats.len() <= slot {
            self.seats.resize_with(slot + 1, || None);
        }
        self.seats[slot] = Some(Seat {
            transfer,
            client,
            local,
            source,
            channel,
            unsent: None,
            reading: false,
            full: false,
        });
        self.machine.found(now, transfer, Ok(offer));
    }

    /// A socket for a transfer, unless it shall or must do without.
    fn channel(&mut self, transfer: TransferId, client: SocketAddr, local: SocketAddr) -> Option<Channel> {
        if self.config.single_port {
            return None;
        }
        let opened = Channel::open(local, client, &self.config, &mut self.next_port).and_then(|channel| {
            let event = EpollEvent::new(EpollFlags::EPOLLIN, transfer.slot() as u64);
            self.epoll.add(channel.descriptor(), event)?;
            Ok(channel)
        });
        match opened {
            Ok(channel) => Some(channel),
            Err(error) => {
                self.counters.no_socket.add(1);
                tracing::debug!(%client, %error, "no socket for a TFTP transfer, which stays on the listener's");
                None
            }
        }
    }

    fn send(&mut self, departure: &Departure) {
        let Departure { client, local, road, bytes } = departure;
        let channel = match road {
            Road::Own(id) => self.seats.get(id.slot()).and_then(|seat| seat.as_ref()?.channel.as_ref()),
            Road::Listener => None,
        };
        let sent = match channel {
            Some(channel) => channel.send(bytes),
            None => self.send_by_listener(*local, *client, &[IoSlice::new(bytes)]),
        };
        if let Err(error) = sent {
            // Like one lost on the way; what matters is sent again.
            tracing::debug!(%client, %error, "a TFTP datagram was not sent");
        }
    }

    fn send_by_listener(&self, local: SocketAddr, to: SocketAddr, pieces: &[IoSlice<'_>]) -> io::Result<()> {
        let listener = self.listeners.iter().find(|listener| listener.serves(local));
        let listener = listener.or(self.listeners.first()).ok_or(io::ErrorKind::NotConnected)?;
        listener.send(local, to, pieces)
    }

    /// Sends what a transfer has to send, as far as the system takes it.
    fn push(&mut self, now: Instant, slot: usize) {
        let Some(Some(seat)) = self.seats.get_mut(slot) else { return };
        let Some((blocks, from)) = seat.unsent else { return };
        if seat.reading {
            return;
        }
        match seat.source.prepare(blocks.range()) {
            Ok(Readiness::Ready) => {}
            Ok(Readiness::Disk(range)) => return self.wait_for_disk(now, slot, range),
            Err(error) => {
                let id = seat.transfer;
                return self.machine.fail(now, id, error.to_string());
            }
        }
        self.headers.clear();
        self.headers.extend(blocks.iter().skip(from).map(|(header, _)| header));
        let blksize = usize::from(blocks.blksize);
        let mut range = blocks.range();
        range.start += (from * blksize) as u64;
        let data = seat.source.get(range);
        let sent = match &seat.channel {
            Some(channel) => channel.send_blocks(&self.headers, data, blksize, &mut self.press),
            None => {
                let listener = self.listeners.iter().find(|listener| listener.serves(seat.local));
                listener.map_or(Ok(0), |listener| send_each(listener, seat, &self.headers, data, blksize))
            }
        };
        match sent {
            Ok(sent) => {
                self.counters.blocks.add(sent as u64);
                let all = from + sent == blocks.count();
                seat.unsent = (!all).then_some((blocks, from + sent));
                if let Some(channel) = &seat.channel
                    && seat.full == all
                {
                    seat.full = !all;
                    self.counters.waits.add(u64::from(!all));
                    watch(&self.epoll, channel.descriptor(), slot, !all);
                }
            }
            Err(error) if is_gone(&error) => self.gone(now, slot),
            Err(error) => {
                seat.unsent = None;
                tracing::debug!(client = %seat.client, %error, "a TFTP window was not sent");
            }
        }
    }

    /// The client's port is closed. What it sent before counts still: as a rule the last acknowledgement, which the system
    /// hands over behind the news that a repetition found nobody.
    fn gone(&mut self, now: Instant, slot: usize) {
        let Some(Some(seat)) = self.seats.get(slot) else { return };
        let Some(channel) = &seat.channel else { return };
        let id = seat.transfer;
        let arrival = Arrival { client: seat.client, local: seat.local, road: Road::Own(id) };
        let mut buffer = [0; MAX_REQUEST];
        // Each call takes something, so this ends; the limit is for a client that sends faster than this reads.
        for _ in 0..EVENTS {
            match channel.receive(&mut buffer) {
                Ok(length) => self.machine.receive(now, arrival, &buffer[..length]),
                Err(error) if is_gone(&error) => {}
                Err(_) => break,
            }
        }
        self.machine.unreachable(now, id);
    }

    fn wait_for_disk(&mut self, now: Instant, slot: usize, range: std::ops::Range<u64>) {
        self.counters.disk_waits.add(1);
        let Some(Some(seat)) = self.seats.get_mut(slot) else { return };
        let transfer = seat.transfer;
        if self.disk.is_none() {
            let disk = Disk::start().and_then(|disk| {
                self.epoll.add(disk.bell(), EpollEvent::new(EpollFlags::EPOLLIN, DISK))?;
                Ok(disk)
            });
            match disk {
                Ok(disk) => self.disk = Some(disk),
                Err(error) => return self.machine.fail(now, transfer, error.to_string()),
            }
        }
        let buffer = seat.source.take_buffer();
        if let (Source::File(buffered), Some(disk)) = (&seat.source, &self.disk) {
            let (file, parts) = (Arc::clone(&buffered.file), Arc::clone(&buffered.parts));
            disk.submit(Job { transfer, file, parts, range, buffer });
            seat.reading = true;
        }
    }

    fn disk_has_read(&mut self) {
        if let Some(disk) = &self.disk {
            disk.heard();
        }
        while let Some(read) = self.disk.as_ref().and_then(Disk::next) {
            let now = Instant::now();
            let slot = read.transfer.slot();
            let Some(Some(seat)) = self.seats.get_mut(slot) else { continue };
            if seat.transfer != read.transfer {
                continue;
            }
            seat.reading = false;
            match read.result {
                Ok(run) => {
                    seat.source.fill(read.start, run);
                    self.push(now, slot);
                }
                Err(error) => self.machine.fail(now, read.transfer, error.to_string()),
            }
            self.drain(now);
        }
    }

    fn ended(&mut self, ended: Ended) {
        let Ended { transfer, client, path, acknowledged, length, repeated, took, end } = ended;
        if let Some(seat) = self.seats.get_mut(transfer.slot())
            && seat.as_ref().is_some_and(|seat| seat.transfer == transfer)
        {
            // The socket goes with it, and leaves `epoll` by itself.
            *seat = None;
        }
        let said = self.refusals.remove(&transfer);
        let end = outcome(end, said);
        let counter = match &end {
            TransferEnd::Done => &self.counters.done,
            TransferEnd::SizeOnly => &self.counters.size_only,
            TransferEnd::Refused(_) => &self.counters.refused,
            TransferEnd::Broken(_) => &self.counters.broken,
        };
        counter.add(1);
        self.counters.octets.add(acknowledged);
        self.counters.repeated.add(repeated);
        tracing::debug!(%client, path, acknowledged, length, ?took, ?end, "a TFTP transfer ended");
        let service = Service::Tftp;
        let (first, bytes) = (0, acknowledged);
        self.shelf.note(&Transfer { service, client, path, first, bytes, length, took, end });
    }

    fn ignored(&self, client: SocketAddr, why: Ignored) {
        let counter = match why {
            Ignored::Full | Ignored::Share => &self.counters.turned_away,
            Ignored::Repeated | Ignored::Stray | Ignored::Acknowledgement => &self.counters.idle,
            Ignored::Malformed(_)
            | Ignored::Path(_)
            | Ignored::Write
            | Ignored::Mail
            | Ignored::Unexpected => &self.counters.malformed,
        };
        counter.add(1);
        tracing::trace!(%client, %why, "a TFTP datagram of no use");
    }
}

/// Sends blocks by the socket that is shared, one call each.
fn send_each(
    listener: &Listener,
    seat: &Seat,
    headers: &[[u8; DATA_HEADER]],
    data: &[u8],
    blksize: usize,
) -> io::Result<usize> {
    for (at, header) in headers.iter().enumerate() {
        let block = &data[(at * blksize).min(data.len())..data.len().min((at + 1) * blksize)];
        match listener.send(seat.local, seat.client, &[IoSlice::new(header), IoSlice::new(block)]) {
            Ok(()) => {}
            // The rest is as if lost: this socket is shared, so a single transfer does not wait for it.
            Err(error) if is_full(&error) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(headers.len())
}

fn watch(epoll: &Epoll, descriptor: BorrowedFd<'_>, slot: usize, full: bool) {
    let flags = match full {
        true => EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT,
        false => EpollFlags::EPOLLIN,
    };
    if let Err(error) = epoll.modify(descriptor, &mut EpollEvent::new(flags, slot as u64)) {
        tracing::error!(%error, "a TFTP socket cannot be watched");
    }
}

/// The system knows that nobody is there.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionRefused
}

fn outcome(end: End, said: Option<Refusal>) -> TransferEnd {
    let last = |all_sent: bool| match all_sent {
        true => "; all was sent, and the last acknowledgement is missing",
        false => "",
    };
    match end {
        End::Done => TransferEnd::Done,
        End::SizeOnly => TransferEnd::SizeOnly,
        End::Refused(refusal) => match (said, refusal) {
            (Some(said), _) => TransferEnd::Refused(said),
            (None, ironhand_tftp::Refusal::Failed(why)) => TransferEnd::Broken(why),
            (None, other) => TransferEnd::Broken(format!("refused: {other:?}")),
        },
        End::Error(code, message) => TransferEnd::Broken(format!("the client sent {code}: {message}")),
        End::Closed { all_sent } => {
            TransferEnd::Broken(format!("the client closed its port{}", last(all_sent)))
        }
        End::Silent { all_sent } => TransferEnd::Broken(format!("the client fell silent{}", last(all_sent))),
        End::Replaced => TransferEnd::Broken("the client asked anew from the same port".to_owned()),
        End::Failed(why) => TransferEnd::Broken(why),
    }
}
