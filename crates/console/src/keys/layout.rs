//! What is printed on the keys: layouts of keyboards.

use std::fmt;

/// The layout that a machine takes the positions of keys for.
///
/// Where systems differ, it is as Linux has it (xkeyboard-config): Windows wants a blank after `~` and backtick of
/// [`Fr`](Self::Fr).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Layout {
    /// United States; firmware knows no other as a rule.
    #[default]
    Us,
    /// United Kingdom.
    Uk,
    /// Germany, with dead accents.
    De,
    /// France (AZERTY).
    Fr,
}

/// Where a character is: a key, and what is held with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// The key's usage on the keyboard page (USB HID Usage Tables, 10).
    pub(super) usage: u8,
    pub(super) level: Level,
    /// What the key types by itself; of a dead key, its accent.
    pub(super) character: char,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Plain,
    Shift,
    AltGr,
}

/// How a character is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Typing {
    pub(super) first: Spot,
    /// What follows a dead key.
    pub(super) second: Option<Spot>,
}

/// The usages of the keys that layouts differ in, row by row from the top, left to right.
///
/// The key beside Enter of European keyboards is here as 0x31: what has no 0x32 has that, and systems take both for the
/// same key. 0x64 is right of the left Shift, and missing on keyboards of the US.
const ROWS: [&[u8]; 4] = [
    &[0x35, 0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x2d, 0x2e],
    &[0x14, 0x1a, 0x08, 0x15, 0x17, 0x1c, 0x18, 0x0c, 0x12, 0x13, 0x2f, 0x30],
    &[0x04, 0x16, 0x07, 0x09, 0x0a, 0x0b, 0x0d, 0x0e, 0x0f, 0x33, 0x34, 0x31],
    &[0x64, 0x1d, 0x1b, 0x06, 0x19, 0x05, 0x11, 0x10, 0x36, 0x37, 0x38],
];

/// The space bar.
const SPACE: Spot = Spot { usage: 0x2c, level: Level::Plain, character: ' ' };

/// The characters of a layout, in the order of [`ROWS`]. A blank stands for a key without one, and for a dead key.
struct Table {
    plain: [&'static str; 4],
    shift: [&'static str; 4],
    alt_gr: [&'static str; 4],
    /// Accents that wait for the letter that they go on; a blank after them leaves the accent alone.
    dead: &'static [Spot],
}

const US: Table = Table {
    plain: ["`1234567890-=", "qwertyuiop[]", "asdfghjkl;'\\", " zxcvbnm,./"],
    shift: ["~!@#$%^&*()_+", "QWERTYUIOP{}", "ASDFGHJKL:\"|", " ZXCVBNM<>?"],
    alt_gr: ["", "", "", ""],
    dead: &[],
};

const UK: Table = Table {
    plain: ["`1234567890-=", "qwertyuiop[]", "asdfghjkl;'#", "\\zxcvbnm,./"],
    shift: ["¬!\"£$%^&*()_+", "QWERTYUIOP{}", "ASDFGHJKL:@~", "|ZXCVBNM<>?"],
    alt_gr: ["    €", "", "", ""],
    dead: &[],
};

const DE: Table = Table {
    plain: [" 1234567890ß ", "qwertzuiopü+", "asdfghjklöä#", "<yxcvbnm,.-"],
    shift: ["°!\"§$%&/()=? ", "QWERTZUIOPÜ*", "ASDFGHJKLÖÄ'", ">YXCVBNM;:_"],
    alt_gr: ["  ²³   {[]}\\", "@ €        ~", "", "|      µ"],
    dead: &[
        Spot { usage: 0x35, level: Level::Plain, character: '^' },
        Spot { usage: 0x2e, level: Level::Plain, character: '´' },
        Spot { usage: 0x2e, level: Level::Shift, character: '`' },
    ],
};

const FR: Table = Table {
    plain: ["²&é\"'(-è_çà)=", "azertyuiop $", "qsdfghjklmù*", "<wxcvbn,;:!"],
    shift: [" 1234567890°+", "AZERTYUIOP £", "QSDFGHJKLM%µ", ">WXCVBN?./§"],
    alt_gr: ["  ~#{[|`\\^@]}", "  €        ¤", "", ""],
    dead: &[
        Spot { usage: 0x2f, level: Level::Plain, character: '^' },
        Spot { usage: 0x2f, level: Level::Shift, character: '¨' },
    ],
};

/// Accents, letters, and what comes of the two.
const ACCENTED: &[(char, &str, &str)] = &[
    ('^', "aeiouAEIOU", "âêîôûÂÊÎÔÛ"),
    ('´', "aeiouyAEIOUY", "áéíóúýÁÉÍÓÚÝ"),
    ('`', "aeiouAEIOU", "àèìòùÀÈÌÒÙ"),
    ('¨', "aeiouyAEIOU", "äëïöüÿÄËÏÖÜ"),
];

impl Layout {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Us, Self::Uk, Self::De, Self::Fr];

    /// The name as manifests write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Uk => "uk",
            Self::De => "de",
            Self::Fr => "fr",
        }
    }

    const fn table(self) -> &'static Table {
        match self {
            Self::Us => &US,
            Self::Uk => &UK,
            Self::De => &DE,
            Self::Fr => &FR,
        }
    }

    /// How a printable character is typed; none where the layout has no keys for it.
    pub(super) fn typing(self, character: char) -> Option<Typing> {
        if let Some(first) = self.spot(character) {
            return Some(Typing { first, second: None });
        }
        let dead = |accent: char| self.table().dead.iter().find(|spot| spot.character == accent).copied();
        if let Some(first) = dead(character) {
            return Some(Typing { first, second: Some(SPACE) });
        }
        ACCENTED.iter().find_map(|(accent, letters, composed)| {
            let place = composed.chars().position(|known| known == character)?;
            let second = self.spot(letters.chars().nth(place)?);
            Some(Typing { first: dead(*accent)?, second: Some(second?) })
        })
    }

    /// The key that types a character by itself.
    fn spot(self, character: char) -> Option<Spot> {
        if character == ' ' {
            return Some(SPACE);
        }
        let table = self.table();
        let levels =
            [(Level::Plain, &table.plain), (Level::Shift, &table.shift), (Level::AltGr, &table.alt_gr)];
        levels.into_iter().find_map(|(level, rows)| {
            let usage = ROWS.iter().zip(rows).find_map(|(usages, characters)| {
                let mut keys = usages.iter().zip(characters.chars());
                keys.find(|(_, known)| *known == character).map(|(usage, _)| *usage)
            })?;
            Some(Spot { usage, level, character })
        })
    }

    /// The character that the key of a usage types with nothing held.
    pub(super) fn plain_at(self, usage: u8) -> Option<char> {
        ROWS.iter()
            .zip(&self.table().plain)
            .find_map(|(usages, characters)| {
                usages.iter().zip(characters.chars()).find(|(known, _)| **known == usage)
            })
            .map(|(_, character)| character)
            .filter(|character| *character != ' ')
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
