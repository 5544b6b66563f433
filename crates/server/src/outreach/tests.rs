//! Requests against a server of the test's own.

use std::time::Duration;

use ironhand_api::{Credential, CredentialSpec, Metadata, Secret};
use ironhand_store::KeySource;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::clock;

/// Answers each connection with one of `answers`, and returns what it was asked in the end.
async fn stand_in(answers: Vec<&'static str>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 16 * 1024];
            let read = stream.read(&mut request).await.unwrap();
            asked.push(String::from_utf8_lossy(&request[..read]).into_owned());
            // One without an answer is closed.
            if !answer.is_empty() {
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        }
        asked
    });
    (url, task)
}

async fn outreach() -> (tempfile::TempDir, Outreach) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), KeySource::File).await.unwrap();
    for (name, username, password) in
        [("netbox", "bot", "t0k\"en"), ("maas", "", "con:tok:sec&ret"), ("empty", "bot", "")]
    {
        let metadata = Metadata::named(name.parse().unwrap());
        let spec = CredentialSpec { username: username.to_owned(), password: Secret::Plain(password.into()) };
        store.apply(Credential { metadata, spec }, clock::now()).await.unwrap();
    }
    (directory, Outreach::new(store))
}

fn step(json: serde_json::Value) -> HttpStep {
    serde_json::from_value(json).unwrap()
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 25\r\n\r\n{\"id\":7,\"e\":\"t0k\\\"en ok\"}";
const NO: &str = "HTTP/1.1 503 Not now\r\ncontent-length: 3\r\nretry-after: 0\r\n\r\nno!";

#[tokio::test]
async fn secrets_are_sent_and_shown_nowhere() {
    let (_directory, outreach) = outreach().await;
    let (url, asked) = stand_in(vec![OK]).await;
    let step = step(serde_json::json!({
        "method": "PATCH",
        "url": format!("{url}/api/?q=1"),
        "headers": { "Authorization": { "secret": "netbox", "prefix": "Token " }, "X-Who": "me" },
        "body": { "key": { "secret": "netbox" }, "list": [1, { "secret": 5 }] },
        "capture": { "id": "/id", "echo": "/e" },
    }));
    let mut receipts = Vec::new();
    let answered = outreach.http(&step, &mut receipts).await.unwrap();
    assert_eq!((answered.captured["id"].as_str(), answered.captured["echo"].as_str()), ("7", "*** ok"));
    assert!(answered.detail.contains("answers 200 after 0."), "{}", answered.detail);
    assert!(answered.detail.contains(r#""e":"*** ok""#), "{}", answered.detail);
    assert!(!format!("{answered:?} {receipts:?} {step:?}").contains("t0k"));
    let asked = asked.await.unwrap().remove(0);
    assert!(asked.starts_with("PATCH /api/?q=1 HTTP/1.1\r\n"), "{asked}");
    for wanted in [
        "Authorization: Token t0k\"en\r\n",
        "Content-Type: application/json\r\n",
        "X-Who: me\r\n",
        r#"{"key":"t0k\"en","list":[1,{"secret":5}]}"#,
    ] {
        assert!(asked.contains(wanted), "{asked}");
    }
}

#[tokio::test]
async fn logins_are_shown_as_their_kind_wants() {
    let (_directory, outreach) = outreach().await;
    let check = async |auth: &str, name: &str, wanted: &str| {
        let (url, asked) = stand_in(vec![OK]).await;
        let step = step(serde_json::json!({ "url": url, "auth": { auth: name } }));
        let told = outreach.http(&step, &mut Vec::new()).await;
        if let Err(error) = told {
            assert!(error.to_string().contains(wanted), "{error}");
            return asked.abort();
        }
        let asked = asked.await.unwrap().remove(0);
        assert!(asked.contains(wanted), "{asked}");
    };
    check("basic", "netbox", "Authorization: Basic Ym90OnQwayJlbg==\r\n").await;
    check("bearer", "netbox", "Authorization: Bearer t0k\"en\r\n").await;
    check(
        "oauth",
        "maas",
        "oauth_consumer_key=\"con\", oauth_token=\"tok\", oauth_signature=\"%26sec%26ret\"",
    )
    .await;
    check("oauth", "netbox", "not a key of the form").await;
    check("basic", "empty", "is empty").await;
    check("basic", "missing", "missing").await;
}

#[tokio::test]
async fn it_is_tried_again_where_that_may_help_and_cannot_do_harm() {
    let (_directory, outreach) = outreach().await;
    let check = async |method: &str, answers: Vec<&'static str>, attempts: usize, wanted: &str| {
        let (url, asked) = stand_in(answers).await;
        let step = step(serde_json::json!({ "method": method, "url": url, "retries": 2, "backOff": "10ms" }));
        let mut receipts = Vec::new();
        let told = outreach.http(&step, &mut receipts).await;
        let told = told.map_or_else(|error| error.to_string(), |answered| answered.detail);
        assert!(told.contains(wanted), "{method}: {told}");
        assert_eq!(receipts.len(), attempts, "{receipts:?}");
        asked.abort();
    };
    check("GET", vec![NO, "", OK], 3, "answers 200").await;
    check("POST", vec![NO, OK], 2, "answers 200").await;
    check("POST", vec![NO, NO, NO], 3, "the answer is 503, not 2xx, after").await;
    check("POST", vec!["", OK], 1, "may or may not have been done").await;
    check("DELETE", vec!["", "", ""], 3, "was not asked").await;
}

#[tokio::test]
async fn a_slow_server_takes_no_more_than_its_share_and_its_time() {
    let (_directory, outreach) = outreach().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let held: Vec<_> =
        futures_util::future::join_all((0..AT_ONE_SERVER).map(|_| outreach.permits("slow"))).await;
    assert_eq!(outreach.all.available_permits(), AT_ONCE - AT_ONE_SERVER);
    let waits = outreach.permits("slow");
    assert!(
        tokio::time::timeout(Duration::from_millis(50), waits).await.is_err(),
        "the place of others is taken"
    );
    assert_eq!(outreach.permits("quick").await.iter().flatten().count(), 2);
    drop(held);
    assert_eq!(outreach.permits("slow").await.iter().flatten().count(), 2);
    let begun = Moment::now();
    let step = step(serde_json::json!({ "url": format!("http://{address}/"), "timeout": "300ms" }));
    let error = outreach.http(&step, &mut Vec::new()).await.unwrap_err();
    assert!(error.to_string().contains("no answer"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn what_cannot_be_sent_is_told_when_it_is_applied() {
    let check = |json: serde_json::Value, wanted: &str| {
        let found = faults(&step(json)).join("; ");
        assert!(if wanted.is_empty() { found.is_empty() } else { found.contains(wanted) }, "{found}");
    };
    check(serde_json::json!({ "url": "https://a.example/" }), "");
    check(serde_json::json!({ "url": "https://a.example/", "tls": { "ca": "system" } }), "");
    check(serde_json::json!({ "url": "http://a.example/{{ host.name }}" }), "");
    check(serde_json::json!({ "url": { "secret": "hook" } }), "");
    check(serde_json::json!({ "url": "http://u:p@a.example/" }), "leave it out");
    check(serde_json::json!({ "url": "http://a b/" }), "no URL");
    check(serde_json::json!({ "url": "http://a.example/", "tls": { "ca": "system" } }), "https:// alone");
    check(serde_json::json!({ "url": "https://a.example/", "tls": { "pin": "first-use" } }), "at first use");
    check(
        serde_json::json!({ "url": "https://a/", "expect": { "json": { "/a": { "matches": "(" } } } }),
        "`expect.json./a",
    );
    check(serde_json::json!({ "url": "https://a/", "headers": { "X": "a\nb" } }), "cannot carry");
    check(
        serde_json::json!({ "url": "https://a/", "auth": { "basic": "x" }, "headers": { "authorization": "y" } }),
        "one too many",
    );
}
