//! Power, by the profile that DMTF calls Power State Management (DSP1027).

use ironhand_api::{PowerAction, PowerState};
use roxmltree::Node;

use crate::Error;
use crate::wsman::{Resource, child, children, number};

/// What tells the state of the machine, and what may be asked of it then.
pub(super) const STATE: Resource =
    Resource::all("http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_AssociatedPowerManagementService");

/// What changes it.
pub(super) const SERVICE: Resource = Resource {
    uri: "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_PowerManagementService",
    selectors: &[("Name", "Intel(r) AMT Power Management Service")],
};

const ON: u16 = 2;
const CYCLE_OFF_SOFT: u16 = 5;
const OFF_HARD: u16 = 6;
const OFF_SOFT: u16 = 8;
const CYCLE_OFF_HARD: u16 = 9;
const RESET: u16 = 10;
const DIAGNOSTIC_INTERRUPT: u16 = 11;
const OFF_SOFT_GRACEFUL: u16 = 12;
const OFF_HARD_GRACEFUL: u16 = 13;

/// What was read of the power.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// The state, by its number in CIM.
    pub(super) state: u16,
    /// What may be asked for in this state; nothing where firmware before AMT 9 does not tell.
    offered: Vec<u16>,
}

impl Reading {
    pub(super) fn read(node: Node<'_, '_>) -> Result<Self, Error> {
        let value = |node| {
            let too_large = |_| Error::Malformed { reason: "no power state has such a number".to_owned() };
            u16::try_from(number(node)?).map_err(too_large)
        };
        let offered =
            children(node).filter(|node| node.has_tag_name((STATE.uri, "AvailableRequestedPowerStates")));
        Ok(Self {
            state: value(child(node, "PowerState")?)?,
            offered: offered.map(value).collect::<Result<_, _>>()?,
        })
    }
}

/// A state, in the words of all connectors.
pub(super) const fn told(state: u16) -> PowerState {
    match state {
        // One that sleeps has its power, and goes on where it was.
        ON | 3 | 4 | RESET | DIAGNOSTIC_INTERRUPT | 14 => PowerState::On,
        // One that hibernates (7) has none.
        OFF_HARD | 7 | OFF_SOFT | OFF_SOFT_GRACEFUL | OFF_HARD_GRACEFUL => PowerState::Off,
        // Cycles: off now, and about to come on.
        CYCLE_OFF_SOFT | CYCLE_OFF_HARD | 15 | 16 => PowerState::TurningOn,
        _ => PowerState::Unknown,
    }
}

/// What is asked for, given what was read; nothing where that is the state already.
///
/// Where several values mean the action, the first one that is offered is taken. AMT calls "soft" what does without
/// the operating system, too: all but the values called graceful work by hardware.
pub(super) fn request(action: PowerAction, seen: &Reading) -> Result<Option<u16>, Error> {
    let values: &[u16] = match action {
        PowerAction::On => &[ON],
        PowerAction::Off => &[OFF_SOFT, OFF_HARD],
        PowerAction::Cycle => &[CYCLE_OFF_SOFT, CYCLE_OFF_HARD],
        PowerAction::Reset => &[RESET],
        PowerAction::Soft => &[OFF_SOFT_GRACEFUL, OFF_HARD_GRACEFUL],
        PowerAction::Nmi => &[DIAGNOSTIC_INTERRUPT],
    };
    let is_off = told(seen.state) == PowerState::Off;
    match action {
        PowerAction::On if seen.state == ON => return Ok(None),
        PowerAction::Off | PowerAction::Soft if is_off => return Ok(None),
        _ => {}
    }
    if seen.offered.is_empty() {
        return Ok(values.first().copied());
    }
    if let Some(value) = values.iter().find(|value| seen.offered.contains(value)) {
        return Ok(Some(*value));
    }
    Err(match action {
        PowerAction::Soft => Error::Unsupported {
            what: "shut down in order: Intel LMS does not run on the machine".to_owned(),
        },
        PowerAction::On | PowerAction::Off => Error::Refused { reason: not_offered(action, seen) },
        PowerAction::Cycle | PowerAction::Reset | PowerAction::Nmi if is_off => {
            Error::Refused { reason: not_offered(action, seen) }
        }
        PowerAction::Cycle | PowerAction::Reset | PowerAction::Nmi => Error::Unsupported {
            what: format!("do power {}: its firmware does not offer it", action.as_str()),
        },
    })
}

fn not_offered(action: PowerAction, seen: &Reading) -> String {
    let (state, offered) = (seen.state, &seen.offered);
    format!(
        "power {} is not offered in state {state}, only {offered:?} (numbers of DSP1027)",
        action.as_str()
    )
}

