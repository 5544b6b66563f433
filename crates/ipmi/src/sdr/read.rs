//! Reading all records of a BMC.

use std::collections::HashSet;
use std::sync::Arc;

use crate::command::{Command, DeviceId, GetDeviceId, RawCommand};
use crate::completion::CompletionCode;
use crate::procedure::{Answer, Procedure, ProcedureError, Turn};
use crate::sdr::commands::{
    FIRST_RECORD, GetDeviceSdr, GetDeviceSdrInfo, GetSdr, GetSdrRepositoryInfo, LAST_RECORD,
    ReserveDeviceSdrRepository, ReserveSdrRepository,
};
use crate::sdr::fetch::{Fetch, Progress};
use crate::sdr::repository::holds;
use crate::sdr::{Record, RecordBody, SdrFlaw, SdrKey, SdrRepository, SdrStamp};

/// What the procedure is for, in errors.
const DOING: &str = "read the sensor data records";

/// Records that are read at most. Large servers have a few hundred; the limit bounds memory where a BMC makes them up.
const RECORD_LIMIT: usize = 4096;

/// How often the reservation may be lost at one record: other consoles that read at the same time take it away.
const LOST_LIMIT: u32 = 16;

/// How often reading begins anew because the records changed under way.
const ATTEMPTS: u32 = 3;

/// How often a record is asked for that the BMC did not find in time.
const TIMEOUT_TRIES: u32 = 3;

/// Flaws kept of one reading; a BMC with more of them has told enough.
const FLAW_LIMIT: usize = 32;

/// Bit of [`DeviceId::additional_support`]: the BMC has an SDR repository.
const REPOSITORY_DEVICE: u8 = 0x02;

/// Where the records are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// In the SDR repository, for the whole machine.
    Repository,
    /// In the controller, for its own sensors.
    Device,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    DeviceId,
    Info,
    Reserve,
    Record,
    /// Info once more: did the records change while they were read?
    Confirm,
}

/// Reads all sensor data records, whatever else happens to them meanwhile.
///
/// The output is the repository that was handed in, the very same [`Arc`], where the BMC says that its records are still
/// those; that takes two commands.
#[derive(Debug)]
pub struct ReadSdr {
    cached: Option<Arc<SdrRepository>>,
    step: Step,
    source: Source,
    device: Option<DeviceId>,
    stamp: Option<SdrStamp>,
    reservation: u16,
    fetch: Fetch,
    /// The record that is being read.
    asked: u16,
    records: Vec<Record>,
    /// Ids that were asked for or answered.
    seen: HashSet<u16>,
    flaws: Vec<SdrFlaw>,
    /// A record could not be read, and whatever stands behind it.
    incomplete: bool,
    lost: u32,
    timeouts: u32,
    attempts: u32,
    outcome: Option<Result<Arc<SdrRepository>, ProcedureError>>,
}

impl ReadSdr {
    /// Reads them, unless `cached`, from an earlier reading, still holds.
    pub fn new(cached: Option<Arc<SdrRepository>>) -> Self {
        Self {
            cached,
            step: Step::DeviceId,
            source: Source::Repository,
            device: None,
            stamp: None,
            reservation: 0,
            fetch: Fetch::new(),
            asked: FIRST_RECORD,
            records: Vec::new(),
            seen: HashSet::new(),
            flaws: Vec::new(),
            incomplete: false,
            lost: 0,
            timeouts: 0,
            attempts: 1,
            outcome: None,
        }
    }

    fn begin_anew(&mut self) {
        self.fetch.restart();
        self.asked = FIRST_RECORD;
        self.records.clear();
        self.seen.clear();
        self.flaws.clear();
        self.incomplete = false;
        self.lost = 0;
        self.timeouts = 0;
    }

    fn key(&self) -> Option<SdrKey> {
        Some(SdrKey::new(self.device.as_ref()?, self.stamp?))
    }

    /// The records that the BMC claims to have.
    fn claimed(&self) -> Option<u16> {
        match self.stamp? {
            SdrStamp::Repository { records, .. } => Some(records),
            SdrStamp::Device { .. } => None,
        }
    }

    fn flaw(&mut self, flaw: SdrFlaw) {
        if self.flaws.len() < FLAW_LIMIT {
            self.flaws.push(flaw);
        }
    }

