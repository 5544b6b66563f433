//! What the terminal can show.

use std::io::{IsTerminal, Read, Write};
use std::time::{Duration, Instant};

use rustix::termios::{OptionalActions, SpecialCodeIndex, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr};

use super::Protocol;

/// How long a terminal may take to say what it can, in all.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long one read waits, in tenths of a second.
const TURN: u8 = 1;

/// More than any terminal says to what it is asked.
const LONGEST_ANSWER: usize = 4096;

/// The cell of a character in pixels where the terminal does not tell: of the VT340, the first with these graphics.
const CELL: (u16, u16) = (10, 20);

/// What wipes a question that a terminal printed instead of reading it.
const WIPE: &[u8] = b"\r\x1b[K";

/// The size of a window that tells none.
const COLUMNS: u16 = 80;
const ROWS: u16 = 24;

/// The questions: of kitty, whether it could show a picture; how large the cell of a character is (XTWINOPS); last what
/// the terminal is (DA1), which all of them answer.
const QUESTIONS: &[u8] = b"\x1b_Gi=1,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[16t\x1b[c";

/// What a terminal said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    kitty: bool,
    sixel: bool,
    /// Width and height of the cell of a character, in pixels.
    cell: Option<(u16, u16)>,
    /// The last question is answered.
    complete: bool,
}

/// What is known of the terminal from the environment.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    term: String,
    program: String,
    /// As iTerm2 sets it, also for machines that are reached over SSH.
    lc_terminal: String,
    kitty_window: bool,
    /// tmux and screen hold what the terminal around them can do back from programs within.
    multiplexed: bool,
}

/// The size of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub columns: u16,
    pub rows: u16,
    /// Width and height of the cell of a character, in pixels.
    pub cell: (u16, u16),
}

impl Environment {
    fn here() -> Self {
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let is_set = |name: &str| std::env::var_os(name).is_some();
        let term = variable("TERM");
        Self {
            multiplexed: is_set("TMUX")
                || is_set("STY")
                || term.starts_with("tmux")
                || term.starts_with("screen"),
            term,
            program: variable("TERM_PROGRAM"),
            lc_terminal: variable("LC_TERMINAL"),
            kitty_window: is_set("KITTY_WINDOW_ID"),
        }
    }

    /// Not those that show no pictures, and print what they do not know.
    fn may_be_asked(&self) -> bool {
        !matches!(self.term.as_str(), "" | "dumb" | "linux") && self.program != "Apple_Terminal"
    }
}

/// What the terminal shows pictures by, where it shows any. Standard output is one.
pub fn ask() -> (Option<Protocol>, Answers) {
    let environment = Environment::here();
    let asked = if environment.may_be_asked() { answers() } else { None };
    let answers = asked.unwrap_or_default();
    (choose(&environment, &answers), answers)
}

/// The best of what is known to work.
fn choose(environment: &Environment, answers: &Answers) -> Option<Protocol> {
    let Environment { term, program, lc_terminal, kitty_window, multiplexed } = environment;
    let inline = matches!(program.as_str(), "iTerm.app" | "WezTerm" | "mintty") || lc_terminal == "iTerm2";
    let kitty = *kitty_window || matches!(term.as_str(), "xterm-kitty" | "xterm-ghostty");
    if answers.kitty {
        Some(Protocol::Kitty)
    } else if inline && !multiplexed {
        Some(Protocol::Iterm2)
    } else if answers.sixel {
        Some(Protocol::Sixel)
    } else if kitty && !multiplexed && !answers.complete {
        Some(Protocol::Kitty)
    } else {
        None
    }
}

/// Asks the terminal; none where it cannot be asked.
fn answers() -> Option<Answers> {
    let input = std::io::stdin();
    let in_background = tcgetpgrp(&input).is_ok_and(|group| group != rustix::process::getpgrp());
    // Whoever asks from the background is stopped.
    if !input.is_terminal() || in_background {
        return None;
    }
    let before = tcgetattr(&input).ok()?;
    let mut raw = before.clone();
    raw.make_raw();
    raw.special_codes[SpecialCodeIndex::VMIN] = 0;
    raw.special_codes[SpecialCodeIndex::VTIME] = TURN;
    tcsetattr(&input, OptionalActions::Now, &raw).ok()?;
    let answers = listen();
    // A terminal that is gone need not be put back.
    let _ = tcsetattr(&input, OptionalActions::Now, &before);
    answers
}

fn listen() -> Option<Answers> {
    let mut out = std::io::stdout().lock();
    out.write_all(QUESTIONS).and_then(|()| out.flush()).ok()?;
    let deadline = Instant::now() + PATIENCE;
    let mut said = Vec::new();
    let mut input = std::io::stdin().lock();
    let mut buffer = [0; 256];
    while Instant::now() < deadline && said.len() < LONGEST_ANSWER {
        match input.read(&mut buffer) {
            Ok(length @ 1..) => said.extend(&buffer[..length]),
            Ok(0) => {}
            Err(_) => break,
        }
        if understood(&said).complete {
            break;
        }
    }
    out.write_all(WIPE).and_then(|()| out.flush()).ok()?;
    Some(understood(&said))
}

