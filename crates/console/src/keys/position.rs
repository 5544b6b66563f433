//! Keys by their position: usages on the keyboard page of USB (USB HID Usage Tables, 10).

use xkeysym::key;

use super::Modifier;

/// Keys without a character of their own, and their usages.
const NAMED: &[(u32, u8)] = &[
    (key::Return, 0x28),
    (key::Escape, 0x29),
    (key::BackSpace, 0x2a),
    (key::Tab, 0x2b),
    (key::space, 0x2c),
    (key::Caps_Lock, 0x39),
    (key::F1, 0x3a),
    (key::F2, 0x3b),
    (key::F3, 0x3c),
    (key::F4, 0x3d),
    (key::F5, 0x3e),
    (key::F6, 0x3f),
    (key::F7, 0x40),
    (key::F8, 0x41),
    (key::F9, 0x42),
    (key::F10, 0x43),
    (key::F11, 0x44),
    (key::F12, 0x45),
    (key::Print, 0x46),
    (key::Scroll_Lock, 0x47),
    // Pause and Break are one key.
    (key::Pause, 0x48),
    (key::Break, 0x48),
    (key::Insert, 0x49),
    (key::Home, 0x4a),
    (key::Page_Up, 0x4b),
    (key::Delete, 0x4c),
    (key::End, 0x4d),
    (key::Page_Down, 0x4e),
    (key::Right, 0x4f),
    (key::Left, 0x50),
    (key::Down, 0x51),
    (key::Up, 0x52),
    (key::Num_Lock, 0x53),
    (key::KP_Enter, 0x58),
    (key::Menu, 0x65),
];

/// The names of keys in browsers (W3C UI Events KeyboardEvent code values), by usage from 0x04 on. The empty one is the
/// key beside Enter, which has the name of 0x31.
const CODES: &[&str] = &[
    "KeyA",
    "KeyB",
    "KeyC",
    "KeyD",
    "KeyE",
    "KeyF",
    "KeyG",
    "KeyH",
    "KeyI",
    "KeyJ",
    "KeyK",
    "KeyL",
    "KeyM",
    "KeyN",
    "KeyO",
    "KeyP",
    "KeyQ",
    "KeyR",
    "KeyS",
    "KeyT",
    "KeyU",
    "KeyV",
    "KeyW",
    "KeyX",
    "KeyY",
    "KeyZ",
    "Digit1",
    "Digit2",
    "Digit3",
    "Digit4",
    "Digit5",
    "Digit6",
    "Digit7",
    "Digit8",
    "Digit9",
    "Digit0",
    "Enter",
    "Escape",
    "Backspace",
    "Tab",
    "Space",
    "Minus",
    "Equal",
    "BracketLeft",
    "BracketRight",
    "Backslash",
    "",
    "Semicolon",
    "Quote",
    "Backquote",
    "Comma",
    "Period",
    "Slash",
    "CapsLock",
    "F1",
    "F2",
    "F3",
    "F4",
    "F5",
    "F6",
    "F7",
    "F8",
    "F9",
    "F10",
    "F11",
    "F12",
    "PrintScreen",
    "ScrollLock",
    "Pause",
    "Insert",
    "Home",
    "PageUp",
    "Delete",
    "End",
    "PageDown",
    "ArrowRight",
    "ArrowLeft",
    "ArrowDown",
    "ArrowUp",
    "NumLock",
];

/// The same of keys further on.
const FURTHER_CODES: &[(u8, &str)] = &[
    (0x58, "NumpadEnter"),
    (0x64, "IntlBackslash"),
    (0x65, "ContextMenu"),
    (0xe0, "ControlLeft"),
    (0xe1, "ShiftLeft"),
    (0xe2, "AltLeft"),
    (0xe3, "MetaLeft"),
    (0xe6, "AltRight"),
];

/// The name of a key in browsers (W3C UI Events KeyboardEvent code values), by its usage: all that
/// [`strokes`](super::strokes) may press.
pub fn code_of(usage: u8) -> Option<&'static str> {
    let first = usage.checked_sub(0x04).and_then(|place| CODES.get(usize::from(place)).copied());
    let further = || FURTHER_CODES.iter().find(|(known, _)| *known == usage).map(|(_, code)| *code);
    first.filter(|code| !code.is_empty()).or_else(further)
}

/// The usage of a key that has no character of its own.
pub(super) fn of_named(keysym: u32) -> Option<u8> {
    NAMED.iter().find(|(known, _)| *known == keysym).map(|(_, usage)| *usage)
}

pub(super) const fn of_modifier(modifier: Modifier) -> u8 {
    match modifier {
        Modifier::Ctrl => 0xe0,
        Modifier::Shift => 0xe1,
        Modifier::Alt => 0xe2,
        Modifier::Super => 0xe3,
        Modifier::AltGr => 0xe6,
        Modifier::SysRq => 0x46,
    }
}
