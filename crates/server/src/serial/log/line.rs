//! From the bytes of a serial line to lines of text.

use ironhand_api::Timestamp;
use ironhand_console::SerialDecoder;

use super::LogLine;

/// The longest line, in characters: five rows of the widest terminal. A longer one is cut.
const LONGEST: usize = 1200;

/// Where in a control sequence of ECMA-48 the bytes stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// Behind ESC.
    Escape,
    /// Behind ESC and an intermediate character, as in `ESC ( B`.
    Intermediate,
    /// Behind `ESC [`.
    Control,
    /// In a string that is for the terminal and not for its screen, as a title is.
    String,
    /// Behind ESC in such a string.
    StringEscape,
}

/// Cuts what a machine writes into lines, and takes out what only moves the cursor.
///
/// What is drawn in another row is another line, so that the words of a menu do not run together; blank lines are not
/// kept.
#[derive(Debug, Default)]
pub(crate) struct Cutter {
    decoder: SerialDecoder,
    line: Line,
}

#[derive(Debug, Default)]
struct Line {
    state: State,
    text: String,
    length: usize,
    /// When the first character of `text` arrived.
    begun: Timestamp,
    /// The cursor went back to the beginning of the line.
    returned: bool,
}

impl Cutter {
    /// Takes bytes that arrived `at`; returns the lines that are complete.
    pub(crate) fn cut(&mut self, at: Timestamp, bytes: &[u8]) -> Vec<LogLine> {
        let Self { decoder, line } = self;
        let mut lines = Vec::new();
        decoder.feed(bytes, |character| lines.extend(line.take(at, character)));
        lines
    }

    /// The line that is not complete yet.
    pub(crate) fn waiting(&self) -> Option<LogLine> {
        let text = self.line.text.trim_end();
        (!text.is_empty()).then(|| LogLine { at: self.line.begun, text: text.to_owned() })
    }

    /// Ends the line that waits.
    pub(crate) fn end(&mut self) -> Option<LogLine> {
        self.line.end()
    }
}

impl Line {
    fn take(&mut self, at: Timestamp, character: char) -> Option<LogLine> {
        match (self.state, character) {
            // Both end a sequence wherever it stands.
            (_, '\u{18}' | '\u{1a}') => self.state = State::Text,
            (State::String, '\u{7}' | '\u{9c}') => self.state = State::Text,
            (State::String, '\u{1b}') => self.state = State::StringEscape,
            (State::String, '\n') => {
                // No string has lines: its end was lost.
                self.state = State::Text;
                return self.end();
            }
            (State::String, _) => {}
            (_, '\u{1b}') => self.state = State::Escape,
            (State::Text, '\u{9b}') | (State::Escape, '[') => self.state = State::Control,
            (State::Text, '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}')
            | (State::Escape, 'P' | 'X' | ']' | '^' | '_') => self.state = State::String,
            (State::Escape | State::Intermediate, ' '..='/') => self.state = State::Intermediate,
            // Next line, line feed, reverse line feed, reset.
            (State::Escape, 'D' | 'E' | 'M' | 'c') => return self.leave_row(),
            (State::Escape | State::Intermediate | State::StringEscape, _) => self.state = State::Text,
            (State::Control, '@'..='~') => return self.control(at, character),
            (State::Control, '\n') | (State::Text, '\n' | '\u{b}' | '\u{c}') => return self.end(),
            (State::Control, _) => {}
            (State::Text, '\r') => self.returned = true,
            (State::Text, '\u{8}') => {
                if self.text.pop().is_some() {
                    self.length -= 1;
                }
            }
            (State::Text, '\t') => return self.push(at, ' '),
            (State::Text, character) if character.is_control() => {}
            (State::Text, character) => return self.push(at, character),
        }
        None
    }

    /// The last character of a control sequence.
    fn control(&mut self, at: Timestamp, last: char) -> Option<LogLine> {
        self.state = State::Text;
        match last {
            // Up, down, next and previous line, position, erased screen, row.
            'A' | 'B' | 'E' | 'F' | 'H' | 'J' | 'd' | 'f' => self.leave_row(),
            // To the right: between words that stand apart.
            'C' | 'G' if !self.text.is_empty() => self.push(at, ' '),
            _ => None,
        }
    }

    fn push(&mut self, at: Timestamp, character: char) -> Option<LogLine> {
        // What is written over a line, as progress is, replaces it.
        let full = self.returned || self.length >= LONGEST;
        let ended = if full { self.end() } else { None };
        if self.text.is_empty() {
            if character == ' ' {
                return ended;
            }
            self.begun = at;
        }
        self.text.push(character);
        self.length += 1;
        ended
    }

    fn leave_row(&mut self) -> Option<LogLine> {
        self.state = State::Text;
        self.end()
    }

    fn end(&mut self) -> Option<LogLine> {
        self.returned = false;
        self.length = 0;
        let text = std::mem::take(&mut self.text);
        let trimmed = text.trim_end();
        (!trimmed.is_empty()).then(|| LogLine { at: self.begun, text: trimmed.to_owned() })
    }
}
