//! H3C HDM: a picture that is made when it is asked for.

use serde_json::json;

use super::{Login, Visit, page, second};
use crate::bmc::exchange::ServiceReply;
use crate::bmc::fault::ScreenFault;
use crate::bmc::machine::PictureForm;

/// The file that a picture is put into.
const FILE: &str = "manual_capture.jpeg";

pub(super) fn answer(visit: &mut Visit<'_>) -> Option<ServiceReply> {
    let session = visit.cookie("QSESSIONID");
    if visit.asked() == ("POST", "/api/session") {
        return Some(log_in(visit));
    }
    let is_picture = visit.request.path().strip_prefix("/bsod/") == Some(FILE);
    if !is_picture && !matches!(visit.asked(), ("DELETE", "/api/session") | ("GET", "/api/screen/capture")) {
        return None;
    }
    let proves = visit.request.header("x-csrftoken") == session.as_deref().map(second).as_deref();
    if !visit.is_known(session.as_deref()) {
        return Some(ServiceReply::json(401, &json!({ "error": "Invalid Authentication", "code": 7 })));
    }
    let is_logout = visit.request.method() == "DELETE";
    if !proves || !is_logout && visit.service.faults.screen == Some(ScreenFault::Forgery) {
        return Some(ServiceReply::json(403, &json!({ "error": "CSRF token is not valid" })));
    }
    if is_picture {
        return Some(visit.picture(PictureForm::Jpeg).unwrap_or_else(|| page(404, "text/html", "")));
    }
    if is_logout {
        visit.log_out(session.as_deref());
        return Some(ServiceReply::json(200, &json!({ "ok": 0 })));
    }
    if visit.is_unlicensed() {
        return Some(ServiceReply::json(403, &json!({ "error": "A license is required" })));
    }
    // 4 is for no signal.
    let has_signal = visit.machine.is_on() && visit.service.faults.screen != Some(ScreenFault::Dark);
    let told = if has_signal { json!({ "cc": 0, "file_name": FILE }) } else { json!({ "cc": 4 }) };
    Some(ServiceReply::json(200, &told))
}

fn log_in(visit: &mut Visit<'_>) -> ServiceReply {
    let (name, password) = (visit.field("username"), visit.field("password"));
    match visit.log_in(&name.unwrap_or_default(), &password.unwrap_or_default()) {
        Login::Opened(token) => {
            let told = json!({ "ok": 0, "privilege": 4, "CSRFToken": second(&token) });
            let cookie = format!("QSESSIONID={token}; path=/; secure; HttpOnly");
            ServiceReply::json(200, &told).with("Set-Cookie", cookie)
        }
        Login::Refused => ServiceReply::json(401, &json!({ "error": "Invalid credentials", "code": 1 })),
        Login::Full => ServiceReply::json(503, &json!({ "error": "Too many sessions", "code": 15000 })),
    }
}
