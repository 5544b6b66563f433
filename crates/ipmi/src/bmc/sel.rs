//! The BMC's System Event Log (IPMI 2.0 chapter 31).

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use crate::bmc::Bmc;
use crate::bmc::commands::{Access, Action, Answer, Caller, Handler, dataless, handler, untyped};
use crate::bmc::faults::SPAN_LIMIT;
use crate::command::netfn;
use crate::completion::CompletionCode;
use crate::privilege::PrivilegeLevel;
use crate::quirk::Quirk;
use crate::sel::commands::{
    AddSelEntry, DeleteSelEntry, Erasure, GetSelAllocationInfo, GetSelEntry, GetSelInfo, GetSelTime,
    GetSelTimeUtcOffset, InitiateErase, ReserveSel, SelAllocation, SelInfo, SetSelTimeUtcOffset, SetTime,
    UtcOffset, WHOLE_RECORD, code, decode_clear,
};
use crate::sel::{
    Entry, EventData, FIRST_RECORD, Generator, LAST_RECORD, RECORD_LENGTH, Record, SystemEvent, Timestamp,
};

/// Version of the commands: 1.5, which IPMI 2.0 keeps.
const VERSION: u8 = 0x51;

/// Where a record has its type, and one that means nothing.
const RECORD_TYPE_AT: usize = 2;
const RESERVED_TYPE: u8 = 0x33;

/// The largest record id.
const LARGEST_ID: u16 = 0xFFFE;

/// Most records of a log, whatever the configuration says: ids must stay free for new ones.
const CAPACITY_LIMIT: u16 = 0x7FFF;

/// The log that a BMC starts with, and what it does when the log is full.
#[derive(Debug, Clone)]
pub struct SelConfig {
    /// Records that are there from the beginning, the oldest first. Copied when the log first changes, so that many
    /// BMCs can share them.
    pub records: Arc<VecDeque<Entry>>,
    /// How many records there is room for: 1 to 32,767.
    pub capacity: u16,
    /// What happens to further ones.
    pub when_full: WhenFull,
    /// What the BMC's clock shows when. Without it the clock counts from the BMC's first command, as on a BMC that
    /// nobody has told the time.
    pub clock: Option<SelClock>,
}

/// What a BMC does with a record for which there is no room. Either way it sets the overflow flag until it is cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WhenFull {
    /// The record is lost; Add SEL Entry answers "out of space" (C4h).
    Refuse,
    /// The oldest record is lost.
    DropOldest,
}

/// What a BMC's clock shows at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SelClock {
    /// The instant.
    pub at: Instant,
    /// Seconds since 1970-01-01 00:00 UTC.
    pub seconds: u32,
}

impl Default for SelConfig {
    /// An empty log for 512 records that refuses further ones, and a clock that was not set.
    fn default() -> Self {
        Self { records: Arc::default(), capacity: 512, when_full: WhenFull::Refuse, clock: None }
    }
}

impl SelConfig {
    /// A log with some records of each kind that servers write, one copy for all BMCs of the process.
    pub fn sample() -> Self {
        static RECORDS: LazyLock<Arc<VecDeque<Entry>>> = LazyLock::new(|| Arc::new(sample_records()));
        Self { records: Arc::clone(&RECORDS), ..Self::default() }
    }
}

