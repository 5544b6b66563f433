//! The power of a machine: reading it, and asking for a change (DSP0268, ComputerSystem.Reset).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::exchange::{own_path, shown};
use crate::system::Place;
use crate::{Answer, Error, Method, Operation, Quirk, Request, Resource, Stop, Talk};

/// The action that changes the power.
pub(crate) const RESET: &str = "ComputerSystem.Reset";

/// How often a change is asked for that the controller refuses because of one before it.
const STATE_ATTEMPTS: u32 = 6;

/// Between these.
const STATE_PAUSE: Duration = Duration::from_secs(5);

/// Where power is taken away and given back in two steps: how long is waited for the first to show, and how often is looked.
const OFF_PAUSE: Duration = Duration::from_secs(2);
const OFF_LOOKS: u32 = 60;

/// How long a machine stays off that would hang if it came back at once.
const REST: Duration = Duration::from_secs(10);

/// The power state of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PowerState {
    /// On.
    On,
    /// Off.
    Off,
    /// On its way to on.
    PoweringOn,
    /// On its way to off.
    PoweringOff,
    /// On, and paused.
    Paused,
}

impl PowerState {
    /// The state that a resource shows.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] where it shows none.
    pub fn of(resource: &Resource) -> Result<Self, Error> {
        let known = [Self::On, Self::Off, Self::PoweringOn, Self::PoweringOff, Self::Paused];
        let text = resource.text(&["PowerState"]).unwrap_or_default();
        known.into_iter().find(|state| state.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| {
            let reason = match text {
                "" => "it shows no power state".to_owned(),
                _ => format!("it shows {} as power state", shown(text)),
            };
            Error::Malformed { doing: Request::get(resource.path.clone()).named(), reason }
        })
    }

    /// As Redfish writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::On => "On",
            Self::Off => "Off",
            Self::PoweringOn => "PoweringOn",
            Self::PoweringOff => "PoweringOff",
            Self::Paused => "Paused",
        }
    }
}

impl fmt::Display for PowerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads the power state: one request.
///
/// # Errors
///
/// What [`Operation::perform`] says.
pub fn power_state(talk: &mut Talk, place: &Place) -> Result<PowerState, Stop> {
    let system = talk.read(&place.system)?;
    Ok(PowerState::of(&system)?)
}

/// A change of power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResetAction {
    /// Switches on.
    On,
    /// Switches off at once.
    ForceOff,
    /// Asks the operating system to shut down.
    GracefulShutdown,
    /// Resets at once.
    ForceRestart,
    /// Asks the operating system to restart.
    GracefulRestart,
    /// Takes the power away and gives it back.
    PowerCycle,
    /// Raises a diagnostic interrupt.
    Nmi,
}

impl ResetAction {
    /// The kinds of reset that do it, the best first (DSP2046, Resource.ResetType).
    const fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::On => &["On", "ForceOn"],
            Self::ForceOff => &["ForceOff"],
            Self::GracefulShutdown => &["GracefulShutdown"],
            Self::ForceRestart => &["ForceRestart"],
            Self::GracefulRestart => &["GracefulRestart"],
            Self::PowerCycle => &["PowerCycle", "ForcePowerCycle"],
            Self::Nmi => &["Nmi"],
        }
    }

    /// Whether the power button does it in this state.
    const fn is_button(self, state: PowerState) -> bool {
        match self {
            Self::On => matches!(state, PowerState::Off),
            Self::GracefulShutdown => matches!(state, PowerState::On),
            _ => false,
        }
    }

    /// The state that there is nothing more to do in.
    const fn wanted(self) -> Option<PowerState> {
        match self {
            Self::On => Some(PowerState::On),
            Self::ForceOff | Self::GracefulShutdown => Some(PowerState::Off),
            _ => None,
        }
    }
}

impl fmt::Display for ResetAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kinds()[0])
    }
}

/// Asks for a change of power, by what the controller says it can do.
///
/// That it was accepted says nothing of what comes of it. It gives the kinds of reset that were sent: none where the machine
/// is in the wanted state already.
#[derive(Clone, Debug)]
pub struct SetPower {
    /// The machine.
    pub place: Place,
    /// The change.
    pub action: ResetAction,
}

impl Operation for SetPower {
    type Output = Vec<&'static str>;

