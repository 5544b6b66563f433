//! Remote consoles of simulated controllers: their screens are read, and keys change them.

use std::time::Duration;

use ironhand_api::{Connector, KvmOptions, KvmProtocol, Tls, Way};
use ironhand_connectors::{Error, Login, ScreenEvent, ScreenSource, Surroundings, open_screen};
use ironhand_console::Reader;
use ironhand_console::keys::{self, Keyboard, Layout, Stroke};
use ironhand_sim::kvm_unit::{KvmUnit, KvmUnitConfig, UnitFault, UnitKind};
use ironhand_sim::{Certificate, MachineConfig, Make};

const PASSWORD: &str = "c0rrect: h&rse";

const BOTH: [(UnitKind, KvmProtocol); 2] =
    [(UnitKind::Aten, KvmProtocol::Aten), (UnitKind::Ivtp, KvmProtocol::Ivtp)];

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

async fn unit(kind: UnitKind, running: bool) -> KvmUnit {
    let machine =
        MachineConfig { name: "rack7-12".to_owned(), make: Make::R740Like, seed: 1, pace: 50.0, running };
    let config = KvmUnitConfig::new(kind, PASSWORD.into(), machine);
    let certificate = Some(Certificate::self_signed().expect("a certificate"));
    KvmUnit::start(KvmUnitConfig { certificate, ..config }).await.expect("a free port")
}

async fn opened(
    unit: &KvmUnit,
    protocol: KvmProtocol,
    password: &str,
) -> Result<Box<dyn ScreenSource>, Error> {
    let way = Way::Kvm(KvmOptions { protocol, tls: Tls::default() });
    let mut connector = Connector::new(way, "127.0.0.1");
    connector.port = Some(unit.address().port());
    let login = Login { username: "admin".to_owned(), password: password.into() };
    let surroundings = Surroundings::default();
    let opening = open_screen(&connector, Some(login), &surroundings);
    tokio::time::timeout(PATIENCE, opening).await.expect("an answer in time")
}

