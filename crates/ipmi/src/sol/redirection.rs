//! The BMC's end of an active SOL payload: between the system's serial port and a console.

use std::time::Instant;

use crate::fault::Fault;
use crate::sol::packet::{SolPacket, operation, status};
use crate::sol::receiver::{Acknowledgement, Receiver, is_later};
use crate::sol::sender::{Gather, Retry, Sender};

/// Characters of the system that may wait; beyond this they are lost, and the console is told.
pub(crate) const OUTPUT_LIMIT: usize = 16 * 1024;

/// Faults that a BMC shows on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Faults {
    /// No input is acknowledged or taken.
    pub(crate) deaf: bool,
    /// Takes a first packet of this number for a copy of one that came before, and says nothing to it.
    pub(crate) stale: Option<u8>,
}

/// What a console's packet means for the system.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Input {
    /// Send a break, before the characters.
    pub(crate) sends_break: bool,
    /// Characters to write to the system's serial port.
    pub(crate) characters: Vec<u8>,
}

/// The BMC's end of an active SOL payload.
#[derive(Debug)]
pub(crate) struct Redirection {
    sender: Sender,
    receiver: Receiver,
    acknowledgement: Option<Acknowledgement>,
    /// The system is off or in reset.
    unavailable: bool,
    deactivated: bool,
    /// The session sequence number of the packet whose CTS bit was looked at last.
    held_by: Option<u32>,
    faults: Faults,
}

impl Redirection {
    /// `characters`: in one packet.
    pub(crate) fn new(now: Instant, characters: usize, retry: Retry, gather: Gather, faults: Faults) -> Self {
        Self {
            sender: Sender::new(now, OUTPUT_LIMIT, characters, retry, gather),
            receiver: Receiver::default(),
            acknowledgement: None,
            unavailable: false,
            deactivated: false,
            held_by: None,
            faults,
        }
    }

    /// The system wrote this. What does not fit is lost.
    pub(crate) fn output(&mut self, now: Instant, characters: &[u8]) {
        if self.sender.write(now, characters) < characters.len() {
            self.sender.mark(status::OVERRUN);
        }
    }

    /// How many more of the system's characters can wait.
    pub(crate) fn room(&self) -> usize {
        self.sender.room()
    }

    /// The system sent a break.
    pub(crate) fn output_break(&mut self) {
        self.sender.mark(status::BREAK);
    }

    /// The system is off or in reset, or no longer.
    pub(crate) fn set_unavailable(&mut self, unavailable: bool) {
        if self.unavailable != unavailable {
            self.unavailable = unavailable;
            // A packet that says so, even if there is nothing else to say.
            self.sender.mark(0);
        }
    }

    /// The payload that tells the console that it is closed. Nothing comes after it.
    pub(crate) fn deactivate(&mut self) -> Vec<u8> {
        self.deactivated = true;
        let flags = status::DEACTIVATED;
        SolPacket { sequence: 0, acknowledged: 0, accepted: 0, flags, characters: &[] }.encode()
    }

    /// Takes a payload that came under session sequence number `order`.
    pub(crate) fn receive(&mut self, now: Instant, order: u32, payload: &[u8]) -> Result<Input, Fault> {
        let packet = SolPacket::decode(payload)?;
        if packet.acknowledged != 0 {
            let refused = packet.flags & operation::NACK != 0;
            self.sender.acknowledged(now, order, packet.acknowledged, packet.accepted, refused);
        }
        if self.held_by.is_none_or(|seen| is_later(order, seen)) {
            self.held_by = Some(order);
            let held = packet.flags & operation::CTS_PAUSE != 0;
            self.sender.stop(held);
            if !held && packet.flags & operation::NACK == 0 {
                self.sender.resume();
            }
        }
        if packet.sequence == 0 || self.faults.deaf {
            return Ok(Input::default());
        }
        if self.faults.stale == Some(packet.sequence) {
            return Ok(Input::default());
        }
        self.faults.stale = None;
        let room = if self.unavailable { 0 } else { usize::MAX };
        let Some(intake) = self.receiver.take(now, order, &packet, room) else { return Ok(Input::default()) };
        self.acknowledgement = Some(intake.acknowledgement);
        if intake.fresh && packet.flags & operation::FLUSH_OUTBOUND != 0 {
            self.sender.flush();
        }
        Ok(Input {
            sends_break: intake.fresh && packet.flags & operation::BREAK != 0,
            characters: intake.characters.to_vec(),
        })
    }

    /// Acts on a deadline that passed: a packet that is never acknowledged is dropped (table 26-5, parameter 4).
    pub(crate) fn wake(&mut self, now: Instant) {
        if self.sender.is_exhausted(now) && self.sender.give_up() {
            self.sender.mark_first(status::OVERRUN);
        }
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.sender.next_wake()
    }

    /// The payload to send now.
    pub(crate) fn next_payload(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.deactivated {
            return None;
        }
        let level = if self.unavailable { status::UNAVAILABLE } else { 0 };
        if let Some(Acknowledgement { sequence, accepted, refused }) = self.acknowledgement.take() {
            let nack = if refused { status::NACK } else { 0 };
            let flags = level | nack;
            let packet = SolPacket { sequence: 0, acknowledged: sequence, accepted, flags, characters: &[] };
            return Some(packet.encode());
        }
        let transmission = self.sender.transmit(now)?;
        let packet = SolPacket {
            sequence: transmission.sequence,
            acknowledged: 0,
            accepted: 0,
            flags: level | transmission.flags,
            characters: transmission.characters,
        };
        Some(packet.encode())
    }
}
