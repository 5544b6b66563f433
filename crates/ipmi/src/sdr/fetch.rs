//! One record from a BMC: whole, or in parts where the BMC wants it so.

use crate::command::Command;
use crate::completion::CompletionCode;
use crate::procedure::Answer;
use crate::sdr::commands::{GetSdr, SdrPart, SdrRange, WHOLE_RECORD};
use crate::sdr::record::HEADER_LENGTH;

/// The first size of parts in bytes: what BMCs with the smallest buffers give out.
const PART: u8 = 16;

/// The smallest size of parts that is tried.
const SMALLEST_PART: u8 = 4;

/// How the BMC gives out records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// Whole, in one reply.
    Whole,
    /// In parts of this size.
    Parts(u8),
}

/// What became of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progress {
    /// More of the record is to be read.
    More,
    /// The record is read. `bytes` ends early where the BMC gives out no more.
    Done {
        /// The record.
        bytes: Vec<u8>,
        /// The record behind it.
        next: u16,
    },
    /// The reservation is gone; the record must be begun anew.
    ReservationLost,
    /// The BMC does not give the record out.
    Refused(CompletionCode),
}

/// Reads record after record, and remembers how the BMC wants it.
#[derive(Debug)]
pub(super) struct Fetch {
    plan: Plan,
    /// Read so far of this record.
    bytes: Vec<u8>,
    next: u16,
    /// The whole record was asked for and came short; its parts are tried.
    short: bool,
}

impl Fetch {
    pub(super) fn new() -> Self {
        Self { plan: Plan::Whole, bytes: Vec::new(), next: 0, short: false }
    }

    /// Forgets what was read of the record.
    pub(super) fn restart(&mut self) {
        self.bytes.clear();
        self.short = false;
    }

    /// What to ask next.
    pub(super) fn range(&self, reservation: u16, record: u16) -> SdrRange {
        let count = match self.plan {
            Plan::Whole => WHOLE_RECORD,
            // A part that reaches beyond the record is refused by some, so its length must be known first.
            Plan::Parts(size) => match self.length() {
                None => (HEADER_LENGTH - self.bytes.len()).min(usize::from(size)) as u8,
                Some(length) => (length - self.bytes.len()).min(usize::from(size)) as u8,
            },
        };
        // A record has at most 5 + 255 bytes; what lies beyond offset 255 cannot be asked for.
        SdrRange { reservation, record, offset: self.bytes.len().min(255) as u8, count }
    }

    /// Takes the answer.
    pub(super) fn take(&mut self, answer: Answer<'_>) -> Progress {
        let part = match answer.code {
            CompletionCode::OK => {
                GetSdr::decode(answer.data).unwrap_or(SdrPart { next: self.next, data: Vec::new() })
            }
            CompletionCode::RESERVATION_LOST => {
                self.restart();
                return Progress::ReservationLost;
            }
            code => return self.refused(code),
        };
        self.next = part.next;
        let whole = self.plan == Plan::Whole;
        let room = match self.plan {
            Plan::Whole => usize::MAX,
            Plan::Parts(_) => usize::from(self.range(0, 0).count),
        };
        self.bytes.extend(part.data.iter().take(room));
        if let Some(length) = self.length().filter(|length| self.bytes.len() >= *length) {
            self.bytes.truncate(length);
            return self.done();
        }
        if whole {
            self.short = true;
            self.plan = Plan::Parts(PART);
            return Progress::More;
        }
        if part.data.is_empty() || self.bytes.len() > usize::from(u8::MAX) {
            return self.ended_early(CompletionCode::UNSPECIFIED);
        }
        self.short = false;
        Progress::More
    }

    /// The record's length with its header, once that is read.
    fn length(&self) -> Option<usize> {
        Some(HEADER_LENGTH + usize::from(*self.bytes.get(HEADER_LENGTH - 1)?))
    }

    fn refused(&mut self, code: CompletionCode) -> Progress {
        let too_much = matches!(
            code,
            CompletionCode::CANNOT_RETURN_LENGTH
                | CompletionCode::FIELD_LENGTH_EXCEEDED
                | CompletionCode::UNSPECIFIED
        );
        match self.plan {
            Plan::Whole if too_much => {
                self.plan = Plan::Parts(PART);
                Progress::More
            }
            Plan::Parts(size) if too_much && size > SMALLEST_PART => {
                self.plan = Plan::Parts(size / 2);
                Progress::More
            }
            _ => self.ended_early(code),
        }
    }

    /// The BMC gives out no more of the record: that is an end if there is anything to make sense of.
    fn ended_early(&mut self, code: CompletionCode) -> Progress {
        if self.bytes.len() <= HEADER_LENGTH {
            self.restart();
            return Progress::Refused(code);
        }
        if self.short {
            // The parts gave nothing that the whole did not: it is this record that is short, not the replies.
            self.plan = Plan::Whole;
        }
        self.done()
    }

    fn done(&mut self) -> Progress {
        self.short = false;
        Progress::Done { bytes: std::mem::take(&mut self.bytes), next: self.next }
    }
}
