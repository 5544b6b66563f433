//! From the text of a screen to a pattern: the words that are there every time, without those of one day or one machine.

use ironhand_console::{Page, Pattern};

/// Words of one pattern at most: more are no surer, and break with the next release of whoever wrote them.
const MOST_WORDS: usize = 6;

/// Letters that a pattern must have at least: fewer stand on any screen.
const LEAST_LETTERS: usize = 4;

/// A row of so few words that starts at the first column is taken whole, like a prompt.
const PROMPT_WORDS: usize = 4;

/// Words that tell of an illness, or of what is wanted of a person.
const TELLING: [&str; 17] = [
    "press",
    "panic",
    "error",
    "fail",
    "failed",
    "failure",
    "fatal",
    "cannot",
    "unable",
    "missing",
    "inconsistency",
    "emergency",
    "rescue",
    "login:",
    "password",
    "manually",
    "recovery",
];

/// Names of months and days, as dates have them.
const OF_DATES: [&str; 31] = [
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
    "mon",
    "tue",
    "wed",
    "thu",
    "fri",
    "sat",
    "sun",
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "utc",
];

/// A pattern that finds the words of one row of `screen`, and nothing on any of `others`; none where nothing on it is its
/// own. `host` is what the machine is called, which stands in no pattern.
pub fn pattern_of(screen: &str, others: &[&str], host: &str) -> Option<String> {
    let own = Page::from_text(screen);
    let others: Vec<Page> = others.iter().map(|text| Page::from_text(text)).collect();
    let last = screen.lines().filter(|row| !row.trim().is_empty()).count();
    let rows = screen.lines().filter(|row| !row.trim().is_empty()).enumerate();
    let mut candidates: Vec<(usize, String)> = rows
        .flat_map(|(index, row)| {
            // A prompt stands at the end.
            let bonus = if index + 1 == last { 10 } else { 0 };
            candidates_of(row, host).into_iter().map(move |(score, pattern)| (score + bonus, pattern))
        })
        .collect();
    // Of equals, the one that stands first.
    candidates.sort_by(|(a, _), (b, _)| b.cmp(a));
    let finds = |pattern: &Pattern, page: &Page| pattern.find(page).is_some();
    candidates.into_iter().map(|(_, source)| source).find(|source| {
        Pattern::new(source)
            .is_ok_and(|pattern| finds(&pattern, &own) && !others.iter().any(|other| finds(&pattern, other)))
    })
}

/// Patterns for one row, each with how much it tells.
fn candidates_of(row: &str, host: &str) -> Vec<(usize, String)> {
    let words: Vec<&str> = row.split_whitespace().collect();
    let stable = |word: &&str| is_stable(word, host);
    let score = |words: &[&str]| {
        let letters: usize = words.iter().filter(|word| stable(word)).map(|word| letters(word)).sum();
        let tells = words.iter().any(|word| TELLING.contains(&bare(word).as_str()));
        // Keys alone are those that the firmware offers at every boot.
        let keys = words.iter().filter(|word| is_function_key(word)).count();
        let bonus = match (tells, keys) {
            (true, 1) => 50,
            (true, _) => 30,
            (false, 0) => 0,
            (false, _) => return None,
        };
        (letters >= LEAST_LETTERS).then_some(letters.min(40) + bonus)
    };
    let mut found = Vec::new();
    if words.len() <= PROMPT_WORDS && !row.starts_with(char::is_whitespace) {
        let parts: Vec<String> =
            words.iter().map(|word| if stable(word) { escaped(word) } else { r"\S+".to_owned() }).collect();
        // A prompt that ends in something else every time is none.
        if words.last().is_some_and(stable) {
            found.extend(score(&words).map(|score| (score + 5, format!("^{}", parts.join(r"\s+")))));
        }
    }
    for run in words.split(|word| !is_stable(word, host)) {
        for part in run.windows(run.len().clamp(1, MOST_WORDS)) {
            let parts: Vec<String> = part.iter().map(|word| escaped(word)).collect();
            found.extend(score(part).map(|score| (score, parts.join(r"\s+"))));
        }
    }
    found
}

fn letters(word: &str) -> usize {
    word.chars().filter(|character| character.is_alphabetic()).count()
}

