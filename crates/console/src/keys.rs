//! The key grammar: what people write in a flow's `keys` step or after `ironhand type`.
//!
//! | written | means |
//! | --- | --- |
//! | `ls -l` | these characters are typed; a line feed is Enter, a tab is Tab |
//! | `<Enter>` `<Esc>` `<F1>` .. `<F12>` `<Up>` `<PageDown>` ... | a named key |
//! | `<Ctrl-Alt-Del>` `<Shift-Tab>` `<Ctrl-c>` | a key with modifiers held |
//! | `<SysRq-b>` | Linux's magic request: Alt and SysRq held, `b` pressed |
//! | `<Down*3>` | pressed three times |
//! | `<wait 500ms>` `<wait 2s>` `<wait 1m>` | nothing for that time |
//! | `<secret>` `<secret NAME>` | a text that is typed as it is and shown nowhere; see [`Secret`] |
//! | `<<` | a literal `<` |
//!
//! Names ignore case. What a step presses depends on the way that it takes: [`strokes`] is for keyboards, [`serial()`]
//! for serial lines.
//!
//! ```
//! use ironhand_console::keys::{self, KeyStep, Keyboard, Layout, SerialStep};
//!
//! let steps = keys::parse("root<Enter><wait 500ms><Ctrl-Alt-Del>")?;
//! assert_eq!(steps.len(), 7);
//! assert_eq!(steps[5], KeyStep::Wait(std::time::Duration::from_millis(500)));
//! let enter = keys::strokes(&steps[4], Keyboard::Positions, Layout::De)?;
//! assert_eq!(enter.iter().map(|stroke| (stroke.usage, stroke.down)).collect::<Vec<_>>(), [
//!     (Some(0x28), true),
//!     (Some(0x28), false),
//! ]);
//! assert_eq!(keys::serial(&steps[4])?, [SerialStep::Bytes(b"\r".to_vec())]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod keysym;
mod layout;
mod parse;
mod position;
mod secret;
mod serial;
mod stroke;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

pub use layout::Layout;
pub use parse::{KeyError, MAX_REPEAT, MAX_STEPS, MAX_TOTAL_WAIT, parse, parse_with};
pub use position::code_of;
pub use secret::Secret;
pub use serial::{SerialStep, serial};
pub use stroke::{Keyboard, NoSuchKey, Stroke, strokes};

/// One step of a key sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyStep {
    /// A key is pressed and released while modifiers are held.
    Press(Chord),
    /// A character is typed.
    Type(char),
    /// A text is typed that nobody may read in a record.
    Secret(Secret),
    /// Nothing is sent for this long.
    Wait(Duration),
}

/// A key together with the modifiers held while it is pressed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Chord {
    /// The modifiers, in the order in which they go down, each at most once.
    pub modifiers: Vec<Modifier>,
    /// The key.
    pub key: Key,
}

/// A key that is held while another is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Modifier {
    /// Left Ctrl.
    Ctrl,
    /// Left Alt.
    Alt,
    /// Right Alt, which chooses third-level characters.
    AltGr,
    /// Left Shift.
    Shift,
    /// The left logo key.
    Super,
    /// Print Screen held as SysRq; Linux wants Alt with it, so `<SysRq-b>` has both.
    SysRq,
}

/// A key, known by its X11 keysym.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    keysym: u32,
}

impl Key {
    /// The key with this name (`Enter`, `F1`, `PageDown`, ...), whatever its case, or of this one character.
    pub fn named(name: &str) -> Option<Self> {
        keysym::of_key(name).map(|keysym| Self { keysym })
    }

    /// The X11 keysym.
    pub fn keysym(self) -> u32 {
        self.keysym
    }
}

impl fmt::Display for KeyStep {
    /// Writes the step in the grammar of this module; of a secret only that there is one, and its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type('<') => f.write_str("<<"),
            Self::Type(character) => write!(f, "{character}"),
            Self::Wait(time) => write!(f, "<wait {}ms>", time.as_millis()),
            Self::Secret(secret) => write!(f, "{secret}"),
            Self::Press(chord) => {
                f.write_str("<")?;
                for modifier in &chord.modifiers {
                    // SysRq brings its Alt along.
                    if *modifier == Modifier::Alt && chord.modifiers.contains(&Modifier::SysRq) {
                        continue;
                    }
                    write!(f, "{}-", keysym::modifier_name(*modifier))?;
                }
                write!(f, "{}>", chord.key)
            }
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (keysym::key_name(self.keysym), keysym::character_of(self.keysym)) {
            (Some(name), _) => f.write_str(name),
            (None, Some(character)) => write!(f, "{character}"),
            (None, None) => write!(f, "keysym {:#x}", self.keysym),
        }
    }
}
