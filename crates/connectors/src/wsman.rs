//! WS-Management (DMTF DSP0226): SOAP 1.2 over HTTP, as Intel AMT and Windows speak it.
//!
//! What is asked is written by [`envelope`], what comes back is read by [`answer`]; both are pure. Here it is carried: one
//! request at a time, each once, and nothing is sent again that changes something.

mod answer;
mod envelope;
mod fault;

use std::time::Duration;

use getrandom::fill;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use roxmltree::Node;

use crate::path::joined;
use crate::{Authorization, Error, HttpClient, HttpLimits, HttpRequest, HttpResponse, Login, Proof, Route};

pub(crate) use answer::{child, children, number, text};
pub(crate) use envelope::{Property, Resource, Value};

use answer::Content;
use envelope::{Envelope, Request};

/// How long a service may work at a request before it answers with a fault.
const OPERATION: Duration = Duration::from_secs(25);

/// Firmware that speaks SOAP has one pair of hands, and answers of a few kilobytes: DSP0226 section 13 lets no service
/// insist on more than 8 KiB, and Windows sends 500 KiB at most.
const LIMITS: HttpLimits = HttpLimits {
    in_flight: 1,
    connect: crate::CONNECT,
    answer: Duration::from_secs(30),
    total: Duration::from_secs(45),
    body: 512 * 1024,
};

/// The path of the service, on AMT and Windows alike.
const PATH: &str = "/wsman";

/// Turns of an enumeration that are asked for at most: one that does not end is cut off.
const MOST_TURNS: usize = 64;

/// A service that is asked under one login.
pub(crate) struct Wsman {
    http: HttpClient,
    /// The address that envelopes are written to.
    to: String,
    login: Login,
    authorization: Authorization,
}

impl Wsman {
    /// A service at `route`; a connection may take as long as `connect` to come about.
    pub(crate) fn new(
        route: Route,
        proof: Proof,
        login: Login,
        authorization: Authorization,
        connect: Duration,
    ) -> Self {
        let scheme = if matches!(proof, Proof::Off) { "http" } else { "https" };
        let address = route.addresses.first().map(String::as_str).unwrap_or_default();
        let to = format!("{scheme}://{}{PATH}", joined(address, route.port));
        let http = HttpClient::new(route, proof, HttpLimits { connect, ..LIMITS });
        Self { http, to, login, authorization }
    }

    /// With the health of its addresses kept elsewhere, where others see it.
    pub(crate) fn with_health(mut self, health: crate::PathHealth) -> Self {
        self.http = self.http.with_health(health);
        self
    }