fn understood(said: &[u8]) -> Answers {
    let mut answers = Answers::default();
    for part in said.split(|byte| *byte == 0x1b) {
        let Ok(part) = std::str::from_utf8(part) else { continue };
        if let Some(told) = part.strip_prefix("_G") {
            answers.kitty |= told.contains("i=1") && told.ends_with(";OK");
        } else if let Some((told, _)) = part.strip_prefix("[?").and_then(|told| told.split_once('c')) {
            answers.sixel |= told.split(';').any(|ability| ability == "4");
            answers.complete = true;
        } else if let Some((told, _)) = part.strip_prefix("[6;").and_then(|told| told.split_once('t')) {
            let size = told.split_once(';');
            let size = size.and_then(|(height, width)| Some((width.parse().ok()?, height.parse().ok()?)));
            answers.cell = size.filter(|(width, height)| *width > 0 && *height > 0);
        }
    }
    answers
}

impl Window {
    /// That of standard output; none where it is no terminal.
    pub fn here(answers: &Answers) -> Option<Self> {
        let size = tcgetwinsize(std::io::stdout()).ok()?;
        let [columns, rows] = [(size.ws_col, COLUMNS), (size.ws_row, ROWS)]
            .map(|(told, usual)| if told == 0 { usual } else { told });
        let (width, height) = (size.ws_xpixel / columns, size.ws_ypixel / rows);
        let told = (width > 0 && height > 0).then_some((width, height));
        Some(Self { columns, rows, cell: answers.cell.or(told).unwrap_or(CELL) })
    }

    /// Its width and height in pixels, without some rows.
    pub fn pixels(self, without: u16) -> (u32, u32) {
        let rows = self.rows.saturating_sub(without).max(1);
        (u32::from(self.columns) * u32::from(self.cell.0), u32::from(rows) * u32::from(self.cell.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood_in_whatever_order() {
        let check = |said: &str, kitty: bool, sixel: bool, cell: Option<(u16, u16)>, complete: bool| {
            assert_eq!(understood(said.as_bytes()), Answers { kitty, sixel, cell, complete }, "{said:?}");
        };
        check("", false, false, None, false);
        // kitty, xterm with and without sixel, tmux, and one that knows no such question.
        check("\x1b_Gi=1;OK\x1b\\\x1b[6;20;10t\x1b[?62;c", true, false, Some((10, 20)), true);
        check("\x1b[6;13;6t\x1b[?64;1;2;4;6;22c", false, true, Some((6, 13)), true);
        check("\x1b[?64;1;2;6;14;22c", false, false, None, true);
        check("\x1b[?1;2;4c", false, true, None, true);
        check("\x1b[?1;2c", false, false, None, true);
        check("\x1b_Gi=1;ENOTSUPPORTED:no\x1b\\", false, false, None, false);
        check("abc\x1b[6;0;10t\x1b[6;x;yt\x1b[?62;4", false, false, None, false);
        check("\u{fffd}\x1b[?4c", false, true, None, true);
    }

    #[test]
    fn what_works_for_sure_is_chosen() {
        let check = |variables: &[(&str, &str)], said: &str, wanted: Option<Protocol>| {
            let of = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            let environment = Environment {
                term: of("TERM").unwrap_or_default(),
                program: of("TERM_PROGRAM").unwrap_or_default(),
                lc_terminal: of("LC_TERMINAL").unwrap_or_default(),
                kitty_window: of("KITTY_WINDOW_ID").is_some(),
                multiplexed: of("TMUX").is_some(),
            };
            assert_eq!(choose(&environment, &understood(said.as_bytes())), wanted, "{variables:?} {said:?}");
        };
        let (plain, sixel) = ("\x1b[?62c", "\x1b[?62;4c");
        check(&[("TERM", "xterm-256color")], plain, None);
        check(&[("TERM", "xterm-256color")], sixel, Some(Protocol::Sixel));
        check(&[("TERM", "xterm-256color")], "", None);
        check(&[], &format!("\x1b_Gi=1;OK\x1b\\{sixel}"), Some(Protocol::Kitty));
        check(&[("TERM_PROGRAM", "iTerm.app")], sixel, Some(Protocol::Iterm2));
        check(&[("LC_TERMINAL", "iTerm2")], plain, Some(Protocol::Iterm2));
        check(&[("LC_TERMINAL", "iTerm2"), ("TMUX", "1")], plain, None);
        check(&[("TERM_PROGRAM", "WezTerm"), ("TMUX", "1")], sixel, Some(Protocol::Sixel));
        check(&[("KITTY_WINDOW_ID", "1")], "", Some(Protocol::Kitty));
        check(&[("TERM", "xterm-ghostty")], "", Some(Protocol::Kitty));
        // It leaked into a terminal that knows nothing of it.
        check(&[("KITTY_WINDOW_ID", "1")], plain, None);
        check(&[("TERM", "xterm-kitty"), ("TMUX", "1")], "", None);
    }

    #[test]
    fn terminals_that_print_what_they_do_not_know_are_not_asked() {
        let check = |term: &str, program: &str, wanted: bool| {
            let (term, program) = (term.to_owned(), program.to_owned());
            let environment = Environment { term, program, ..Environment::default() };
            assert_eq!(environment.may_be_asked(), wanted, "{environment:?}");
        };
        check("xterm-256color", "", true);
        check("tmux-256color", "tmux", true);
        check("xterm-256color", "Apple_Terminal", false);
        check("linux", "", false);
        check("dumb", "", false);
        check("", "", false);
    }

    #[test]
    fn windows_keep_rows_for_other_things() {
        let window = Window { columns: 80, rows: 24, cell: (10, 20) };
        assert_eq!(
            (window.pixels(0), window.pixels(1), window.pixels(99)),
            ((800, 480), (800, 460), (800, 20))
        );
    }
}
