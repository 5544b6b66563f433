//! How far what was read is from what stands there.

use regex::Regex;

/// A text as it is compared: line art, blocks and arrows are blanks, runs of blanks are one, empty lines are left out. Where
/// the texts come from, dashes, quotes and the like are ASCII.
pub fn normalised(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\r' => {}
            '\u{c}' => plain.push('\n'),
            '\t' | '\u{a0}' | '\u{2190}'..='\u{2195}' | '\u{21a8}' | '\u{2022}' => plain.push(' '),
            '\u{2500}'..='\u{259f}' | '\u{25a0}'..='\u{25ff}' => plain.push(' '),
            '\u{2018}' | '\u{2019}' => plain.push('\''),
            '\u{201c}' | '\u{201d}' => plain.push('"'),
            '\u{ad}' | '\u{2010}' | '\u{2011}' | '\u{2013}' | '\u{2014}' | '\u{2212}' => plain.push('-'),
            '\u{2026}' => plain.push_str("..."),
            other => plain.push(other),
        }
    }
    let lines = plain.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Characters that are to be changed, added or left out to make one text the other; `same` tells which agree.
pub fn distance(one: &str, other: &str, same: impl Fn(char, char) -> bool) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let alike = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[alike..], &other[alike..]);
    let mut before: Vec<usize> = (0..=other.len()).collect();
    for (row, a) in one.iter().enumerate() {
        let mut now = Vec::with_capacity(before.len());
        now.push(row + 1);
        for (column, b) in other.iter().enumerate() {
            let changed = before[column] + usize::from(!same(*a, *b));
            now.push(changed.min(before[column + 1] + 1).min(now[column] + 1));
        }
        before = now;
    }
    before[other.len()]
}

/// Named patterns of `rules.tsv`.
pub struct Rules(Vec<(String, Regex)>);

impl Rules {
    /// Reads lines of a name, a tab and a regular expression; lines that do not fit are told and left out.
    pub fn parse(text: &str) -> Self {
        let mut rules = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let rule = line.split_once('\t').and_then(|(name, pattern)| {
                Some((name.to_owned(), Regex::new(&format!("(?im){pattern}")).ok()?))
            });
            match rule {
                Some(rule) => rules.push(rule),
                None => eprintln!("bench reader: rules.tsv: no pattern: {line}"),
            }
        }
        Self(rules)
    }

    /// Whether each matches the text, in order.
    fn matches(&self, text: &str) -> Vec<bool> {
        self.0.iter().map(|(_, pattern)| pattern.is_match(text)).collect()
    }
}

/// Counts over a number of pictures.
#[derive(Clone, Default)]
pub struct Tally {
    pub pictures: usize,
    /// Characters of the true texts.
    pub characters: usize,
    /// Those that are wrong, missing or too many.
    pub wrong: usize,
    pub equal: usize,
    /// Patterns that the true texts match, and how many of those the readings match.
    pub patterns: usize,
    pub found: usize,
    /// Patterns that a reading matches and the true text does not.
    pub false_alarms: usize,
    /// Readings that say of themselves that they are not to be relied on.
    pub flagged: usize,
    /// Readings that pass for reliable and hold a wrong character: not one that is left unread.
    pub wrong_above_gate: usize,
}

impl Tally {
    /// The count of one reading.
    pub fn of(truth: &str, read: &str, reliable: bool, rules: &Rules) -> Self {
        let truth = normalised(truth);
        let (needed, text) = (rules.matches(&truth), normalised(read));
        let got = rules.matches(&text.replace(char::REPLACEMENT_CHARACTER, "?"));
        let count = |wanted: bool, is: bool| {
            needed.iter().zip(&got).filter(|(need, got)| (**need, **got) == (wanted, is)).count()
        };
        let unread_agrees = |a: char, b: char| a == b || b == char::REPLACEMENT_CHARACTER && a != '\n';
        Self {
            pictures: 1,
            characters: truth.chars().count(),
            wrong: distance(&truth, &text, |a, b| a == b),
            equal: usize::from(truth == text),
            patterns: needed.iter().filter(|needed| **needed).count(),
            found: count(true, true),
            false_alarms: count(false, true),
            flagged: usize::from(!reliable),
            wrong_above_gate: usize::from(reliable && distance(&truth, &text, unread_agrees) > 0),
        }
    }

    /// Adds the counts of another.
    pub fn add(&mut self, other: &Self) {
        self.pictures += other.pictures;
        self.characters += other.characters;
        self.wrong += other.wrong;
        self.equal += other.equal;
        self.patterns += other.patterns;
        self.found += other.found;
        self.false_alarms += other.false_alarms;
        self.flagged += other.flagged;
        self.wrong_above_gate += other.wrong_above_gate;
    }

    /// Wrong characters of a hundred.
    pub fn error_rate(&self) -> f64 {
        100.0 * self.wrong as f64 / self.characters.max(1) as f64
    }
}
