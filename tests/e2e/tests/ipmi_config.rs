//! Users, networks, cases, watchdog timers and DCMI against strangers: `ipmitool` and FreeIPMI configure our BMC side
//! and see what our own commands see; our client configures OpenIPMI's `ipmi_sim`.

use std::io::Write;
use std::process::{Command, Stdio};

use e2e::{Controller, IpmiSim, peer};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

/// Both suites that programs use.
const SUITES: [&str; 2] = ["3", "17"];

fn password_file(password: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    write!(file, "{password}").expect("written");
    file
}

/// Asserts that a program's answer holds all of `expected`, whatever spaces stand between words.
fn says(answer: &str, expected: &[&str]) {
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let answer = squeezed(answer);
    for words in expected {
        assert!(answer.contains(&squeezed(words)), "{words:?} is missing in: {answer}");
    }
}

/// Whether `ipmitool` gets in as this user.
fn logs_in(bmc: &Controller, suite: &str, user: &str, password: &str) -> bool {
    let file = password_file(password);
    let output = Command::new(peer("ipmitool"))
        .args(["-I", "lanplus", "-C", suite, "-H", "127.0.0.1", "-p", bmc.port(), "-L", "USER", "-R", "1"])
        .args(["-U", user, "-f", &file.path().to_string_lossy(), "chassis", "power", "status"])
        .stdin(Stdio::null())
        .output()
        .expect("the peer starts");
    output.status.success()
}

#[test]
fn users_that_ipmitool_makes_log_in_with_their_newest_password() {
    for suite in SUITES {
        let bmc = Controller::simulated();
        bmc.ipmitool(suite, &["user", "set", "name", "3", "night"]);
        bmc.ipmitool(suite, &["user", "set", "password", "3", "first-one", "16"]);
        let access = ["channel", "setaccess", "1", "3", "callin=on", "ipmi=on", "privilege=3"];
        bmc.ipmitool(suite, &access);
        bmc.ipmitool(suite, &["user", "enable", "3"]);
        says(&bmc.ipmitool(suite, &["user", "list", "1"]), &["3 night true false true OPERATOR"]);
        says(&bmc.ipmitool(suite, &["user", "summary", "1"]), &["Enabled User Count : 2"]);
        says(&bmc.ipmitool(suite, &["user", "test", "3", "16", "first-one"]), &["Success"]);
        assert!(logs_in(&bmc, suite, "night", "first-one"));

        bmc.ipmitool(suite, &["user", "set", "password", "3", "a-second-one-of-20by", "20"]);
        says(&bmc.ipmitool(suite, &["user", "test", "3", "20", "a-second-one-of-20by"]), &["Success"]);
        assert!(logs_in(&bmc, suite, "night", "a-second-one-of-20by"));
        assert!(!logs_in(&bmc, suite, "night", "first-one"));
        bmc.ipmitool(suite, &["user", "disable", "3"]);
        assert!(!logs_in(&bmc, suite, "night", "a-second-one-of-20by"));

        let ours = bmc.ironhand(suite, &["user", "list"]);
        let night = json!({
            "id": 3, "name": "night", "enabled": false, "limit": "operator",
            "ipmiMessaging": true, "linkAuthentication": false, "callbackOnly": false,
        });
        assert_eq!(ours["users"][1], night, "{ours:#}");
    }
}

#[test]
fn users_that_we_make_are_seen_by_ipmitool() {
    let bmc = Controller::simulated();
    let file = password_file("a-password-of-20-by");
    let path = file.path().to_string_lossy().into_owned();
    let created =
        bmc.ironhand("17", &["user", "create", "guard", "--limit", "operator", "--new-password-file", &path]);
    assert_eq!(created["truncated"], false, "{created:#}");
    says(&bmc.ipmitool("17", &["user", "list", "1"]), &["2 guard true false true OPERATOR"]);
    assert!(logs_in(&bmc, "17", "guard", "a-password-of-20-by"));
    let tested = bmc.ironhand("17", &["user", "test", "guard", "--tested-password-file", &path]);
    assert_eq!(tested["outcome"], "matches", "{tested:#}");
    bmc.ironhand("17", &["user", "access", "guard", "--limit", "user"]);
    says(&bmc.ipmitool("17", &["channel", "getaccess", "1", "2"]), &["Privilege Level : USER"]);
    bmc.ironhand("17", &["user", "delete", "guard"]);
    assert!(!logs_in(&bmc, "17", "guard", "a-password-of-20-by"));
    says(&bmc.ipmitool("17", &["user", "summary", "1"]), &["Enabled User Count : 1"]);
}

