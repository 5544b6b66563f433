//! The US layout, by usages on the keyboard page of USB (USB HID Usage Tables, 10).

pub(super) const LEFT_SHIFT: u8 = 0xe1;

/// Left and right Shift.
pub(super) const SHIFTS: [u8; 2] = [LEFT_SHIFT, 0xe5];

/// The characters of usages from 0x1e on, plain and with Shift; a space stands for keys that have none.
const PLAIN: &str = "1234567890     -=[]\\ ;'`,./";
const SHIFTED: &str = "!@#$%^&*()     _+{}| :\"~<>?";

/// Usage, name and X11 keysym of keys that have no character.
const NAMED: &[(u8, &str, u32)] = &[
    (0x28, "Enter", 0xff0d),
    (0x29, "Escape", 0xff1b),
    (0x2a, "Backspace", 0xff08),
    (0x2b, "Tab", 0xff09),
    (0x2c, "Space", 0x20),
    (0x39, "CapsLock", 0xffe5),
    (0x46, "PrintScreen", 0xff61),
    (0x47, "ScrollLock", 0xff14),
    (0x48, "Pause", 0xff13),
    (0x49, "Insert", 0xff63),
    (0x4a, "Home", 0xff50),
    (0x4b, "PageUp", 0xff55),
    (0x4c, "Delete", 0xffff),
    (0x4d, "End", 0xff57),
    (0x4e, "PageDown", 0xff56),
    (0x4f, "ArrowRight", 0xff53),
    (0x50, "ArrowLeft", 0xff51),
    (0x51, "ArrowDown", 0xff54),
    (0x52, "ArrowUp", 0xff52),
    (0x53, "NumLock", 0xff7f),
    (0x58, "NumpadEnter", 0xff8d),
    (0x65, "ContextMenu", 0xff67),
    (0xe0, "ControlLeft", 0xffe3),
    (LEFT_SHIFT, "ShiftLeft", 0xffe1),
    (0xe2, "AltLeft", 0xffe9),
    (0xe3, "MetaLeft", 0xffeb),
    (0xe4, "ControlRight", 0xffe4),
    (0xe5, "ShiftRight", 0xffe2),
    (0xe6, "AltRight", 0xfe03),
    (0xe7, "MetaRight", 0xffec),
];

/// Names of the keys with signs, in the order of their characters in [`PLAIN`].
const SIGNS: &[(char, &str)] = &[
    ('-', "Minus"),
    ('=', "Equal"),
    ('[', "BracketLeft"),
    (']', "BracketRight"),
    ('\\', "Backslash"),
    (';', "Semicolon"),
    ('\'', "Quote"),
    ('`', "Backquote"),
    (',', "Comma"),
    ('.', "Period"),
    ('/', "Slash"),
];

/// The keysym of a key.
pub(super) fn keysym(usage: u8, shifted: bool) -> Option<u32> {
    if let Some((.., keysym)) = NAMED.iter().find(|(known, ..)| *known == usage) {
        return Some(*keysym);
    }
    match usage {
        0x04..=0x1d if shifted => Some(u32::from(b'A' + usage - 0x04)),
        0x04..=0x1d => Some(u32::from(b'a' + usage - 0x04)),
        0x1e..=0x38 => {
            let row = if shifted { SHIFTED } else { PLAIN };
            row.chars().nth(usize::from(usage - 0x1e)).filter(|sign| *sign != ' ').map(u32::from)
        }
        0x3a..=0x45 => Some(0xffbe + u32::from(usage - 0x3a)),
        _ => None,
    }
}

/// The key that a character is on, and whether it takes Shift.
pub(super) fn of_character(character: char) -> Option<(u8, bool)> {
    match character {
        '\n' => Some((0x28, false)),
        '\t' => Some((0x2b, false)),
        ' ' => Some((0x2c, false)),
        _ => {
            let all = (0x04..=0x38).flat_map(|usage| [(usage, false), (usage, true)]);
            all.into_iter().find(|(usage, shifted)| keysym(*usage, *shifted) == Some(u32::from(character)))
        }
    }
}

/// The usage of a key by its name in browsers (W3C UI Events KeyboardEvent code values).
pub(super) fn usage(code: &str) -> Option<u8> {
    if let Some((usage, ..)) = NAMED.iter().find(|(_, known, _)| *known == code) {
        return Some(*usage);
    }
    if let Some((sign, _)) = SIGNS.iter().find(|(_, known)| *known == code) {
        return of_character(*sign).map(|(usage, _)| usage);
    }
    if let Some(number) = code.strip_prefix('F') {
        return number
            .parse()
            .ok()
            .filter(|number| (1..=12).contains(number))
            .map(|number: u8| 0x39 + number);
    }
    let (prefix, character) = (code.strip_prefix("Key"), code.strip_prefix("Digit"));
    let character = prefix.or(character)?.chars().next().filter(|_| code.is_ascii())?;
    of_character(character.to_ascii_lowercase()).map(|(usage, _)| usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_by_usage_name_and_character() {
        let check = |usage_wanted: u8, code: &str, plain: char, shifted: char| {
            assert_eq!(usage(code), Some(usage_wanted), "{code}");
            assert_eq!(keysym(usage_wanted, false), Some(u32::from(plain)), "{code}");
            assert_eq!(keysym(usage_wanted, true), Some(u32::from(shifted)), "{code}");
            assert_eq!(of_character(plain), Some((usage_wanted, false)));
            assert_eq!(of_character(shifted), Some((usage_wanted, true)));
        };
        check(0x04, "KeyA", 'a', 'A');
        check(0x1d, "KeyZ", 'z', 'Z');
        check(0x1e, "Digit1", '1', '!');
        check(0x27, "Digit0", '0', ')');
        check(0x2d, "Minus", '-', '_');
        check(0x31, "Backslash", '\\', '|');
        check(0x33, "Semicolon", ';', ':');
        check(0x38, "Slash", '/', '?');
        assert_eq!((usage("F1"), usage("F12"), usage("F13")), (Some(0x3a), Some(0x45), None));
        assert_eq!((keysym(0x3a, false), keysym(0x45, true)), (Some(0xffbe), Some(0xffc9)));
        assert_eq!((usage("Enter"), usage("KeyÄ"), usage("")), (Some(0x28), None, None));
    }
}
