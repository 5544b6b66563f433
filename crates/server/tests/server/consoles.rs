//! Serial consoles through the server: held by one, watched by others, logged, and closed on the controller.

use std::time::Duration;

use ironhand_api::{ConsoleLog, ConsoleNotice, EventKind, Host, Manifest, PowerAction, PowerRequest};
use ironhand_client::{Client, Console, ConsoleEvent, ConsoleLogFilter, ConsoleOptions, Endpoint};
use ironhand_ipmi::sol::{SolClosed, SolConfig};
use ironhand_server::{Running, Server, Settings};
use ironhand_sim::bmc_fleet::FaultPlan;
use ironhand_sim::{BmcFleet, BmcFleetConfig};
use serde_json::json;

use crate::harness::{self, credential, eventually, name, soon};

fn by(who: &str) -> ConsoleOptions {
    ConsoleOptions { by: Some(who.to_owned()), ..ConsoleOptions::default() }
}

/// Reads until the machine has written this.
async fn until_written(console: &mut Console, text: &str) {
    let mut written = String::new();
    let reading = async {
        while !written.contains(text) {
            match console.next().await {
                Some(ConsoleEvent::Output(bytes)) => written.push_str(&String::from_utf8_lossy(&bytes)),
                Some(ConsoleEvent::Notice(_)) => {}
                None => panic!("the console ended at {written:?}"),
            }
        }
    };
    if tokio::time::timeout(harness::PATIENCE, reading).await.is_err() {
        panic!("`{text}` was not written");
    }
}

/// Reads until the console is closed; returns the code.
async fn until_closed(console: &mut Console) -> String {
    let reading = async {
        loop {
            match console.next().await {
                Some(ConsoleEvent::Notice(ConsoleNotice::Closed { code, .. })) => return code,
                Some(_) => {}
                None => panic!("it ended without a word"),
            }
        }
    };
    soon(reading).await
}

/// A BMC, and a server that knows it as `bmc-0`, with these settings.
async fn adopted(settings: Settings) -> (BmcFleet, tempfile::TempDir, Running, Client) {
    let bmcs = BmcFleet::start(BmcFleetConfig { plan: FaultPlan::none(), ..BmcFleetConfig::new(1) }).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(harness::config(directory.path(), settings)).await.unwrap();
    let client = Client::new(Endpoint::Unix(server.socket().to_owned())).unwrap();
    client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    let port = bmcs.address(0).unwrap().port();
    let host: Host = serde_json::from_value(json!({
        "metadata": { "name": "bmc-0" },
        "spec": { "credentials": ["fleet"],
            "connectors": [{ "type": "ipmi", "address": "127.0.0.1", "port": port }] },
    }))
    .unwrap();
    client.apply(&Manifest::Host(host)).await.unwrap();
    (bmcs, directory, server, client)
}

/// Waits until a stranger gets the console of the BMC, and gives it back.
async fn until_free(bmcs: &BmcFleet) {
    harness::behind_its_back(bmcs.address(0).unwrap(), async |bmc| {
        loop {
            match bmc.sol(SolConfig::default()).await {
                Ok(stream) => return drop(stream),
                Err(SolClosed::InUse) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(closed) => panic!("{closed}"),
            }
        }
    })
    .await;
}

