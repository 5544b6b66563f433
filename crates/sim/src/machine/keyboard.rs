//! From key symbols, as a viewer sends them, to the keys that firmware and consoles act on.

/// A key, with the modifiers that matter already taken into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// A printable ASCII character.
    Char(char),
    /// A letter with the control key held, in lower case.
    Control(char),
    Enter,
    Backspace,
    Tab,
    Escape,
    Up,
    Down,
    Delete,
    /// F1 to F12.
    Function(u8),
    /// The three keys that restart a PC.
    CtrlAltDel,
}

/// Which modifiers are held. A viewer sends the symbol that shift gives, so shift itself says nothing more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keyboard {
    control: bool,
    alt: bool,
}

impl Keyboard {
    /// Takes in one press or release of an X11 key symbol; a press of anything but a modifier gives a key.
    pub(crate) fn key(&mut self, keysym: u32, down: bool) -> Option<Key> {
        match keysym {
            0xFFE3 | 0xFFE4 => self.control = down,
            0xFFE9 | 0xFFEA => self.alt = down,
            _ if down => return self.press(keysym),
            _ => {}
        }
        None
    }

    fn press(&self, keysym: u32) -> Option<Key> {
        let key = match keysym {
            0x20..=0x7E => Key::Char(char::from_u32(keysym)?),
            0xFF08 => Key::Backspace,
            0xFF09 => Key::Tab,
            0xFF0D | 0xFF8D => Key::Enter,
            0xFF1B => Key::Escape,
            0xFF52 | 0xFF97 => Key::Up,
            0xFF54 | 0xFF99 => Key::Down,
            0xFFFF | 0xFF9F => Key::Delete,
            0xFFBE..=0xFFC9 => Key::Function(u8::try_from(keysym - 0xFFBD).ok()?),
            _ => return None,
        };
        Some(match key {
            Key::Delete if self.control && self.alt => Key::CtrlAltDel,
            Key::Char(ch) if self.control => Key::Control(ch.to_ascii_lowercase()),
            key => key,
        })
    }
}
