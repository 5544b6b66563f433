//! For tests: a BMC that answers from a script, with whatever quirks the script gives it.

use crate::command::RawCommand;
use crate::completion::CompletionCode;
use crate::procedure::{Answer, Procedure, ProcedureError, Turn};

/// More turns than any procedure takes.
const TURNS: usize = 10_000;

/// Runs `procedure` against `bmc`, which is asked each command and gives a completion code and data; returns the
/// outcome and every command that was asked.
pub(crate) fn run<P: Procedure>(
    mut procedure: P,
    mut bmc: impl FnMut(&RawCommand) -> (u8, Vec<u8>),
) -> (Result<P::Output, ProcedureError>, Vec<RawCommand>) {
    let mut asked = Vec::new();
    for _ in 0..TURNS {
        match procedure.next() {
            Turn::Ask(command) => {
                let (code, data) = bmc(&command);
                procedure.answer(Answer { code: CompletionCode(code), data: &data });
                asked.push(command);
            }
            Turn::Wait(_) => {}
            Turn::Done(outcome) => return (outcome, asked),
        }
    }
    panic!("the procedure does not end");
}