#[test]
fn ipmitool_reads_and_sets_the_network() {
    for suite in SUITES {
        let bmc = Controller::simulated();
        let shown = bmc.ironhand(suite, &["lan", "show"]);
        let field =
            |name: &str| shown[name].as_str().unwrap_or_else(|| panic!("{name}: {shown:#}")).to_owned();
        says(
            &bmc.ipmitool(suite, &["lan", "print", "1"]),
            &[
                &format!("IP Address : {}", field("address")),
                &format!("Subnet Mask : {}", field("mask")),
                &format!("MAC Address : {}", field("mac")),
                &format!("Default Gateway IP : {}", field("gateway")),
                "IP Address Source : Static Address",
                "RMCP+ Cipher Suites : 17,3",
                "802.1q VLAN ID : Disabled",
            ],
        );
        bmc.ipmitool(suite, &["lan", "set", "1", "vlan", "id", "42"]);
        bmc.ipmitool(suite, &["lan", "set", "1", "snmp", "ops"]);
        let shown = bmc.ironhand(suite, &["lan", "show"]);
        assert_eq!((&shown["vlan"], &shown["community"]), (&json!(42), &json!("ops")), "{shown:#}");

        let moved = bmc.ironhand(suite, &["lan", "set", "--address", "192.0.2.77", "--vlan", "off"]);
        assert_eq!(moved["outcome"], "moved", "{moved:#}");
        let printed = bmc.ipmitool(suite, &["lan", "print", "1"]);
        says(&printed, &["IP Address : 192.0.2.77", "802.1q VLAN ID : Disabled"]);
        bmc.ironhand(suite, &["lan", "alerts-off"]);
        says(
            &bmc.ipmitool(suite, &["channel", "info", "1"]),
            &["Medium Type : 802.3 LAN", "Alerting : disabled"],
        );
        says(
            &bmc.ipmitool(suite, &["channel", "getciphers", "ipmi", "1"]),
            &["17 N/A hmac_sha256 sha256_128 aes_cbc_128", "3 N/A hmac_sha1 hmac_sha1_96 aes_cbc_128"],
        );
    }
}

#[test]
fn ipmitool_reads_and_sets_the_case() {
    for suite in SUITES {
        let bmc = Controller::simulated();
        bmc.ipmitool(suite, &["chassis", "policy", "always-on"]);
        bmc.ipmitool(suite, &["chassis", "identify", "force"]);
        says(
            &bmc.ipmitool(suite, &["chassis", "status"]),
            &["System Power : on", "Power Restore Policy : always-on", "Reset Button Disable : allowed"],
        );
        let shown = bmc.ironhand(suite, &["chassis", "status"]);
        assert_eq!(
            (&shown["restorePolicy"], &shown["identify"]),
            (&json!("always-on"), &json!("on")),
            "{shown:#}"
        );
        bmc.ironhand(suite, &["chassis", "policy", "previous"]);
        bmc.ironhand(suite, &["chassis", "buttons", "off"]);
        says(
            &bmc.ipmitool(suite, &["chassis", "status"]),
            &[
                "Power Restore Policy : previous",
                "Front-Panel Lockout : active",
                "Power Button Disabled: true",
            ],
        );
        // Before the reset: a machine that boots follows the flags, and they are no longer valid.
        bmc.ironhand(suite, &["boot", "disk", "--uefi", "--instance", "2"]);
        says(
            &bmc.ipmitool(suite, &["chassis", "bootparam", "get", "5"]),
            &["Boot parameter data: a008000002", "Options apply to only next boot"],
        );
        bmc.ipmitool(suite, &["chassis", "power", "reset"]);
        says(&bmc.ipmitool(suite, &["chassis", "restart_cause"]), &["chassis power control command"]);
        bmc.ipmitool(suite, &["chassis", "bootdev", "bios", "options=efiboot,persistent"]);
        says(
            &bmc.ipmitool(suite, &["chassis", "bootparam", "get", "5"]),
            &[
                "Boot Flag Valid",
                "Options apply to all future boots",
                "BIOS EFI boot",
                "Force Boot into BIOS Setup",
            ],
        );
    }
}

