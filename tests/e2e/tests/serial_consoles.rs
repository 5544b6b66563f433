//! Serial consoles that other programs give: OpenSSH's server with a menu, ser2net, the logs of conserver and ConMan, and
//! OpenIPMI's simulator through our server, with what asciinema makes of the recording.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use e2e::{IpmiSim, Ironhand, Peer, Terminal, peer, run, wait_until};
use ironhand_api::{Connector, ConsoleLogFormat, ConsoleLogOptions, ConsoleMenu, SshConsoleOptions, Way};
use ironhand_connectors::{Login, SerialConsole, Surroundings, open_serial};
use tokio::time::timeout;

/// How long a test waits for what must come.
const MOST: Duration = Duration::from_secs(60);

/// The command line of a controller, with a machine behind it that greets whoever types a name. It writes down how it was
/// left.
const MENU: &str = r#"
import os, sys, tty
tty.setraw(0)
say = lambda text: os.write(1, text.encode())
def line():
    typed = b''
    while not typed.endswith(b'\r'):
        byte = os.read(0, 1)
        if not byte: sys.exit(0)
        typed += byte
        os.write(1, byte)
    return typed[:-1].decode()
def console():
    say('\r\nConnected to Serial Device 2. To end type: ^\\\r\nnode7 login: ')
    name = b''
    while True:
        byte = os.read(0, 1)
        if byte in (b'', b'\x1c'): return
        if byte == b'\r':
            say('\r\nWelcome, ' + name.decode() + '\r\n' + 'x' * 100000 + '\r\nnode7 login: ')
            name = b''
        else:
            os.write(1, byte)
            name += byte
say('A controller that nobody made\r\n')
while True:
    say('\r\nracadm>>')
    command = line()
    if command == 'connect com2':
        if os.path.exists(sys.argv[1] + '/busy'): say('\r\nERROR: the console is in use')
        else: console()
    elif command == 'exit':
        open(sys.argv[1] + '/left', 'w').close()
        break
    else: say('\r\nERROR: invalid ' + command)
"#;

/// A machine that says the same again and again.
const MACHINE: &str = "#!/bin/sh\nwhile :; do echo the machine says this; sleep 0.2; done\n";

/// OpenSSH's server, whose every session is the menu.
struct Sshd {
    folder: tempfile::TempDir,
    connector: Connector,
    login: Login,
    _peer: Peer,
}

impl Sshd {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        for name in ["host", "user"] {
            let made = run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &path(name)]);
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        std::fs::write(path("menu.py"), MENU).expect("written");
        let port = free_port();
        let text = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}.pub\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n\
             ForceCommand {} {} {}\n",
            path("host"),
            path("user"),
            peer("python3").display(),
            path("menu.py"),
            folder.path().display(),
        );
        std::fs::write(path("sshd_config"), text).expect("written");
        // Where the package's service has not run since the machine started, sshd misses its empty folder.
        let _ = std::fs::create_dir("/run/sshd");
        let log = folder.path().join("sshd.log");
        let peer = Peer::start(&peer("sshd"), &["-D", "-e", "-f", &path("sshd_config")], &log);
        listens(port);
        let name = run::<&str>("whoami", &[]);
        let username = String::from_utf8_lossy(&name.stdout).trim().to_owned();
        let password = std::fs::read_to_string(path("user")).expect("the key").into();
        // The host key is pinned at first use.
        let options = SshConsoleOptions { menu: ConsoleMenu::Idrac, command: None, host_key: None };
        let connector =
            Connector { port: Some(port), ..Connector::new(Way::SshConsole(options), "127.0.0.1") };
        Self { folder, connector, login: Login { username, password }, _peer: peer }
    }

    async fn open(&self) -> Result<Box<dyn SerialConsole>, ironhand_connectors::Error> {
        open_serial(&self.connector, Some(self.login.clone()), &Surroundings::default()).await
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port()
}

