//! `ironhand bmc mc watchdog`: the timer that resets a machine whose software does not report.

use std::borrow::Cow;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use ironhand_api::Span;
use ironhand_ipmi::procedure::Ask;
use ironhand_ipmi::watchdog::{
    GetWatchdogTimer, PretimeoutInterrupt, ResetWatchdogTimer, SetWatchdogTimer, TimeoutAction, TimerUse,
    WatchdogSettings, WatchdogTimer,
};
use ironhand_ipmi_port::Bmc;
use serde::Serialize;

use super::{Finding, Fleet, Problem, Shown};
use crate::exit::Failure;
use crate::output::{Field, Output, Tone};

/// What can be done with a watchdog timer.
#[derive(Subcommand)]
pub enum WatchdogAction {
    /// Show the timer
    Show,
    /// Stop the timer, and leave it without an action
    Stop,
    /// Set the timer and start it
    Start {
        /// The time after which it expires: 100ms to 6553s
        #[arg(long, value_name = "TIME")]
        after: Span,
        /// What happens then
        #[arg(long, value_enum)]
        action: ActionWord,
        /// Do not log the expiry in the SEL
        #[arg(long)]
        no_log: bool,
    },
    /// Start the countdown again
    Restart,
}

/// What happens when the timer expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ActionWord {
    /// Nothing
    None,
    /// The machine is reset
    Reset,
    /// Power is switched off
    Off,
    /// Power is switched off and on
    Cycle,
}

/// `ironhand bmc mc watchdog`.
pub async fn watchdog(fleet: &Fleet, asked: &WatchdogAction) -> Result<(), Failure> {
    let set = match asked {
        WatchdogAction::Show => return fleet.each(read).await,
        WatchdogAction::Restart => None,
        WatchdogAction::Stop => Some(SetWatchdogTimer::STOP),
        WatchdogAction::Start { after, action, no_log } => Some(started(*after, *action, *no_log)?),
    };
    let starts = !matches!(asked, WatchdogAction::Stop);
    fleet
        .change(async |bmc| {
            if let Some(set) = &set {
                bmc.run(Ask::new("set the watchdog timer", set)).await?;
            }
            if starts {
                bmc.run(Ask::new("start the watchdog timer", &ResetWatchdogTimer)).await?;
            }
            read(bmc).await
        })
        .await
}

fn started(after: Span, action: ActionWord, dont_log: bool) -> Result<SetWatchdogTimer, Failure> {
    let ticks = u16::try_from(Duration::from(after).as_millis() / 100).ok().filter(|ticks| *ticks > 0);
    let countdown = ticks.ok_or_else(|| Failure::Usage {
        message: "the watchdog timer counts from 100ms to 6553s".to_owned(),
        hint: None,
    })?;
    let timer_use = TimerUse::Sms;
    Ok(SetWatchdogTimer {
        keep_running: false,
        settings: WatchdogSettings {
            dont_log,
            timer_use,
            action: match action {
                ActionWord::None => TimeoutAction::None,
                ActionWord::Reset => TimeoutAction::HardReset,
                ActionWord::Off => TimeoutAction::PowerDown,
                ActionWord::Cycle => TimeoutAction::PowerCycle,
            },
            pretimeout_interrupt: PretimeoutInterrupt::None,
            pretimeout: 0,
            expired: SetWatchdogTimer::STOP.settings.expired,
            countdown,
        },
    })
}

async fn read(bmc: &Bmc) -> Result<Timer, Problem> {
    Ok(Timer::of(&bmc.run(Ask::new("read the watchdog timer", &GetWatchdogTimer)).await?))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Timer {
    running: bool,
    timer_use: &'static str,
    action: &'static str,
    pretimeout_interrupt: &'static str,
    pretimeout_seconds: u8,
    seconds: f64,
    seconds_left: f64,
    logged: bool,
    expired: bool,
}

impl Timer {
    fn of(timer: &WatchdogTimer) -> Self {
        let settings = &timer.settings;
        Self {
            running: timer.running,
            timer_use: settings.timer_use.text(),
            action: settings.action.text(),
            pretimeout_interrupt: settings.pretimeout_interrupt.text(),
            pretimeout_seconds: settings.pretimeout,
            seconds: settings.time().as_secs_f64(),
            seconds_left: timer.time_left().as_secs_f64(),
            logged: !settings.dont_log,
            expired: settings.expired != 0,
        }
    }
}

impl Finding for Timer {
    fn outcome(&self) -> Cow<'static, str> {
        if self.running { "running".into() } else { "stopped".into() }
    }

    fn shown(&self, _: Output) -> Shown {
        let state = match self.running {
            true => Field::toned("running", Tone::Warn),
            false => "stopped".into(),
        };
        let before = match self.pretimeout_interrupt {
            "none" => Field::toned("none", Tone::Dim),
            interrupt => format!("{interrupt}, {} s before", self.pretimeout_seconds).into(),
        };
        Shown::Pairs(vec![
            ("timer", state),
            ("used by", self.timer_use.into()),
            ("action", self.action.into()),
            ("interrupt", before),
            ("countdown", format!("{:.1} of {:.1} s left", self.seconds_left, self.seconds).into()),
            ("logged", if self.logged { "yes" } else { "no" }.into()),
            ("has expired", if self.expired { "yes" } else { "no" }.into()),
        ])
    }
}
