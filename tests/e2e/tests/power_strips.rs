//! Power strips: ours judged by net-snmp's programs, and our client by net-snmp's agent.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use e2e::{Daemon, PASSWORD, Peer, free_udp_port, peer, private_file, run};
use ironhand_api::{
    Connector, Outlet, PduModel, PduOptions, PowerAction, PowerOids, PowerState, SnmpVersion, Way,
};
use ironhand_connectors::{Device, Login, PduDevice, PduTimes};
use serde_json::Value;

/// What a program of net-snmp says: its output, or its complaint.
fn said(output: &Output) -> Result<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// A strip of ours.
struct Strip {
    _daemon: Daemon,
    _password: tempfile::NamedTempFile,
    address: String,
}

impl Strip {
    fn start(model: &str) -> Self {
        let password = private_file(PASSWORD);
        let file = password.path().to_string_lossy().into_owned();
        let arguments = ["sim", "pdu", "--model", model, "--port", "0", "--user", "ironhand", "-o", "json"];
        let daemon = Daemon::start(&[&arguments[..], &["--password-file", &file]].concat());
        let ready: Value = serde_json::from_str(&daemon.first_line).expect("it says where it listens");
        let address = ready["snmp"].as_str().expect("an address").to_owned();
        Self { _daemon: daemon, _password: password, address }
    }

    /// A program of net-snmp, as a user or with a community.
    fn ask(&self, program: &str, access: &[&str], what: &[&str]) -> Result<String, String> {
        let common = ["-Oqvn", "-t", "3", "-r", "1"];
        said(&run(program, &[&common, access, &[self.address.as_str()], what].concat()))
    }
}

const STATE: &str = "1.3.6.1.4.1.318.1.1.12.3.5.1.1.4.3";
const CONTROL: &str = "1.3.6.1.4.1.318.1.1.12.3.3.1.1.4.3";

/// Reads, switches and reads again with each version of the protocol.
#[test]
fn net_snmp_switches_our_outlets() {
    let strip = Strip::start("apc");
    let user = [
        "-v3", "-l", "authPriv", "-u", "ironhand", "-a", "SHA-256", "-A", PASSWORD, "-x", "AES", "-X",
        PASSWORD,
    ];
    let accesses: [&[&str]; 3] = [&["-v1", "-c", PASSWORD], &["-v2c", "-c", PASSWORD], &user];
    for access in accesses {
        for (wanted, told) in [("2", "off"), ("1", "on")] {
            let set = strip.ask("snmpset", access, &[CONTROL, "i", wanted]);
            assert_eq!(set.as_deref(), Ok(wanted), "{access:?} {told}");
            let follows = (0..50).any(|_| {
                std::thread::sleep(Duration::from_millis(20));
                strip.ask("snmpget", access, &[STATE]).as_deref() == Ok(wanted)
            });
            assert!(follows, "{access:?} {told}");
        }
    }
    let reader: &[&str] = &["-v2c", "-c", "public"];
    assert_eq!(
        strip.ask("snmpget", reader, &["1.3.6.1.2.1.1.2.0"]).as_deref(),
        Ok(".1.3.6.1.4.1.318.1.3.4.6")
    );
    let refused = strip.ask("snmpset", reader, &[CONTROL, "i", "2"]).expect_err("readers may not switch");
    // Readers have no view to write (RFC 3413 section 3.2, noSuchView).
    assert!(refused.contains("authorizationError"), "{refused}");
    let names = strip.ask("snmpwalk", reader, &["1.3.6.1.4.1.318.1.1.12.3.5.1.1.2"]).expect("names");
    assert_eq!(names.lines().count(), 8, "{names}");
    assert!(names.contains("Outlet 8"), "{names}");
}

