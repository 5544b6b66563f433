//! Reading one record, whole or in pieces.

use std::time::Duration;

use crate::command::{Command, RawCommand};
use crate::completion::CompletionCode;
use crate::fault::Fault;
use crate::procedure::{Answer, ProcedureError};
use crate::sel::commands::{GetSelEntry, ReserveSel, WHOLE_RECORD, code};
use crate::sel::{Entry, RECORD_LENGTH};

/// First piece asked for where a BMC does not give whole records (Xyratex, among others).
const PIECE: u8 = 8;

/// Smaller pieces are not tried.
const SMALLEST_PIECE: u8 = 2;

/// How often in a row a reservation may be lost before the record counts as unreadable.
const LOST_LIMIT: u32 = 8;

/// How often in a row a BMC may say that it is busy with the log.
const BUSY_LIMIT: u32 = 50;

/// How long to wait for a BMC that is busy with the log.
const BUSY_PAUSE: Duration = Duration::from_millis(200);

/// What the purpose of these commands is called in errors.
pub(super) const READ_RECORD: &str = "read a record of the SEL";

/// What comes next of a [`Fetch`].
#[derive(Debug)]
pub(super) enum Progress {
    /// Ask [`Fetch::command`].
    Ask,
    /// Ask again after this time.
    Wait(Duration),
    /// The record and the id of the one behind it.
    Read(Entry, u16),
    /// There is no such record.
    Absent,
    /// The record cannot be read.
    Failed(ProcedureError),
}

/// Reads records one after the other; what it learns about the BMC from one holds for the next.
#[derive(Debug)]
pub(super) struct Fetch {
    record: u16,
    bytes: Vec<u8>,
    next: u16,
    /// Bytes asked for at once, at most.
    piece: u8,
    reservation: u16,
    reserving: bool,
    /// A record was read.
    proven: bool,
    lost: u32,
    busy: u32,
}

impl Fetch {
    pub(super) fn new() -> Self {
        Self {
            record: 0,
            bytes: Vec::new(),
            next: 0,
            piece: WHOLE_RECORD,
            reservation: 0,
            reserving: false,
            proven: false,
            lost: 0,
            busy: 0,
        }
    }

    /// Turns to the record with this id.
    pub(super) fn begin(&mut self, record: u16) {
        self.record = record;
        self.bytes.clear();
        self.lost = 0;
        self.busy = 0;
    }

    /// The id that was asked for.
    pub(super) fn record(&self) -> u16 {
        self.record
    }

    pub(super) fn command(&self) -> RawCommand {
        if self.reserving {
            return RawCommand::of(&ReserveSel);
        }
        let read = self.bytes.len() as u8;
        let whole = self.piece == WHOLE_RECORD && read == 0;
        let count = if whole { WHOLE_RECORD } else { self.piece.min(RECORD_LENGTH as u8 - read) };
        let reservation = if whole { 0 } else { self.reservation };
        RawCommand::of(&GetSelEntry { reservation, record: self.record, offset: read, count })
    }

    pub(super) fn answer(&mut self, answer: Answer<'_>) -> Progress {
        if self.reserving {
            // A BMC without reservations, or that keeps them to operators, is read without one.
            self.reservation = answer.read::<ReserveSel>("reserve the SEL").unwrap_or(0);
            self.reserving = false;
            return Progress::Ask;
        }
        match answer.code {
            CompletionCode::OK => self.take(answer.data),
            CompletionCode::NOT_PRESENT => Progress::Absent,
            // The id is meant, once it is proven that the BMC has nothing against the form of the command.
            CompletionCode::PARAMETER_OUT_OF_RANGE | CompletionCode::INVALID_FIELD if self.proven => {
                Progress::Absent
            }
            CompletionCode::RESERVATION_LOST => self.restart(),
            CompletionCode::NODE_BUSY | code::ERASE_IN_PROGRESS if self.busy < BUSY_LIMIT => {
                self.busy += 1;
                Progress::Wait(BUSY_PAUSE)
            }
            CompletionCode::REQUEST_LENGTH_INVALID
            | CompletionCode::FIELD_LENGTH_EXCEEDED
            | CompletionCode::PARAMETER_OUT_OF_RANGE
            | CompletionCode::CANNOT_RETURN_LENGTH
            | CompletionCode::INVALID_FIELD
            | CompletionCode::UNSPECIFIED
                if self.piece > SMALLEST_PIECE =>
            {
                self.piece = if self.piece == WHOLE_RECORD { PIECE } else { self.piece / 2 };
                self.reserve()
            }
            code => {
                if !self.proven {
                    // Smaller pieces were no help.
                    self.piece = WHOLE_RECORD;
                }
                Progress::Failed(ProcedureError::Refused { doing: READ_RECORD, code })
            }
        }
    }

    fn take(&mut self, data: &[u8]) -> Progress {
        let part = match GetSelEntry::decode(data) {
            Ok(part) if !part.bytes.is_empty() => part,
            Ok(_) => return malformed(Fault::Truncated("SEL record")),
            Err(fault) => return malformed(fault),
        };
        let wanted = RECORD_LENGTH - self.bytes.len();
        self.bytes.extend(part.bytes.iter().take(wanted));
        self.next = part.next;
        match <&[u8; RECORD_LENGTH]>::try_from(self.bytes.as_slice()) {
            Ok(bytes) => {
                self.proven = true;
                Progress::Read(Entry::decode(bytes), self.next)
            }
            // More than asked for was cut off above, so less came: the rest needs a reservation.
            Err(_) if self.reservation == 0 => self.reserve(),
            Err(_) => Progress::Ask,
        }
    }

    /// Asks for a reservation, then for what is missing of the record.
    fn reserve(&mut self) -> Progress {
        self.reserving = true;
        Progress::Ask
    }

    /// The log changed: what was read of the record may belong to another one.
    fn restart(&mut self) -> Progress {
        self.lost += 1;
        if self.lost >= LOST_LIMIT {
            return Progress::Failed(ProcedureError::Unstable { doing: READ_RECORD, attempts: self.lost });
        }
        self.bytes.clear();
        self.reserve()
    }
}

fn malformed(fault: Fault) -> Progress {
    Progress::Failed(ProcedureError::Malformed { doing: READ_RECORD, fault })
}
