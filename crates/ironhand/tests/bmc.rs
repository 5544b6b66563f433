//! `ironhand bmc` against `ironhand sim bmc`, as a user runs both.

use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

const PASSWORD: &str = "canary-b81c";

/// Simulated BMCs on consecutive addresses, ended when dropped.
struct Bmcs {
    sim: Child,
    /// The range for `-H`.
    range: String,
    password_file: tempfile::NamedTempFile,
}

impl Bmcs {
    /// `network` is one that no other test uses: the first three numbers of the addresses.
    fn start(network: &str, count: u16) -> Self {
        Self::with(network, count, &[])
    }

    fn with(network: &str, count: u16, options: &[&str]) -> Self {
        let first = format!("{network}.1");
        let free = UdpSocket::bind((first.as_str(), 0)).expect("loopback has this address");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        let mut sim = Command::new(env!("CARGO_BIN_EXE_ironhand"))
            .args([
                "sim",
                "bmc",
                "--bind",
                &first,
                "--port",
                &port.to_string(),
                "--count",
                &count.to_string(),
            ])
            .args(options)
            .env("IRONHAND_PASSWORD", PASSWORD)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ironhand starts");
        let mut lines = BufReader::new(sim.stdout.take().expect("a pipe")).lines();
        lines.next().expect("it says where it listens").expect("it can be read");
        std::thread::spawn(move || lines.for_each(drop));
        let mut password_file = tempfile::NamedTempFile::new().expect("a temporary file");
        writeln!(password_file, "{PASSWORD}").expect("written");
        Self { sim, range: format!("{network}.[1-{count}]:{port}"), password_file }
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let password_file = self.password_file.path().to_string_lossy().into_owned();
        said(&[&["-H", &self.range, "-U", "admin", "--password-file", &password_file], arguments].concat())
    }

    /// Runs a verb with `-o json`, and gives the rows and the summary.
    fn json(&self, arguments: &[&str]) -> (Vec<Value>, Value) {
        let (_, text, errors) = self.run(&[&["-o", "json"], arguments].concat());
        let document: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{errors}"));
        (document["results"].as_array().expect("rows").clone(), document["summary"].clone())
    }
}

impl Drop for Bmcs {
    fn drop(&mut self) {
        let _ = self.sim.kill();
        let _ = self.sim.wait();
    }
}

/// Exit code, standard output, standard error of `ironhand bmc` run with a cache of its own; neither output holds the
/// password.
fn said(arguments: &[&str]) -> (Option<i32>, String, String) {
    let cache = tempfile::tempdir().expect("a temporary folder");
    said_with_cache(cache.path(), arguments)
}

