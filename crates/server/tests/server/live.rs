//! Screens as they change, watched by several and typed on by whoever has the console.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use ironhand_api::{
    EventKind, KeysRequest, LiveNotice, LiveScreen, Name, Recorded, RecordedEvent, Recording, RecordingKind,
};
use ironhand_client::{Client, ConsoleOptions, LiveEvent, LiveOptions, LiveScreens, RecordingsOf};
use ironhand_server::Settings;
use ironhand_sim::FleetConfig;
use tokio::net::UnixStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{self, World, soon};

fn by(who: &str) -> LiveOptions {
    let console = ConsoleOptions { by: Some(who.to_owned()), ..ConsoleOptions::default() };
    LiveOptions { console, ..LiveOptions::default() }
}

fn watching(who: &str) -> LiveOptions {
    let mut options = by(who);
    options.console.read_only = true;
    options
}

fn taking(who: &str) -> LiveOptions {
    let mut options = by(who);
    options.console.take_over = true;
    options
}

async fn watch(client: &Client, host: &Name, options: LiveOptions) -> LiveScreens {
    soon(client.watch_screen(host, &options)).await.unwrap()
}

/// Reads until the screen is as wanted.
async fn until_shown(
    screens: &mut LiveScreens,
    wanted: impl Fn(&LiveScreen) -> bool,
) -> (Box<LiveScreen>, Option<Vec<u8>>) {
    let reading = async {
        loop {
            match screens.next().await {
                Some(LiveEvent::Screen { screen, picture }) if wanted(&screen) => return (screen, picture),
                Some(_) => {}
                None => panic!("it ended"),
            }
        }
    };
    soon(reading).await
}

/// Reads until something is told that is wanted.
async fn until_told(screens: &mut LiveScreens, wanted: impl Fn(&LiveNotice) -> bool) -> LiveNotice {
    let reading = async {
        loop {
            match screens.next().await {
                Some(LiveEvent::Notice(notice)) if wanted(&notice) => return notice,
                Some(_) => {}
                None => panic!("it ended"),
            }
        }
    };
    soon(reading).await
}

