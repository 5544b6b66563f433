//! Supermicro: CapturePreview of X9 and X10, and `op.cgi` of later ones, which want logins in Base64 and a token against
//! forged requests.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::{Login, Visit, page, second};
use crate::bmc::exchange::ServiceReply;
use crate::bmc::fault::ScreenFault;
use crate::bmc::flavour::Screen;
use crate::bmc::machine::PictureForm;

const HTML: &str = "text/html";

pub(super) fn answer(visit: &mut Visit<'_>) -> Option<ServiceReply> {
    let is_newer = visit.service.flavour.screen == Screen::SysPreview;
    let session = visit.cookie("SID");
    match visit.asked() {
        ("GET", "/") => Some(page(200, HTML, login_page(is_newer))),
        ("POST", "/cgi/login.cgi") => Some(log_in(visit, is_newer)),
        ("GET", "/cgi/logout.cgi") => {
            visit.log_out(session.as_deref());
            Some(page(200, HTML, "<html></html>"))
        }
        (_, path) if !path.starts_with("/cgi/") => None,
        _ if !visit.is_known(session.as_deref()) => {
            let text = "<html><script>window.top.location = '/?session_timeout';</script></html>";
            Some(page(200, HTML, text))
        }
        ("POST", "/cgi/CapturePreview.cgi") if !is_newer => {
            visit.service.has_captured = true;
            Some(page(200, "application/xml", "<?xml version=\"1.0\"?> <IPMI></IPMI>"))
        }
        ("POST", "/cgi/op.cgi") if is_newer && visit.field("op").as_deref() == Some("sys_preview") => {
            let token = visit.request.header("csrf_token").or_else(|| visit.request.header("csrf-token"));
            let proves = token == session.as_deref().map(second).as_deref();
            if !proves || visit.service.faults.screen == Some(ScreenFault::Forgery) {
                return Some(page(403, HTML, "Token Value is not matched"));
            }
            visit.service.has_captured = true;
            Some(page(200, "application/xml", "<?xml version=\"1.0\"?> <IPMI></IPMI>"))
        }
        ("GET", "/cgi/url_redirect.cgi") => redirected(visit, is_newer, session.as_deref()),
        _ => None,
    }
}

fn redirected(visit: &mut Visit<'_>, is_newer: bool, session: Option<&str>) -> Option<ServiceReply> {
    match visit.query("url_name")? {
        "topmenu" if is_newer => {
            let token = second(session.unwrap_or_default());
            let text = format!("<html><script>SmcCsrfInsert (\"CSRF_TOKEN\", \"{token}\");</script></html>");
            Some(page(200, HTML, text))
        }
        "topmenu" => Some(page(200, HTML, "<html></html>")),
        "Snapshot" => {
            if visit.is_unlicensed() {
                return Some(page(403, HTML, "<html>License is required</html>"));
            }
            let captured = std::mem::take(&mut visit.service.has_captured);
            let form = if is_newer { PictureForm::Jpeg } else { PictureForm::Bmp };
            let picture = if captured { visit.picture(form) } else { None };
            Some(picture.unwrap_or_else(|| page(200, "image/bmp", "")))
        }
        _ => None,
    }
}

fn login_page(is_newer: bool) -> &'static str {
    match is_newer {
        true => "<html><form name=\"form1\"><script>form.name.value = btoa(name);</script></form></html>",
        false => "<html><form name=\"form1\" action=\"/cgi/login.cgi\" method=\"post\"></form></html>",
    }
}

fn log_in(visit: &mut Visit<'_>, is_newer: bool) -> ServiceReply {
    let field = |name: &str| {
        let text = visit.field(name).unwrap_or_default();
        match is_newer {
            true => BASE64_STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()),
            false => Some(text),
        }
    };
    let (name, password) = (field("name"), field("pwd"));
    match visit.log_in(&name.unwrap_or_default(), &password.unwrap_or_default()) {
        Login::Opened(token) => {
            let text = "<html>../cgi/url_redirect.cgi?url_name=mainmenu</html>";
            page(200, HTML, text).with("Set-Cookie", format!("SID={token}; path=/; secure"))
        }
        Login::Refused => page(200, HTML, "<html>alert(\"Invalid username or password\")</html>"),
        Login::Full => page(200, HTML, "<html>alert(\"The maximum number of sessions is reached\")</html>"),
    }
}