/// A log as a server of some age has it: a boot, a supply that lost its input, memory errors, a shutdown.
fn sample_records() -> VecDeque<Entry> {
    /// 2026-03-02 08:00:00 UTC.
    const DAY: u32 = 1_772_438_400;
    // Sensor numbers are those of the sample of sensors.
    let event = SystemEvent::of_bmc;
    let firmware = |data| event(0x0F, 0x00, 0x6F, data).from(Generator::SYSTEM_FIRMWARE);
    let records = [
        // Before the clock was set: 12 seconds after the BMC's start.
        (12, event(0x10, 0x70, 0x6F, [0x02, 0xFF, 0xFF])),
        (14, event(0x05, 0x58, 0x6F, [0x00, 0xFF, 0xFF]).deasserted()),
        (DAY, event(0x12, 0x73, 0x6F, [0xC5, 0x00, 0xFF])),
        (DAY + 9, firmware([0xC2, 0x01, 0xFF])),
        (DAY + 31, firmware([0xC2, 0x13, 0xFF])),
        (DAY + 88, event(0x1F, 0x00, 0x6F, [0x01, 0xFF, 0xFF]).from(Generator::SYSTEM_SOFTWARE)),
        (DAY + 90_061, event(0x01, 0x01, 0x01, [0x57, 0x2B, 0x2A])),
        (DAY + 90_400, event(0x01, 0x01, 0x01, [0x57, 0x26, 0x2A]).deasserted()),
        (DAY + 172_805, event(0x08, 0x51, 0x6F, [0x03, 0xFF, 0xFF])),
        (DAY + 172_806, event(0x09, 0x52, 0x0B, [0x01, 0xFF, 0xFF])),
        (DAY + 173_900, event(0x08, 0x51, 0x6F, [0x03, 0xFF, 0xFF]).deasserted()),
        (DAY + 173_901, event(0x09, 0x52, 0x0B, [0x00, 0xFF, 0xFF])),
        (DAY + 400_123, event(0x0C, 0x68, 0x6F, [0x30, 0xFF, 0x03]).from(Generator::SYSTEM_FIRMWARE)),
        (DAY + 400_987, event(0x04, 0x11, 0x01, [0x52, 0x00, 0x05])),
        (DAY + 401_200, event(0x23, 0x71, 0x6F, [0xC1, 0x24, 0xFF])),
    ];
    let events = records.into_iter().map(|(time, event)| Record::Event(event).at(Timestamp(time)));
    let oem = [
        Record::TimestampedOem {
            record_type: 0xC0,
            time: Timestamp(DAY + 401_260),
            manufacturer: 7154,
            data: [0x01, 0x02, 0x03, 0x04, 0x05, 0x06],
        },
        Record::Oem { record_type: 0xE0, data: *b"console text " },
    ];
    (1..).zip(events.chain(oem)).map(|(id, record)| Entry { id, record }).collect()
}

/// The log with its clock.
#[derive(Debug)]
pub(super) struct SystemEventLog {
    records: Arc<VecDeque<Entry>>,
    capacity: u16,
    when_full: WhenFull,
    clock: Option<SelClock>,
    utc_offset: UtcOffset,
    reservation: u16,
    reserved: bool,
    overflow: bool,
    last_addition: Timestamp,
    last_erase: Timestamp,
    /// Until when the log is being erased.
    erasing: Option<Instant>,
}

impl SystemEventLog {
    pub(super) fn new(config: &SelConfig) -> Self {
        let last = config.records.iter().rev().find_map(|entry| entry.record.time());
        Self {
            records: Arc::clone(&config.records),
            capacity: config.capacity.clamp(1, CAPACITY_LIMIT),
            when_full: config.when_full,
            clock: config.clock,
            utc_offset: UtcOffset::Unspecified,
            reservation: 0,
            reserved: false,
            overflow: false,
            last_addition: last.unwrap_or(Timestamp::INVALID),
            last_erase: Timestamp::INVALID,
            erasing: None,
        }
    }

    fn time(&mut self, now: Instant) -> Timestamp {
        let clock = *self.clock.get_or_insert(SelClock { at: now, seconds: 0 });
        let passed = now.saturating_duration_since(clock.at).as_secs();
        Timestamp((u64::from(clock.seconds) + passed) as u32)
    }

