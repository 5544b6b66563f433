//! Steps to presses and releases of keys.

use std::fmt;

use secrecy::ExposeSecret;

use super::layout::{Level, Spot, Typing};
use super::{Chord, Key, KeyStep, Layout, Modifier, keysym, position};

/// What a way in sends of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keyboard {
    /// X11 keysyms, which the other side turns into keys: RFB (RFC 6143, 7.5.4).
    Keysyms,
    /// Which key it is: USB usages, or what follows from them.
    Positions,
}

/// One press or release of a key. `Debug` does not tell characters: they may be of a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stroke {
    /// The X11 keysym; of a key with a character, that character's.
    pub keysym: u32,
    /// The key's usage on the keyboard page (USB HID Usage Tables, 10). There always for [`Keyboard::Positions`]; for
    /// [`Keyboard::Keysyms`] where the layout has the character.
    pub usage: Option<u8>,
    /// Whether it goes down.
    pub down: bool,
}

/// Why a step cannot be done on a way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchKey {
    /// No keys of the layout type the character.
    #[error("the keyboard layout `{layout}` has no key for {character:?}")]
    Character {
        /// The layout.
        layout: Layout,
        /// The character.
        character: char,
    },
    /// No keys of the layout type a character of a secret, which is not told.
    #[error("the keyboard layout `{layout}` has no key for a character of {secret}")]
    InSecret {
        /// The layout.
        layout: Layout,
        /// The secret, as keys ask for it.
        secret: String,
    },
    /// The key has no place on a keyboard.
    #[error("the key `{key}` has no position on a keyboard")]
    Position {
        /// The key.
        key: Key,
    },
    /// A terminal sends nothing for the key.
    #[error("`{step}` cannot be sent over a serial line: {reason}")]
    Serial {
        /// The step, as it is written.
        step: String,
        /// What is missing, and what to do instead.
        reason: &'static str,
    },
}

/// What carries out a step on a keyboard. Whatever goes down comes up again; a wait presses nothing.
///
/// A character that the layout has on the upper half of a key, or as the third on it, comes with Shift or AltGr held,
/// for keysyms as well: what turns them into scan codes, as QEMU and BMCs do, holds neither by itself. A dead accent is
/// followed by the letter, or by a blank where the accent alone is meant. `<SysRq-b>` is at the same place on all
/// layouts: Linux looks at the position.
///
/// # Errors
///
/// For [`Keyboard::Positions`] a character that the layout does not have. For [`Keyboard::Keysyms`] such a character is
/// sent as it is: what the other side makes of it is its own affair, which it tells nobody.
pub fn strokes(step: &KeyStep, keyboard: Keyboard, layout: Layout) -> Result<Vec<Stroke>, NoSuchKey> {
    match step {
        KeyStep::Wait(_) => Ok(Vec::new()),
        KeyStep::Type(character) => typed(*character, keyboard, layout),
        KeyStep::Press(chord) => pressed(chord, keyboard, layout),
        KeyStep::Secret(secret) => {
            let hidden = |_| NoSuchKey::InSecret { layout, secret: secret.to_string() };
            let mut strokes = Vec::new();
            for character in secret.text().expose_secret().chars() {
                strokes.extend(typed(character, keyboard, layout).map_err(hidden)?);
            }
            Ok(strokes)
        }
    }
}

fn typed(character: char, keyboard: Keyboard, layout: Layout) -> Result<Vec<Stroke>, NoSuchKey> {
    let keysym = keysym::of_character(character);
    if let Some(usage) = position::of_named(keysym) {
        return Ok(chorded(&[], (keysym, Some(usage))));
    }
    match (layout.typing(character), keyboard) {
        (Some(Typing { first, second }), _) => {
            let spots = [Some(first), second].into_iter().flatten();
            Ok(spots.flat_map(|spot| chorded(spot.held(), spot.key())).collect())
        }
        (None, Keyboard::Keysyms) => Ok(chorded(&[], (keysym, None))),
        (None, Keyboard::Positions) => Err(NoSuchKey::Character { layout, character }),
    }
}

fn pressed(chord: &Chord, keyboard: Keyboard, layout: Layout) -> Result<Vec<Stroke>, NoSuchKey> {
    let Chord { modifiers, key } = chord;
    if let Some(usage) = position::of_named(key.keysym) {
        return Ok(chorded(modifiers, (key.keysym, Some(usage))));
    }
    let character = keysym::character_of(key.keysym).ok_or(NoSuchKey::Position { key: *key })?;
    if modifiers.is_empty() {
        return typed(character, keyboard, layout);
    }
    if modifiers.contains(&Modifier::SysRq)
        && let Some(typing) = Layout::Us.typing(character)
    {
        let usage = typing.first.usage;
        let there = layout.plain_at(usage).map_or(key.keysym, keysym::of_character);
        return Ok(chorded(modifiers, (there, Some(usage))));
    }
    match (layout.typing(character), keyboard) {
        // Of an accent that goes on a letter, the dead key is the one that is meant.
        (Some(Typing { first, .. }), _) => {
            let mut held = modifiers.clone();
            held.extend(first.held().iter().filter(|modifier| !modifiers.contains(modifier)));
            Ok(chorded(&held, first.key()))
        }
        (None, Keyboard::Keysyms) => Ok(chorded(modifiers, (key.keysym, None))),
        (None, Keyboard::Positions) => Err(NoSuchKey::Character { layout, character }),
    }
}

/// A key, by keysym and usage, pressed and released while modifiers are held.
fn chorded(held: &[Modifier], key: (u32, Option<u8>)) -> Vec<Stroke> {
    let modifier =
        |modifier: &Modifier| (keysym::of_modifier(*modifier), Some(position::of_modifier(*modifier)));
    let stroke = |(keysym, usage), down| Stroke { keysym, usage, down };
    let down = held.iter().map(|held| stroke(modifier(held), true));
    let up = held.iter().rev().map(|held| stroke(modifier(held), false));
    down.chain([stroke(key, true), stroke(key, false)]).chain(up).collect()
}

impl Spot {
    const fn held(self) -> &'static [Modifier] {
        match self.level {
            Level::Plain => &[],
            Level::Shift => &[Modifier::Shift],
            Level::AltGr => &[Modifier::AltGr],
        }
    }

    fn key(self) -> (u32, Option<u8>) {
        (keysym::of_character(self.character), Some(self.usage))
    }
}

impl fmt::Debug for Stroke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = keysym::key_name(self.keysym).filter(|_| keysym::is_function(self.keysym));
        let sign = if self.down { '+' } else { '-' };
        write!(f, "{sign}{}", name.unwrap_or("key"))
    }
}
