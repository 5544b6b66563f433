//! Our simulated Intel AMT, judged by a client for it that was tried on real machines.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use e2e::{PASSWORD, peer, wait_until};
use ironhand_sim::machine::{Activity, Machine, MachineConfig, Make};
use ironhand_sim::wsman::{WsmanConfig, WsmanKind, WsmanService};

/// The port that the client knows.
const PORT: u16 = 16992;

/// How long the simulated machine may take to do something.
const PATIENCE: Duration = Duration::from_secs(30);

/// What `amtctrl` says that is told to do something to the machine at `address`.
fn amtctrl(address: IpAddr, command: &str, password: &str) -> String {
    let mut child = Command::new(peer("amtctrl"))
        .args(["-p", &address.to_string(), command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("amtctrl can be run");
    let mut input = child.stdin.take().expect("its input");
    writeln!(input, "{password}").expect("it reads the password");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned();
    assert!(output.status.success(), "{command}: {said}");
    said
}

struct Bench {
    address: IpAddr,
    machine: Arc<Mutex<Machine>>,
    service: WsmanService,
}

impl Bench {
    async fn start(last: u8) -> Self {
        Self::with(last, |_| {}).await
    }

    async fn with(last: u8, change: impl FnOnce(&mut WsmanConfig)) -> Self {
        let (name, make) = ("desk-7".to_owned(), Make::R740Like);
        let config = MachineConfig { name, make, seed: 7, pace: 100.0, running: true };
        let machine = Arc::new(Mutex::new(Machine::new(config, Instant::now())));
        let mut config = WsmanConfig::new(WsmanKind::Amt, Arc::clone(&machine), PASSWORD.into());
        let address = IpAddr::from(Ipv4Addr::new(127, 77, 0, last));
        (config.bind, config.port) = (address, PORT);
        change(&mut config);
        Self { address, machine, service: WsmanService::start(config).await.expect("the port") }
    }

    async fn ask(&self, command: &'static str) -> String {
        let address = self.address;
        let asked = tokio::task::spawn_blocking(move || amtctrl(address, command, PASSWORD));
        asked.await.expect("amtctrl was run")
    }

    fn activity(&self) -> Activity {
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        machine.wake(Instant::now());
        machine.activity()
    }

    async fn until_activity(&self, wanted: Activity) {
        let deadline = Instant::now() + PATIENCE;
        while self.activity() != wanted {
            assert!(Instant::now() < deadline, "{:?} instead of {wanted:?}", self.activity());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

#[tokio::test]
async fn amtctrl_reads_and_switches_our_engine() {
    let bench = Bench::start(1).await;
    assert_eq!(bench.ask("status").await, "on");
    assert_eq!(bench.ask("off").await, "");
    bench.until_activity(Activity::Off).await;
    assert_eq!(bench.ask("status").await, "off");
    // What is not offered now is refused, and the client shows the answer.
    assert!(bench.ask("reboot").await.contains("ReturnValue>5<"));
    assert_eq!(bench.ask("on").await, "");
    bench.until_activity(Activity::Up).await;
    assert_eq!(bench.service.history(), [8, 2]);
}

#[tokio::test]
async fn amtctrl_boots_our_machine_from_the_network_once() {
    let bench = Bench::start(2).await;
    let booting = bench.ask("pxeboot");
    let (said, ()) = tokio::join!(booting, bench.until_activity(Activity::NetworkBoot));
    assert_eq!(said, "");
    assert_eq!(bench.service.history(), [5]);
}

#[tokio::test]
async fn amtctrl_is_not_let_in_with_a_wrong_password() {
    let bench = Bench::start(3).await;
    let address = bench.address;
    let asked = tokio::task::spawn_blocking(move || amtctrl(address, "status", "wrong"));
    let said = asked.await.expect("amtctrl was run");
    assert!(said.contains("401"), "{said}");
}

/// `amtterm` shows the serial line that our engine redirects, and types on it. It wants a terminal, which tmux has.
#[tokio::test(flavor = "multi_thread")]
async fn amtterm_shows_the_serial_line_of_our_engine() {
    let bench = Bench::with(4, |config| config.redirects = true).await;
    let address = bench.address;
    let shown = tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let tmux = |arguments: &[&str]| {
            let mut command = Command::new(peer("tmux"));
            command.args(["-u", "-f", "/dev/null", "-S"]).arg(folder.path().join("tmux")).args(arguments);
            command.env("AMT_PASSWORD", PASSWORD).env_remove("TMUX").output().expect("tmux starts")
        };
        let amtterm = format!("{} -u admin {address}; sleep 60", peer("amtterm").display());
        tmux(&["new-session", "-d", "-x", "80", "-y", "24", &amtterm]);
        let until_shown = |wanted: &str| {
            wait_until(wanted, PATIENCE, || {
                let shown = tmux(&["capture-pane", "-p"]).stdout;
                let shown = String::from_utf8_lossy(&shown).into_owned();
                if shown.contains(wanted) { Ok(()) } else { Err(shown) }
            });
        };
        // It takes one message of what it reads at a time, so that the first prompt waits for what comes next.
        until_shown("connected now");
        tmux(&["send-keys", "Enter"]);
        until_shown("desk-7 login:");
        tmux(&["send-keys", "root", "Enter"]);
        until_shown("Password:");
        tmux(&["send-keys", "Enter"]);
        until_shown("root@desk-7$");
        tmux(&["kill-server"]);
    });
    shown.await.expect("it is shown");
}
