//! The characters that a recognition model tells apart.

use crate::error::RecogniserError;

/// The characters by the number that the model gives them; 0 is no character.
#[derive(Debug)]
pub(crate) struct Dictionary {
    characters: Vec<char>,
}

impl Dictionary {
    /// A list with a character on each line, as models of PP-OCR have it.
    ///
    /// # Errors
    ///
    /// [`RecogniserError::NotACharacter`] for a line of any other length.
    pub(crate) fn parse(text: &str) -> Result<Self, RecogniserError> {
        let mut characters = Vec::new();
        for (index, line) in text.split_terminator('\n').enumerate() {
            let line = line.strip_suffix('\r').unwrap_or(line);
            let mut rest = line.chars();
            match (rest.next(), rest.next()) {
                (Some(character), None) => characters.push(plain(character)),
                _ => return Err(RecogniserError::NotACharacter { line: index + 1 }),
            }
        }
        Ok(Self { characters })
    }

    /// Whether a model with so many classes can be read with this list: one class is no character, and a blank that the list
    /// does not have may be the last.
    pub(crate) fn fits(&self, classes: usize) -> bool {
        classes == self.characters.len() + 1 || classes == self.characters.len() + 2
    }

    /// The class that stands for a blank: of the list, or else the one behind it.
    pub(crate) fn blank(&self) -> usize {
        self.characters.iter().position(|character| *character == ' ').unwrap_or(self.characters.len()) + 1
    }

    /// The character of a class; nothing for the one that is no character.
    pub(crate) fn character(&self, class: usize) -> Option<char> {
        Some(self.characters.get(class.checked_sub(1)?).copied().unwrap_or(' '))
    }
}

/// Full-width forms, which the models confuse with the plain ones that consoles show, as plain ones.
fn plain(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character),
        '\u{3000}' => ' ',
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_counted_from_the_blank() {
        let dictionary = Dictionary::parse("a\nb\r\n：\n").unwrap();
        let characters: Vec<_> = (0..5).map(|class| dictionary.character(class)).collect();
        assert_eq!(characters, [None, Some('a'), Some('b'), Some(':'), Some(' ')]);
        assert!(dictionary.fits(4) && dictionary.fits(5));
        assert!(!dictionary.fits(3) && !dictionary.fits(6));
    }

    #[test]
    fn other_lists_are_refused() {
        let check = |text, at| {
            let refusal = Dictionary::parse(text).unwrap_err();
            assert!(matches!(refusal, RecogniserError::NotACharacter { line } if line == at), "{refusal}");
        };
        check("a\n\nb\n", 2);
        check("ab\n", 1);
        check("a\nb\ncd", 3);
    }
}
