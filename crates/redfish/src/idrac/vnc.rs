//! The iDRAC's VNC server, which its attributes switch on and off.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::{attributes, manager};
use crate::etag::patch;
use crate::listing::number;
use crate::system::Place;
use crate::{Error, Method, Operation, Request, Resource, Stop, Talk};

/// Characters of the password of VNC authentication; what is longer is cut off.
pub const VNC_PASSWORD: usize = 8;

/// The attributes of the VNC server.
const ENABLE: &str = "VNCServer.1.Enable";
const PORT: &str = "VNCServer.1.Port";
const PASSWORD: &str = "VNCServer.1.Password";
const ENCRYPTION: &str = "VNCServer.1.SSLEncryptionBitLength";

/// What cannot be done where there is none.
const WHAT: &str = "switch a VNC server on and off";

/// The iDRAC's VNC server, as its attributes tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VncServer {
    /// Whether it runs.
    pub enabled: bool,
    /// The TCP port that it listens on.
    pub port: u16,
    /// How it encrypts, in the iDRAC's own word: `Disabled`, `Auto Negotiate`, `128-Bit or higher`.
    pub encryption: Option<String>,
}

/// Switches the VNC server.
#[derive(Clone, Debug)]
pub struct SetVncServer {
    /// The machine.
    pub place: Place,
    /// Whether it is to run.
    pub enabled: bool,
    /// How it is to encrypt, as [`VncServer::encryption`]; left as it is where it is not given.
    pub encryption: Option<String>,
    /// The password that it is to ask for; left as it is where it is not given. It cannot be read.
    pub password: Option<SecretString>,
}

/// Reads how the VNC server is set.
///
/// # Errors
///
/// [`Error::Unsupported`] where the controller has none, and what [`Operation::perform`] says.
pub fn vnc_server(talk: &mut Talk, place: &Place) -> Result<VncServer, Stop> {
    let found = resource(talk, place)?;
    told(&found).map_err(Stop::Failed)
}

impl Operation for SetVncServer {
    type Output = VncServer;

    fn perform(&self, talk: &mut Talk) -> Result<VncServer, Stop> {
        let before = resource(talk, &self.place)?;
        let mut wanted = Map::new();
        wanted.insert(ENABLE.to_owned(), json!(if self.enabled { "Enabled" } else { "Disabled" }));
        if let Some(encryption) = &self.encryption {
            wanted.insert(ENCRYPTION.to_owned(), json!(encryption));
        }
        if let Some(password) = &self.password {
            wanted.insert(PASSWORD.to_owned(), json!(password.expose_secret()));
        }
        let answer = patch(talk, &before, &json!({ "Attributes": wanted }))?;
        if !answer.is_success() {
            let request = Request::with(Method::Patch, before.path.clone(), Value::Null);
            return Err(answer.error(&request).into());
        }
        let kept = told(&*talk.read(&before.path)?)?;
        let is_kept = self.encryption.is_none() || kept.encryption == self.encryption;
        if kept.enabled == self.enabled && is_kept {
            return Ok(kept);
        }
        let seen = if kept.enabled { "enabled" } else { "disabled" };
        let seen = format!("{seen}, encryption {}", kept.encryption.as_deref().unwrap_or("unknown"));
        Err(Error::NotKept { what: "the VNC server".to_owned(), seen }.into())
    }
}

/// The attributes, as they are now.
fn resource(talk: &mut Talk, place: &Place) -> Result<Arc<Resource>, Stop> {
    let manager = manager(place, WHAT)?;
    if let Some(found) = attributes(talk, place)? {
        return Ok(found);
    }
    // Firmware that does not lead to them has them here.
    match talk.read(&format!("{manager}/Attributes")) {
        Err(Stop::Failed(Error::Missing { .. })) => Err(Error::Unsupported { what: WHAT.to_owned() }.into()),
        found => found,
    }
}

fn told(attributes: &Resource) -> Result<VncServer, Error> {
    let enabled = match attributes.text(&["Attributes", ENABLE]) {
        Some("Enabled") => true,
        Some("Disabled") => false,
        _ => return Err(Error::Unsupported { what: WHAT.to_owned() }),
    };
    let port = number(attributes.at(&["Attributes", PORT])).filter(|port| (1.0..=65535.0).contains(port));
    let malformed = || Error::Malformed {
        doing: format!("GET {}", attributes.path),
        reason: format!("{PORT} is no port"),
    };
    Ok(VncServer {
        enabled,
        // In range, so the cast drops at most a fraction.
        port: port.ok_or_else(malformed)? as u16,
        encryption: attributes.text(&["Attributes", ENCRYPTION]).map(str::to_owned),
    })
}
