//! `ironhand bmc dcmi`: power draw, its limit, and names of machines.

use std::borrow::Cow;

use clap::{Args, Subcommand, ValueEnum};
use ironhand_api::Span;
use ironhand_ipmi::dcmi::{
    self, CapabilityParameter, DcmiText, ExceptionAction, GetDcmiCapabilities, GetPowerReading, PowerLimit,
    PowerReading,
};
use ironhand_ipmi::procedure::Ask;
use ironhand_ipmi_port::Bmc;
use serde::Serialize;

use super::{Finding, Fleet, Problem, Shown};
use crate::exit::Failure;
use crate::output::{Field, Output, Tone};

/// `ironhand bmc dcmi`.
#[derive(Args)]
pub struct Dcmi {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show how much power the machine draws
    Power,
    /// Show or change the limit of the power that the machine draws
    Limit {
        #[command(subcommand)]
        action: Option<LimitAction>,
    },
    /// Show or write the asset tag
    AssetTag {
        /// The new tag: up to 63 bytes
        value: Option<String>,
    },
    /// Show or write the BMC's name, which it also tells to DHCP servers
    ControllerId {
        /// The new name: up to 63 bytes
        value: Option<String>,
    },
    /// Show which version of DCMI the BMC follows, and whether it manages power
    Capabilities,
}

#[derive(Subcommand)]
enum LimitAction {
    /// Show the limit
    Show,
    /// Set the limit and switch it on
    Set {
        /// Watts
        watts: u16,
        /// What happens where the limit cannot be held
        #[arg(long, value_enum, default_value_t = ExceptionWord::Log)]
        action: ExceptionWord,
        /// The time in which the draw must be below the limit again
        #[arg(long, default_value = "1s", value_name = "TIME")]
        correction: Span,
        /// The time over which the draw is averaged, in whole seconds
        #[arg(long, default_value = "1s", value_name = "TIME")]
        sampling: Span,
    },
    /// Switch the limit on
    On,
    /// Switch the limit off
    Off,
}

/// What happens where the limit cannot be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ExceptionWord {
    /// Nothing
    None,
    /// It is logged
    Log,
    /// Power is switched off
    Off,
}

/// `ironhand bmc dcmi`.
pub async fn dcmi(fleet: &Fleet, asked: &Dcmi) -> Result<(), Failure> {
    match &asked.action {
        Action::Power => {
            let ask = || Ask::new("read the power", &GetPowerReading);
            fleet.each(async |bmc| Ok(Power::of(&bmc.run(ask()).await?))).await
        }
        Action::Limit { action } => limit(fleet, action.as_ref().unwrap_or(&LimitAction::Show)).await,
        Action::AssetTag { value } => {
            fleet.each(async |bmc| text(bmc, DcmiText::AssetTag, value.as_ref()).await).await
        }
        Action::ControllerId { value } => {
            fleet.each(async |bmc| text(bmc, DcmiText::ControllerId, value.as_ref()).await).await
        }
        Action::Capabilities => {
            let command = GetDcmiCapabilities(CapabilityParameter::Supported);
            fleet
                .each(async |bmc| {
                    let found = bmc.run(Ask::new("read the DCMI capabilities", &command)).await?;
                    Ok(Capabilities {
                        version: format!("{}.{}", found.version.major, found.version.minor),
                        power_management: found.power_management(),
                    })
                })
                .await
        }
    }
}

async fn limit(fleet: &Fleet, asked: &LimitAction) -> Result<(), Failure> {
    match asked {
        LimitAction::Show => {
            fleet.each(async |bmc| Ok(Limit::of(bmc.run(dcmi::read_power_limit()).await?))).await
        }
        LimitAction::Set { watts, action, correction, sampling } => {
            let limit = wanted(*watts, *action, *correction, *sampling)?;
            fleet
                .change(async |bmc| {
                    bmc.run(dcmi::set_power_limit(limit, true)).await?;
                    Ok(Limit::of(Some(limit)))
                })
                .await
        }
        LimitAction::On | LimitAction::Off => {
            let active = matches!(asked, LimitAction::On);
            fleet
                .change(async |bmc| {
                    bmc.run(dcmi::activate(active)).await?;
                    Ok(Limit::of(bmc.run(dcmi::read_power_limit()).await?))
                })
                .await
        }
    }
}

