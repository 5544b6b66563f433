//! The console's end of an active SOL payload.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::fault::Fault;
use crate::sol::config::{SerialProbe, SolClosed, SolConfig, SolEvent};
use crate::sol::packet::{CHARACTERS_LIMIT, HEADER, SolPacket, operation, status};
use crate::sol::receiver::{Acknowledgement, Receiver, is_later};
use crate::sol::sender::{Gather, Retry, Sender};

/// Characters that may wait to be sent: more than anybody types, little enough for a fleet of consoles.
pub(crate) const WRITE_LIMIT: usize = 4096;

/// The longest wait between transmissions.
const RETRANSMIT_GROWTH: u32 = 8;

/// How often a packet goes out before it is given another number where
/// [`solpacketseq`](crate::Quirk::SolPacketSequence) is set.
const RENUMBER_AFTER: u32 = 3;

/// The console's end of an active SOL payload.
#[derive(Debug)]
pub(crate) struct Console {
    sender: Sender,
    receiver: Receiver,
    acknowledgement: Option<Acknowledgement>,
    /// The system's output is held.
    paused: bool,
    unavailable: bool,
    /// The session sequence number of the packet whose status was looked at last.
    status_of: Option<u32>,
    probe: SerialProbe,
    probe_every: Duration,
    heard: Instant,
    closed: Option<SolClosed>,
    events: VecDeque<SolEvent>,
}

impl Console {
    /// `inbound_size`: the size of payload that the BMC says it takes.
    pub(crate) fn new(now: Instant, config: &SolConfig, inbound_size: u16, renumbers: bool) -> Self {
        let characters = characters(inbound_size);
        let retry = Retry {
            first: config.bounded_retransmit(),
            ceiling: config.bounded_retransmit().saturating_mul(RETRANSMIT_GROWTH),
            count: config.retransmissions,
            renumber_after: renumbers.then_some(RENUMBER_AFTER),
        };
        let gather = Gather { interval: Duration::ZERO, threshold: 1 };
        Self {
            sender: Sender::new(now, WRITE_LIMIT, characters, retry, gather),
            receiver: Receiver::default(),
            acknowledgement: None,
            paused: false,
            unavailable: false,
            status_of: None,
            probe: config.probe,
            probe_every: config.bounded_check(),
            heard: now,
            closed: None,
            events: VecDeque::from([SolEvent::Opened { characters }]),
        }
    }

    pub(crate) fn room(&self) -> usize {
        self.sender.room()
    }

    /// Characters that were written and not yet accepted.
    pub(crate) fn waiting(&self) -> usize {
        self.sender.waiting()
    }

    pub(crate) fn write(&mut self, now: Instant, characters: &[u8]) -> usize {
        self.sender.write(now, characters)
    }

    pub(crate) fn send_break(&mut self) {
        self.sender.mark(operation::BREAK);
    }

    /// Drops what waits at either end.
    pub(crate) fn flush(&mut self) {
        self.sender.flush();
        self.sender.mark(operation::FLUSH_INBOUND | operation::FLUSH_OUTBOUND);
    }

    /// Holds the system's output, or no longer.
    pub(crate) fn pause(&mut self, paused: bool) {
        if self.paused != paused {
            self.paused = paused;
            // A packet that says so, even if there is nothing else to say.
            self.sender.mark(0);
        }
    }

    /// Why it is closed; nothing comes of it then.
    pub(crate) fn closed(&self) -> Option<SolClosed> {
        self.closed
    }

