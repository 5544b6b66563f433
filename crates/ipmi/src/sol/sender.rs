//! One direction of SOL at the end where characters come from: one packet is outstanding, and what is not accepted is
//! sent again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::sol::packet::LAST_NUMBER;
use crate::sol::receiver::is_later;

/// Marks that may wait; further ones join the last. Somebody who holds down the break key is heard all the same.
const MARKS_LIMIT: usize = 8;

/// The first wait after a packet of which nothing was accepted.
const REFUSED_FIRST: Duration = Duration::from_millis(500);

/// The longest. The machine may be off for days.
const REFUSED_CEILING: Duration = Duration::from_secs(10);

/// When and how often a packet is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retry {
    /// Wait after the first transmission.
    pub(crate) first: Duration,
    /// Longest wait; the wait doubles after every second transmission until then.
    pub(crate) ceiling: Duration,
    /// Transmissions after the first one.
    pub(crate) count: u32,
    /// After so many transmissions the packet gets another number: for BMCs that take the present one for a copy's.
    pub(crate) renumber_after: Option<u32>,
}

impl Retry {
    fn wait(&self, transmissions: u32) -> Duration {
        let factor = 1u32.checked_shl(transmissions.saturating_sub(1) / 2).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.ceiling.max(self.first)).max(Duration::from_millis(1))
    }
}

/// How characters are gathered into packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gather {
    /// How long a character may wait for others.
    pub(crate) interval: Duration,
    /// So many are sent at once.
    pub(crate) threshold: usize,
}

/// A packet to be transmitted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Transmission<'a> {
    pub(crate) sequence: u8,
    pub(crate) flags: u8,
    pub(crate) characters: &'a [u8],
}

/// Something that the other end is told in a packet of its place in the stream, once.
#[derive(Debug)]
struct Mark {
    /// Characters of the queue before it.
    at: usize,
    flags: u8,
}

#[derive(Debug)]
struct Outstanding {
    sequence: u8,
    flags: u8,
    characters: Vec<u8>,
    transmissions: u32,
    due: Instant,
}

/// Sends characters in numbered packets.
#[derive(Debug)]
pub(crate) struct Sender {
    queue: VecDeque<u8>,
    capacity: usize,
    chunk: usize,
    retry: Retry,
    gather: Gather,
    marks: VecDeque<Mark>,
    sequence: u8,
    outstanding: Option<Outstanding>,
    /// The session sequence number of the packet that settled the last outstanding one. What was sent before it cannot
    /// be about a later one, although numbers come round.
    settled: Option<u32>,
    /// Characters wait until then for others to be sent with.
    gathered_at: Option<Instant>,
    /// Nothing was accepted; the next attempt is then.
    refused_until: Option<Instant>,
    refusals: u32,
    /// The other end asked to wait.
    stopped: bool,
    /// The last time that it was told.
    now: Instant,
}

impl Sender {
    /// `capacity`: characters that may wait. `chunk`: characters in a packet.
    pub(crate) fn new(now: Instant, capacity: usize, chunk: usize, retry: Retry, gather: Gather) -> Self {
        Self {
            queue: VecDeque::new(),
            capacity,
            chunk: chunk.max(1),
            retry,
            gather,
            marks: VecDeque::new(),
            sequence: 0,
            outstanding: None,
            settled: None,
            gathered_at: None,
            refused_until: None,
            refusals: 0,
            stopped: false,
            now,
        }
    }

