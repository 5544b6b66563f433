//! The task behind the port.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ironhand_ipmi::{ClientConfig, Error, Event, Output};
use slab::Slab;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::slot::{Place, Slot};
use crate::sockets::{Inbox, Sockets};
use crate::sol::Console;
use crate::statistics::Counters;
use crate::timers::Timers;
use crate::warm::Warm;
use crate::window::Window;
use crate::{BmcKey, Command, OpenError, PortConfig};

/// Commands taken before datagrams and timers get their turn.
const COMMANDS: usize = 1024;

/// Of BMCs that wait for room, one in so many is taken from those whose last request ended in silence, if others wait.
const SLOW_SHARE: u32 = 8;

/// How long BMCs may take to acknowledge that their sessions are closed when the port stops.
const CLOSING: Duration = Duration::from_secs(2);

pub(crate) struct Driver {
    sockets: Sockets,
    inbox: Inbox,
    commands: mpsc::UnboundedReceiver<Command>,
    /// A BMC's number is its place here. Boxed, so that growth moves pointers.
    slots: Slab<Box<Slot>>,
    by_peer: HashMap<SocketAddr, usize>,
    last_serial: u64,
    timers: Timers,
    window: Window,
    /// BMCs that wait for room in the window.
    queue: VecDeque<usize>,
    /// Those among them whose last request ended in silence.
    slow_queue: VecDeque<usize>,
    taken: u32,
    warm: Warm,
    counters: Arc<Counters>,
}

impl Driver {
    pub(crate) fn new(
        config: &PortConfig,
        sockets: Sockets,
        commands: mpsc::UnboundedReceiver<Command>,
        counters: Arc<Counters>,
    ) -> Self {
        let window = Window::new(sockets.buffer());
        Self {
            sockets,
            inbox: Inbox::new(),
            commands,
            slots: Slab::new(),
            by_peer: HashMap::new(),
            last_serial: 0,
            timers: Timers::default(),
            window,
            queue: VecDeque::new(),
            slow_queue: VecDeque::new(),
            taken: 0,
            warm: Warm::new(config.warm_sessions),
            counters,
        }
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        // Until when the sessions may be closed.
        let mut stopping = None;
        loop {
            let more = self.turn();
            let deadline = match stopping {
                None if stop.is_cancelled() || (self.commands.is_closed() && self.commands.is_empty()) => {
                    stopping = Some(Instant::now() + CLOSING);
                    self.close_all();
                    continue;
                }
                None => None,
                Some(end) if self.slots.is_empty() || Instant::now() >= end => return,
                Some(end) => Some(end),
            };
            if more {
                tokio::task::yield_now().await;
                continue;
            }
            let wake = self.next_wake().into_iter().chain(deadline).min();
            tokio::select! {
                command = self.commands.recv(), if deadline.is_none() => {
                    if let Some(command) = command {
                        self.execute(command);
                    }
                }
                () = self.sockets.ready() => {}
                () = until(wake) => {}
                () = stop.cancelled(), if deadline.is_none() => {}
            }
        }
    }

    /// Does all that can be done now: takes commands and datagrams, wakes machines, lets BMCs into the window, and sends.
    /// Says whether there is more.
    fn turn(&mut self) -> bool {
        for _ in 0..COMMANDS {
            match self.commands.try_recv() {
                Ok(command) => self.execute(command),
                Err(_) => break,
            }
        }
        let more = self.receive();
        let now = Instant::now();
        self.wake(now);
        self.cool();
        self.admit(now);
        self.sockets.flush();
        more || !self.commands.is_empty()
    }

    fn execute(&mut self, command: Command) {
        match command {
            Command::Open { peer, config, reply } => {
                if let Err(Ok(unwanted)) = reply.send(self.open(peer, *config)) {
                    self.forget(unwanted.number);
                }
            }
            Command::Request { bmc, request, reply } => match self.slot(bmc) {
                Some(slot) => {
                    slot.keep(request, reply);
                    self.enqueue(bmc.number);
                }
                // An error means that the caller waits no longer.
                None => drop(reply.send(Err(Error::Closed))),
            },
            Command::Sol { bmc, order } => self.order_sol(bmc, order),
            Command::Learned { bmc, reply } => {
                let learned = self.slot(bmc).map(|slot| slot.client.learned()).unwrap_or_default();
                // An error means that the caller waits no longer.
                let _ = reply.send(learned);
            }
            Command::Close { bmc, closed } => {
                if let Some(slot) = self.slot(bmc) {
                    slot.closed = slot.closed.take().or(closed);
                    self.close(bmc.number, Instant::now());
                }
            }
        }
    }

