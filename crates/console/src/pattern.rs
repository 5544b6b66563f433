//! Patterns: regular expressions tried on the text of a screen, with evidence of what matched where.

mod set;
#[cfg(test)]
mod tests;

pub use set::{Candidates, PatternSet};

use crate::page::{Haystack, Page, Searchable};
use std::collections::BTreeMap;

/// The most memory that one compiled pattern may take, in bytes: ample for `\w` with repeats, far below what a hostile
/// `(((a{100}){100}){100})` asks for.
const MAX_COMPILED: usize = 1 << 20;

/// The most memory that the matcher may keep between searches for one pattern, in bytes.
const MAX_CACHE: usize = 2 << 20;

/// The longest pattern, in bytes. A screen of 80 x 25 holds 2,000 characters.
const MAX_SOURCE: usize = 4096;

/// A regular expression to try on screens.
///
/// It ignores case, and `^` and `$` stand for the start and end of a row, unless the pattern says otherwise with
/// `(?-i)` or `(?-m)`. It is tried on the rows as they stand, and then on the rows joined where a line wraps at the last
/// column, since consoles break lines anywhere. Line art is blanked before.
///
/// ```
/// use ironhand_console::{Page, Pattern};
///
/// let page = Page::from_text("Fan failure\n  Press F1 to continue, F2 for setup");
/// let found = Pattern::new(r"press\s+(?<key>F\d+)\s+to continue")?.find(&page).expect("it stands there");
/// assert_eq!((found.row, found.column), (1, 2));
/// assert_eq!(found.text, "Press F1 to continue");
/// assert_eq!(found.groups["key"], "F1");
/// assert_eq!(found.confidence, 1.0);
/// # Ok::<(), ironhand_console::PatternError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: regex::Regex,
}

/// Why a text is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The regular expression does not parse.
    #[error("not a regular expression: {reason}")]
    Syntax {
        /// The parser's own words, with a marker under the place.
        reason: String,
    },
    /// The pattern is too long or would compile to too much.
    #[error("the pattern takes more than {limit} bytes")]
    TooLarge {
        /// The bound that was passed.
        limit: usize,
    },
}

/// Where a pattern was found: the evidence for a decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The matched text; a wrapped line is joined, other row ends are line feeds.
    pub text: String,
    /// Row of the first character, from 0.
    pub row: usize,
    /// Column of the first character, from 0.
    pub column: usize,
    /// The groups that took part, by number (`"1"`) and, where they have one, by name.
    pub groups: BTreeMap<String, String>,
    /// The least confidence of any matched character, 0 to 1: 1 when each was read exactly.
    pub confidence: f32,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    ///
    /// [`PatternError`] when the text is no regular expression or a too large one.
    pub fn new(source: &str) -> Result<Self, PatternError> {
        if source.len() > MAX_SOURCE {
            return Err(PatternError::TooLarge { limit: MAX_SOURCE });
        }
        regex::RegexBuilder::new(source)
            .case_insensitive(true)
            .multi_line(true)
            .size_limit(MAX_COMPILED)
            .dfa_size_limit(MAX_CACHE)
            .build()
            .map(|regex| Self { regex })
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(limit) => PatternError::TooLarge { limit },
                error => PatternError::Syntax { reason: error.to_string() },
            })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    /// Finds the first place of a page that the pattern matches.
    ///
    /// Matches that cover nothing but blanks are passed over: they are evidence of nothing.
    pub fn find(&self, page: &Page) -> Option<Match> {
        self.find_on(&page.searchable())
    }

    /// The same on a page that was prepared, for where many patterns are tried.
    pub fn find_on(&self, page: &Searchable) -> Option<Match> {
        self.find_in(&page.rows).or_else(|| page.joined.as_ref().and_then(|joined| self.find_in(joined)))
    }

    fn find_in(&self, haystack: &Haystack) -> Option<Match> {
        let captures = self
            .regex
            .captures_iter(&haystack.text)
            .find(|captures| captures.get(0).is_some_and(|whole| !whole.as_str().trim().is_empty()))?;
        let whole = captures.get(0)?;
        let (row, column) = haystack.place(whole.start());
        let mut groups = BTreeMap::new();
        for (index, name) in self.regex.capture_names().enumerate().skip(1) {
            if let Some(group) = captures.get(index) {
                groups.insert(index.to_string(), group.as_str().to_owned());
                groups.extend(name.map(|name| (name.to_owned(), group.as_str().to_owned())));
            }
        }
        Some(Match {
            text: whole.as_str().to_owned(),
            row,
            column,
            groups,
            confidence: haystack.confidence(whole.range()),
        })
    }
}
