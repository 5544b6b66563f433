//! What a power action comes to, and what becomes of one that a crash interrupted.

use ironhand_api::{JobState, PowerAction, PowerState, Timestamp};

/// What a power action comes to, given the state that was read just before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerPlan {
    /// Nothing is to be sent: the host is already in this state, and the action has succeeded.
    Already(PowerState),
    /// This is sent: what was asked for, or what it comes to on a host in this state.
    Send(PowerAction),
    /// It would do nothing, or something else than what was asked for; why, in words.
    Refused(&'static str),
}

/// What `action` comes to on a host that was just read as `seen`.
///
/// Where the controller does not know the state, the action is sent: the controller may still refuse it, and the
/// reading afterwards tells.
pub const fn plan_power(action: PowerAction, seen: PowerState) -> PowerPlan {
    match (action, seen) {
        (PowerAction::On, PowerState::On) => PowerPlan::Already(PowerState::On),
        (PowerAction::Off | PowerAction::Soft, PowerState::Off) => PowerPlan::Already(PowerState::Off),
        // The controller would take it as fulfilled, and the host would be off a moment later.
        (PowerAction::On, PowerState::TurningOff) => {
            PowerPlan::Refused("power is turning off: power on would be lost; ask again when the host is off")
        }
        // Many controllers refuse to cycle a host that is off; powering it on is what is meant.
        (PowerAction::Cycle, PowerState::Off) => PowerPlan::Send(PowerAction::On),
        (PowerAction::Reset, PowerState::Off) => {
            PowerPlan::Refused("power is off: there is nothing to reset; power the host on")
        }
        (PowerAction::Nmi, PowerState::Off) => {
            PowerPlan::Refused("power is off: there is nothing to interrupt")
        }
        _ => PowerPlan::Send(action),
    }
}

/// What to do with a job that the last start left unfinished. The words go into the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resumption {
    /// Do it now, beginning with a reading.
    Begin,
    /// The world shows that it was done.
    Done(String),
    /// It may or may not have been done; it is not repeated.
    Unknown(String),
    /// It was not done, and the time for it is over.
    Expired(String),
}

/// What to do with a power action that the last start left in `state`, to come true by `until`, on a host that is read
/// as `seen` now.
///
/// What may have been sent is sent again only where doing it twice is doing it once, and only while the person who
/// asked still counts on it: a host must not go off because of what was wanted yesterday.
pub fn resume_power(
    action: PowerAction,
    state: JobState,
    until: Option<Timestamp>,
    now: Timestamp,
    seen: PowerState,
) -> Resumption {
    let verb = action.as_str();
    match state {
        JobState::Queued if until.is_none_or(|until| now < until) => Resumption::Begin,
        JobState::Queued => Resumption::Expired(format!(
            "the server stopped before power {verb} was sent, and the time for it was over when it started again"
        )),
        JobState::Running => resume_sent(action, until.is_some_and(|until| now < until), seen),
        JobState::Done | JobState::Failed | JobState::Unknown => {
            Resumption::Unknown(format!("power {verb} was over before: {state}"))
        }
    }
}

/// A power action that may have been sent.
fn resume_sent(action: PowerAction, in_time: bool, seen: PowerState) -> Resumption {
    let verb = action.as_str();
    let stopped = format!("the server stopped while power {verb} was being done");
    let absolute = match action {
        PowerAction::On | PowerAction::Off => true,
        PowerAction::Soft => false,
        // Being on says nothing of having been off.
        PowerAction::Cycle | PowerAction::Reset | PowerAction::Nmi => {
            return Resumption::Unknown(format!(
                "{stopped}; whether the controller took it cannot be seen, and it is not repeated; power is {seen}"
            ));
        }
    };
    if seen == action.wanted() {
        return Resumption::Done(format!("{stopped}; power is seen {seen} now"));
    }
    if absolute && in_time {
        return Resumption::Begin;
    }
    if absolute && matches!(seen, PowerState::On | PowerState::Off) {
        return Resumption::Expired(format!("{stopped}; power is still {seen}, and the time for it is over"));
    }
    Resumption::Unknown(format!("{stopped}; power is {seen}, and it is not repeated"))
}

#[cfg(test)]
mod tests;