fn wanted(
    watts: u16,
    action: ExceptionWord,
    correction: Span,
    sampling: Span,
) -> Result<PowerLimit, Failure> {
    let too_long = |what: &str| Failure::Usage { message: format!("the {what} is too long"), hint: None };
    Ok(PowerLimit {
        action: match action {
            ExceptionWord::None => ExceptionAction::None,
            ExceptionWord::Log => ExceptionAction::Log,
            ExceptionWord::Off => ExceptionAction::PowerOff,
        },
        watts,
        correction: u32::try_from(std::time::Duration::from(correction).as_millis())
            .map_err(|_| too_long("correction time"))?,
        sampling: u16::try_from(std::time::Duration::from(sampling).as_secs())
            .map_err(|_| too_long("sampling time"))?,
    })
}

/// Writes the text if there is one, and reads it.
async fn text(bmc: &Bmc, which: DcmiText, value: Option<&String>) -> Result<Text, Problem> {
    if let Some(value) = value {
        bmc.run(dcmi::set_text(which, value.clone())).await?;
    }
    Ok(Text { value: bmc.run(dcmi::read_text(which)).await? })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Power {
    watts: u16,
    minimum: u16,
    maximum: u16,
    average: u16,
    period_seconds: f64,
    /// Power is being measured.
    active: bool,
}

impl Power {
    fn of(reading: &PowerReading) -> Self {
        Self {
            watts: reading.current,
            minimum: reading.minimum,
            maximum: reading.maximum,
            average: reading.average,
            period_seconds: f64::from(reading.period) / 1000.0,
            active: reading.active,
        }
    }
}

impl Finding for Power {
    fn outcome(&self) -> Cow<'static, str> {
        if self.active { "read".into() } else { "not measured".into() }
    }

    fn shown(&self, _: Output) -> Shown {
        if !self.active {
            return Shown::Line(Field::toned("power is not being measured", Tone::Dim));
        }
        let Self { watts, minimum, maximum, average, period_seconds, .. } = self;
        Shown::Line(
            format!("{watts} W  (minimum {minimum}, average {average}, maximum {maximum} W in {period_seconds:.0} s)")
                .into(),
        )
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Limit {
    /// Nothing where there is no limit.
    watts: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correction_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sampling_seconds: Option<u16>,
}

impl Limit {
    fn of(limit: Option<PowerLimit>) -> Self {
        Self {
            watts: limit.map(|limit| limit.watts),
            action: limit.map(|limit| limit.action.text()),
            correction_seconds: limit.map(|limit| limit.correction_time().as_secs_f64()),
            sampling_seconds: limit.map(|limit| limit.sampling),
        }
    }
}

impl Finding for Limit {
    fn outcome(&self) -> Cow<'static, str> {
        if self.watts.is_some() { "limited".into() } else { "no limit".into() }
    }

    fn shown(&self, _: Output) -> Shown {
        let Some(watts) = self.watts else { return Shown::Line(Field::toned("no limit", Tone::Dim)) };
        let correction = self.correction_seconds.unwrap_or_default();
        let action = self.action.unwrap_or_default();
        Shown::Line(format!("{watts} W, to be reached in {correction} s, else: {action}").into())
    }
}

#[derive(Serialize)]
struct Text {
    value: String,
}

impl Finding for Text {
    fn outcome(&self) -> Cow<'static, str> {
        "read".into()
    }

    fn shown(&self, _: Output) -> Shown {
        Shown::Line(match self.value.as_str() {
            "" => Field::toned("empty", Tone::Dim),
            value => value.into(),
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Capabilities {
    version: String,
    power_management: bool,
}

impl Finding for Capabilities {
    fn outcome(&self) -> Cow<'static, str> {
        "read".into()
    }

    fn shown(&self, _: Output) -> Shown {
        let power = if self.power_management { "with" } else { "without" };
        Shown::Line(format!("DCMI {}, {power} power management", self.version).into())
    }
}