    fn take_device_id(&mut self, answer: Answer<'_>) {
        self.device = answer.read::<GetDeviceId>(DOING).ok();
        if self
            .device
            .is_some_and(|id| id.provides_device_sdrs && id.additional_support & REPOSITORY_DEVICE == 0)
        {
            self.source = Source::Device;
        }
        self.step = Step::Info;
    }

    fn read_stamp(&self, answer: Answer<'_>) -> Option<SdrStamp> {
        Some(match self.source {
            Source::Repository => {
                let info = answer.read::<GetSdrRepositoryInfo>(DOING).ok()?;
                SdrStamp::Repository {
                    records: info.records,
                    last_addition: info.last_addition,
                    last_erase: info.last_erase,
                }
            }
            Source::Device => {
                let info = answer.read::<GetDeviceSdrInfo>(DOING).ok()?;
                SdrStamp::Device { sensors: info.sensors, change: info.change }
            }
        })
    }

    /// At the beginning, and again whenever the reservation was lost. A BMC without this command is read all the same.
    fn take_info(&mut self, answer: Answer<'_>) {
        let stamp = self.read_stamp(answer);
        if stamp != self.stamp && !self.records.is_empty() && !self.try_again() {
            return;
        }
        self.stamp = stamp;
        match holds(self.cached.as_ref(), self.key()) {
            Some(repository) => self.outcome = Some(Ok(repository)),
            None => self.step = Step::Reserve,
        }
    }

    /// The records changed while they were read: begins anew, a few times.
    fn try_again(&mut self) -> bool {
        self.attempts += 1;
        if self.attempts > ATTEMPTS {
            self.flaw(SdrFlaw::Unsteady);
            self.incomplete = true;
            self.finish();
            return false;
        }
        self.begin_anew();
        true
    }

    fn take_record(&mut self, answer: Answer<'_>) {
        match self.fetch.take(answer) {
            Progress::More => {}
            Progress::Done { bytes, next } => self.keep(&bytes, next),
            Progress::ReservationLost => {
                self.lost += 1;
                if self.lost > LOST_LIMIT {
                    self.outcome = Some(Err(ProcedureError::Unstable { doing: DOING, attempts: self.lost }));
                }
                self.step = Step::Info;
            }
            Progress::Refused(code) => self.refused(code),
        }
    }

    fn keep(&mut self, bytes: &[u8], next: u16) {
        let header: Option<(u16, u8)> = match bytes {
            [low, high, _, _, length, ..] => Some((u16::from_le_bytes([*low, *high]), *length)),
            _ => None,
        };
        let answered = header.map_or(self.asked, |(id, _)| id);
        let id = if self.asked == FIRST_RECORD { answered } else { self.asked };
        let past_count = self.claimed().is_some_and(|claimed| self.records.len() >= usize::from(claimed));
        match Record::decode(id, bytes) {
            // Some BMCs give out their last record for every id behind it.
            Ok(record) if past_count && self.records.iter().any(|known| known.body == record.body) => {
                self.flaw(SdrFlaw::NoEnd { record: id });
                return self.confirm();
            }
            Ok(record) => {
                if answered != id {
                    self.flaw(SdrFlaw::OtherId { asked: id, answered });
                }
                if let RecordBody::Opaque { fault: Some(fault), .. } = record.body {
                    self.flaw(SdrFlaw::Malformed { record: id, fault });
                }
                if let Some((_, length)) = header.filter(|(_, length)| usize::from(*length) + 5 > bytes.len())
                {
                    let claimed = u16::from(length) + 5;
                    self.flaw(SdrFlaw::Length { record: id, claimed, found: bytes.len() as u16 });
                }
                self.records.push(record);
            }
            Err(fault) => self.flaw(SdrFlaw::Malformed { record: id, fault }),
        }
        self.seen.extend([self.asked, id]);
        self.lost = 0;
        self.timeouts = 0;
        self.asked = next;
        if next == LAST_RECORD {
            return self.confirm();
        }
        if self.seen.contains(&next) {
            self.flaw(SdrFlaw::NoEnd { record: id });
            return self.confirm();
        }
        if self.seen.len() > 2 * RECORD_LIMIT || self.records.len() >= RECORD_LIMIT {
            self.flaw(SdrFlaw::TooMany(RECORD_LIMIT));
            self.confirm();
        }
    }

