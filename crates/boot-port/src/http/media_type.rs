//! Media types of what boots.

/// The media type of a file by the end of its name.
///
/// UEFI firmware tells by it what it got, and looks at the name only where it says nothing (UEFI 2.10, section 24.7.3.1):
/// a loader behind a URL with a query is started only if its type is right.
pub fn media_type(name: &str) -> &'static str {
    let name = name.rsplit('/').next().unwrap_or(name);
    let Some((_, suffix)) = name.rsplit_once('.') else { return "application/octet-stream" };
    match suffix.to_ascii_lowercase().as_str() {
        "efi" => "application/efi",
        "iso" => "application/vnd.efi-iso",
        "img" => "application/vnd.efi-img",
        "ipxe" | "cfg" | "conf" | "ks" | "txt" | "sh" | "list" => "text/plain; charset=utf-8",
        "json" | "ign" => "application/json",
        "yaml" | "yml" => "application/yaml",
        "xml" => "application/xml",
        "gz" => "application/gzip",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firmware_is_told_what_it_gets() {
        fn check(name: &str, expected: &str) {
            assert_eq!(media_type(name), expected, "{name}");
        }

        check("ipxe/x86_64/ipxe.efi", "application/efi");
        check("media/debian/EFI/BOOT/BOOTX64.EFI", "application/efi");
        check("tiny.iso", "application/vnd.efi-iso");
        check("disk.img", "application/vnd.efi-img");
        check("boot.ipxe", "text/plain; charset=utf-8");
        check("casper/vmlinuz", "application/octet-stream");
        check("dir.efi/vmlinuz", "application/octet-stream");
        check("", "application/octet-stream");
    }
}