async fn until_closed(screens: &mut LiveScreens) -> String {
    match until_told(screens, |notice| matches!(notice, LiveNotice::Closed { .. })).await {
        LiveNotice::Closed { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

fn shows(text: &'static str) -> impl Fn(&LiveScreen) -> bool {
    move |screen| screen.rows.iter().any(|row| row.contains(text))
}

async fn world(settings: Settings) -> (World, Name) {
    let world = World::with(FleetConfig { pace: 20.0, ..FleetConfig::new(1) }, settings).await;
    let host = world.adopt().await.remove(0);
    world.until_well(&host).await;
    (world, host)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_is_watched_by_several_and_typed_on_by_one() {
    // Nobody would see anything in time, did those who watch not make it be looked at.
    let (world, host) =
        world(Settings { screen_interval: Duration::from_secs(3600), ..harness::settings() }).await;
    let client = &world.client;
    let mut ann = watch(client, &host, by("ann")).await;
    let mut eve = watch(client, &host, watching("eve")).await;
    let text = LiveOptions { text_only: true, ..watching("tom") };
    let mut tom = watch(client, &host, text).await;
    let (screen, picture) = until_shown(&mut ann, shows("login:")).await;
    assert!(screen.reliable && screen.connector.starts_with("vnc "), "{screen:#?}");
    let picture = ironhand_console::Image::decode(&picture.unwrap()).unwrap();
    assert_eq!((picture.width, picture.height), (screen.width, screen.height));
    until_shown(&mut eve, shows("login:")).await;
    assert!(until_shown(&mut tom, shows("login:")).await.1.is_none());

    let refused = soon(client.watch_screen(&host, &by("bob"))).await.unwrap_err();
    assert_eq!(refused.problem().unwrap().code, "console.held");
    // Neither does somebody else type into it by another way.
    let refused = soon(client.keys(&host, "x")).await.unwrap_err();
    assert_eq!(refused.problem().unwrap().code, "console.held");

    assert!(ann.press(&KeysRequest::new("marvin")).await);
    for screens in [&mut ann, &mut eve, &mut tom] {
        until_shown(screens, shows("login: marvin")).await;
    }
    assert!(eve.press(&KeysRequest::new("zaphod")).await);
    let told = until_told(&mut eve, |notice| matches!(notice, LiveNotice::NotPressed { .. })).await;
    assert!(matches!(&told, LiveNotice::NotPressed { code, .. } if code == "console.read_only"), "{told:?}");

    let secret =
        KeysRequest { secret: Some("hunter2".into()), ..KeysRequest::new("<Enter><secret><NoSuchKey>") };
    assert!(ann.press(&secret).await);
    let told = until_told(&mut ann, |notice| matches!(notice, LiveNotice::NotPressed { .. })).await;
    assert!(matches!(&told, LiveNotice::NotPressed { code, .. } if code == "keys.invalid"), "{told:?}");
    let secret = KeysRequest { keys: "<Enter>x<secret><Enter>".to_owned(), ..secret };
    assert!(ann.press(&secret).await);
    let told = until_told(
        &mut ann,
        |notice| matches!(notice, LiveNotice::Pressed { keys, .. } if keys == "<Enter>*<secret><Enter>"),
    );
    assert!(!format!("{:?}", told.await).contains("hunter2"));

    for screens in [ann, eve, tom] {
        screens.close().await;
    }
    assert!(!harness::logged().contains("hunter2"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_changes_hands_and_is_given_back() {
    let (world, host) = world(harness::settings()).await;
    let client = &world.client;
    let mut ann = watch(client, &host, by("ann")).await;
    until_shown(&mut ann, shows("login:")).await;
    // Keys that are still to be pressed are not mixed with those of whoever takes it over.
    assert!(ann.press(&KeysRequest::new("<wait 5m>never")).await);
    let mut bob = watch(client, &host, taking("bob")).await;
    assert_eq!(until_closed(&mut ann).await, "console.taken_over");
    assert!(bob.press(&KeysRequest::new("bob")).await);
    until_shown(&mut bob, shows("login: bob")).await;
    let holder = soon(client.release_console(&host, "carol")).await.unwrap();
    assert_eq!(holder.map(|holder| holder.by).as_deref(), Some("bob"));
    assert_eq!(until_closed(&mut bob).await, "console.released");

    // A client that is killed says nothing.
    let killed = watch(client, &host, by("dave")).await;
    drop(killed);
    let free = async {
        while client.watch_screen(&host, &by("erin")).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon(free).await;
    let told = world.events().await;
    let told = |kind| told.iter().filter(|event| event.kind == kind).count();
    assert!(told(EventKind::ConsoleTaken) >= 3 && told(EventKind::ConsoleTakenOver) == 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_that_nobody_types_on_is_given_back() {
    let idle = Duration::from_millis(300);
    let (world, host) = world(Settings { console_idle: idle, ..harness::settings() }).await;
    let mut ann = watch(&world.client, &host, by("ann")).await;
    let mut eve = watch(&world.client, &host, watching("eve")).await;
    assert_eq!(until_closed(&mut ann).await, "console.idle");
    // Who only watches may do so for ever; the host says when it has no screen any more.
    until_shown(&mut eve, shows("login:")).await;
    soon(world.client.delete(ironhand_api::Kind::Host, &host)).await.unwrap();
    assert_eq!(until_closed(&mut eve).await, "screen.gone");
    world.end().await;
}

/// Waits until the newest recording of a host is over.
async fn until_recorded(client: &Client, host: &Name) -> Recording {
    let over = async {
        loop {
            let recordings = client.recordings(&RecordingsOf::Host(host.clone())).await.unwrap();
            match recordings.into_iter().next() {
                Some(newest) if newest.ended_at.is_some() => return newest,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    soon(over).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_and_pressed_is_recorded_without_passwords() {
    let (world, host) = world(harness::settings()).await;
    let client = &world.client;
    let check = async |record_typed: bool, wanted: &[&str]| {
        let options = LiveOptions { record_typed, ..by("ann") };
        let mut ann = watch(client, &host, options).await;
        until_shown(&mut ann, shows("login:")).await;
        let keys = KeysRequest { secret: Some("hunter2".into()), ..KeysRequest::new("<F1>it<Enter>") };
        assert!(ann.press(&keys).await);
        until_shown(&mut ann, shows("Password:")).await;
        let open = client.recordings(&RecordingsOf::Host(host.clone())).await.unwrap().remove(0);
        assert!(open.ended_at.is_none() && open.bytes > 0, "{open:#?}");
        ann.close().await;
        let recording = until_recorded(client, &host).await;
        assert_eq!((recording.kind, recording.by.as_str()), (RecordingKind::Screen, "ann"));
        let file = client.recording(&host, recording.id).await.unwrap();
        let text = String::from_utf8(file.content).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        let events: Vec<Recorded> =
            text.lines().map(|line| serde_json::from_str::<RecordedEvent>(line).unwrap().what).collect();
        assert!(matches!(&events[0], Recorded::Begun { by, .. } if by == "ann"), "{events:#?}");
        let keys = events.iter().filter_map(|event| match event {
            Recorded::Keys(keys) => Some(keys.as_str()),
            _ => None,
        });
        assert_eq!(keys.collect::<Vec<_>>(), wanted);
        let screens: Vec<&LiveScreen> = events
            .iter()
            .filter_map(|event| match event {
                Recorded::Screen(screen) => Some(screen.as_ref()),
                _ => None,
            })
            .collect();
        assert!(shows("login:")(screens[0]), "{screens:#?}");
        assert!(screens.iter().any(|screen| shows("Password:")(screen)), "{screens:#?}");
        assert!(matches!(events.last(), Some(Recorded::Note(why)) if why == "left"), "{events:#?}");
        let picture = client.recorded_picture(&host, recording.id, &screens[0].picture).await.unwrap();
        assert_eq!(ironhand_console::Image::decode(&picture).unwrap().width, screens[0].width);
    };
    check(false, &["<F1>**<Enter><secret>"]).await;
    world.until_status(&host, |status| status.console.is_none()).await;
    soon(client.power(&host, &ironhand_api::PowerRequest::new(ironhand_api::PowerAction::Reset)))
        .await
        .unwrap();
    world.until_well(&host).await;
    check(true, &["<F1>it<Enter><secret>"]).await;
    let missing = client.recordings(&RecordingsOf::Incident(77)).await.unwrap_err();
    assert_eq!(missing.problem().unwrap().status, 404);
    world.end().await;
}

/// A connection that is not made by our client.
async fn raw(world: &World, host: &Name) -> WebSocketStream<UnixStream> {
    let socket = world.server.as_ref().unwrap().socket();
    let stream = UnixStream::connect(socket).await.unwrap();
    let url = format!("ws://localhost/api/v1/hosts/{host}/screen/live?by=mallory");
    soon(tokio_tungstenite::client_async(url, stream)).await.unwrap().0
}

/// One that reads nothing neither keeps others from seeing the screen nor from taking it over.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_holds_nobody_up() {
    let (world, host) = world(harness::settings()).await;
    let mut silent = raw(&world, &host).await;
    let mut eve = watch(&world.client, &host, watching("eve")).await;
    // Each key is another screen, which the silent one is sent as well.
    for _ in 0..8 {
        silent.send(Message::text(r#"{"keys":"xyz"}"#)).await.unwrap();
    }
    until_shown(&mut eve, shows("xyzxyzxyzxyzxyzxyzxyzxyz")).await;
    let mut bob = watch(&world.client, &host, taking("bob")).await;
    assert!(bob.press(&KeysRequest::new("bob")).await);
    until_shown(&mut bob, shows("xyzbob")).await;
    until_shown(&mut eve, shows("xyzbob")).await;
    drop(silent);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_make_no_sense_end_the_connection_with_a_reason() {
    let (world, host) = world(harness::settings()).await;
    let check = async |frame: Message, reason: &str| {
        let mut socket = raw(&world, &host).await;
        // A server that has heard enough does not take the rest.
        let _ = socket.send(frame).await;
        let closed = async {
            loop {
                match socket.next().await {
                    Some(Ok(Message::Text(text))) if text.contains("\"closed\"") => return text.to_string(),
                    Some(Ok(_)) => {}
                    ended => panic!("it ended without a word: {ended:?}"),
                }
            }
        };
        let closed = soon(closed).await;
        assert!(closed.contains("request.malformed") && closed.contains(reason), "{closed}");
    };
    check(Message::text("{"), "EOF while parsing").await;
    check(Message::text(r#"{"keys":"x","keyz":1}"#), "keyz").await;
    check(Message::text(r#"{"keys":7}"#), "string").await;
    check(Message::binary(vec![0; 10]), "text frames").await;
    check(Message::text(format!(r#"{{"keys":"{}"}}"#, "x".repeat(70_000))), "65536").await;
    let fair = watch(&world.client, &host, by("ann")).await;
    fair.close().await;
    let unknown = soon(world.client.watch_screen(&harness::name("nobody"), &by("ann"))).await.unwrap_err();
    assert_eq!(unknown.problem().unwrap().status, 404);
    world.end().await;
}
