//! A picture of the screen, by the action `ExportServerScreenShot`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::manager;
use crate::exchange::own_path;
use crate::system::Place;
use crate::{Answer, Error, Method, Operation, Request, Stop, Talk};

/// What cannot be done where there is no such action.
const WHAT: &str = "take a picture of the screen by an action of its own";

/// The action, by its name without `#`.
const ACTION: &str = "DellLCService.ExportServerScreenShot";

/// The property that holds the picture; firmware does not agree on its capitals.
const FILE: &str = "ServerScreenshotFile";

/// Takes a picture of the machine's screen as it is now. Gives the bytes of a PNG file.
///
/// It fails with [`Error::Unsupported`] where the controller is no iDRAC 9 or later, and with
/// [`Error::Unlicensed`] where its licence has no virtual console.
#[derive(Clone, Debug)]
pub struct TakeScreenshot {
    /// The machine.
    pub place: Place,
}

impl Operation for TakeScreenshot {
    type Output = Vec<u8>;

    fn perform(&self, talk: &mut Talk) -> Result<Vec<u8>, Stop> {
        let manager = manager(&self.place, WHAT)?;
        for target in targets(talk, manager)? {
            let request = Request::with(Method::Post, target, json!({ "FileType": "ServerScreenShot" }));
            let answer = talk.send(request.clone())?;
            match answer.status {
                // The service is not there, or does not know the action.
                404 | 405 => {}
                _ if answer.is_success() => return Ok(picture(&answer, &request)?),
                _ => return Err(answer.error(&request).into()),
            }
        }
        Err(Error::Unsupported { what: WHAT.to_owned() }.into())
    }
}

/// Where the action may be asked for: where the iDRAC says, or where firmware after and before 6.00 has it.
fn targets(talk: &mut Talk, manager: &str) -> Result<Vec<String>, Stop> {
    let shown = talk.get(manager)?;
    if let Some(service) = shown.link(&["Links", "Oem", "Dell", "DellLCService"]) {
        match talk.get(service) {
            Ok(service) => {
                if let Some(target) = service.action(ACTION).and_then(own_path) {
                    return Ok(vec![target.to_owned()]);
                }
            }
            Err(Stop::Failed(Error::Missing { .. })) => {}
            Err(stop) => return Err(stop),
        }
    }
    let id = manager.rsplit('/').next().unwrap_or_default();
    Ok(vec![
        format!("{manager}/Oem/Dell/DellLCService/Actions/{ACTION}"),
        format!("/redfish/v1/Dell/Managers/{id}/DellLCService/Actions/{ACTION}"),
    ])
}

fn picture(answer: &Answer, request: &Request) -> Result<Vec<u8>, Error> {
    let malformed = |reason: &str| Error::Malformed { doing: request.named(), reason: reason.to_owned() };
    let properties = answer.value().and_then(Value::as_object);
    let file = properties
        .into_iter()
        .flatten()
        .find(|(name, _)| name.eq_ignore_ascii_case(FILE))
        .and_then(|(_, value)| value.as_str())
        .ok_or_else(|| malformed("it holds no picture"))?;
    // Some firmware breaks it into lines.
    let digits: Vec<u8> = file.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(digits).map_err(|_| malformed("its picture is not in Base64"))
}
