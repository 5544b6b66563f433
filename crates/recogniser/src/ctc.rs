//! What a recognition model says of each step along a line, to characters.

use crate::dictionary::Dictionary;

/// A character of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Symbol {
    pub(crate) character: char,
    /// 0 to 1.
    pub(crate) confidence: f32,
    /// The first and the last step that say so.
    pub(crate) steps: (usize, usize),
    /// How likely there is a blank before it, 0 to 1, even where that is not the likeliest.
    pub(crate) blank_before: f32,
}

/// The likeliest class of each step, where the same class on neighbouring steps is one character and class 0 stands between
/// characters. `probabilities` has `classes` values for each step.
pub(crate) fn decode(probabilities: &[f32], classes: usize, dictionary: &Dictionary) -> Vec<Symbol> {
    let mut symbols: Vec<Symbol> = Vec::new();
    let mut last = 0;
    let blank = dictionary.blank();
    let mut blank_before = 0.0_f32;
    for (step, scores) in probabilities.chunks_exact(classes).enumerate() {
        blank_before = blank_before.max(scores.get(blank).copied().unwrap_or_default());
        let (class, confidence) = scores
            .iter()
            .enumerate()
            .fold((0, f32::MIN), |best, (class, score)| if *score > best.1 { (class, *score) } else { best });
        if class == last
            && let Some(symbol) = symbols.last_mut()
            && class != 0
        {
            symbol.confidence = symbol.confidence.max(confidence);
            symbol.steps.1 = step;
            blank_before = 0.0;
        } else if let Some(character) = dictionary.character(class) {
            symbols.push(Symbol { character, confidence, steps: (step, step), blank_before });
            blank_before = 0.0;
        }
        last = class;
    }
    symbols
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each step is a class and its probability in tenths.
    fn check(steps: &[(usize, u8)], expected: &[(char, u8, usize, usize)]) {
        let dictionary = Dictionary::parse("a\nb\n").unwrap();
        let mut probabilities = vec![0.0; steps.len() * 4];
        for (at, (class, tenths)) in steps.iter().enumerate() {
            probabilities[at * 4 + class] = f32::from(*tenths) / 10.0;
        }
        let symbols: Vec<_> = decode(&probabilities, 4, &dictionary)
            .iter()
            .map(|symbol| {
                let tenths = (symbol.confidence * 10.0).round() as u8;
                (symbol.character, tenths, symbol.steps.0, symbol.steps.1)
            })
            .collect();
        assert_eq!(symbols, expected);
    }

    #[test]
    fn steps_become_characters() {
        check(&[], &[]);
        check(&[(0, 9), (0, 9)], &[]);
        check(&[(1, 5), (1, 9), (1, 6)], &[('a', 9, 0, 2)]);
        check(&[(1, 9), (0, 9), (1, 8)], &[('a', 9, 0, 0), ('a', 8, 2, 2)]);
        check(&[(0, 9), (2, 9), (3, 7), (1, 9)], &[('b', 9, 1, 1), (' ', 7, 2, 2), ('a', 9, 3, 3)]);
    }
}
