//! iDRAC 7 and 8: the console preview.

use super::{Login, Visit, page, second};
use crate::bmc::exchange::ServiceReply;
use crate::bmc::machine::PictureForm;

/// The cookie of a session.
const SESSION: &str = "_appwebSessionId_";

pub(super) fn answer(visit: &mut Visit<'_>) -> Option<ServiceReply> {
    let session = visit.cookie(SESSION);
    match visit.asked() {
        ("POST", "/data/login") => Some(log_in(visit)),
        ("GET", "/data/logout") => {
            visit.log_out(session.as_deref());
            Some(xml(200, "<status>ok</status>"))
        }
        ("GET", "/data") => {
            let proves = visit.request.header("st2") == session.as_deref().map(second).as_deref();
            if !proves || !visit.is_known(session.as_deref()) {
                return Some(xml(401, "<status>unauthorized</status>"));
            }
            let asked = visit.query("get").is_some_and(|asked| asked.starts_with("consolepreview["));
            let status = match (asked, visit.is_unlicensed()) {
                (true, false) if visit.machine.is_on() => "<status>ok</status>",
                (true, true) => "<status>error</status><errorMsg>RAC0921: a license is required</errorMsg>",
                _ => "<status>error</status>",
            };
            Some(xml(200, status))
        }
        ("GET", "/capconsole/scapture0.png") => {
            let proves = visit.cookie("-ST2") == session.as_deref().map(second);
            if !proves || !visit.is_known(session.as_deref()) {
                return Some(xml(401, "<status>unauthorized</status>"));
            }
            Some(visit.picture(PictureForm::Png).unwrap_or_else(|| page(404, "text/html", "")))
        }
        _ => None,
    }
}

fn log_in(visit: &mut Visit<'_>) -> ServiceReply {
    let (name, password) = (visit.field("user"), visit.field("password"));
    match visit.log_in(&name.unwrap_or_default(), &password.unwrap_or_default()) {
        Login::Opened(token) => {
            let text = format!(
                "<status>ok</status><authResult>0</authResult>\
                 <forwardUrl>index.html?ST1={token},ST2={}</forwardUrl><errorMsg></errorMsg>",
                second(&token)
            );
            xml(200, &text).with("Set-Cookie", format!("{SESSION}={token}; path=/; Secure; HttpOnly"))
        }
        Login::Refused => xml(
            200,
            "<status>ok</status><authResult>1</authResult>\
             <errorMsg>RAC0212: The login failed.</errorMsg>",
        ),
        Login::Full => xml(
            200,
            "<status>ok</status><authResult>5</authResult>\
             <errorMsg>RAC0218: The maximum number of user sessions is reached.</errorMsg>",
        ),
    }
}

fn xml(status: u16, text: &str) -> ServiceReply {
    page(status, "text/xml", format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?> <root> {text} </root>"))
}
