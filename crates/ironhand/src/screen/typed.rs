//! What a terminal sends for the keys that are pressed on it, as keys in our grammar and commands to this program.

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// For the machine, in the grammar of keys.
    Keys(String),
    /// Show what can be typed.
    Help,
    /// A line of keys by name is being written, so far this.
    Writing(String),
    /// It is done, to be pressed; empty where it was given up.
    Written(String),
    /// Leave the console.
    Leave,
}

/// Bytes of the longest sequence that a terminal sends for a key.
const LONGEST: usize = 16;

/// Bytes of the longest line of keys by name.
const LONGEST_LINE: usize = 512;

/// Tells keys apart, and commands from keys: `~.` behind a key that types nothing, as Enter or an arrow, and at the
/// beginning.
#[derive(Debug)]
pub struct TypedKeys {
    escape: Option<u8>,
    /// What may be the beginning of a longer sequence.
    begun: Vec<u8>,
    /// A command may begin here.
    at_start: bool,
    /// The escape character was typed where a command may begin.
    asked: bool,
    /// The line of keys by name that is being written.
    line: Option<String>,
}

impl TypedKeys {
    /// Commands begin with this character; without one, all is for the machine.
    pub const fn new(escape: Option<u8>) -> Self {
        Self { escape, begun: Vec::new(), at_start: true, asked: false, line: None }
    }

    /// Whether the last bytes may be the beginning of a key: more of it follows at once, or it was Escape.
    pub fn waits(&self) -> bool {
        !self.begun.is_empty()
    }

    /// Takes what the terminal sent.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Typed> {
        let mut typed = Vec::new();
        for &byte in bytes {
            self.begun.push(byte);
            match key(&self.begun) {
                Found::More if self.begun.len() < LONGEST => {}
                Found::More | Found::Nothing => self.begun.clear(),
                Found::Key(key) => {
                    self.begun.clear();
                    self.one(key, &mut typed);
                }
            }
        }
        typed
    }

    /// Nothing follows what was begun.
    pub fn settle(&mut self) -> Vec<Typed> {
        let mut typed = Vec::new();
        let begun = std::mem::take(&mut self.begun);
        if begun.first() == Some(&0x1b) {
            self.one("<Esc>".to_owned(), &mut typed);
            if let [_, next @ (b'[' | b'O')] = begun[..] {
                self.one(char::from(next).to_string(), &mut typed);
            }
        }
        typed
    }

    fn one(&mut self, key: String, typed: &mut Vec<Typed>) {
        let escape = self.escape.map(|escape| char::from(escape).to_string());
        let types = !key.starts_with('<') || key == "<<";
        if let Some(line) = self.line.take() {
            return self.write(line, &key, typed);
        }
        if std::mem::take(&mut self.asked) {
            self.at_start = true;
            match key.as_str() {
                "." => return typed.push(Typed::Leave),
                "?" => return typed.push(Typed::Help),
                "D" => return push(typed, "<Ctrl-Alt-Del>"),
                "K" => return self.write(String::new(), "", typed),
                // Typed twice, it is meant for the machine once.
                same if Some(same) == escape.as_deref() => {}
                _ => push(typed, escape.as_deref().unwrap_or_default()),
            }
        } else if self.at_start && Some(&key) == escape.as_ref() {
            self.asked = true;
            return;
        }
        self.at_start = !types;
        push(typed, &key);
    }

    /// Goes on with a line of keys by name.
    fn write(&mut self, mut line: String, key: &str, typed: &mut Vec<Typed>) {
        match key {
            "<Enter>" => return typed.push(Typed::Written(line)),
            "<Esc>" | "<Ctrl-c>" => return typed.push(Typed::Written(String::new())),
            "<Ctrl-u>" => line.clear(),
            "<Backspace>" => drop(line.pop()),
            "<<" => line.push('<'),
            // Keys that type nothing are written by their names.
            named if named.starts_with('<') => {}
            text if line.len() + text.len() <= LONGEST_LINE => line.push_str(text),
            _ => {}
        }
        typed.push(Typed::Writing(line.clone()));
        self.line = Some(line);
    }
}

/// Adds keys behind those that are to be pressed before.
fn push(typed: &mut Vec<Typed>, key: &str) {
    match typed.last_mut() {
        Some(Typed::Keys(keys)) => keys.push_str(key),
        _ => typed.push(Typed::Keys(key.to_owned())),
    }
}

/// What bytes of a terminal stand for.
enum Found {
    /// They go on.
    More,
    /// No key that we know.
    Nothing,
    Key(String),
}

