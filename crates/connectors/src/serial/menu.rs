//! What stands between a login at a controller and the console of its machine.

use ironhand_api::ConsoleMenu;

use super::guard::is_prompt;
use crate::Error;

/// What of a controller's words an error quotes, in characters.
const MOST_QUOTED: usize = 200;

/// The command line of a controller's maker.
#[derive(Debug)]
pub(super) struct Menu {
    /// What it shows when it waits for a command, alone in a line. The first is that of the newest firmware.
    pub(super) prompts: &'static [&'static str],
    /// What is done before, whatever comes of it.
    pub(super) before: Option<&'static str>,
    /// What leads to the console.
    pub(super) command: &'static str,
    /// Keys that lead back.
    pub(super) escape: &'static [u8],
    /// What some firmware says when the console is there.
    connected: &'static [&'static str],
}

/// What a controller answers to the command that leads to the console.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The console is there; what the machine wrote begins at this byte.
    Connected(usize),
    /// The menu is there again.
    Refused,
    /// Nothing that tells.
    Unclear,
}

const IDRAC: Menu = Menu {
    prompts: &["racadm>>", "/admin1->"],
    before: None,
    command: "connect com2",
    escape: b"\x1c",
    connected: &["To end type"],
};

const XCC: Menu = Menu {
    prompts: &["system>"],
    // A session that was not ended holds the console for good.
    before: Some("console kill 1"),
    command: "console 1",
    escape: b"\x1b(",
    connected: &[],
};

const ILO: Menu = Menu {
    prompts: &["</>hpiLO->", "hpiLO->"],
    before: None,
    command: "vsp",
    escape: b"\x1b(",
    connected: &["to return to the CLI"],
};

impl Menu {
    /// The menu of a maker; none where the login leads to the console itself.
    pub(super) const fn of(menu: ConsoleMenu) -> Option<&'static Self> {
        match menu {
            ConsoleMenu::Idrac => Some(&IDRAC),
            ConsoleMenu::Xcc => Some(&XCC),
            ConsoleMenu::Ilo => Some(&ILO),
            ConsoleMenu::Openbmc | ConsoleMenu::Plain => None,
        }
    }

    /// Whether it waits for a command.
    pub(super) fn waits(&self, said: &[u8]) -> bool {
        let line = said.rsplit(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        is_prompt(self.prompts, line)
    }

    /// What it says to a command. A prompt counts once it is `quiet` behind it: line editors show theirs anew while they
    /// echo.
    pub(super) fn answer(&self, said: &[u8], quiet: bool) -> Answer {
        let text = String::from_utf8_lossy(said);
        let connected = self.connected.iter().find_map(|words| text.find(words));
        if let Some(at) = connected {
            // The rest of the line is the controller's.
            let end = said.iter().skip(at).position(|byte| *byte == b'\n');
            return end.map_or(Answer::Unclear, |end| Answer::Connected(at + end + 1));
        }
        if quiet && self.waits(said) { Answer::Refused } else { Answer::Unclear }
    }

    /// Why there is no console, by what the controller said to `command`.
    pub(super) fn refusal(&self, command: &str, said: &[u8]) -> Error {
        let text = quoted(said);
        let is_of_menu = |line: &str| {
            is_prompt(self.prompts, line.as_bytes())
                || line.ends_with(command) && line.len() <= command.len() + MOST_QUOTED
        };
        let words = text.lines().map(str::trim).filter(|line| !line.is_empty() && !is_of_menu(line));
        let reason: String = words.collect::<Vec<_>>().join(" ").chars().take(MOST_QUOTED).collect();
        judged(command, &reason)
    }
}

/// What a controller's words come to.
fn judged(command: &str, reason: &str) -> Error {
    let lower = reason.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if reason.is_empty() {
        return Error::Refused { reason: format!("`{command}` led to no console") };
    }
    if says(&["licen"]) {
        return Error::Refused { reason: format!("the controller has no licence for its console: {reason}") };
    }
    if says(&["in use", "busy", "already", "another", "active session", "maximum"]) {
        return Error::Busy { reason: format!("the console is in use by another: {reason}") };
    }
    Error::Refused { reason: format!("`{command}` led to no console: {reason}") }
}

/// Words of a controller without what would steer a terminal.
pub(super) fn quoted(said: &[u8]) -> String {
    String::from_utf8_lossy(said).chars().filter(|c| !c.is_control() || *c == '\n').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_menu_is_told_from_a_console() {
        let check = |menu: ConsoleMenu, said: &str, quiet: bool, wanted: Answer| {
            let menu = Menu::of(menu).expect("it has one");
            assert_eq!(menu.answer(said.as_bytes(), quiet), wanted, "{said:?}");
        };
        let (idrac, xcc, ilo) = (ConsoleMenu::Idrac, ConsoleMenu::Xcc, ConsoleMenu::Ilo);
        check(idrac, "connect com2\r\n", true, Answer::Unclear);
        check(idrac, "connect com2\r\nConnected to Serial Device 2. To end type: ", true, Answer::Unclear);
        check(idrac, "Connected to Serial Device 2. To end type: ^\\\r\nlogin:", true, Answer::Connected(47));
        check(idrac, "connect com2\r\nERROR\r\nracadm>>", true, Answer::Refused);
        check(idrac, "\racadm>>connect com2", false, Answer::Unclear);
        check(idrac, "failed\r\n/admin1-> ", true, Answer::Refused);
        check(xcc, "console 1\r\nsystem> ", false, Answer::Unclear);
        check(xcc, "console 1\r\nsystem> ", true, Answer::Refused);
        check(xcc, "console 1\r\nthe file system> ", true, Answer::Unclear);
        check(
            ilo,
            "vsp\r\n\r\nPress 'ESC (' to return to the CLI Session.\r\n",
            false,
            Answer::Connected(52),
        );
    }

    #[test]
    fn a_refusal_says_why() {
        let check = |said: &str, code: &str, words: &str| {
            let error = Menu::of(ConsoleMenu::Ilo).expect("it has one").refusal("vsp", said.as_bytes());
            assert_eq!(error.code(), code, "{error}");
            assert!(error.to_string().contains(words), "{error}");
            assert!(!error.to_string().contains(['\x1b', '\r', '\n']), "{error:?}");
        };
        check(
            "vsp\r\nVSP is in use by another session.\r\n</>hpiLO-> ",
            "connector.busy",
            "in use by another",
        );
        check("vsp\r\nNo license installed\r\n</>hpiLO->", "connector.refused", "no licence");
        check("vsp\r\n\x1b[31mInvalid command\r\n</>hpiLO->", "connector.refused", "Invalid command");
        check("vsp\r\n</>hpiLO->", "connector.refused", "`vsp` led to no console");
        check(&"x".repeat(100_000), "connector.refused", "no console: xxx");
    }
}
