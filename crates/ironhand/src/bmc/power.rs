//! `ironhand bmc power`.

use std::borrow::Cow;
use std::time::Duration;

use ironhand_api::PowerAction;
use ironhand_ipmi::{ChassisControl, CompletionCode, Error, Reply, Request};
use ironhand_ipmi_port::Bmc;
use serde::Serialize;
use tokio::time::Instant;

use super::args;
use super::{Finding, Fleet, Problem, Shown};
use crate::args::PowerWord;
use crate::exit::Failure;
use crate::output::{Field, Output, Tone};

/// How long after a command the state is read the first time, and the longest time between two readings.
const FIRST_LOOK: Duration = Duration::from_millis(200);
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// How long a power cycle may take until the power is seen off. The interval is the BMC's; a few seconds are usual.
const OFF_SEEN_WITHIN: Duration = Duration::from_secs(8);

/// How much longer than a switch an operating system may take to shut down.
const SOFT_TAKES: u32 = 5;

/// The power of one machine.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Power {
    /// Nothing where it was not waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    power: Option<State>,
    /// What was done, where something was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Cow<'static, str>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum State {
    On,
    Off,
    TurningOn,
    TurningOff,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::TurningOn => "turning on",
            Self::TurningOff => "turning off",
        }
    }
}

impl Finding for Power {
    fn outcome(&self) -> Cow<'static, str> {
        self.power.map_or("accepted", State::word).into()
    }

    fn shown(&self, _: Output) -> Shown {
        let tone = match self.power {
            Some(State::On) => Tone::Good,
            Some(State::TurningOn | State::TurningOff) => Tone::Warn,
            Some(State::Off) | None => Tone::Plain,
        };
        let words: Vec<&str> =
            self.power.map(State::word).into_iter().chain(self.detail.as_deref()).collect();
        Shown::Line(Field::toned(words.join("  "), tone))
    }
}

/// A machine whose power can be read and switched.
pub(super) trait Machine {
    /// Reads the power.
    async fn power(&mut self) -> Result<State, Problem>;

    /// Asks for it, once.
    async fn ask(&mut self, action: PowerAction) -> Result<Asked, Problem>;
}

/// What came back when something was asked for.
pub(super) enum Asked {
    /// The BMC accepted it.
    Accepted,
    /// The machine was switched off, seen off, and asked to power on.
    Cycled,
    /// Nothing: it may or may not have been done.
    Unanswered(Problem),
}

/// What `ironhand bmc power` asks for.
pub(super) struct Switch {
    action: PowerAction,
    /// How long it is waited until the BMC shows it; nothing where nobody waits.
    patience: Option<Duration>,
}

impl Switch {
    /// Nothing where the power is only read.
    pub(super) fn of(asked: &args::Power) -> Option<Self> {
        let action = match asked.action {
            PowerWord::Status => return None,
            PowerWord::On => PowerAction::On,
            PowerWord::Off => PowerAction::Off,
            PowerWord::Cycle => PowerAction::Cycle,
            PowerWord::Reset => PowerAction::Reset,
            PowerWord::Soft => PowerAction::Soft,
            PowerWord::Nmi => PowerAction::Nmi,
        };
        let wait = Duration::from(asked.wait);
        let wait = if action == PowerAction::Soft { wait * SOFT_TAKES } else { wait };
        Some(Self { action, patience: (!asked.no_wait).then_some(wait) })
    }
}

impl Power {
    pub(super) async fn read(machine: &mut impl Machine) -> Result<Self, Problem> {
        Ok(Self { power: Some(machine.power().await?), detail: None })
    }
}

/// `ironhand bmc power`.
pub async fn power(fleet: &Fleet, asked: &args::Power) -> Result<(), Failure> {
    match Switch::of(asked) {
        None => fleet.each(async |mut bmc| Power::read(&mut bmc).await).await,
        Some(wanted) => fleet.change(async |mut bmc| switch(&mut bmc, &wanted).await).await,
    }
}

impl Machine for &Bmc {
    async fn power(&mut self) -> Result<State, Problem> {
        match self.request(Request::GetChassisStatus).await? {
            Reply::ChassisStatus(status) if status.power_on => Ok(State::On),
            _ => Ok(State::Off),
        }
    }

