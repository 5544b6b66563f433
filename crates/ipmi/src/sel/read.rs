//! Reading the log.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use crate::command::RawCommand;
use crate::procedure::{Answer, Procedure, ProcedureError, Turn};
use crate::sel::commands::{GetSelInfo, SelInfo};
use crate::sel::fetch::{Fetch, Progress};
use crate::sel::{Entry, FIRST_RECORD, LAST_RECORD};

/// How often reading begins anew because the log was changed under way.
const ATTEMPTS: u32 = 3;

/// Flaws kept of one reading; a BMC with more of them has told enough.
const FLAW_LIMIT: usize = 16;

/// Where to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record.
    First,
    /// So that the newest records come, this many at most.
    Last(u16),
    /// Behind this record, which an earlier reading gave: to follow the log. If it is no longer there, because the log
    /// was erased or has wrapped around, reading begins at the oldest record.
    After(Entry),
}

/// Something that is wrong with how a BMC keeps its log. What could be read was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SelFlaw {
    /// A record leads back to an earlier one.
    #[error("record {record:#06x} leads back to record {next:#06x}")]
    Loop {
        /// The record.
        record: u16,
        /// The id that it names as the next one.
        next: u16,
    },
    /// A record names a next one that is not there.
    #[error("record {record:#06x} leads to record {next:#06x}, which does not exist")]
    MissingNext {
        /// The record.
        record: u16,
        /// The id that it names as the next one.
        next: u16,
    },
    /// A record carries another id than the one under which it was read, which is kept.
    #[error("record {asked:#06x} says that it is record {answered:#06x}")]
    OtherId {
        /// The id under which it was read.
        asked: u16,
        /// The id that it carries.
        answered: u16,
    },
}

/// What [`ReadSel`] read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SelReading {
    /// The records, the oldest first.
    pub entries: Vec<Entry>,
    /// Whether the log was erased, or records were lost, since the reading began or since the record that it was to
    /// go on from. What was read before that is among `entries`.
    pub erased: bool,
    /// What is wrong with how the BMC keeps the log.
    pub flaws: Vec<SelFlaw>,
}

/// Reads the log, or a part of it, whatever else happens to the log meanwhile.
#[derive(Debug)]
pub struct ReadSel {
    start: Start,
    step: Step,
    fetch: Fetch,
    pause: Option<Duration>,
    /// What Get SEL Info said at the beginning.
    info: Option<SelInfo>,
    entries: VecDeque<Entry>,
    /// Ids read in this attempt, so that no chain of records is followed in circles.
    seen: HashSet<u16>,
    attempts: u32,
    erased: bool,
    flaws: Vec<SelFlaw>,
}

#[derive(Debug)]
enum Step {
    /// Get SEL Info, before all.
    Info,
    /// The newest record, to find where the last ones begin.
    Newest,
    /// Where the last ones begin if the ids have no gaps.
    Guess,
    /// The record to go on from.
    Known,
    /// Record by record.
    Walk,
    /// Get SEL Info again: the record is missing that should come next.
    Recheck(SelFlaw),
    Over(Option<Result<SelReading, ProcedureError>>),
}

impl ReadSel {
    /// Reads from `start` to the newest record.
    pub fn new(start: Start) -> Self {
        Self {
            start,
            step: Step::Info,
            fetch: Fetch::new(),
            pause: None,
            info: None,
            entries: VecDeque::new(),
            seen: HashSet::new(),
            attempts: 1,
            erased: false,
            flaws: Vec::new(),
        }
    }

    fn begin(&mut self) {
        let (step, record) = match &self.start {
            Start::First => (Step::Walk, FIRST_RECORD),
            Start::Last(0) => return self.end(),
            Start::Last(_) => (Step::Newest, LAST_RECORD),
            Start::After(known) => (Step::Known, known.id),
        };
        self.step = step;
        self.fetch.begin(record);
    }

    fn restart_at_first(&mut self) {
        self.seen.clear();
        self.step = Step::Walk;
        self.fetch.begin(FIRST_RECORD);
    }

    fn end(&mut self) {
        let reading = SelReading {
            entries: std::mem::take(&mut self.entries).into(),
            erased: self.erased,
            flaws: std::mem::take(&mut self.flaws),
        };
        self.step = Step::Over(Some(Ok(reading)));
    }

    fn flaw(&mut self, flaw: SelFlaw) {
        if self.flaws.len() < FLAW_LIMIT && !self.flaws.contains(&flaw) {
            self.flaws.push(flaw);
        }
    }

