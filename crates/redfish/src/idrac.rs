//! What an iDRAC has of its own: its attributes, and the service of its Lifecycle Controller.

mod screen;
mod vnc;

use std::sync::Arc;

use crate::system::Place;
use crate::{Error, Resource, Stop, Talk, Vendor};

pub use screen::TakeScreenshot;
pub use vnc::{SetVncServer, VNC_PASSWORD, VncServer, vnc_server};

/// The attributes of the iDRAC itself, where it leads to them. The others are those of the machine and of its Lifecycle
/// Controller.
pub(crate) fn attributes(talk: &mut Talk, place: &Place) -> Result<Option<Arc<Resource>>, Stop> {
    let Some(manager) = &place.manager else { return Ok(None) };
    let manager = talk.get(manager)?;
    let paths = manager.links(&["Links", "Oem", "Dell", "DellAttributes"]);
    let is_idrac = |path: &String| path.rsplit('/').next().is_some_and(|id| id.starts_with("iDRAC"));
    let Some(path) = paths.into_iter().find(is_idrac) else { return Ok(None) };
    Ok(talk.read_all(&[path])?.into_iter().find_map(Result::ok))
}

/// The path of the manager, where it is an iDRAC.
fn manager<'a>(place: &'a Place, what: &str) -> Result<&'a str, Error> {
    match &place.manager {
        Some(manager) if place.identity.vendor == Vendor::Dell => Ok(manager.trim_end_matches('/')),
        _ => Err(Error::Unsupported { what: what.to_owned() }),
    }
}
