//! DCMI (Data Center Manageability Interface 1.5): power draw and its limit, the asset tag, the controller's name.
//!
//! DCMI's commands are those of network function 2Ch whose data begins with its group number, DCh. BMCs without DCMI
//! answer C1h, or C3h, or nothing that makes sense.

mod command;
mod text;

pub use command::{
    ActivatePowerLimit, CapabilityParameter, DcmiCapabilities, DcmiVersion, ExceptionAction,
    GetDcmiCapabilities, GetPowerLimit, GetPowerReading, PowerLimit, PowerReading, SetPowerLimit,
};
pub(crate) use command::{GROUP, NETFN_GROUP, NO_ACTIVE_LIMIT, body};
pub use text::{DcmiText, read_text, set_text};
pub(crate) use text::{GetText, TEXT_CHUNK};

use crate::completion::CompletionCode;
use crate::procedure::chain::{Chain, attempt, end};
use crate::procedure::{Procedure, ProcedureError};

/// Reads the power limit; `None` where there is none.
///
/// BMCs say this in two ways: with 80h, which stands for "no limit is set", and by not knowing the command.
pub fn read_power_limit() -> impl Procedure<Output = Option<PowerLimit>> + Send {
    attempt("read the power limit", &GetPowerLimit).then(|limit| {
        end(match limit {
            Ok(limit) => Ok(Some(limit)),
            Err(NO_ACTIVE_LIMIT | CompletionCode::INVALID_COMMAND) => Ok(None),
            Err(code) => Err(ProcedureError::Refused { doing: "read the power limit", code }),
        })
    })
}

/// Sets the power limit, switches it on or off, and reads it back.
///
/// [`ProcedureError::NotKept`] where the BMC shows another limit, [`ProcedureError::Impossible`] where a value is out of
/// its range.
pub fn set_power_limit(limit: PowerLimit, active: bool) -> impl Procedure<Output = ()> + Send {
    let doing = "set the power limit";
    attempt(doing, &SetPowerLimit(limit))
        .then(move |set| {
            let impossible = |reason| Err(ProcedureError::Impossible { doing, reason });
            end(match set {
                Ok(()) => Ok(()),
                Err(CompletionCode(0x84)) => impossible("the limit is out of the BMC's range"),
                Err(CompletionCode(0x85)) => impossible("the correction time is out of the BMC's range"),
                Err(CompletionCode(0x89)) => impossible("the sampling period is out of the BMC's range"),
                Err(code) => Err(ProcedureError::Refused { doing, code }),
            })
        })
        .then(move |()| activate(active))
        .then(move |()| {
            read_power_limit().then(move |read| {
                // A limit that is switched off need not show.
                let kept = read.map_or(!active, |read| read.watts == limit.watts);
                end(if kept { Ok(()) } else { Err(ProcedureError::NotKept { doing }) })
            })
        })
}

/// Switches the power limit that is set on or off.
pub fn activate(active: bool) -> impl Procedure<Output = ()> + Send {
    crate::procedure::chain::ask("switch the power limit", &ActivatePowerLimit(active))
}

#[cfg(test)]
mod tests;
