//! Sockets behind a simulated modem, on a virtual clock.

use std::sync::{Arc, Mutex};

use ironhand_api::Way;
use ironhand_gsm::{Terminal, TerminalEvent};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

const NUMBER: &str = "+31612345678";

/// What the network and the socket make of messages.
#[derive(Clone, Copy, Default)]
struct World {
    /// The network gives messages up.
    undelivered: bool,
    /// The network says nothing.
    no_reports: bool,
    /// The relay of the socket is stuck.
    stuck: bool,
    /// The socket never answers.
    mute: bool,
    /// The socket says more than fits into a message, and the end of it arrives first.
    talkative: bool,
}

/// Plays a modem with a SimPal socket behind the network; gives the texts that the socket got.
async fn play(mut line: DuplexStream, world: World, got: Arc<Mutex<Vec<String>>>) {
    let (mut modem, mut on) = (Terminal::default(), true);
    let mut buffer = [0; 256];
    while let Ok(read @ 1..) = line.read(&mut buffer).await {
        modem.receive(&buffer[..read]);
        while let Some(TerminalEvent::Sent { reference, message }) = modem.next_event() {
            assert_eq!(message.number, NUMBER);
            got.lock().unwrap().push(message.text.clone());
            if !world.no_reports {
                let status = if world.undelivered { 0x45 } else { 0 };
                modem.deliver(&Incoming::StatusReport { reference, status }, NUMBER);
            }
            let wanted = match message.text.as_str() {
                "#01#" => Some(true),
                "#02#" => Some(false),
                _ => None,
            };
            on = wanted.filter(|_| !world.stuck).unwrap_or(on);
            if message.text == "#07#" && !world.mute {
                // Another's message comes between; the network leaves out the country's code.
                let says = |number: &str, text: &str, part: Option<Part>| Incoming::Deliver {
                    number: number.into(),
                    text: text.into(),
                    part,
                };
                modem.deliver(&says("+4412345", "Status: OFF ON", None), "");
                let state = if on { "ON" } else { "OFF" };
                if world.talkative {
                    let part = |number| Some(Part { reference: 9, number, of: 2 });
                    let (begin, end) = state.split_at(1);
                    modem.deliver(&says("0612345678", &format!("{end} for 3 days"), part(2)), "");
                    modem.deliver(&says("0612345678", &format!("Socket status: {begin}"), part(1)), "");
                } else {
                    modem.deliver(&says("0612345678", &format!("Socket status: {state}"), None), "");
                }
            }
        }
        if line.write_all(&modem.take_output()).await.is_err() {
            return;
        }
    }
}

/// A socket behind a modem that is ready, and the texts that it gets.
async fn socket(world: World, most: u32) -> (GsmSocket, Arc<Mutex<Vec<String>>>) {
    let options =
        GsmOptions { number: NUMBER.into(), device: None, texts: None, messages_per_day: Some(most) };
    let connector = Connector { port: Some(1), ..Connector::new(Way::Gsm(options.clone()), "192.0.2.1") };
    let modems = Modems::default();
    let socket = GsmSocket::new(&connector, &options, None, &modems).unwrap();
    let (ours, theirs) = duplex(4096);
    let got = Arc::new(Mutex::new(Vec::new()));
    tokio::spawn(play(theirs, world, Arc::clone(&got)));
    let stream: Stream = Box::new(ours);
    socket.line.lock().await.modem = Some(Modem::ready(stream).await.unwrap());
    (socket, got)
}

async fn check(
    world: World,
    most: u32,
    action: PowerAction,
    expected: impl Fn(&Result<(), Error>) -> bool,
    sent: &[&str],
) {
    let (mut socket, got) = socket(world, most).await;
    let result = socket.power(action).await;
    assert!(expected(&result), "{result:?}");
    assert_eq!(*got.lock().unwrap(), sent);
}

#[tokio::test(start_paused = true)]
async fn a_socket_is_switched_and_asked_what_it_did() {
    use PowerAction::{Cycle, Off, On, Reset, Soft};
    let world = World::default();
    let is_ok = |result: &Result<(), Error>| result.is_ok();
    check(world, 20, On, is_ok, &["#01#", "#07#"]).await;
    check(world, 20, Off, is_ok, &["#02#", "#07#"]).await;
    check(world, 20, Cycle, is_ok, &["#02#", "#07#", "#01#", "#07#"]).await;
    check(World { talkative: true, ..world }, 20, Off, is_ok, &["#02#", "#07#"]).await;
    for action in [Reset, Soft] {
        check(world, 20, action, |result| matches!(result, Err(Error::Unsupported { .. })), &[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_proven_is_not_claimed() {
    let refused = |result: &Result<(), Error>| matches!(result, Err(Error::Refused { .. }));
    let not_kept = |result: &Result<(), Error>| matches!(result, Err(Error::NotKept { .. }));
    let unknown = |result: &Result<(), Error>| matches!(result, Err(Error::OutcomeUnknown));
    let off = PowerAction::Off;
    check(World { undelivered: true, ..World::default() }, 20, off, refused, &["#02#"]).await;
    check(World { no_reports: true, mute: true, ..World::default() }, 20, off, unknown, &["#02#"]).await;
    check(World { stuck: true, ..World::default() }, 20, off, not_kept, &["#02#", "#07#"]).await;
    check(World { mute: true, ..World::default() }, 20, off, unknown, &["#02#", "#07#"]).await;
}

#[tokio::test(start_paused = true)]
async fn messages_are_counted_before_the_first_is_sent() {
    let (mut socket, got) = socket(World::default(), 5).await;
    socket.power(PowerAction::Off).await.unwrap();
    let refused = socket.power(PowerAction::Cycle).await;
    assert!(matches!(&refused, Err(Error::Refused { reason }) if reason.contains("2 of 5")), "{refused:?}");
    socket.power(PowerAction::On).await.unwrap();
    assert_eq!(got.lock().unwrap().len(), 4);
    tokio::time::advance(DAY).await;
    socket.power(PowerAction::Cycle).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_is_not_ready_says_why() {
    let check = async |change: fn(&mut Terminal), expected: &str| {
        let (ours, mut theirs) = duplex(4096);
        tokio::spawn(async move {
            let mut modem = Terminal::default();
            change(&mut modem);
            let mut buffer = [0; 256];
            while let Ok(read @ 1..) = theirs.read(&mut buffer).await {
                modem.receive(&buffer[..read]);
                theirs.write_all(&modem.take_output()).await.unwrap();
            }
        });
        let error = Modem::ready(ours).await.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(|modem| modem.set_sim("SIM PIN"), "SIM PIN").await;
    check(|modem| modem.set_registered(false), "no network").await;
    let (ours, _theirs) = duplex(4096);
    assert_eq!(Modem::ready(ours).await.map(|_| ()).unwrap_err(), ModemError::Silent("AT"));
}

#[test]
fn a_socket_whose_texts_have_a_password_must_be_given_one() {
    let options = GsmOptions {
        number: NUMBER.into(),
        device: Some(GsmDevice::Rtu5024),
        texts: None,
        messages_per_day: None,
    };
    let connector = Connector { port: Some(1), ..Connector::new(Way::Gsm(options.clone()), "127.0.0.1") };
    let refused = GsmSocket::new(&connector, &options, None, &Modems::default()).map(|_| ());
    assert!(matches!(refused, Err(Error::Misconfigured { .. })));
}
