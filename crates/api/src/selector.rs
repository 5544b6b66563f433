//! Label selectors: which resources a list or a command is about.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Conditions on labels, all of which must hold; without any, everything is selected.
///
/// Written as `kubectl -l` takes them: `role=web` (or `role==web`), `rack!=7`, `gpu` (has the label),
/// `!retired` (has it not), joined by commas. As there, `rack!=7` holds for a resource without a label `rack`.
///
/// ```
/// use std::collections::BTreeMap;
/// use ironhand_api::LabelSelector;
///
/// let selector: LabelSelector = "role=web,rack!=7,!retired".parse()?;
/// let labels = BTreeMap::from([("role".to_owned(), "web".to_owned())]);
/// assert!(selector.matches(&labels));
/// # Ok::<(), ironhand_api::SelectorError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

/// One condition of a [`LabelSelector`].
#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    Equals { key: String, value: String },
    Differs { key: String, value: String },
    Exists { key: String },
    Absent { key: String },
}

/// Why a text is not a [`LabelSelector`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// Two commas in a row, or one at an end.
    #[error("`{selector}` has an empty condition; write conditions like role=web, rack!=7, gpu or !retired")]
    EmptyCondition {
        /// The whole text.
        selector: String,
    },
    /// A key or value is missing, or holds a character that would make its meaning a guess.
    #[error("`{condition}` is not a condition; write it like role=web, rack!=7, gpu or !retired")]
    NotACondition {
        /// The condition as it was written.
        condition: String,
    },
}

impl LabelSelector {
    /// Whether everything is selected.
    pub fn is_all(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether a resource with these labels is selected.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|requirement| match requirement {
            Requirement::Equals { key, value } => labels.get(key) == Some(value),
            Requirement::Differs { key, value } => labels.get(key) != Some(value),
            Requirement::Exists { key } => labels.contains_key(key),
            Requirement::Absent { key } => !labels.contains_key(key),
        })
    }
}

impl TryFrom<String> for LabelSelector {
    type Error = SelectorError;

    fn try_from(text: String) -> Result<Self, SelectorError> {
        text.parse()
    }
}

impl From<LabelSelector> for String {
    fn from(selector: LabelSelector) -> Self {
        selector.to_string()
    }
}

impl FromStr for LabelSelector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let requirements = text
            .split(',')
            .map(|condition| match condition.trim() {
                "" => Err(SelectorError::EmptyCondition { selector: text.to_owned() }),
                condition => parse_requirement(condition),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { requirements })
    }
}

fn parse_requirement(condition: &str) -> Result<Requirement, SelectorError> {
    let fault = || SelectorError::NotACondition { condition: condition.to_owned() };
    let word = |text: &str| {
        let text = text.trim();
        let good = !text.contains(|c: char| c.is_whitespace() || c.is_control() || "=!()".contains(c));
        good.then(|| text.to_owned()).ok_or_else(fault)
    };
    let key = |text: &str| match word(text)? {
        key if key.is_empty() => Err(fault()),
        key => Ok(key),
    };
    // `!=` before `=`: the second is a part of the first.
    if let Some((name, value)) = condition.split_once("!=") {
        return Ok(Requirement::Differs { key: key(name)?, value: word(value)? });
    }
    if let Some((name, value)) = condition.split_once("==") {
        // A sign typed twice and nothing behind it is an unfinished condition; `role=` asks for an empty value.
        return match word(value)? {
            value if value.is_empty() => Err(fault()),
            value => Ok(Requirement::Equals { key: key(name)?, value }),
        };
    }
    if let Some((name, value)) = condition.split_once('=') {
        return Ok(Requirement::Equals { key: key(name)?, value: word(value)? });
    }
    match condition.strip_prefix('!') {
        Some(name) => Ok(Requirement::Absent { key: key(name)? }),
        None => Ok(Requirement::Exists { key: key(condition)? }),
    }
}

impl fmt::Display for LabelSelector {
    /// Writes the selector so that it reads back as itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.requirements.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match requirement {
                Requirement::Equals { key, value } => write!(f, "{key}={value}")?,
                Requirement::Differs { key, value } => write!(f, "{key}!={value}")?,
                Requirement::Exists { key } => f.write_str(key)?,
                Requirement::Absent { key } => write!(f, "!{key}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_select() {
        let labels = BTreeMap::from(
            [("role", "web"), ("rack", "7"), ("empty", "")].map(|(k, v)| (k.to_owned(), v.to_owned())),
        );
        let check = |text: &str, selected: bool| {
            let selector: LabelSelector = text.parse().unwrap();
            assert_eq!(selector.matches(&labels), selected, "{text:?}");
            assert_eq!(selector.to_string().parse::<LabelSelector>().unwrap(), selector, "{text:?}");
        };
        check("", true);
        check("  ", true);
        check("role=web", true);
        check("role==web", true);
        check("role=db", false);
        check("rack!=8", true);
        check("rack!=7", false);
        check("gpu!=yes", true);
        check("role", true);
        check("gpu", false);
        check("!gpu", true);
        check("!role", false);
        check("empty=", true);
        check("empty!=", false);
        check(" role = web , rack != 8 , ! gpu ", true);
        check("role=web,rack=8", false);
        check("example.net/role!=web", true);
    }

    #[test]
    fn wrong_selectors_say_what_is_wrong() {
        let check = |text: &str, wanted: &str| {
            let message = text.parse::<LabelSelector>().unwrap_err().to_string();
            assert!(message.contains(wanted), "{text:?}: {message}");
        };
        check(",", "empty condition");
        check("role=web,", "empty condition");
        check("role=web,,rack=7", "empty condition");
        check("=web", "`=web` is not a condition");
        check("!", "`!` is not a condition");
        check("!=7", "`!=7` is not a condition");
        check("!role=web", "`!role=web` is not a condition");
        check("role=a=b", "`role=a=b` is not a condition");
        check("role==", "`role==` is not a condition");
        check("role===web", "`role===web` is not a condition");
        check("role in (web)", "`role in (web)` is not a condition");
    }
}
