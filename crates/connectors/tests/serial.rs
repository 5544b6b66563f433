//! Serial consoles at simulated controllers and terminal servers.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use ironhand_api::{Connector, ConsoleLogFormat, ConsoleLogOptions, ConsoleMenu, SshConsoleOptions, Way};
use ironhand_connectors::{Login, MemoryPins, Pins, SerialConsole, Surroundings, open_serial};
use ironhand_sim::console_server::{ConsoleFault, ConsoleServer, ConsoleServerConfig, Maker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

/// How long a test waits for what must come.
const MOST: Duration = Duration::from_secs(60);

const MAKERS: [(Maker, ConsoleMenu); 4] = [
    (Maker::Dell, ConsoleMenu::Idrac),
    (Maker::Lenovo, ConsoleMenu::Xcc),
    (Maker::Hpe, ConsoleMenu::Ilo),
    (Maker::Openbmc, ConsoleMenu::Openbmc),
];

fn login() -> Option<Login> {
    Some(Login { username: "admin".to_owned(), password: "simulated".into() })
}

fn connector(way: Way, server: &ConsoleServer) -> Connector {
    let mut connector = Connector::new(way, "127.0.0.1");
    connector.port = Some(server.address().port());
    connector
}

fn ssh_console(menu: ConsoleMenu, server: &ConsoleServer) -> Connector {
    let host_key = Some(server.host_key().to_owned());
    connector(Way::SshConsole(SshConsoleOptions { menu, command: None, host_key }), server)
}

async fn controller(maker: Maker, fault: Option<ConsoleFault>) -> ConsoleServer {
    ConsoleServer::ssh(ConsoleServerConfig { fault, ..ConsoleServerConfig::new(maker) })
        .await
        .expect("a port")
}

/// Receives until the machine has written this; returns all of it.
async fn sees(console: &mut Box<dyn SerialConsole>, text: &str) -> String {
    let mut seen = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&seen).contains(text) {
            seen.extend(console.receive().await.expect("it is open"));
        }
    };
    let read = timeout(MOST, reading).await;
    let seen = String::from_utf8_lossy(&seen).into_owned();
    assert!(read.is_ok(), "no {text:?} in {seen:?}");
    seen
}

