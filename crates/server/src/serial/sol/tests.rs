use ironhand_ipmi_port::PortConfig;
use ironhand_sim::{BmcFleet, BmcFleetConfig};
use tokio_util::sync::CancellationToken;

use super::*;

/// How long a test waits for what must come.
const MOST: Duration = Duration::from_secs(60);

/// A port for consoles, which closes what is open when it is dropped.
fn port() -> IpmiPort {
    let (port, _driver) = IpmiPort::start(PortConfig::default(), CancellationToken::new()).expect("sockets");
    port
}

fn target(fleet: &BmcFleet) -> SolTarget {
    let peers = fleet.addresses().collect();
    let mut target = SolTarget::new(port(), peers, ClientConfig::new("admin", "simulated".into()));
    target.sol.check = Duration::from_secs(1);
    target.sol.retransmit = Duration::from_millis(10);
    target
}

/// Receives until the machine has written this.
async fn sees(console: &mut SolConsole, text: &str) {
    let mut seen = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&seen).contains(text) {
            seen.extend(console.receive().await.expect("it is open"));
        }
    };
    if timeout(MOST, reading).await.is_err() {
        panic!("no {text:?} in {:?}", String::from_utf8_lossy(&seen));
    }
}

#[tokio::test]
async fn a_console_is_typed_at_and_given_back() {
    let fleet = BmcFleet::start(BmcFleetConfig::new(1)).unwrap();
    let mut console = SolConsole::open(target(&fleet)).await.unwrap();
    console.send(b"root\r").await.unwrap();
    sees(&mut console, "Password: ").await;
    console.send_break().await.unwrap();
    sees(&mut console, "[break]").await;

    let another = SolConsole::open(target(&fleet)).await.map(drop).unwrap_err();
    assert_eq!(another.code(), "connector.busy", "{another}");
    Box::new(console).close().await;
    let mut console = SolConsole::open(target(&fleet)).await.unwrap();
    console.send(b"\r").await.unwrap();
    sees(&mut console, "Password: ").await;
    Box::new(console).close().await;
}

#[tokio::test]
async fn a_console_that_another_takes_is_not_taken_back() {
    let fleet = BmcFleet::start(BmcFleetConfig::new(1)).unwrap();
    let mut console = SolConsole::open(target(&fleet)).await.unwrap();
    let mut thief = target(&fleet);
    thief.sol.steal = true;
    let mut thief = SolConsole::open(thief).await.unwrap();
    let ended = async {
        loop {
            if let Err(error) = console.receive().await {
                return error;
            }
        }
    };
    let error = timeout(MOST, ended).await.unwrap();
    assert_eq!(error.code(), "connector.busy", "{error}");
    assert_eq!(console.send(b"x").await.unwrap_err().code(), "connector.busy");
    thief.send(b"ops\r").await.unwrap();
    sees(&mut thief, "Password: ").await;
    Box::new(thief).close().await;
}

#[tokio::test]
async fn a_console_that_is_lost_is_opened_again() {
    let mut config = BmcFleetConfig::new(1);
    let fleet = BmcFleet::start(config.clone()).unwrap();
    config.port = fleet.address(0).unwrap().port();
    let mut console = SolConsole::open(target(&fleet)).await.unwrap();
    sees(&mut console, "login: ").await;
    fleet.shutdown();
    console.send(b"lost").await.unwrap();
    // It is still there for whoever holds it, and says why nothing can be typed.
    let heard = timeout(Duration::from_secs(5), console.receive()).await;
    assert!(heard.is_err(), "{heard:?}");
    assert_eq!(console.send(b"x").await.unwrap_err().code(), "connector.busy");
    let fleet = BmcFleet::start(config).unwrap();
    sees(&mut console, "login: ").await;
    console.send(b"root\r").await.unwrap();
    sees(&mut console, "Password: ").await;
    Box::new(console).close().await;
    drop(fleet);
}

#[tokio::test]
async fn a_login_that_is_refused_is_not_tried_again() {
    let fleet = BmcFleet::start(BmcFleetConfig::new(1)).unwrap();
    let mut wrong = target(&fleet);
    wrong.config.password = "guessed".into();
    let error = SolConsole::open(wrong).await.map(drop).unwrap_err();
    assert_eq!(error.code(), "connector.login_refused", "{error}");
    assert!(!format!("{error} {error:?}").contains("guessed"));
}
