//! Learning a font from one screen whose text is known.
//!
//! The text says which cells hold the same character, and only one grid makes all of those look the same: that is how the
//! size and the place of the cells are found. Each character's bitmap is then cut out. A screen that contradicts its text is
//! refused: a font with one wrong letter would make wrong text of every later screen.

mod fit;

use std::collections::BTreeMap;

use crate::font::{Font, Glyph, fonts};
use crate::{Image, Place};
use fit::Sheet;

/// The fewest characters on a screen that a font is learned from.
const FEWEST_CHARACTERS: usize = 20;

/// The fewest of them that stand there a second time: only they tell the grid.
const FEWEST_REPEATED: usize = 8;

/// Why no font can be learned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LearnError {
    /// Too few characters, or too few that occur more than once.
    #[error(
        "the text is too short to tell the cells from: at least {FEWEST_CHARACTERS} characters are needed, \
         and {FEWEST_REPEATED} that occur more than once"
    )]
    TooLittle,
    /// No grid of cells agrees with the text.
    #[error(
        "no cells of 6 x 8 to 16 x 32 pixels show this text: it is to hold every row of the screen, blank ones too, and the picture \
         is to be as the machine sent it, neither scaled nor compressed with losses"
    )]
    NoGrid,
    /// The same character looks different in two places.
    #[error(
        "`{character}` in row {}, column {} looks different from that in row {}, column {}: mend the text, or take a picture \
         without the cursor",
        .second.row + 1, .second.column + 1, .first.row + 1, .first.column + 1
    )]
    Differs {
        /// The character.
        character: char,
        /// Where it was seen first.
        first: Place,
        /// Where it looks different.
        second: Place,
    },
    /// Two characters look the same.
    #[error("`{one}` and `{other}` look the same in this picture: one of the two is wrong in the text")]
    Same {
        /// A character.
        one: char,
        /// Another.
        other: char,
    },
    /// Something stands where the text has a blank.
    #[error("row {}, column {} is not blank in the picture, but it is in the text", .place.row + 1, .place.column + 1)]
    NotBlank {
        /// Where.
        place: Place,
    },
    /// Nothing, or a picture, stands where the text has a character.
    #[error("row {}, column {} shows no `{character}` in two colours", .place.row + 1, .place.column + 1)]
    NotDrawn {
        /// The character of the text.
        character: char,
        /// Where.
        place: Place,
    },
    /// A font that is known draws another character so.
    #[error("the font {font} draws `{known}` just so: `{character}` is wrong in the text")]
    KnownAs {
        /// The character of the text.
        character: char,
        /// The character that the font draws so.
        known: char,
        /// Its name.
        font: String,
    },
    /// The font to which this is added has other cells.
    #[error("the font has cells of {} x {} pixels, and this screen of {} x {}", .font.0, .font.1, .screen.0, .screen.1)]
    OtherCells {
        /// Width and height of the font's cells.
        font: (u32, u32),
        /// Width and height of the screen's.
        screen: (u32, u32),
    },
    /// The font to which this is added draws a character otherwise.
    #[error(
        "the font draws `{character}` otherwise: this screen shows another font, which wants a name of its own"
    )]
    OtherDrawing {
        /// The character.
        character: char,
    },
}

/// Learns the font of a screen from its text: a line for each row, from the first to the last that is not blank.
///
/// # Errors
///
/// [`LearnError`] where the text is too short, does not fit the picture, or is contradicted by it or by a known font.
pub fn learn(name: impl Into<String>, image: &Image, text: &str) -> Result<Font, LearnError> {
    let lines: Vec<Vec<char>> = text.lines().map(|line| line.trim_end().chars().collect()).collect();
    check_length(&lines)?;
    let reduced = [4, 3, 2].into_iter().find_map(|scale| image.undoubled(scale));
    let image = reduced.as_ref().unwrap_or(image);
    let sheet = fit::find(image, &lines).ok_or(LearnError::NoGrid)?;
    let glyphs = glyphs(&sheet)?;
    check_known(&sheet, &glyphs)?;
    Ok(Font::of_glyphs(name.into(), sheet.width, sheet.cell_height, glyphs))
}