fn key(bytes: &[u8]) -> Found {
    let named = |name: &str| Found::Key(format!("<{name}>"));
    match bytes {
        [0x1b] | [0x1b, b'[' | b'O'] | [0x1b, b'[', b'['] => Found::More,
        [0x1b, b'[', rest @ ..] => control_sequence(rest),
        [0x1b, b'O', rest @ ..] => single_shift(rest),
        [0x1b, rest @ ..] => match key(rest) {
            Found::Key(key) => Found::Key(with_modifiers("Alt-", &key)),
            other => other,
        },
        [b'\r' | b'\n'] => named("Enter"),
        [b'\t'] => named("Tab"),
        [0x08 | 0x7f] => named("Backspace"),
        [0] => named("Ctrl-Space"),
        [control @ 1..0x20] => {
            // Control characters are those of 64 columns further on.
            let letter = char::from(control + 0x40).to_ascii_lowercase();
            named(&format!("Ctrl-{letter}"))
        }
        [b'<'] => Found::Key("<<".to_owned()),
        bytes => match std::str::from_utf8(bytes) {
            Ok(text) => Found::Key(text.to_owned()),
            Err(error) if error.error_len().is_none() => Found::More,
            Err(_) => Found::Nothing,
        },
    }
}

/// A key with modifiers held.
fn with_modifiers(modifiers: &str, key: &str) -> String {
    match key {
        "<<" => format!("<{modifiers}LT>"),
        " " => format!("<{modifiers}Space>"),
        ">" => format!("<{modifiers}GT>"),
        key => match key.strip_prefix('<') {
            Some(named) => format!("<{modifiers}{named}"),
            None => format!("<{modifiers}{key}>"),
        },
    }
}

/// Behind ESC `[` (ECMA-48, 5.4): numbers, then the character that ends it.
fn control_sequence(rest: &[u8]) -> Found {
    // Linux's console has F1 to F5 so.
    if let [b'[', last @ ..] = rest {
        return match last {
            [letter @ b'A'..=b'E'] => Found::Key(format!("<F{}>", letter - b'A' + 1)),
            [_] => Found::Nothing,
            _ => Found::More,
        };
    }
    let Some((last, numbers)) = rest.split_last() else { return Found::More };
    if !(0x40..=0x7e).contains(last) {
        return Found::More;
    }
    let numbers = String::from_utf8_lossy(numbers);
    let mut numbers = numbers.split(';').map(|number| number.parse::<u8>().unwrap_or(1));
    let (first, modifiers) = (numbers.next().unwrap_or(1), modifiers(numbers.next().unwrap_or(1)));
    let name = match (last, first) {
        (b'~', number) => numbered(number),
        (b'Z', _) => return Found::Key("<Shift-Tab>".to_owned()),
        (last, _) => lettered(*last),
    };
    name.map_or(Found::Nothing, |name| Found::Key(format!("<{modifiers}{name}>")))
}

/// Behind ESC `O`.
fn single_shift(rest: &[u8]) -> Found {
    match rest {
        [] => Found::More,
        [b'M'] => Found::Key("<Enter>".to_owned()),
        [last] => lettered(*last).map_or(Found::Nothing, |name| Found::Key(format!("<{name}>"))),
        _ => Found::Nothing,
    }
}

/// The keys that a letter ends, as in xterm.
const fn lettered(last: u8) -> Option<&'static str> {
    Some(match last {
        b'A' => "Up",
        b'B' => "Down",
        b'C' => "Right",
        b'D' => "Left",
        b'H' => "Home",
        b'F' => "End",
        b'P' => "F1",
        b'Q' => "F2",
        b'R' => "F3",
        b'S' => "F4",
        _ => return None,
    })
}

/// The keys that have numbers, as on the VT220.
const fn numbered(number: u8) -> Option<&'static str> {
    Some(match number {
        1 | 7 => "Home",
        2 => "Insert",
        3 => "Delete",
        4 | 8 => "End",
        5 => "PageUp",
        6 => "PageDown",
        11 => "F1",
        12 => "F2",
        13 => "F3",
        14 => "F4",
        15 => "F5",
        17 => "F6",
        18 => "F7",
        19 => "F8",
        20 => "F9",
        21 => "F10",
        23 => "F11",
        24 => "F12",
        _ => return None,
    })
}

