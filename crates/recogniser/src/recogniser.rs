//! The whole way from a picture to rows.

use std::sync::Arc;

use ironhand_console::{Image, Reading, ReadingCell};
use rten::ThreadPool;

use crate::ctc::{self, Symbol};
use crate::detection;
use crate::dictionary::Dictionary;
use crate::error::RecogniserError;
use crate::network::Network;
use crate::resize::{Area, planes};
use crate::rows::{Piece, rows};
use crate::spaces::Line;

/// The height of a line as the recognition model takes it, in pixels.
const LINE_HEIGHT: usize = 48;

/// The least width: the model was trained on such, and reads short words better with grey behind them.
const LEAST_WIDTH: usize = 320;

/// The widest line: time and memory grow with it. A longer one is pressed together.
const LARGEST_WIDTH: usize = 4096;

/// A character that the model is less certain of is unread.
const LEAST_CONFIDENCE: f32 = 0.7;

/// A piece whose characters have a smaller mean is unread as a whole: part of a logo, or a font that the model does not know.
const LEAST_MEAN: f32 = 0.8;

/// What the caller hands over.
pub struct Models {
    /// Marks where text stands: ONNX.
    pub detection: Vec<u8>,
    /// Reads a line: ONNX.
    pub recognition: Vec<u8>,
    /// The characters that the recognition model knows, one on each line; not needed where that model has them inside.
    pub characters: Option<String>,
}

/// Reads what stands on a picture in any font.
pub struct Recogniser {
    detection: Network,
    recognition: Network,
    dictionary: Dictionary,
}

impl Recogniser {
    /// Loads the models.
    ///
    /// # Errors
    ///
    /// A [`RecogniserError`] where they cannot be loaded, or have no list of characters.
    pub fn new(models: Models) -> Result<Self, RecogniserError> {
        let pool = Arc::new(ThreadPool::with_num_threads(1));
        let detection = Network::load("detection", models.detection, &pool)?;
        let recognition = Network::load("recognition", models.recognition, &pool)?;
        let characters = models.characters.as_deref().or_else(|| recognition.note("character"));
        let dictionary = Dictionary::parse(characters.ok_or(RecogniserError::NoDictionary)?)?;
        Ok(Self { detection, recognition, dictionary })
    }

    /// Reads a picture. What is unlikely is U+FFFD; where most of it is, the kind of the [`Reading`] is graphics.
    ///
    /// # Errors
    ///
    /// A [`RecogniserError`] where a model does not answer as one of its kind.
    pub fn read(&self, image: &Image) -> Result<Reading, RecogniserError> {
        if image.pixels.is_empty() {
            return Ok(Reading::recognised(Vec::new(), image));
        }
        let mut pieces = Vec::new();
        for area in detection::find(&self.detection, image)? {
            let line = Line::of(image, area);
            let (symbols, step) = self.symbols(image, area)?;
            let cells = cells(&line, &line.with_blanks(&symbols, step));
            if !cells.is_empty() {
                pieces.push(Piece { area, cells });
            }
        }
        Ok(Reading::recognised(rows(pieces), image))
    }

    /// The characters of a line, and the width of a step in pixels of the picture.
    fn symbols(&self, image: &Image, area: Area) -> Result<(Vec<Symbol>, f32), RecogniserError> {
        let width = (area.width * LINE_HEIGHT).div_ceil(area.height).clamp(1, LARGEST_WIDTH);
        let padded = width.max(LEAST_WIDTH).next_multiple_of(8);
        let (shape, probabilities) = self.recognition.run(planes(image, area, width, LINE_HEIGHT, padded))?;
        let [1, steps, classes] = shape[..] else {
            return Err(self.recognition.foreign(format!("an answer of {shape:?}")));
        };
        if steps == 0 || !self.dictionary.fits(classes) {
            return Err(self
                .recognition
                .foreign(format!("{classes} classes, which the list of characters is not for")));
        }
        let step = padded as f32 / steps as f32 * area.width as f32 / width as f32;
        Ok((ctc::decode(&probabilities, classes, &self.dictionary), step))
    }
}

/// The cells of a line, without blanks at its ends.
fn cells(line: &Line, symbols: &[Symbol]) -> Vec<ReadingCell> {
    let is_blank = |symbol: &Symbol| symbol.character == ' ';
    let first = symbols.iter().position(|symbol| !is_blank(symbol)).unwrap_or(symbols.len());
    let end = symbols.iter().rposition(|symbol| !is_blank(symbol)).map_or(first, |last| last + 1);
    let symbols = &symbols[first..end];
    let mean = symbols.iter().map(|symbol| symbol.confidence).sum::<f32>() / symbols.len() as f32;
    let is_certain =
        |symbol: &Symbol| is_blank(symbol) || (mean >= LEAST_MEAN && symbol.confidence >= LEAST_CONFIDENCE);
    symbols
        .iter()
        .map(|symbol| ReadingCell {
            character: if is_certain(symbol) { symbol.character } else { char::REPLACEMENT_CHARACTER },
            confidence: if is_certain(symbol) { symbol.confidence } else { 0.0 },
            foreground: line.ink,
            background: line.ground,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_uncertain_is_unread() {
        let image = Image { width: 2, height: 1, pixels: vec![0, 0xff_ffff] };
        let line = Line::of(&image, Area::whole(&image));
        let check = |text: &str, tenths: &[u8], expected: &str| {
            let symbol = |(character, tenths): (char, &u8)| Symbol {
                character,
                confidence: f32::from(*tenths) / 10.0,
                steps: (0, 0),
                blank_before: 0.0,
            };
            let symbols: Vec<_> = text.chars().zip(tenths).map(symbol).collect();
            let read: String = cells(&line, &symbols).iter().map(|cell| cell.character).collect();
            assert_eq!(read, expected);
        };
        check("", &[], "");
        check("  ", &[9, 9], "");
        check(" a b ", &[9, 9, 9, 9, 9], "a b");
        check("abcd", &[10, 10, 4, 10], "ab\u{fffd}d");
        check("a bc", &[7, 7, 7, 8], "\u{fffd} \u{fffd}\u{fffd}");
    }

    #[test]
    fn other_bytes_are_no_models() {
        let models = Models { detection: b"GIF89a".to_vec(), recognition: Vec::new(), characters: None };
        let refusal = Recogniser::new(models).err().expect("these are no models");
        assert!(matches!(refusal, RecogniserError::Unloadable { role: "detection", .. }), "{refusal}");
    }
}
