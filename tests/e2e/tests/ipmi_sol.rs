//! Serial over LAN against strangers: `ipmitool` and FreeIPMI's `ipmiconsole` on our BMC side, our console on ours and on
//! OpenIPMI's `ipmi_sim`.

use std::io::{ErrorKind, Write};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use e2e::{Controller, IpmiSim, Terminal, wait_until};
use serde_json::Value;

/// Logs in on the machine's console and has it say something back.
fn talk(terminal: &mut Terminal) {
    terminal.shows("sim1 login: ");
    terminal.types("root\r");
    terminal.shows("Password: ");
    terminal.types("secret\r");
    terminal.shows("root@sim1$ ");
    terminal.types("echo one two three\r");
    terminal.shows("echo one two three\r\necho one two three\r\nroot@sim1$ ");
}

/// Waits until nobody has the console.
fn is_released(bmc: &Controller) {
    wait_until("the console is free", Duration::from_secs(30), || {
        let info = bmc.ironhand("17", &["sol", "info"]);
        if info["inUse"] == Value::Bool(false) { Ok(()) } else { Err(info.to_string()) }
    });
}

fn ipmitool_talks_to_our_console(suite: &str) {
    let bmc = Controller::simulated();
    let mut terminal = Terminal::start(bmc.ipmitool_command(suite, &["sol", "activate"]));
    terminal.shows("SOL Session operational");
    talk(&mut terminal);
    terminal.types("\r~B");
    terminal.shows("[break]");
    assert_eq!(bmc.ironhand(suite, &["sol", "info"])["inUse"], true);
    terminal.types("\r~.");
    terminal.shows("[terminated ipmitool]");
    assert!(terminal.ends().success());
    is_released(&bmc);
}

#[test]
fn ipmitool_talks_to_our_console_with_suite_17() {
    ipmitool_talks_to_our_console("17");
}

#[test]
fn ipmitool_talks_to_our_console_with_suite_3() {
    ipmitool_talks_to_our_console("3");
}

