//! A thread that serves sockets and deadlines of a fleet.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::addresses::Addresses;
use super::host::{Clock, Host, Outgoing, Pattern, Work};
use super::socket::{Datagram, Receiver, Socket};
use super::statistics::Counters;
use super::visits::Visits;

/// What the threads of a fleet have in common.
pub(super) struct Shared {
    pub(super) pattern: Pattern,
    pub(super) start: Instant,
    /// Where they speak IPMI, if they do, else Redfish.
    pub(super) places: Places,
    pub(super) ipmi: bool,
    /// Where they speak Redfish, if they do.
    pub(super) redfish: Option<Places>,
    /// A BMC comes into being when something is sent to it.
    pub(super) hosts: Vec<Mutex<Option<Box<Host>>>>,
    pub(super) counters: Counters,
}

/// Where the BMCs listen.
#[derive(Clone, Debug)]
pub(super) enum Places {
    /// On one port of consecutive addresses.
    Consecutive { addresses: Addresses, port: u16 },
    /// Each at an address and a port of its own.
    Each(Vec<SocketAddr>),
}

impl Places {
    pub(super) fn get(&self, index: usize) -> Option<SocketAddr> {
        match self {
            Self::Consecutive { addresses, port } => {
                addresses.get(index).map(|address| SocketAddr::new(address.into(), *port))
            }
            Self::Each(places) => places.get(index).copied(),
        }
    }

    /// The BMC that a datagram is for.
    fn index_of(&self, socket: &Socket, datagram: &Datagram<'_>) -> Option<usize> {
        match self {
            Self::Consecutive { addresses, .. } if socket.only.is_none() => {
                datagram.to.and_then(|to| addresses.index_of(to))
            }
            Self::Consecutive { .. } | Self::Each(_) => socket.only,
        }
    }
}

impl Shared {
    /// Whether a BMC's machine has power; `None` where there is no such BMC.
    pub(super) fn is_on(&self, index: usize) -> Option<bool> {
        let host = lock(self.hosts.get(index)?);
        Some(host.as_ref().map_or(self.pattern.on, |host| host.is_on()))
    }

    /// What a BMC was asked; `None` where there is no such BMC.
    pub(super) fn visits(&self, index: usize) -> Option<Visits> {
        let host = lock(self.hosts.get(index)?);
        Some(host.as_ref().map(|host| host.visits.clone()).unwrap_or_default())
    }

    /// Sessions that are open at a BMC's Redfish service and web pages; `None` where there is no such BMC.
    pub(super) fn web_sessions(&self, index: usize) -> Option<usize> {
        let mut host = lock(self.hosts.get(index)?);
        Some(host.as_mut().map_or(0, |host| host.web_sessions(Instant::now())))
    }

    /// A BMC, which comes into being where nobody asked it before.
    pub(super) fn host(&self, index: usize) -> Option<MutexGuard<'_, Option<Box<Host>>>> {
        let (host, address) = (self.hosts.get(index)?, self.places.get(index)?);
        let mut slot = lock(host);
        slot.get_or_insert_with(|| {
            self.counters.bmcs_asked.add(1);
            Box::new(Host::new(&self.pattern, index, address))
        });
        Some(slot)
    }

    pub(super) fn clock(&self, now: Instant) -> Clock<'_> {
        let elapsed = now.saturating_duration_since(self.start);
        Clock { now, elapsed, pattern: &self.pattern, counters: &self.counters }
    }

    fn send(&self, socket: &Socket, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let from = match from.ip() {
            IpAddr::V4(from) => Some(from),
            IpAddr::V6(_) => None,
        };
        match socket.send(from, to, bytes) {
            Ok(()) => self.counters.sent.add(1),
            // Datagrams may get lost on the way, so they may as well get lost in a full socket buffer.
            Err(_) => self.counters.lost.add(1),
        }
    }
}

fn lock(host: &Mutex<Option<Box<Host>>>) -> MutexGuard<'_, Option<Box<Host>>> {
    // A panic while the lock was held has ended its thread; what it left of the host is whole.
    host.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Something to do at a time.
