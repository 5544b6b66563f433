//! Our Redfish client judged by a stranger's service: the emulator of OpenStack's sushy-tools, whose machine takes
//! seconds to follow. It has no sessions: name and password go with each request.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use e2e::{Ironhand, PASSWORD, Peer, ironhand, peer, wait_until};
use serde_json::Value;

/// How long Python may take to start on a busy machine.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// [`PASSWORD`] as the emulator keeps it: bcrypt.
const HASHED: &str = "$2b$04$puNLOtpTzDPgv.a/w9yE0.YKoUJUrn7xd4U1c9Mp2qCu099MEeL5O";

/// The emulator with one machine that is on.
struct Emulator {
    port: u16,
    folder: tempfile::TempDir,
    _peer: Peer,
}

impl Emulator {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        let users = file("users", &format!("admin:{HASHED}\n"));
        let port = free_tcp_port();
        let settings = file(
            "settings.py",
            &format!(
                "SUSHY_EMULATOR_FAKE_DRIVER = True\n\
                 SUSHY_EMULATOR_FAKE_SYSTEMS = [{{'uuid': '8f2c1f6e-0d7b-4c0e-9f43-2d3f5c1b7a10', 'name': 'fake', 'power_state': 'On', 'nics': []}}]\n\
                 SUSHY_EMULATOR_AUTH_FILE = {users:?}\nSUSHY_EMULATOR_STATE_DIR = {:?}\n\
                 SUSHY_EMULATOR_LISTEN_IP = '127.0.0.1'\nSUSHY_EMULATOR_LISTEN_PORT = {port}\n",
                folder.path()
            ),
        );
        let log = folder.path().join("log");
        let peer = Peer::start(&peer("sushy-emulator"), &["--config", &settings.to_string_lossy()], &log);
        let emulator = Self { port, folder, _peer: peer };
        wait_until("the emulator answers", STARTS_WITHIN, || match emulator.ask(&["power", "status"]) {
            (Some(0), _) => Ok(()),
            (code, said) => Err(format!("{code:?} {said}")),
        });
        emulator
    }

    fn ask(&self, command: &[&str]) -> (Option<i32>, Value) {
        self.ask_as(PASSWORD, command)
    }

    /// The exit code of `ironhand bmc`, and what it says of this controller.
    fn ask_as(&self, password: &str, command: &[&str]) -> (Option<i32>, Value) {
        let file = self.folder.path().join("password");
        std::fs::write(&file, password).expect("written");
        let (host, file) = (format!("127.0.0.1:{}", self.port), file.to_string_lossy().into_owned());
        let access = ["bmc", "--protocol", "redfish", "--tls", "off", "-H", &host, "-U", "admin"];
        let output = ironhand(&[&access[..], &["--password-file", &file, "-o", "json"], command].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!text.contains(password) && !errors.contains(password), "{command:?}: {text}{errors}");
        let mut said: Value = serde_json::from_str(&text).unwrap_or_default();
        (output.status.code(), said["results"][0].take())
    }

    /// What a command that must succeed leads to.
    fn ok(&self, command: &[&str]) -> Value {
        let (code, said) = self.ask(command);
        assert_eq!(code, Some(0), "{command:?}: {said}");
        said
    }

    /// The code of a command that must fail.
    fn refused(&self, command: &[&str]) -> String {
        let (code, said) = self.ask(command);
        assert_ne!(code, Some(0), "{command:?}: {said}");
        said["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A TCP port that was free a moment ago, for a peer that must be told its port.
fn free_tcp_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    free.local_addr().expect("it is bound").port()
}

/// Serves an image to whoever asks, as long as the test runs; gives its address.
fn serve_image() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = connection.read(&mut request);
            let _ = connection
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nboot");
        }
    });
    format!("http://{address}/rescue.iso")
}

