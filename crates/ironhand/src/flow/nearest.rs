//! What on a screen comes nearest to a pattern that does not match it: mostly a slip in the pattern, or a word that the
//! firmware writes otherwise.

use std::collections::BTreeSet;

/// The shortest word that tells anything.
const SHORTEST_WORD: usize = 3;

/// The words of a regular expression: runs of letters that stand for themselves.
fn words(pattern: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut word = String::new();
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        let plain = match character {
            // `\s` and its like are no letters of the text; nor is the name of a group or of a class.
            '\\' => {
                if matches!(characters.next(), Some('p' | 'P' | 'x' | 'u')) && characters.peek() == Some(&'{')
                {
                    characters.by_ref().find(|next| *next == '}');
                }
                None
            }
            '(' if characters.peek() == Some(&'?') => {
                characters.by_ref().find(|next| matches!(next, '>' | ':' | ')'));
                None
            }
            '[' => {
                characters.by_ref().find(|next| *next == ']');
                None
            }
            other => Some(other).filter(|other| other.is_alphanumeric()),
        };
        match plain {
            Some(letter) => word.extend(letter.to_lowercase()),
            None => {
                words.insert(std::mem::take(&mut word));
            }
        }
    }
    words.insert(word);
    words.retain(|word| word.chars().count() >= SHORTEST_WORD);
    words
}

/// Words that are told to be missing at most: a pattern with alternatives has many.
const MOST_MISSING: usize = 3;

/// The row of `text` that has most words of `pattern`, in words; none where no row has two of them, or half.
pub fn nearest(pattern: &str, text: &str) -> Option<String> {
    let wanted = words(pattern);
    let count = |line: &str| {
        let line = line.to_lowercase();
        wanted.iter().filter(|word| line.contains(word.as_str())).count()
    };
    let (row, line) = text.lines().enumerate().max_by_key(|(row, line)| (count(line), usize::MAX - row))?;
    let found = count(line);
    (found >= 2 || found > 0 && found * 2 >= wanted.len()).then(|| {
        let missing: Vec<String> = wanted
            .iter()
            .filter(|word| !line.to_lowercase().contains(word.as_str()))
            .map(|word| format!("`{word}`"))
            .collect();
        let missing = match missing.len() {
            1..=MOST_MISSING => format!(", without {}", missing.join(", ")),
            _ => String::new(),
        };
        format!("row {} comes nearest: `{}`{missing}", row + 1, line.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_row_is_told_with_what_it_lacks() {
        let check = |pattern: &str, text: &str, wanted: Option<&str>| {
            assert_eq!(nearest(pattern, text).as_deref(), wanted, "{pattern}");
        };
        let screen = "Fan 2 failed\n  Press Esc to continue\nlogin:";
        check(
            r"(press|strike)\s+F\d+\s+to\s+continue",
            screen,
            Some("row 2 comes nearest: `Press Esc to continue`, without `strike`"),
        );
        check(r"Kernel panic - not syncing", screen, None);
        check(r"(?<disk>sd[a-z]) failed", screen, Some("row 1 comes nearest: `Fan 2 failed`"));
        check(r"\p{Lu}+\d", screen, None);
        check("login", "", None);
    }
}