/// xterm's number of the modifiers that are held: 1, and a bit for each.
fn modifiers(number: u8) -> String {
    let bits = number.saturating_sub(1);
    let held = [(4, "Ctrl-"), (2, "Alt-"), (1, "Shift-")];
    held.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Typed {
        Typed::Keys(text.to_owned())
    }

    #[test]
    fn what_terminals_send_becomes_keys_that_can_be_pressed() {
        let check = |sent: &str, wanted: &str| {
            let mut typed = TypedKeys::new(None);
            let mut found = typed.take(sent.as_bytes());
            found.extend(typed.settle());
            let found: String = found
                .iter()
                .map(|typed| match typed {
                    Typed::Keys(keys) => keys.as_str(),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(found, wanted, "{sent:?}");
            ironhand_console::keys::parse(&found).unwrap();
        };
        check("ls -l\r", "ls -l<Enter>");
        check("a<b>c", "a<<b>c");
        check("stra\u{df}e~.", "stra\u{df}e~.");
        check("\x1b[A\x1b[B\x1bOC\x1bOD", "<Up><Down><Right><Left>");
        check("\x1bOP\x1b[15~\x1b[24~\x1b[[E", "<F1><F5><F12><F5>");
        check("\x1b[H\x1b[4~\x1b[2~\x1b[3~\x1b[5~\x1b[6~", "<Home><End><Insert><Delete><PageUp><PageDown>");
        check("\x1b[1;5A\x1b[3;2~\x1b[1;7P\x1b[Z", "<Ctrl-Up><Shift-Delete><Ctrl-Alt-F1><Shift-Tab>");
        check("\x03\x01\x00\x1c\x1f", "<Ctrl-c><Ctrl-a><Ctrl-Space><Ctrl-\\><Ctrl-_>");
        check("\t\x7f\x08", "<Tab><Backspace><Backspace>");
        check("\x1bx\x1b<\x1b \x1b\r", "<Alt-x><Alt-LT><Alt-Space><Alt-Enter>");
        check("\x1b", "<Esc>");
        check("\x1b[", "<Esc>[");
        check("\x1b[99~\x1b[200~x\x1b[<1;2M", "x");
        check("\x1bOM", "<Enter>");
    }

    #[test]
    fn commands_begin_behind_keys_that_type_nothing() {
        let check = |sent: &[&str], wanted: &[Typed]| {
            let mut typed = TypedKeys::new(Some(b'~'));
            let found: Vec<Typed> = sent.iter().flat_map(|bytes| typed.take(bytes.as_bytes())).collect();
            assert_eq!(found, wanted, "{sent:?}");
        };
        check(&["~."], &[Typed::Leave]);
        check(&["~", "?", "~."], &[Typed::Help, Typed::Leave]);
        check(&["\x1b[B~."], &[keys("<Down>"), Typed::Leave]);
        check(&["root\r~."], &[keys("root<Enter>"), Typed::Leave]);
        check(&["a~.b"], &[keys("a~.b")]);
        check(&["~~x"], &[keys("~x")]);
        check(&["~x"], &[keys("~x")]);
        check(&["~D~."], &[keys("<Ctrl-Alt-Del>"), Typed::Leave]);
    }

    #[test]
    fn keys_that_no_terminal_sends_are_written_by_name() {
        let check = |sent: &str, wanted: &[Typed]| {
            let mut typed = TypedKeys::new(Some(b'~'));
            let mut found = typed.take(sent.as_bytes());
            found.extend(typed.settle());
            found.retain(|typed| !matches!(typed, Typed::Writing(_)));
            assert_eq!(found, wanted, "{sent:?}");
        };
        let written = |text: &str| Typed::Written(text.to_owned());
        check("~K<SysRq-b>\r", &[written("<SysRq-b>")]);
        check("\r~K<Ctrl-Alt-F2>\rroot", &[keys("<Enter>"), written("<Ctrl-Alt-F2>"), keys("root")]);
        check("~K<Foo\x7f\x7f\x7fF1>\r", &[written("<F1>")]);
        check("~Kabc\x15x\x1b[A\r", &[written("x")]);
        check("~Kabc\x03~.", &[written(""), Typed::Leave]);
        check("~Kabc\x1b", &[written("")]);
        check("~K~.", &[]);
        let mut typed = TypedKeys::new(Some(b'~'));
        assert_eq!(typed.take(b"~K"), [Typed::Writing(String::new())]);
        assert_eq!(typed.take(b"<F"), [Typed::Writing("<".to_owned()), Typed::Writing("<F".to_owned())]);
        typed.take(&[b'x'; 10_000]);
        assert_eq!(typed.line.as_ref().map(String::len), Some(LONGEST_LINE));
    }

    #[test]
    fn keys_may_come_in_pieces_and_endless_sequences_are_dropped() {
        let mut typed = TypedKeys::new(None);
        assert_eq!(typed.take(b"\x1b["), []);
        assert!(typed.waits());
        assert_eq!(typed.take(b"5~"), [keys("<PageUp>")]);
        assert!(!typed.waits());
        assert_eq!(typed.take(&[0xc3]), []);
        assert_eq!(typed.take(&[0xa4]), [keys("\u{e4}")]);
        let endless = [b"\x1b[".as_slice(), &[b'1'; 1000]].concat();
        typed.take(&endless);
        assert!(typed.begun.len() <= LONGEST);
    }
}
