//! How full the log is.

use crate::command::RawCommand;
use crate::procedure::{Answer, Procedure, ProcedureError, Turn};
use crate::sel::RECORD_LENGTH;
use crate::sel::commands::{GetSelAllocationInfo, GetSelInfo, GetSelTime, SelAllocation, SelInfo};
use crate::sel::time::Timestamp;

/// How full the log is, and what the BMC's clock shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelStatus {
    /// What Get SEL Info said.
    pub info: SelInfo,
    /// How the log's memory is divided, where the BMC says.
    pub allocation: Option<SelAllocation>,
    /// The BMC's clock, where it has one.
    pub clock: Option<Timestamp>,
}

impl SelStatus {
    /// How much of the log is used, in percent.
    pub fn percent_used(&self) -> u8 {
        let of_units = self.allocation.filter(|allocation| allocation.units > 0).map(|allocation| {
            let used = allocation.units.saturating_sub(allocation.free_units);
            (u32::from(used), u32::from(allocation.units))
        });
        let (used, total) = of_units.unwrap_or_else(|| {
            let used = u32::from(self.info.entries) * RECORD_LENGTH as u32;
            (used, used + u32::from(self.info.free))
        });
        (used * 100).checked_div(total).map_or(0, |percent| percent.min(100) as u8)
    }
}

/// Reads a [`SelStatus`].
#[derive(Debug, Default)]
pub struct ReadSelStatus {
    info: Option<SelInfo>,
    allocation: Option<SelAllocation>,
    step: Step,
}

#[derive(Debug, Default)]
enum Step {
    #[default]
    Info,
    Allocation,
    Clock,
    Over(Option<Result<SelStatus, ProcedureError>>),
}

impl ReadSelStatus {
    /// Begins.
    pub fn new() -> Self {
        Self::default()
    }
}

/// What is asked first, and cannot be done without.
const READ_INFO: &str = "read the state of the SEL";

impl Procedure for ReadSelStatus {
    type Output = SelStatus;

    fn next(&mut self) -> Turn<SelStatus> {
        match &mut self.step {
            Step::Info => Turn::Ask(RawCommand::of(&GetSelInfo)),
            Step::Allocation => Turn::Ask(RawCommand::of(&GetSelAllocationInfo)),
            Step::Clock => Turn::Ask(RawCommand::of(&GetSelTime)),
            Step::Over(result) => {
                let asked_again = Err(ProcedureError::NotKept { doing: READ_INFO });
                Turn::Done(result.take().unwrap_or(asked_again))
            }
        }
    }

    fn answer(&mut self, answer: Answer<'_>) {
        self.step = match (&self.step, self.info) {
            (Step::Info, _) => match answer.read::<GetSelInfo>(READ_INFO) {
                Ok(info) => {
                    self.info = Some(info);
                    if info.has_allocation_info { Step::Allocation } else { Step::Clock }
                }
                Err(error) => Step::Over(Some(Err(error))),
            },
            (Step::Allocation, _) => {
                self.allocation = answer.read::<GetSelAllocationInfo>("read the size of the SEL").ok();
                Step::Clock
            }
            (Step::Clock, Some(info)) => {
                let clock = answer.read::<GetSelTime>("read the SEL time").ok();
                Step::Over(Some(Ok(SelStatus { info, allocation: self.allocation, clock })))
            }
            _ => return,
        };
    }
}
