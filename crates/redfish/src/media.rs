//! Virtual media: images that a machine sees as drives (DSP0268, VirtualMedia).

mod insert;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::etag::patch;
use crate::exchange::own_path;
use crate::listing::{get_one, read_collections};
use crate::system::Place;
use crate::task::settle;
use crate::{Answer, Error, Listing, Method, Operation, Request, Resource, Stop, Talk, Vendor};

pub use insert::InsertMedia;

/// How often is looked whether a change shows, and how long is waited between: controllers fetch from the image first.
const LOOKS: u32 = 10;
const LOOK_PAUSE: Duration = Duration::from_secs(2);

/// What a drive is to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// A CD or DVD.
    Cd,
    /// A USB stick.
    Usb,
    /// A floppy disk.
    Floppy,
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cd => "CD",
            Self::Usb => "USB stick",
            Self::Floppy => "floppy disk",
        })
    }
}

/// A drive that takes an image.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaSlot {
    /// Where it stands.
    pub path: String,
    /// Its identifier: `CD`, `2`, `EXT1`.
    pub id: String,
    /// What it can be to the machine; empty where the controller does not say.
    pub kinds: Vec<MediaKind>,
    /// Whether the machine sees an image.
    pub inserted: bool,
    /// The address of the image, without the login that it may have held.
    pub image: Option<String>,
    /// Whether the machine may write to it.
    pub write_protected: Option<bool>,
    way: Way,
    resource: Arc<Resource>,
}

/// How a drive takes an image.
#[derive(Clone, Debug, PartialEq)]
enum Way {
    /// By an action, of which `info` tells the parameters.
    Action { insert: String, info: Option<String>, eject: Option<String> },
    /// By changing its properties.
    Patch,
    /// By Huawei's action, which does both.
    Vmm { control: String },
    /// By Supermicro's older configuration of a share.
    Config { mount: String, unmount: Option<String> },
}

impl MediaSlot {
    fn of(resource: &Arc<Resource>) -> Self {
        let words: Vec<&str> =
            resource.at(&["MediaTypes"]).as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let has = |names: &[&str]| words.iter().any(|word| names.contains(word));
        let mut kinds = Vec::new();
        kinds.extend(has(&["CD", "DVD"]).then_some(MediaKind::Cd));
        kinds.extend(has(&["USBStick"]).then_some(MediaKind::Usb));
        kinds.extend(has(&["Floppy"]).then_some(MediaKind::Floppy));
        let way = Way::of(resource);
        // The older configuration has no such property, and keeps the path of its image after it was taken out.
        let image = resource.text(&["Image"]).or_else(|| resource.text(&["Path"]));
        let inserted = match resource.at(&["Inserted"]) {
            Value::Bool(inserted) => *inserted,
            _ => image.is_some() && resource.text(&["ConnectedVia"]) != Some("NotConnected"),
        };
        Self {
            path: resource.path.clone(),
            id: resource.id().to_owned(),
            kinds,
            inserted,
            image: image.map(without_login),
            write_protected: resource.at(&["WriteProtected"]).as_bool(),
            way,
            resource: Arc::clone(resource),
        }
    }

    fn takes(&self, kind: MediaKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

impl Way {
    fn of(resource: &Resource) -> Self {
        let owned = |action: Option<&str>| action.map(str::to_owned);
        let oem = |names: &[&str]| own_path(resource.at(names)["target"].as_str()?).map(str::to_owned);
        if let Some(insert) = owned(resource.action("VirtualMedia.InsertMedia")) {
            let value = resource.action_value("VirtualMedia.InsertMedia");
            let info = value["@Redfish.ActionInfo"].as_str().and_then(own_path);
            let eject = owned(resource.action("VirtualMedia.EjectMedia"));
            return Self::Action { insert, info: owned(info), eject };
        }
        if let Some(control) = oem(&["Oem", "Huawei", "Actions", "#VirtualMedia.VmmControl"]) {
            return Self::Vmm { control };
        }
        if let Some(mount) = owned(resource.action("IsoConfig.Mount")) {
            return Self::Config { mount, unmount: owned(resource.action("IsoConfig.UnMount")) };
        }
        Self::Patch
    }
}

/// The address of an image without the user name and password that may stand in it.
fn without_login(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let host_ends = rest.find('/').unwrap_or(rest.len());
    match rest[..host_ends].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => address.to_owned(),
    }
}

/// Finds the drives of a machine that take images.
///
/// # Errors
///
/// What [`Operation::perform`] says.
pub fn media_slots(talk: &mut Talk, place: &Place) -> Result<Listing<MediaSlot>, Stop> {
    let mut missing = Vec::new();
    // Newer controllers have them below the machine, and may still show the same ones below themselves.
    for holder in [Some(&place.system), place.manager.as_ref()] {
        let holder = get_one(talk, holder.map(String::as_str), &mut missing)?;
        let Some(link) = holder.and_then(|holder| holder.link(&["VirtualMedia"]).map(str::to_owned)) else {
            continue;
        };
        let members = read_collections(talk, std::slice::from_ref(&link), false, &mut missing)?;
        let mut items: Vec<_> = members.iter().map(|(_, resource)| MediaSlot::of(resource)).collect();
        if items.is_empty() && place.identity.vendor == Vendor::Supermicro {
            let collection = get_one(talk, Some(&link), &mut missing)?;
            let oem = ["Oem", "Supermicro", "VirtualMediaConfig"];
            let config = collection.and_then(|collection| collection.link(&oem).map(str::to_owned));
            if let Some(config) = config {
                items.push(MediaSlot::of(&talk.read(&config)?));
            }
        }
        if !items.is_empty() {
            return Ok(Listing { items, missing });
        }
    }
    Ok(Listing { items: Vec::new(), missing })
}

/// The drives of a machine, or those of one identifier.
fn slots_to_use(talk: &mut Talk, place: &Place, wanted: Option<&str>) -> Result<Listing<MediaSlot>, Stop> {
    let mut found = media_slots(talk, place)?;
    let ids: Vec<String> = found.items.iter().map(|slot| slot.id.clone()).collect();
    if let Some(wanted) = wanted {
        found.items.retain(|slot| slot.id.eq_ignore_ascii_case(wanted) || slot.path == wanted);
    }
    if !found.items.is_empty() {
        return Ok(found);
    }
    // The drive that was meant may be the one that could not be read.
    if let Some(missing) = found.missing.into_iter().next() {
        return Err(missing.reason.into());
    }
    let what = match wanted {
        Some(wanted) if !ids.is_empty() => {
            format!("use a drive {wanted:?}: its drives are {}", ids.join(", "))
        }
        _ => "insert media: it has no drive for them, or they are turned off".to_owned(),
    };
    Err(Error::Unsupported { what }.into())
}

/// Takes images out.
#[derive(Clone, Debug)]
pub struct EjectMedia {
    /// The machine.
    pub place: Place,
    /// The identifier of the drive; none is every drive that holds an image.
    pub slot: Option<String>,
}

impl Operation for EjectMedia {
    /// The drives that held an image.
    type Output = Vec<MediaSlot>;

