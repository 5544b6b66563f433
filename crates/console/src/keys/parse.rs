//! Text to key steps.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::{Chord, Key, KeyStep, Modifier, Secret, keysym};

/// The largest count in `<Down*3>`: more is a slip, and a menu has no more entries.
pub const MAX_REPEAT: u32 = 100;

/// The most steps that one text may expand to: at ten keys a second, seven minutes of typing.
pub const MAX_STEPS: usize = 4096;

/// The most that all waits of one text may add up to; a longer wait belongs into a flow's `sleep` or `waitFor`.
pub const MAX_TOTAL_WAIT: Duration = Duration::from_secs(600);

/// Why a text is not a key sequence. Offsets count bytes from the start of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A `<` without its `>`.
    #[error("`<` at offset {offset} is not closed with `>`; write `<<` for a literal `<`")]
    Unclosed {
        /// Where the `<` stands.
        offset: usize,
    },
    /// `<>`, or a part of a chord is missing.
    #[error("a key name is missing at offset {offset}; write `<<` for a literal `<`")]
    MissingName {
        /// Where the name should stand.
        offset: usize,
    },
    /// No key or modifier has this name.
    #[error("no key is called `{name}` (offset {offset}){}", nearest.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    UnknownKey {
        /// Where the name stands.
        offset: usize,
        /// The name as written.
        name: String,
        /// The known name that is most like it.
        nearest: Option<&'static str>,
    },
    /// The count after `*` is no number from 1 to [`MAX_REPEAT`].
    #[error("`{count}` at offset {offset} is no count from 1 to {MAX_REPEAT}")]
    BadRepeat {
        /// Where the count stands.
        offset: usize,
        /// The count as written.
        count: String,
    },
    /// The time after `wait` is not a number with `ms`, `s` or `m`.
    #[error("`{time}` at offset {offset} is no time such as `500ms`, `2s` or `1m`")]
    BadWait {
        /// Where the time stands.
        offset: usize,
        /// The time as written.
        time: String,
    },
    /// No key types this character.
    #[error("no key types {character:?} (offset {offset})")]
    Untypable {
        /// Where the character stands.
        offset: usize,
        /// The character.
        character: char,
    },
    /// A secret is to be typed that was not given.
    #[error("{} is to be typed at offset {offset}, and it was not given", if name.is_empty() { "a secret".to_owned() } else { format!("the secret `{name}`") })]
    NoSecret {
        /// Where it is to be typed.
        offset: usize,
        /// Its name; empty where it has none.
        name: String,
    },
    /// A secret cannot be typed. Which of its characters is the reason is not told.
    #[error("the secret to be typed at offset {offset} is empty, or has a character that no key types")]
    UntypableSecret {
        /// Where it was to be typed.
        offset: usize,
    },
    /// More than [`MAX_STEPS`] steps, the characters of secrets counted.
    #[error("more than {MAX_STEPS} keys from offset {offset} on")]
    TooManySteps {
        /// Where the bound was passed.
        offset: usize,
    },
    /// All waits together are longer than [`MAX_TOTAL_WAIT`].
    #[error("waits add up to more than {} s at offset {offset}", MAX_TOTAL_WAIT.as_secs())]
    WaitsTooLong {
        /// Where the bound was passed.
        offset: usize,
    },
}

impl KeyError {
    /// Where the fault stands: bytes from the start of the text.
    pub fn offset(&self) -> usize {
        match self {
            Self::Unclosed { offset }
            | Self::MissingName { offset }
            | Self::UnknownKey { offset, .. }
            | Self::BadRepeat { offset, .. }
            | Self::BadWait { offset, .. }
            | Self::Untypable { offset, .. }
            | Self::NoSecret { offset, .. }
            | Self::UntypableSecret { offset }
            | Self::TooManySteps { offset }
            | Self::WaitsTooLong { offset } => *offset,
        }
    }
}

/// Reads a key sequence in which no secret is typed; the grammar stands in the [module's](super) documentation.
///
/// # Errors
///
/// The first fault with its place. The result is bounded by [`MAX_STEPS`] and [`MAX_TOTAL_WAIT`].
pub fn parse(text: &str) -> Result<Vec<KeyStep>, KeyError> {
    parse_with(text, |_| None)
}

/// Reads a key sequence. `secrets` knows the text of a secret by its name, which is empty for `<secret>`.
///
/// # Errors
///
/// As of [`parse`]; nothing of a secret stands in an error.
pub fn parse_with(
    text: &str,
    secrets: impl Fn(&str) -> Option<SecretString>,
) -> Result<Vec<KeyStep>, KeyError> {
    let mut steps = Vec::new();
    let mut waited = Duration::ZERO;
    let mut hidden = 0;
    let mut offset = 0;
    while let Some(character) = text[offset..].chars().next() {
        let rest = &text[offset..];
        let length = if rest.starts_with("<<") {
            steps.push(KeyStep::Type('<'));
            2
        } else if character == '<' {
            let body = token(rest).ok_or(KeyError::Unclosed { offset })?;
            if let Some(name) = argument_of("secret", body.trim()) {
                let secret = secret(name, offset, &secrets)?;
                hidden += secret.text().expose_secret().chars().count();
                steps.push(KeyStep::Secret(secret));
            } else {
                expand(body, offset + 1, &mut steps)?;
            }
            body.len() + 2
        } else if keysym::typable(character) {
            steps.push(KeyStep::Type(character));
            character.len_utf8()
        } else {
            return Err(KeyError::Untypable { offset, character });
        };
        if let Some(KeyStep::Wait(time)) = steps.last() {
            waited = waited.saturating_add(*time);
        }
        if steps.len().saturating_add(hidden) > MAX_STEPS {
            return Err(KeyError::TooManySteps { offset });
        }
        if waited > MAX_TOTAL_WAIT {
            return Err(KeyError::WaitsTooLong { offset });
        }
        offset += length;
    }
    Ok(steps)
}

