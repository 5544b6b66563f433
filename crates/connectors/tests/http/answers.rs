//! Answers of every kind, and how long they are waited for.

use std::time::Duration;

use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method};
use ironhand_connectors::{Authorization, Error, HttpRequest, Login, Opened};
use tokio::time::Instant;

use crate::device::{Act, Device, ok, say};

const LONG: usize = 10 * 1024 * 1024;

async fn get(script: Vec<Act>) -> (Result<String, Error>, Duration) {
    let device = Device::start(vec![script]).await;
    let begun = Instant::now();
    let answer = device.client().send(&HttpRequest::get("/redfish/v1/")).await;
    let text = answer.map(|answer| format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)));
    (text, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn answers_are_read_as_devices_write_them() {
    let check = async |answer: Act, wanted: &str| {
        let (text, _) = get(vec![Act::Take, answer]).await;
        assert_eq!(text.as_deref(), Ok(wanted));
    };
    check(ok("{}"), "200 {}").await;
    check(say("HTTP/1.0 200 OK\r\n\r\nuntil it is closed"), "200 until it is closed").await;
    check(say("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nthe same"), "200 the same").await;
    check(say("HTTP/1.1 204 No Content\r\n\r\n"), "204 ").await;
    check(
        say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
        "200 abcde",
    )
    .await;
    check(say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "404 ")
        .await;
    check(say("HTTP/1.1 500 \r\nContent-Length: 1\r\n\r\nx"), "500 x").await;
    // Firmware that writes what the specification forbids, and says enough all the same.
    check(say("HTTP/1.1 200 OK\r\nBad Header: x\r\nNo colon\r\nContent-Length: 2\r\n\r\n{}"), "200 {}").await;
    check(say("HTTP/1.1 200 OK\r\nX-Long: a\r\n b\r\nContent-Length: 2\r\n\r\n{}"), "200 {}").await;
    check(say("HTTP/1.1 200 OK\nContent-Length: 2\n\n{}"), "200 {}").await;
    check(Act::Drip(b"HTTP/1.1 200\r\n\r\n".to_vec()), "200 ").await;
}

#[tokio::test(start_paused = true)]
async fn answers_that_make_no_sense_are_named() {
    let check = async |script: Vec<Act>, code: &str, said: &str| {
        let (text, took) = get([vec![Act::Take], script].concat()).await;
        let error = text.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(said), "{error}");
        assert!(took < Duration::from_secs(1), "{error}: after {took:?}");
    };
    check(vec![], "connector.unreachable", "connection closed").await;
    check(vec![say("HTTP/1.1 200 O")], "connector.unreachable", "connection closed").await;
    check(vec![say("SSH-2.0-OpenSSH_9.2\r\n\r\n")], "connector.malformed", "not HTTP").await;
    check(vec![say("HTTP/1.1 9000 No\r\n\r\n")], "connector.malformed", "not HTTP").await;
    check(vec![say("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n")], "connector.malformed", "not HTTP")
        .await;
    check(
        vec![say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Id\"")],
        "connector.malformed",
        "cut off",
    )
    .await;
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(vec![say(chunked), say("zz\r\nabc")], "connector.malformed", "cut off").await;
    check(vec![say(chunked), say("ffffffffffffffffff\r\nabc")], "connector.malformed", "cut off").await;
    check(vec![say(chunked), say("5\r\nabcdefgh\r\n")], "connector.malformed", "cut off").await;
    check(vec![say(chunked), say("5\r\nab")], "connector.malformed", "cut off").await;
    let long = Act::Say(vec![b'x'; LONG]);
    let told = say(&format!("HTTP/1.1 200 OK\r\nContent-Length: {LONG}\r\n\r\n"));
    check(vec![told.clone(), long.clone()], "connector.malformed", "longer than 1048576 bytes").await;
    // It is not even waited for.
    check(vec![told, Act::Hang], "connector.malformed", "longer than 1048576 bytes").await;
    let until_closed = say("HTTP/1.0 200 OK\r\n\r\n");
    check(vec![until_closed, long.clone()], "connector.malformed", "longer than 1048576 bytes").await;
    let piece = say(&format!("{LONG:x}\r\n"));
    check(vec![say(chunked), piece, long], "connector.malformed", "longer than 1048576 bytes").await;
    let headers = "X: y\r\n".repeat(100_000);
    check(vec![say(&format!("HTTP/1.1 200 OK\r\n{headers}"))], "connector.malformed", "not HTTP").await;
    let header = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(1_000_000));
    check(vec![say(&header)], "connector.malformed", "not HTTP").await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_waited_for_longer_than_its_limit() {
    let check = async |script: Vec<Act>, after: u64| {
        let (text, took) = get(script).await;
        let error = text.unwrap_err();
        assert_eq!(error.code(), "connector.silent", "{error}");
        assert_eq!(took.as_secs(), after, "{error}");
        assert!(error.to_string().ends_with(&format!("within {after} s")), "{error}");
    };
    // Nothing at all; a head that does not end; a body that does not come, or byte by byte.
    check(vec![Act::Hang], 20).await;
    check(vec![Act::Take, Act::Hang], 20).await;
    check(vec![Act::Take, Act::Drip(b"HTTP/1.1 200 OK\r\nX-Slow: loris\r\n".to_vec()), Act::Hang], 20).await;
    check(vec![Act::Take, say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), Act::Hang], 50).await;
    let head = say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    check(vec![Act::Take, head, Act::Drip(vec![b'x'; 1000])], 50).await;
    let trickle: String = "1\r\nx\r\n".repeat(100);
    let head = say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    check(vec![Act::Take, head, Act::Drip(trickle.into_bytes())], 50).await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_change_is_told_as_such() {
    let head = say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    let scripts = [
        vec![Act::Hang],
        vec![Act::Take],
        vec![Act::Take, say("HTTP/1.1 2")],
        vec![Act::Take, say("what?\r\n\r\n")],
        vec![Act::Take, head.clone(), Act::Hang],
        vec![Act::Take, head, say("{")],
    ];
    for script in scripts {
        let device = Device::start(vec![script]).await;
        for method in [Method::POST, Method::PATCH, Method::PUT, Method::DELETE] {
            let request = HttpRequest::new(method, "/Actions/Reset").body(b"{}".to_vec());
            let error = device.client().send(&request).await.unwrap_err();
            assert_eq!(error, Error::OutcomeUnknown, "{request:?}");
        }
        let mut request = HttpRequest::get("/relay/0?turn=off");
        request.changes = true;
        assert_eq!(device.client().send(&request).await.unwrap_err(), Error::OutcomeUnknown);
        assert_eq!(device.connections(), 5, "each was sent once");
    }
}