/// Waits until something is so.
async fn becomes(is: impl Fn() -> bool) {
    let waiting = async {
        while !is() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(MOST, waiting).await.expect("it becomes so");
}

/// The error at the end of a console.
async fn end(console: &mut Box<dyn SerialConsole>) -> ironhand_connectors::Error {
    let ended = async {
        loop {
            if let Err(error) = console.receive().await {
                return error;
            }
        }
    };
    timeout(MOST, ended).await.expect("it ends")
}

#[tokio::test]
async fn consoles_are_reached_through_each_menu_and_left_in_order() {
    for (maker, menu) in MAKERS {
        let server = controller(maker, None).await;
        let connector = ssh_console(menu, &server);
        let mut console = open_serial(&connector, login(), &Surroundings::default()).await.unwrap();
        let first = sees(&mut console, "sim1 login: ").await;
        assert!(!first.contains("ESC") && !first.contains("type:"), "words of the controller: {first:?}");
        console.send(b"root\r").await.unwrap();
        sees(&mut console, "Password: ").await;
        // The keys that lead to the controller's shell do not get there.
        console.send(b"\x1c\x1b(exit\r").await.unwrap();
        sees(&mut console, "root@sim1$ ").await;
        assert_eq!(console.send_break().await.unwrap_err().code(), "connector.unsupported");
        assert!(server.is_held());
        console.close().await;
        becomes(|| !server.is_held()).await;
        assert_eq!(server.left_in_order(), usize::from(maker != Maker::Openbmc), "{maker:?}");
    }
}

#[tokio::test]
async fn what_keeps_a_console_away_is_said() {
    let check = async |fault: Option<ConsoleFault>, menu: ConsoleMenu, code: &str, words: &str| {
        let server = controller(Maker::Hpe, fault).await;
        let opened = open_serial(&ssh_console(menu, &server), login(), &Surroundings::default()).await;
        let error = opened.map(drop).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(!server.is_held());
    };
    check(Some(ConsoleFault::InUse), ConsoleMenu::Ilo, "connector.busy", "in use by another session").await;
    check(Some(ConsoleFault::Unlicensed), ConsoleMenu::Ilo, "connector.refused", "licence").await;
    let server = controller(Maker::Hpe, None).await;
    let wrong = Some(Login { username: "admin".to_owned(), password: "guessed".into() });
    let opened = open_serial(&ssh_console(ConsoleMenu::Ilo, &server), wrong, &Surroundings::default()).await;
    let error = opened.map(drop).unwrap_err();
    assert_eq!(error.code(), "connector.login_refused", "{error}");
    assert!(!format!("{error} {error:?}").contains("guessed"));
}

#[tokio::test]
async fn a_console_that_ends_is_told_and_nothing_reaches_the_menu() {
    let server = controller(Maker::Dell, Some(ConsoleFault::Drops { after: 3 })).await;
    let connector = ssh_console(ConsoleMenu::Idrac, &server);
    let mut console = open_serial(&connector, login(), &Surroundings::default()).await.unwrap();
    console.send(b"root\r").await.unwrap();
    assert_eq!(end(&mut console).await.code(), "connector.unreachable");
    console.close().await;

    let server = controller(Maker::Dell, Some(ConsoleFault::Taken { after: 3 })).await;
    let connector = ssh_console(ConsoleMenu::Idrac, &server);
    let mut console = open_serial(&connector, login(), &Surroundings::default()).await.unwrap();
    console.send(b"roo").await.unwrap();
    let error = end(&mut console).await;
    assert_eq!((error.code(), error.retry()), ("connector.busy", true), "{error}");
    assert_eq!(console.send(b"racreset\r").await.unwrap_err().code(), "connector.busy");
    console.close().await;
}

#[tokio::test]
async fn a_host_key_is_pinned_at_first_use() {
    let pins = Arc::new(MemoryPins::default());
    let surroundings = Surroundings { pins: Arc::clone(&pins) as _, ..Surroundings::default() };
    let server = controller(Maker::Openbmc, None).await;
    let mut connector = ssh_console(ConsoleMenu::Openbmc, &server);
    let Way::SshConsole(options) = &mut connector.way else { panic!("it is one") };
    options.host_key = None;
    let check = async |wanted: Result<(), &str>| {
        let opened = open_serial(&connector, login(), &surroundings).await;
        let done = match opened {
            Ok(console) => {
                console.close().await;
                becomes(|| !server.is_held()).await;
                Ok(())
            }
            Err(error) => Err((error.code(), error.to_string())),
        };
        match (done, wanted) {
            (Ok(()), Ok(())) => {}
            (Err((code, text)), Err(words)) => {
                assert_eq!(code, "connector.certificate");
                assert!(text.contains(words) && text.contains(server.host_key()), "{text}");
            }
            (done, wanted) => panic!("{done:?} instead of {wanted:?}"),
        }
    };
    let device = connector.to_string();
    check(Ok(())).await;
    check(Ok(())).await;
    pins.forget(&device);
    pins.pin(&device, [7; 32]).await.unwrap();
    check(Err("its host key changed")).await;
}

#[tokio::test]
async fn a_terminal_server_is_typed_at_over_telnet() {
    let server = ConsoleServer::telnet("sim1").await.unwrap();
    let connector = connector(Way::Telnet, &server);
    let mut console = open_serial(&connector, None, &Surroundings::default()).await.unwrap();
    sees(&mut console, "login: ").await;
    console.send(b"root\r").await.unwrap();
    sees(&mut console, "Password: ").await;
    console.send_break().await.unwrap();
    sees(&mut console, "[break]").await;
    console.close().await;
    becomes(|| !server.is_held()).await;
}

#[tokio::test]
async fn bytes_of_a_plain_port_are_the_machines() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut connector = Connector::new(Way::SerialTcp, "127.0.0.1");
    connector.port = Some(listener.local_addr().unwrap().port());
    let mut console = open_serial(&connector, None, &Surroundings::default()).await.unwrap();
    let (mut machine, _) = listener.accept().await.unwrap();
    console.send(b"\xff\xf3\r").await.unwrap();
    let mut read = [0; 3];
    machine.read_exact(&mut read).await.unwrap();
    assert_eq!(read, *b"\xff\xf3\r");
    assert_eq!(console.send_break().await.unwrap_err().code(), "connector.unsupported");
    machine.write_all(b"\xff\xfbbooting").await.unwrap();
    assert_eq!(&console.receive().await.unwrap()[..2], b"\xff\xfb");
    drop(machine);
    assert_eq!(end(&mut console).await.code(), "connector.unreachable");
}

#[tokio::test]
async fn a_log_of_another_program_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let options = ConsoleLogOptions { format: ConsoleLogFormat::Conserver };
    let connector = Connector::new(Way::ConsoleLog(options), "node7.log");
    let missing = open_serial(&connector, None, &Surroundings::default()).await.map(drop).unwrap_err();
    assert_eq!(missing.code(), "connector.misconfigured", "{missing}");
    let path = folder.path().join("node7.log");
    std::fs::write(&path, "boot\r\n[-- MARK -- Sat Nov 21 20:00:00 2026]\r\n").unwrap();
    let console_logs = Some(folder.path().to_owned());
    let surroundings = Surroundings { console_logs, ..Surroundings::default() };
    let mut console = open_serial(&connector, None, &surroundings).await.unwrap();
    assert!(console.is_read_only());
    assert_eq!(console.send(b"x").await.unwrap_err().code(), "connector.unsupported");
    assert_eq!(sees(&mut console, "boot\r\n").await, "boot\r\n");
    std::fs::write(&path, "anew\r\n").unwrap();
    assert_eq!(sees(&mut console, "anew\r\n").await, "anew\r\n");
    console.close().await;
}
