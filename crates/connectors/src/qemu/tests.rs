//! Machines that a program plays, which answers as QEMU does.

use std::path::Path;
use std::sync::{Arc, Mutex};

use ironhand_api::Way;
use tokio::net::UnixListener;

use super::*;

/// What is played.
#[derive(Clone, Copy, PartialEq)]
enum Play {
    Qemu,
    /// One that knows no `set-action`.
    Old,
    /// It closes the connection at a reset.
    Dies,
    /// It does not greet.
    Mute,
}

/// Plays QEMU on a socket, from a status on; keeps the commands that change something.
async fn play(listener: UnixListener, how: Play, status: &'static str, told: Arc<Mutex<Vec<String>>>) {
    let (mut status, mut reboot) = (status, "reset".to_owned());
    while let Ok((stream, _)) = listener.accept().await {
        let mut stream = BufReader::new(stream);
        if how != Play::Mute {
            stream.write_all(b"{\"QMP\": {\"version\": {}, \"capabilities\": []}}\n").await.unwrap();
        }
        let mut line = String::new();
        while let Ok(1..) = stream.read_line(&mut line).await {
            let command: Value = serde_json::from_str(&line).unwrap();
            line.clear();
            let name = command["execute"].as_str().unwrap();
            if !matches!(name, "query-status" | "qmp_capabilities" | "set-action") {
                told.lock().unwrap().push(name.to_owned());
            }
            let error = |text: &str| json!({ "error": { "class": "GenericError", "desc": text } });
            let answer = match name {
                "query-status" => json!({ "return": { "status": status } }),
                "inject-nmi" => error("no NMI here"),
                "set-action" if how == Play::Old => error("The command set-action has not been found"),
                "set-action" => {
                    reboot = command["arguments"]["reboot"].as_str().unwrap_or(&reboot).to_owned();
                    json!({ "return": {} })
                }
                "system_reset" if how == Play::Dies => break,
                "system_reset" if status == "shutdown" => {
                    status = "prelaunch";
                    json!({ "return": {} })
                }
                "system_reset" if reboot == "shutdown" => {
                    status = "shutdown";
                    json!({ "return": {} })
                }
                "cont" if status == "shutdown" => error("Resetting the Virtual Machine is required"),
                "cont" => {
                    status = "running";
                    json!({ "return": {} })
                }
                _ => json!({ "return": {} }),
            };
            let event = json!({ "event": "RESUME", "timestamp": {} });
            stream.write_all(format!("{event}\n{answer}\n").as_bytes()).await.unwrap();
        }
    }
}

fn machine(path: &Path) -> Qemu {
    let connector = Connector::new(Way::Qemu, path.to_string_lossy());
    Qemu::new(&connector, Route::of(&connector, None).unwrap(), PathHealth::new()).unwrap()
}

/// What comes of an action, which commands it took, and the state afterwards.
async fn act(
    how: Play,
    status: &'static str,
    action: PowerAction,
) -> (Result<(), Error>, Vec<String>, PowerState) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("qmp");
    let told = Arc::default();
    tokio::spawn(play(UnixListener::bind(&path).unwrap(), how, status, Arc::clone(&told)));
    let mut machine = machine(&path);
    let done = machine.power(action).await;
    let state = machine.power_state().await.unwrap();
    let told = told.lock().unwrap().clone();
    (done, told, state)
}

#[tokio::test]
async fn a_machine_is_told_what_its_state_asks_for() {
    use PowerAction::{Cycle, Nmi, Off, On, Reset, Soft};
    let check = async |status: &'static str, action: PowerAction, told: &[&str], state: PowerState| {
        let (done, seen, after) = act(Play::Qemu, status, action).await;
        assert_eq!((done, after), (Ok(()), state), "{action:?} while {status}");
        assert_eq!(seen, told, "{action:?} while {status}");
    };
    check("running", On, &[], PowerState::On).await;
    check("suspended", On, &["system_wakeup"], PowerState::On).await;
    check("shutdown", On, &["system_reset", "cont"], PowerState::On).await;
    check("prelaunch", On, &["cont"], PowerState::On).await;
    check("running", Off, &["system_reset"], PowerState::Off).await;
    check("shutdown", Off, &[], PowerState::Off).await;
    check("running", Cycle, &["system_reset", "system_reset", "cont"], PowerState::On).await;
    check("running", Reset, &["system_reset"], PowerState::On).await;
    check("running", Soft, &["system_powerdown"], PowerState::On).await;
    for action in [Cycle, Reset, Soft, Nmi] {
        let (refused, told, _) = act(Play::Qemu, "shutdown", action).await;
        assert_eq!(refused, Err(Error::Refused { reason: "the machine is off".to_owned() }));
        assert!(told.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_qemu_does_not_do_is_told() {
    let check = async |how: Play, action: PowerAction, expected: &str| {
        let (failed, ..) = act(how, "running", action).await;
        let error = failed.unwrap_err();
        assert!(format!("{}: {error}", error.code()).contains(expected), "{}: {error}", error.code());
    };
    check(Play::Qemu, PowerAction::Nmi, "connector.refused: it refused: inject-nmi: no NMI here").await;
    check(Play::Old, PowerAction::Off, "connector.unsupported").await;
    check(Play::Dies, PowerAction::Reset, "connector.outcome_unknown").await;
    assert_eq!(act(Play::Old, "running", PowerAction::Soft).await.0, Ok(()));
    let folder = tempfile::tempdir().unwrap();
    let mut nobody = machine(&folder.path().join("nobody"));
    assert_eq!(nobody.power_state().await.unwrap_err().code(), "connector.unreachable");
    let path = folder.path().join("mute");
    tokio::spawn(play(UnixListener::bind(&path).unwrap(), Play::Mute, "running", Arc::default()));
    assert_eq!(machine(&path).power(PowerAction::On).await.unwrap_err().code(), "connector.silent");
}
