//! The name of a label, as a setting.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest name of a label that a setting holds, in bytes: that of a label in Kubernetes without its prefix.
const LONGEST: usize = 63;

/// The key of a label, or nothing. Small enough to be copied with all other settings.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct LabelKey {
    bytes: [u8; LONGEST],
    length: u8,
}

/// Why a text is no key of a label.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key of a label has at most {LONGEST} letters, digits, `-`, `_`, `.` or `/`")]
pub struct LabelKeyError;

impl LabelKey {
    /// No label.
    pub const NONE: Self = Self { bytes: [0; LONGEST], length: 0 };

    /// The key; empty where there is none.
    pub fn as_str(&self) -> &str {
        // What was taken is ASCII.
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }

    /// Whether there is none.
    pub const fn is_none(&self) -> bool {
        self.length == 0
    }
}

impl TryFrom<String> for LabelKey {
    type Error = LabelKeyError;

    fn try_from(text: String) -> Result<Self, LabelKeyError> {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
        let mut key = Self::NONE;
        let place = key.bytes.get_mut(..text.len()).filter(|_| text.bytes().all(is_known));
        place.ok_or(LabelKeyError)?.copy_from_slice(text.as_bytes());
        key.length = u8::try_from(text.len()).map_err(|_| LabelKeyError)?;
        Ok(key)
    }
}

impl From<LabelKey> for String {
    fn from(key: LabelKey) -> Self {
        key.as_str().to_owned()
    }
}

impl fmt::Display for LabelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if self.is_none() { "none" } else { self.as_str() })
    }
}

impl fmt::Debug for LabelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LabelKey({:?})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kept_as_they_are_written() {
        let check = |text: &str, wanted: Option<&str>| {
            let read = LabelKey::try_from(text.to_owned()).ok();
            assert_eq!(read.map(String::from).as_deref(), wanted, "{text}");
        };
        check("rack", Some("rack"));
        check("", Some(""));
        check(&"k".repeat(63), Some(&"k".repeat(63)));
        check(&"k".repeat(64), None);
        check("two words", None);
        check("tür", None);
        assert_eq!(LabelKey::NONE.to_string(), "none");
    }
}
