//! Inserting an image, in each way that controllers know.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use crate::etag::patch;
use crate::exchange::own_path;
use crate::listing::get_one;
use crate::media::{
    LOOK_PAUSE, LOOKS, MediaKind, MediaSlot, Way, eject, finish, media_slots, refuses_content, slots_to_use,
    without_login,
};
use crate::system::Place;
use crate::{Answer, Error, Listing, Method, Operation, Request, Stop, Talk};

/// The user name and password where a controller insists on some and the image needs none.
const NOBODY: &str = "none";

/// Inserts an image, and gives the drive as it is then. One that is there already is left as it is.
#[derive(Clone, Debug)]
pub struct InsertMedia {
    /// The machine.
    pub place: Place,
    /// The address of the image: `http`, `https`, `nfs`, `cifs` or `smb`. A login belongs into [`login`](Self::login).
    pub image: String,
    /// What the image is to the machine.
    pub kind: MediaKind,
    /// The identifier of the drive; none is the first that is free and can be such a drive.
    pub slot: Option<String>,
    /// The user name and password of the server that has the image.
    pub login: Option<(String, SecretString)>,
    /// Whether another image in the drive is taken out first.
    pub replace: bool,
}

impl Operation for InsertMedia {
    type Output = MediaSlot;

    fn perform(&self, talk: &mut Talk) -> Result<MediaSlot, Stop> {
        let protocol = protocol(&self.image)?;
        self.turn_on(talk)?;
        let slots = slots_to_use(talk, &self.place, self.slot.as_deref())?;
        let slot = self.choose(slots)?;
        if slot.inserted {
            if slot.image.as_deref() == Some(without_login(&self.image).as_str()) {
                return Ok(slot);
            }
            eject(talk, &slot)?;
        }
        let answer = match &slot.way {
            Way::Action { insert, info, .. } => self.by_action(talk, insert, info.as_deref(), protocol)?,
            Way::Patch => self.by_patch(talk, &slot)?,
            Way::Vmm { control } => {
                let mut body = self.image_and_login(&self.image);
                body.insert("VmmControlType".to_owned(), json!("Connect"));
                talk.send(Request::with(Method::Post, control.clone(), Value::Object(body)))?
            }
            Way::Config { mount, .. } => self.by_config(talk, &slot, mount)?,
        };
        finish(talk, &slot, &answer, true)
    }
}

impl InsertMedia {
    /// Turns the drives of a MegaRAC on, which are not there before.
    fn turn_on(&self, talk: &mut Talk) -> Result<(), Stop> {
        let mut missing = Vec::new();
        let Some(manager) = get_one(talk, self.place.manager.as_deref(), &mut missing)? else {
            return Ok(());
        };
        let action = manager.at(&["Actions", "Oem", "#AMIVirtualMedia.EnableRMedia", "target"]);
        let Some(target) = action.as_str().and_then(own_path) else { return Ok(()) };
        // What was read once would still say that they are off.
        let manager = talk.read(&manager.path)?;
        if manager.text(&["Oem", "Ami", "VirtualMedia", "RMediaStatus"]) != Some("Disabled") {
            return Ok(());
        }
        talk.done(Request::with(Method::Post, target, json!({ "RMediaState": "Enable" })))?;
        let mut look = 1;
        while look < LOOKS && media_slots(talk, &self.place)?.items.is_empty() {
            look += 1;
            talk.pause(LOOK_PAUSE)?;
        }
        Ok(())
    }

    /// The drive to use: one that holds the image already, or is free, or may be emptied.
    fn choose(&self, slots: Listing<MediaSlot>) -> Result<MediaSlot, Error> {
        let image = without_login(&self.image);
        let able: Vec<MediaSlot> = slots.items.into_iter().filter(|slot| slot.takes(self.kind)).collect();
        let holds = |slot: &&MediaSlot| slot.inserted && slot.image.as_ref() == Some(&image);
        // Lenovo's other drives take what was uploaded to the controller.
        let is_external = |slot: &&MediaSlot| !slot.inserted && slot.id.starts_with("EXT");
        let found = able.iter().find(holds).or_else(|| able.iter().find(is_external));
        if let Some(slot) = found.or_else(|| able.iter().find(|slot| !slot.inserted)) {
            return Ok(slot.clone());
        }
        match able.into_iter().next() {
            Some(slot) if self.replace => Ok(slot),
            Some(slot) => {
                let holds = slot.image.unwrap_or_else(|| "another image".to_owned());
                Err(Error::Occupied { slot: slot.id, holds })
            }
            None => Err(match slots.missing.into_iter().next() {
                // It may be the drive that could do it.
                Some(missing) => missing.reason,
                None => Error::Unsupported { what: format!("show an image as a {}", self.kind) },
            }),
        }
    }

