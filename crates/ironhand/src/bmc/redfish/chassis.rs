//! `ironhand bmc chassis` over Redfish.

use std::borrow::Cow;

use ironhand_connectors::{Device, RedfishDevice};
use ironhand_redfish::{Place, PowerState, Stop, Talk, indicator};
use serde::Serialize;

use super::{Controllers, Problem};
use crate::bmc::chassis::{Action, Chassis, Light};
use crate::bmc::report::{Finding, Shown};
use crate::bmc::user::Switch;
use crate::exit::Failure;
use crate::output::{Field, Output, Tone};

/// `ironhand bmc chassis`.
pub async fn chassis(controllers: &Controllers, asked: &Chassis) -> Result<(), Failure> {
    match &asked.action {
        Action::Status => controllers.each(async |device| Ok(device.at_place(status).await?)).await,
        Action::Identify { seconds: Some(_), .. } => Err(Failure::Usage {
            message: "Redfish switches the light on or off, and for no time of its own".to_owned(),
            hint: Some("use --light on, and --light off".to_owned()),
        }),
        Action::Identify { seconds: None, light } => {
            let on = *light != Some(Switch::Off);
            controllers.change(async |device| switch(device, on).await).await
        }
        _ => Err(super::over_ipmi_only("chassis policy, restart-cause, hours and buttons")),
    }
}

async fn switch(device: &mut RedfishDevice, on: bool) -> Result<Light, Problem> {
    device.identify(on, None).await?;
    Ok(Light { seconds: (!on).then_some(0) })
}

fn status(talk: &mut Talk, place: &Place) -> Result<Status, Stop> {
    let system = talk.read(&place.system)?;
    let text = |names: &[&str]| system.text(names).map(str::to_owned);
    let state = PowerState::of(&system)?.as_str().to_lowercase();
    let (health, rollup) = (text(&["Status", "Health"]), text(&["Status", "HealthRollup"]));
    let last_reset = text(&["LastResetTime"]);
    let identify = indicator(talk, place)?.map(|on| if on { "on" } else { "off" });
    Ok(Status { power: state, health: rollup.or(health), last_reset, identify })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    power: String,
    /// The worst of the machine and its parts: `OK`, `Warning`, `Critical`.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_reset: Option<String>,
    /// Nothing where the controller does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    identify: Option<&'static str>,
}

impl Finding for Status {
    fn outcome(&self) -> Cow<'static, str> {
        match self.health.as_deref() {
            Some("OK") | None => self.power.clone().into(),
            Some(_) => "fault".into(),
        }
    }

    fn shown(&self, _: Output) -> Shown {
        let mut pairs = vec![("power", self.power.as_str().into())];
        pairs.extend(self.health.as_deref().map(|health| {
            let tone = match health {
                "OK" => Tone::Good,
                "Warning" => Tone::Warn,
                _ => Tone::Bad,
            };
            ("health", Field::toned(health, tone))
        }));
        pairs.extend(self.last_reset.as_deref().map(|time| ("last reset", time.into())));
        pairs.extend(self.identify.map(|state| ("identify light", state.into())));
        Shown::Pairs(pairs)
    }
}
