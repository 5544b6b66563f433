//! `ironhand bmc power`.

use std::borrow::Cow;
use std::time::Duration;

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
struct Power {
    /// Nothing where it was not waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    power: Option<State>,
    /// What was done, where something was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Cow<'static, str>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
enum State {
    On,
    Off,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
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
            Some(State::Off) | None => Tone::Plain,
        };
        let words: Vec<&str> =
            self.power.map(State::word).into_iter().chain(self.detail.as_deref()).collect();
        Shown::Line(Field::toned(words.join("  "), tone))
    }
}

/// `ironhand bmc power`.
pub async fn power(fleet: &Fleet, asked: &args::Power) -> Result<(), Failure> {
    let control = match asked.action {
        PowerWord::Status => {
            return fleet.each(async |bmc| Ok(Power { power: Some(read(bmc).await?), detail: None })).await;
        }
        PowerWord::On => ChassisControl::PowerUp,
        PowerWord::Off => ChassisControl::PowerDown,
        PowerWord::Cycle => ChassisControl::PowerCycle,
        PowerWord::Reset => ChassisControl::HardReset,
        PowerWord::Soft => ChassisControl::SoftShutdown,
        PowerWord::Nmi => ChassisControl::DiagnosticInterrupt,
    };
    let patience = (!asked.no_wait).then(|| {
        let wait = Duration::from(asked.wait);
        if control == ChassisControl::SoftShutdown { wait * SOFT_TAKES } else { wait }
    });
    fleet.change(async |bmc| switch(bmc, control, patience).await).await
}

async fn read(bmc: &Bmc) -> Result<State, Problem> {
    match bmc.request(Request::GetChassisStatus).await? {
        Reply::ChassisStatus(status) if status.power_on => Ok(State::On),
        _ => Ok(State::Off),
    }
}

/// What the power must show for a command to be done; nothing where it cannot show.
const fn goal(control: ChassisControl) -> Option<State> {
    match control {
        ChassisControl::PowerUp | ChassisControl::PowerCycle => Some(State::On),
        ChassisControl::PowerDown | ChassisControl::SoftShutdown => Some(State::Off),
        ChassisControl::HardReset | ChassisControl::DiagnosticInterrupt => None,
    }
}

/// Switches one machine, and waits until its BMC shows it.
async fn switch(bmc: &Bmc, control: ChassisControl, patience: Option<Duration>) -> Result<Power, Problem> {
    let before = read(bmc).await?;
    let switches =
        matches!(control, ChassisControl::PowerUp | ChassisControl::PowerDown | ChassisControl::SoftShutdown);
    if switches && goal(control) == Some(before) {
        return Ok(Power {
            power: Some(before),
            detail: Some(format!("was {} already", before.word()).into()),
        });
    }
    if !switches && before == State::Off {
        return Err(Problem::failed(
            "power.is_off",
            "is off",
            "the machine is off: there is nothing to reset or cycle",
        )
        .with_hint("power it on"));
    }
    match bmc.request(Request::ChassisControl(control)).await {
        Ok(_) => {}
        Err(Error::OutcomeUnknown) => return read_back(bmc, control, patience).await,
        Err(Error::Completion(CompletionCode::WRONG_STATE)) => {
            return Err(Problem::failed(
                "power.wrong_state",
                "refused",
                "the BMC says that the machine is in no state for this",
            ));
        }
        Err(error) => return Err(error.into()),
    }
    let Some(patience) = patience else {
        return Ok(Power { power: None, detail: Some(format!("accepted; was {}", before.word()).into()) });
    };
    match goal(control) {
        None => Ok(Power { power: Some(before), detail: Some("accepted".into()) }),
        Some(goal) if control == ChassisControl::PowerCycle => {
            // On is only a proof once off was seen. A quick machine may be through before it can be.
            let seen_off = reach(bmc, State::Off, patience.min(OFF_SEEN_WITHIN)).await.is_ok();
            reach(bmc, goal, patience).await?;
            let detail = if seen_off { "cycled" } else { "accepted; it was not seen off" };
            Ok(Power { power: Some(goal), detail: Some(detail.into()) })
        }
        Some(goal) => {
            reach(bmc, goal, patience).await?;
            Ok(Power { power: Some(goal), detail: Some("switched".into()) })
        }
    }
}

/// Reads until the power is as wanted.
async fn reach(bmc: &Bmc, goal: State, patience: Duration) -> Result<(), Problem> {
    let deadline = Instant::now() + patience;
    let mut pause = FIRST_LOOK;
    loop {
        tokio::time::sleep(pause).await;
        // A BMC may be deaf for a moment while it switches: silence is no verdict before the deadline.
        let state = match read(bmc).await {
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
async fn read_back(bmc: &Bmc, control: ChassisControl, patience: Option<Duration>) -> Result<Power, Problem> {
    let told = match goal(control) {
        Some(goal) if control != ChassisControl::PowerCycle => {
            if reach(bmc, goal, patience.unwrap_or(LONGEST_LOOK)).await.is_ok() {
                return Ok(Power { power: Some(goal), detail: Some("the reply was lost, read back".into()) });
            }
            format!("the power is not {}", goal.word())
        }
        _ => format!("the power is {} now", read(bmc).await?.word()),
    };
    let message = format!("unknown, read back: the reply did not come; {told}");
    Err(Problem { message, ..Error::OutcomeUnknown.into() })
}