#[test]
fn ipmitool_reads_what_the_controller_is() {
    for suite in SUITES {
        let bmc = Controller::simulated();
        says(&bmc.ipmitool(suite, &["mc", "info"]), &["IPMI Version : 2.0", "Device Available : yes"]);
        says(&bmc.ipmitool(suite, &["mc", "selftest"]), &["Selftest: passed"]);
        assert_eq!(bmc.ironhand(suite, &["mc", "selftest"])["passed"], true);
        says(
            &bmc.ipmitool(suite, &["mc", "watchdog", "get"]),
            &["Watchdog Timer Is: Stopped", "Action: No action (0x00)"],
        );
        let started =
            bmc.ironhand(suite, &["mc", "watchdog", "start", "--after", "600s", "--action", "none"]);
        assert_eq!(started["running"], true, "{started:#}");
        says(
            &bmc.ipmitool(suite, &["mc", "watchdog", "get"]),
            &["Watchdog Timer Is: Started/Running", "Initial Countdown: 600.0 sec"],
        );
        bmc.ipmitool(suite, &["mc", "watchdog", "off"]);
        assert_eq!(bmc.ironhand(suite, &["mc", "watchdog"])["running"], false);
        says(
            &bmc.ipmitool(suite, &["dcmi", "power", "reading"]),
            &["Instantaneous power reading: 180 Watts"],
        );
        let limit = bmc.ironhand(suite, &["dcmi", "limit", "set", "250"]);
        assert_eq!(limit["watts"], 250, "{limit:#}");
        says(&bmc.ipmitool(suite, &["dcmi", "power", "get_limit"]), &["Power Limit: 250 Watts"]);
        bmc.ipmitool(suite, &["dcmi", "set_mc_id_string", "rack-9"]);
        assert_eq!(bmc.ironhand(suite, &["dcmi", "controller-id"])["value"], "rack-9");
    }
}

#[test]
fn freeipmi_reads_the_same() {
    for suite in SUITES {
        let bmc = Controller::simulated();
        says(&bmc.freeipmi("bmc-info", suite, &[]), &["IPMI Version : 2.0", "Medium Type : 802.3 LAN"]);
        says(
            &bmc.freeipmi("ipmi-chassis", suite, &["--get-status"]),
            &["System Power : on", "Chassis Identify state : off", "Reset button disable : allowed"],
        );
        says(
            &bmc.freeipmi("ipmi-chassis", suite, &["--get-capabilities"]),
            &["Front Panel Lockout : provided"],
        );
        let administrator = ["-l", "ADMIN"];
        let set = ["--set-power-restore-policy=RESTORE"];
        bmc.freeipmi("ipmi-chassis", suite, &[&administrator[..], &set].concat());
        assert_eq!(bmc.ironhand(suite, &["chassis", "status"])["restorePolicy"], "previous");
        let checkout = |category: &str, sections: &[&str]| {
            let category = format!("--category={category}");
            let sections = sections.iter().flat_map(|section| ["-S", section]).collect::<Vec<_>>();
            let asked = [&administrator[..], &["--checkout", &category], &sections].concat();
            bmc.freeipmi("ipmi-config", suite, &asked)
        };
        says(
            &checkout("core", &["User1", "Lan_Channel", "Lan_Conf"]),
            &[
                "Lan_Privilege_Limit Administrator",
                "Volatile_Access_Mode Always_Available",
                "IP_Address_Source Static",
            ],
        );
        says(
            &checkout("chassis", &[]),
            &["Power_Restore_Policy Restore_State_AC_Apply", "Enable_Reset_Button Yes"],
        );
        says(
            &bmc.freeipmi("ipmi-dcmi", suite, &["--get-system-power-statistics"]),
            &["Current Power : 180 Watts", "Power Measurement : Active"],
        );
        bmc.freeipmi("ipmi-dcmi", suite, &[&administrator[..], &["--set-asset-tag=rack-9"]].concat());
        assert_eq!(bmc.ironhand(suite, &["dcmi", "asset-tag"])["value"], "rack-9");
    }
}

#[test]
fn our_client_configures_openipmi() {
    let folder = tempfile::tempdir().expect("a folder");
    let sim = IpmiSim::start(folder.path(), "", "");
    let bmc = sim.controller();
    let info = e2e::wait_until("ipmi_sim answers", std::time::Duration::from_secs(20), || {
        bmc.try_ironhand("3", &["mc", "info"]).map_err(|answer| answer.to_string())
    });
    assert_eq!((&info["deviceId"], &info["product"]), (&json!(0), &json!(0xF02)), "{info:#}");

    let users = bmc.ironhand("3", &["user", "list"]);
    let admin =
        users["users"].as_array().expect("a list").iter().find(|user| user["id"] == 2).expect("user 2");
    assert_eq!((&admin["name"], &admin["limit"]), (&json!("admin"), &json!("administrator")), "{users:#}");
    let file = password_file("night-shift");
    let path = file.path().to_string_lossy().into_owned();
    let created =
        bmc.ironhand("3", &["user", "create", "night", "--limit", "operator", "--new-password-file", &path]);
    let id: Value = created["user"].clone();
    assert!(logs_in(&bmc, "3", "night", "night-shift"), "{created:#}");
    bmc.ironhand("3", &["user", "delete", &id.to_string()]);
    assert!(!logs_in(&bmc, "3", "night", "night-shift"));

    let lan = bmc.ironhand("3", &["lan", "show"]);
    assert_eq!((&lan["channel"], &lan["setInProgress"]), (&json!(1), &json!(false)), "{lan:#}");
    assert!(lan["suites"].as_array().is_some_and(|suites| suites.len() > 10), "{lan:#}");
}
