//! The virtual CD of an iDRAC, which is not among the boot targets of the machine: an attribute of the iDRAC chooses it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::etag::patch;
use crate::exchange::shown;
use crate::system::Place;
use crate::{Error, Method, Request, Resource, Stop, Talk, idrac};

/// The attribute that names the device.
const DEVICE: &str = "ServerBoot.1.FirstBootDevice";

/// The attribute that says whether it is for the next boot alone.
const ONCE: &str = "ServerBoot.1.BootOnce";

/// The value that stands for the virtual CD.
const VIRTUAL_CD: &str = "VCD-DVD";

/// The attributes of the iDRAC, where it leads to them and they choose what is booted from.
pub(super) fn attributes(talk: &mut Talk, place: &Place) -> Result<Option<Arc<Resource>>, Stop> {
    let found = idrac::attributes(talk, place)?;
    Ok(found.filter(|attributes| attributes.text(&["Attributes", DEVICE]).is_some()))
}

/// Chooses the virtual CD, and reads back that it is chosen.
pub(super) fn set_virtual_cd(talk: &mut Talk, attributes: &Resource, persistent: bool) -> Result<(), Stop> {
    let once = if persistent { "Disabled" } else { "Enabled" };
    let answer = patch(talk, attributes, &json!({ "Attributes": { DEVICE: VIRTUAL_CD, ONCE: once } }))?;
    if !answer.is_success() {
        let request = Request::with(Method::Patch, attributes.path.clone(), Value::Null);
        return Err(answer.error(&request).into());
    }
    let kept = talk.read(&attributes.path)?;
    let seen = kept.text(&["Attributes", DEVICE]).unwrap_or_default();
    if seen == VIRTUAL_CD && kept.text(&["Attributes", ONCE]) == Some(once) {
        return Ok(());
    }
    let what = "the boot device".to_owned();
    Err(Error::NotKept { what, seen: format!("{} in {DEVICE}", shown(seen)) }.into())
}