fn listens(port: u16) {
    wait_until("it listens", MOST, || {
        std::net::TcpStream::connect(("127.0.0.1", port)).map(drop).map_err(|error| error.to_string())
    });
}

/// A script that is the machine.
fn machine(folder: &Path) -> String {
    let path = folder.join("machine.sh");
    std::fs::write(&path, MACHINE).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
    path.to_string_lossy().into_owned()
}

/// Receives until so many bytes were seen that this is so; returns them.
async fn sees(console: &mut Box<dyn SerialConsole>, is: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut seen = Vec::new();
    let reading = async {
        while !is(&seen) {
            seen.extend(console.receive().await.expect("it is open"));
        }
    };
    let read = timeout(MOST, reading).await;
    assert!(read.is_ok(), "{}", String::from_utf8_lossy(&seen));
    seen
}

fn holds(text: &str) -> impl Fn(&[u8]) -> bool {
    move |seen| String::from_utf8_lossy(seen).contains(text)
}

#[tokio::test]
async fn a_console_behind_a_menu_of_openssh_is_typed_at_and_left() {
    let sshd = Sshd::start();
    let mut console = sshd.open().await.unwrap_or_else(|error| panic!("{error}"));
    let first = sees(&mut console, holds("node7 login: ")).await;
    assert_eq!(String::from_utf8_lossy(&first), "node7 login: ", "nothing of the menu is the machine's");
    // The key that leads to the menu does not get there.
    console.send(b"ada\x1c\r").await.unwrap();
    sees(&mut console, holds("Welcome, ada\r\n")).await;
    sees(&mut console, holds("node7 login: ")).await;
    console.close().await;
    wait_until("the menu was left", MOST, || {
        sshd.folder.path().join("left").exists().then_some(()).ok_or("not yet".to_owned())
    });

    std::fs::write(sshd.folder.path().join("busy"), "").unwrap();
    let error = sshd.open().await.map(drop).unwrap_err();
    assert_eq!(error.code(), "connector.busy", "{error}");
    assert!(error.to_string().contains("ERROR: the console is in use"), "{error}");
}

#[tokio::test]
async fn every_byte_goes_through_ser2net_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let (telnet, raw) = (free_port(), free_port());
    let config = folder.path().join("ser2net.yaml");
    let text = format!(
        "connection: &telnet\n  accepter: telnet,tcp,127.0.0.1,{telnet}\n  connector: echo\n  options:\n    max-connections: 4\n\
         connection: &raw\n  accepter: tcp,127.0.0.1,{raw}\n  connector: echo\n  options:\n    max-connections: 4\n"
    );
    std::fs::write(&config, text).unwrap();
    let log = folder.path().join("ser2net.log");
    let _peer = Peer::start(&peer("ser2net"), &["-d", "-u", "-c", &config.to_string_lossy()], &log);
    let every: Vec<u8> = (0..=255).chain(*b"\r\n\r\r\n").collect();
    for (way, port) in [(Way::Telnet, telnet), (Way::SerialTcp, raw)] {
        listens(port);
        let connector = Connector { port: Some(port), ..Connector::new(way.clone(), "127.0.0.1") };
        let opened = open_serial(&connector, None, &Surroundings::default()).await;
        let mut console = opened.unwrap_or_else(|error| panic!("{error}"));
        // What comes back shows that the options are agreed on.
        console.send(b"ready").await.unwrap();
        sees(&mut console, holds("ready")).await;
        console.send(&every).await.unwrap();
        let back = sees(&mut console, |seen| seen.len() >= every.len()).await;
        assert_eq!(back, every, "{way:?}");
        console.close().await;
    }
}

