//! Checks against sockets of this machine.

use ironhand_api::Check;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Listens, and says `greeting` to everybody after what they say, where `asked`, or at once.
async fn speaker(greeting: &'static str, asked: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            if asked {
                let _ = stream.read(&mut [0; 1024]).await;
            }
            let _ = stream.write_all(greeting.as_bytes()).await;
        }
    });
    address
}

async fn found(check: &str) -> Found {
    let check: Check = serde_json::from_str(check).unwrap();
    let tools = Tools {
        pinger: Pinger::default(),
        http: HttpProbe::default(),
        connections: Semaphore::new(CONNECTIONS),
    };
    probe(&check, &tools).await
}

fn failing(reason: &str) -> Found {
    Found::Failing(reason.to_owned())
}

#[tokio::test]
async fn listeners_are_told_from_what_refuses_or_says_something_else() {
    let ssh = speaker("hello\r\nSSH-2.0-OpenSSH_9.2\r\n", false).await;
    let other = speaker("220 mail\r\n", false).await;
    let check = |kind: &'static str, address: String, expected: Found| async move {
        let json = format!(r#"{{ "{kind}": "{address}" }}"#);
        assert_eq!(found(&json).await, expected, "{json}");
    };
    check("tcp", ssh.clone(), Found::Passing).await;
    check("ssh", ssh, Found::Passing).await;
    check("ssh", other, failing("what listens there does not greet as an SSH server does")).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    check("tcp", closed.clone(), failing("the connection is refused")).await;
    check("ssh", closed, failing("the connection is refused")).await;
}

#[tokio::test]
async fn answers_are_judged_by_status_and_text() {
    let ready =
        speaker("HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nready\n", true).await;
    let down = speaker("HTTP/1.1 503 Down\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", true).await;
    let check = |address: &str, more: &str, expected: Found| {
        let json = format!(r#"{{ "http": {{ "url": "http://{address}/healthz" {more} }} }}"#);
        async move { assert_eq!(found(&json).await, expected, "{json}") }
    };
    check(&ready, "", Found::Passing).await;
    check(&ready, r#", "status": 200, "contains": "ready""#, Found::Passing).await;
    check(&ready, r#", "contains": "steady""#, failing("the answer does not contain `steady`")).await;
    check(&ready, r#", "status": 204"#, failing("the answer has status 200")).await;
    check(&down, "", failing("the answer has status 503")).await;
    check(&down, r#", "status": 503"#, Found::Passing).await;
}

#[tokio::test]
async fn pings_are_answered_or_it_is_told_what_to_set() {
    for address in ["127.0.0.1", "127.45.6.7"] {
        match found(&format!(r#"{{ "ping": "{address}" }}"#)).await {
            Found::Passing => {}
            Found::Unknown(reason) => assert!(reason.contains("net.ipv4.ping_group_range"), "{reason}"),
            Found::Failing(reason) => panic!("this machine answers itself: {reason}"),
        }
    }
    let unknown = found(r#"{ "ping": "no such name.invalid" }"#).await;
    assert!(matches!(&unknown, Found::Unknown(reason) if reason.contains("cannot be found")), "{unknown:?}");
}

#[tokio::test]
async fn checks_are_made_again_until_nobody_wants_to_know() {
    let address = speaker("hello", false).await;
    let checks: Vec<Check> =
        serde_json::from_str(&format!(r#"[{{ "tcp": "{address}", "every": "100ms" }}]"#)).unwrap();
    let desk = CheckDesk::start();
    let mut results = desk.watch(&"n1".parse().unwrap(), &checks).await;
    for _ in 0..3 {
        let result = results.recv().await.unwrap();
        assert_eq!((result.name.as_str(), &result.found), ("tcp", &Found::Passing));
    }
}
