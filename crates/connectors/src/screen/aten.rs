//! The remote console of Supermicro's controllers: their web pages first, then ATEN's iKVM.

use std::sync::Arc;
use std::time::Instant;

use ironhand_api::{Connector, Tls};
use ironhand_kvm::aten::{Client, ClientConfig, Event};
use ironhand_kvm::{Output, Picture};
use regex::Regex;
use secrecy::SecretString;
use serde_json::Value;
use tokio::time::Instant as Moment;

use super::remote::{Remote, Told, Viewer};
use super::web_session::{self, WebSession};
use crate::http::Opening;
use crate::{
    Authorization, Error, HttpClient, HttpLimits, HttpRequest, Login, Proof, Route, Surroundings, connect,
};

/// The cookie of a session.
const SESSION: &str = "SID";

/// Where HTML5 firmware names the page of its console.
const LAUNCH: &str = "/redfish/v1/Managers/1/Oem/Supermicro/IKVM";

/// Where older firmware has what started the Java viewer.
const JAVA: &str = "/cgi/url_redirect.cgi?url_name=ikvm&url_type=jwsk";

/// The port of the console of older firmware, where it names none.
const OLD_PORT: u16 = 5900;

impl Viewer for Client {
    type Event = Event;

    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        Self::receive(self, now, bytes);
    }

    fn closed(&mut self) {
        Self::closed(self);
    }

    fn wake(&mut self, now: Instant) {
        Self::wake(self, now);
    }

    fn next_wake(&self) -> Option<Instant> {
        Self::next_wake(self)
    }

    fn next_output(&mut self) -> Option<Output<Event>> {
        Self::next_output(self)
    }

    fn picture(&self) -> Option<&Picture> {
        Self::picture(self)
    }

    fn request(&mut self, now: Instant, incremental: bool) {
        self.request_update(now, incremental);
    }

    fn key(&mut self, usage: u8, down: bool) -> Result<(), Error> {
        Self::key(self, usage, down);
        Ok(())
    }

    fn stop(&mut self) {}

    fn told(event: Event) -> Told {
        match event {
            Event::Connected { .. } => Told::Connected,
            Event::Updated => Told::Updated,
            Event::ScreenOff => Told::ScreenOff,
            Event::Failed(error) => Told::Failed(error),
        }
    }
}

/// Logs in, learns what lets into the console, and opens it.
pub(super) async fn open(
    connector: &Connector,
    tls: &Tls,
    login: Option<Login>,
    surroundings: &Surroundings,
) -> Result<Remote<Client>, Error> {
    let login = login.ok_or_else(no_login)?;
    let route = Route::of(connector, surroundings.hop.clone())?;
    let proof = Proof::of(tls, connector.to_string(), &surroundings.pins)?;
    let limits = HttpLimits { connect: surroundings.connect, ..HttpLimits::default() };
    let client = HttpClient::new(route.clone(), proof, limits).with_health(surroundings.health.clone());
    let client = Arc::new(client);
    let web = log_in(&client, &login).await?;
    let opened = match launch_page(&client, &login).await {
        Ok(Some(page)) => open_html5(&client, &web, &login, &page).await,
        Ok(None) => open_old(&web, route, surroundings).await,
        Err(error) => Err(error),
    };
    match opened {
        Ok(remote) => Ok(remote.under(web)),
        Err(error) => {
            web.close().await;
            Err(error)
        }
    }
}

fn no_login() -> Error {
    Error::Misconfigured { reason: "a console of a controller needs a credential".to_owned() }
}

async fn log_in(client: &Arc<HttpClient>, login: &Login) -> Result<WebSession, Error> {
    let answer = web_session::log_in(client, "/cgi/login.cgi", ["name", "pwd"], login).await?;
    if let Some(cookie) = web_session::cookie(&answer, SESSION) {
        return Ok(WebSession::new(client, cookie, HttpRequest::get("/cgi/logout.cgi")));
    }
    let page = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
    Err(match answer.status {
        // The status is the same for a wrong password; only the page tells.
        200 if page.contains("maximum") => {
            Error::Busy { reason: "all sessions of its web pages are taken".to_owned() }
        }
        200 | 401 | 403 => Error::LoginRefused { username: login.username.clone(), reason: None },
        status => {
            let reason = format!("HTTP status {status} for a login; is this a controller of Supermicro?");
            Error::Malformed { reason }
        }
    })
}

/// The page of the console; nothing where the firmware knows none.
async fn launch_page(client: &HttpClient, login: &Login) -> Result<Option<String>, Error> {
    let request = HttpRequest::get(LAUNCH).authorization(Authorization::Basic(login.clone()));
    let answer = client.send(&request).await?;
    match answer.status {
        200 => {
            let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            Ok(told["URI"].as_str().filter(|uri| uri.starts_with('/')).map(str::to_owned))
        }
        401 | 403 => Err(Error::LoginRefused {
            username: login.username.clone(),
            reason: Some("it may not open the console".to_owned()),
        }),
        _ => Ok(None),
    }
}

