//! Faults of a manifest.

use super::tree::Place;

/// Faults that are told of one file: a file that is no manifest at all must not fill the memory with reasons.
const MOST_FAULTS: usize = 1000;

/// One fault of a manifest, placed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct ManifestError {
    /// The file, as the caller named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The faults of one file, as they are found.
pub(super) struct Faults {
    file: String,
    found: Vec<ManifestError>,
}

impl Faults {
    pub(super) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), found: Vec::new() }
    }

    pub(super) fn add(&mut self, place: Place, message: impl Into<String>, hint: Option<String>) {
        if self.found.len() < MOST_FAULTS {
            let Place { line, column } = place;
            self.found.push(ManifestError {
                file: self.file.clone(),
                line,
                column,
                message: message.into(),
                hint,
            });
        }
    }

    /// `value` where no fault was found, else the faults in file order.
    pub(super) fn none_or<T>(mut self, value: T) -> Result<T, Vec<ManifestError>> {
        if self.found.is_empty() {
            return Ok(value);
        }
        self.found.sort_by_key(|fault| (fault.line, fault.column));
        Err(self.found)
    }
}

/// The word of `known` that was probably meant by `word`.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let plain = |word: &str| word.to_lowercase().replace(['-', '_'], "");
    let wanted = plain(word);
    // A third of the letters wrong, and it is another word.
    let limit = (wanted.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, candidate)| (*distance, !candidate.starts_with(word)))
        .map(|(_, candidate)| candidate)
}
