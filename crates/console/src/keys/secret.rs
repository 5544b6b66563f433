//! Texts that are typed and shown nowhere.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::keysym;

/// A text that is typed as it is, as a password at a login. `Debug` and `Display` tell its name alone: neither its
/// characters nor how many they are.
#[derive(Clone)]
pub struct Secret {
    name: String,
    text: SecretString,
}

impl Secret {
    /// A secret of this name, which may be empty. None where the text is empty, or has a character that no key types.
    ///
    /// A line feed is Enter and a tab is Tab, as in other text; `<` has no meaning of its own.
    pub fn new(name: &str, text: SecretString) -> Option<Self> {
        let typed = text.expose_secret();
        let typable = !typed.is_empty() && typed.chars().all(keysym::typable);
        typable.then(|| Self { name: name.to_owned(), text })
    }

    /// The name under which keys ask for it; empty where it has none.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn text(&self) -> &SecretString {
        &self.text
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.text.expose_secret() == other.text.expose_secret()
    }
}

impl Eq for Secret {}

impl fmt::Display for Secret {
    /// As keys ask for it: `<secret>`, `<secret NAME>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => f.write_str("<secret>"),
            name => write!(f, "<secret {name}>"),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({self})")
    }
}
