//! The machine: power and boot (ComputerSystem).

use serde_json::{Value, json};

use super::change::{Changes, changed};
use super::exchange::ServiceReply;
use super::flavour::IdleButton;
use super::machine::{BootEnabled, BootMode, BootOverride, BootTarget, ResetType};
use super::message::Refusal;
use super::odata::{collection, link};
use super::route::{Privilege, Route};
use super::{Call, Outcome, Service, chassis, controller};

pub(super) const ROUTES: &[Route] = &[
    Route::new("Systems", list),
    Route::new("Systems/{system}", show).patch(Privilege::ConfigureComponents, change),
    Route::action("Systems/{system}/Actions/ComputerSystem.Reset", Privilege::ConfigureComponents, reset),
    Route::new("Systems/{system}/ResetActionInfo", reset_info),
    Route::new("Systems/*", baseboard),
];

/// The longest address or UEFI path that is kept.
const LONGEST: usize = 1024;

/// Where exactly a boot from the network or from a device comes from, of which the machine itself knows nothing.
#[derive(Debug, Default)]
pub(super) struct BootSources {
    http: Option<String>,
    device: Option<String>,
    /// A boot from the network is one over HTTP.
    is_http: bool,
}

/// The path of the system.
pub(super) fn path(service: &Service) -> String {
    format!("/redfish/v1/Systems/{}", service.flavour.system)
}

fn list(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let baseboards = service.flavour.baseboards.iter().map(|id| format!("/redfish/v1/Systems/{id}"));
    let members: Vec<Value> = std::iter::once(path(service)).chain(baseboards).map(link).collect();
    collection(call, "ComputerSystemCollection", "Systems", &members)
}

/// A baseboard that is listed beside the machine.
fn baseboard(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let found = service.flavour.baseboards.iter().find(|id| **id == call.id());
    let id = found.ok_or_else(|| Refusal::missing(call.path))?;
    Ok(ServiceReply::resource(json!({
        "@odata.id": call.path,
        "@odata.type": "#ComputerSystem.v1_22_0.ComputerSystem",
        "Id": id,
        "Name": "Baseboard",
        "SystemType": "Physical",
        "Status": { "State": "Enabled", "Health": "OK" },
    })))
}

fn resource(service: &Service, call: &mut Call<'_>) -> Value {
    let (flavour, path) = (service.flavour, path(service));
    let facts = call.machine.facts();
    let on = call.machine.is_on();
    json!({
        "@odata.id": path,
        "@odata.type": "#ComputerSystem.v1_22_0.ComputerSystem",
        "Id": flavour.system,
        "Name": "System",
        "SystemType": "Physical",
        "Manufacturer": flavour.manufacturer,
        "Model": flavour.model,
        "SerialNumber": facts.serial,
        "UUID": facts.uuid,
        "HostName": facts.host_name,
        "AssetTag": facts.asset_tag,
        "PowerState": if on { "On" } else { "Off" },
        "LocationIndicatorActive": call.machine.is_identified(),
        "Status": { "State": if on { "Enabled" } else { "Disabled" }, "Health": "OK" },
        "BiosVersion": flavour.bios,
        "Bios": link(format!("{path}/Bios")),
        "LogServices": link(format!("{path}/LogServices")),
        "Links": {
            "Chassis": [link(chassis::path(service))],
            "ManagedBy": [link(controller::path(service))],
        },
        "Boot": boot(service, call),
        "Actions": { "#ComputerSystem.Reset": reset_action(service) },
    })
}

/// What the next boot starts from. A machine that knows no HTTP boot, as by IPMI, is told to boot from the network.
fn boot_override(service: &Service, call: &mut Call<'_>) -> BootOverride {
    let mut boot = call.machine.boot();
    if service.boot_sources.is_http && boot.target == BootTarget::Pxe {
        boot.target = BootTarget::UefiHttp;
    }
    boot
}

fn boot(service: &Service, call: &mut Call<'_>) -> Value {
    let boot = boot_override(service, call);
    let targets: Vec<&str> = service.flavour.boot_targets.iter().map(|target| target.as_str()).collect();
    let enabled: Vec<&str> = service.flavour.boot_enabled.iter().map(|enabled| enabled.as_str()).collect();
    json!({
        "BootSourceOverrideEnabled": boot.enabled.as_str(),
        "BootSourceOverrideEnabled@Redfish.AllowableValues": enabled,
        "BootSourceOverrideMode": boot.mode.as_str(),
        "BootSourceOverrideMode@Redfish.AllowableValues": ["Legacy", "UEFI"],
        "BootSourceOverrideTarget": boot.target.as_str(),
        "BootSourceOverrideTarget@Redfish.AllowableValues": targets,
        "HttpBootUri": service.boot_sources.http,
        "UefiTargetBootSourceOverride": service.boot_sources.device,
    })
}

