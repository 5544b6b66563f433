//! The BMC's DCMI commands (DCMI 1.5 chapter 6).

use crate::bmc::Bmc;
use crate::bmc::commands::{Access, Action, Answer, Caller, CodedAnswer, Handler, acting, handler, untyped};
use crate::completion::CompletionCode;
use crate::dcmi::{
    ActivatePowerLimit, ExceptionAction, GROUP, GetDcmiCapabilities, GetPowerLimit, GetPowerReading, GetText,
    NETFN_GROUP, NO_ACTIVE_LIMIT, PowerLimit, PowerReading, SetPowerLimit, TEXT_CHUNK,
};
use crate::privilege::PrivilegeLevel;
use crate::quirk::Quirk;

pub(super) const HANDLERS: &[Handler] = &[
    handler::<GetDcmiCapabilities>(|_, _, data| capabilities(inner(data)?)),
    handler::<GetPowerReading>(|bmc, _, data| power_reading(bmc, inner(data)?)),
    acting::<GetPowerLimit>(Action::Coded(power_limit)),
    handler::<SetPowerLimit>(|bmc, _, data| {
        inner(data)?;
        bmc.dcmi.limit = Some(PowerLimit::decode_request(data)?);
        Ok(vec![GROUP])
    }),
    handler::<ActivatePowerLimit>(|bmc, _, data| bmc.dcmi.activate(inner(data)?)),
    handler::<GetText<0x06>>(|bmc, _, data| part(&bmc.dcmi.asset_tag, inner(data)?)),
    setter(0x08, |bmc, _, data| write(&mut bmc.dcmi.asset_tag, inner(data)?)),
    handler::<GetText<0x09>>(|bmc, _, data| part(&bmc.dcmi.controller_id, inner(data)?)),
    setter(0x0A, |bmc, _, data| write(&mut bmc.dcmi.controller_id, inner(data)?)),
];

const fn setter(command: u8, answer: fn(&mut Bmc, Caller, &[u8]) -> Answer) -> Handler {
    untyped((NETFN_GROUP, command), Access::From(PrivilegeLevel::Operator), answer)
}

/// Longest text, with the NUL of the id string.
const TEXT_LIMIT: usize = 64;

/// The most that a machine draws while it is on, in watts, before somebody says otherwise.
const USUAL_POWER: u16 = 180;

/// What is told before anybody set a limit.
const UNLIMITED: PowerLimit =
    PowerLimit { action: ExceptionAction::None, watts: 0, correction: 0, sampling: 0 };

/// What DCMI's commands keep.
#[derive(Debug, Default)]
pub(super) struct Dcmi {
    limit: Option<PowerLimit>,
    active: bool,
    asset_tag: Vec<u8>,
    controller_id: Vec<u8>,
    /// What the machine draws, where its simulator says.
    reading: Option<PowerReading>,
}

impl Dcmi {
    fn activate(&mut self, data: &[u8]) -> Answer {
        let &[active, _, _] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
        if active & 1 == 1 && self.limit.is_none() {
            return Err(CompletionCode::WRONG_STATE);
        }
        self.active = active & 1 == 1;
        Ok(vec![GROUP])
    }
}

impl Bmc {
    /// Says what Get Power Reading answers from now on.
    pub fn set_power_reading(&mut self, reading: PowerReading) {
        self.dcmi.reading = Some(reading);
    }
}

/// The request's data behind the group's number; requests of other groups are unknown.
fn inner(data: &[u8]) -> Result<&[u8], CompletionCode> {
    match data {
        [GROUP, inner @ ..] => Ok(inner),
        _ => Err(CompletionCode::INVALID_COMMAND),
    }
}

fn capabilities(data: &[u8]) -> Answer {
    /// DCMI 1.5, revision 2 of the parameters.
    const VERSION: [u8; 4] = [GROUP, 1, 5, 2];
    let part: &[u8] = match data {
        // Power management, and no way in but the primary LAN, which needs no bit.
        [1] => &[0x00, 0x01, 0x00],
        // A SEL of 512 records that does not roll over; GUID, DHCP host name, asset tag; no temperature monitoring.
        [2] => &[0x00, 0x02, 0x07, 0x00, 0x00],
        // Power management at the BMC's own address, channel 0.
        [3] => &[0x20, 0x00],
        // Primary LAN channel 1, no secondary one, no serial line.
        [4] => &[0x01, 0xFF, 0xFF],
        // One averaging period: one minute.
        [5] => &[0x01, 0x41],
        [_] => return Err(CompletionCode::INVALID_FIELD),
        _ => return Err(CompletionCode::REQUEST_LENGTH_INVALID),
    };
    Ok([&VERSION, part].concat())
}

fn power_reading(bmc: &Bmc, data: &[u8]) -> Answer {
    let [mode, _, _] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    if !matches!(mode, 1 | 2) {
        return Err(CompletionCode::INVALID_FIELD);
    }
    let watts = if bmc.chassis.power_on { USUAL_POWER } else { 0 };
    let usual = PowerReading {
        current: watts,
        minimum: watts,
        maximum: watts,
        average: watts,
        time: 0,
        period: 60_000,
        active: bmc.chassis.power_on,
    };
    Ok(bmc.dcmi.reading.unwrap_or(usual).encode())
}

/// Get Power Limit tells the limit also where its code says that the limit is not active.
fn power_limit(bmc: &mut Bmc, _: Caller, data: &[u8]) -> CodedAnswer {
    match inner(data) {
        Ok([_, _]) => {}
        Ok(_) => return (CompletionCode::REQUEST_LENGTH_INVALID, Vec::new()),
        Err(code) => return (code, Vec::new()),
    }
    if bmc.config.quirks.contains(Quirk::NoPowerLimit) {
        return (CompletionCode::INVALID_COMMAND, Vec::new());
    }
    let code = if bmc.dcmi.active { CompletionCode::OK } else { NO_ACTIVE_LIMIT };
    (code, bmc.dcmi.limit.unwrap_or(UNLIMITED).encode())
}

fn part(text: &[u8], data: &[u8]) -> Answer {
    let &[offset, count] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    if count > TEXT_CHUNK || usize::from(offset) + usize::from(count) > TEXT_LIMIT {
        return Err(CompletionCode::PARAMETER_OUT_OF_RANGE);
    }
    let mut reply = vec![GROUP, text.len() as u8];
    reply.extend(text.iter().skip(offset.into()).take(count.into()));
    Ok(reply)
}

/// Writes a part; the text ends where it ends.
fn write(text: &mut Vec<u8>, data: &[u8]) -> Answer {
    let (&[offset, count], part) = data.split_first_chunk().ok_or(CompletionCode::REQUEST_LENGTH_INVALID)?;
    let offset = usize::from(offset);
    if part.len() != usize::from(count) {
        return Err(CompletionCode::REQUEST_LENGTH_INVALID);
    }
    if count > TEXT_CHUNK || offset + part.len() > TEXT_LIMIT {
        return Err(CompletionCode::PARAMETER_OUT_OF_RANGE);
    }
    text.resize(offset, b' ');
    text.extend_from_slice(part);
    if part == [0] && offset == 0 {
        text.clear();
    }
    Ok(vec![GROUP, text.len() as u8])
}