    /// Appends a record; `None` where there is no room.
    fn add(&mut self, now: Instant, record: Record) -> Option<u16> {
        let time = self.time(now);
        self.finish_erasing(now);
        if self.records.len() >= usize::from(self.capacity) {
            self.overflow = true;
            match self.when_full {
                WhenFull::Refuse => return None,
                WhenFull::DropOldest => Arc::make_mut(&mut self.records).pop_front(),
            };
        }
        let id = self.free_id();
        Arc::make_mut(&mut self.records).push_back(Entry { id, record: record.at(time) });
        self.last_addition = time;
        self.reserved = false;
        Some(id)
    }

    /// The id behind the newest one, beginning again at 1, that no record has.
    fn free_id(&self) -> u16 {
        let successor = |id: u16| if id >= LARGEST_ID { 1 } else { id + 1 };
        let mut id = successor(self.records.back().map_or(0, |entry| entry.id));
        while self.records.iter().any(|entry| entry.id == id) {
            id = successor(id);
        }
        id
    }

    fn position(&self, record: u16) -> Result<usize, CompletionCode> {
        let position = match record {
            FIRST_RECORD if !self.records.is_empty() => Some(0),
            LAST_RECORD => self.records.len().checked_sub(1),
            _ => self.records.iter().position(|entry| entry.id == record),
        };
        position.ok_or(CompletionCode::NOT_PRESENT)
    }

    fn check_reservation(&self, reservation: u16) -> Result<(), CompletionCode> {
        let holds = self.reserved && reservation == self.reservation;
        if holds { Ok(()) } else { Err(CompletionCode::RESERVATION_LOST) }
    }

    fn check_erasing(&mut self, now: Instant) -> Result<(), CompletionCode> {
        self.finish_erasing(now);
        if self.erasing.is_some() { Err(code::ERASE_IN_PROGRESS) } else { Ok(()) }
    }

    fn finish_erasing(&mut self, now: Instant) {
        if self.erasing.is_some_and(|until| until <= now) {
            self.erasing = None;
        }
    }

    fn info(&self) -> SelInfo {
        SelInfo {
            version: VERSION,
            entries: self.records.len() as u16,
            free: (self.free_records() * RECORD_LENGTH).min(0xFFFF) as u16,
            last_addition: self.last_addition,
            last_erase: self.last_erase,
            overflow: self.overflow,
            can_delete: true,
            can_add_partially: false,
            can_reserve: true,
            has_allocation_info: true,
        }
    }

    fn free_records(&self) -> usize {
        usize::from(self.capacity).saturating_sub(self.records.len())
    }

    fn allocation(&self) -> SelAllocation {
        let free = self.free_records() as u16;
        SelAllocation {
            units: self.capacity,
            unit_size: RECORD_LENGTH as u16,
            free_units: free,
            largest_free_block: free,
            longest_record: 1,
        }
    }

    fn reserve(&mut self) -> u16 {
        self.reservation = self.reservation.checked_add(1).unwrap_or(1);
        self.reserved = true;
        self.reservation
    }

    fn entry(&self, data: &[u8]) -> Answer {
        let &[r0, r1, i0, i1, offset, count] = data else {
            return Err(CompletionCode::REQUEST_LENGTH_INVALID);
        };
        if offset != 0 {
            self.check_reservation(u16::from_le_bytes([r0, r1]))?;
        }
        let position = self.position(u16::from_le_bytes([i0, i1]))?;
        let entry = self.records.get(position).ok_or(CompletionCode::NOT_PRESENT)?;
        let bytes = entry.encode();
        let rest = bytes
            .get(usize::from(offset)..)
            .filter(|rest| !rest.is_empty())
            .ok_or(CompletionCode::PARAMETER_OUT_OF_RANGE)?;
        let part = match count {
            WHOLE_RECORD => rest,
            count => rest.get(..usize::from(count)).ok_or(CompletionCode::CANNOT_RETURN_LENGTH)?,
        };
        let next = self.records.get(position + 1).map_or(LAST_RECORD, |entry| entry.id);
        let mut reply = next.to_le_bytes().to_vec();
        reply.extend_from_slice(part);
        Ok(reply)
    }