/// What a method returned. `what` was asked for.
pub(super) fn accepted(returned: u32, what: &str) -> Result<(), Error> {
    let reason = |why: &str| format!("{what}: {why} (return value {returned})");
    match returned {
        // A job that was started is as good: what comes of it is seen.
        0 | 4096 => Ok(()),
        1 => Err(Error::Unsupported { what: what.to_owned() }),
        6 | 4099 => Err(Error::Busy { reason: reason("it is in use") }),
        4097 => Err(Error::Refused { reason: reason("not from the state that it is in") }),
        // A screen, serial line or drive that is redirected forbids to take the power.
        2 => Err(Error::Refused { reason: reason("an open redirection may be in the way") }),
        _ => Err(Error::Refused { reason: reason("it failed") }),
    }
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::*;

    fn reading(state: u16, offered: &[u16]) -> Reading {
        Reading { state, offered: offered.to_vec() }
    }

    #[test]
    fn readings_hold_the_state_and_what_is_offered() {
        let check = |inside: &str, wanted: Result<Reading, &str>| {
            let xml = format!("<g:C xmlns:g=\"{}\">{inside}</g:C>", STATE.uri);
            let document = Document::parse(&xml).unwrap();
            assert_eq!(Reading::read(document.root_element()).map_err(|error| error.code()), wanted);
        };
        let offer = "<g:AvailableRequestedPowerStates>8</g:AvailableRequestedPowerStates>";
        check(&format!("{offer}<g:PowerState> 2\n</g:PowerState>"), Ok(reading(2, &[8])));
        check("<g:PowerState>8</g:PowerState>", Ok(reading(8, &[])));
        check(offer, Err("connector.malformed"));
        check("<g:PowerState/>", Err("connector.malformed"));
        check("<g:PowerState>on</g:PowerState>", Err("connector.malformed"));
        check("<g:PowerState>65538</g:PowerState>", Err("connector.malformed"));
        check("<g:PowerState>-2</g:PowerState>", Err("connector.malformed"));
    }

    #[test]
    fn every_state_has_a_word() {
        let check = |states: &[u16], wanted| {
            for state in states {
                assert_eq!(told(*state), wanted, "{state}");
            }
        };
        check(&[2, 3, 4, 10, 11, 14], PowerState::On);
        check(&[6, 7, 8, 12, 13], PowerState::Off);
        check(&[5, 9, 15, 16], PowerState::TurningOn);
        check(&[0, 1, 17, u16::MAX], PowerState::Unknown);
    }

    #[test]
    fn what_is_offered_is_asked_for() {
        use PowerAction::{Cycle, Nmi, Off, On, Reset, Soft};
        let check = |action: PowerAction, state: u16, offered: &[u16], wanted: Result<Option<u16>, &str>| {
            let asked = request(action, &reading(state, offered)).map_err(|error| error.code());
            assert_eq!(asked, wanted, "{action:?} in state {state} with {offered:?}");
        };
        let all = &[2, 4, 5, 7, 8, 10, 11, 12, 14];
        for (action, value) in [(Off, 8), (Cycle, 5), (Reset, 10), (Soft, 12), (Nmi, 11)] {
            check(action, 2, all, Ok(Some(value)));
            check(action, 2, &[], Ok(Some(value)));
        }
        check(On, 8, &[2], Ok(Some(2)));
        check(On, 4, &[2, 5, 8, 10], Ok(Some(2)));
        check(On, 2, &[5, 8, 10], Ok(None));
        check(Off, 8, &[2], Ok(None));
        check(Soft, 6, &[2], Ok(None));
        check(Off, 2, &[6, 9], Ok(Some(6)));
        check(Cycle, 2, &[6, 9], Ok(Some(9)));
        check(Soft, 2, &[13], Ok(Some(13)));
        check(Soft, 2, &[5, 8, 10], Err("connector.unsupported"));
        check(Nmi, 2, &[5, 8, 10], Err("connector.unsupported"));
        check(Reset, 8, &[2], Err("connector.refused"));
        check(Off, 2, &[2], Err("connector.refused"));
    }

    #[test]
    fn return_values_have_meanings() {
        let check = |returned: u32, wanted: Result<(), &str>| {
            assert_eq!(accepted(returned, "cycle").map_err(|error| error.code()), wanted, "{returned}");
        };
        check(0, Ok(()));
        check(4096, Ok(()));
        check(1, Err("connector.unsupported"));
        check(2, Err("connector.refused"));
        check(6, Err("connector.busy"));
        check(4099, Err("connector.busy"));
        check(4097, Err("connector.refused"));
        check(u32::MAX, Err("connector.refused"));
    }
}