#[derive(Debug)]
struct Timed {
    at: Instant,
    /// Keeps what is due at the same time in the order in which it was asked for.
    turn: u64,
    socket: usize,
    index: usize,
    what: What,
}

#[derive(Debug)]
enum What {
    Wake,
    Deliver { from: SocketAddr, bytes: Vec<u8> },
    Send { to: SocketAddr, bytes: Vec<u8> },
}

impl Ord for Timed {
    /// The greatest of a heap is the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.turn).cmp(&(self.at, self.turn))
    }
}

impl PartialOrd for Timed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Timed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Timed {}

/// Marks the events of the two signals among those of the sockets, which have their places.
const STOP: u64 = u64::MAX;
const NUDGE: u64 = u64::MAX - 1;

/// Sockets that one wait reports.
const EVENTS: usize = 64;

/// How long to wait after a socket failed, so that one that fails at once again does not keep a core busy.
const AFTER_FAILURE: Duration = Duration::from_millis(200);

/// One thread's part of a fleet.
pub(super) struct Worker {
    sockets: Vec<Socket>,
    nudge: Arc<Nudge>,
    desk: Desk,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, sockets: Vec<Socket>, nudge: Arc<Nudge>) -> Self {
        Self {
            sockets,
            nudge,
            desk: Desk {
                shared,
                timed: BinaryHeap::new(),
                turn: 0,
                work: Work::default(),
                outbox: Vec::new(),
            },
        }
    }

    /// What [`Self::run`] waits for: the sockets and the stop signal.
    pub(super) fn watch(&self, stop: &EventFd) -> io::Result<Epoll> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(stop.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, STOP))?;
        epoll.add(self.nudge.signal.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, NUDGE))?;
        for (place, socket) in (0..).zip(&self.sockets) {
            epoll.add(socket, EpollEvent::new(EpollFlags::EPOLLIN, place))?;
        }
        Ok(epoll)
    }

    /// Serves until the stop signal.
    pub(super) fn run(mut self, epoll: &Epoll) {
        let mut receiver = Receiver::new();
        let mut events = [EpollEvent::empty(); EVENTS];
        loop {
            let ready = match epoll.wait(&mut events, self.desk.timeout(Instant::now())) {
                Ok(ready) => events.get(..ready).unwrap_or_default(),
                Err(Errno::EINTR) => &[],
                Err(error) => {
                    tracing::error!(%error, "simulated BMCs can wait for datagrams no more");
                    return;
                }
            };
            if ready.iter().any(|event| event.data() == STOP) {
                return;
            }
            let now = Instant::now();
            for event in ready {
                if event.data() == NUDGE {
                    for (place, index) in self.nudge.take() {
                        self.desk.wake(now, (place, index));
                    }
                }
                let place = usize::try_from(event.data()).unwrap_or(usize::MAX);
                if let Some(socket) = self.sockets.get(place) {
                    self.desk.read(now, place, socket, &mut receiver);
                }
            }
            if let Some(socket) = self.sockets.first() {
                self.desk.flush(socket);
            }
            self.desk.do_what_is_due(now, &self.sockets);
        }
    }
}

/// Tells a worker that something was done to BMCs by others than itself, and that there may be something to do for them.
pub(super) struct Nudge {
    signal: EventFd,
    /// Places of their sockets, and their indices.
    bmcs: Mutex<Vec<(usize, usize)>>,
}

impl Nudge {
    pub(super) fn new() -> io::Result<Self> {
        let signal = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        Ok(Self { signal, bmcs: Mutex::default() })
    }

    pub(super) fn send(&self, place: usize, index: usize) {
        self.bmcs.lock().unwrap_or_else(PoisonError::into_inner).push((place, index));
        if let Err(error) = self.signal.write(1) {
            tracing::warn!(%error, "a simulated BMC is woken late");
        }
    }