    /// Reads an instance.
    pub(crate) async fn get<T>(
        &self,
        resource: &Resource,
        read: impl FnOnce(Node<'_, '_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.ask(resource, &Request::Get, |body| read(instance(body, resource)?)).await
    }

    /// Writes an instance.
    pub(crate) async fn put(&self, resource: &Resource, properties: Vec<Property>) -> Result<(), Error> {
        self.ask(resource, &Request::Put(properties), |_| Ok(())).await
    }

    /// Invokes a method, and tells what it returned.
    pub(crate) async fn invoke(
        &self,
        resource: &Resource,
        method: &'static str,
        input: Vec<Property>,
    ) -> Result<u32, Error> {
        let request = Request::Invoke(method, input);
        self.ask(resource, &request, |body| {
            let output = child(body, &format!("{method}_OUTPUT"))?;
            number(child(output, "ReturnValue")?)
        })
        .await
    }

    /// Reads all instances, `each` of them in turn.
    pub(crate) async fn enumerate<T: Send>(
        &self,
        resource: &Resource,
        each: impl Fn(Node<'_, '_>) -> Result<T, Error> + Send + Sync,
    ) -> Result<Vec<T>, Error> {
        let context =
            |node: Node<'_, '_>| child(node, "EnumerationContext").map(|node| text(node).to_owned());
        let begin = |body: Node<'_, '_>| context(child(body, "EnumerateResponse")?);
        let mut next = Some(self.ask(resource, &Request::Enumerate, begin).await?);
        let mut found = Vec::new();
        for _ in 0..MOST_TURNS {
            let Some(context_now) = next else { return Ok(found) };
            let pull = |body: Node<'_, '_>| {
                let response = child(body, "PullResponse")?;
                let items = child(response, "Items").into_iter().flat_map(children);
                let items = items.map(&each).collect::<Result<Vec<T>, Error>>()?;
                let over = child(response, "EndOfSequence").is_ok();
                Ok((items, if over { None } else { Some(context(response)?) }))
            };
            let (items, after) = self.ask(resource, &Request::Pull(context_now), pull).await?;
            found.extend(items);
            next = after;
        }
        Err(Error::Malformed { reason: format!("a list does not end within {MOST_TURNS} answers") })
    }

    /// Asks what speaks there, and whether it lets the login in.
    pub(crate) async fn identify(&self) -> Result<(), Error> {
        let request = Request::Identify;
        self.ask(&Resource::NONE, &request, |body| child(body, "IdentifyResponse").map(drop)).await
    }

    pub(crate) async fn close(&self) {
        self.http.close().await;
    }

    async fn ask<T>(
        &self,
        resource: &Resource,
        request: &Request,
        read: impl FnOnce(Node<'_, '_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let id = message_id()?;
        let envelope = Envelope { to: &self.to, id: &id, resource, request, timeout: OPERATION };
        let soap = HeaderValue::from_static("application/soap+xml;charset=UTF-8");
        let mut asked = HttpRequest::new(Method::POST, PATH)
            .header(CONTENT_TYPE, soap)
            .body(envelope.write().into_bytes())
            .authorization(self.authorization.clone());
        asked.changes = request.changes();
        let answer = self.http.send(&asked).await?;
        self.read(&answer, asked.changes, read)
    }

    fn read<T>(
        &self,
        answer: &HttpResponse,
        changes: bool,
        read: impl FnOnce(Node<'_, '_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let username = self.login.username.clone();
            return Err(Error::LoginRefused { username, reason: None });
        }
        let content = answer::document(&answer.body, |document| match answer::content(document)? {
            Content::Body(body) if status.is_success() => read(body),
            Content::Body(_) => Err(refused(status)),
            Content::Fault(fault) => Err(fault.error(&self.login.username, changes)),
        });
        match content {
            Err(Error::Malformed { .. }) if !status.is_success() => Err(refused(status)),
            // It was taken; what was done cannot be told.
            Err(Error::Malformed { reason }) if changes => {
                tracing::debug!(reason, "the answer to a change makes no sense");
                Err(Error::OutcomeUnknown)
            }
            result => result,
        }
    }
}

/// What an HTTP status without a fault means.
fn refused(status: StatusCode) -> Error {
    let reason = format!("HTTP status {}", status.as_u16());
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Error::Busy { reason },
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            Error::Refused { reason: format!("{reason}: nothing speaks WS-Management there") }
        }
        _ => Error::Refused { reason },
    }
}

/// The instance in a body: the element that is called as its class.
fn instance<'a>(body: Node<'a, 'a>, resource: &Resource) -> Result<Node<'a, 'a>, Error> {
    child(body, resource.class())
}

/// The identifier of a message: a random UUID (RFC 9562 section 5.4).
fn message_id() -> Result<String, Error> {
    let mut bytes = [0; 16];
    fill(&mut bytes)
        .map_err(|error| Error::Misconfigured { reason: format!("no random numbers: {error}") })?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let number = u128::from_be_bytes(bytes);
    let hex = format!("{number:032x}");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    Ok(format!("uuid:{}", parts.join("-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_random_uuids() {
        let (one, other) = (message_id().unwrap(), message_id().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), 41);
        assert_eq!(&one[19..20], "4", "{one}");
        assert!(matches!(&one[24..25], "8" | "9" | "a" | "b"), "{one}");
    }
}