    /// The image, with the login where there is one.
    fn image_and_login(&self, image: &str) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("Image".to_owned(), json!(image));
        if let Some((username, password)) = &self.login {
            body.insert("UserName".to_owned(), json!(username));
            body.insert("Password".to_owned(), json!(password.expose_secret()));
        }
        body
    }

    /// Asks in the plainest way first, and with one more parameter as long as parameters are what is refused.
    fn by_action(
        &self,
        talk: &mut Talk,
        target: &str,
        info: Option<&str>,
        protocol: &str,
    ) -> Result<Arc<Answer>, Stop> {
        let required = match info {
            Some(info) => required(talk, info)?,
            None => Vec::new(),
        };
        let mut extras: Vec<(&str, Value)> = vec![
            ("TransferProtocolType", json!(protocol)),
            ("TransferMethod", json!("Stream")),
            ("Inserted", json!(true)),
            ("WriteProtected", json!(true)),
        ];
        if self.login.is_none() {
            extras.extend([("UserName", json!(NOBODY)), ("Password", json!(NOBODY))]);
        }
        let mut body = self.image_and_login(&self.image);
        let named = |(name, _): &(&str, Value)| required.iter().any(|required| required == name);
        for (name, value) in extras.extract_if(.., |extra| named(extra)) {
            body.insert(name.to_owned(), value);
        }
        let send = |talk: &mut Talk, body: &Map<String, Value>| {
            talk.send(Request::with(Method::Post, target, Value::Object(body.clone())))
        };
        let first = send(talk, &body)?;
        let mut answer = Arc::clone(&first);
        for (name, value) in extras {
            if !refuses_parameters(&answer) {
                return Ok(answer);
            }
            body.insert(name.to_owned(), value);
            // A user name is worth nothing without its password.
            if name != "UserName" {
                answer = send(talk, &body)?;
            }
        }
        // Where nothing helps, the plainest refusal says most.
        Ok(if refuses_parameters(&answer) { first } else { answer })
    }

    /// Changes the drive's properties.
    fn by_patch(&self, talk: &mut Talk, slot: &MediaSlot) -> Result<Arc<Answer>, Stop> {
        let mut body = self.image_and_login(&self.image);
        body.insert("Inserted".to_owned(), json!(true));
        body.insert("WriteProtected".to_owned(), json!(true));
        let first = patch(talk, &slot.resource, &Value::Object(body.clone()))?;
        let mut answer = Arc::clone(&first);
        for name in ["WriteProtected", "Inserted"] {
            if !refuses_content(&answer) {
                return Ok(answer);
            }
            body.remove(name);
            answer = patch(talk, &slot.resource, &Value::Object(body.clone()))?;
        }
        Ok(if refuses_content(&answer) { first } else { answer })
    }

    /// Writes the share into the configuration, and mounts it.
    fn by_config(&self, talk: &mut Talk, slot: &MediaSlot, mount: &str) -> Result<Arc<Answer>, Stop> {
        let share = self.image.split_once("://").map(|(_, rest)| rest).and_then(|rest| rest.split_once('/'));
        let (Some((host, path)), "CIFS") = (share, protocol(&self.image)?) else {
            let what = "insert an image that is not on an SMB share: smb://host/share/image.iso".to_owned();
            return Err(Error::Unsupported { what }.into());
        };
        let mut body = Map::new();
        body.insert("Host".to_owned(), json!(host));
        body.insert("Path".to_owned(), json!(format!("\\{}", path.replace('/', "\\"))));
        if let Some((username, password)) = &self.login {
            body.insert("Username".to_owned(), json!(username));
            body.insert("Password".to_owned(), json!(password.expose_secret()));
        }
        let written = patch(talk, &slot.resource, &Value::Object(body))?;
        if !written.is_success() {
            return Ok(written);
        }
        talk.send(Request::with(Method::Post, mount, json!({})))
    }
}

/// How an image is fetched, in the words of `TransferProtocolType`.
fn protocol(image: &str) -> Result<&'static str, Error> {
    let refused = |why: &str| Err(Error::Unsupported { what: format!("insert {image:?}: {why}") });
    let Some((scheme, rest)) = image.split_once("://") else {
        return Err(Error::Unsupported {
            what: "insert what has no address, as http://host/image.iso".to_owned(),
        });
    };
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') {
        let what = "insert an image whose address holds a login: give the login beside it".to_owned();
        return Err(Error::Unsupported { what });
    }
    if host.is_empty() || image.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return refused("the address names no host, or has a space in it");
    }
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Ok("HTTP"),
        "https" => Ok("HTTPS"),
        "nfs" => Ok("NFS"),
        "cifs" | "smb" => Ok("CIFS"),
        _ => refused("it can fetch by http, https, nfs, cifs and smb"),
    }
}

/// The parameters that an action insists on.
fn required(talk: &mut Talk, info: &str) -> Result<Vec<String>, Stop> {
    let info = match talk.get(info) {
        Ok(info) => info,
        // It is asked without knowing then.
        Err(Stop::Failed(_)) => return Ok(Vec::new()),
        Err(Stop::Ask) => return Err(Stop::Ask),
    };
    let parameters = info.at(&["Parameters"]).as_array().into_iter().flatten();
    let required = parameters.filter(|parameter| parameter["Required"] == true);
    Ok(required.filter_map(|parameter| parameter["Name"].as_str()).map(str::to_owned).collect())
}

/// Whether a refusal is about the parameters: it says so, or says nothing.
fn refuses_parameters(answer: &Answer) -> bool {
    const WORDS: [&str; 4] = ["Parameter", "Property", "Properties", "GeneralError"];
    let ids = answer.message_ids();
    let says_so = ids.iter().any(|id| WORDS.iter().any(|word| id.contains(word)));
    refuses_content(answer) && (says_so || ids.is_empty())
}
