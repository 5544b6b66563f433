//! gammu, a stranger's program for modems, at our simulated modem; and our sockets behind it.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use e2e::peer;
use ironhand_api::{Connector, GsmOptions, PowerAction, Way};
use ironhand_connectors::{Surroundings, open};
use ironhand_gsm::{Incoming, from_hex};
use ironhand_sim::modem::{SimModem, Switched};

const NUMBER: &str = "+31612345678";

/// How a socket was switched, in order.
type Log = Arc<Mutex<Vec<bool>>>;

/// A socket that tells how it was switched.
fn socket() -> (Log, Vec<(String, Switched)>) {
    let switched = Log::default();
    let log = Arc::clone(&switched);
    let told: Switched = Arc::new(move |on| log.lock().expect("nobody panicked").push(on));
    (switched, vec![(NUMBER.to_owned(), told)])
}

fn gammu(device: &str, folder: &Path, arguments: &[&str]) -> Output {
    let config = folder.join("gammurc");
    let text = format!("[gammu]\ndevice = {device}\nconnection = at115200\nlogformat = nothing\n");
    std::fs::write(&config, text).expect("written");
    let mut command = Command::new(peer("gammu"));
    let config = config.to_string_lossy().into_owned();
    command.args(["-c", &config]).args(arguments).stdin(Stdio::null()).output().expect("gammu starts")
}

/// What gammu says; it must succeed.
fn said(device: &str, folder: &Path, arguments: &[&str]) -> String {
    let output = gammu(device, folder, arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// gammu makes the PDU, and our side reads it; our side makes the answer, and gammu reads it.
#[tokio::test(flavor = "multi_thread")]
async fn gammu_switches_a_socket_and_reads_its_answer() {
    let (switched, sockets) = socket();
    let modem = SimModem::at_terminal(sockets).expect("a terminal");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let gammu = |arguments: &[&str]| said(modem.place(), folder.path(), arguments);
    for (text, expected) in [("#02#", vec![false]), ("#01#", vec![false, true]), ("#07#", vec![false, true])]
    {
        let said = gammu(&["sendsms", "TEXT", NUMBER, "-report", "-text", text]);
        assert_eq!(*switched.lock().unwrap(), expected, "{said}");
    }
    let stored = gammu(&["getallsms"]);
    assert!(stored.contains(NUMBER) && stored.contains("Socket: ON"), "{stored}");
}

/// The messages that are stored in a modem, as `AT+CMGL` lists them.
fn stored(device: &str) -> Vec<Vec<u8>> {
    let mut line = std::fs::OpenOptions::new().read(true).write(true).open(device).expect("the modem");
    line.write_all(b"ATE0\rAT+CMGF=0\rAT+CMGL=4\r").expect("the modem listens");
    let mut told = String::new();
    // Three commands are answered.
    while told.matches("OK\r\n").count() < 3 {
        let mut buffer = [0; 512];
        let read = line.read(&mut buffer).expect("the modem answers");
        told.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    let pdus = told.lines().filter(|line| line.len() > 20).map(|line| from_hex(line).expect("a PDU"));
    pdus.collect()
}

/// gammu makes texts of every alphabet, and one of two parts, as if they had come; our side reads them.
#[tokio::test(flavor = "multi_thread")]
async fn texts_of_gammu_are_read() {
    let (_, sockets) = socket();
    let modem = SimModem::at_terminal(sockets).expect("a terminal");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let gammu = |arguments: &[&str]| said(modem.place(), folder.path(), arguments);
    let came = |text: &str, more: &[&str]| {
        let arguments = ["savesms", "TEXT", "-folder", "1", "-sender", NUMBER, "-text", text];
        gammu(&[&arguments[..], more].concat());
    };
    let texts = ["[on] {off} ~^| € 1,50", "включено 中"];
    came(texts[0], &[]);
    came(texts[1], &["-unicode"]);
    let long = "abcdefgh ".repeat(30);
    came(&long, &["-len", "400"]);
    let (mut whole, mut parts, mut joined) = (Vec::new(), Vec::new(), String::new());
    for pdu in stored(modem.place()) {
        match Incoming::decode(&pdu) {
            Ok(Incoming::Deliver { number, text, part }) if number == NUMBER => match part {
                None => whole.push(text),
                Some(part) => {
                    joined.push_str(&text);
                    parts.push((part.number, part.of));
                }
            },
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(whole, texts);
    assert_eq!((joined.trim_end(), &parts[..]), (long.trim_end(), &[(1, 2), (2, 2)][..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn our_socket_is_switched_over_a_terminal_and_over_tcp() {
    let check = async |modem: SimModem, switched: Arc<Mutex<Vec<bool>>>| {
        let options = GsmOptions { number: NUMBER.into(), device: None, texts: None, messages_per_day: None };
        let (address, port) = match modem.place().rsplit_once(':') {
            Some((address, port)) => (address.to_owned(), port.parse().ok()),
            None => (modem.place().to_owned(), None),
        };
        let connector = Connector { port, ..Connector::new(Way::Gsm(options), address) };
        let mut device = open(&connector, None, &Surroundings::default()).expect("a socket");
        device.power(PowerAction::Off).await.expect("it is switched off");
        device.power(PowerAction::On).await.expect("it is switched on");
        assert_eq!(*switched.lock().unwrap(), [false, true]);
    };
    let (switched, sockets) = socket();
    check(SimModem::at_terminal(sockets).expect("a terminal"), switched).await;
    let (switched, sockets) = socket();
    let modem = SimModem::at_tcp("127.0.0.1:0".parse().unwrap(), sockets).await;
    check(modem.expect("a port"), switched).await;
}
