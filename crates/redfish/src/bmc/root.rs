//! The service root and what leads to it (DSP0266 section 6).

use serde_json::{Value, json};

use super::exchange::ServiceReply;
use super::odata::link;
use super::route::Route;
use super::{Call, Outcome, Service};

pub(super) const ROUTES: &[Route] = &[
    Route::open("versions", versions),
    Route::open("", root),
    Route::open("odata", odata),
    Route::open("$metadata", metadata),
];

/// What stands right below the root.
const PARTS: [&str; 8] = [
    "Systems",
    "Chassis",
    "Managers",
    "SessionService",
    "AccountService",
    "EventService",
    "TaskService",
    "UpdateService",
];

/// Schemas of the resources, which `$metadata` names.
const SCHEMAS: [&str; 32] = [
    "ServiceRoot",
    "SessionService",
    "Session",
    "SessionCollection",
    "ComputerSystem",
    "ComputerSystemCollection",
    "ActionInfo",
    "Bios",
    "LogService",
    "LogServiceCollection",
    "LogEntry",
    "LogEntryCollection",
    "Manager",
    "ManagerCollection",
    "ManagerNetworkProtocol",
    "VirtualMedia",
    "VirtualMediaCollection",
    "Chassis",
    "ChassisCollection",
    "Sensor",
    "SensorCollection",
    "Thermal",
    "Power",
    "AccountService",
    "ManagerAccount",
    "ManagerAccountCollection",
    "Role",
    "RoleCollection",
    "EventService",
    "EventDestination",
    "TaskService",
    "UpdateService",
];

fn metadata(_: &mut Service, _: &mut Call<'_>) -> Outcome {
    let mut text = String::from(concat!(
        r#"<?xml version="1.0" encoding="UTF-8"?>"#,
        r#"<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">"#,
    ));
    for schema in SCHEMAS {
        text.push_str(&format!(
            r#"<edmx:Reference Uri="http://redfish.dmtf.org/schemas/v1/{schema}_v1.xml"><edmx:Include Namespace="{schema}"/></edmx:Reference>"#
        ));
    }
    text.push_str(concat!(
        "<edmx:DataServices>",
        r#"<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Service">"#,
        r#"<EntityContainer Name="Service" Extends="ServiceRoot.v1_16_0.ServiceContainer"/>"#,
        "</Schema></edmx:DataServices></edmx:Edmx>",
    ));
    Ok(ServiceReply::text("application/xml; charset=utf-8", text))
}

fn versions(_: &mut Service, _: &mut Call<'_>) -> Outcome {
    Ok(ServiceReply::json(200, &json!({ "v1": "/redfish/v1/" })))
}

fn root(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let flavour = service.flavour;
    let mut root = json!({
        "@odata.id": "/redfish/v1/",
        "@odata.type": "#ServiceRoot.v1_16_0.ServiceRoot",
        "Id": "RootService",
        "Name": "Root Service",
        "RedfishVersion": "1.18.0",
        "UUID": call.machine.facts().uuid,
        "Systems": link("/redfish/v1/Systems"),
        "SessionService": link("/redfish/v1/SessionService"),
        "Chassis": link("/redfish/v1/Chassis"),
        "Managers": link("/redfish/v1/Managers"),
        "AccountService": link("/redfish/v1/AccountService"),
        "EventService": link("/redfish/v1/EventService"),
        "Tasks": link("/redfish/v1/TaskService"),
        "UpdateService": link("/redfish/v1/UpdateService"),
        "ProtocolFeaturesSupported": {
            "ExcerptQuery": false,
            "FilterQuery": false,
            "OnlyMemberQuery": false,
            "SelectQuery": false,
            "ExpandQuery": { "ExpandAll": false, "Levels": false, "Links": false, "NoLinks": false },
        },
        "Links": { "Sessions": link("/redfish/v1/SessionService/Sessions") },
    });
    if let Some(vendor) = flavour.vendor {
        root["Vendor"] = vendor.into();
    }
    if let Some(product) = flavour.product {
        root["Product"] = product.into();
    }
    if let Some(oem) = flavour.oem {
        root["Oem"] = json!({ oem: {} });
    }
    Ok(ServiceReply::resource(root))
}

fn odata(_: &mut Service, _: &mut Call<'_>) -> Outcome {
    let entries: Vec<Value> = std::iter::once(json!({
        "name": "Service", "kind": "Singleton", "url": "/redfish/v1/",
    }))
    .chain(
        PARTS
            .iter()
            .map(|part| json!({ "name": part, "kind": "Singleton", "url": format!("/redfish/v1/{part}") })),
    )
    .collect();
    let document = json!({ "@odata.context": "/redfish/v1/$metadata", "value": entries });
    Ok(ServiceReply::json(200, &document))
}