    fn refused(&mut self, code: CompletionCode) {
        let read = self.records.len();
        if read == 0 {
            return self.first_refused(code);
        }
        let claimed = self.claimed().map(usize::from);
        if claimed.is_some_and(|claimed| read >= claimed) {
            // Where the count says that this is the end, the record before only failed to say so.
            self.flaw(SdrFlaw::NoEnd { record: self.asked });
            return self.confirm();
        }
        self.timeouts += 1;
        if code == CompletionCode::PROCESSING_TIMEOUT && self.timeouts < TIMEOUT_TRIES {
            return;
        }
        self.flaw(SdrFlaw::Unreadable { record: self.asked, code });
        // A BMC that always fails at the last record fails at it next time too.
        self.incomplete = claimed != Some(read + 1);
        self.confirm();
    }

    /// The BMC gave out no record at all: it may keep them elsewhere, or have none.
    fn first_refused(&mut self, code: CompletionCode) {
        let device_has_some = self.device.is_some_and(|id| id.provides_device_sdrs);
        if self.source == Source::Repository && device_has_some {
            self.source = Source::Device;
            self.stamp = None;
            self.step = Step::Info;
        } else if code == CompletionCode::NOT_PRESENT {
            self.confirm();
        } else {
            self.outcome = Some(Err(ProcedureError::Refused { doing: DOING, code }));
        }
    }

    fn confirm(&mut self) {
        match self.stamp {
            Some(_) => self.step = Step::Confirm,
            None => self.finish(),
        }
    }

    fn take_confirmation(&mut self, answer: Answer<'_>) {
        let stamp = self.read_stamp(answer);
        if stamp == self.stamp {
            self.finish();
        } else if self.try_again() {
            self.stamp = stamp;
            self.step = Step::Reserve;
        }
    }

    fn finish(&mut self) {
        let found = self.records.len() as u16;
        if let Some(claimed) = self.claimed().filter(|claimed| *claimed != found && !self.incomplete) {
            self.flaw(SdrFlaw::Count { claimed, found });
        }
        let key = self.key().filter(|_| !self.incomplete);
        let records = std::mem::take(&mut self.records);
        let flaws = std::mem::take(&mut self.flaws);
        self.outcome = Some(Ok(Arc::new(SdrRepository::new(key, records, flaws))));
    }
}

impl Procedure for ReadSdr {
    type Output = Arc<SdrRepository>;

    fn next(&mut self) -> Turn<Arc<SdrRepository>> {
        if let Some(outcome) = self.outcome.take() {
            return Turn::Done(outcome);
        }
        let range = self.fetch.range(self.reservation, self.asked);
        Turn::Ask(match (self.step, self.source) {
            (Step::DeviceId, _) => RawCommand::of(&GetDeviceId),
            (Step::Info | Step::Confirm, Source::Repository) => RawCommand::of(&GetSdrRepositoryInfo),
            (Step::Info | Step::Confirm, Source::Device) => RawCommand::of(&GetDeviceSdrInfo),
            (Step::Reserve, Source::Repository) => RawCommand::of(&ReserveSdrRepository),
            (Step::Reserve, Source::Device) => RawCommand::of(&ReserveDeviceSdrRepository),
            (Step::Record, Source::Repository) => RawCommand::of(&GetSdr(range)),
            (Step::Record, Source::Device) => RawCommand::of(&GetDeviceSdr(range)),
        })
    }

    fn answer(&mut self, answer: Answer<'_>) {
        match self.step {
            Step::DeviceId => self.take_device_id(answer),
            Step::Info => self.take_info(answer),
            Step::Reserve => {
                // A BMC without reservations takes 0.
                let reserved = answer.code.is_ok().then(|| ReserveSdrRepository::decode(answer.data).ok());
                self.reservation = reserved.flatten().unwrap_or(0);
                self.step = Step::Record;
            }
            Step::Record => self.take_record(answer),
            Step::Confirm => self.take_confirmation(answer),
        }
    }
}

#[cfg(test)]
mod tests;
