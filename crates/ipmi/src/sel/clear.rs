//! Erasing the log.

use std::time::Duration;

use crate::command::RawCommand;
use crate::completion::CompletionCode;
use crate::procedure::{Answer, Procedure, ProcedureError, Turn};
use crate::sel::commands::{Erasure, GetErasure, InitiateErase, ReserveSel};

/// How often a reservation may be lost: each time something was logged between the two commands.
const ATTEMPTS: u32 = 8;

/// How long to wait between two looks at how far the BMC is.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// How often to look: flash memory is erased in seconds, and a BMC that says "in progress" for two minutes is stuck.
const POLLS: u32 = 480;

/// Erases the log and waits until it is erased.
#[derive(Debug)]
pub struct ClearSel {
    step: Step,
    reservation: u16,
    attempts: u32,
    polls: u32,
    pause: bool,
}

#[derive(Debug)]
enum Step {
    Reserve,
    Initiate,
    Poll,
    Over(Option<Result<(), ProcedureError>>),
}

impl ClearSel {
    /// Everything in the log will be lost.
    #[expect(clippy::new_without_default, reason = "what erases must be asked for by name")]
    pub fn new() -> Self {
        Self { step: Step::Reserve, reservation: 0, attempts: 0, polls: 0, pause: false }
    }

    fn progress(&mut self, erasure: Result<Erasure, ProcedureError>) -> Step {
        match erasure {
            Ok(Erasure::Completed) => Step::Over(Some(Ok(()))),
            Ok(Erasure::InProgress) if self.polls < POLLS => {
                self.polls += 1;
                self.pause = true;
                Step::Poll
            }
            Ok(Erasure::InProgress) => {
                Step::Over(Some(Err(ProcedureError::NotKept { doing: "erase the SEL" })))
            }
            Err(error) => Step::Over(Some(Err(error))),
        }
    }

    fn reserved(&mut self, answer: Answer<'_>) -> Step {
        match answer.read::<ReserveSel>("reserve the SEL") {
            Ok(reservation) => self.reservation = reservation,
            // A BMC without reservations takes 0.
            Err(ProcedureError::Refused { code: CompletionCode::INVALID_COMMAND, .. }) => {
                self.reservation = 0
            }
            Err(error) => return Step::Over(Some(Err(error))),
        }
        Step::Initiate
    }

    fn initiated(&mut self, answer: Answer<'_>) -> Step {
        if answer.code == CompletionCode::RESERVATION_LOST {
            self.attempts += 1;
            return if self.attempts < ATTEMPTS {
                Step::Reserve
            } else {
                let attempts = self.attempts;
                Step::Over(Some(Err(ProcedureError::Unstable { doing: "erase the SEL", attempts })))
            };
        }
        self.progress(answer.read::<InitiateErase>("erase the SEL"))
    }

    fn polled(&mut self, answer: Answer<'_>) -> Step {
        // The erasure ends the reservation, so some BMCs no longer accept it for the question how far they are.
        if answer.code == CompletionCode::RESERVATION_LOST {
            return Step::Over(Some(Ok(())));
        }
        self.progress(answer.read::<GetErasure>("tell how far the SEL is erased"))
    }
}

impl Procedure for ClearSel {
    type Output = ();

    fn next(&mut self) -> Turn<()> {
        if std::mem::take(&mut self.pause) {
            return Turn::Wait(POLL_INTERVAL);
        }
        let reservation = self.reservation;
        match &mut self.step {
            Step::Reserve => Turn::Ask(RawCommand::of(&ReserveSel)),
            Step::Initiate => Turn::Ask(RawCommand::of(&InitiateErase { reservation })),
            Step::Poll => Turn::Ask(RawCommand::of(&GetErasure { reservation })),
            Step::Over(result) => Turn::Done(result.take().unwrap_or(Ok(()))),
        }
    }

    fn answer(&mut self, answer: Answer<'_>) {
        self.step = match self.step {
            Step::Reserve => self.reserved(answer),
            Step::Initiate => self.initiated(answer),
            Step::Poll => self.polled(answer),
            Step::Over(_) => return,
        };
    }
}