    fn read(&mut self, mut entry: Entry, next: u16) {
        let asked = self.fetch.record();
        if asked != FIRST_RECORD && asked != LAST_RECORD && entry.id != asked {
            self.flaw(SelFlaw::OtherId { asked, answered: entry.id });
            entry.id = asked;
        }
        match (&self.step, &self.start) {
            (Step::Newest, Start::Last(count)) => {
                let enough = self.info.is_some_and(|info| info.entries <= *count);
                match entry.id.checked_sub(count - 1) {
                    Some(guess) if !enough && guess > FIRST_RECORD => {
                        self.step = Step::Guess;
                        self.fetch.begin(guess);
                    }
                    _ => self.restart_at_first(),
                }
            }
            (Step::Known, Start::After(known)) if *known != entry => {
                self.erased = true;
                self.restart_at_first();
            }
            (Step::Known, _) => {
                self.step = Step::Walk;
                self.follow(entry.id, next);
            }
            _ => {
                let id = entry.id;
                self.entries.push_back(entry);
                if let Start::Last(count) = self.start
                    && self.entries.len() > usize::from(count)
                {
                    self.entries.pop_front();
                }
                self.follow(id, next);
            }
        }
    }

    /// Goes from record `id` to the one that it names as `next`.
    fn follow(&mut self, id: u16, next: u16) {
        self.seen.insert(id);
        if next == LAST_RECORD {
            return self.reach_end();
        }
        if next == FIRST_RECORD || self.seen.contains(&next) {
            self.flaw(SelFlaw::Loop { record: id, next });
            return self.reach_end();
        }
        self.fetch.begin(next);
    }

    fn reach_end(&mut self) {
        let guessed = matches!(self.step, Step::Guess);
        let wanted = match self.start {
            Start::Last(count) => usize::from(count),
            _ => 0,
        };
        if guessed && self.entries.len() < wanted {
            // The ids have gaps: only the whole chain tells which are the last ones.
            self.entries.clear();
            return self.restart_at_first();
        }
        self.end();
    }

    /// Whether the place to begin at is still to be found.
    fn seeks(&self) -> bool {
        matches!(self.step, Step::Known) || matches!(self.step, Step::Guess) && self.entries.is_empty()
    }

    fn absent(&mut self) {
        let record = self.fetch.record();
        match self.step {
            Step::Known => {
                self.erased = true;
                self.restart_at_first();
            }
            Step::Guess if self.entries.is_empty() => self.restart_at_first(),
            _ if record == FIRST_RECORD || record == LAST_RECORD => self.end(),
            _ => {
                let last = self.entries.back().map_or(FIRST_RECORD, |entry| entry.id);
                let flaw = SelFlaw::MissingNext { record: last, next: record };
                if self.info.is_some_and(|info| self.seen.len() >= usize::from(info.entries)) {
                    // All are read; some BMCs never say that a record is the last one.
                    self.flaw(flaw);
                    self.reach_end();
                } else {
                    self.step = Step::Recheck(flaw);
                }
            }
        }
    }

    /// A record was missing under way: was the log erased, or is it broken?
    fn recheck(&mut self, flaw: SelFlaw, now: Option<SelInfo>) {
        let erased = match (self.info, now) {
            (Some(before), Some(now)) => {
                before.last_erase != now.last_erase || usize::from(now.entries) < self.seen.len()
            }
            _ => false,
        };
        if self.attempts >= ATTEMPTS {
            self.erased |= erased;
            self.flaw(flaw);
            return self.end();
        }
        self.attempts += 1;
        if erased {
            self.erased = true;
        } else {
            // One record may have been deleted; the chain without it begins as before.
            self.entries.clear();
        }
        self.info = now;
        match (&self.start, erased) {
            (Start::After(_), false) => self.begin_again(),
            _ => self.restart_at_first(),
        }
    }

    fn begin_again(&mut self) {
        self.seen.clear();
        self.begin();
    }

    fn fail(&mut self, error: ProcedureError) {
        let empty = self.info.is_some_and(|info| info.entries == 0);
        if empty && self.entries.is_empty() {
            return self.end();
        }
        self.step = Step::Over(Some(Err(error)));
    }
}

impl Procedure for ReadSel {
    type Output = SelReading;

    fn next(&mut self) -> Turn<SelReading> {
        if let Some(pause) = self.pause.take() {
            return Turn::Wait(pause);
        }
        match &mut self.step {
            Step::Info | Step::Recheck(_) => Turn::Ask(RawCommand::of(&GetSelInfo)),
            Step::Newest | Step::Guess | Step::Known | Step::Walk => Turn::Ask(self.fetch.command()),
            Step::Over(result) => Turn::Done(result.take().unwrap_or_else(|| Ok(SelReading::default()))),
        }
    }

    fn answer(&mut self, answer: Answer<'_>) {
        match self.step {
            Step::Info => {
                // Not every BMC has it, and its counts are not always right: it is a hint.
                self.info = answer.read::<GetSelInfo>("read the state of the SEL").ok();
                self.begin();
            }
            Step::Recheck(flaw) => self.recheck(flaw, answer.read::<GetSelInfo>("").ok()),
            Step::Over(_) => {}
            Step::Newest | Step::Guess | Step::Known | Step::Walk => match self.fetch.answer(answer) {
                Progress::Ask => {}
                Progress::Wait(pause) => self.pause = Some(pause),
                Progress::Read(entry, next) => self.read(entry, next),
                Progress::Absent => self.absent(),
                // Where the record to begin at cannot be read, the oldest one can, or tells why not.
                Progress::Failed(_) if self.seeks() => self.absent(),
                Progress::Failed(error) => self.fail(error),
            },
        }
    }
}