/// The next thing that happens.
async fn next(source: &mut dyn ScreenSource) -> ScreenEvent {
    let waiting = async {
        loop {
            if let Some(event) = source.next_event() {
                return event;
            }
            source.ready().await;
            source.pump().await.expect("a connection that holds");
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("an event in time")
}

/// Looks until what is read is what the machine shows and `wanted` says so; nothing that is read with certainty is
/// anything else than what some screen of the machine showed.
async fn see(source: &mut dyn ScreenSource, unit: &KvmUnit, wanted: impl Fn(&str) -> bool) -> String {
    let reader = Reader::new();
    let looking = async {
        loop {
            source.request_update(true).await.expect("a connection that holds");
            let ScreenEvent::Updated = next(source).await else { continue };
            let Some(image) = source.image(None) else { continue };
            let reading = reader.read(&image, None);
            let text = lines(&reading.text());
            if reading.is_reliable() && text == lines(&unit.screen()) && wanted(&text) {
                return text;
            }
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("the screen comes to be as it should")
}

/// Without blank rows at the ends and blanks behind rows.
fn lines(text: &str) -> String {
    let rows: Vec<&str> = text.lines().map(str::trim_end).collect();
    rows.join("\n").trim_matches('\n').to_owned()
}

/// What pressing keys comes to.
fn strokes(text: &str) -> Vec<Stroke> {
    let steps = keys::parse(text).expect("keys");
    let pressed = |step| keys::strokes(step, Keyboard::Positions, Layout::Us).expect("a position");
    steps.iter().flat_map(pressed).collect()
}

async fn press(source: &mut dyn ScreenSource, text: &str) -> Result<(), Error> {
    assert_eq!(source.keyboard(), Some(Keyboard::Positions));
    for stroke in strokes(text) {
        source.key(stroke).await?;
    }
    Ok(())
}

/// Waits until the controller has no session of its web pages any more.
async fn wait_for_no_session(unit: &KvmUnit) {
    let ending = async {
        while unit.web_sessions() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ending).await.expect("no session is left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_screen_is_read_and_keys_change_it() {
    for (kind, protocol) in BOTH {
        let unit = unit(kind, true).await;
        let mut source = opened(&unit, protocol, PASSWORD).await.expect("let in");
        assert_eq!(unit.web_sessions(), 1);
        source.request_update(false).await.expect("a connection that holds");
        let first = see(&mut *source, &unit, |text| text.contains("rack7-12 login:")).await;
        press(&mut *source, "root<Enter>").await.expect("keys go");
        see(&mut *source, &unit, |text| text != first && !text.is_empty()).await;
        let nowhere = Stroke { keysym: 0xfc, usage: None, down: true };
        assert!(source.key(nowhere).await.is_err_and(|error| error.is_unsupported()));
        source.close().await;
        assert_eq!(unit.web_sessions(), 0, "{kind:?}: the session is given back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_of_old_firmware_is_found_by_its_java_viewer() {
    let unit = unit(UnitKind::Aten, true).await;
    unit.break_unit(Some(UnitFault::NoHtml5));
    let mut source = opened(&unit, KvmProtocol::Aten, PASSWORD).await.expect("let in");
    source.request_update(false).await.expect("a connection that holds");
    see(&mut *source, &unit, |text| text.contains("rack7-12 login:")).await;
    press(&mut *source, "a").await.expect("keys go");
    let arriving = async {
        while unit.keys().len() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, arriving).await.expect("the keys arrive");
    assert_eq!(unit.keys(), [(u32::from('a'), true), (u32::from('a'), false)]);
    source.close().await;
    assert_eq!(unit.web_sessions(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_power_shows_nothing() {
    for (kind, protocol) in BOTH {
        let unit = unit(kind, false).await;
        let mut source = opened(&unit, protocol, PASSWORD).await.expect("let in");
        source.request_update(false).await.expect("a connection that holds");
        let event = next(&mut *source).await;
        assert!(
            matches!(&event, ScreenEvent::NoPicture(error) if error.code() == "connector.no_picture"),
            "{event:?}"
        );
        assert_eq!(source.image(None), None);
        source.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_opens_nothing() {
    for (kind, protocol) in BOTH {
        let unit = unit(kind, true).await;
        let refused = opened(&unit, protocol, "wr0ng").await.map(|_| ()).expect_err("it is wrong");
        assert!(refused.is_refusal(), "{refused:?}");
        assert!(!format!("{refused} {refused:?}").contains("wr0ng"));
        assert_eq!(unit.web_sessions(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_viewer_types_once_the_first_has_gone() {
    let unit = unit(UnitKind::Ivtp, true).await;
    let mut first = opened(&unit, KvmProtocol::Ivtp, PASSWORD).await.expect("let in");
    let mut second = opened(&unit, KvmProtocol::Ivtp, PASSWORD).await.expect("let in");
    see(&mut *second, &unit, |text| text.contains("login:")).await;
    let refused = press(&mut *second, "a").await.expect_err("the first holds the keyboard");
    assert!((refused.code(), refused.retry()) == ("connector.busy", true), "{refused:?}");
    press(&mut *first, "b").await.expect("the first is heard");
    first.close().await;
    let trying = async {
        while press(&mut *second, "a").await.is_err() {
            tokio::select! {
                () = second.ready() => second.pump().await.expect("a connection that holds"),
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, trying).await.expect("the second is heard");
    second.close().await;
    assert_eq!(unit.web_sessions(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn encrypted_pictures_are_refused_by_name() {
    let unit = unit(UnitKind::Ivtp, true).await;
    unit.break_unit(Some(UnitFault::Encrypted));
    let mut source = opened(&unit, KvmProtocol::Ivtp, PASSWORD).await.expect("let in");
    let event = next(&mut *source).await;
    assert!(
        matches!(&event, ScreenEvent::Failed(error) if error.code() == "kvm.encrypted_video"),
        "{event:?}"
    );
    source.close().await;
    assert_eq!(unit.web_sessions(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_whoever_gives_up() {
    for (kind, protocol) in BOTH {
        let unit = unit(kind, true).await;
        // Dropped without a good-bye, and more of them than the controller has room for.
        for _ in 0..6 {
            let source = opened(&unit, protocol, PASSWORD).await.expect("let in");
            drop(source);
            wait_for_no_session(&unit).await;
        }
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(opened(&unit, protocol, PASSWORD).await.expect("let in"));
        }
        let full = opened(&unit, protocol, PASSWORD).await.map(|_| ()).expect_err("no session is left");
        assert_eq!(full.code(), "connector.busy", "{full}");
        for source in held {
            source.close().await;
        }
        assert_eq!(unit.web_sessions(), 0);
    }
}
