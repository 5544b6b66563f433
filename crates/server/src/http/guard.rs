//! Keeps web pages of other sites out: a browser on this machine reaches loopback, and would carry their requests.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{ApiError, Via};

/// Refuses what a page of another site could have made a browser send.
///
/// * A name that resolves to loopback (DNS rebinding) shows in `Host`, which must be a loopback address or `localhost`.
/// * A form or a simple request of a page cannot declare `application/json`, or `application/octet-stream` for a medium,
///   one of which is required of every body.
/// * A page shows in `Origin`, which must be of this machine where it is present.
pub(super) async fn check(State(via): State<Via>, request: Request, next: Next) -> Response {
    match judge(via, request.method(), request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn judge(via: Via, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    if via == Via::Loopback {
        let host =
            uri.authority().map(|authority| authority.as_str()).or_else(|| text(headers, &header::HOST));
        if !host.is_some_and(is_this_machine) {
            return Err(ApiError::foreign("a host"));
        }
    }
    if let Some(origin) = text(headers, &header::ORIGIN) {
        let host = origin.split_once("://").map(|(_, host)| host);
        if !host.is_some_and(is_this_machine) {
            return Err(ApiError::foreign("an origin"));
        }
    }
    if [Method::POST, Method::PUT, Method::PATCH].contains(method) {
        let media_type = text(headers, &header::CONTENT_TYPE).and_then(|value| value.split(';').next());
        // A page of another site may send neither without asking first.
        let declared = |known: &str| media_type.is_some_and(|value| value.trim().eq_ignore_ascii_case(known));
        if !declared("application/json") && !declared("application/octet-stream") {
            return Err(ApiError::not_json());
        }
    }
    Ok(())
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether `host`, with or without a port, is `localhost` or a loopback address.
fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_this_machine() {
        let check = |host: &str, wanted: bool| assert_eq!(is_this_machine(host), wanted, "{host}");
        check("localhost", true);
        check("LOCALHOST:7080", true);
        check("127.0.0.1:7080", true);
        check("127.8.9.10", true);
        check("[::1]:7080", true);
        check("[::1]", true);
        check("evil.example", false);
        check("localhost.evil.example:7080", false);
        check("127.0.0.1.evil.example", false);
        check("10.0.0.7:7080", false);
        check("", false);
    }

    #[test]
    fn requests_of_foreign_pages_are_refused() {
        let check = |via: Via, method: Method, headers: &[(HeaderName, &str)], wanted: Option<&str>| {
            let headers: HeaderMap =
                headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
            let judged = judge(via, &method, &Uri::from_static("/api/v1/hosts"), &headers);
            let found = judged.err().map(|error| format!("{error:?}"));
            match wanted {
                None => assert_eq!(found, None, "{headers:?}"),
                Some(code) => {
                    assert!(found.as_ref().is_some_and(|text| text.contains(code)), "{headers:?}: {found:?}")
                }
            }
        };
        let json = (header::CONTENT_TYPE, "application/json; charset=utf-8");
        let local = (header::HOST, "localhost:7080");
        check(Via::Loopback, Method::GET, std::slice::from_ref(&local), None);
        check(Via::Loopback, Method::GET, &[], Some("request.foreign"));
        check(Via::Socket, Method::GET, &[], None);
        check(Via::Loopback, Method::GET, &[(header::HOST, "rebound.example")], Some("request.foreign"));
        check(Via::Loopback, Method::PUT, &[local.clone(), json.clone()], None);
        check(Via::Loopback, Method::PUT, std::slice::from_ref(&local), Some("request.media_type"));
        check(Via::Socket, Method::POST, &[(header::CONTENT_TYPE, "text/plain")], Some("request.media_type"));
        let page = (header::ORIGIN, "https://evil.example");
        check(Via::Loopback, Method::DELETE, &[local.clone(), page], Some("request.foreign"));
        check(
            Via::Loopback,
            Method::DELETE,
            &[local.clone(), (header::ORIGIN, "null")],
            Some("request.foreign"),
        );
        check(Via::Loopback, Method::DELETE, &[local, (header::ORIGIN, "http://127.0.0.1:7080")], None);
    }
}
