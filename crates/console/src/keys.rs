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
//! | `<<` | a literal `<` |
//!
//! Names ignore case. Key codes are X11 keysyms, as RFB carries them (RFC 6143, 7.5.4).
//!
//! ```
//! use ironhand_console::keys::{self, KeyStep};
//!
//! let steps = keys::parse("root<Enter><wait 500ms><Ctrl-Alt-Del>")?;
//! assert_eq!(steps.len(), 7);
//! assert_eq!(steps[5], KeyStep::Wait(std::time::Duration::from_millis(500)));
//! assert_eq!(keys::events(&steps[4]), [(0xff0d, true), (0xff0d, false)]);
//! # Ok::<(), keys::KeyError>(())
//! ```

mod keysym;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

pub use parse::{KeyError, MAX_REPEAT, MAX_STEPS, MAX_TOTAL_WAIT, parse};

/// One step of a key sequence.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyStep {
    /// A key is pressed and released while modifiers are held.
    Press(Chord),
    /// A character is typed.
    Type(char),
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

/// The key events that carry out a step: X11 keysym, and whether the key goes down.
///
/// Characters that stand on the upper half of a key of the US layout come with Shift held: RFB servers of BMCs and of
/// QEMU turn keysyms into scan codes and do not add Shift themselves. A wait has no events.
pub fn events(step: &KeyStep) -> Vec<(u32, bool)> {
    let (held, pressed): (Vec<u32>, u32) = match step {
        KeyStep::Wait(_) => return Vec::new(),
        KeyStep::Press(chord) => (
            chord.modifiers.iter().map(|modifier| keysym::of_modifier(*modifier)).collect(),
            chord.key.keysym,
        ),
        KeyStep::Type(character) => {
            let shift = keysym::needs_shift(*character).then(|| keysym::of_modifier(Modifier::Shift));
            (shift.into_iter().collect(), keysym::of_character(*character))
        }
    };
    let down = held.iter().map(|keysym| (*keysym, true));
    let stroke = [(pressed, true), (pressed, false)];
    let up = held.iter().rev().map(|keysym| (*keysym, false));
    down.chain(stroke).chain(up).collect()
}

impl fmt::Display for KeyStep {
    /// Writes the step in the grammar of this module.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type('<') => f.write_str("<<"),
            Self::Type(character) => write!(f, "{character}"),
            Self::Wait(time) => write!(f, "<wait {}ms>", time.as_millis()),
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