fn reset_values(service: &Service) -> Vec<&'static str> {
    service.flavour.resets.iter().map(|reset| reset.as_str()).collect()
}

fn reset_action(service: &Service) -> Value {
    let path = path(service);
    let mut action = json!({ "target": format!("{path}/Actions/ComputerSystem.Reset") });
    if service.flavour.action_info {
        action["@Redfish.ActionInfo"] = format!("{path}/ResetActionInfo").into();
    } else {
        action["ResetType@Redfish.AllowableValues"] = reset_values(service).into();
    }
    action
}

fn reset_info(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    if !service.flavour.action_info {
        return Err(Refusal::missing(call.path));
    }
    Ok(ServiceReply::resource(json!({
        "@odata.id": call.path,
        "@odata.type": "#ActionInfo.v1_4_2.ActionInfo",
        "Id": "ResetActionInfo",
        "Name": "Reset Action Info",
        "Parameters": [{
            "Name": "ResetType",
            "Required": true,
            "DataType": "String",
            "AllowableValues": reset_values(service),
        }],
    })))
}

fn show(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    Ok(ServiceReply::resource(resource(service, call)))
}

fn reset(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    const ACTION: &str = "ComputerSystem.Reset";
    let asked = match &call.body["ResetType"] {
        Value::Null => return Err(Refusal::parameter_missing(ACTION, "ResetType")),
        Value::String(text) => text,
        _ => return Err(Refusal::parameter_value(ACTION, "ResetType", "the value")),
    };
    let reset: ResetType = (service.flavour.resets.iter().copied())
        .find(|reset| reset.as_str() == asked)
        .ok_or_else(|| Refusal::parameter_value(ACTION, "ResetType", asked))?;
    let on = call.machine.is_on();
    let idle = match reset {
        ResetType::On | ResetType::ForceOn => on,
        ResetType::PushPowerButton => false,
        _ => !on,
    };
    match service.flavour.idle_button {
        IdleButton::Conflict if idle => {
            let text = format!("{asked} changes nothing: the machine is {}.", if on { "on" } else { "off" });
            return Err(Refusal::new(409, "ResourceInUse", text));
        }
        IdleButton::InvalidState if idle => {
            let text = format!("{asked} is not possible in the present state.");
            return Err(Refusal::new(400, "iLO.2.14.InvalidOperationForSystemState", text));
        }
        _ => call.machine.reset(reset),
    }
    Ok(ServiceReply::empty(204))
}

fn change(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let shown = resource(service, call);
    let body = call.body.clone();
    let mut changes = Changes::of(&body)?;
    if let Some(lit) = changes.flag("LocationIndicatorActive") {
        call.machine.identify(lit);
    }
    if let Some(mut boot) = changes.object("Boot") {
        change_boot(service, call, &mut boot)?;
        changes.absorb("Boot", boot, &shown);
    }
    let faults = changes.finish(&shown)?;
    Ok(changed(resource(service, call), &faults))
}

fn change_boot(service: &mut Service, call: &mut Call<'_>, changes: &mut Changes<'_>) -> Result<(), Refusal> {
    let flavour = service.flavour;
    let mut boot = boot_override(service, call);
    let enabled = changes.choice("BootSourceOverrideEnabled", flavour.boot_enabled, BootEnabled::as_str);
    let target = changes.choice("BootSourceOverrideTarget", flavour.boot_targets, BootTarget::as_str);
    let mode =
        changes.choice("BootSourceOverrideMode", &[BootMode::Legacy, BootMode::Uefi], BootMode::as_str);
    let source = |text: Option<&str>| text.filter(|text| text.len() <= LONGEST).map(str::to_owned);
    if let Some(uri) = changes.text_or_null("HttpBootUri") {
        service.boot_sources.http = source(uri);
    }
    if let Some(device) = changes.text_or_null("UefiTargetBootSourceOverride") {
        service.boot_sources.device = source(device);
    }
    if enabled.is_none() && target.is_none() && mode.is_none() {
        return Ok(());
    }
    boot.mode = mode.unwrap_or(boot.mode);
    boot.target = target.unwrap_or(boot.target);
    boot.enabled = match (enabled, target) {
        (Some(enabled), _) => enabled,
        (None, Some(BootTarget::None)) => BootEnabled::Disabled,
        // A target alone arms the next boot.
        (None, Some(_)) if flavour.boot_reverts_to_once || boot.enabled == BootEnabled::Disabled => {
            BootEnabled::Once
        }
        (None, _) => boot.enabled,
    };
    call.machine
        .set_boot(boot)
        .map_err(|_| Refusal::new(400, "PropertyValueConflict", "The machine cannot boot like this."))?;
    service.boot_sources.is_http = boot.target == BootTarget::UefiHttp;
    Ok(())
}
