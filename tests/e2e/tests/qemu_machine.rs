//! A real QEMU, driven by its machine protocol.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use e2e::{Peer, peer, wait_until};
use ironhand_api::{Connector, PowerAction, PowerState, Way};
use ironhand_connectors::{Device, Surroundings, open};

const PATIENCE: Duration = Duration::from_secs(30);

/// A machine without a disk, whose firmware looks for one for ever. QEMU would end when it shuts down.
fn qemu(folder: &Path) -> Peer {
    let socket = |name: &str| format!("unix:{}/{name},server=on,wait=off", folder.display());
    let (ours, witness) = (socket("qmp"), socket("witness"));
    let machine = ["-machine", "pc", "-accel", "tcg", "-m", "32", "-nodefaults", "-display", "none"];
    let arguments = [&machine[..], &["-qmp", &ours, "-qmp", &witness]].concat();
    Peer::start(&peer("qemu-system-x86_64"), &arguments, &folder.join("log"))
}

/// Another connection to QEMU, which tells what happens.
struct Witness(BufReader<UnixStream>);

impl Witness {
    fn of(folder: &Path) -> Self {
        let mut stream = wait_until("QEMU listens", PATIENCE, || {
            UnixStream::connect(folder.join("witness"))
                .map_err(|error| format!("{error}: {:?}", std::fs::read_to_string(folder.join("log"))))
        });
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
        stream.write_all(b"{\"execute\": \"qmp_capabilities\"}\n").expect("QEMU listens");
        Self(BufReader::new(stream))
    }

    /// Waits for each of these events in turn.
    fn sees(&mut self, events: &[&str]) {
        for event in events {
            let mut line = String::new();
            while !line.contains(&format!("\"event\": \"{event}\"")) {
                line.clear();
                let read = self.0.read_line(&mut line).unwrap_or_else(|error| panic!("{event}: {error}"));
                assert!(read > 0, "QEMU ended before {event}");
            }
        }
    }
}

async fn power(machine: &mut Box<dyn Device>, action: PowerAction, state: PowerState) {
    assert_eq!(machine.power(action).await, Ok(()), "{action:?}");
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while machine.power_state().await != Ok(state) {
        assert!(tokio::time::Instant::now() < deadline, "{action:?} does not lead to {state:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_switched_on_and_off() {
    use PowerAction::{Cycle, Nmi, Off, On, Reset, Soft};
    let folder = tempfile::tempdir().expect("a temporary folder");
    let qemu = qemu(folder.path());
    let mut witness = Witness::of(folder.path());
    let connector = Connector::new(Way::Qemu, folder.path().join("qmp").to_string_lossy());
    let mut machine = open(&connector, None, &Surroundings::default()).expect("a machine");
    let mut check = async |action: PowerAction, state: PowerState, events: &[&str]| {
        power(&mut machine, action, state).await;
        witness.sees(events);
    };
    check(On, PowerState::On, &[]).await;
    check(Off, PowerState::Off, &["SHUTDOWN", "STOP"]).await;
    check(On, PowerState::On, &["RESET", "RESUME"]).await;
    check(Cycle, PowerState::On, &["SHUTDOWN", "STOP", "RESET", "RESUME"]).await;
    check(Reset, PowerState::On, &["RESET"]).await;
    check(Nmi, PowerState::On, &[]).await;
    check(Soft, PowerState::On, &["POWERDOWN"]).await;
    drop(qemu);
    let gone = machine.power_state().await.unwrap_err();
    assert_eq!(gone.code(), "connector.unreachable", "{gone}");
}