#[test]
fn ipmitool_and_we_read_the_same_configuration() {
    let bmc = Controller::simulated();
    let theirs = bmc.ipmitool("17", &["sol", "info", "1"]);
    let value = |name: &str| {
        let line = theirs.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(": ").map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let ours = bmc.ironhand("17", &["sol", "info"]);
    assert_eq!(value("Enabled"), ours["enabled"].to_string());
    assert_eq!(value("Privilege Level").to_lowercase(), ours["privilege"].as_str().unwrap_or_default());
    assert_eq!(value("Character Accumulate Level (ms)"), ours["accumulateMilliseconds"].to_string());
    assert_eq!(value("Character Send Threshold"), ours["accumulateCharacters"].to_string());
    assert_eq!(value("Retry Count"), ours["retries"].to_string());
    assert_eq!(value("Retry Interval (ms)"), ours["retryMilliseconds"].to_string());
    assert_eq!(value("Payload Port"), ours["port"].to_string());
    assert_eq!(value("Volatile Bit Rate (kbps)"), "115.2");
    assert_eq!(ours["bitRate"], 115_200);
}

fn ipmiconsole_talks_to_our_console(suite: &str, first_port: u16) {
    let bmc = Controller::simulated_for_ipmiconsole(first_port);
    let mut terminal = Terminal::start(bmc.ipmiconsole(suite));
    terminal.shows("[SOL established]");
    talk(&mut terminal);
    terminal.types("&B");
    terminal.shows("[break]");
    terminal.types("&.");
    terminal.shows("[closing the connection]");
    assert!(terminal.ends().success());
    is_released(&bmc);
}

#[test]
fn ipmiconsole_talks_to_our_console_with_suite_17() {
    ipmiconsole_talks_to_our_console("17", 21_700);
}

#[test]
fn ipmiconsole_talks_to_our_console_with_suite_3() {
    ipmiconsole_talks_to_our_console("3", 20_300);
}

#[test]
fn our_console_hands_on_keys_and_leaves_the_terminal_as_it_was() {
    let bmc = Controller::simulated();
    let mut terminal = Terminal::start(bmc.ironhand_console(&[]));
    talk(&mut terminal);
    assert!(!terminal.is_cooked(), "the machine echoes and edits");
    terminal.types("\x03");
    terminal.shows("^C");
    terminal.types("\r~?");
    terminal.shows("~. leaves");
    terminal.types("~B");
    terminal.shows("[break]");
    bmc.ironhand("17", &["power", "off"]);
    terminal.shows("the machine is off");
    bmc.ironhand("17", &["power", "on"]);
    terminal.shows("Starting the system");
    terminal.shows("sim1 login: ");
    terminal.types("\r~.");
    assert!(terminal.ends().success());
    assert!(terminal.is_cooked());
    is_released(&bmc);
}

#[test]
fn a_console_that_is_ended_from_outside_is_put_back_and_released() {
    let bmc = Controller::simulated();
    let mut terminal = Terminal::start(bmc.ironhand_console(&[]));
    talk(&mut terminal);
    terminal.terminate();
    assert!(terminal.ends().success());
    assert!(terminal.is_cooked());
    is_released(&bmc);
}

/// Runs our console with this input from a pipe.
fn pipe(mut command: Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ironhand starts");
    let mut stdin = child.stdin.take().expect("its input is a pipe");
    match stdin.write_all(input.as_bytes()) {
        // A console that is refused may end before it reads.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        written => written.expect("it reads its input"),
    }
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

#[test]
fn a_console_is_had_by_one_and_its_loss_is_told() {
    let bmc = Controller::simulated();
    let mut first = Terminal::start(bmc.ironhand_console(&[]));
    talk(&mut first);

    let refused = pipe(bmc.ironhand_console(&[]), "whoami\r");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("another session has the console") && said.contains("--steal"), "{said}");

    let taken = pipe(bmc.ironhand_console(&["--steal"]), "whoami\r~.\r");
    assert!(taken.status.success(), "{taken:?}");
    let shown = String::from_utf8_lossy(&taken.stdout).into_owned();
    assert!(shown.contains("whoami\r\nwhoami\r\n") && shown.contains("~.\r\n~.\r\n"), "no escape: {shown:?}");
    assert!(taken.stderr.is_empty(), "{taken:?}");

    first.shows("the BMC has closed the console");
    assert_eq!(first.ends().code(), Some(1));
    assert!(first.is_cooked());
    is_released(&bmc);

    let mut third = Terminal::start(bmc.ironhand_console(&[]));
    third.shows("sim1$ ");
    assert_eq!(bmc.ironhand("17", &["sol", "deactivate"])["wasInUse"], true);
    assert_eq!(third.ends().code(), Some(1));
    assert_eq!(bmc.ironhand("17", &["sol", "deactivate"])["wasInUse"], false);
}

#[test]
fn a_long_output_arrives_whole() {
    let bmc = Controller::simulated();
    let line = "x".repeat(200);
    let input = format!("root\rsecret\r{}exit\r", format!("{line}\r").repeat(50));
    let output = pipe(bmc.ironhand_console(&[]), &input);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // Each line twice: as it is typed, and as the shell says it back.
    assert_eq!(text.matches(&line).count(), 100, "{text}");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn our_console_talks_to_openipmi_with_suite_3() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sim = IpmiSim::with_console(folder.path());
    let bmc = sim.controller();
    wait_until("the simulator answers", Duration::from_secs(30), || {
        let info = bmc.ironhand("3", &["sol", "info"]);
        if info["enabled"] == true { Ok(()) } else { Err(info.to_string()) }
    });
    let mut terminal = Terminal::start(bmc.ironhand_console(&[]));
    terminal.shows("console of");
    // It connects to the machine's port some seconds after its start, and drops what is typed before.
    terminal.types_until("hello\r", "hello\r\npeer> ");
    terminal.types("\r~.");
    assert!(terminal.ends().success());
    assert!(terminal.is_cooked());
}
