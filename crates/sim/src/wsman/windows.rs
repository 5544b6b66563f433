//! The classes of Windows: the operating system, which can be shut down and restarted.

use std::time::Instant;

use super::soap::{Asked, SoapFault, text};
use crate::machine::{Activity, Machine};

const SYSTEM: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_OperatingSystem";

/// The flag of `Win32Shutdown` that does not ask programs.
const FORCED: u16 = 4;

/// What Windows returns for flags that it does not know.
const INVALID_PARAMETER: u32 = 87;

/// Whether Windows is there to answer.
pub(super) fn runs(machine: &Machine) -> bool {
    machine.activity() == Activity::Up
}

pub(super) fn answer(
    asked: &Asked<'_>,
    machine: &mut Machine,
    now: Instant,
    history: &mut Vec<u16>,
) -> Result<String, SoapFault> {
    if asked.uri() != SYSTEM {
        return Err(SoapFault::new("InvalidValue", "The class is not known."));
    }
    asked.check_selectors(&[])?;
    if asked.is_get() {
        return Ok(
            asked.instance("<p:Caption>Microsoft Windows Server</p:Caption><p:Primary>true</p:Primary>")
        );
    }
    let flags = match asked.method() {
        Some("Win32Shutdown") => {
            let flags = asked.parameter("Flags").and_then(|flags| text(flags).parse::<u16>().ok());
            flags.ok_or(SoapFault::schema("Flags is missing."))?
        }
        Some("Shutdown") => 1,
        Some("Reboot") => 2,
        _ => return Err(SoapFault::new("ActionNotSupported", "The action is not supported by the service.")),
    };
    match flags & !FORCED {
        // The machine has no state in which it may be switched off by hand.
        1 | 8 => machine.soft_shutdown(now),
        2 => machine.hard_reset(now),
        _ => return Ok(asked.returned(INVALID_PARAMETER)),
    }
    history.push(flags);
    Ok(asked.returned(0))
}
