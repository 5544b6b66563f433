//! iLO 5 and later: the thumbnail, which shows who has a session of Redfish. So does the picture of Lenovo's XCC3.

use http::header::LOCATION;
use http::{HeaderName, Method};
use secrecy::ExposeSecret;
use serde_json::json;

use super::Pages;
use super::web::{COOKIES, Ticket, json as posted, login_failed, malformed};
use crate::{Error, HttpClient, HttpRequest, Login};

/// Where the picture is.
pub(crate) const THUMBNAIL: &str = "/images/thumbnail.bmp";

/// Where sessions are made (DSP0268).
const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";

/// The header of a session's token (DSP0266 section 13.3.4).
const TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

pub(super) async fn log_in(http: &HttpClient, login: &Login, pages: Pages) -> Result<Ticket, Error> {
    let body = json!({ "UserName": login.username, "Password": login.password.expose_secret() });
    let answer = http.send(&posted(SESSIONS, &body)).await?;
    if let Some(error) = login_failed(&answer, login) {
        return Err(error);
    }
    let token = answer.header(&TOKEN).ok_or_else(|| malformed("its login gives no token"))?;
    let location = answer.header(&LOCATION).unwrap_or_default();
    // It may come with the controller's name in front.
    let path = location.find("/redfish/").map(|at| &location[at..]);
    let end = HttpRequest::new(Method::DELETE, path.unwrap_or(SESSIONS));
    let ticket = Ticket::new(pages, end).with(TOKEN, token)?;
    // An iLO's pages know the same token by another name.
    if pages == Pages::Ilo { ticket.with(COOKIES, &format!("sessionKey={token}")) } else { Ok(ticket) }
}
