//! Layouts of keyboards.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is printed on the keys of a machine, as its system or its firmware has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyboardLayout {
    /// United States; firmware knows no other as a rule.
    #[default]
    Us,
    /// United Kingdom.
    Uk,
    /// Germany, with dead accents.
    De,
    /// France (AZERTY).
    Fr,
}

impl KeyboardLayout {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Us, Self::Uk, Self::De, Self::Fr];

    /// The name as manifests write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Uk => "uk",
            Self::De => "de",
            Self::Fr => "fr",
        }
    }

    /// Whether it is what a connector has without a word.
    pub const fn is_us(&self) -> bool {
        matches!(self, Self::Us)
    }
}
