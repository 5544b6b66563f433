//! Virtual media: images that the machine sees as drives (VirtualMedia).

use serde_json::{Value, json};

use super::change::{Changes, changed};
use super::exchange::ServiceReply;
use super::flavour::{Drive, MediaHabit};
use super::message::Refusal;
use super::odata::{collection, link};
use super::route::{Privilege, Route};
use super::{Call, Outcome, Service, controller};

pub(super) const ROUTES: &[Route] = &[
    Route::new("Managers/{manager}/VirtualMedia", list),
    Route::new("Managers/{manager}/VirtualMedia/*", show).patch(Privilege::ConfigureComponents, change),
    Route::action(
        "Managers/{manager}/VirtualMedia/*/Actions/VirtualMedia.InsertMedia",
        Privilege::ConfigureComponents,
        insert,
    ),
    Route::action(
        "Managers/{manager}/VirtualMedia/*/Actions/VirtualMedia.EjectMedia",
        Privilege::ConfigureComponents,
        eject,
    ),
];

/// The longest address of an image that is kept.
const LONGEST: usize = 2048;

/// An image in a drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Inserted {
    drive: &'static str,
    image: String,
    write_protected: bool,
}

fn path(service: &Service, drive: &Drive) -> String {
    format!("{}/VirtualMedia/{}", controller::path(service), drive.id)
}

fn list(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let drives = service.flavour.media.iter();
    let members: Vec<Value> = drives.map(|drive| link(path(service, drive))).collect();
    collection(call, "VirtualMediaCollection", "Virtual Media", &members)
}

fn find(service: &Service, call: &Call<'_>) -> Result<&'static Drive, Refusal> {
    let found = service.flavour.media.iter().find(|drive| drive.id == call.id());
    found.ok_or_else(|| Refusal::missing(call.path))
}

fn resource(service: &Service, drive: &Drive) -> Value {
    let path = path(service, drive);
    let inside = service.media.iter().find(|inside| inside.drive == drive.id);
    let image = inside.map(|inside| inside.image.as_str());
    let name = image.and_then(|image| image.rsplit('/').next());
    let mut shown = json!({
        "@odata.id": path,
        "@odata.type": "#VirtualMedia.v1_6_3.VirtualMedia",
        "Id": drive.id,
        "Name": "Virtual Media",
        "MediaTypes": drive.types,
        "Image": image,
        "ImageName": name,
        "Inserted": image.is_some(),
        "WriteProtected": inside.is_none_or(|inside| inside.write_protected),
        "ConnectedVia": if image.is_some() { "URI" } else { "NotConnected" },
    });
    if service.flavour.media_habit != MediaHabit::Patch {
        shown["Actions"] = json!({
            "#VirtualMedia.InsertMedia": { "target": format!("{path}/Actions/VirtualMedia.InsertMedia") },
            "#VirtualMedia.EjectMedia": { "target": format!("{path}/Actions/VirtualMedia.EjectMedia") },
        });
    }
    shown
}

fn show(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    Ok(ServiceReply::resource(resource(service, find(service, call)?)))
}

/// Puts an image into a drive.
fn put(service: &mut Service, drive: &Drive, image: &str, write_protected: bool) -> Result<(), Refusal> {
    let known = ["http://", "https://", "nfs://", "cifs://", "smb://"];
    if image.len() > LONGEST || !known.iter().any(|scheme| image.starts_with(scheme)) {
        return Err(Refusal::new(400, "ActionParameterValueFormatError", "Image takes the URI of a file.")
            .with_arg("Image"));
    }
    if service.media.iter().any(|inside| inside.drive == drive.id) {
        return Err(Refusal::new(409, "ResourceInUse", "There is an image in this drive: eject it first."));
    }
    service.media.push(Inserted { drive: drive.id, image: image.to_owned(), write_protected });
    Ok(())
}

fn take_out(service: &mut Service, drive: &Drive) {
    service.media.retain(|inside| inside.drive != drive.id);
}

fn insert(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    const ACTION: &str = "VirtualMedia.InsertMedia";
    let drive = find(service, call)?;
    let image = call.body["Image"].as_str().ok_or_else(|| Refusal::parameter_missing(ACTION, "Image"))?;
    match service.flavour.media_habit {
        MediaHabit::Patch => return Err(Refusal::missing(call.path)),
        MediaHabit::ImageOnly => {
            for name in ["Inserted", "WriteProtected"] {
                if !call.body[name].is_null() {
                    return Err(Refusal::parameter_value(ACTION, name, "the value"));
                }
            }
        }
        MediaHabit::NeedsProtocol if call.body["TransferProtocolType"].is_null() => {
            return Err(Refusal::parameter_missing(ACTION, "TransferProtocolType"));
        }
        MediaHabit::Insert | MediaHabit::NeedsProtocol => {}
    }
    let write_protected = call.body["WriteProtected"].as_bool().unwrap_or(true);
    put(service, drive, image, write_protected)?;
    Ok(ServiceReply::empty(204))
}

fn eject(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let drive = find(service, call)?;
    take_out(service, drive);
    Ok(ServiceReply::empty(204))
}

/// Some controllers have no action: the properties are written.
fn change(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let drive = find(service, call)?;
    if service.flavour.media_habit != MediaHabit::Patch {
        return Err(Refusal::new(405, "OperationNotAllowed", "Use the actions of the drive.")
            .with("Allow", "GET, HEAD"));
    }
    let shown = resource(service, drive);
    let body = call.body.clone();
    let mut changes = Changes::of(&body)?;
    let image = changes.text_or_null("Image");
    let inserted = changes.flag("Inserted");
    let write_protected = changes.flag("WriteProtected");
    let faults = changes.finish(&shown)?;
    match image {
        Some(Some(image)) if inserted != Some(false) => {
            put(service, drive, image, write_protected.unwrap_or(true))?;
        }
        Some(None) => take_out(service, drive),
        _ if inserted == Some(false) => take_out(service, drive),
        _ => {}
    }
    Ok(changed(resource(service, drive), &faults))
}
