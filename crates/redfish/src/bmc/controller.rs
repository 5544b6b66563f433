//! The controller itself (Manager).

use serde_json::{Value, json};

use super::exchange::ServiceReply;
use super::message::Refusal;
use super::odata::{collection, date, link};
use super::route::{Privilege, Route};
use super::{Call, Outcome, Service, chassis, idrac, system};

pub(super) const ROUTES: &[Route] = &[
    Route::new("Managers", list),
    Route::new("Managers/{manager}", show),
    Route::action("Managers/{manager}/Actions/Manager.Reset", Privilege::ConfigureManager, reset),
    Route::new("Managers/{manager}/NetworkProtocol", protocols),
];

/// How a controller can be restarted.
const RESETS: [&str; 2] = ["GracefulRestart", "ForceRestart"];

/// The path of the controller.
pub(super) fn path(service: &Service) -> String {
    format!("/redfish/v1/Managers/{}", service.flavour.manager)
}

fn list(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    collection(call, "ManagerCollection", "Managers", &[link(path(service))])
}

fn show(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let (flavour, path) = (service.flavour, path(service));
    let facts = call.machine.facts();
    let mut shown = json!({
        "@odata.id": path,
        "@odata.type": "#Manager.v1_19_2.Manager",
        "Id": flavour.manager,
        "Name": "Manager",
        "ManagerType": "BMC",
        "Manufacturer": flavour.manufacturer,
        "Model": flavour.controller,
        "FirmwareVersion": flavour.firmware,
        "UUID": facts.uuid,
        "DateTime": date(call.now.unix),
        "DateTimeLocalOffset": "+00:00",
        "PowerState": "On",
        "Status": { "State": "Enabled", "Health": "OK" },
        "NetworkProtocol": link(format!("{path}/NetworkProtocol")),
        "LogServices": link(format!("{path}/LogServices")),
        "Links": {
            "ManagerForServers": [link(system::path(service))],
            "ManagerForChassis": [link(chassis::path(service))],
        },
        "Actions": {
            "#Manager.Reset": {
                "target": format!("{path}/Actions/Manager.Reset"),
                "ResetType@Redfish.AllowableValues": RESETS,
            },
        },
    });
    if !flavour.media.is_empty() {
        shown["VirtualMedia"] = link(format!("{path}/VirtualMedia"));
    }
    if let Some(own) = idrac::links(service) {
        shown["Links"]["Oem"] = own;
    }
    Ok(ServiceReply::resource(shown))
}

/// The controller forgets who is logged in.
fn reset(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    const ACTION: &str = "Manager.Reset";
    match &call.body["ResetType"] {
        Value::String(asked) if !RESETS.contains(&asked.as_str()) => {
            return Err(Refusal::parameter_value(ACTION, "ResetType", asked));
        }
        Value::String(_) | Value::Null => {}
        _ => return Err(Refusal::parameter_value(ACTION, "ResetType", "the value")),
    }
    service.forget_sessions();
    Ok(ServiceReply::empty(204))
}

fn protocols(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let facts = call.machine.facts();
    let protocol = |port: u16, on: bool| json!({ "ProtocolEnabled": on, "Port": port });
    Ok(ServiceReply::resource(json!({
        "@odata.id": format!("{}/NetworkProtocol", path(service)),
        "@odata.type": "#ManagerNetworkProtocol.v1_10_1.ManagerNetworkProtocol",
        "Id": "NetworkProtocol",
        "Name": "Manager Network Protocol",
        "HostName": facts.host_name,
        "FQDN": facts.host_name,
        "Status": { "State": "Enabled", "Health": "OK" },
        "HTTP": protocol(80, false),
        "HTTPS": protocol(443, true),
        "IPMI": protocol(623, true),
        "SSH": protocol(22, false),
        "SNMP": protocol(161, false),
    })))
}
