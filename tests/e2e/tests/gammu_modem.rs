//! gammu, a stranger's program for modems, at our simulated modem; and our sockets behind it.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use e2e::peer;
use ironhand_api::{Connector, GsmOptions, PowerAction, Way};
use ironhand_connectors::{Surroundings, open};
use ironhand_sim::modem::{SimModem, Switched};

const NUMBER: &str = "+31612345678";

/// A socket that tells how it was switched.
fn socket() -> (Arc<Mutex<Vec<bool>>>, Vec<(String, Switched)>) {
    let switched = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&switched);
    let told: Switched = Arc::new(move |on| log.lock().unwrap().push(on));
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

/// gammu makes the PDU, and our side reads it; our side makes the answer, and gammu reads it.
#[tokio::test(flavor = "multi_thread")]
async fn gammu_switches_a_socket_and_reads_its_answer() {
    let (switched, sockets) = socket();
    let modem = SimModem::at_terminal(sockets).expect("a terminal");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let device = modem.place().to_owned();
    for (text, expected) in [("#02#", vec![false]), ("#01#", vec![false, true]), ("#07#", vec![false, true])]
    {
        let sent = gammu(&device, folder.path(), &["sendsms", "TEXT", NUMBER, "-text", text]);
        let said = String::from_utf8_lossy(&sent.stdout).into_owned();
        assert!(sent.status.success(), "{said}{}", String::from_utf8_lossy(&sent.stderr));
        assert_eq!(*switched.lock().unwrap(), expected, "{said}");
    }
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
