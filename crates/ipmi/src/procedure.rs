//! What takes several commands: reading a sensor repository, changing a user, setting an address.
//!
//! A [`Procedure`] is a small machine of its own: it says which command it wants next, is told what the BMC answered, and
//! ends with a value. It knows nothing of sessions, and time only as [`Turn::Wait`]; whoever has a [`Client`](crate::Client) runs it:
//! each [`Turn::Ask`] is submitted as [`Request::Raw`](crate::Request::Raw), and what comes back is handed to
//! [`Procedure::answer`]. An error of the client's, such as silence, ends the run.

pub(crate) mod chain;
#[cfg(test)]
pub(crate) mod script;

use std::time::Duration;

use crate::command::{Command, RawCommand};
use crate::completion::CompletionCode;
use crate::fault::Fault;

/// What a procedure wants now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn<T> {
    /// Ask the BMC this, then call [`Procedure::answer`].
    Ask(RawCommand),
    /// Let this much time pass, then call [`Procedure::next`] again.
    Wait(Duration),
    /// It is over. Not asked again.
    Done(Result<T, ProcedureError>),
}

/// A BMC's answer to one command of a procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The completion code.
    pub code: CompletionCode,
    /// What stood behind it; empty where the code is not [`CompletionCode::OK`].
    pub data: &'a [u8],
}

/// A machine that asks a BMC several things in order.
pub trait Procedure {
    /// What it is for.
    type Output;

    /// What it wants now. The same turn again until [`Procedure::answer`] is called.
    fn next(&mut self) -> Turn<Self::Output>;

    /// Takes the answer to the command that [`Procedure::next`] asked last.
    fn answer(&mut self, answer: Answer<'_>);
}

/// Why a procedure did not reach its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProcedureError {
    /// The BMC refused a command that the procedure cannot do without.
    #[error("the BMC refused to {doing}: {code}")]
    Refused {
        /// What the command was for, as a verb with its object.
        doing: &'static str,
        /// Its verdict.
        code: CompletionCode,
    },
    /// A reply makes no sense.
    #[error("the BMC's answer to \"{doing}\" is malformed: {fault}")]
    Malformed {
        /// What the command was for.
        doing: &'static str,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The BMC's data changed each time it was read.
    #[error("the BMC's data changed while it was read, {attempts} times: {doing}")]
    Unstable {
        /// What was read.
        doing: &'static str,
        /// How often it was tried.
        attempts: u32,
    },
    /// It cannot be done here, whatever the command.
    #[error("cannot {doing}: {reason}")]
    Impossible {
        /// What was wanted.
        doing: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// The BMC accepted a setting and shows another one.
    #[error("the BMC accepted to {doing} but did not do it")]
    NotKept {
        /// What was set.
        doing: &'static str,
    },
}

/// One command as a procedure, for what needs no second one.
#[derive(Debug)]
pub struct Ask<C: Command> {
    doing: &'static str,
    command: RawCommand,
    outcome: Option<Result<C::Reply, ProcedureError>>,
}

impl<C: Command> Ask<C> {
    /// Asks `command`. `doing` says in errors what it is for, as a verb with its object: "read the SEL time".
    pub fn new(doing: &'static str, command: &C) -> Self {
        Self { doing, command: RawCommand::of(command), outcome: None }
    }
}

impl<C: Command> Drop for Ask<C> {
    fn drop(&mut self) {
        self.command.wipe();
    }
}

impl<C: Command> Procedure for Ask<C> {
    type Output = C::Reply;

    fn next(&mut self) -> Turn<C::Reply> {
        match self.outcome.take() {
            Some(outcome) => Turn::Done(outcome),
            None => Turn::Ask(self.command.clone()),
        }
    }

    fn answer(&mut self, answer: Answer<'_>) {
        self.outcome = Some(answer.read::<C>(self.doing));
    }
}

impl Answer<'_> {
    /// Reads the answer as the reply to a `C` that was asked to do what `doing` says.
    ///
    /// # Errors
    ///
    /// [`ProcedureError::Refused`] where the BMC said no, [`ProcedureError::Malformed`] where the reply makes no sense.
    pub fn read<C: Command>(&self, doing: &'static str) -> Result<C::Reply, ProcedureError> {
        if !self.code.is_ok() {
            return Err(ProcedureError::Refused { doing, code: self.code });
        }
        C::decode(self.data).map_err(|fault| ProcedureError::Malformed { doing, fault })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::bmc::{Bmc, BmcConfig, desk};
    use crate::command::GetDeviceId;

    #[test]
    fn one_command_is_a_procedure() {
        let config = BmcConfig::new(Vec::new());
        let device_id = config.device_id;
        let mut bmc = Bmc::new(config, Box::new(|bytes: &mut [u8]| bytes.fill(1)));
        let now = Instant::now();
        assert_eq!(desk::run(&mut bmc, now, Ask::new("read the device id", &GetDeviceId)), Ok(device_id));

        bmc.set_busy(true);
        assert_eq!(
            desk::ask(&mut bmc, now, 0x06, 0, 0x01, &[]).0,
            CompletionCode::OK,
            "busy is for sessions"
        );
        assert_eq!(desk::ask(&mut bmc, now, 0x2E, 0, 0x01, &[]).0, CompletionCode::INVALID_COMMAND);
    }

    #[test]
    fn refusals_and_malformed_replies_say_what_for() {
        let check = |code, data: &[u8], expected| {
            let answer = Answer { code: CompletionCode(code), data };
            assert_eq!(answer.read::<GetDeviceId>("read the device id"), Err(expected));
        };
        let doing = "read the device id";
        check(0xC1, &[], ProcedureError::Refused { doing, code: CompletionCode::INVALID_COMMAND });
        check(0, &[1], ProcedureError::Malformed { doing, fault: Fault::Truncated("device id") });
    }
}