fn check_length(lines: &[Vec<char>]) -> Result<(), LearnError> {
    let mut counts: BTreeMap<char, usize> = BTreeMap::new();
    for character in lines.iter().flatten().filter(|character| **character != ' ') {
        *counts.entry(*character).or_default() += 1;
    }
    let characters: usize = counts.values().sum();
    let enough = characters >= FEWEST_CHARACTERS && characters - counts.len() >= FEWEST_REPEATED;
    enough.then_some(()).ok_or(LearnError::TooLittle)
}

/// The bitmap of each character; an error at the first cell that contradicts the text.
fn glyphs(sheet: &Sheet<'_>) -> Result<BTreeMap<char, Vec<Glyph>>, LearnError> {
    let mut first_seen: BTreeMap<char, Place> = BTreeMap::new();
    let mut glyphs: BTreeMap<char, Vec<Glyph>> = BTreeMap::new();
    for (place, character) in sheet.characters() {
        if character == ' ' {
            if !sheet.is_blank(place) {
                return Err(LearnError::NotBlank { place });
            }
            continue;
        }
        let glyph = sheet.glyph(place).ok_or(LearnError::NotDrawn { character, place })?;
        let first = *first_seen.entry(character).or_insert(place);
        let drawings = glyphs.entry(character).or_default();
        if drawings.is_empty() {
            drawings.push(glyph);
        } else if !drawings.contains(&glyph) {
            return Err(LearnError::Differs { character, first, second: place });
        }
    }
    let ascii = || glyphs.iter().filter(|(character, _)| character.is_ascii_graphic());
    for (one, drawings) in ascii() {
        if let Some((other, _)) = ascii().find(|(other, its)| *other > one && *its == drawings) {
            return Err(LearnError::Same { one: *one, other: *other });
        }
    }
    Ok(glyphs)
}

/// Refuses what a built-in font of the same cells knows better.
fn check_known(sheet: &Sheet<'_>, glyphs: &BTreeMap<char, Vec<Glyph>>) -> Result<(), LearnError> {
    let same_cells = |font: &&Font| (font.width(), font.height()) == (sheet.width, sheet.cell_height);
    for font in fonts().iter().filter(same_cells) {
        for (known, drawing) in font.drawings().filter(|(known, _)| known.is_ascii_graphic()) {
            let other = |(character, drawings): &(&char, &Vec<Glyph>)| {
                **character != known && character.is_ascii_graphic() && drawings.contains(drawing)
            };
            if let Some((character, _)) = glyphs.iter().find(other) {
                let (character, font) = (*character, font.name().to_owned());
                return Err(LearnError::KnownAs { character, known, font });
            }
        }
    }
    Ok(())
}

impl Font {
    /// Adds what was learned from another screen of the same font; returns how many characters are new.
    ///
    /// # Errors
    ///
    /// [`LearnError`] where the other has cells of another size, draws a character otherwise, or draws one as this font draws
    /// another. Nothing is added then.
    pub fn merge(&mut self, other: &Self) -> Result<usize, LearnError> {
        let (font, screen) = ((self.width(), self.height()), (other.width(), other.height()));
        if font != screen {
            return Err(LearnError::OtherCells { font, screen });
        }
        let mut new = Vec::new();
        for (character, drawing) in other.drawings() {
            match self.glyph(character) {
                Some(known) if known == drawing.as_ref() => {}
                Some(_) => return Err(LearnError::OtherDrawing { character }),
                None => new.push((character, drawing.clone())),
            }
            let ascii = |known: char| known.is_ascii_graphic() && character.is_ascii_graphic();
            let same = self.drawings().find(|(known, its)| {
                *known != character && ascii(*known) && its.as_ref() == drawing.as_ref()
            });
            if let Some((one, _)) = same {
                return Err(LearnError::Same { one, other: character });
            }
        }
        let count = new.len();
        self.add(new);
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
