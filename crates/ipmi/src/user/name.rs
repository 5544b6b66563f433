//! User names as the BMC stores them.

use crate::keys;

/// Longest user name in bytes.
pub const NAME_LIMIT: usize = keys::NAME_LIMIT;

/// A user's name: up to [`NAME_LIMIT`] bytes of UTF-8, which most BMCs expect to be ASCII, without NUL. Empty for the null
/// user, and for a place that nobody has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(String);

/// Why a text is no user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Longer than IPMI can carry.
    #[error("a user name has at most {NAME_LIMIT} bytes, not {0}")]
    TooLong(usize),
    /// A NUL ends a name on the wire.
    #[error("a user name has no NUL character")]
    Nul,
}

impl UserName {
    /// A name from text.
    ///
    /// # Errors
    ///
    /// [`NameError`] where IPMI cannot carry it.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.len() > NAME_LIMIT {
            return Err(NameError::TooLong(text.len()));
        }
        if text.contains('\0') {
            return Err(NameError::Nul);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The field of the commands: padded with zeroes.
    pub(crate) fn field(&self) -> [u8; NAME_LIMIT] {
        let mut field = [0; NAME_LIMIT];
        for (place, byte) in field.iter_mut().zip(self.0.bytes()) {
            *place = byte;
        }
        field
    }

    /// From the field of a reply, which may be short, padded with zeroes, spaces or FFh, or in an unknown character set.
    pub(crate) fn from_field(field: &[u8]) -> Self {
        let field = &field[..field.len().min(NAME_LIMIT)];
        let end = field.iter().position(|byte| matches!(byte, 0x00 | 0xFF)).unwrap_or(field.len());
        Self(String::from_utf8_lossy(&field[..end]).trim_end_matches(' ').to_owned())
    }
}

impl std::fmt::Display for UserName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