/// Checks that a log of a program that keeps consoles says what the machine says, and nothing else.
async fn check_log(folder: &Path, name: &str, format: ConsoleLogFormat) {
    wait_until("the log is there", MOST, || {
        let text = std::fs::read_to_string(folder.join(name)).map_err(|error| error.to_string())?;
        if text.contains("says this") { Ok(()) } else { Err(text) }
    });
    let connector = Connector::new(Way::ConsoleLog(ConsoleLogOptions { format }), name);
    let console_logs = Some(folder.to_owned());
    let surroundings = Surroundings { console_logs, ..Surroundings::default() };
    let mut console = open_serial(&connector, None, &surroundings).await.expect("it is there");
    let seen = sees(&mut console, |seen| seen.iter().filter(|byte| **byte == b'\n').count() > 5).await;
    let text = String::from_utf8_lossy(&seen).into_owned();
    for line in text.lines().filter(|line| !line.is_empty()) {
        assert!("the machine says this".starts_with(line), "{line:?} in {text}");
    }
    console.close().await;
}

#[tokio::test]
async fn the_log_of_conserver_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("conserver.cf");
    let text = format!(
        "console node7 {{ master localhost; type exec; exec {}; logfile {}/node7.log; timestamp 1la; rw *; }}\n\
         access * {{ trusted 127.0.0.1; }}\n",
        machine(folder.path()),
        folder.path().display(),
    );
    std::fs::write(&config, text).unwrap();
    let (port, base) = (free_port().to_string(), free_port().to_string());
    let config = config.to_string_lossy().into_owned();
    let arguments = ["-C", &config, "-M", "127.0.0.1", "-p", &port, "-b", &base];
    let peer = Peer::start(&peer("conserver"), &arguments, &folder.path().join("conserver.out"));
    check_log(folder.path(), "node7.log", ConsoleLogFormat::Conserver).await;
    peer.end();
}

#[tokio::test]
async fn the_log_of_conman_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("conman.conf");
    let text = format!(
        "SERVER loopback=on\nSERVER port={}\nSERVER pidfile=\"{path}/conman.pid\"\nSERVER logdir=\"{path}\"\n\
         GLOBAL logopts=\"timestamp\"\nCONSOLE name=\"node7\" dev=\"{}\" log=\"node7.log\"\n",
        free_port(),
        machine(folder.path()),
        path = folder.path().display(),
    );
    std::fs::write(&config, text).unwrap();
    let config = config.to_string_lossy().into_owned();
    let arguments = ["-F", "-c", &config];
    let _peer = Peer::start(&peer("conmand"), &arguments, &folder.path().join("conman.out"));
    check_log(folder.path(), "node7.log", ConsoleLogFormat::Conman).await;
}

#[test]
fn a_console_of_openipmi_is_played_through_the_server_and_its_recording_by_asciinema() {
    let folder = tempfile::tempdir().unwrap();
    let sim = IpmiSim::with_console(folder.path());
    let server = Ironhand::serve();
    let connector = format!("{{ type: ipmi, address: 127.0.0.1, port: {}, cipherSuites: [3] }}", sim.port());
    server.apply_host("peer", &[connector]);
    wait_until("the simulator is ready", MOST, || {
        let output = server.run(&["power", "status", "peer"]);
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    });

    let mut terminal = Terminal::start(server.command(&["console", "peer"]));
    terminal.shows("console of peer");
    // It connects to the machine's port some seconds after its start, and drops what is typed before.
    terminal.types_until("hello\r", "hello\r\npeer> ");
    // The screen is read of the same session.
    let screen = server.ok(&["screen", "peer", "--text"]);
    assert!(screen.contains("hello\npeer>"), "{screen}");
    terminal.types("\r~.");
    assert!(terminal.ends().success());

    let recordings = server.json(&["recordings", "peer"]);
    let id = recordings[0]["id"].to_string();
    let cast = folder.path().join("it.cast").to_string_lossy().into_owned();
    server.ok(&["recordings", "show", &format!("peer/{id}"), "--save", &cast]);
    // It plays to a terminal that is its own alone.
    let mut playing = Command::new(peer("setsid"));
    playing.args(["--ctty", "--wait"]).arg(peer("asciinema")).args(["cat", &cast]);
    let mut played = Terminal::start(playing);
    played.shows("hello");
    played.shows("peer> ");
    assert!(played.ends().success());
}
