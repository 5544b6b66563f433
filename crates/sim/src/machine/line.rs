//! A line being typed.

use super::keyboard::Key;

/// Longest line taken in, in characters: what a Linux terminal takes is longer, and no repair needs it.
const MAX_LINE: usize = 255;

/// A line of text under edit, as a terminal in line mode or GRUB's rescue shell has it: characters are added
/// and taken away at its end only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    text: String,
}

/// What a key did to a [`Line`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// This is to be written to the screen, unless what is typed is secret.
    Echo(String),
    /// The line is complete. The line editor starts anew.
    Entered(String),
    /// Control-C: the line was thrown away.
    Interrupted,
    /// Control-D on an empty line.
    EndOfInput,
    /// Nothing.
    Nothing,
}

impl Line {
    pub(crate) fn key(&mut self, key: Key) -> Edit {
        match key {
            Key::Char(ch) if self.text.len() < MAX_LINE => {
                self.text.push(ch);
                Edit::Echo(ch.to_string())
            }
            Key::Backspace => match self.text.pop() {
                Some(_) => Edit::Echo("\u{8} \u{8}".to_owned()),
                None => Edit::Nothing,
            },
            Key::Control('u') => Edit::Echo("\u{8} \u{8}".repeat(std::mem::take(&mut self.text).len())),
            Key::Enter => Edit::Entered(std::mem::take(&mut self.text)),
            Key::Control('c') => {
                self.text.clear();
                Edit::Interrupted
            }
            Key::Control('d') if self.text.is_empty() => Edit::EndOfInput,
            _ => Edit::Nothing,
        }
    }
}
