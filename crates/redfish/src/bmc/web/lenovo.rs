//! XCC and XCC2: a picture that is made when it is asked for. XCC3: a picture that is always there.

use serde_json::json;

use super::{Login, Visit, page, second};
use crate::bmc::exchange::ServiceReply;
use crate::bmc::fault::ScreenFault;
use crate::bmc::machine::PictureForm;
use crate::bmc::message::Refusal;

/// What a login must repeat.
const NONCE: &str = "c2ltdWxhdGVk";

pub(super) fn answer(visit: &mut Visit<'_>) -> Option<ServiceReply> {
    let session = visit
        .request
        .header("authorization")
        .and_then(|header| header.strip_prefix("Bearer "))
        .map(str::to_owned);
    match visit.asked() {
        ("POST", "/api/providers/get_nonce") => {
            Some(ServiceReply::json(200, &json!({ "return": 0, "nonce": NONCE })))
        }
        ("POST", "/api/login") => Some(log_in(visit)),
        ("GET", path @ ("/api/providers/rp_screenshot" | "/download/HostScreenShot.png")) => {
            let takes = path.ends_with("rp_screenshot");
            if !visit.is_known(session.as_deref()) {
                return Some(ServiceReply::json(401, &json!({ "return": 401 })));
            }
            let proves = visit.request.header("x-xsrf-token") == session.as_deref().map(second).as_deref();
            if !proves || visit.service.faults.screen == Some(ScreenFault::Forgery) {
                return Some(ServiceReply::json(403, &json!({ "return": 403, "description": "CSRF token" })));
            }
            if visit.is_unlicensed() {
                let refusal = json!({ "return": 403, "description": "The feature needs a license." });
                return Some(ServiceReply::json(403, &refusal));
            }
            if takes {
                return Some(ServiceReply::json(200, &json!({ "return": 0 })));
            }
            Some(visit.picture(PictureForm::Png).unwrap_or_else(|| page(404, "text/html", "")))
        }
        ("GET", "/api/providers/logout") => {
            visit.log_out(session.as_deref());
            Some(ServiceReply::json(200, &json!({ "return": 0 })))
        }
        _ => None,
    }
}

fn log_in(visit: &mut Visit<'_>) -> ServiceReply {
    let wanted = format!("nonce={NONCE}");
    if visit.request.header("content-security-policy") != Some(wanted.as_str()) {
        return ServiceReply::json(401, &json!({ "return": 1, "description": "nonce" }));
    }
    let told = visit.json();
    let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    match visit.log_in(&text("username"), &text("password")) {
        Login::Opened(token) => {
            let cookie = format!("_csrf_token={}; path=/; Secure", second(&token));
            ServiceReply::json(200, &json!({ "return": 0, "access_token": token })).with("Set-Cookie", cookie)
        }
        Login::Refused if visit.service.faults.users_locked => {
            ServiceReply::json(401, &json!({ "return": 1, "locktime": 60 }))
        }
        Login::Refused => ServiceReply::json(401, &json!({ "return": 1, "locktime": 0 })),
        Login::Full => ServiceReply::json(503, &json!({ "return": 2 })),
    }
}

pub(super) fn answer_xcc3(visit: &mut Visit<'_>) -> Option<ServiceReply> {
    if visit.asked() != ("GET", "/web_download/Mini_ScreenShot.jpg") {
        return None;
    }
    let token = visit.request.header("x-auth-token").map(str::to_owned);
    if !visit.is_known(token.as_deref()) {
        return Some(Refusal::unauthorized().reply());
    }
    if visit.is_unlicensed() {
        return Some(
            Refusal::new(403, "LenovoExtendedWarning.LicenseRequired", "A license is required.").reply(),
        );
    }
    Some(visit.picture(PictureForm::Jpeg).unwrap_or_else(|| page(404, "text/html", "")))
}
