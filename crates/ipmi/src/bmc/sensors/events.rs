//! Which events a sensor sends, and which it has (IPMI 2.0 sections 35.10 to 35.13).

use crate::bmc::Bmc;
use crate::bmc::commands::{Answer, Caller};
use crate::bmc::sensors::set::{EventMasks, Model, Present};
use crate::bmc::sensors::{is_unavailable, sensor_number};
use crate::completion::CompletionCode;
use crate::sensor::Threshold;

/// First byte of requests and replies: event messages, and scanning, are enabled.
const MESSAGES: u8 = 0x80;
const SCANNING: u8 = 0x40;

/// First byte of Get Sensor Event Status: there is no state at present.
const UNAVAILABLE: u8 = 0x20;

/// Get Sensor Event Enable: what the sensor's record says, unless a console changed it.
pub(super) fn enable(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let present = bmc.sensors.present(sensor_number(data)?)?;
    let EventMasks { assertion, deassertion } = present.enabled;
    Ok(reply(flags(&present), assertion, deassertion))
}

/// Set Sensor Event Enable. Events that the sensor's record does not have cannot be enabled.
pub(super) fn set_enable(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let (&[number, flags], selected) =
        data.split_first_chunk().ok_or(CompletionCode::REQUEST_LENGTH_INVALID)?;
    let model = bmc.sensors.model(number)?;
    let selected = masks(selected)?;
    let mut present = bmc.sensors.present(number)?;
    present.no_events = flags & MESSAGES == 0;
    present.not_scanned = flags & SCANNING == 0;
    let EventMasks { assertion, deassertion } = &mut present.enabled;
    match flags >> 4 & 3 {
        0 => {}
        1 => {
            *assertion |= selected.assertion & model.events.assertion;
            *deassertion |= selected.deassertion & model.events.deassertion;
        }
        2 => {
            *assertion &= !selected.assertion;
            *deassertion &= !selected.deassertion;
        }
        _ => return Err(CompletionCode::INVALID_FIELD),
    }
    bmc.sensors.changed.insert(number, present);
    Ok(Vec::new())
}

/// Re-arm Sensor Events. Sensors rearm themselves here, so there is nothing to do.
pub(super) fn rearm(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let (&[number, _flags], selected) =
        data.split_first_chunk().ok_or(CompletionCode::REQUEST_LENGTH_INVALID)?;
    bmc.sensors.model(number)?;
    masks(selected)?;
    Ok(Vec::new())
}

/// Get Sensor Event Status: what the present reading asserts of the events that are enabled.
pub(super) fn status(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let number = sensor_number(data)?;
    let (model, present) = (bmc.sensors.model(number)?, bmc.sensors.present(number)?);
    if is_unavailable(bmc, model, &present) {
        return Ok(reply(flags(&present) | UNAVAILABLE, 0, 0));
    }
    Ok(reply(flags(&present), asserted(model, &present) & present.enabled.assertion, 0))
}

/// The events that the present reading asserts: a sensor is beyond a lower limit by going low, beyond an upper one by
/// going high.
fn asserted(model: &Model, present: &Present) -> u16 {
    let states = model.states(present);
    if !model.is_threshold() {
        return states;
    }
    let beyond = Threshold::ALL.into_iter().filter(|threshold| states & u16::from(threshold.bit()) != 0);
    beyond.fold(0, |events, threshold| events | 1 << (2 * threshold as u16 + u16::from(threshold.is_upper())))
}

fn flags(present: &Present) -> u8 {
    let messages = if present.no_events { 0 } else { MESSAGES };
    let scanning = if present.not_scanned { 0 } else { SCANNING };
    messages | scanning
}

fn reply(flags: u8, assertion: u16, deassertion: u16) -> Vec<u8> {
    let mut reply = vec![flags];
    reply.extend_from_slice(&assertion.to_le_bytes());
    reply.extend_from_slice(&deassertion.to_le_bytes());
    reply
}

/// The masks at a request's end, of which a sender leaves out what selects nothing.
fn masks(data: &[u8]) -> Result<EventMasks, CompletionCode> {
    let mut bytes = [0; 4];
    bytes.get_mut(..data.len()).ok_or(CompletionCode::REQUEST_LENGTH_INVALID)?.copy_from_slice(data);
    let [a0, a1, d0, d1] = bytes;
    Ok(EventMasks { assertion: u16::from_le_bytes([a0, a1]), deassertion: u16::from_le_bytes([d0, d1]) })
}
