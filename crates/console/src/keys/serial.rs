//! Steps to what a terminal sends: bytes as of xterm, which firmware, boot loaders and systems all read.

use std::fmt;
use std::time::Duration;

use secrecy::ExposeSecret;
use xkeysym::key;

use super::{Chord, KeyStep, Modifier, NoSuchKey, keysym};

/// One thing to be done on a serial line. `Debug` does not tell bytes: they may be of a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum SerialStep {
    /// These bytes are sent.
    Bytes(Vec<u8>),
    /// The line is held in a break.
    Break,
    /// Nothing is sent for this long.
    Wait(Duration),
}

/// Keys that end in a letter after `ESC [`, or `ESC O` for those marked so.
const LETTERED: &[(u32, char, u8)] = &[
    (key::Up, '[', b'A'),
    (key::Down, '[', b'B'),
    (key::Right, '[', b'C'),
    (key::Left, '[', b'D'),
    (key::Home, '[', b'H'),
    (key::End, '[', b'F'),
    (key::F1, 'O', b'P'),
    (key::F2, 'O', b'Q'),
    (key::F3, 'O', b'R'),
    (key::F4, 'O', b'S'),
];

/// Keys that are a number between `ESC [` and `~`.
const NUMBERED: &[(u32, u8)] = &[
    (key::Insert, 2),
    (key::Delete, 3),
    (key::Page_Up, 5),
    (key::Page_Down, 6),
    (key::F5, 15),
    (key::F6, 17),
    (key::F7, 18),
    (key::F8, 19),
    (key::F9, 20),
    (key::F10, 21),
    (key::F11, 23),
    (key::F12, 24),
];

const ESCAPE: u8 = 0x1b;

/// What carries out a step on a serial line: what xterm sends for the key, with text in UTF-8.
///
/// Enter is a carriage return and Backspace is DEL; Alt puts ESC before. `<Break>` is a break, and `<SysRq-b>` a break
/// followed by `b`, as Linux takes it on its console.
///
/// # Errors
///
/// A key that terminals have nothing for, as `<Ctrl-Alt-Del>`.
pub fn serial(step: &KeyStep) -> Result<Vec<SerialStep>, NoSuchKey> {
    let refused = |reason| NoSuchKey::Serial { step: step.to_string(), reason };
    match step {
        KeyStep::Wait(time) => Ok(vec![SerialStep::Wait(*time)]),
        KeyStep::Type(character) => Ok(vec![SerialStep::Bytes(text([*character]))]),
        KeyStep::Secret(secret) => Ok(vec![SerialStep::Bytes(text(secret.text().expose_secret().chars()))]),
        KeyStep::Press(chord) => pressed(chord).map_err(refused),
    }
}

fn text(characters: impl IntoIterator<Item = char>) -> Vec<u8> {
    let sent = characters.into_iter().map(|character| if character == '\n' { '\r' } else { character });
    sent.collect::<String>().into_bytes()
}

fn pressed(chord: &Chord) -> Result<Vec<SerialStep>, &'static str> {
    let Chord { modifiers, key } = chord;
    let held = |modifier: Modifier| modifiers.contains(&modifier);
    let keysym = key.keysym();
    if held(Modifier::SysRq) {
        let request = keysym::character_of(keysym).filter(char::is_ascii_graphic);
        let request = request.ok_or("a magic request is a break and one character, as `<SysRq-b>`")?;
        return Ok(vec![SerialStep::Break, SerialStep::Bytes(text([request]))]);
    }
    if keysym == key::Break {
        return Ok(vec![SerialStep::Break]);
    }
    if keysym == key::Delete && held(Modifier::Ctrl) && held(Modifier::Alt) {
        return Err("it has no keyboard; restart by `<SysRq-b>`, where Linux runs, or by `ironhand power`");
    }
    if held(Modifier::Super) || held(Modifier::AltGr) {
        return Err("terminals have neither the logo key nor AltGr");
    }
    let (shift, alt, ctrl) = (held(Modifier::Shift), held(Modifier::Alt), held(Modifier::Ctrl));
    if let Some(bytes) = function(keysym, 1 + u8::from(shift) + 2 * u8::from(alt) + 4 * u8::from(ctrl)) {
        return Ok(vec![SerialStep::Bytes(bytes)]);
    }
    let bytes = match keysym {
        key::Return | key::KP_Enter => b"\r".to_vec(),
        key::Escape => vec![ESCAPE],
        key::Tab if shift => vec![ESCAPE, b'[', b'Z'],
        key::Tab => b"\t".to_vec(),
        key::BackSpace if ctrl => vec![0x08],
        key::BackSpace => vec![0x7f],
        _ if keysym::is_function(keysym) => return Err("terminals have no such key"),
        _ => {
            let character = keysym::character_of(keysym).ok_or("terminals have no such key")?;
            let character = if shift { shifted(character)? } else { character };
            if ctrl { vec![control(character)?] } else { text([character]) }
        }
    };
    let escape = alt.then_some(ESCAPE);
    Ok(vec![SerialStep::Bytes(escape.into_iter().chain(bytes).collect())])
}

/// A key that is a sequence, with the number that xterm gives to the modifiers held: 1 for none.
fn function(keysym: u32, modifiers: u8) -> Option<Vec<u8>> {
    let sequence = if let Some((_, introducer, letter)) = LETTERED.iter().find(|(known, ..)| *known == keysym)
    {
        let letter = char::from(*letter);
        match modifiers {
            1 => format!("\x1b{introducer}{letter}"),
            _ => format!("\x1b[1;{modifiers}{letter}"),
        }
    } else {
        let (_, number) = NUMBERED.iter().find(|(known, _)| *known == keysym)?;
        match modifiers {
            1 => format!("\x1b[{number}~"),
            _ => format!("\x1b[{number};{modifiers}~"),
        }
    };
    Some(sequence.into_bytes())
}

fn shifted(character: char) -> Result<char, &'static str> {
    let mut upper = character.to_uppercase();
    match (character.is_alphabetic(), upper.next(), upper.next()) {
        (true, Some(upper), None) => Ok(upper),
        _ => Err("what Shift makes of the key depends on the layout; write the character itself"),
    }
}

/// The control character of a key.
fn control(character: char) -> Result<u8, &'static str> {
    match character {
        'a'..='z' | 'A'..='Z' | '@' | '[' | '\\' | ']' | '^' | '_' => Ok(character as u8 & 0x1f),
        ' ' => Ok(0),
        '?' => Ok(0x7f),
        _ => Err("no control character belongs to the key"),
    }
}

impl fmt::Debug for SerialStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(_) => f.write_str("Bytes(..)"),
            Self::Break => f.write_str("Break"),
            Self::Wait(time) => write!(f, "Wait({time:?})"),
        }
    }
}