    fn delete(&mut self, now: Instant, data: &[u8]) -> Answer {
        let &[r0, r1, i0, i1] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
        self.check_reservation(u16::from_le_bytes([r0, r1]))?;
        let position = self.position(u16::from_le_bytes([i0, i1]))?;
        let entry = Arc::make_mut(&mut self.records).remove(position).ok_or(CompletionCode::NOT_PRESENT)?;
        self.last_erase = self.time(now);
        self.reserved = false;
        Ok(entry.id.to_le_bytes().to_vec())
    }

    fn clear(&mut self, now: Instant, takes: Duration, data: &[u8]) -> Answer {
        let (reservation, initiate) = decode_clear(data)?;
        if initiate {
            self.check_reservation(reservation)?;
            self.records = Arc::default();
            self.overflow = false;
            self.last_erase = self.time(now);
            self.reserved = false;
            self.erasing = Some(now + takes.min(SPAN_LIMIT));
        } else if reservation != self.reservation {
            // The erasure itself ends the reservation; the question how far it is still names it.
            return Err(CompletionCode::RESERVATION_LOST);
        }
        self.finish_erasing(now);
        let erasure = if self.erasing.is_some() { Erasure::InProgress } else { Erasure::Completed };
        Ok(erasure.encode())
    }
}

impl Bmc {
    /// Writes an event to the log, with the time that the BMC's clock shows at `now`, and returns the record's id;
    /// `None` where the log is full and [`WhenFull::Refuse`]s further records.
    pub fn log_event(&mut self, now: Instant, event: SystemEvent) -> Option<u16> {
        self.sel.add(now, Record::Event(event))
    }

    /// Records in the log.
    pub fn log_length(&self) -> usize {
        self.sel.records.len()
    }
}

/// Platform Event Message (section 29.3): an event from outside, to be logged.
const PLATFORM_EVENT_MESSAGE: Handler =
    untyped((netfn::SENSOR_EVENT, 0x02), Access::From(PrivilegeLevel::Operator), platform_event_message);

/// Get PEF Capabilities (section 30.1): version 1.5, no actions, no event filters.
const PEF_CAPABILITIES: Handler = Handler {
    netfn: netfn::SENSOR_EVENT,
    command: 0x10,
    access: Access::From(PrivilegeLevel::User),
    action: Action::WithoutData(|_, _| Ok(vec![VERSION, 0x00, 0x00])),
};

/// Get SDR Repository Time (section 33.17): the BMC has one clock.
const SDR_REPOSITORY_TIME: Handler = Handler { command: 0x28, ..dataless::<GetSelTime>(time) };

pub(super) const HANDLERS: &[Handler] = &[
    dataless::<GetSelInfo>(|bmc, _| Ok(bmc.sel.info().encode())),
    dataless::<GetSelAllocationInfo>(|bmc, _| Ok(bmc.sel.allocation().encode())),
    dataless::<ReserveSel>(reserve),
    handler::<GetSelEntry>(get_entry),
    handler::<AddSelEntry>(add_entry),
    handler::<DeleteSelEntry>(delete_entry),
    // Also answers the form that asks how far it is.
    handler::<InitiateErase>(|bmc, caller, data| {
        let takes = bmc.misbehaviour.faults.erase_time;
        bmc.sel.clear(caller.now, takes, data)
    }),
    dataless::<GetSelTime>(time),
    handler::<SetTime>(set_time),
    dataless::<GetSelTimeUtcOffset>(|bmc, _| Ok(bmc.sel.utc_offset.number().to_le_bytes().to_vec())),
    handler::<SetSelTimeUtcOffset>(set_utc_offset),
    PLATFORM_EVENT_MESSAGE,
    PEF_CAPABILITIES,
    SDR_REPOSITORY_TIME,
];

