//! `ironhand bmc chassis`: the machines' cases.

use std::borrow::Cow;

use clap::{Args, Subcommand, ValueEnum};
use ironhand_ipmi::ChassisStatus;
use ironhand_ipmi::chassis::{
    self, ChassisIdentify, GetPohCounter, GetSystemRestartCause, RestartCause, SetFrontPanelEnables,
};
use ironhand_ipmi::command::{ButtonSet, GetChassisStatus, IdentifyState, RestorePolicy};
use ironhand_ipmi::procedure::Ask;
use serde::Serialize;

use super::user::Switch;
use super::{Finding, Fleet, Shown};
use crate::exit::Failure;
use crate::output::{Field, Output, Tone};

/// `ironhand bmc chassis`.
#[derive(Args)]
pub struct Chassis {
    #[command(subcommand)]
    pub(super) action: Action,
}

#[derive(Subcommand)]
pub(super) enum Action {
    /// Show power, faults, buttons and the identify light
    Status,
    /// Switch the light that shows which machine is meant
    Identify {
        /// For so many seconds [default: 15]
        #[arg(long, conflicts_with = "light", value_name = "0..255")]
        seconds: Option<u8>,
        /// Until it is switched off, or off at once
        #[arg(long, value_enum, value_name = "on|off")]
        light: Option<Switch>,
    },
    /// Set what the machine does when mains power comes back
    Policy {
        /// The policy
        #[arg(value_enum)]
        policy: PolicyWord,
    },
    /// Show why the machine last started
    RestartCause,
    /// Show for how long the machine has been powered on in its life
    Hours,
    /// Disable the front panel's power and reset buttons, or enable all
    Buttons {
        /// on, or off
        #[arg(value_enum)]
        buttons: Switch,
    },
}

/// What the machine does when mains power comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum PolicyWord {
    /// It stays off
    AlwaysOff,
    /// It returns to the state it had
    Previous,
    /// It is switched on
    AlwaysOn,
}

/// `ironhand bmc chassis`.
pub async fn chassis(fleet: &Fleet, asked: &Chassis) -> Result<(), Failure> {
    match asked.action {
        Action::Status => {
            fleet
                .each(async |bmc| {
                    Ok(Status::of(&bmc.run(Ask::new("read the chassis status", &GetChassisStatus)).await?))
                })
                .await
        }
        Action::Identify { seconds, light } => {
            let wish = match (seconds, light) {
                (Some(seconds), _) => ChassisIdentify::Seconds(seconds),
                (None, Some(Switch::On)) => ChassisIdentify::On,
                (None, Some(Switch::Off)) => ChassisIdentify::Seconds(0),
                (None, None) => ChassisIdentify::DEFAULT,
            };
            fleet.change(async |bmc| Ok(Light { seconds: bmc.run(chassis::identify(wish)).await? })).await
        }
        Action::Policy { policy } => {
            let policy = match policy {
                PolicyWord::AlwaysOff => RestorePolicy::StayOff,
                PolicyWord::Previous => RestorePolicy::Previous,
                PolicyWord::AlwaysOn => RestorePolicy::PowerUp,
            };
            fleet
                .change(async |bmc| {
                    bmc.run(chassis::set_restore_policy(policy)).await?;
                    Ok(Policy { restore_policy: policy_word(policy) })
                })
                .await
        }
        Action::RestartCause => {
            let ask = || Ask::new("read the restart cause", &GetSystemRestartCause);
            fleet.each(async |bmc| Ok(Cause::of(bmc.run(ask()).await?))).await
        }
        Action::Hours => {
            let ask = || Ask::new("read the power-on counter", &GetPohCounter);
            fleet.each(async |bmc| Ok(Hours { hours: bmc.run(ask()).await?.time().as_secs() / 3600 })).await
        }
        Action::Buttons { buttons } => {
            let enabled = bool::from(buttons);
            let disabled = ButtonSet { reset: !enabled, power_off: !enabled, ..ButtonSet::default() };
            fleet
                .change(async |bmc| {
                    bmc.run(Ask::new("set the front panel's buttons", &SetFrontPanelEnables(disabled)))
                        .await?;
                    Ok(Buttons { enabled })
                })
                .await
        }
    }
}

