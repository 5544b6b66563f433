//! Paths of URLs (RFC 3986, section 3.3), as they are looked up.

/// Why a path is not looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// A part of it is `..`, plain or encoded. Firmware and loaders never ask so.
    #[error("the path leads upwards")]
    Upwards,
    /// A `%` without two hexadecimal digits behind it.
    #[error("the path has a broken percent-encoding")]
    Encoding,
    /// A control character, or bytes that are not UTF-8.
    #[error("the path is not text")]
    NotText,
}

/// The path that `raw` asks for: decoded once, with `/` between its parts and none around them.
///
/// Backslashes separate parts too, because loaders of Windows and some firmware write them. Empty parts and `.` are left
/// out, so `//x` is `/x`.
pub fn clean_path(raw: &str) -> Result<String, PathFault> {
    let bytes = raw.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'%' => {
                let pair = bytes.get(at + 1..at + 3).ok_or(PathFault::Encoding)?;
                let high = hex(pair[0]).ok_or(PathFault::Encoding)?;
                let low = hex(pair[1]).ok_or(PathFault::Encoding)?;
                decoded.push(high << 4 | low);
                at += 3;
            }
            byte => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    let text = String::from_utf8(decoded).map_err(|_| PathFault::NotText)?;
    if text.chars().any(char::is_control) {
        return Err(PathFault::NotText);
    }
    let mut clean = String::with_capacity(text.len());
    for part in text.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => return Err(PathFault::Upwards),
            part => {
                if !clean.is_empty() {
                    clean.push('/');
                }
                clean.push_str(part);
            }
        }
    }
    Ok(clean)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_decoded_once_and_never_lead_upwards() {
        fn check(raw: &str, expected: Result<&str, PathFault>) {
            assert_eq!(clean_path(raw).as_deref(), expected.as_ref().copied(), "{raw}");
        }

        check("/", Ok(""));
        check("//grub//x86_64-efi/", Ok("grub/x86_64-efi"));
        check("/./a/./b", Ok("a/b"));
        check("/a%20b/c%2Fd", Ok("a b/c/d"));
        check("/m%C3%BCll", Ok("müll"));
        check("/a%252e%252e/b", Ok("a%2e%2e/b"));
        check("/%252e%252e/b", Ok("%2e%2e/b"));
        check("/EFI\\BOOT\\BOOTX64.EFI", Ok("EFI/BOOT/BOOTX64.EFI"));
        check("/...", Ok("..."));
        check("/..", Err(PathFault::Upwards));
        check("/a/../../etc/passwd", Err(PathFault::Upwards));
        check("/%2e%2e/etc", Err(PathFault::Upwards));
        check("/.%2E/etc", Err(PathFault::Upwards));
        check("/a%2f..%2fb", Err(PathFault::Upwards));
        check("/a\\..\\b", Err(PathFault::Upwards));
        check("/a%5c..%5cb", Err(PathFault::Upwards));
        check("/%", Err(PathFault::Encoding));
        check("/%4", Err(PathFault::Encoding));
        check("/%zz", Err(PathFault::Encoding));
        check("/%+1", Err(PathFault::Encoding));
        check("/%00", Err(PathFault::NotText));
        check("/a%0d%0aX: y", Err(PathFault::NotText));
        check("/%ff", Err(PathFault::NotText));
    }

    proptest! {
        #[test]
        fn a_clean_path_is_plain(raw in "[a-z./\\\\%2eEfF5cC0-9]{0,40}") {
            if let Ok(path) = clean_path(&raw) {
                prop_assert!(path.is_empty() || path.split('/').all(|part| !part.is_empty() && part != "." && part != ".."));
                prop_assert!(!path.contains('\\'));
            }
        }
    }
}
