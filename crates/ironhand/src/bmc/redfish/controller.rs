//! `ironhand bmc mc` over Redfish: the controllers themselves.

use std::borrow::Cow;

use ironhand_connectors::{Error, RedfishDevice};
use ironhand_redfish::{Error as Redfish, Identity, Method, Place, Request, Root, Stop, Talk, root};
use serde::Serialize;
use serde_json::json;

use super::{Controllers, Problem};
use crate::bmc::mc::{Action, Mc, Restart};
use crate::bmc::report::{Finding, Shown};
use crate::exit::Failure;
use crate::output::Output;

/// `ironhand bmc mc`.
pub async fn mc(controllers: &Controllers, asked: &Mc) -> Result<(), Failure> {
    match &asked.action {
        Action::Info => controllers.each(info).await,
        Action::Reset { .. } => controllers.change(restart).await,
        _ => Err(super::over_ipmi_only("mc guid, selftest, system-info and watchdog")),
    }
}

async fn info(device: &mut RedfishDevice) -> Result<Info, Problem> {
    let place = device.place().await?;
    let root = device.run(root).await?;
    Ok(Info::of(place, root))
}

/// Restarts a controller; it is asked once. Some are gone before they answer.
async fn restart(device: &mut RedfishDevice) -> Result<Restart, Problem> {
    match device.at_place(reset).await {
        Ok(()) => Ok(Restart { answered: true }),
        Err(Error::OutcomeUnknown) => Ok(Restart { answered: false }),
        Err(error) => Err(error.into()),
    }
}

/// Asks the controller to restart, gracefully where it offers that.
fn reset(talk: &mut Talk, place: &Place) -> Result<(), Stop> {
    let unsupported = || Redfish::Unsupported { what: "be restarted over Redfish".to_owned() };
    let manager = talk.get(place.manager.as_deref().ok_or_else(unsupported)?)?;
    let target = manager.action("Manager.Reset").ok_or_else(unsupported)?.to_owned();
    let offered = &manager.action_value("Manager.Reset")["ResetType@Redfish.AllowableValues"];
    let offers = |kind: &str| {
        offered.as_array().is_none_or(|kinds| kinds.iter().any(|offered| offered.as_str() == Some(kind)))
    };
    let kind = if offers("GracefulRestart") { "GracefulRestart" } else { "ForceRestart" };
    talk.done(Request::with(Method::Post, target, json!({ "ResetType": kind })))?;
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    manufacturer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    firmware: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redfish: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uuid: Option<String>,
    /// The model of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// The path of the machine.
    system: String,
    /// The faults that such a controller is known for, by their names.
    quirks: Vec<&'static str>,
    /// What this was told by.
    evidence: Vec<String>,
}

impl Info {
    fn of(place: Place, root: Root) -> Self {
        let Identity { vendor, product, firmware, model, evidence } = place.identity;
        Self {
            manufacturer: vendor.as_str(),
            product,
            firmware,
            redfish: root.version,
            uuid: root.uuid,
            model,
            system: place.system,
            quirks: place.quirks.iter().map(|quirk| quirk.name()).collect(),
            evidence,
        }
    }
}

impl Finding for Info {
    fn outcome(&self) -> Cow<'static, str> {
        self.manufacturer.into()
    }

    fn shown(&self, _: Output) -> Shown {
        let mut pairs = vec![("manufacturer", self.manufacturer.into())];
        let texts = [
            ("product", &self.product),
            ("firmware", &self.firmware),
            ("redfish", &self.redfish),
            ("uuid", &self.uuid),
            ("machine", &self.model),
        ];
        pairs.extend(texts.into_iter().filter_map(|(name, text)| Some((name, text.clone()?.into()))));
        pairs.push(("system", self.system.as_str().into()));
        if !self.quirks.is_empty() {
            pairs.push(("known faults", self.quirks.join(", ").into()));
        }
        if !self.evidence.is_empty() {
            pairs.push(("told by", self.evidence.join("; ").into()));
        }
        Shown::Pairs(pairs)
    }
}
