//! Changing a resource under the condition that it is still the same (RFC 9110 section 13.1).
//!
//! Some controllers insist on the condition, some do not know it, and some refuse the entity tag that they gave themselves.

use std::sync::Arc;

use serde_json::Value;

use crate::{Answer, Method, Request, Resource, Stop, Talk};

/// The request came without a condition, and needs one (RFC 6585 section 3).
const PRECONDITION_REQUIRED: u16 = 428;

/// The condition does not hold (RFC 9110 section 15.5.13).
const PRECONDITION_FAILED: u16 = 412;

/// Changes properties of a resource that was read as `resource`, and gives the answer, whatever its status.
///
/// The entity tag that the controller gave is sent. Where it is refused, its strong form is, then none, then the one of the
/// resource as it is now, and at last `*`, which fits any.
///
/// # Errors
///
/// What [`Operation::perform`](crate::Operation::perform) says.
pub fn patch(talk: &mut Talk, resource: &Resource, body: &Value) -> Result<Arc<Answer>, Stop> {
    let send = |talk: &mut Talk, tag: Option<&str>| {
        let request = Request::with(Method::Patch, resource.path.clone(), body.clone());
        talk.send(Request { if_match: tag.map(str::to_owned), ..request })
    };
    let shown = tag(resource);
    let mut answer = send(talk, shown.as_deref())?;
    if let Some(strong) = shown.as_deref().and_then(|tag| tag.strip_prefix("W/"))
        && answer.status == PRECONDITION_FAILED
    {
        answer = send(talk, Some(strong))?;
    }
    if shown.is_some() && answer.status == PRECONDITION_FAILED {
        answer = send(talk, None)?;
    }
    if !is_about_condition(&answer) {
        return Ok(answer);
    }
    // An account that needs a new password may be changed before it is shown.
    let now = match talk.read(&resource.path) {
        Err(Stop::Ask) => return Err(Stop::Ask),
        now => now.ok(),
    };
    if let Some(fresh) = now.and_then(|now| tag(&now)).filter(|fresh| Some(fresh) != shown.as_ref()) {
        answer = send(talk, Some(&fresh))?;
    }
    if is_about_condition(&answer) {
        answer = send(talk, Some("*"))?;
    }
    Ok(answer)
}

/// The entity tag of a resource: some controllers show it in the body alone, and some show an empty one. What cannot stand
/// in a header is none.
fn tag(resource: &Resource) -> Option<String> {
    let header =
        resource.etag.as_deref().map(str::trim).filter(|tag| !matches!(*tag, "" | "\"\"" | "W/\"\""));
    let tag = header.or_else(|| resource.text(&["@odata.etag"]));
    tag.filter(|tag| tag.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')).map(str::to_owned)
}

fn is_about_condition(answer: &Answer) -> bool {
    matches!(answer.status, PRECONDITION_FAILED | PRECONDITION_REQUIRED)
}
