//! Commands to this program between what is typed for the machine: `~.` at the start of a line, as in ssh.

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// For the machine.
    Text(Vec<u8>),
    /// Send a break.
    Break,
    /// Show what can be typed.
    Help,
    /// Leave the console.
    Leave,
}

/// Tells commands from text.
#[derive(Debug)]
pub struct Escape {
    character: Option<u8>,
    at_line_start: bool,
    /// The escape character was typed at the start of a line.
    begun: bool,
}

impl Escape {
    /// Commands begin with this character; without one, all is text.
    pub fn new(character: Option<u8>) -> Self {
        Self { character, at_line_start: true, begun: false }
    }

    /// Takes what was typed.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Typed> {
        let mut typed = Vec::new();
        let mut text = Vec::new();
        for &byte in bytes {
            if std::mem::take(&mut self.begun) {
                let command = match byte {
                    b'.' => Some(Typed::Leave),
                    b'B' => Some(Typed::Break),
                    b'?' => Some(Typed::Help),
                    _ => None,
                };
                if let Some(command) = command {
                    if !text.is_empty() {
                        typed.push(Typed::Text(std::mem::take(&mut text)));
                    }
                    typed.push(command);
                    self.at_line_start = true;
                    continue;
                }
                // Typed twice, it is meant for the machine once.
                text.extend(self.character.filter(|character| *character != byte));
            } else if self.at_line_start && Some(byte) == self.character {
                self.begun = true;
                continue;
            }
            text.push(byte);
            self.at_line_start = matches!(byte, b'\r' | b'\n');
        }
        if !text.is_empty() {
            typed.push(Typed::Text(text));
        }
        typed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Typed {
        Typed::Text(text.as_bytes().to_vec())
    }

    #[test]
    fn commands_are_told_from_text() {
        let check = |typed: &[&str], expected: &[Typed]| {
            let mut escape = Escape::new(Some(b'~'));
            let taken: Vec<Typed> = typed.iter().flat_map(|bytes| escape.take(bytes.as_bytes())).collect();
            assert_eq!(taken, expected, "{typed:?}");
        };
        check(&["~."], &[Typed::Leave]);
        check(&["~", "."], &[Typed::Leave]);
        check(&["ls\r~."], &[text("ls\r"), Typed::Leave]);
        check(&["ls\n~."], &[text("ls\n"), Typed::Leave]);
        check(&["ls ~."], &[text("ls ~.")]);
        check(&["~~."], &[text("~.")]);
        check(&["~~~."], &[text("~~.")]);
        check(&["~x"], &[text("~x")]);
        check(&["~\r~."], &[text("~\r"), Typed::Leave]);
        check(&["~B~?~."], &[Typed::Break, Typed::Help, Typed::Leave]);
        check(&["a\r~Bb"], &[text("a\r"), Typed::Break, text("b")]);
        check(&["~"], &[]);
    }

    #[test]
    fn the_character_can_be_another_or_none() {
        assert_eq!(Escape::new(Some(b'&')).take(b"~.\r&."), [text("~.\r"), Typed::Leave]);
        assert_eq!(Escape::new(None).take(b"~.\r~."), [text("~.\r~.")]);
    }
}
