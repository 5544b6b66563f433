//! Nothing that is printed has a password in it.

use http::HeaderName;
use http::Method;
use ironhand_connectors::{Authorization, Error, Hop, HttpClient, HttpRequest, Login, Opened, Proof, Route};

use crate::device::{Act, Device, limits, say};

const SECRET: &str = "s3same-0pen";

fn login() -> Login {
    Login { username: "admin".to_owned(), password: SECRET.into() }
}

/// Requests with the secret wherever it may be.
fn requests() -> Vec<HttpRequest> {
    let authorizations = [
        Authorization::Basic(login()),
        Authorization::Digest(login()),
        Authorization::Header(HeaderName::from_static("x-auth-token"), SECRET.into()),
        Authorization::Header(HeaderName::from_static("x-auth-token"), format!("{SECRET}\r\n").into()),
    ];
    let mut requests: Vec<HttpRequest> = Vec::new();
    for authorization in authorizations {
        for method in [Method::GET, Method::POST] {
            requests.push(HttpRequest::new(method, "/").authorization(authorization.clone()));
        }
    }
    let body = format!("{{\"Password\":\"{SECRET}\"}}");
    requests.push(HttpRequest::new(Method::PATCH, "/").body(body.into_bytes()));
    for path in [format!("/cm?user=admin&password={SECRET}"), format!("/cm?password={SECRET} x")] {
        requests.push(HttpRequest { sensitive: true, ..HttpRequest::get(path) });
    }
    requests
}

/// The secret as it is, and as it goes over the line.
fn holds_secret(text: &str) -> bool {
    // `admin:s3same-0pen` by Base64.
    text.contains(SECRET) || text.contains("YWRtaW46czNzYW1lLTBwZW4")
}

#[tokio::test(start_paused = true)]
async fn no_error_and_no_debug_form_holds_a_password() {
    let echo =
        format!("HTTP/1.1 200 {SECRET}\r\nX-Auth-Token: {SECRET}\r\nContent-Length: 11\r\n\r\n{SECRET}");
    let challenge =
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\nContent-Length: 0\r\n\r\n";
    let scripts = [
        vec![],
        vec![Act::Take],
        vec![Act::Take, Act::Hang],
        vec![Act::Take, say(&echo)],
        vec![Act::Take, say(&format!("{SECRET} {SECRET}\r\n\r\n"))],
        vec![Act::Take, say(&format!("HTTP/1.1 200 OK\r\nContent-Length: {SECRET}\r\n\r\n"))],
        vec![Act::Take, say(&format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{SECRET}\r\n"))],
        vec![Act::Take, say(challenge), Act::Take, say(&echo)],
    ];
    for (number, script) in scripts.into_iter().enumerate() {
        let device = Device::start(vec![script]).await;
        for request in requests() {
            let client = device.client();
            let sent = client.send(&request).await;
            let told = sent.as_ref().err().map(Error::to_string).unwrap_or_default();
            let opened: Result<Opened, Error> = client.open(&request).await;
            let all = format!("{request:?} {client:?} {sent:?} {told} {opened:?}");
            assert!(!holds_secret(&all), "{number}: {all}");
        }
    }
}

#[test]
fn routes_are_printed_without_their_logins() {
    let hops = [
        Hop::Socks5 { address: "192.0.2.9".to_owned(), port: 1080, login: Some(login()) },
        Hop::Ssh { address: "fd00::9".to_owned(), port: 22, login: login(), host_key: "SHA256:x".to_owned() },
    ];
    for hop in hops {
        let route = Route { addresses: vec!["192.0.2.1".to_owned()], port: 443, through: Some(hop) };
        let client = HttpClient::new(route.clone(), Proof::Off, limits());
        let text = format!("{route:?} {client:?} {}", route.through.as_ref().unwrap());
        assert!(!holds_secret(&text), "{text}");
    }
}