#[test]
fn power_follows_us() {
    let emulator = Emulator::start();
    assert_eq!(emulator.ok(&["power", "status"])["power"], "On");
    for (action, power) in [("on", "On"), ("off", "Off"), ("off", "Off"), ("on", "On"), ("cycle", "On")] {
        assert_eq!(emulator.ok(&["power", action])["power"], power, "{action}");
    }
    assert_eq!(emulator.ok(&["chassis", "status"])["power"], "on");
    assert_eq!(emulator.ok(&["power", "soft"])["power"], "Off");
    assert_eq!(emulator.refused(&["power", "reset"]), "power.is_off");
}

#[test]
fn boot_devices_and_images_are_chosen() {
    let emulator = Emulator::start();
    let shown = emulator.ok(&["boot", "pxe", "--persistent"]);
    assert_eq!((shown["device"].as_str(), shown["persistent"].as_bool()), (Some("pxe"), Some(true)));
    assert_eq!(emulator.ok(&["boot"])["device"], "pxe");
    // It makes every choice one for good, which is not what is asked here.
    assert_eq!(emulator.refused(&["boot", "cdrom"]), "connector.not_kept");
    assert_eq!(emulator.refused(&["boot", "bios"]), "connector.unsupported");

    let image = serve_image();
    assert_eq!(emulator.ok(&["media", "insert", &image])["slots"][0]["image"], image.as_str());
    let other = format!("{image}?other");
    assert_ne!(emulator.refused(&["media", "insert", &other]), "", "the drive holds another image");
    assert_eq!(emulator.ok(&["media", "insert", &other, "--replace"])["slots"][0]["inserted"], true);
    emulator.ok(&["media", "eject"]);
    let slots = emulator.ok(&["media", "list"])["slots"].take();
    let slots = slots.as_array().expect("slots");
    assert!(slots.len() > 1 && slots.iter().all(|slot| slot["inserted"] == false), "{slots:?}");
}

#[test]
fn what_it_tells_is_read_and_what_it_lacks_is_named() {
    let emulator = Emulator::start();
    let sensors = emulator.ok(&["sensors", "--type", "fan"])["sensors"].take();
    assert!(sensors.as_array().is_some_and(|fans| fans.iter().any(|fan| fan["unit"] == "RPM")), "{sensors}");
    assert!(emulator.ok(&["mc", "info"])["firmware"].is_string());
    assert!(emulator.ok(&["inventory"])["parts"].is_array());
    assert_eq!(emulator.ok(&["chassis", "identify", "--light", "off"])["outcome"], "done");
    assert!(emulator.ok(&["raw", "GET", "/redfish/v1/Systems"])["body"]["Members"].is_array());
    for command in [&["user", "list"][..], &["bios", "get"], &["sel"], &["mc", "reset", "cold"]] {
        assert_eq!(emulator.refused(command), "connector.unsupported", "{command:?}");
    }
    let (code, said) = emulator.ask(&["raw", "GET", "/redfish/v1/nowhere"]);
    assert_eq!(code, Some(3), "{said}");
    let (code, said) = emulator.ask_as("wrong-password", &["power", "status"]);
    assert_eq!((code, said["code"].as_str()), (Some(4), Some("connector.login_refused")), "{said}");
}

/// The same through a server, with a host whose only connector this is.
#[test]
fn a_server_switches_it() {
    let emulator = Emulator::start();
    let server = Ironhand::serve();
    let connector = format!("{{ type: redfish, address: 127.0.0.1, port: {}, tls: off }}", emulator.port);
    server.apply_host("fake", &[connector]);
    let power = |wanted: &str| {
        let host = server.json(&["get", "host", "fake"]);
        let text = host.to_string().to_lowercase();
        if text.contains(wanted) { Ok(()) } else { Err(text) }
    };
    for action in ["off", "on", "cycle"] {
        server.ok(&["power", action, "fake"]);
        let state = if action == "off" { "off" } else { "on" };
        let shown = emulator.ok(&["power", "status"]);
        assert_eq!(shown["outcome"], state, "after {action}");
        wait_until("the server shows it", STARTS_WITHIN, || power(&format!("\"{state}\"")));
    }
}