async fn open_html5(
    client: &HttpClient,
    web: &WebSession,
    login: &Login,
    page: &str,
) -> Result<Remote<Client>, Error> {
    let request = HttpRequest::get(page).authorization(Authorization::Basic(login.clone()));
    let answer = client.send(&request).await?;
    let token = entry_value(&String::from_utf8_lossy(&answer.body))
        .ok_or_else(|| Error::Malformed { reason: "the page of its console has no token".to_owned() })?;
    match client.websocket_stream(web.dressed(HttpRequest::get("/"))).await? {
        Opening::Open(stream, taken) => {
            let config = ClientConfig::new(token, SecretString::default());
            Remote::open(stream, taken, Client::new(Instant::now(), config)).await
        }
        Opening::Answer(answer) => Err(Error::Refused {
            reason: format!("HTTP status {} where its console was asked for", answer.status),
        }),
    }
}

/// The hidden field that lets into the console.
fn entry_value(page: &str) -> Option<SecretString> {
    let tag = Regex::new(r#"<input[^>]*\bid\s*=\s*["']entry_value["'][^>]*>"#).ok()?;
    let value = Regex::new(r#"\bvalue\s*=\s*["']([^"']+)["']"#).ok()?;
    let found = value.captures(tag.find(page)?.as_str())?;
    Some(SecretString::from(found.get(1)?.as_str()))
}

/// As the Java viewer was started: a login for once, and a connection of its own without TLS.
async fn open_old(
    web: &WebSession,
    mut route: Route,
    surroundings: &Surroundings,
) -> Result<Remote<Client>, Error> {
    let answer = web.ask(HttpRequest::get(JAVA)).await?;
    let text = String::from_utf8_lossy(&answer.body);
    let (user, password, port) = java_arguments(&text).ok_or_else(|| Error::Unsupported {
        what: "show its screen: it names neither a page nor a Java viewer for its console".to_owned(),
    })?;
    route.port = port.unwrap_or(OLD_PORT);
    let addresses = u32::try_from(route.addresses.len()).unwrap_or(1);
    let until = Moment::now() + surroundings.connect * addresses;
    let (stream, taken) = connect(&route, &surroundings.health, until).await?;
    Remote::open(stream, taken, Client::new(Instant::now(), ClientConfig::new(user, password))).await
}

/// Name, password and port among the arguments of the Java viewer, which stand behind the address and as the tenth.
fn java_arguments(jnlp: &str) -> Option<(SecretString, SecretString, Option<u16>)> {
    let document = roxmltree::Document::parse(jnlp).ok()?;
    let arguments: Vec<&str> = document
        .descendants()
        .filter(|node| node.has_tag_name("argument"))
        .map(|node| node.text().unwrap_or_default())
        .collect();
    let port = arguments.get(9).and_then(|port| port.parse().ok()).filter(|port| *port > 0);
    Some((SecretString::from(*arguments.get(1)?), SecretString::from(*arguments.get(2)?), port))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn tokens_in_pages() {
        let check = |page: &str, wanted: Option<&str>| {
            assert_eq!(entry_value(page).as_ref().map(ExposeSecret::expose_secret), wanted, "{page}");
        };
        check(
            r#"<input type="hidden" id="entry_value" value="q83/1A=="><input id="b" value="no">"#,
            Some("q83/1A=="),
        );
        check("<input value='abc' type=hidden id='entry_value'/>", Some("abc"));
        check(r#"<input id="other" value="no"><p>entry_value</p>"#, None);
        check(r#"<input id="entry_value" value="">"#, None);
        check("", None);
    }

    #[test]
    fn arguments_of_the_java_viewer() {
        let check = |arguments: &[&str], wanted: Option<(&str, &str, Option<u16>)>| {
            let listed: String =
                arguments.iter().map(|argument| format!("<argument>{argument}</argument>")).collect();
            let page = format!("<jnlp><application-desc>{listed}</application-desc></jnlp>");
            let found = java_arguments(&page);
            let found = found
                .as_ref()
                .map(|(user, password, port)| (user.expose_secret(), password.expose_secret(), *port));
            assert_eq!(found, wanted);
        };
        let all = ["192.0.2.1", "u", "p", "null", "63630", "63635", "0", "0", "1", "5901", "623"];
        check(&all, Some(("u", "p", Some(5901))));
        check(&all[..3], Some(("u", "p", None)));
        check(&all[..2], None);
        assert!(java_arguments("<html>").is_none());
    }
}