/// An agent of net-snmp whose objects a script keeps: an outlet that reads 1 for on and 2 for off.
struct Agent {
    _peer: Peer,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Agent {
    /// One that is `deaf` accepts what is set, and keeps nothing of it.
    fn start(deaf: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (script, state) = (folder.path().join("outlet.sh"), folder.path().join("state"));
        std::fs::write(&state, "1").expect("it is written");
        let text = format!(
            "#!/bin/sh\n\
             case \"$1\" in\n\
             -s) echo \"$4\" > {set}; exit 0 ;;\n\
             -g) [ \"$2\" = .1.3.6.1.4.1.99999.1.4 ] || exit 0 ;;\n\
             -n) case \"$2\" in .1.3.6.1.4.1.99999|.1.3.6.1.4.1.99999.1) ;; *) exit 0 ;; esac ;;\n\
             esac\n\
             echo .1.3.6.1.4.1.99999.1.4; echo integer; cat {state}\n",
            set = if deaf { Path::new("/dev/null") } else { &state }.display(),
            state = state.display()
        );
        std::fs::write(&script, text).expect("it is written");
        let port = free_udp_port();
        let keys = "ironhand SHA-256 \"a long password\" AES \"a long password\"";
        let config = format!(
            "rwcommunity private\nrwcommunity6 private\ncreateUser {keys}\nrwuser ironhand priv\n\
             pass .1.3.6.1.4.1.99999 /bin/sh {}\n",
            script.display()
        );
        let file = folder.path().join("snmpd.conf");
        std::fs::write(&file, config).expect("it is written");
        let kept = format!("--persistentDir={}", folder.path().display());
        let (file, place) = (file.display().to_string(), format!("udp:127.0.0.1:{port}"));
        let arguments = ["-f", "-Lo", "-C", "-c", &file, &kept, "-I", "-smux", &place];
        let peer = Peer::start(&peer("snmpd"), &arguments, &folder.path().join("log"));
        Self { _peer: peer, port, _folder: folder }
    }

    fn device(&self, version: SnmpVersion) -> PduDevice {
        let column = "1.3.6.1.4.1.99999.1".to_owned();
        let oids =
            PowerOids { status: column.clone(), control: column, on: 1, off: 2, set_on: None, set_off: None };
        let options = PduOptions {
            outlets: vec![Outlet::Number(4)],
            model: Some(PduModel::Generic),
            oids: Some(oids),
            snmp: Some(version),
            ..PduOptions::default()
        };
        let mut connector = Connector::new(Way::Pdu(options.clone()), "127.0.0.1");
        connector.port = Some(self.port);
        let (username, password) = match version {
            SnmpVersion::V3 => ("ironhand", "a long password"),
            SnmpVersion::V1 | SnmpVersion::V2c => ("", "private"),
        };
        let login = Login { username: username.to_owned(), password: password.into() };
        let times = PduTimes {
            off: Duration::from_millis(50),
            read_back: Duration::from_secs(3),
            ..PduTimes::default()
        };
        PduDevice::new(&connector, &options, Some(&login), times).expect("a connector that can be used")
    }
}

#[test]
fn our_client_switches_an_outlet_of_net_snmp() {
    let agent = Agent::start(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        for version in [SnmpVersion::V2c, SnmpVersion::V1, SnmpVersion::V3] {
            let mut device = agent.device(version);
            assert_eq!(device.power(PowerAction::Off).await, Ok(()), "{version:?}");
            assert_eq!(device.power_state().await, Ok(PowerState::Off), "{version:?}");
            assert_eq!(device.power(PowerAction::Cycle).await, Ok(()), "{version:?}");
            assert_eq!(device.power_state().await, Ok(PowerState::Unknown), "{version:?}");
        }
    });
}

#[test]
fn a_strip_that_does_not_do_what_it_accepts_is_told_of() {
    let agent = Agent::start(true);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let lied = runtime.block_on(agent.device(SnmpVersion::V2c).power(PowerAction::Off)).unwrap_err();
    assert_eq!(lied.code(), "connector.not_kept", "{lied}");
}