    /// Takes a payload that came under session sequence number `order`.
    pub(crate) fn receive(&mut self, now: Instant, order: u32, payload: &[u8]) -> Result<(), Fault> {
        let packet = SolPacket::decode(payload)?;
        self.heard = now;
        if packet.acknowledged != 0 {
            let refused = packet.flags & status::NACK != 0;
            self.sender.acknowledged(now, order, packet.acknowledged, packet.accepted, refused);
        }
        if self.status_of.is_none_or(|seen| is_later(order, seen)) {
            self.status_of = Some(order);
            self.take_availability(packet.flags & status::UNAVAILABLE != 0);
        }
        let intake = match packet.sequence {
            0 => None,
            _ => {
                let room = if self.paused { 0 } else { usize::MAX };
                self.receiver.take(now, order, &packet, room)
            }
        };
        if packet.sequence == 0 || intake.is_some_and(|intake| intake.fresh) {
            self.take_status(packet.flags);
        }
        if let Some(intake) = intake {
            if !intake.characters.is_empty() {
                self.events.push_back(SolEvent::Data(intake.characters.to_vec()));
            }
            self.acknowledgement = Some(intake.acknowledgement);
        }
        if packet.flags & status::DEACTIVATED != 0 {
            self.closed = Some(SolClosed::Deactivated);
        }
        Ok(())
    }

    fn take_availability(&mut self, unavailable: bool) {
        if self.unavailable != unavailable {
            self.unavailable = unavailable;
            self.events.push_back(match unavailable {
                true => SolEvent::Unavailable,
                false => SolEvent::Available,
            });
            if !unavailable {
                self.sender.resume();
            }
        }
    }

    fn take_status(&mut self, flags: u8) {
        if flags & status::OVERRUN != 0 {
            self.events.push_back(SolEvent::Overrun);
        }
        if flags & status::BREAK != 0 {
            self.events.push_back(SolEvent::Break);
        }
    }

    /// Acts on a deadline that passed.
    pub(crate) fn wake(&mut self, now: Instant) {
        if self.sender.is_exhausted(now) {
            self.closed = Some(SolClosed::Unacknowledged);
            return;
        }
        if self.probe_due().is_some_and(|due| due <= now) {
            self.heard = now;
            match self.probe {
                SerialProbe::None => {}
                SerialProbe::Empty => self.sender.mark(0),
                SerialProbe::Nul => {
                    self.sender.write(now, &[0]);
                }
            }
        }
    }

    fn probe_due(&self) -> Option<Instant> {
        let wanted = self.probe != SerialProbe::None && !self.unavailable;
        wanted.then(|| self.heard + self.probe_every)
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        let wakes = self.sender.next_wake().into_iter().chain(self.probe_due());
        if self.closed.is_some() { None } else { wakes.min() }
    }

    /// The payload to send now.
    pub(crate) fn next_payload(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.closed.is_some() {
            return None;
        }
        let held = if self.paused { operation::CTS_PAUSE } else { 0 };
        if let Some(Acknowledgement { sequence, accepted, refused }) = self.acknowledgement.take() {
            let nack = if refused { operation::NACK } else { 0 };
            let packet = SolPacket {
                sequence: 0,
                acknowledged: sequence,
                accepted,
                flags: held | nack,
                characters: &[],
            };
            return Some(packet.encode());
        }
        let transmission = self.sender.transmit(now)?;
        let packet = SolPacket {
            sequence: transmission.sequence,
            acknowledged: 0,
            accepted: 0,
            flags: held | transmission.flags,
            characters: transmission.characters,
        };
        Some(packet.encode())
    }

    pub(crate) fn next_event(&mut self) -> Option<SolEvent> {
        self.events.pop_front()
    }
}

/// Characters in a packet for a BMC that says that it takes payloads of `size` bytes. Many boards say nonsense: zero, or
/// the two bytes swapped. What cannot be is replaced by what all can take.
fn characters(size: u16) -> usize {
    /// Of a size that cannot be: fits even into what the swapped and the tiny sizes may have meant.
    const SAFE: usize = 32;
    /// No BMC's UDP payload is larger than an Ethernet frame.
    const PLAUSIBLE: std::ops::RangeInclusive<usize> = HEADER + 1..=1500;
    let size = usize::from(size);
    if !PLAUSIBLE.contains(&size) {
        return SAFE;
    }
    (size - HEADER).min(CHARACTERS_LIMIT)
}

#[cfg(test)]
mod tests;