fn said_with_cache(cache: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_ironhand"))
        .arg("bmc")
        .args(arguments)
        .env_remove("IRONHAND_PASSWORD")
        .env_remove("IRONHAND_USER")
        .env("XDG_CACHE_HOME", cache)
        .stdin(Stdio::null())
        .output()
        .expect("ironhand starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(!out.contains("canary") && !errors.contains("canary"), "{arguments:?}: {out}{errors}");
    (output.status.code(), out, errors)
}

#[test]
fn a_range_answers_and_is_summed_up() {
    let bmcs = Bmcs::start("127.71.0", 20);
    let (code, text, errors) = bmcs.run(&["power", "status"]);
    assert_eq!(code, Some(0), "{text}{errors}");
    assert_eq!(text.lines().filter(|line| line.ends_with("  on")).count(), 20, "{text}");
    assert!(errors.contains("20 BMCs in") && errors.contains("20 on"), "{errors}");

    let (rows, summary) = bmcs.json(&["power", "status"]);
    assert!(
        rows.iter().all(|row| row["ok"] == true && row["power"] == "On" && row["outcome"] == "on"),
        "{rows:?}"
    );
    assert_eq!((summary["bmcs"].as_u64(), summary["outcomes"]["on"].as_u64()), (Some(20), Some(20)));
}

#[test]
fn power_is_switched_until_the_bmc_shows_it() {
    let bmcs = Bmcs::start("127.72.0", 3);
    let check = |action: &str, power: &str, detail: &str| {
        let (rows, _) = bmcs.json(&["power", action]);
        assert_eq!(rows.len(), 3);
        for row in rows {
            assert_eq!((row["power"].as_str(), row["detail"].as_str()), (Some(power), Some(detail)), "{row}");
        }
    };
    check("on", "On", "was on already");
    check("off", "Off", "switched");
    check("off", "Off", "was off already");
    let (rows, _) = bmcs.json(&["power", "cycle"]);
    assert!(rows.iter().all(|row| row["code"] == "power.is_off"), "{rows:?}");
    check("on", "On", "switched");
    check("cycle", "On", "cycled");
    check("reset", "On", "accepted");
    let (rows, summary) = bmcs.json(&["power", "off", "--no-wait"]);
    assert!(rows.iter().all(|row| row["power"].is_null() && row["detail"] == "accepted; was on"), "{rows:?}");
    assert_eq!(summary["outcomes"]["accepted"], 3);
}

#[test]
fn the_boot_device_is_read_back() {
    let bmcs = Bmcs::start("127.73.0", 2);
    let check = |arguments: &[&str], expected: &str| {
        let (code, text, errors) = bmcs.run(&[&["boot"], arguments].concat());
        assert_eq!(code, Some(0), "{arguments:?}: {text}{errors}");
        assert_eq!(text.lines().filter(|line| line.ends_with(expected)).count(), 2, "{arguments:?}: {text}");
    };
    check(&[], "none: the machine's own order");
    check(&["pxe", "--uefi"], "pxe for the next boot, by UEFI");
    check(&["show"], "pxe for the next boot, by UEFI");
    check(&["disk", "--persistent"], "disk for every boot, by BIOS");
    check(&["none"], "none: the machine's own order");
}

#[test]
fn one_bad_bmc_does_not_hide_the_others() {
    let bmcs = Bmcs::start("127.74.0", 2);
    let absent = bmcs.range.replace("[1-2]", "9");
    let (code, text, errors) = bmcs.run(&["-H", &absent, "--timeout", "2s", "power", "status"]);
    assert_eq!(code, Some(5), "{text}{errors}");
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(errors.contains("2 on") && errors.contains("3 BMCs"), "{errors}");
}

#[test]
fn a_bmc_with_two_names_is_asked_once() {
    let bmcs = Bmcs::start("127.0.0", 1);
    let other = bmcs.range.replace("127.0.0.[1-1]", "localhost");
    let (rows, summary) = bmcs.json(&["-H", &other, "power", "status"]);
    let asked = rows.iter().filter(|row| row["ok"] == true).count();
    // Where localhost is ::1 alone, nobody answers there.
    assert_eq!((asked, summary["outcomes"]["on"].as_u64()), (1, Some(1)), "{rows:?}");
}

#[test]
fn output_that_cannot_be_written_is_a_failure_and_leaves_no_session() {
    let bmcs = Bmcs::start("127.79.0", 2);
    let password_file = bmcs.password_file.path().to_string_lossy().into_owned();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let output = Command::new(env!("CARGO_BIN_EXE_ironhand"))
        .args(["bmc", "-H", &bmcs.range, "-U", "admin", "--password-file", &password_file, "power", "status"])
        .env("XDG_CACHE_HOME", "/dev/null")
        .stdin(Stdio::null())
        .stdout(full)
        .output()
        .expect("ironhand starts");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write the output"), "{output:?}");
    // Get Session Info: besides the one that asks, no session is open.
    let (rows, _) = bmcs.json(&["raw", "0x06", "0x3d", "0"]);
    assert!(rows.iter().all(|row| row["data"].as_str().is_some_and(|data| data[6..8] == *"01")), "{rows:?}");
}

#[test]
fn wrong_credentials_say_which() {
    let bmcs = Bmcs::start("127.75.0", 1);
    let mut wrong = tempfile::NamedTempFile::new().expect("a temporary file");
    write!(wrong, "canary-wrong").expect("written");
    let wrong = wrong.path().to_string_lossy().into_owned();
    let right = bmcs.password_file.path().to_string_lossy().into_owned();
    let check = |user: &str, password_file: &str, reason: &str| {
        let arguments = ["-H", &bmcs.range, "-U", user, "--password-file", password_file, "power", "status"];
        let (code, text, _) = said(&arguments);
        assert_eq!(code, Some(4), "{text}");
        assert!(text.contains(reason), "{text}");
    };
    check("admin", &wrong, "wrong password");
    check("nobody", &right, "unknown or disabled user");
}

#[test]
fn the_suite_of_old_bmcs_is_kept_for_the_next_command() {
    let mut script = tempfile::NamedTempFile::new().expect("a temporary file");
    write!(script, "faults:\n  - fault: suite-3-only\n    bmcs: 2\n").expect("written");
    let script = script.path().to_string_lossy().into_owned();
    let bmcs = Bmcs::with("127.77.0", 2, &["--faults", &script]);
    let password_file = bmcs.password_file.path().to_string_lossy().into_owned();
    let cache = tempfile::tempdir().expect("a temporary folder");
    let arguments = ["-H", &bmcs.range, "-U", "admin", "--password-file", &password_file, "power", "status"];
    for _ in 0..2 {
        let (code, text, errors) = said_with_cache(cache.path(), &arguments);
        assert_eq!(code, Some(0), "{text}{errors}");
        let kept =
            std::fs::read_to_string(cache.path().join("ironhand/bmcs.json")).expect("something is kept");
        assert!(kept.contains("127.77.0.2:") && !kept.contains("127.77.0.1:"), "{kept}");
    }
}

#[test]
fn nobody_locks_himself_out_by_a_slip() {
    let bmcs = Bmcs::start("127.83.0", 1);
    for command in [["user", "disable", "admin"], ["user", "delete", "1"]] {
        let (rows, _) = bmcs.json(&command);
        assert_eq!(rows[0]["code"], "user.own", "{rows:?}");
    }
    let (rows, _) = bmcs.json(&["power", "status"]);
    assert_eq!(rows[0]["ok"], true, "{rows:?}");
    let (rows, _) = bmcs.json(&["user", "disable", "admin", "--yes"]);
    assert_eq!(rows[0]["ok"], true, "{rows:?}");
    let (rows, _) = bmcs.json(&["power", "status"]);
    assert_eq!(rows[0]["code"], "ipmi.unknown_user", "{rows:?}");
}

#[test]
fn raw_commands_answer_in_bytes() {
    let bmcs = Bmcs::start("127.76.0", 1);
    let (rows, _) = bmcs.json(&["raw", "0x06", "1"]);
    assert!(rows[0]["data"].as_str().expect("data").starts_with("20 "), "{rows:?}");
    let (code, text, _) = bmcs.run(&["raw", "0x2e", "0x01"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("C1h (invalid command)"), "{text}");
}

#[test]
fn what_is_missing_or_wrong_is_told_before_anything_is_sent() {
    let check = |arguments: &[&str], reason: &str| {
        let (code, text, errors) = said(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {text}{errors}");
        assert!(errors.contains(reason), "{arguments:?}: {errors}");
    };
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let file = file.path().to_string_lossy().into_owned();
    check(&["power", "status"], "no BMC is named");
    check(&["-H", "127.0.0.1", "power", "status"], "no user is named");
    check(&["-H", "127.0.0.1", "-U", "admin", "power", "status"], "need a password");
    check(&["-H", "127.0.0.300", "-U", "admin", "power", "status"], "not an IPv4 address");
    let with = |more: &[&str], reason: &str| {
        check(&[&["-H", "127.0.0.1", "-U", "admin", "--password-file", &file], more].concat(), reason);
    };
    with(&["-C", "99", "power", "status"], "cipher suite 99");
    with(&["raw", "0x07", "1"], "even");
    with(&["raw", "0x106", "1"], "not a byte");
    with(&["boot", "--uefi"], "no device is named");
}

#[test]
fn logs_of_several_bmcs_are_erased_only_where_that_is_confirmed() {
    let bmcs = Bmcs::start("127.79.0", 2);
    let records = || bmcs.json(&["sel"]).0.iter().map(|row| row["entries"].as_array().unwrap().len()).sum();
    let before: usize = records();
    assert!(before > 2, "simulated BMCs have events");
    let (code, text, errors) = bmcs.run(&["sel", "clear"]);
    assert_eq!((code, text.as_str()), (Some(2), ""), "{errors}");
    assert!(errors.contains("the event logs of 2 BMCs") && errors.contains("--yes"), "{errors}");
    assert_eq!(records(), before);
    let (rows, summary) = bmcs.json(&["sel", "clear", "--yes"]);
    let erased: u64 = rows.iter().filter_map(|row| row["erased"].as_u64()).sum();
    assert_eq!((erased, summary["outcomes"]["cleared"].as_u64()), (before as u64, Some(2)));
    assert_eq!(records(), 0);
}

#[test]
fn a_clock_is_set_to_a_time_that_a_bmc_can_keep() {
    let bmcs = Bmcs::start("127.80.0", 1);
    let (rows, _) = bmcs.json(&["sel", "time", "set", "2026-03-02T08:00:00Z"]);
    assert!(rows[0]["time"].as_str().unwrap().starts_with("2026-03-02T08:00:"), "{rows:?}");
    let (rows, _) = bmcs.json(&["sel", "time", "set"]);
    assert!(rows[0]["ahead"].as_i64().unwrap().abs() <= 2, "{rows:?}");
    let (code, _, errors) = bmcs.run(&["sel", "time", "set", "1971-01-01T00:00:00Z"]);
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("cannot be kept by a BMC"), "{errors}");
}

#[test]
fn a_log_is_followed_until_the_program_is_told_to_stop() {
    let bmcs = Bmcs::start("127.81.0", 1);
    let password_file = bmcs.password_file.path().to_string_lossy().into_owned();
    let mut follower = Command::new(env!("CARGO_BIN_EXE_ironhand"))
        .args(["bmc", "-H", &bmcs.range, "-U", "admin", "--password-file", &password_file])
        .args(["sel", "--follow", "--last", "1", "--every", "50ms", "-o", "json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ironhand starts");
    let mut lines = BufReader::new(follower.stdout.take().expect("a pipe")).lines();
    let mut record = || -> Value {
        let line = lines.next().expect("a record comes").expect("it can be read");
        serde_json::from_str(&line).expect("one document a line")
    };
    let last = record();
    // Platform Event Message: a temperature went below its lower critical threshold.
    let (code, _, errors) =
        bmcs.run(&["raw", "0x04", "0x02", "0x04", "0x01", "0x01", "0x01", "0x52", "0x05", "0x06"]);
    assert_eq!(code, Some(0), "{errors}");
    let next = record();
    assert_eq!(next["id"].as_u64(), last["id"].as_u64().map(|id| id + 1), "{last} {next}");
    assert_eq!(next["event"], "Lower critical, going low", "{next}");
    let asked = Command::new("kill").arg(follower.id().to_string()).status();
    assert!(asked.is_ok_and(|status| status.success()));
    assert_eq!(follower.wait().expect("it ends").code(), Some(0));

    let (code, _, errors) = Bmcs::start("127.82.0", 2).run(&["sel", "--follow"]);
    assert_eq!(code, Some(2), "{errors}");
}

#[test]
fn inventories_of_all_devices_are_shown() {
    let bmcs = Bmcs::start("127.83.0", 1);
    let (rows, _) = bmcs.json(&["fru"]);
    let devices = rows[0]["devices"].as_array().expect("a list");
    let names: Vec<_> = devices.iter().filter_map(|device| device["name"].as_str()).collect();
    assert_eq!(names, ["System Board", "PSU1 Inventory", "PSU2 Inventory"]);
    let (code, text, errors) = bmcs.run(&["fru", "--device", "9"]);
    assert_eq!(code, Some(1), "{text}{errors}");
    assert!(text.contains("not present"), "{text}{errors}");
}
