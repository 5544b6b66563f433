//! Sessions with a JetKVM: who has the one that there is, and units that mean no good.

use std::time::Duration;

use ironhand_api::{Connector, Name, PowerState, Way};
use ironhand_connectors::{Device, Error, Login, Surroundings, open, open_screen};
use ironhand_sim::kvm_unit::{KvmUnit, KvmUnitConfig, UnitFault, UnitKind};
use ironhand_sim::{MachineConfig, Make};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const PASSWORD: &str = "c0rrect: horse";

async fn unit() -> KvmUnit {
    let machine = MachineConfig {
        name: "rack7-12".to_owned(),
        make: Make::R740Like,
        seed: 1,
        pace: 50.0,
        running: true,
    };
    KvmUnit::start(KvmUnitConfig::new(UnitKind::Jetkvm, PASSWORD.into(), machine)).await.expect("a free port")
}

fn connector(port: u16) -> Connector {
    let mut connector = Connector::new(Way::Jetkvm(Default::default()), "127.0.0.1");
    connector.port = Some(port);
    connector.credentials = Some(vec!["kvm".parse::<Name>().expect("a name")]);
    connector
}

fn login() -> Option<Login> {
    Some(Login { username: "admin".to_owned(), password: PASSWORD.into() })
}

fn device(port: u16, surroundings: &Surroundings) -> Box<dyn Device> {
    open(&connector(port), login(), surroundings).expect("a connector that can be used")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_serves_all_lines_of_a_process() {
    let unit = unit().await;
    let (port, surroundings) = (unit.address().port(), Surroundings::default());
    let mut first = device(port, &surroundings);
    let mut screen = open_screen(&connector(port), login(), &surroundings).await.expect("a screen");
    assert!(screen.image(None).is_some() && screen.is_lossy());
    for _ in 0..3 {
        assert_eq!(first.power_state().await, Ok(PowerState::On));
        screen.request_update(true).await.expect("it can be asked");
        screen.pump().await.expect("it is seen");
    }
    screen.close().await;
    assert_eq!(
        first.power_state().await,
        Ok(PowerState::On),
        "the session is there as long as somebody uses it"
    );
    first.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_somebody_took_is_left_to_them() {
    let unit = unit().await;
    let port = unit.address().port();
    let mut ours = device(port, &Surroundings::default());
    assert_eq!(ours.power_state().await, Ok(PowerState::On));
    let mut theirs = device(port, &Surroundings::default());
    assert_eq!(theirs.power_state().await, Ok(PowerState::On));
    let taken = async {
        loop {
            match ours.power_state().await {
                Err(error) => break error,
                Ok(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    let error = tokio::time::timeout(Duration::from_secs(20), taken).await.expect("it is told");
    assert!(matches!(&error, Error::Busy { reason } if reason.contains("somebody else")), "{error}");
    let error = ours.picture().await.expect_err("it is not taken back");
    assert_eq!(error.code(), "connector.busy");
    assert_eq!(theirs.power_state().await, Ok(PowerState::On));
    theirs.picture().await.expect("they see the screen");
}

/// Checks what a fault comes to: the power light, and the screen, as a code and a part of what is said.
async fn check(fault: UnitFault, light: Result<PowerState, &str>, screen: Result<(), (&str, &str)>) {
    let unit = unit().await;
    unit.break_unit(Some(fault));
    let mut device = device(unit.address().port(), &Surroundings::default());
    let read = device.power_state().await;
    assert_eq!(read.as_ref().map_err(Error::code).copied(), light, "{fault:?}: {read:?}");
    let seen = device.picture().await.map(drop);
    match (&seen, screen) {
        (Ok(()), Ok(())) => {}
        (Err(error), Err((code, part))) => {
            assert_eq!(error.code(), code, "{fault:?}: {error}");
            assert!(error.to_string().contains(part), "{fault:?}: {error}");
        }
        _ => panic!("{fault:?}: {seen:?}"),
    }
    unit.break_unit(None);
    let mended = async {
        while let Err(error) = device.picture().await {
            assert_ne!(error.code(), "connector.busy", "{error}");
        }
    };
    tokio::time::timeout(Duration::from_secs(60), mended).await.expect("a unit that is mended is seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_a_session_end_in_time_with_what_is_wrong() {
    let (on, unreachable) = (Ok(PowerState::On), "connector.unreachable");
    let (no_picture, malformed) = ("connector.no_picture", "connector.malformed");
    tokio::join!(
        check(UnitFault::Silent, Err(unreachable), Err((unreachable, "WebRTC did not come through"))),
        check(UnitFault::ForeignKey, Err(unreachable), Err((unreachable, "WebRTC"))),
        check(UnitFault::NoKeyPicture, on, Err((no_picture, "had no beginning"))),
        check(UnitFault::GarbledVideo, on, Err((malformed, "video"))),
        check(UnitFault::CorruptPackets, on, Err((no_picture, "no frame came"))),
        check(UnitFault::Chatter, on, Ok(())),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_that_falls_silent_is_told_from_one_without_a_picture() {
    let unit = unit().await;
    let mut device = device(unit.address().port(), &Surroundings::default());
    device.picture().await.expect("a picture");
    unit.break_unit(Some(UnitFault::Silent));
    let error = device.picture().await.expect_err("nothing comes any more");
    assert_eq!(error.code(), "connector.unreachable", "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_that_floods_is_left() {
    let unit = unit().await;
    let mut device = device(unit.address().port(), &Surroundings::default());
    assert_eq!(device.power_state().await, Ok(PowerState::On));
    unit.break_unit(Some(UnitFault::Flood));
    let flooded = async {
        loop {
            if let Err(error) = device.picture().await
                && error.code() == "connector.malformed"
            {
                break error.to_string();
            }
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(60), flooded).await.expect("it is noticed");
    assert!(told.contains("packets in a second"), "{told}");
}

/// A unit that lets everybody in and then says this on its WebSocket.
async fn fake(said: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let said = said.clone();
            tokio::spawn(async move {
                let mut asked = Vec::new();
                let mut buffer = [0; 4096];
                loop {
                    while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
                        match stream.read(&mut buffer).await {
                            Ok(length @ 1..) => asked.extend_from_slice(&buffer[..length]),
                            _ => return,
                        }
                    }
                    let text = String::from_utf8_lossy(&asked).into_owned();
                    asked.clear();
                    let json = |body: &str| {
                        let length = body.len();
                        format!(
                            "HTTP/1.1 200 OK\r\nSet-Cookie: authToken=a\r\nContent-Length: {length}\r\n\r\n{body}"
                        )
                    };
                    let answer = match text.lines().find_map(|line| line.strip_prefix("Sec-Websocket-Key: "))
                    {
                        None => json(r#"{"isSetup":true}"#),
                        Some(key) => {
                            use base64::Engine;
                            use sha1::Digest;
                            let proof =
                                sha1::Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
                            let proof = base64::engine::general_purpose::STANDARD.encode(proof);
                            format!(
                                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {proof}\r\n\r\n"
                            )
                        }
                    };
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                    if answer.starts_with("HTTP/1.1 101") {
                        let _ = stream.write_all(&said).await;
                        // It stays there until the other end goes.
                        while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
                        return;
                    }
                }
            });
        }
    });
    port
}

/// A message of text as a server sends it.
fn message(text: &str) -> Vec<u8> {
    let length = text.len() as u64;
    [&[0x81, 127][..], &length.to_be_bytes(), text.as_bytes()].concat()
}

fn answer(description: &str) -> String {
    use base64::Engine;
    let quoted = description.replace('\n', "\\r\\n");
    let inner = format!(r#"{{"type":"answer","sdp":"{quoted}"}}"#);
    format!(r#"{{"type":"answer","data":"{}"}}"#, base64::engine::general_purpose::STANDARD.encode(inner))
}

#[tokio::test(flavor = "multi_thread")]
async fn units_that_mean_no_good_end_in_a_stated_condition() {
    let check = async |said: Vec<u8>, wanted: &str| {
        let port = fake(said.clone()).await;
        let refused = device(port, &Surroundings::default()).picture().await.expect_err("it is no unit");
        assert_eq!(
            refused.code(),
            wanted,
            "{refused}: {}",
            String::from_utf8_lossy(&said[..said.len().min(80)])
        );
    };
    let malformed = "connector.malformed";
    check(message("<html>"), malformed).await;
    check(message(&" ".repeat(300 * 1024)), malformed).await;
    check(message(&r#"{"type":"news"}"#.repeat(20_000)), malformed).await;
    check(message(&answer(&format!("v=0\n{}", "a=x\n".repeat(40_000)))), malformed).await;
    check(message(&answer("v=0\n")), malformed).await;
    check(message(r#"{"type":"answer","data":"AAAA"}"#), malformed).await;
    check(message(r#"{"error":"no codec"}"#), "connector.refused").await;
    check(vec![0x88, 0], "connector.unreachable").await;
    check(vec![0x81, 0x81, 0, 0, 0, 0, 0], "connector.unreachable").await;
}
