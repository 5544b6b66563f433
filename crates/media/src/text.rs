//! Texts of images. They come from strangers and are shown on terminals.

use crate::source::Error;

/// Text of two bytes a character, the more significant first, as Joliet and UDF have it.
pub(crate) fn utf16_be(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}

/// A text without characters that a terminal would follow.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The label of a volume, without what fills its field up.
pub(crate) fn label(text: &str) -> String {
    harmless(text.trim_matches([' ', '\0']))
}

/// The name of a file as it is kept: harmless, and one part of a path. `offset` is where it stands.
pub(crate) fn file_name(text: &str, offset: u64) -> Result<String, Error> {
    let name = harmless(text).replace('/', "\u{fffd}");
    match name.as_str() {
        "" | "." | ".." => Err(Error::Damaged { offset, what: "a file has no name" }),
        _ => Ok(name),
    }
}