    fn take(&self) -> Vec<(usize, usize)> {
        // Nothing to read is as good as having read it.
        let _ = self.signal.read();
        std::mem::take(&mut *self.bmcs.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a [`Worker`] has besides its sockets.
struct Desk {
    shared: Arc<Shared>,
    timed: BinaryHeap<Timed>,
    turn: u64,
    work: Work,
    /// Answers to the datagrams that came together: they leave together as well, so that a console is not woken for
    /// each.
    outbox: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
}

impl Desk {
    fn timeout(&self, now: Instant) -> EpollTimeout {
        let Some(next) = self.timed.peek() else { return EpollTimeout::NONE };
        let wait = next.at.saturating_duration_since(now);
        // Whole milliseconds, rounded up: waking too early would be for nothing.
        let millis = u16::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u16::MAX);
        EpollTimeout::from(millis)
    }

    fn read(&mut self, now: Instant, place: usize, socket: &Socket, receiver: &mut Receiver) {
        let shared = Arc::clone(&self.shared);
        let received = receiver.receive(socket, |datagram| {
            shared.counters.received.add(1);
            match shared.places.index_of(socket, &datagram) {
                Some(index) => {
                    let Datagram { from, bytes, .. } = datagram;
                    self.handle(now, (place, index), |host, clock, work| {
                        host.receive(clock, from, bytes, work);
                    });
                }
                None => shared.counters.ignored.add(1),
            }
        });
        self.flush(socket);
        if let Err(error) = received {
            tracing::warn!(%error, "a socket of simulated BMCs failed");
            std::thread::sleep(AFTER_FAILURE);
        }
    }

    /// Lets a BMC do what others than this worker have begun.
    fn wake(&mut self, now: Instant, place: (usize, usize)) {
        self.handle(now, place, |host, clock, work| host.wake(clock, work));
    }

    /// Lets a BMC do something, and sends and remembers what comes of it.
    fn handle(
        &mut self,
        now: Instant,
        (place, index): (usize, usize),
        act: impl FnOnce(&mut Host, &Clock<'_>, &mut Work),
    ) {
        let shared = Arc::clone(&self.shared);
        let Some(address) = shared.places.get(index) else { return };
        let Some(mut slot) = shared.host(index) else { return };
        let Some(host) = slot.as_mut() else { return };
        act(host, &shared.clock(now), &mut self.work);
        if let Some(next) = host.next_wake().filter(|next| host.armed.is_none_or(|armed| *next < armed)) {
            host.armed = Some(next);
            self.remember(next, (place, index), What::Wake);
        }
        drop(slot);
        let Work { mut outgoing, mut incoming } = std::mem::take(&mut self.work);
        for Outgoing { after, to, bytes } in outgoing.drain(..) {
            if after.is_zero() {
                self.outbox.push((address, to, bytes));
            } else {
                self.remember(now + after, (place, index), What::Send { to, bytes });
            }
        }
        for Outgoing { after, to: from, bytes } in incoming.drain(..) {
            self.remember(now + after, (place, index), What::Deliver { from, bytes });
        }
        self.work = Work { outgoing, incoming };
    }

    fn flush(&mut self, socket: &Socket) {
        for (from, to, bytes) in self.outbox.drain(..) {
            self.shared.send(socket, from, to, &bytes);
        }
    }

    fn remember(&mut self, at: Instant, (socket, index): (usize, usize), what: What) {
        self.turn += 1;
        self.timed.push(Timed { at, turn: self.turn, socket, index, what });
    }

    fn do_what_is_due(&mut self, now: Instant, sockets: &[Socket]) {
        while self.timed.peek().is_some_and(|timed| timed.at <= now) {
            let Some(Timed { at, socket: place, index, what, .. }) = self.timed.pop() else { return };
            match what {
                What::Wake => self.handle(now, (place, index), |host, clock, work| {
                    // Another worker may have been told of an earlier time since.
                    if host.armed == Some(at) {
                        host.armed = None;
                        host.wake(clock, work);
                    }
                }),
                What::Deliver { from, bytes } => {
                    self.handle(now, (place, index), |host, clock, work| {
                        host.deliver(clock, from, &bytes, work);
                    });
                }
                What::Send { to, bytes } => {
                    if let Some(from) = self.shared.places.get(index) {
                        self.outbox.push((from, to, bytes));
                    }
                }
            }
            // There are none where the BMCs do not speak IPMI, and nothing to send then.
            if let Some(socket) = sockets.get(place) {
                self.flush(socket);
            }
        }
    }
}
