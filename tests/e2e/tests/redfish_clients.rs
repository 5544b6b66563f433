//! The simulated Redfish services, worked by clients that we did not write: `redfishtool`, DMTF's programs
//! (`redfish_utilities`) and its Python library. What they do over Redfish, `ipmitool` sees over IPMI.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use e2e::{PASSWORD, RedfishService, peer, private_file, python_of, run, trusting, wait_until};
use serde_json::Value;

/// How long a simulated machine may take to follow its button.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(20);

/// What a program has said, which must have succeeded.
fn said(what: &str, output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{what}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// What `redfishtool` says; it must succeed.
fn redfishtool(service: &RedfishService, command: &[&str]) -> String {
    let mut tool = Command::new(peer("redfishtool"));
    let place = service.redfish.to_string();
    tool.args(["-S", "Always", "-r", &place, "-u", "admin", "-p", PASSWORD]).args(command);
    said(&format!("redfishtool {command:?}"), &trusting(&mut tool).output().expect("redfishtool starts"))
}

/// The JSON that `redfishtool` shows.
fn shown(service: &RedfishService, command: &[&str]) -> Value {
    let text = redfishtool(service, command);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("redfishtool {command:?}: {error}: {text}"))
}

/// What one of DMTF's programs says; it must succeed.
fn utility(service: &RedfishService, program: &str, arguments: &[&str]) -> String {
    let output = service.judge(&mut Command::new(peer(program)), arguments);
    said(&format!("{program} {arguments:?}"), &output)
}

/// What `ipmitool` says; it must succeed.
fn ipmitool(service: &RedfishService, command: &[&str]) -> String {
    let password = private_file(PASSWORD);
    let password = password.path().to_string_lossy().into_owned();
    let (host, port) = (service.ipmi.ip().to_string(), service.ipmi.port().to_string());
    let access = ["-I", "lanplus", "-C", "17", "-H", &host, "-p", &port, "-U", "admin", "-f", &password];
    said(&format!("ipmitool {command:?}"), &run("ipmitool", &[&access[..], command].concat()))
}

/// Waits until the machine has power, or none, by both protocols.
fn wait_for_power(service: &RedfishService, on: bool) {
    let (by_redfish, by_ipmi) = if on { ("On", "on") } else { ("Off", "off") };
    wait_until("the machine follows its button", FOLLOWS_WITHIN, || {
        let redfish = shown(service, &["Systems", "-F", "-P", "PowerState"])["PowerState"].clone();
        let ipmi = ipmitool(service, &["chassis", "power", "status"]);
        match redfish == by_redfish && ipmi.trim() == format!("Chassis Power is {by_ipmi}") {
            true => Ok(()),
            false => Err(format!("{redfish}, {ipmi}")),
        }
    });
}

#[test]
fn redfishtool_and_ipmitool_work_the_same_machine() {
    let service = RedfishService::start("generic");
    wait_for_power(&service, true);
    redfishtool(&service, &["Systems", "-F", "reset", "ForceOff"]);
    wait_for_power(&service, false);
    ipmitool(&service, &["chassis", "power", "on"]);
    wait_for_power(&service, true);

    redfishtool(&service, &["Systems", "-F", "setBootOverride", "Once", "Pxe"]);
    let flags = ipmitool(&service, &["chassis", "bootparam", "get", "5"]);
    assert!(flags.contains("Force PXE"), "{flags}");
    ipmitool(&service, &["chassis", "bootdev", "bios"]);
    let boot = shown(&service, &["Systems", "-F", "-P", "Boot"]);
    assert_eq!(boot["Boot"]["BootSourceOverrideTarget"], "BiosSetup", "{boot}");

    redfishtool(&service, &["AccountService", "adduser", "guest", "passw0rd99", "Operator"]);
    let users = ipmitool(&service, &["user", "list", "1"]);
    assert!(users.lines().any(|line| line.contains("guest") && line.contains("OPERATOR")), "{users}");
    redfishtool(&service, &["AccountService", "setpassword", "guest", "passw0rd98"]);
    redfishtool(&service, &["AccountService", "deleteuser", "guest"]);
    assert!(!ipmitool(&service, &["user", "list", "1"]).contains("guest"));
}

#[test]
fn redfishtool_reads_what_services_of_vendors_have() {
    for flavour in ["ilo5", "supermicro", "megarac", "ibmc"] {
        let service = RedfishService::start(flavour);
        for (command, property) in [
            (&["root"][..], "RedfishVersion"),
            (&["raw", "GET", "/redfish/v1/Systems"], "Members"),
            (&["Systems", "-F"], "PowerState"),
            (&["-A", "Session", "Systems", "-F"], "PowerState"),
            (&["Systems", "-F", "Logs"], "Members"),
            (&["Chassis", "-F"], "ChassisType"),
            (&["Chassis", "-F", "Power"], "PowerControl"),
            (&["Chassis", "-F", "Thermal"], "Temperatures"),
            (&["Managers", "-F"], "FirmwareVersion"),
            (&["Managers", "-F", "NetworkProtocol"], "HTTPS"),
            (&["AccountService"], "MinPasswordLength"),
            (&["AccountService", "Accounts"], "Members"),
            (&["SessionService"], "SessionTimeout"),
            (&["SessionService", "Sessions"], "Members"),
        ] {
            let shown = shown(&service, command);
            assert!(!shown[property].is_null(), "{flavour}: {command:?}: {shown}");
        }
    }
}

#[test]
fn dmtfs_programs_work_an_idrac() {
    let service = RedfishService::start("idrac9");
    let check = |program: &str, arguments: &[&str], wanted: &str| {
        let text = utility(&service, program, arguments);
        assert!(text.contains(wanted), "{program} {arguments:?}: {text}");
    };
    check("rf_power_reset.py", &["--info"], "Current power state: On");
    check("rf_power_reset.py", &["--type", "ForceOff"], "Resetting the system");
    wait_for_power(&service, false);
    check("rf_boot_override.py", &["--target", "Pxe"], "Setting a one time boot for Pxe");
    check("rf_boot_override.py", &["--info"], "Target: Pxe;");
    check("rf_sel.py", &[], "Watchdog 2 71h: Hard reset");
    check("rf_sensor_list.py", &[], "System Power");
    check("rf_firmware_inventory.py", &[], "7.10.30.00");
    check("rf_bios_settings.py", &[], "SecureBoot");
    check("rf_virtual_media.py", &["insert", "--image", "http://127.0.0.1/rescue.iso"], "Inserting");
    check("rf_virtual_media.py", &["info"], "rescue.iso");
    check("rf_accounts.py", &["--add", "guest", "passw0rd99", "Operator"], "guest");
    check("rf_accounts.py", &[], "guest");
    check("rf_accounts.py", &["--delete", "guest"], "guest");
}

#[test]
fn dmtfs_library_logs_in_reads_writes_and_logs_out() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/redfish_clients/library.py");
    for flavour in ["generic", "openbmc", "xcc"] {
        let service = RedfishService::start(flavour);
        for way in ["basic", "session"] {
            let mut program = Command::new(python_of("rf_power_reset.py"));
            program.arg(&script).args([&service.url(), "admin", PASSWORD, way]);
            let output = trusting(&mut program).output().expect("Python starts");
            assert_eq!(said(&format!("{flavour}, {way}"), &output).trim(), "all is well");
        }
    }
}
