//! IPMI against strangers: `ipmitool` and FreeIPMI's `ipmipower` judge our BMC side, OpenIPMI's `ipmi_sim` our client.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use e2e::{Daemon, Ironhand, PASSWORD, Peer, free_udp_port, peer, private_file, run, wait_until};
use serde_json::Value;

/// How long a simulated machine may take to follow its power button.
const POWER_DEADLINE: Duration = Duration::from_secs(60);

/// One of our simulated BMCs, and the ways strangers talk to it.
struct SimulatedBmc {
    _daemon: Daemon,
    port: String,
    password_file: tempfile::NamedTempFile,
    config_file: tempfile::NamedTempFile,
}

impl SimulatedBmc {
    fn start() -> Self {
        let daemon = Daemon::start(&[
            "sim",
            "bmc",
            "--count",
            "1",
            "--bind",
            "127.0.0.1",
            "--port",
            "0",
            // At once: a cycle is over when the next command comes.
            "--power-delay",
            "0ms",
            "-o",
            "json",
        ]);
        let ready: Value =
            serde_json::from_str(&daemon.first_line).expect("sim bmc says where it listens, as JSON");
        let address = ready["bmcs"][0]["ipmi"].as_str().expect("an address").to_owned();
        let port = address.rsplit(':').next().expect("an address has a port").to_owned();
        let password_file = private_file(PASSWORD);
        let config_file = private_file(&format!("username admin\npassword {PASSWORD}\n"));
        Self { _daemon: daemon, port, password_file, config_file }
    }

    fn ipmitool(&self, suite: &str, command: &[&str]) -> String {
        let password = self.password_file.path().to_string_lossy().into_owned();
        let mut arguments = vec![
            "-I",
            "lanplus",
            "-C",
            suite,
            "-H",
            "127.0.0.1",
            "-p",
            &self.port,
            "-U",
            "admin",
            "-f",
            &password,
        ];
        arguments.extend(command);
        let output = run("ipmitool", &arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "ipmitool -C {suite} {command:?}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }

    fn ipmipower(&self, suite: &str, action: &str) -> String {
        let host = format!("127.0.0.1:{}", self.port);
        let config = self.config_file.path().to_string_lossy().into_owned();
        let arguments =
            ["--config-file", &config, "-D", "LAN_2_0", "-I", suite, "-l", "OPERATOR", "-h", &host, action];
        let output = run("ipmipower", &arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "ipmipower -I {suite} {action}: {text}{output:?}");
        text
    }

    fn reaches(&self, suite: &str, state: &str) {
        wait_until(&format!("power is {state}"), POWER_DEADLINE, || {
            let status = self.ipmitool(suite, &["chassis", "power", "status"]);
            if status.trim() == format!("Chassis Power is {state}") { Ok(()) } else { Err(status) }
        });
    }
}

fn ipmitool_drives_us(suite: &str) {
    let bmc = SimulatedBmc::start();
    bmc.reaches(suite, "on");
    for (command, answer, state) in [
        ("off", "Chassis Power Control: Down/Off", "off"),
        ("on", "Chassis Power Control: Up/On", "on"),
        ("cycle", "Chassis Power Control: Cycle", "on"),
        ("reset", "Chassis Power Control: Reset", "on"),
        ("off", "Chassis Power Control: Down/Off", "off"),
        ("on", "Chassis Power Control: Up/On", "on"),
        ("soft", "Chassis Power Control: Soft", "off"),
    ] {
        if command == "soft" {
            // A machine without a running system takes no notice of the soft button: ask until it has booted.
            wait_until("the system shuts down", POWER_DEADLINE, || {
                bmc.ipmitool(suite, &["chassis", "power", "soft"]);
                let status = bmc.ipmitool(suite, &["chassis", "power", "status"]);
                if status.contains("off") { Ok(()) } else { Err(status) }
            });
            continue;
        }
        assert_eq!(bmc.ipmitool(suite, &["chassis", "power", command]).trim(), answer);
        bmc.reaches(suite, state);
    }
    let set = bmc.ipmitool(suite, &["chassis", "bootdev", "pxe"]);
    assert!(set.contains("Set Boot Device to pxe"), "{set}");
    let flags = bmc.ipmitool(suite, &["chassis", "bootparam", "get", "5"]);
    assert!(flags.contains("Boot Device Selector : Force PXE"), "{flags}");
    let identity = bmc.ipmitool(suite, &["mc", "info"]);
    assert!(identity.contains("IPMI Version              : 2.0"), "{identity}");
}

#[test]
fn ipmitool_drives_our_bmc_with_suite_17() {
    ipmitool_drives_us("17");
}

#[test]
fn ipmitool_drives_our_bmc_with_suite_3() {
    ipmitool_drives_us("3");
}

fn ipmipower_drives_us(suite: &str) {
    let bmc = SimulatedBmc::start();
    let check = |action: &str, answer: &str| {
        let said = bmc.ipmipower(suite, action);
        assert!(said.trim().ends_with(answer), "ipmipower {action}: {said}");
    };
    check("--stat", ": on");
    check("--off", ": ok");
    bmc.reaches(suite, "off");
    check("--on", ": ok");
    bmc.reaches(suite, "on");
    check("--cycle", ": ok");
    bmc.reaches(suite, "on");
    check("--reset", ": ok");
    check("--soft", ": ok");
}

#[test]
fn ipmipower_drives_our_bmc_with_suite_17() {
    ipmipower_drives_us("17");
}

#[test]
fn ipmipower_drives_our_bmc_with_suite_3() {
    ipmipower_drives_us("3");
}

#[test]
fn strangers_with_a_wrong_password_are_refused() {
    let mut bmc = SimulatedBmc::start();
    bmc.password_file = private_file("not-the-password");
    let password = bmc.password_file.path().to_string_lossy().into_owned();
    let output = run(
        "ipmitool",
        &[
            "-I",
            "lanplus",
            "-C",
            "17",
            "-H",
            "127.0.0.1",
            "-p",
            &bmc.port,
            "-U",
            "admin",
            "-f",
            &password,
            "-R",
            "1",
            "chassis",
            "power",
            "status",
        ],
    );
    assert!(!output.status.success(), "{output:?}");
}

/// The power control that `ipmi_sim` calls as `DEVICE get|set|check NAME [VALUE] ...`: the state is kept in two files.
const CHASSIS: &str = r#"#!/bin/sh
state=$(dirname "$0")/state
shift
verb=$1
shift
case $verb in
get)
    for name; do
        case $name in
        power) echo "power:$(cat "$state/power" 2>/dev/null || echo 1)" ;;
        boot) echo "boot:$(cat "$state/boot" 2>/dev/null || echo default)" ;;
        esac
    done ;;
