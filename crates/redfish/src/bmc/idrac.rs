//! What an iDRAC has of its own: the picture of the screen, and attributes.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::controller;
use super::exchange::ServiceReply;
use super::fault::ScreenFault;
use super::flavour::Screen;
use super::machine::PictureForm;
use super::message::{Message, Refusal};
use super::odata::link;
use super::route::{Privilege, Route};
use super::{Call, Outcome, Service};

pub(super) const ROUTES: &[Route] = &[
    Route::new("Managers/{manager}/Oem/Dell/DellLCService", show_service),
    Route::action(
        "Managers/{manager}/Oem/Dell/DellLCService/Actions/DellLCService.ExportServerScreenShot",
        Privilege::ConfigureComponents,
        export,
    ),
    Route::new("Managers/{manager}/Oem/Dell/DellAttributes/{manager}", show_attributes)
        .patch(Privilege::ConfigureManager, change_attributes),
];

/// The pictures that there are.
const PICTURES: [&str; 3] = ["LastCrashScreenShot", "Preview", "ServerScreenShot"];

/// The attributes, and what they are at first.
const DEFAULTS: [(&str, &str); 4] = [
    ("VNCServer.1.Enable", "Disabled"),
    ("VNCServer.1.Port", "5901"),
    ("VNCServer.1.SSLEncryptionBitLength", "128-Bit or higher"),
    ("VNCServer.1.Timeout", "300"),
];

/// The attribute that is never shown.
const PASSWORD: &str = "VNCServer.1.Password";

/// The longest value of an attribute.
const LONGEST: usize = 64;

/// Attributes that are not what they were at first.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    changed: Map<String, Value>,
    /// The password of the VNC server.
    password: Option<SecretString>,
}

impl Attributes {
    fn shown(&self) -> Map<String, Value> {
        let defaults = DEFAULTS.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value)));
        let mut shown: Map<String, Value> = defaults.collect();
        shown.extend(self.changed.clone());
        shown.insert(PASSWORD.to_owned(), Value::Null);
        shown
    }
}

impl Service {
    /// The value of an attribute of an iDRAC, and whether its VNC server was given a password.
    pub fn vnc_server(&self) -> (bool, bool) {
        let enabled = self.attributes.shown()["VNCServer.1.Enable"] == "Enabled";
        (enabled, self.attributes.password.is_some())
    }

    /// What the VNC server of an iDRAC asks for, where it was given a password.
    pub fn vnc_password(&self) -> Option<SecretString> {
        self.attributes.password.clone()
    }

    /// Sets the port that the VNC server of an iDRAC tells of.
    pub fn set_vnc_port(&mut self, port: u16) {
        self.attributes.changed.insert("VNCServer.1.Port".to_owned(), port.to_string().into());
    }
}

/// What the controller's own resource links to.
pub(super) fn links(service: &Service) -> Option<Value> {
    let path = controller::path(service);
    let attributes = json!([link(attributes_path(service))]);
    match service.flavour.screen {
        Screen::Exported => Some(json!({ "Dell": {
            "DellAttributes": attributes,
            "DellLCService": link(format!("{path}/Oem/Dell/DellLCService")),
        } })),
        Screen::ConsolePreview => Some(json!({ "Dell": { "DellAttributes": attributes } })),
        _ => None,
    }
}

fn attributes_path(service: &Service) -> String {
    format!("{}/Oem/Dell/DellAttributes/{}", controller::path(service), service.flavour.manager)
}

fn show_service(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    if service.flavour.screen != Screen::Exported {
        return Err(Refusal::missing(call.path));
    }
    Ok(ServiceReply::resource(json!({
        "@odata.id": call.path,
        "@odata.type": "#DellLCService.v1_8_0.DellLCService",
        "Id": "DellLCService",
        "Name": "DellLCService",
        "Actions": {
            "#DellLCService.ExportServerScreenShot": {
                "target": format!("{}/Actions/DellLCService.ExportServerScreenShot", call.path),
                "FileType@Redfish.AllowableValues": PICTURES,
            },
        },
    })))
}

fn export(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    const ACTION: &str = "DellLCService.ExportServerScreenShot";
    if service.flavour.screen != Screen::Exported {
        return Err(Refusal::missing(call.path));
    }
    match call.body["FileType"].as_str() {
        Some(kind) if PICTURES.contains(&kind) => {}
        Some(kind) => return Err(Refusal::parameter_value(ACTION, "FileType", kind)),
        None => return Err(Refusal::parameter_missing(ACTION, "FileType")),
    }
    if service.faults.screen == Some(ScreenFault::Unlicensed) {
        return Err(Refusal::new(403, "IDRAC.2.8.LIC501", "A required license is missing or expired."));
    }
    let Some(file) = service.picture(call.machine, PictureForm::Png) else {
        let text = "The picture cannot be taken, because the machine is off.";
        return Err(Refusal::new(400, "IDRAC.2.8.LC084", text));
    };
    Ok(ServiceReply::json(200, &json!({ "ServerScreenshotFile": BASE64_STANDARD.encode(file) })))
}

fn show_attributes(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    if links(service).is_none() {
        return Err(Refusal::missing(call.path));
    }
    Ok(ServiceReply::resource(json!({
        "@odata.id": call.path,
        "@odata.type": "#DellAttributes.v1_0_0.DellAttributes",
        "Id": service.flavour.manager,
        "Name": "DellAttributes",
        "Attributes": service.attributes.shown(),
    })))
}

fn change_attributes(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    if links(service).is_none() {
        return Err(Refusal::missing(call.path));
    }
    let wanted = call.body["Attributes"].as_object().ok_or_else(Refusal::no_operation)?;
    let mut faults = Vec::new();
    for (name, value) in wanted {
        let known = name == PASSWORD || DEFAULTS.iter().any(|(known, _)| known == name);
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
    let mut wanted = wanted.clone();
    if let Some(Value::String(password)) = wanted.remove(PASSWORD) {
        service.attributes.password = Some(password.into());
    }
    service.attributes.changed.extend(wanted);
    show_attributes(service, call)
}
