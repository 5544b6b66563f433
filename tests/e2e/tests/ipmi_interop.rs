//! IPMI against strangers: `ipmitool` and FreeIPMI's `ipmipower` judge our BMC side, OpenIPMI's `ipmi_sim` our client.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use e2e::{Controller, IpmiSim, Ironhand, wait_until};
use serde_json::Value;

/// How long a simulated machine may take to follow its power button.
const POWER_DEADLINE: Duration = Duration::from_secs(60);

/// One of our simulated machines, whose power follows at once: a cycle is over when the next command comes.
fn simulated() -> Controller {
    Controller::simulated_with(&["--power-delay", "0ms"])
}

fn reaches(bmc: &Controller, suite: &str, state: &str) {
    wait_until(&format!("power is {state}"), POWER_DEADLINE, || {
        let status = bmc.ipmitool(suite, &["chassis", "power", "status"]);
        if status.trim() == format!("Chassis Power is {state}") { Ok(()) } else { Err(status) }
    });
}

fn ipmitool_drives_us(suite: &str) {
    let bmc = simulated();
    reaches(&bmc, suite, "on");
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
        reaches(&bmc, suite, state);
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
    let bmc = simulated();
    let check = |action: &str, answer: &str| {
        let said = bmc.freeipmi("ipmipower", suite, &["-l", "OPERATOR", action]);
        assert!(said.trim().ends_with(answer), "ipmipower {action}: {said}");
    };
    check("--stat", ": on");
    check("--off", ": ok");
    reaches(&bmc, suite, "off");
    check("--on", ": ok");
    reaches(&bmc, suite, "on");
    check("--cycle", ": ok");
    reaches(&bmc, suite, "on");
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
    let bmc = simulated().with_password("not-the-password");
    let output = bmc.ipmitool_command("17", &["-R", "1", "chassis", "power", "status"]).output();
    let output = output.expect("ipmitool starts");
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

/// OpenIPMI's simulator with a machine whose power and boot device can be set.
fn start_ipmi_sim(folder: &Path) -> IpmiSim {
    let chassis = folder.join("chassis.sh");
    std::fs::write(&chassis, CHASSIS).expect("written");
    std::fs::set_permissions(&chassis, std::fs::Permissions::from_mode(0o700)).expect("made executable");
    IpmiSim::start(folder, &format!("  chassis_control \"{} 0x20\"\n", chassis.display()), "")
}

#[test]
fn our_client_drives_openipmi_with_suite_3() {
    let ironhand = Ironhand::serve();
    let sim = start_ipmi_sim(ironhand.folder());
    let port = sim.port();
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