    async fn ask(&mut self, action: PowerAction) -> Result<Asked, Problem> {
        let control = match action {
            PowerAction::On => ChassisControl::PowerUp,
            PowerAction::Off => ChassisControl::PowerDown,
            PowerAction::Cycle => ChassisControl::PowerCycle,
            PowerAction::Reset => ChassisControl::HardReset,
            PowerAction::Soft => ChassisControl::SoftShutdown,
            PowerAction::Nmi => ChassisControl::DiagnosticInterrupt,
        };
        match self.request(Request::ChassisControl(control)).await {
            Ok(_) => Ok(Asked::Accepted),
            Err(error @ Error::OutcomeUnknown) => Ok(Asked::Unanswered(error.into())),
            Err(Error::Completion(CompletionCode::WRONG_STATE)) => Err(Problem::failed(
                "power.wrong_state",
                "refused",
                "the BMC says that the machine is in no state for this",
            )),
            Err(error) => Err(error.into()),
        }
    }
}

/// What the power must show for a command to be done; nothing where it cannot show.
const fn goal(action: PowerAction) -> Option<State> {
    match action {
        PowerAction::On | PowerAction::Cycle => Some(State::On),
        PowerAction::Off | PowerAction::Soft => Some(State::Off),
        PowerAction::Reset | PowerAction::Nmi => None,
    }
}

/// Switches one machine, and waits until its BMC shows it.
pub(super) async fn switch(machine: &mut impl Machine, wanted: &Switch) -> Result<Power, Problem> {
    let Switch { action, patience } = *wanted;
    let before = machine.power().await?;
    let switches = matches!(action, PowerAction::On | PowerAction::Off | PowerAction::Soft);
    if switches && goal(action) == Some(before) {
        return Ok(Power {
            power: Some(before),
            detail: Some(format!("was {} already", before.word()).into()),
        });
    }
    if !switches && before == State::Off {
        let nothing = match action {
            PowerAction::Nmi => "the machine is off: there is nothing to interrupt",
            _ => "the machine is off: there is nothing to reset or cycle",
        };
        return Err(Problem::failed("power.is_off", "is off", nothing).with_hint("power it on"));
    }
    let was_off = match machine.ask(action).await? {
        Asked::Accepted => false,
        Asked::Cycled => true,
        Asked::Unanswered(problem) => return read_back(machine, wanted, problem).await,
    };
    let Some(patience) = patience else {
        return Ok(Power { power: None, detail: Some(format!("accepted; was {}", before.word()).into()) });
    };
    match goal(action) {
        None => Ok(Power { power: Some(before), detail: Some("accepted".into()) }),
        Some(goal) if action == PowerAction::Cycle => {
            // On is only a proof once off was seen. A quick machine may be through before it can be.
            let seen_off = was_off || reach(machine, State::Off, patience.min(OFF_SEEN_WITHIN)).await.is_ok();
            reach(machine, goal, patience).await?;
            let detail = if seen_off { "cycled" } else { "accepted; it was not seen off" };
            Ok(Power { power: Some(goal), detail: Some(detail.into()) })
        }
        Some(goal) => {
            reach(machine, goal, patience).await?;
            Ok(Power { power: Some(goal), detail: Some("switched".into()) })
        }
    }
}

/// Reads until the power is as wanted.
async fn reach(machine: &mut impl Machine, goal: State, patience: Duration) -> Result<(), Problem> {
    let deadline = Instant::now() + patience;
    let mut pause = FIRST_LOOK;
    loop {
        tokio::time::sleep(pause).await;
        // A BMC may be deaf for a moment while it switches: silence is no verdict before the deadline.
        let state = match machine.power().await {
            Ok(state) => Some(state),
            Err(problem) if Instant::now() >= deadline => return Err(problem),
            Err(_) => None,
        };
        if state == Some(goal) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(Problem {
                exit: 5,
                ..Problem::failed(
                    "power.not_reached",
                    "not reached",
                    format!(
                        "the BMC accepted, but the power is not {} after {:.0} s",
                        goal.word(),
                        patience.as_secs_f64()
                    ),
                )
            });
        }
        pause = (pause * 2).min(LONGEST_LOOK);
    }
}

/// The reply to the command was lost. What can be read back decides; it is not sent again.
async fn read_back(machine: &mut impl Machine, wanted: &Switch, problem: Problem) -> Result<Power, Problem> {
    let told = match goal(wanted.action) {
        Some(goal) if wanted.action != PowerAction::Cycle => {
            if reach(machine, goal, wanted.patience.unwrap_or(LONGEST_LOOK)).await.is_ok() {
                return Ok(Power { power: Some(goal), detail: Some("the reply was lost, read back".into()) });
            }
            format!("the power is not {}", goal.word())
        }
        _ => format!("the power is {} now", machine.power().await?.word()),
    };
    Err(Problem { message: format!("unknown, read back: the reply did not come; {told}"), ..problem })
}
