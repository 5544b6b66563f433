//! What was read of one host, where that takes more than a line.

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::output::{Field, Output};

/// What was read of one host.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// The word under which the summary counts it.
    pub word: &'static str,
    /// What programs read, an object.
    document: Value,
    line: Option<Field>,
    pairs: Vec<(&'static str, Field)>,
    head: Vec<&'static str>,
    /// None where there is no table.
    rows: Option<Vec<Vec<Field>>>,
    notes: Vec<Field>,
}

/// As the document, whose fields stand beside the host's name.
impl Serialize for Block {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.document.serialize(serializer)
    }
}

impl Block {
    /// Several things of a kind; without any, the table says so.
    pub fn table(word: &'static str, head: Vec<&'static str>, rows: Vec<Vec<Field>>) -> Self {
        let rows = rows.into_iter().map(|row| row.into_iter().map(Field::printable).collect());
        Self { word, head, rows: Some(rows.collect()), ..Self::default() }
    }

    /// No more than a line.
    pub fn line(word: &'static str, text: impl Into<Field>) -> Self {
        Self { word, line: Some(text.into().printable()), ..Self::default() }
    }

    /// The same for programs.
    #[must_use]
    pub fn with_document(self, document: Value) -> Self {
        Self { document, ..self }
    }

    /// Named values above the table.
    #[must_use]
    pub fn with_pairs(self, pairs: Vec<(&'static str, Field)>) -> Self {
        let pairs = pairs.into_iter().map(|(name, field)| (name, field.printable())).collect();
        Self { pairs, ..self }
    }

    /// Lines below the table.
    #[must_use]
    pub fn with_notes(self, notes: impl IntoIterator<Item = Field>) -> Self {
        Self { notes: notes.into_iter().map(Field::printable).collect(), ..self }
    }

    /// The lines that people read; `taken` columns of the terminal are not theirs.
    pub fn lines(&self, output: Output, taken: usize) -> Vec<String> {
        let mut lines: Vec<String> = self.line.iter().map(|field| output.inline(field)).collect();
        let width = self.pairs.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        lines.extend(
            self.pairs.iter().map(|(name, field)| format!("{name:width$}  {}", output.inline(field))),
        );
        match &self.rows {
            Some(rows) if rows.is_empty() => lines.push("none".to_owned()),
            Some(rows) => {
                if !lines.is_empty() {
                    lines.push(String::new());
                }
                lines.extend(output.table_lines_beside(&self.head, rows.iter().cloned(), taken));
            }
            None => {}
        }
        lines.extend(self.notes.iter().map(|note| output.inline(note)));
        lines
    }
}
