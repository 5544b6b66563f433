//! The service root and what leads to it (DSP0266 section 6).

use serde_json::{Value, json};

use super::exchange::ServiceReply;
use super::route::Route;
use super::{Call, Outcome, Service};

pub(super) const ROUTES: &[Route] = &[
    Route::new("versions", versions).open(),
    Route::new("", root).open(),
    Route::new("odata", odata).open(),
];

fn versions(_: &mut Service, _: &mut Call<'_>) -> Outcome {
    Ok(ServiceReply::json(200, &json!({ "v1": "/redfish/v1/" })))
}

/// A link to another resource.
pub(super) fn link(path: impl Into<String>) -> Value {
    json!({ "@odata.id": path.into() })
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
        "Links": { "Sessions": link("/redfish/v1/SessionService/Sessions") },
    });
    if let Some(vendor) = flavour.vendor {
        root["Vendor"] = vendor.into();
    }
    if let Some(product) = flavour.product {
        root["Product"] = product.into();
    }
    Ok(ServiceReply::resource(root))
}

fn odata(_: &mut Service, _: &mut Call<'_>) -> Outcome {
    let parts = ["Systems", "SessionService"];
    let entries: Vec<Value> = std::iter::once(json!({
        "name": "Service", "kind": "Singleton", "url": "/redfish/v1/",
    }))
    .chain(
        parts
            .iter()
            .map(|part| json!({ "name": part, "kind": "Singleton", "url": format!("/redfish/v1/{part}") })),
    )
    .collect();
    let document = json!({ "@odata.context": "/redfish/v1/$metadata", "value": entries });
    Ok(ServiceReply::json(200, &document))
}
