//! Names and characters to X11 keysyms.

use super::Modifier;
use xkeysym::{Keysym, key};

/// Key names, the preferred name of each keysym first.
const KEYS: &[(&str, u32)] = &[
    ("Enter", key::Return),
    ("Return", key::Return),
    ("Esc", key::Escape),
    ("Escape", key::Escape),
    ("Tab", key::Tab),
    ("Space", key::space),
    ("Backspace", key::BackSpace),
    ("BS", key::BackSpace),
    ("Del", key::Delete),
    ("Delete", key::Delete),
    ("Insert", key::Insert),
    ("Ins", key::Insert),
    ("Home", key::Home),
    ("End", key::End),
    ("PageUp", key::Page_Up),
    ("PgUp", key::Page_Up),
    ("PageDown", key::Page_Down),
    ("PgDn", key::Page_Down),
    ("Up", key::Up),
    ("Down", key::Down),
    ("Left", key::Left),
    ("Right", key::Right),
    ("F1", key::F1),
    ("F2", key::F2),
    ("F3", key::F3),
    ("F4", key::F4),
    ("F5", key::F5),
    ("F6", key::F6),
    ("F7", key::F7),
    ("F8", key::F8),
    ("F9", key::F9),
    ("F10", key::F10),
    ("F11", key::F11),
    ("F12", key::F12),
    ("PrintScreen", key::Print),
    ("Pause", key::Pause),
    ("Break", key::Break),
    ("ScrollLock", key::Scroll_Lock),
    ("NumLock", key::Num_Lock),
    ("CapsLock", key::Caps_Lock),
    ("Menu", key::Menu),
    ("KP_Enter", key::KP_Enter),
    ("LT", key::less),
    ("GT", key::greater),
];

/// Modifier names, the preferred one of each first.
const MODIFIERS: &[(&str, Modifier)] = &[
    ("Ctrl", Modifier::Ctrl),
    ("Control", Modifier::Ctrl),
    ("Alt", Modifier::Alt),
    ("AltGr", Modifier::AltGr),
    ("Shift", Modifier::Shift),
    ("Super", Modifier::Super),
    ("Win", Modifier::Super),
    ("Meta", Modifier::Super),
    ("SysRq", Modifier::SysRq),
];

/// How alike a misspelt name must be for its neighbour to be suggested (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.75;

pub(super) fn of_key(name: &str) -> Option<u32> {
    let mut characters = name.chars();
    if let (Some(only), None) = (characters.next(), characters.next()) {
        return typable(only).then(|| of_character(only));
    }
    KEYS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, keysym)| *keysym)
}

pub(super) fn key_name(keysym: u32) -> Option<&'static str> {
    KEYS.iter().find(|(_, known)| *known == keysym).map(|(name, _)| *name)
}

pub(super) fn character_of(keysym: u32) -> Option<char> {
    Keysym::new(keysym).key_char()
}

pub(super) fn modifier(name: &str) -> Option<Modifier> {
    MODIFIERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, modifier)| *modifier)
}

pub(super) fn modifier_name(modifier: Modifier) -> &'static str {
    match modifier {
        Modifier::Ctrl => "Ctrl",
        Modifier::Alt => "Alt",
        Modifier::AltGr => "AltGr",
        Modifier::Shift => "Shift",
        Modifier::Super => "Super",
        Modifier::SysRq => "SysRq",
    }
}

pub(super) fn of_modifier(modifier: Modifier) -> u32 {
    match modifier {
        Modifier::Ctrl => key::Control_L,
        Modifier::Alt => key::Alt_L,
        Modifier::AltGr => key::ISO_Level3_Shift,
        Modifier::Shift => key::Shift_L,
        Modifier::Super => key::Super_L,
        // The key that carries both legends sends Print; servers make SysRq of it when Alt is held.
        Modifier::SysRq => key::Print,
    }
}

/// Whether the keysym is of a key without a character: X11 has them all from here on.
pub(super) const fn is_function(keysym: u32) -> bool {
    matches!(keysym, 0xfd00..=0xffff)
}

/// Whether a key exists for this character: printable, or a line feed or tab, which are Enter and Tab.
pub(super) fn typable(character: char) -> bool {
    matches!(character, '\n' | '\t')
        || (!character.is_control() && Keysym::from_char(character) != Keysym::NoSymbol)
}

pub(super) fn of_character(character: char) -> u32 {
    match character {
        '\n' => key::Return,
        '\t' => key::Tab,
        _ => Keysym::from_char(character).raw(),
    }
}

/// The known key or modifier name nearest to a misspelt one.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let wanted = name.to_ascii_lowercase();
    KEYS.iter()
        .map(|(known, _)| *known)
        .chain(MODIFIERS.iter().map(|(known, _)| *known))
        .chain(["wait", "secret"])
        .map(|known| (strsim::jaro_winkler(&known.to_ascii_lowercase(), &wanted), known))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}