set)
    while [ $# -gt 1 ]; do
        case $1 in
        power) echo "$2" > "$state/power" ;;
        boot) echo "$2" > "$state/boot" ;;
        shutdown) echo 0 > "$state/power" ;;
        esac
        shift 2
    done ;;
esac
"#;

/// OpenIPMI's simulator with one BMC.
fn start_ipmi_sim(folder: &Path) -> (Peer, u16) {
    let port = free_udp_port();
    let chassis = folder.join("chassis.sh");
    std::fs::write(&chassis, CHASSIS).expect("written");
    std::fs::set_permissions(&chassis, std::fs::Permissions::from_mode(0o700)).expect("made executable");
    let chassis = chassis.display();
    let lan = format!(
        "name \"peer\"\nset_working_mc 0x20\n  startlan 1\n    addr 127.0.0.1 {port}\n    priv_limit admin\n    \
         allowed_auths_callback none md5 straight\n    allowed_auths_user none md5 straight\n    \
         allowed_auths_operator none md5 straight\n    allowed_auths_admin none md5 straight\n    \
         guid a123456789abcdefa123456789abcdef\n  endlan\n  \
         chassis_control \"{chassis} 0x20\"\n  user 1 true \"\" \"\" user 10 none md5 straight\n  \
         user 2 true \"admin\" \"{PASSWORD}\" admin 10 none md5 straight\n"
    );
    let commands = "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nmc_enable 0x20\n";
    let lan_file = folder.join("lan.conf");
    let commands_file = folder.join("sim.emu");
    std::fs::write(&lan_file, lan).expect("written");
    std::fs::write(&commands_file, commands).expect("written");
    let state = folder.join("state");
    std::fs::create_dir_all(&state).expect("a folder");
    let sim = Peer::start(
        &peer("ipmi_sim"),
        &[
            "-c",
            &lan_file.to_string_lossy(),
            "-f",
            &commands_file.to_string_lossy(),
            "-s",
            &state.to_string_lossy(),
            "-n",
        ],
        &folder.join("ipmi_sim.log"),
    );
    (sim, port)
}

#[test]
fn our_client_drives_openipmi_with_suite_3() {
    let ironhand = Ironhand::serve();
    let (_sim, port) = start_ipmi_sim(ironhand.folder());
    ironhand.apply_host(
        "peer",
        &[format!("{{ type: ipmi, address: 127.0.0.1, port: {port}, cipherSuites: [17, 3] }}")],
    );
    wait_until("the first reading", Duration::from_secs(60), || {
        let host = ironhand.json(&["get", "hosts", "peer"]);
        match host.pointer("/status/reach/value").and_then(Value::as_str) {
            Some("ok") => Ok(()),
            other => Err(format!("{other:?} {host:#}")),
        }
    });
    let actions = [
        ("off", "off"),
        ("on", "on"),
        ("cycle", "on"),
        ("reset", "on"),
        ("soft", "off"),
        ("on", "on"),
        ("on", "on"),
    ];
    for (action, state) in actions {
        let result = ironhand.json(&["power", action, "peer"]);
        assert_eq!(result[0]["power"], state, "power {action}: {result:#}");
    }
    let boot = ironhand.json(&["boot-device", "peer", "pxe"]);
    assert_eq!(boot[0]["device"], "pxe", "{boot:#}");
}
