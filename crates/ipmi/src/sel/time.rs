//! Times in the SEL, and setting the BMC's clock (IPMI 2.0 chapter 37, sections 31.10 to 31.13).

use std::time::Duration;

use crate::command::RawCommand;
use crate::procedure::{Answer, Procedure, ProcedureError, Turn};
use crate::sel::commands::{GetSelTime, SetTime};

/// The last value that counts seconds since the BMC's start rather than since 1970.
const SINCE_START_LIMIT: u32 = 0x2000_0000;

/// How far the clock may be from what was set when it is read back: sessions to slow BMCs take this long.
const DRIFT: u32 = 30;

/// A time as a BMC writes it: 32 bits. [`Timestamp::moment`] says what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(pub u32);

/// What a [`Timestamp`] means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Seconds since 1970-01-01 00:00. The specification leaves open whether in UTC or local time; nearly all BMCs
    /// that get their time from the network keep UTC, many that get it from the BIOS keep what its clock shows.
    Clock(u32),
    /// Time since the BMC was started: nobody had told it the time yet.
    SinceStart(Duration),
    /// The BMC did not know.
    Unknown,
}

impl Timestamp {
    /// The value that says that the time is not known.
    pub const INVALID: Self = Self(0xFFFF_FFFF);

    /// What it means.
    pub fn moment(self) -> Moment {
        match self.0 {
            0xFFFF_FFFF => Moment::Unknown,
            seconds @ 0..=SINCE_START_LIMIT => Moment::SinceStart(Duration::from_secs(seconds.into())),
            seconds => Moment::Clock(seconds),
        }
    }
}

/// Sets the BMC's clock and reads it back.
#[derive(Debug)]
pub struct SetSelTime {
    time: Timestamp,
    step: Step,
}

#[derive(Debug)]
enum Step {
    Set,
    ReadBack,
    Done(Option<Result<Timestamp, ProcedureError>>),
}

impl SetSelTime {
    /// Sets the clock to `seconds` since 1970-01-01 00:00 UTC. The procedure's output is what the clock then shows.
    pub fn new(seconds: u32) -> Self {
        Self { time: Timestamp(seconds), step: Step::Set }
    }

    fn read(&self, answer: Answer<'_>) -> Result<Timestamp, ProcedureError> {
        let shown = answer.read::<GetSelTime>("read the clock back")?;
        let kept = shown.0.abs_diff(self.time.0) <= DRIFT;
        if kept { Ok(shown) } else { Err(ProcedureError::NotKept { doing: "set its clock" }) }
    }
}

impl Procedure for SetSelTime {
    type Output = Timestamp;

    fn next(&mut self) -> Turn<Timestamp> {
        match &mut self.step {
            Step::Set => Turn::Ask(RawCommand::of(&SetTime(self.time))),
            Step::ReadBack => Turn::Ask(RawCommand::of(&GetSelTime)),
            Step::Done(result) => Turn::Done(result.take().unwrap_or(Ok(self.time))),
        }
    }

    fn answer(&mut self, answer: Answer<'_>) {
        self.step = match self.step {
            Step::Set => match answer.read::<SetTime>("set its clock") {
                Ok(()) => Step::ReadBack,
                Err(error) => Step::Done(Some(Err(error))),
            },
            _ => Step::Done(Some(self.read(answer))),
        };
    }
}
