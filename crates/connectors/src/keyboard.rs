//! Keys of the keyboard that a unit pretends to be: one of the US layout, at USB.

/// A key of the US layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UsbKey {
    /// Its usage on the keyboard page (USB HID Usage Tables, 10); modifiers from 0xe0.
    pub(crate) usage: u8,
    /// Its `code` (W3C UI Events KeyboardEvent code values).
    pub(crate) code: &'static str,
}

impl UsbKey {
    /// The key that an X11 keysym is on. What a keysym means beside the key, as Shift, is pressed on its own.
    pub(crate) fn of(keysym: u32) -> Option<Self> {
        let (_, usage, code) = KEYS.iter().find(|(keysyms, ..)| keysyms.contains(&keysym))?;
        Some(Self { usage: *usage, code })
    }
}

/// Keysyms, usage and code of each key. The keysym of a character of ASCII is the character.
const KEYS: &[(&[u32], u8, &str)] = &[
    (&['a' as u32, 'A' as u32], 0x04, "KeyA"),
    (&['b' as u32, 'B' as u32], 0x05, "KeyB"),
    (&['c' as u32, 'C' as u32], 0x06, "KeyC"),
    (&['d' as u32, 'D' as u32], 0x07, "KeyD"),
    (&['e' as u32, 'E' as u32], 0x08, "KeyE"),
    (&['f' as u32, 'F' as u32], 0x09, "KeyF"),
    (&['g' as u32, 'G' as u32], 0x0a, "KeyG"),
    (&['h' as u32, 'H' as u32], 0x0b, "KeyH"),
    (&['i' as u32, 'I' as u32], 0x0c, "KeyI"),
    (&['j' as u32, 'J' as u32], 0x0d, "KeyJ"),
    (&['k' as u32, 'K' as u32], 0x0e, "KeyK"),
    (&['l' as u32, 'L' as u32], 0x0f, "KeyL"),
    (&['m' as u32, 'M' as u32], 0x10, "KeyM"),
    (&['n' as u32, 'N' as u32], 0x11, "KeyN"),
    (&['o' as u32, 'O' as u32], 0x12, "KeyO"),
    (&['p' as u32, 'P' as u32], 0x13, "KeyP"),
    (&['q' as u32, 'Q' as u32], 0x14, "KeyQ"),
    (&['r' as u32, 'R' as u32], 0x15, "KeyR"),
    (&['s' as u32, 'S' as u32], 0x16, "KeyS"),
    (&['t' as u32, 'T' as u32], 0x17, "KeyT"),
    (&['u' as u32, 'U' as u32], 0x18, "KeyU"),
    (&['v' as u32, 'V' as u32], 0x19, "KeyV"),
    (&['w' as u32, 'W' as u32], 0x1a, "KeyW"),
    (&['x' as u32, 'X' as u32], 0x1b, "KeyX"),
    (&['y' as u32, 'Y' as u32], 0x1c, "KeyY"),
    (&['z' as u32, 'Z' as u32], 0x1d, "KeyZ"),
    (&['1' as u32, '!' as u32], 0x1e, "Digit1"),
    (&['2' as u32, '@' as u32], 0x1f, "Digit2"),
    (&['3' as u32, '#' as u32], 0x20, "Digit3"),
    (&['4' as u32, '$' as u32], 0x21, "Digit4"),
    (&['5' as u32, '%' as u32], 0x22, "Digit5"),
    (&['6' as u32, '^' as u32], 0x23, "Digit6"),
    (&['7' as u32, '&' as u32], 0x24, "Digit7"),
    (&['8' as u32, '*' as u32], 0x25, "Digit8"),
    (&['9' as u32, '(' as u32], 0x26, "Digit9"),
    (&['0' as u32, ')' as u32], 0x27, "Digit0"),
    (&[0xff0d], 0x28, "Enter"),
    (&[0xff1b], 0x29, "Escape"),
    (&[0xff08], 0x2a, "Backspace"),
    (&[0xff09], 0x2b, "Tab"),
    (&[' ' as u32], 0x2c, "Space"),
    (&['-' as u32, '_' as u32], 0x2d, "Minus"),
    (&['=' as u32, '+' as u32], 0x2e, "Equal"),
    (&['[' as u32, '{' as u32], 0x2f, "BracketLeft"),
    (&[']' as u32, '}' as u32], 0x30, "BracketRight"),
    (&['\\' as u32, '|' as u32], 0x31, "Backslash"),
    (&[';' as u32, ':' as u32], 0x33, "Semicolon"),
    (&['\'' as u32, '"' as u32], 0x34, "Quote"),
    (&['`' as u32, '~' as u32], 0x35, "Backquote"),
    (&[',' as u32, '<' as u32], 0x36, "Comma"),
    (&['.' as u32, '>' as u32], 0x37, "Period"),
    (&['/' as u32, '?' as u32], 0x38, "Slash"),
    (&[0xffe5], 0x39, "CapsLock"),
    (&[0xffbe], 0x3a, "F1"),
    (&[0xffbf], 0x3b, "F2"),
    (&[0xffc0], 0x3c, "F3"),
    (&[0xffc1], 0x3d, "F4"),
    (&[0xffc2], 0x3e, "F5"),
    (&[0xffc3], 0x3f, "F6"),
    (&[0xffc4], 0x40, "F7"),
    (&[0xffc5], 0x41, "F8"),
    (&[0xffc6], 0x42, "F9"),
    (&[0xffc7], 0x43, "F10"),
    (&[0xffc8], 0x44, "F11"),
    (&[0xffc9], 0x45, "F12"),
    // Print and SysRq are one key.
    (&[0xff61], 0x46, "PrintScreen"),
    (&[0xff14], 0x47, "ScrollLock"),
    // Pause and Break are one key.
    (&[0xff13, 0xff6b], 0x48, "Pause"),
    (&[0xff63], 0x49, "Insert"),
    (&[0xff50], 0x4a, "Home"),
    (&[0xff55], 0x4b, "PageUp"),
    (&[0xffff], 0x4c, "Delete"),
    (&[0xff57], 0x4d, "End"),
    (&[0xff56], 0x4e, "PageDown"),
    (&[0xff53], 0x4f, "ArrowRight"),
    (&[0xff51], 0x50, "ArrowLeft"),
    (&[0xff54], 0x51, "ArrowDown"),
    (&[0xff52], 0x52, "ArrowUp"),
    (&[0xff7f], 0x53, "NumLock"),
    (&[0xff8d], 0x58, "NumpadEnter"),
    (&[0xff67], 0x65, "ContextMenu"),
    (&[0xffe3], 0xe0, "ControlLeft"),
    (&[0xffe1], 0xe1, "ShiftLeft"),
    (&[0xffe9], 0xe2, "AltLeft"),
    (&[0xffeb], 0xe3, "MetaLeft"),
    // AltGr.
    (&[0xfe03], 0xe6, "AltRight"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_us_layout_is_there_once() {
        for character in ' '..='~' {
            assert!(UsbKey::of(u32::from(character)).is_some(), "{character:?}");
        }
        let mut usages: Vec<_> = KEYS.iter().map(|(_, usage, _)| *usage).collect();
        usages.dedup();
        assert!(usages.is_sorted() && usages.len() == KEYS.len());
        let mut keysyms: Vec<_> = KEYS.iter().flat_map(|(keysyms, ..)| *keysyms).collect();
        keysyms.sort_unstable();
        let all = keysyms.len();
        keysyms.dedup();
        assert_eq!(keysyms.len(), all);
        for (character, code) in [('q', "KeyQ"), ('?', "Slash"), ('|', "Backslash"), ('0', "Digit0")] {
            assert_eq!(UsbKey::of(u32::from(character)).map(|key| key.code), Some(code));
        }
        assert_eq!(UsbKey::of(0x00fc), None);
    }
}
