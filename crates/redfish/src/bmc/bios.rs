//! Settings of the firmware, which take effect at the next boot (Bios).

use serde_json::{Map, Value, json};

use super::exchange::ServiceReply;
use super::message::{Message, Refusal};
use super::odata::link;
use super::route::{Privilege, Route};
use super::{Call, Outcome, Service, system};

pub(super) const ROUTES: &[Route] = &[
    Route::new("Systems/{system}/Bios", show),
    Route::new("Systems/{system}/Bios/Settings", pending).patch(Privilege::ConfigureComponents, change),
    Route::action("Systems/{system}/Bios/Actions/Bios.ResetBios", Privilege::ConfigureComponents, reset),
];

/// The settings that the firmware has, and what they are at first.
const DEFAULTS: [(&str, &str); 6] = [
    ("BootMode", "Uefi"),
    ("SecureBoot", "Disabled"),
    ("VirtualizationTechnology", "Enabled"),
    ("HyperThreading", "Enabled"),
    ("SerialRedirection", "Enabled"),
    ("QuietBoot", "Disabled"),
];

/// The longest value of a setting.
const LONGEST: usize = 64;

/// Settings that are not what they were at first: those in force, and those from the next boot on.
#[derive(Debug, Default)]
pub(super) struct Bios {
    current: Map<String, Value>,
    pending: Map<String, Value>,
}

impl Bios {
    /// The firmware starts, and takes over what was set.
    pub(super) fn boot(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        self.current.extend(pending);
    }

    fn attributes(&self) -> Map<String, Value> {
        let defaults = DEFAULTS.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value)));
        let mut attributes: Map<String, Value> = defaults.collect();
        attributes.extend(self.current.clone());
        attributes
    }
}

fn show(service: &mut Service, _: &mut Call<'_>) -> Outcome {
    let path = format!("{}/Bios", system::path(service));
    Ok(ServiceReply::resource(json!({
        "@odata.id": path,
        "@odata.type": "#Bios.v1_2_3.Bios",
        "Id": "Bios",
        "Name": "BIOS Configuration",
        "Attributes": service.bios.attributes(),
        "@Redfish.Settings": {
            "@odata.type": "#Settings.v1_4_0.Settings",
            "SettingsObject": link(format!("{path}/Settings")),
            "SupportedApplyTimes": ["OnReset"],
        },
        "Actions": { "#Bios.ResetBios": { "target": format!("{path}/Actions/Bios.ResetBios") } },
    })))
}

fn pending(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    Ok(ServiceReply::resource(json!({
        "@odata.id": call.path,
        "@odata.type": "#Bios.v1_2_3.Bios",
        "Id": "Settings",
        "Name": "BIOS Configuration for the next boot",
        "Attributes": service.bios.pending,
    })))
}

fn change(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let wanted = call.body["Attributes"].as_object().ok_or_else(|| {
        Refusal::new(400, "PropertyMissing", "The body has no Attributes.").with_arg("Attributes")
    })?;
    let mut faults = Vec::new();
    for (name, value) in wanted {
        let known = DEFAULTS.iter().any(|(known, _)| known == name);
        let fits = value.as_str().is_some_and(|text| !text.is_empty() && text.len() <= LONGEST);
        let (id, text) = match (known, fits) {
            (true, true) => continue,
            (false, _) => ("PropertyUnknown", format!("There is no attribute {name}.")),
            (true, false) => ("PropertyValueTypeError", format!("{name} takes a short text.")),
        };
        faults.push(Message::about(&format!("Attributes/{name}"), id, text, &[name]));
    }
    if !faults.is_empty() {
        return Err(Refusal::of(400, faults));
    }
    service.bios.pending.extend(wanted.clone());
    pending(service, call)
}

/// From the next boot on everything is as it was at first.
fn reset(service: &mut Service, _: &mut Call<'_>) -> Outcome {
    let defaults = DEFAULTS.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value)));
    service.bios.pending = defaults.collect();
    Ok(ServiceReply::empty(204))
}
