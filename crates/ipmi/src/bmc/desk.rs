//! For tests: runs a procedure on a BMC's commands directly, as if in a session of an administrator.

use std::time::{Duration, Instant};

use crate::bmc::Bmc;
use crate::bmc::commands::Caller;
use crate::command::RawCommand;
use crate::completion::CompletionCode;
use crate::message::Message;
use crate::privilege::PrivilegeLevel;
use crate::procedure::{Answer, Procedure, ProcedureError, Turn};

/// More turns than any procedure takes.
const TURNS: usize = 100_000;

/// Runs `procedure` to its end; the clock starts at `now` and moves only where the procedure waits.
pub(crate) fn run<P: Procedure>(
    bmc: &mut Bmc,
    now: Instant,
    mut procedure: P,
) -> Result<P::Output, ProcedureError> {
    let mut clock = now;
    for _ in 0..TURNS {
        match procedure.next() {
            Turn::Ask(raw) => {
                let (code, data) = ask(bmc, clock, raw.netfn, raw.lun, raw.cmd, &raw.data);
                procedure.answer(Answer { code, data: &data });
            }
            Turn::Wait(time) => {
                clock += time.max(Duration::from_millis(1));
                bmc.wake(clock);
            }
            Turn::Done(result) => return result,
        }
    }
    panic!("the procedure does not end");
}

/// Runs `procedure` to its end on answers written down: a completion code and data for each command.
pub(crate) fn converse<P: Procedure>(
    mut procedure: P,
    mut answer: impl FnMut(&RawCommand) -> (u8, Vec<u8>),
) -> Result<P::Output, ProcedureError> {
    for _ in 0..TURNS {
        match procedure.next() {
            Turn::Ask(raw) => {
                let (code, data) = answer(&raw);
                procedure.answer(Answer { code: CompletionCode(code), data: &data });
            }
            Turn::Wait(_) => {}
            Turn::Done(result) => return result,
        }
    }
    panic!("the procedure does not end");
}

/// Asks one command by its numbers.
pub(crate) fn ask(
    bmc: &mut Bmc,
    now: Instant,
    netfn: u8,
    lun: u8,
    cmd: u8,
    data: &[u8],
) -> (CompletionCode, Vec<u8>) {
    let caller = Caller {
        now,
        from: ([192, 0, 2, 9], 40_000).into(),
        session: None,
        privilege: Some(PrivilegeLevel::Administrator),
    };
    let reply = bmc.answer(caller, &Message::request(netfn, lun, cmd, 0, data));
    let reply = Message::decode(&reply).unwrap();
    let (code, data) = reply.data.split_first().unwrap();
    (CompletionCode(*code), data.to_vec())
}