    fn perform(&self, talk: &mut Talk) -> Result<Vec<&'static str>, Stop> {
        let system = talk.read(&self.place.system)?;
        let state = PowerState::of(&system)?;
        if self.action.wanted() == Some(state) {
            return Ok(Vec::new());
        }
        let Some(target) = system.action(RESET) else {
            return Err(unsupported(self.action));
        };
        let allowed = allowed_kinds(talk, &system)?;
        let hangs =
            self.place.quirks.contains(Quirk::RestartHangs) && self.action == ResetAction::ForceRestart;
        for kind in self.action.kinds().iter().filter(|_| !hangs) {
            if allows(&allowed, kind) {
                let answer = self.ask(talk, target, kind)?;
                if !allowed.is_empty() || !says_not_that_kind(&answer) {
                    return settle(target, &answer).map(|()| vec![*kind]);
                }
            }
        }
        if self.action.is_button(state) && allows(&allowed, "PushPowerButton") {
            let answer = self.ask(talk, target, "PushPowerButton")?;
            return settle(target, &answer).map(|()| vec!["PushPowerButton"]);
        }
        let is_two_steps = matches!(self.action, ResetAction::PowerCycle | ResetAction::ForceRestart);
        if is_two_steps && allows(&allowed, "ForceOff") && allows(&allowed, "On") {
            return self.off_and_on(talk, target, state);
        }
        Err(unsupported(self.action))
    }
}

impl SetPower {
    /// Sends a kind of reset, again where another change is under way.
    fn ask(&self, talk: &mut Talk, target: &str, kind: &str) -> Result<Arc<Answer>, Stop> {
        let mut attempt = 1;
        loop {
            let request = Request::with(Method::Post, target, json!({ "ResetType": kind }));
            let answer = talk.send(request)?;
            if attempt == STATE_ATTEMPTS || !says_not_now(&answer) {
                return Ok(answer);
            }
            attempt += 1;
            talk.pause(STATE_PAUSE)?;
            // It may have come about by itself.
            let now = PowerState::of(talk.read(&self.place.system)?.as_ref())?;
            if self.action.wanted() == Some(now) {
                return Ok(Arc::new(Answer::new(204, b"")));
            }
        }
    }

    /// Takes the power away, waits until that shows, and gives it back.
    fn off_and_on(
        &self,
        talk: &mut Talk,
        target: &str,
        state: PowerState,
    ) -> Result<Vec<&'static str>, Stop> {
        let mut sent = Vec::new();
        if state != PowerState::Off {
            let answer = self.ask(talk, target, "ForceOff")?;
            settle(target, &answer)?;
            sent.push("ForceOff");
            let mut looks = 0;
            while PowerState::of(talk.read(&self.place.system)?.as_ref())? != PowerState::Off {
                looks += 1;
                if looks == OFF_LOOKS {
                    let what = "the power of the machine".to_owned();
                    return Err(Error::NotKept { what, seen: "that it is still on".to_owned() }.into());
                }
                talk.pause(OFF_PAUSE)?;
            }
            if self.place.quirks.contains(Quirk::RestartHangs) {
                talk.pause(REST)?;
            }
        }
        let answer = self.ask(talk, target, "On")?;
        settle(target, &answer)?;
        sent.push("On");
        Ok(sent)
    }
}

/// The kinds of reset that a machine takes; none where it does not say.
///
/// # Errors
///
/// What [`Operation::perform`] says.
pub fn allowed_kinds(talk: &mut Talk, system: &Resource) -> Result<Vec<String>, Stop> {
    let action = system.action_value(RESET);
    let beside = texts(&action["ResetType@Redfish.AllowableValues"]);
    let Some(path) = action["@Redfish.ActionInfo"].as_str().and_then(own_path) else {
        return Ok(beside);
    };
    if !beside.is_empty() {
        return Ok(beside);
    }
    let Some(Ok(info)) = talk.get_all(&[path.to_owned()])?.pop() else { return Ok(beside) };
    let parameters = info.at(&["Parameters"]).as_array().into_iter().flatten();
    let reset = parameters.filter(|parameter| parameter["Name"].as_str() == Some("ResetType"));
    Ok(reset.flat_map(|parameter| texts(&parameter["AllowableValues"])).collect())
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|text| text.as_str()).map(str::to_owned).collect()
}

/// A machine that does not say what it takes may take anything.
fn allows(allowed: &[String], kind: &str) -> bool {
    allowed.is_empty() || allowed.iter().any(|allowed| allowed == kind)
}

fn unsupported(action: ResetAction) -> Stop {
    Error::Unsupported { what: format!("do {action}: it offers no kind of reset for it") }.into()
}

fn settle(target: &str, answer: &Answer) -> Result<(), Stop> {
    if answer.is_success() {
        return Ok(());
    }
    Err(answer.error(&Request::with(Method::Post, target, Value::Null)).into())
}

/// Whether a refusal is about the state that the machine is in now.
fn says_not_now(answer: &Answer) -> bool {
    answer.status == 409
        || answer.status == 400
            && answer.message_ids().iter().any(|id| id.starts_with("InvalidOperationForSystemState"))
}

/// Whether a refusal is about the kind of reset.
fn says_not_that_kind(answer: &Answer) -> bool {
    matches!(answer.status, 400 | 422)
        && answer.message_ids().iter().any(|id| {
            ["ActionParameterNotSupported", "ActionParameterValue", "ActionParameterUnknown", "PropertyValue"]
                .iter()
                .any(|known| id.starts_with(known))
        })
}