/// Whether a word is there every time: no number, date, address, or name of the machine.
fn is_stable(word: &str, host: &str) -> bool {
    let bare = bare(word);
    let name = host.split('.').next().unwrap_or(host).to_lowercase();
    let is_hexadecimal = bare.len() >= 6 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
    let has_digit = word.chars().any(|character| character.is_ascii_digit());
    letters(word) > 0
        && (!has_digit || is_function_key(word))
        && !is_hexadecimal
        && !OF_DATES.contains(&bare.as_str())
        && (name.is_empty() || !word.to_lowercase().contains(&name))
        && word.chars().all(|character| character.is_alphanumeric() || character.is_ascii_punctuation())
}

/// A word in small letters, without the commas and brackets around it.
fn bare(word: &str) -> String {
    let around = |character: char| !character.is_alphanumeric() && character != ':';
    let bare = word.trim_matches(around).to_lowercase();
    if bare == "login:" { bare } else { bare.trim_end_matches(':').to_owned() }
}

/// `F1` to `F12`, which stand on screens as what is to be pressed.
fn is_function_key(word: &str) -> bool {
    let bare = bare(word);
    let number = bare.strip_prefix('f').and_then(|number| number.parse::<u8>().ok());
    number.is_some_and(|number| (1..=12).contains(&number))
}

/// The word as a regular expression that finds it alone.
fn escaped(word: &str) -> String {
    let mut text = String::with_capacity(word.len());
    for character in word.chars() {
        if r"\.+*?()|[]{}^$#&-~".contains(character) {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

/// A name for a flow that a pattern is of.
pub fn name_from(pattern: &str) -> String {
    let plain = pattern.replace(r"\s+", "-").replace(r"\S+", "");
    let mut name = String::new();
    for character in plain.to_lowercase().chars() {
        match character {
            'a'..='z' | '0'..='9' => name.push(character),
            '-' if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    name.truncate(40);
    name.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(screen: &str, others: &[&str], wanted: Option<&str>) {
        assert_eq!(pattern_of(screen, others, "rack7-12").as_deref(), wanted, "{screen}");
    }

    #[test]
    fn words_are_taken_that_are_there_every_time() {
        check("BIOS 2.14 03/01/2026\n\n  Press F1 to continue\n", &[], Some(r"Press\s+F1\s+to\s+continue"));
        check("Debian 12 rack7-12 ttyS0\n\nrack7-12 login: ", &[], Some(r"^\S+\s+login:"));
        check("[    3.141592] Kernel panic - not syncing: VFS\n", &[], Some(r"Kernel\s+panic"));
        // The keys that firmware offers at every boot tell nothing.
        let post = "F9 System Utilities   F10 Provisioning   F11 Boot Menu   F12 Network Boot\n\nPress F1 to continue";
        check(post, &[], Some(r"^Press\s+F1\s+to\s+continue"));
        check("1234 0xdeadbeef 10.0.7.12 Mon Mar 2\n", &[], None);
        check("", &[], None);
    }

    #[test]
    fn a_pattern_finds_nothing_on_other_screens() {
        let menu = "Boot menu\nPress Enter to boot\n";
        check(menu, &["Press Enter to boot now"], Some(r"^Boot\s+menu"));
        check(menu, &[menu], None);
    }

    #[test]
    fn names_come_from_patterns() {
        assert_eq!(name_from(r"Press\s+F1\s+to\s+continue"), "press-f1-to-continue");
        assert_eq!(name_from(r"^\S+\s+login:"), "login");
        assert_eq!(name_from(r"^\(initramfs\)"), "initramfs");
    }

    #[test]
    fn every_screen_of_the_library_has_a_pattern_of_its_own() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/screens");
        let mut texts = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // Those with a `__` are other pictures of the same text.
            let is_copy = path.to_string_lossy().contains("__");
            if path.extension().is_some_and(|extension| extension == "txt") && !is_copy {
                texts.push((path.clone(), std::fs::read_to_string(path).unwrap()));
            }
        }
        assert!(texts.len() > 10);
        let login = "Debian GNU/Linux 12 rack7-12 tty1\n\nrack7-12 login: ";
        for (path, text) in &texts {
            if text.contains("login:") || text.trim().is_empty() {
                continue;
            }
            let pattern = pattern_of(text, &[login], "rack7-12");
            let pattern = pattern.unwrap_or_else(|| panic!("{}: {text}", path.display()));
            let found = Pattern::new(&pattern).unwrap().find(&Page::from_text(text));
            assert!(found.is_some() && !pattern.contains("rack7"), "{}: {pattern}", path.display());
        }
    }
}
