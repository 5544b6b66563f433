//! Many patterns on one screen: a pass over the text tells which of them can match at all.

use std::collections::HashMap;

use aho_corasick::AhoCorasick;
use regex_syntax::hir::{Hir, HirKind};

use super::{Match, Pattern, PatternError};
use crate::page::Searchable;

/// The shortest piece of text that tells patterns apart.
const SHORTEST: usize = 3;

/// Pieces of which one must stand on the screen, for one pattern: more are as good as none.
const MOST_PIECES: usize = 16;

/// Patterns by their texts, with what each needs to match.
#[derive(Default)]
pub struct PatternSet {
    patterns: Vec<Pattern>,
    places: HashMap<String, usize>,
    /// For each pattern, the pieces of text of which one stands in everything that it matches; none where that is not
    /// known.
    needs: Vec<Option<Vec<String>>>,
    /// Looks for all pieces at once.
    pieces: Option<AhoCorasick>,
    /// The pattern that each piece belongs to.
    owners: Vec<usize>,
}

/// Which patterns of a set can match a screen.
pub struct Candidates(Vec<bool>);

impl PatternSet {
    /// Compiles a pattern and adds it, unless it is there.
    ///
    /// # Errors
    ///
    /// As [`Pattern::new`].
    pub fn add(&mut self, source: &str) -> Result<(), PatternError> {
        if !self.places.contains_key(source) {
            let pattern = Pattern::new(source)?;
            self.places.insert(source.to_owned(), self.patterns.len());
            self.needs.push(needed(source));
            self.patterns.push(pattern);
        }
        Ok(())
    }

    /// Adds a pattern as [`Self::add`] does, without compiling it where `earlier` has it.
    ///
    /// # Errors
    ///
    /// As [`Pattern::new`].
    pub fn add_again(&mut self, source: &str, earlier: &Self) -> Result<(), PatternError> {
        let Some(place) = earlier.places.get(source).filter(|_| !self.places.contains_key(source)) else {
            return self.add(source);
        };
        self.places.insert(source.to_owned(), self.patterns.len());
        self.needs.push(earlier.needs[*place].clone());
        self.patterns.push(earlier.patterns[*place].clone());
        Ok(())
    }

    /// Prepares the set; what is added later is tried on every screen.
    #[must_use]
    pub fn prepared(mut self) -> Self {
        let mut pieces = Vec::new();
        self.owners.clear();
        for (owner, need) in self.needs.iter().enumerate() {
            for piece in need.iter().flatten() {
                pieces.push(piece.as_str());
                self.owners.push(owner);
            }
        }
        // Where it cannot be built, every pattern is tried.
        self.pieces = AhoCorasick::builder().ascii_case_insensitive(true).build(pieces).ok();
        self
    }

    /// The pattern of this text, where it is in the set.
    pub fn get(&self, source: &str) -> Option<&Pattern> {
        self.patterns.get(*self.places.get(source)?)
    }

    /// Which patterns can match the page, or a part of it.
    pub fn candidates(&self, page: &Searchable) -> Candidates {
        let texts = || [Some(&page.rows), page.joined.as_ref()].into_iter().flatten().map(|text| &text.text);
        // Two letters beyond ASCII count as `k` and `s` where cases are not told apart.
        let folds = texts().any(|text| text.contains(['\u{212a}', '\u{17f}']));
        let Some(pieces) = self.pieces.as_ref().filter(|_| !folds) else {
            return Candidates(vec![true; self.patterns.len()]);
        };
        let mut candidates: Vec<bool> = self.needs.iter().map(Option::is_none).collect();
        for text in texts() {
            for found in pieces.find_overlapping_iter(text) {
                candidates[self.owners[found.pattern().as_usize()]] = true;
            }
        }
        Candidates(candidates)
    }

    /// Finds a pattern of the set on a page, without trying one that is no candidate.
    pub fn find(&self, source: &str, candidates: &Candidates, page: &Searchable) -> Option<Match> {
        self.may_match(source, candidates).then(|| self.get(source)?.find_on(page)).flatten()
    }

    /// Whether a pattern is in the set and can match.
    pub fn may_match(&self, source: &str, candidates: &Candidates) -> bool {
        self.places.get(source).is_some_and(|place| candidates.0.get(*place).copied().unwrap_or(true))
    }
}

/// The pieces of text of which one stands in everything that a pattern matches, whatever the case of its letters.
fn needed(source: &str) -> Option<Vec<String>> {
    let hir = regex_syntax::ParserBuilder::new().multi_line(true).build().parse(source).ok()?;
    pieces(&hir)
}

fn pieces(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            // Rows end elsewhere in a part of a page, and cases beyond ASCII are another matter.
            let plain = |character: char| !(character.is_ascii_graphic() || character == ' ');
            let longest = text.split(plain).max_by_key(|piece| piece.len())?;
            (longest.len() >= SHORTEST).then(|| vec![longest.to_owned()])
        }
        HirKind::Capture(capture) => pieces(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => pieces(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().filter_map(pieces).max_by_key(|pieces| worth(pieces)),
        HirKind::Alternation(branches) => {
            let all: Option<Vec<Vec<String>>> = branches.iter().map(pieces).collect();
            all.map(|all| all.concat()).filter(|all| all.len() <= MOST_PIECES)
        }
        HirKind::Repetition(_) | HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) => None,
    }
}

/// How well pieces tell screens apart: by the shortest of them.
fn worth(pieces: &[String]) -> usize {
    pieces.iter().map(String::len).min().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Page;

    #[test]
    fn what_a_pattern_needs_is_found_in_it() {
        let check = |source: &str, wanted: Option<&[&str]>| {
            let found = needed(source);
            let found: Option<Vec<&str>> = found.as_ref().map(|all| all.iter().map(String::as_str).collect());
            assert_eq!(found.as_deref(), wanted, "{source}");
        };
        check("Kernel panic - not syncing", Some(&["Kernel panic - not syncing"]));
        check(r"(press|strike)\s+F1\s+to\s+(continue|resume)", Some(&["continue", "resume"]));
        check(r"^\S+ login:", Some(&[" login:"]));
        check(r"(abc)?x*\d+", None);
        check(r"(abc){2}", Some(&["abc"]));
        check(r"(?i)login", None);
        check("größe ist", Some(&["e ist"]));
        check("ab|login", None);
    }

    proptest! {
        /// The set finds what each pattern alone finds.
        #[test]
        fn nothing_is_missed(
            words in prop::collection::vec("[kK]ernel|pan[iI]c|\u{212a}ernel|login:|[a-z ]{0,12}", 0..8),
            wide in any::<bool>(),
        ) {
            let sources = ["kernel", "(panic|oops).*", "^log", r"k\w+l\s+p", r"\d", "ernel\nlog", "x|y|login"];
            let mut set = PatternSet::default();
            for source in sources {
                set.add(source).unwrap();
            }
            let set = set.prepared();
            let page = Page::from_text(&words.join(if wide { " " } else { "\n" }));
            let searchable = page.searchable();
            let candidates = set.candidates(&searchable);
            for source in sources {
                let alone = Pattern::new(source).unwrap().find(&page);
                prop_assert_eq!(set.find(source, &candidates, &searchable), alone, "{}", source);
            }
        }
    }
}