/// Waits until the log has a line with this.
async fn until_logged(client: &Client, text: &str) {
    let filter = ConsoleLogFilter { search: Some(text.to_owned()), ..ConsoleLogFilter::default() };
    let lines = async || client.console_log(&name("bmc-0"), &filter).await.unwrap();
    eventually("the log", lines, |lines| !lines.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_is_given_back_when_nothing_is_typed_or_its_client_is_gone() {
    let settings = Settings { console_idle: Duration::from_millis(300), ..harness::settings() };
    let (bmcs, _directory, server, client) = adopted(settings).await;
    let host = name("bmc-0");
    let mut ann = soon(client.console(&host, &by("ann"))).await.unwrap();
    assert_eq!(until_closed(&mut ann).await, "console.idle");
    until_free(&bmcs).await;

    let mut bob = soon(client.console(&host, &by("bob"))).await.unwrap();
    assert!(bob.write(b"\r".to_vec()).await);
    until_written(&mut bob, "login:").await;
    // A client that is killed says no good-bye.
    drop(bob);
    until_free(&bmcs).await;
    assert_eq!(soon(client.release_console(&host, "carol")).await.unwrap(), None);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_sees_what_was_written_before() {
    let (_bmcs, _directory, server, client) = adopted(harness::settings()).await;
    let host = name("bmc-0");
    let mut ann = soon(client.console(&host, &by("ann"))).await.unwrap();
    assert!(ann.write(b"root\rsecret\recho one two three\r".to_vec()).await);
    until_written(&mut ann, "echo one two three\r\necho one two three\r\n").await;
    let watching = ConsoleOptions { read_only: true, ..by("eve") };
    let mut eve = soon(client.console(&host, &watching)).await.unwrap();
    until_written(&mut eve, "echo one two three\r\necho one two three\r\n").await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_is_always_logged_is_shared_and_let_go() {
    let settings = Settings { console_log: ConsoleLog::Always, ..harness::settings() };
    let (bmcs, _directory, server, client) = adopted(settings).await;
    let host = name("bmc-0");
    // Nobody looks.
    let cycle = PowerRequest { action: PowerAction::Cycle, wait: true, timeout: None };
    soon(client.power(&host, &cycle)).await.unwrap();
    until_logged(&client, "Starting the system").await;
    // A person shares the session, and leaves it open.
    let mut ann = soon(client.console(&host, &by("ann"))).await.unwrap();
    assert!(ann.write(b"ann\r".to_vec()).await);
    until_written(&mut ann, "Password:").await;
    ann.close().await;
    soon(client.power(&host, &cycle)).await.unwrap();
    until_logged(&client, "login: ann").await;
    // No longer set for the host, the BMC has its console back.
    let mut spec: Host = client.get(&host).await.unwrap();
    spec.spec.settings.console_log = Some(ConsoleLog::Held);
    client.apply(&Manifest::Host(spec)).await.unwrap();
    until_free(&bmcs).await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_is_held_by_one_and_taken_over_with_notice() {
    let (_bmcs, directory, server, client) = adopted(harness::settings()).await;
    let host = name("bmc-0");

    let mut ann = soon(client.console(&host, &by("ann"))).await.unwrap();
    assert!(ann.write(b"\r".to_vec()).await);
    until_written(&mut ann, "login:").await;

    let refused = soon(client.console(&host, &by("bob"))).await.unwrap_err();
    let problem = refused.problem().unwrap();
    assert_eq!(problem.code, "console.held");
    assert!(problem.detail.starts_with("ann has had the console since"), "{problem:?}");

    // Who only looks sees what is written, and types nothing.
    let watching = ConsoleOptions { read_only: true, ..by("eve") };
    let mut eve = soon(client.console(&host, &watching)).await.unwrap();
    assert!(eve.write(b"nothing of this".to_vec()).await);
    assert!(ann.write(b"root\r".to_vec()).await);
    until_written(&mut ann, "Password:").await;
    until_written(&mut eve, "Password:").await;

    let taking = ConsoleOptions { take_over: true, ..by("bob") };
    let mut bob = soon(client.console(&host, &taking)).await.unwrap();
    assert_eq!(until_closed(&mut ann).await, "console.taken_over");
    assert!(bob.write(b"\r".to_vec()).await);
    until_written(&mut bob, "\n").await;
    let holder = soon(client.release_console(&host, "carol")).await.unwrap();
    assert_eq!(holder.map(|holder| holder.by).as_deref(), Some("bob"));
    assert_eq!(until_closed(&mut bob).await, "console.released");
    eve.close().await;

    let filter = ConsoleLogFilter { search: Some("login:".to_owned()), ..ConsoleLogFilter::default() };
    let logged = soon(client.console_log(&host, &filter)).await.unwrap();
    assert!(!logged.is_empty());
    assert!(logged.iter().all(|line| !line.text.contains("nothing of this")));
    let told = client.events(&ironhand_client::EventFilter::default()).await.unwrap();
    let told = |kind| told.iter().any(|event| event.kind == kind);
    assert!(told(EventKind::ConsoleTaken) && told(EventKind::ConsoleTakenOver));

    // What is open on the BMC is closed with the server, so that the next one finds it free.
    tokio::time::timeout(Duration::from_secs(30), server.shutdown()).await.unwrap();
    let server = Server::start(harness::config(directory.path(), harness::settings())).await.unwrap();
    let client = Client::new(Endpoint::Unix(server.socket().to_owned())).unwrap();
    let console = soon(client.console(&host, &by("ann"))).await.unwrap();
    console.close().await;
    server.shutdown().await;
}
