//! Requests against a server of the test's own.

use std::time::Duration;

use ironhand_api::{Credential, CredentialSpec, Metadata, Secret};
use ironhand_store::KeySource;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto::ring};

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

/// A server that shows a certificate for its address.
struct BehindTls {
    url: String,
    /// The authority that vouches for it, in PEM.
    authority: String,
    /// The digest of the certificate, as manifests pin it.
    digest: String,
    /// How many requests it got.
    asked: Arc<std::sync::atomic::AtomicUsize>,
}

async fn behind_tls(name: &str) -> BehindTls {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let der = params.signed_by(&key, &authority).unwrap().der().clone();
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(&der)));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der], PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())))
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Who does not believe the certificate ends the handshake.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = vec![0; 16 * 1024];
            if stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let _ = stream.write_all(OK.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        }
    });
    BehindTls { url, authority: authority.pem(), digest, asked }
}

#[tokio::test]
async fn a_server_proves_who_it_is_by_its_authority_or_its_pin_before_a_secret_is_sent() {
    let (_directory, outreach) = outreach().await;
    let (meant, other) = (behind_tls("meant").await, behind_tls("other").await);
    let check = async |tls: serde_json::Value, wanted: Result<(), &str>| {
        let mut asked = serde_json::json!({ "url": meant.url, "auth": { "bearer": "netbox" } });
        if !tls.is_null() {
            asked["tls"] = tls.clone();
        }
        let before = meant.asked.load(std::sync::atomic::Ordering::SeqCst);
        let told = outreach.http(&step(asked), &mut Vec::new()).await;
        let sent = meant.asked.load(std::sync::atomic::Ordering::SeqCst) - before;
        match (told, wanted) {
            (Ok(_), Ok(())) => assert_eq!(sent, 1, "{tls}"),
            (Err(error), Err(wanted)) => {
                assert!(error.to_string().contains(wanted), "{tls}: {error}");
                assert_eq!((sent, error.leaves_doubt()), (0, false), "{tls}: {error}");
            }
            (told, _) => panic!("{tls}: {told:?}"),
        }
    };
    check(serde_json::json!({ "ca": meant.authority }), Ok(())).await;
    check(serde_json::json!({ "pin": meant.digest }), Ok(())).await;
    let refused = Err("does not prove who it is");
    check(serde_json::json!({ "ca": other.authority }), refused).await;
    check(serde_json::json!({ "pin": other.digest }), refused).await;
    // No authority that the system trusts vouches for it.
    check(serde_json::Value::Null, refused).await;
}