    fn perform(&self, talk: &mut Talk) -> Result<Vec<MediaSlot>, Stop> {
        let slots = slots_to_use(talk, &self.place, self.slot.as_deref())?;
        let mut emptied = Vec::new();
        for slot in slots.items.iter().filter(|slot| slot.inserted) {
            emptied.push(eject(talk, slot)?);
        }
        // One that could not be read may hold an image still.
        match slots.missing.into_iter().find(|missing| !matches!(missing.reason, Error::Missing { .. })) {
            Some(missing) => Err(missing.reason.into()),
            None => Ok(emptied),
        }
    }
}

/// Takes the image out of a drive.
fn eject(talk: &mut Talk, slot: &MediaSlot) -> Result<MediaSlot, Stop> {
    let by_patch = |talk: &mut Talk| {
        let mut answer = patch(talk, &slot.resource, &json!({ "Inserted": false, "Image": null }))?;
        for body in [json!({ "Image": null }), json!({ "Image": "" })] {
            if refuses_content(&answer) {
                answer = patch(talk, &slot.resource, &body)?;
            }
        }
        Ok::<_, Stop>(answer)
    };
    let (target, body) = match &slot.way {
        Way::Action { eject: Some(target), .. } => (Some(target), json!({})),
        Way::Config { unmount: Some(target), .. } => (Some(target), json!({})),
        Way::Vmm { control } => (Some(control), json!({ "VmmControlType": "Disconnect" })),
        Way::Action { eject: None, .. } | Way::Config { unmount: None, .. } | Way::Patch => {
            (None, Value::Null)
        }
    };
    let answer = match target {
        Some(target) => {
            let request = Request::with(Method::Post, target.clone(), body);
            let answer = talk.send(request.clone())?;
            // Some want the object that says nothing, and some want nothing.
            if refuses_content(&answer) && request.body == Some(json!({})) {
                talk.send(Request { body: None, ..request })?
            } else {
                answer
            }
        }
        None => by_patch(talk)?,
    };
    finish(talk, slot, &answer, false)
}

/// Waits until a drive shows that it has an image, or that it has none.
fn finish(talk: &mut Talk, slot: &MediaSlot, answer: &Answer, inserted: bool) -> Result<MediaSlot, Stop> {
    if !answer.is_success() {
        let doing = Request::with(Method::Post, slot.path.clone(), Value::Null);
        return Err(answer.error(&doing).into());
    }
    settle(talk, answer)?;
    let mut look = 1;
    loop {
        let shown = MediaSlot::of(&talk.read(&slot.path)?);
        let is_config = matches!(slot.way, Way::Config { .. });
        // The older configuration does not show whether it is mounted.
        if shown.inserted == inserted || is_config {
            return Ok(MediaSlot { inserted, ..shown });
        }
        if look == LOOKS {
            let seen = if shown.inserted { "an image in it" } else { "no image in it" };
            let what = format!("the drive {}", slot.id);
            return Err(Error::NotKept { what, seen: seen.to_owned() }.into());
        }
        look += 1;
        talk.pause(LOOK_PAUSE)?;
    }
}

/// Whether a refusal may be about how something was asked for.
fn refuses_content(answer: &Answer) -> bool {
    matches!(answer.status, 400 | 405 | 411 | 415 | 422 | 501)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_in_an_address_is_not_shown() {
        let check = |address, shown| assert_eq!(without_login(address), shown, "{address}");
        check("http://192.0.2.10/rescue.iso", "http://192.0.2.10/rescue.iso");
        check("https://me:secret@images.example/a@b.iso", "https://images.example/a@b.iso");
        check("smb://me:p@ss@192.0.2.10", "smb://192.0.2.10");
        check("\\\\192.0.2.10\\share\\a.iso", "\\\\192.0.2.10\\share\\a.iso");
    }
}
