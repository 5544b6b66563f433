//! Logging in, at a server of the library's own.

use std::borrow::Cow;

use russh::MethodSet;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{HashAlg, PrivateKey};
use russh::server::{self, Auth, Response};
use tokio::io::duplex;

use super::*;

const PASSWORD: &str = "correct horse";

/// How a server takes a password.
#[derive(Clone, Copy, PartialEq)]
enum Takes {
    /// As such.
    Password,
    /// As the answer to one question, after a notice.
    Answer,
    /// With a second question.
    Code,
}

struct Door {
    takes: Takes,
    rounds: u32,
}

impl server::Handler for Door {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, russh::Error> {
        let fits = self.takes == Takes::Password && user == "ops" && password == PASSWORD;
        Ok(if fits { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        self.rounds += 1;
        let prompts = match (self.rounds, self.takes) {
            (1, Takes::Answer) => Vec::new(),
            (1, Takes::Code) => vec![(Cow::from("Password: "), false), (Cow::from("Code: "), true)],
            (2, _) => vec![(Cow::from("Password: "), false)],
            _ => {
                let answer = response.and_then(|mut answers| answers.next());
                let fits = answer.is_some_and(|answer| *answer == *PASSWORD.as_bytes());
                return Ok(if fits { Auth::Accept } else { Auth::reject() });
            }
        };
        Ok(Auth::Partial { name: "".into(), instructions: "".into(), prompts: prompts.into() })
    }
}

/// The code of what comes of a login; none where it succeeds.
async fn log_in_at(takes: Takes, password: &str) -> Option<&'static str> {
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&[7; 32]));
    let host_key = key.public_key().fingerprint(HashAlg::Sha256).to_string();
    let offered =
        if takes == Takes::Password { MethodKind::Password } else { MethodKind::KeyboardInteractive };
    let config = server::Config {
        keys: vec![key],
        methods: MethodSet::from(&[offered][..]),
        auth_rejection_time: Duration::ZERO,
        ..server::Config::default()
    };
    let (near, far) = duplex(64 * 1024);
    tokio::spawn(async move {
        let session = server::run_stream(Arc::new(config), far, Door { takes, rounds: 0 }).await;
        if let Ok(session) = session {
            let _ = session.await;
        }
    });
    let login = Login { username: "ops".to_owned(), password: password.into() };
    let opened = Session::open(near, "192.0.2.1:22", &login, HostKey::Given(host_key)).await;
    opened.err().map(|error| {
        assert!(!format!("{error} {error:?}").contains(password), "{error:?}");
        error.code()
    })
}

#[tokio::test]
async fn a_password_is_given_as_servers_ask_for_it() {
    let check = async |takes: Takes, password: &str, expected: Option<&str>| {
        assert_eq!(log_in_at(takes, password).await, expected);
    };
    check(Takes::Password, PASSWORD, None).await;
    check(Takes::Password, "wrong horse", Some("connector.login_refused")).await;
    check(Takes::Answer, PASSWORD, None).await;
    check(Takes::Answer, "wrong horse", Some("connector.login_refused")).await;
    check(Takes::Code, PASSWORD, Some("connector.login_refused")).await;
    // No key that can be read, and nothing of it may be told.
    check(Takes::Password, "-----BEGIN OPENSSH PRIVATE KEY-----", Some("connector.misconfigured")).await;
}
