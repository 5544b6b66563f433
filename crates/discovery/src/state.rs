//! What a scan remembers, so that one that was killed goes on where it was.
//!
//! One line of JSON for each thing that came to be known, appended at once. The line that a kill cut off is passed over.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::Found;

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Line {
    /// What the file is; the first line.
    Scan {
        /// The version of the format.
        version: u32,
    },
    /// Nothing of a controller answers at an address.
    Silent(IpAddr),
    /// Something was found.
    Found(Box<Found>),
    /// A controller refused a login.
    Refused {
        /// The controller.
        address: IpAddr,
        /// The account.
        account: String,
        /// When, in seconds since 1970.
        at: u64,
    },
}

/// What a file remembers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Addresses at which nothing answered.
    pub silent: BTreeSet<IpAddr>,
    /// What was found, by address.
    pub found: BTreeMap<IpAddr, Found>,
    /// Refused logins: controller, account, and when in seconds since 1970.
    pub refused: Vec<(IpAddr, String, u64)>,
}

/// Why a file is not that of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateError {
    /// It holds something else.
    Foreign,
    /// A later version of Ironhand wrote it.
    Newer {
        /// The version of its format.
        version: u32,
    },
    /// A line in the middle makes no sense.
    Broken {
        /// The line, the first is 1.
        line: usize,
    },
}

impl std::fmt::Display for StateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Foreign => f.write_str("it is not the file of a scan"),
            Self::Newer { version } => write!(f, "a later version of Ironhand wrote it (format {version})"),
            Self::Broken { line } => write!(f, "line {line} makes no sense"),
        }
    }
}

impl std::error::Error for StateError {}

impl State {
    /// The version of the format.
    pub const VERSION: u32 = 1;

    /// Reads a file; an empty one remembers nothing.
    ///
    /// # Errors
    ///
    /// Where it is not the file of a scan: nothing of it may be overwritten then.
    pub fn read(text: &str) -> Result<Self, StateError> {
        let mut state = Self::default();
        // What stands behind the last line break was cut off.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        if whole.is_empty() {
            return if text.starts_with('{') || text.is_empty() {
                Ok(state)
            } else {
                Err(StateError::Foreign)
            };
        }
        for (at, line) in whole.lines().enumerate() {
            match (at, serde_json::from_str(line)) {
                (0, Ok(Line::Scan { version: Self::VERSION })) => {}
                (0, Ok(Line::Scan { version })) => return Err(StateError::Newer { version }),
                (0, _) => return Err(StateError::Foreign),
                (_, Ok(line)) => state.take(line),
                (_, Err(_)) => return Err(StateError::Broken { line: at + 1 }),
            }
        }
        Ok(state)
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Scan { .. } => {}
            Line::Silent(address) => drop(self.silent.insert(address)),
            Line::Found(found) => drop(self.found.insert(found.address, *found)),
            Line::Refused { address, account, at } => self.refused.push((address, account, at)),
        }
    }

    /// Whether an address needs no asking any more.
    pub fn knows(&self, address: IpAddr) -> bool {
        self.silent.contains(&address) || self.found.contains_key(&address)
    }
}

impl Line {
    /// As the file holds it, with its line break.
    pub fn to_text(&self) -> String {
        // Every part of a line can be written as JSON.
        serde_json::to_string(self).map(|text| text + "\n").unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