const fn policy_word(policy: RestorePolicy) -> &'static str {
    match policy {
        RestorePolicy::StayOff => "always-off",
        RestorePolicy::Previous => "previous",
        RestorePolicy::PowerUp => "always-on",
        RestorePolicy::Unknown => "unknown",
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    power: &'static str,
    faults: Vec<&'static str>,
    restore_policy: &'static str,
    /// Why power last went off or on.
    last_power_event: Vec<&'static str>,
    front_panel_locked: bool,
    disabled_buttons: Vec<&'static str>,
    /// Nothing where the BMC does not tell.
    identify: Option<&'static str>,
}

impl Status {
    fn of(status: &ChassisStatus) -> Self {
        let disabled = status.buttons.map(|buttons| buttons.disabled).unwrap_or_default();
        let buttons = [
            (disabled.power_off, "power"),
            (disabled.reset, "reset"),
            (disabled.diagnostic, "diagnostic"),
            (disabled.standby, "standby"),
        ];
        Self {
            power: if status.power_on { "on" } else { "off" },
            faults: status.faults(),
            restore_policy: policy_word(status.restore_policy),
            last_power_event: status.power_events(),
            front_panel_locked: status.front_panel_lockout,
            disabled_buttons: buttons.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect(),
            identify: status.identify.map(|state| match state {
                IdentifyState::Off => "off",
                IdentifyState::Temporary => "on for a while",
                IdentifyState::Indefinite => "on",
                IdentifyState::Reserved => "unknown",
            }),
        }
    }
}

impl Finding for Status {
    fn outcome(&self) -> Cow<'static, str> {
        if self.faults.is_empty() { self.power.into() } else { "fault".into() }
    }

    fn shown(&self, _: Output) -> Shown {
        let none = || Field::toned("none", Tone::Dim);
        let list = |items: &[&str]| if items.is_empty() { none() } else { items.join(", ").into() };
        let faults = match self.faults.is_empty() {
            true => Field::toned("none", Tone::Good),
            false => Field::toned(self.faults.join(", "), Tone::Bad),
        };
        let mut pairs = vec![
            ("power", self.power.into()),
            ("faults", faults),
            ("restore policy", self.restore_policy.into()),
            ("last power event", list(&self.last_power_event)),
            ("front panel", if self.front_panel_locked { "locked" } else { "not locked" }.into()),
            ("disabled buttons", list(&self.disabled_buttons)),
        ];
        pairs.extend(self.identify.map(|state| ("identify light", state.into())));
        Shown::Pairs(pairs)
    }
}

#[derive(Serialize)]
pub(super) struct Light {
    /// Nothing stands for "until it is switched off".
    pub(super) seconds: Option<u8>,
}

impl Finding for Light {
    fn shown(&self, _: Output) -> Shown {
        Shown::Line(match self.seconds {
            Some(0) => "identify light off".into(),
            Some(seconds) => format!("identify light on for {seconds} s").into(),
            None => "identify light on".into(),
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Policy {
    restore_policy: &'static str,
}

impl Finding for Policy {
    fn shown(&self, _: Output) -> Shown {
        Shown::Line(format!("restore policy is {}", self.restore_policy).into())
    }
}

#[derive(Serialize)]
struct Cause {
    cause: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<u8>,
}

impl Cause {
    const fn of(cause: RestartCause) -> Self {
        let channel = match cause {
            RestartCause::ChassisControl { channel } => Some(channel),
            _ => None,
        };
        Self { cause: cause.text(), channel }
    }
}

impl Finding for Cause {
    fn outcome(&self) -> Cow<'static, str> {
        self.cause.into()
    }

    fn shown(&self, _: Output) -> Shown {
        Shown::Line(match self.channel {
            Some(channel) => format!("{}, over channel {channel}", self.cause).into(),
            None => self.cause.into(),
        })
    }
}

#[derive(Serialize)]
struct Hours {
    hours: u64,
}

impl Finding for Hours {
    fn outcome(&self) -> Cow<'static, str> {
        "read".into()
    }

    fn shown(&self, _: Output) -> Shown {
        Shown::Line(format!("{} hours", self.hours).into())
    }
}

#[derive(Serialize)]
struct Buttons {
    enabled: bool,
}

impl Finding for Buttons {
    fn shown(&self, _: Output) -> Shown {
        Shown::Line(format!("buttons {}", if self.enabled { "enabled" } else { "disabled" }).into())
    }
}
