//! Names of resources.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// The name of a resource: 1 to 63 lower-case letters, digits, `-` and `.`, beginning and ending with a letter or
/// digit (the label of RFC 1123 section 2.1, and dots so that host names fit).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(String);

/// The longest name, so that it fits a DNS label, a file name and a column of a table.
const LONGEST_NAME: usize = 63;

/// Why a text is not a [`Name`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a name: use 1 to {LONGEST_NAME} lower-case letters, digits, `-` and `.`, beginning and ending with a letter or digit"
)]
pub struct NameError {
    text: String,
}

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let good = (1..=LONGEST_NAME).contains(&text.len())
            && text.chars().all(|c| alphanumeric(c) || c == '-' || c == '.')
            && text.starts_with(alphanumeric)
            && text.ends_with(alphanumeric);
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError { text: text.chars().take(LONGEST_NAME + 1).collect() })
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Name {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Name".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_labels() {
        let check = |text: &str, good: bool| assert_eq!(text.parse::<Name>().is_ok(), good, "{text:?}");
        check("rack7-12", true);
        check("node17.ams.example", true);
        check("7", true);
        check("", false);
        check("Rack7", false);
        check("-rack", false);
        check("rack-", false);
        check("rack 7", false);
        check("rack/7", false);
        check(&"x".repeat(63), true);
        check(&"x".repeat(64), false);
    }
}