/// What stands between `<` and its `>`. `<Ctrl->>` is Ctrl with the key `>`.
fn token(rest: &str) -> Option<&str> {
    let body = &rest[1..];
    let mut end = body.find('>')?;
    if end > 0 && body[..end].ends_with('-') && body[end + 1..].starts_with('>') {
        end += 1;
    }
    Some(&body[..end])
}

/// Appends the steps of one `<...>`, whose inside is `body` at `offset`.
fn expand(body: &str, offset: usize, steps: &mut Vec<KeyStep>) -> Result<(), KeyError> {
    let name = body.trim();
    let offset = offset + (body.len() - body.trim_start().len());
    if name.is_empty() {
        return Err(KeyError::MissingName { offset });
    }
    if let Some(time) = argument_of("wait", name) {
        let at = offset + (name.len() - time.len());
        let wait = duration(time).ok_or_else(|| KeyError::BadWait { offset: at, time: time.to_owned() })?;
        steps.push(KeyStep::Wait(wait));
        return Ok(());
    }
    let (name, count) = match name.rsplit_once('*') {
        Some((key, count)) if !key.is_empty() && !key.ends_with('-') => {
            let parsed = count.parse().ok().filter(|count| (1..=MAX_REPEAT).contains(count));
            let at = offset + key.len() + 1;
            (key, parsed.ok_or_else(|| KeyError::BadRepeat { offset: at, count: count.to_owned() })?)
        }
        _ => (name, 1),
    };
    let step = KeyStep::Press(chord(name, offset)?);
    steps.extend(std::iter::repeat_n(step, count as usize));
    Ok(())
}

/// What follows a word, as the time in `wait 500ms`, trimmed; none if this does not begin with the word.
fn argument_of<'a>(word: &str, text: &'a str) -> Option<&'a str> {
    let (begin, rest) = text.split_at_checked(word.len())?;
    (begin.eq_ignore_ascii_case(word) && (rest.is_empty() || rest.starts_with(char::is_whitespace)))
        .then(|| rest.trim())
}

fn secret(
    name: &str,
    offset: usize,
    secrets: &impl Fn(&str) -> Option<SecretString>,
) -> Result<Secret, KeyError> {
    let text = secrets(name).ok_or_else(|| KeyError::NoSecret { offset, name: name.to_owned() })?;
    Secret::new(name, text).ok_or(KeyError::UntypableSecret { offset })
}

fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let milliseconds = match text[digits..].trim_start() {
        "ms" => number,
        "s" => number.checked_mul(1_000)?,
        "m" => number.checked_mul(60_000)?,
        _ => return None,
    };
    Some(Duration::from_millis(milliseconds))
}

fn chord(text: &str, offset: usize) -> Result<Chord, KeyError> {
    let mut modifiers = Vec::new();
    let mut name = text;
    let mut at = offset;
    // A name that starts with the dash is the key `-` itself, as in `<Ctrl-->`.
    while let Some(dash) = name.char_indices().skip(1).find(|(_, c)| *c == '-').map(|(dash, _)| dash) {
        let word = &name[..dash];
        let modifier = keysym::modifier(word).ok_or_else(|| unknown(word, at))?;
        hold(modifier, &mut modifiers);
        name = &name[dash + 1..];
        at += dash + 1;
        if name.is_empty() {
            return Err(KeyError::MissingName { offset: at });
        }
    }
    if name.eq_ignore_ascii_case("SysRq") {
        hold(Modifier::Alt, &mut modifiers);
        name = "PrintScreen";
    }
    // `<Ctrl-C>` means the key C, not Shift as well.
    let lowered = name.to_ascii_lowercase();
    let name = if !modifiers.is_empty() && name.len() == 1 { &lowered } else { name };
    let key = Key::named(name).ok_or_else(|| unknown(name, at))?;
    Ok(Chord { modifiers, key })
}

fn hold(modifier: Modifier, held: &mut Vec<Modifier>) {
    if modifier == Modifier::SysRq {
        hold(Modifier::Alt, held);
    }
    if !held.contains(&modifier) {
        held.push(modifier);
    }
}

fn unknown(name: &str, offset: usize) -> KeyError {
    KeyError::UnknownKey { offset, name: name.to_owned(), nearest: keysym::nearest(name) }
}
