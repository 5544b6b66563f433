//! Texts in OSTA Compressed Unicode (UDF 2.1.2), and paths of symbolic links (4/14.16).

use crate::text::utf16_be;

/// Text of 8 or 16 bits a character, as the first byte says; `None` where that is neither.
pub(super) fn compressed(bytes: &[u8]) -> Option<String> {
    match bytes {
        [8, text @ ..] => Some(text.iter().map(|byte| char::from(*byte)).collect()),
        [16, text @ ..] => Some(utf16_be(text)),
        _ => None,
    }
}

/// A text in a field of fixed length, whose last byte says how much of it is used (1/7.2.12, UDF 2.1.3).
pub(super) fn dstring(field: &[u8]) -> String {
    let Some((used, text)) = field.split_last() else { return String::new() };
    compressed(&text[..text.len().min(usize::from(*used))]).unwrap_or_default()
}

/// Where a symbolic link leads; `None` where its components do not fit.
pub(super) fn path(mut components: &[u8]) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut absolute = false;
    while !components.is_empty() {
        let [kind, length, _, _, rest @ ..] = components else { return None };
        let (identifier, rest) = rest.split_at_checked(usize::from(*length))?;
        components = rest;
        match kind {
            // The root, of the file system or of what was agreed upon.
            1 | 2 => {
                parts.clear();
                absolute = true;
            }
            3 => parts.push("..".to_owned()),
            4 => parts.push(".".to_owned()),
            5 => parts.push(compressed(identifier)?.replace('/', "\u{fffd}")),
            _ => return None,
        }
    }
    Some(format!("{}{}", if absolute { "/" } else { "" }, parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_widths_are_read() {
        let check = |bytes: &[u8], expected: Option<&str>| {
            assert_eq!(compressed(bytes).as_deref(), expected, "{bytes:?}");
        };

        check(b"\x08boot.wim", Some("boot.wim"));
        check(b"\x08gr\xf6\xdfe", Some("größe"));
        check(b"\x10\x65\xe5\x67\x2c", Some("日本"));
        check(b"\x10\xd8\x3d\xde\x00.", Some("😀"));
        check(b"\x10\xd8\x3d\0a", Some("\u{fffd}a"));
        check(b"\x08", Some(""));
        check(b"\xfe\0\0\0\0", None);
        check(b"", None);
    }

    #[test]
    fn fields_are_as_long_as_they_say() {
        assert_eq!(dstring(b"\x08LABEL\0\0\x06"), "LABEL");
        assert_eq!(dstring(b"\x08LABEL\0\0\x03"), "LA");
        assert_eq!(dstring(b"\x08LABEL\xff"), "LABEL");
        assert_eq!(dstring(&[0; 8]), "");
        assert_eq!(dstring(&[]), "");
    }

    #[test]
    fn paths_are_put_together() {
        let check = |bytes: &[u8], expected: Option<&str>| {
            assert_eq!(path(bytes).as_deref(), expected, "{bytes:?}");
        };

        check(b"\x05\x04\0\0\x08efi\x05\x05\0\0\x08boot", Some("efi/boot"));
        check(b"\x02\0\0\0\x05\x02\0\0\x08a", Some("/a"));
        check(b"\x03\0\0\0\x04\0\0\0\x05\x02\0\0\x08a", Some(".././a"));
        check(b"\x05\x04\0\0\x08a/b", Some("a\u{fffd}b"));
        check(b"", Some(""));
        check(b"\x05\x04\0\0\x08a", None);
        check(b"\x05\x04\0", None);
        check(b"\x09\0\0\0", None);
        check(b"\x05\x01\0\0\x09", None);
    }
}