    /// How many more characters can wait.
    pub(crate) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.queue.len())
    }

    /// Characters that the other end has not yet accepted.
    pub(crate) fn waiting(&self) -> usize {
        let outstanding = self.outstanding.as_ref().map_or(0, |outstanding| outstanding.characters.len());
        self.queue.len() + outstanding
    }

    /// Takes as many of the characters as there is room for; returns how many.
    pub(crate) fn write(&mut self, now: Instant, characters: &[u8]) -> usize {
        let taken = &characters[..characters.len().min(self.room())];
        if !taken.is_empty() && self.queue.is_empty() {
            self.gathered_at = Some(now + self.gather.interval);
        }
        self.queue.extend(taken);
        taken.len()
    }

    /// Tells the other end `flags` behind what waits now, in a packet without characters before it.
    pub(crate) fn mark(&mut self, flags: u8) {
        let at = self.queue.len();
        let full = self.marks.len() >= MARKS_LIMIT;
        match self.marks.back_mut() {
            Some(mark) if mark.at == at || full => mark.flags |= flags,
            _ => self.marks.push_back(Mark { at, flags }),
        }
    }

    /// Tells the other end `flags` before all that waits.
    pub(crate) fn mark_first(&mut self, flags: u8) {
        let full = self.marks.len() >= MARKS_LIMIT;
        match self.marks.front_mut() {
            Some(mark) if mark.at == 0 || full => mark.flags |= flags,
            _ => self.marks.push_front(Mark { at: 0, flags }),
        }
    }

    /// Drops what waits, but not what is outstanding.
    pub(crate) fn flush(&mut self) {
        self.queue.clear();
        self.gathered_at = None;
        for mark in &mut self.marks {
            mark.at = 0;
        }
    }

    /// The other end asks to wait, or no longer.
    pub(crate) fn stop(&mut self, stopped: bool) {
        self.stopped = stopped;
    }

    /// The other end is ready again: what it refused is sent at once.
    pub(crate) fn resume(&mut self) {
        self.refused_until = None;
        self.refusals = 0;
    }

    /// The other end tells about a packet, in one that came under session sequence number `order`.
    pub(crate) fn acknowledged(
        &mut self,
        now: Instant,
        order: u32,
        sequence: u8,
        accepted: u8,
        refused: bool,
    ) {
        if self.settled.is_some_and(|settled| !is_later(order, settled)) {
            return;
        }
        let Some(outstanding) = self.outstanding.take_if(|outstanding| outstanding.sequence == sequence)
        else {
            // Some BMCs tell so that they can go on after a refusal.
            if !refused && sequence == self.sequence && self.outstanding.is_none() {
                self.resume();
            }
            return;
        };
        self.settled = Some(order);
        let accepted = usize::from(accepted).min(outstanding.characters.len());
        let rest = &outstanding.characters[accepted..];
        for mark in &mut self.marks {
            mark.at += rest.len();
        }
        for character in rest.iter().rev() {
            self.queue.push_front(*character);
        }
        if !rest.is_empty() {
            self.gathered_at = Some(now);
        }
        if refused || accepted == 0 && !rest.is_empty() {
            let doubled = REFUSED_FIRST.saturating_mul(1 << self.refusals.min(16));
            self.refused_until = Some(now + doubled.min(REFUSED_CEILING));
            self.refusals += 1;
        } else {
            self.resume();
        }
    }

    /// Whether the last transmission of the outstanding packet was not acknowledged in time.
    pub(crate) fn is_exhausted(&self, now: Instant) -> bool {
        self.outstanding
            .as_ref()
            .is_some_and(|outstanding| outstanding.due <= now && outstanding.transmissions > self.retry.count)
    }

    /// Gives the outstanding packet up; returns whether it had characters, which are lost.
    pub(crate) fn give_up(&mut self) -> bool {
        self.outstanding.take().is_some_and(|outstanding| !outstanding.characters.is_empty())
    }

    /// The packet to transmit now.
    pub(crate) fn transmit(&mut self, now: Instant) -> Option<Transmission<'_>> {
        self.now = now;
        if self.outstanding.is_none() {
            self.begin(now)?;
        }
        let outstanding = self.outstanding.as_mut()?;
        if outstanding.due > now || outstanding.transmissions > self.retry.count {
            return None;
        }
        let again = outstanding.transmissions;
        if again > 0 && self.retry.renumber_after.is_some_and(|after| again % after.max(1) == 0) {
            self.sequence = following(self.sequence);
            outstanding.sequence = self.sequence;
        }
        outstanding.transmissions += 1;
        outstanding.due = now + self.retry.wait(outstanding.transmissions);
        Some(Transmission {
            sequence: outstanding.sequence,
            flags: outstanding.flags,
            characters: &outstanding.characters,
        })
    }

    /// Makes the next packet outstanding.
    fn begin(&mut self, now: Instant) -> Option<()> {
        let mut flags = 0;
        let mut length = 0;
        match self.marks.pop_front_if(|mark| mark.at == 0) {
            Some(mark) => flags = mark.flags,
            None => {
                let held = self.stopped || self.refused_until.is_some_and(|until| until > now);
                let gathered = self.queue.len() >= self.gather.threshold
                    || !self.marks.is_empty()
                    || self.gathered_at.is_some_and(|at| at <= now);
                if held || self.queue.is_empty() || !gathered {
                    return None;
                }
                length = self.queue.len().min(self.chunk);
                if let Some(mark) = self.marks.front() {
                    length = length.min(mark.at);
                }
            }
        }
        for mark in &mut self.marks {
            mark.at -= length;
        }
        self.sequence = following(self.sequence);
        self.outstanding = Some(Outstanding {
            sequence: self.sequence,
            flags,
            characters: self.queue.drain(..length).collect(),
            transmissions: 0,
            due: now,
        });
        self.gathered_at = (!self.queue.is_empty()).then(|| self.gathered_at.unwrap_or(now));
        self.refused_until = None;
        Some(())
    }

    /// When to call [`Sender::transmit`] next.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        if let Some(outstanding) = &self.outstanding {
            return Some(outstanding.due);
        }
        if self.marks.front().is_some_and(|mark| mark.at == 0) {
            return Some(self.now);
        }
        if self.stopped {
            return None;
        }
        self.gathered_at.into_iter().chain(self.refused_until.filter(|_| !self.queue.is_empty())).max()
    }
}

fn following(sequence: u8) -> u8 {
    sequence % LAST_NUMBER + 1
}