fn reserve(bmc: &mut Bmc, caller: Caller) -> Answer {
    bmc.sel.check_erasing(caller.now)?;
    Ok(bmc.sel.reserve().to_le_bytes().to_vec())
}

fn get_entry(bmc: &mut Bmc, caller: Caller, data: &[u8]) -> Answer {
    bmc.sel.check_erasing(caller.now)?;
    let mut reply = bmc.sel.entry(data)?;
    if bmc.config.quirks.contains(Quirk::AssumeSystemEvent) {
        // Behind the next record's id stands the part of the record from the asked offset on.
        let offset = data.get(4).copied().unwrap_or(0);
        let place = (2 + RECORD_TYPE_AT).checked_sub(usize::from(offset));
        if let Some(record_type) = place.and_then(|place| reply.get_mut(place)).filter(|byte| **byte == 0x02)
        {
            *record_type = RESERVED_TYPE;
        }
    }
    Ok(reply)
}

fn add_entry(bmc: &mut Bmc, caller: Caller, data: &[u8]) -> Answer {
    let bytes = <&[u8; RECORD_LENGTH]>::try_from(data).map_err(|_| CompletionCode::REQUEST_LENGTH_INVALID)?;
    let record = Entry::decode(bytes).record;
    if matches!(&record, Record::Event(event) if event.has_reserved_type()) {
        return Err(code::RECORD_TYPE_UNSUPPORTED);
    }
    let id = bmc.sel.add(caller.now, record).ok_or(CompletionCode::OUT_OF_SPACE)?;
    Ok(id.to_le_bytes().to_vec())
}

fn delete_entry(bmc: &mut Bmc, caller: Caller, data: &[u8]) -> Answer {
    bmc.sel.check_erasing(caller.now)?;
    bmc.sel.delete(caller.now, data)
}

fn time(bmc: &mut Bmc, caller: Caller) -> Answer {
    Ok(bmc.sel.time(caller.now).0.to_le_bytes().to_vec())
}

fn set_time(bmc: &mut Bmc, caller: Caller, data: &[u8]) -> Answer {
    let bytes = <[u8; 4]>::try_from(data).map_err(|_| CompletionCode::REQUEST_LENGTH_INVALID)?;
    bmc.sel.clock = Some(SelClock { at: caller.now, seconds: u32::from_le_bytes(bytes) });
    Ok(Vec::new())
}

fn set_utc_offset(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let bytes = <[u8; 2]>::try_from(data).map_err(|_| CompletionCode::REQUEST_LENGTH_INVALID)?;
    bmc.sel.utc_offset =
        UtcOffset::from_number(i16::from_le_bytes(bytes)).ok_or(CompletionCode::PARAMETER_OUT_OF_RANGE)?;
    Ok(Vec::new())
}

fn platform_event_message(bmc: &mut Bmc, caller: Caller, data: &[u8]) -> Answer {
    let (head, data) = data.split_first_chunk::<4>().ok_or(CompletionCode::REQUEST_LENGTH_INVALID)?;
    // A sender leaves out event data bytes that say nothing.
    let event_data = match *data {
        [one] => [one, 0xFF, 0xFF],
        [one, two] => [one, two, 0xFF],
        [one, two, three] => [one, two, three],
        _ => return Err(CompletionCode::REQUEST_LENGTH_INVALID),
    };
    let [revision, sensor_type, sensor_number, direction] = *head;
    let event = SystemEvent {
        revision,
        asserted: direction & 0x80 == 0,
        data: EventData(event_data),
        ..SystemEvent::of_bmc(sensor_type, sensor_number, direction, event_data)
    };
    let record = Record::Event(event.from(Generator::REMOTE_CONSOLE));
    bmc.sel.add(caller.now, record).map(|_| Vec::new()).ok_or(CompletionCode::OUT_OF_SPACE)
}

#[cfg(test)]
mod tests;