#[tokio::test(start_paused = true)]
async fn redirects_are_answers_and_nothing_is_sent_there() {
    let other = Device::start(vec![vec![Act::Take, ok("caught")]]).await;
    let location = format!("http://{}/redfish/v1/", other.address);
    for status in [301, 302, 303, 307, 308] {
        let answer =
            say(&format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"));
        let device = Device::start(vec![vec![Act::Take, answer]]).await;
        let login = Login { username: "admin".to_owned(), password: "s3same".into() };
        let request = HttpRequest::get("/redfish/v1/").authorization(Authorization::Basic(login));
        let answer = device.client().send(&request).await.unwrap();
        assert_eq!(answer.status, status);
        assert_eq!(answer.header(&LOCATION), Some(location.as_str()));
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn requests_are_what_they_were_asked_to_be() {
    let device = Device::start(vec![vec![Act::Take, ok(""), Act::Take, ok(""), Act::Hang]]).await;
    let client = device.client();
    let login = Login { username: "Aladdin".to_owned(), password: "open sesame".into() };
    let request = HttpRequest::new(Method::POST, "/redfish/v1/Systems/1/Actions/Reset?x=%20y")
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .authorization(Authorization::Basic(login))
        .body(b"{\"ResetType\":\"On\"}".to_vec());
    client.send(&request).await.unwrap();
    client.send(&HttpRequest::get("//evil.example/redfish")).await.unwrap();
    let [post, get] = <[String; 2]>::try_from(device.requests()).unwrap();
    assert!(post.starts_with("POST /redfish/v1/Systems/1/Actions/Reset?x=%20y HTTP/1.1\r\n"), "{post}");
    for line in [
        format!("Host: {}", device.address),
        "Content-Type: application/json".to_owned(),
        "Content-Length: 18".to_owned(),
        "Accept-Encoding: identity".to_owned(),
        // RFC 7617 section 2.
        "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned(),
    ] {
        assert!(post.lines().any(|found| found == line), "{line}: {post}");
    }
    assert!(post.ends_with("\r\n\r\n{\"ResetType\":\"On\"}"), "{post}");
    assert!(get.starts_with("GET //evil.example/redfish HTTP/1.1\r\n"), "{get}");
    assert!(!get.contains("Authorization"), "{get}");
    for path in ["redfish/v1", "http://evil.example/", "/a b", "/a\r\nX: y", "*", ""] {
        let error = client.send(&HttpRequest::get(path)).await.unwrap_err();
        assert_eq!(error.code(), "connector.misconfigured", "{path}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_by_digest_is_proved_once_for_each_nonce() {
    let challenge = |nonce: &str| {
        say(&format!(
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\"\r\n\
             Content-Length: 4\r\n\r\nwho?"
        ))
    };
    let script = vec![
        Act::Take,
        challenge("first"),
        Act::Take,
        ok("1"),
        Act::Take,
        ok("2"),
        // The nonce has grown old.
        Act::Take,
        challenge("second"),
        Act::Take,
        ok("3"),
        // The password is wrong.
        Act::Take,
        challenge("third"),
        Act::Take,
        challenge("fourth"),
        Act::Hang,
    ];
    let device = Device::start(vec![script]).await;
    let client = device.client();
    let login = Login { username: "bob".to_owned(), password: "s3same".into() };
    let request = HttpRequest::get("/rpc").authorization(Authorization::Digest(login));
    for wanted in ["1", "2", "3"] {
        assert_eq!(client.send(&request).await.unwrap().body, wanted);
    }
    assert_eq!(client.send(&request).await.unwrap().status, 401);
    let requests = device.requests();
    let used = |request: &String| {
        let field =
            |name: &str| request.split(name).nth(1)?.split([',', '"', '\r']).find(|text| !text.is_empty());
        Some(format!("{} {}", field("nonce=\"")?, field("nc=")?))
    };
    let used: Vec<String> = requests.iter().map(|request| used(request).unwrap_or_default()).collect();
    let first = ["", "first 00000001", "first 00000002", "first 00000003"];
    let second = ["second 00000001", "second 00000002", "third 00000001"];
    assert_eq!(used, [&first[..], &second[..]].concat());
    assert_eq!(device.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn answers_that_do_not_end_are_read_piece_by_piece() {
    let head =
        say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    let events = vec![
        Act::Take,
        head,
        say("8\r\ndata: 1\n\r\n"),
        Act::Pause(Duration::from_secs(100)),
        say("8\r\ndata: 2\n\r\n"),
        say("0\r\n\r\n"),
    ];
    let refusal = vec![Act::Take, say("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nfull")];
    let broken = vec![Act::Take, say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")];
    let device = Device::start(vec![events, refusal, broken]).await;
    let client = device.client();
    let request = HttpRequest::get("/redfish/v1/SSE");
    let Opened::Stream(mut stream) = client.open(&request).await.unwrap() else { panic!("it is refused") };
    let patience = Duration::from_secs(70);
    assert_eq!(stream.next(patience).await.unwrap().unwrap(), "data: 1\n");
    assert_eq!(stream.next(patience).await.unwrap_err().code(), "connector.silent");
    assert_eq!(stream.next(patience).await.unwrap().unwrap(), "data: 2\n");
    assert_eq!(stream.next(patience).await.unwrap(), None);
    let Opened::Answer(answer) = client.open(&request).await.unwrap() else { panic!("it is taken") };
    assert_eq!((answer.status, &answer.body[..]), (503, &b"full"[..]));
    let Opened::Stream(mut stream) = client.open(&request).await.unwrap() else { panic!("it is refused") };
    assert_eq!(stream.next(patience).await.unwrap_err().code(), "connector.unreachable");
}