    pub(crate) fn slot(&mut self, bmc: BmcKey) -> Option<&mut Box<Slot>> {
        self.slots.get_mut(bmc.number).filter(|slot| slot.serial == bmc.serial)
    }

    fn open(&mut self, peer: SocketAddr, config: ClientConfig) -> Result<BmcKey, OpenError> {
        if !self.sockets.serves(peer) {
            return Err(OpenError::NoIpv6 { peer });
        }
        if let Some(&number) = self.by_peer.get(&peer) {
            if self.slots.get(number).is_some_and(|slot| !slot.closing) {
                return Err(OpenError::InUse { peer });
            }
            self.forget(number);
        }
        self.last_serial += 1;
        let serial = self.last_serial;
        let number = self.slots.insert(Box::new(Slot::new(serial, peer, config)));
        self.by_peer.insert(peer, number);
        Ok(BmcKey { number, serial })
    }

    /// Lets go of a BMC: its session is closed in its turn, then it is forgotten.
    fn close(&mut self, number: usize, now: Instant) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        if slot.closing {
            return;
        }
        slot.closing = true;
        slot.refuse_requests();
        if slot.is_under_way() || slot.console.is_some() {
            // The farewell is a datagram of its own, no repetition of what is not waited for any more.
            slot.sent = None;
            slot.tell_to_close(now);
            self.settle(number, now, false);
        } else if slot.client.is_open() {
            self.enqueue(number);
        } else {
            self.forget(number);
        }
    }

    /// Closes every session; BMCs have few, and keep an abandoned one for a minute.
    fn close_all(&mut self) {
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            self.execute(command);
        }
        let now = Instant::now();
        let numbers: Vec<usize> = self.slots.iter().map(|(number, _)| number).collect();
        for number in numbers {
            self.close(number, now);
        }
    }

    /// Lets a BMC that has work wait for room in the window. One that is under way takes it up when it is through.
    fn enqueue(&mut self, number: usize) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        if slot.place != Place::Outside || slot.is_under_way() {
            return;
        }
        slot.place = Place::Queued;
        match slot.is_dead {
            true => self.slow_queue.push_back(number),
            false => self.queue.push_back(number),
        }
    }

    /// Lets BMCs into the window while there is room.
    fn admit(&mut self, now: Instant) {
        if !self.is_waited_for() {
            return;
        }
        let slots = &self.slots;
        let counts = |number, sent: crate::window::Sent| {
            let slot = slots.get(number);
            slot.is_some_and(|slot| {
                slot.place == Place::Inside && slot.sent.is_some_and(|last| last.is(sent))
            })
        };
        let mut overdue = Vec::new();
        while let Some(number) = self.window.overdue(now, counts) {
            overdue.push(number);
        }
        for number in overdue {
            self.window.leave();
            self.slots[number].place = Place::Outside;
        }
        while self.window.has_room()
            && let Some(number) = self.next_queued()
        {
            self.begin(number, now);
        }
    }

    fn is_waited_for(&self) -> bool {
        !self.queue.is_empty() || !self.slow_queue.is_empty()
    }

    fn next_queued(&mut self) -> Option<usize> {
        loop {
            self.taken = self.taken.wrapping_add(1);
            let number = match self.taken.is_multiple_of(SLOW_SHARE) {
                true => self.slow_queue.pop_front().or_else(|| self.queue.pop_front()),
                false => self.queue.pop_front().or_else(|| self.slow_queue.pop_front()),
            }?;
            // One that was forgotten meanwhile, or whose number is another's now, does not wait any more.
            if self.slots.get(number).is_some_and(|slot| slot.place == Place::Queued) {
                return Some(number);
            }
        }
    }

    /// Gives the machine of a BMC what it has waited for.
    fn begin(&mut self, number: usize, now: Instant) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        slot.place = Place::Outside;
        let cooling = std::mem::take(&mut slot.cooling);
        if slot.closing && !slot.told_to_close {
            slot.tell_to_close(now);
        } else if let Some((request, asker)) = slot.next_request() {
            let ticket = slot.client.submit(now, request);
            slot.works_on(ticket, asker);
        } else if cooling {
            slot.client.close(now);
        } else {
            slot.client.wake(now);
        }
        self.settle(number, now, false);
    }

    fn receive(&mut self) -> bool {
        let more = self.sockets.receive(&mut self.inbox);
        let now = Instant::now();
        let inbox = std::mem::replace(&mut self.inbox, Inbox::empty());
        for (peer, bytes) in inbox.datagrams() {
            let Some(&number) = self.by_peer.get(&peer) else {
                tracing::debug!(bmc = %peer, "datagram from a stranger");
                continue;
            };
            self.counters.received.fetch_add(1, Ordering::Relaxed);
            self.slots[number].client.receive(now, peer, bytes);
            self.settle(number, now, true);
        }
        self.inbox = inbox;
        more
    }

    fn next_wake(&self) -> Option<Instant> {
        let overdue = self.is_waited_for().then(|| self.window.next_overdue()).flatten();
        self.timers.next().into_iter().chain(overdue).min()
    }

    /// Wakes machines whose deadlines have come. One that only wants to keep its session alive waits for room like a
    /// request: the deadlines of a fleet that was asked at once come at once.
    fn wake(&mut self, now: Instant) {
        while let Some((at, number)) = self.timers.pop(now) {
            let Some(slot) = self.slots.get_mut(number) else { continue };
            if !slot.armed.take(at) {
                continue;
            }
            let deadline = slot.client.next_wake();
            if deadline.is_none_or(|deadline| deadline > now) {
                self.timers.arm(number, &mut slot.armed, deadline);
            } else if slot.is_under_way() || slot.console.is_some() {
                slot.client.wake(now);
                self.settle(number, now, false);
            } else {
                self.enqueue(number);
            }
        }
        self.timers.sweep(self.slots.len(), |number| self.slots.get(number).map(|slot| slot.armed));
    }

    /// Closes the sessions that rest beyond the budget.
    fn cool(&mut self) {
        let mut cooled = Vec::new();
        let slots = &self.slots;
        let counts = |number, rest| slots.get(number).and_then(|slot| slot.rest) == Some(rest);
        while let Some(number) = self.warm.excess(counts) {
            self.warm.end();
            cooled.push(number);
        }
        for number in cooled {
            tracing::debug!(bmc = %self.slots[number].peer, "session closed: too many are kept");
            self.slots[number].rest = None;
            self.slots[number].cooling = true;
            self.enqueue(number);
        }
    }

    /// Carries out what the machine of a BMC wants, and notes where the BMC stands now. `heard` says that it was given a
    /// datagram.
    pub(crate) fn settle(&mut self, number: usize, now: Instant, heard: bool) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        // A datagram counts unless the machine says otherwise, which is the first thing that it says.
        let mut answered = heard;
        while let Some(output) = slot.next_output(now) {
            if matches!(output, Output::Event(Event::Ignored { .. })) {
                answered = false;
            }
            if std::mem::take(&mut answered) {
                self.window.heard(slot, now, !self.queue.is_empty());
            }
            match output {
                Output::Send(bytes) => {
                    self.counters.sent.fetch_add(1, Ordering::Relaxed);
                    if slot.console.is_some() {
                        // Somebody waits for each character; and not everything that a console says is answered.
                        self.sockets.send(slot.peer, bytes);
                        continue;
                    }
                    if slot.sent.is_some() {
                        self.counters.retransmitted.fetch_add(1, Ordering::Relaxed);
                    }
                    self.window.asked(number, slot, now);
                    self.sockets.send(slot.peer, bytes);
                }
                Output::Event(Event::Done { ticket, result }) => slot.answer(ticket, result),
                Output::Event(Event::Sol(event)) => {
                    Console::tell(&mut slot.console, &mut slot.client, now, event)
                }
                Output::Event(event) => tracing::debug!(bmc = %slot.peer, ?event, "IPMI session"),
            }
        }
        if answered {
            self.window.heard(slot, now, !self.queue.is_empty());
        }
        self.stand(number);
    }

    /// Lets a BMC leave the window, rest, wait for room or be forgotten, as its machine stands.
    fn stand(&mut self, number: usize) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        // A farewell that had to be repeated is waited for no longer: perhaps its answer was lost, and the session is gone.
        let given_up = slot.closing && slot.repeated;
        if slot.closing && (given_up || slot.client.next_wake().is_none()) {
            return self.forget(number);
        }
        if slot.client.next_wake().is_none() {
            // It waits for nothing: what was not answered was given up.
            slot.sent = None;
        }
        self.timers.arm(number, &mut slot.armed, slot.client.next_wake());
        if slot.sent.is_none() && slot.place == Place::Inside {
            slot.place = Place::Outside;
            self.window.leave();
        }
        let rests =
            slot.client.is_open() && !slot.is_under_way() && !slot.has_work() && slot.console.is_none();
        if rests && slot.rest.is_none() {
            slot.rest = Some(self.warm.begin(number));
        } else if !rests && slot.rest.take().is_some() {
            self.warm.end();
        }
        if slot.has_work() {
            self.enqueue(number);
        }
    }

    fn forget(&mut self, number: usize) {
        let Some(slot) = self.slots.try_remove(number) else { return };
        if slot.place == Place::Inside {
            self.window.leave();
        }
        if slot.rest.is_some() {
            self.warm.end();
        }
        if self.by_peer.get(&slot.peer) == Some(&number) {
            self.by_peer.remove(&slot.peer);
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
