//! The secrets, and every form in which one would be found.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Octets of a secret that are a secret still.
const BEGINNING: usize = 6;

/// A password that stands nowhere by accident.
#[derive(Clone, Copy)]
pub struct Canary {
    /// What it is used for.
    pub what: &'static str,
    pub value: &'static str,
}

/// What the controllers want.
pub const CONTROLLER: Canary = Canary { what: "the controllers' password", value: "Kq7zW-n0t-t0ld-1" };
/// What a controller is set to.
pub const ROTATED: Canary = Canary { what: "the new password", value: "Xv3jR-n0t-t0ld-2" };
/// What no controller accepts.
pub const WRONG: Canary = Canary { what: "the wrong password", value: "Bg5mY-n0t-t0ld-3" };
/// What webhooks are signed under.
pub const WEBHOOK: Canary = Canary { what: "the webhook's secret", value: "Jf8cT-n0t-t0ld-4" };
/// What the mail server wants.
pub const MAIL: Canary = Canary { what: "the mail password", value: "Pw2dL-n0t-t0ld-5" };
/// What stands where it cannot be.
pub const MISPLACED: Canary = Canary { what: "the misplaced password", value: "Hz6sN-n0t-t0ld-6" };

/// What it is set to next.
pub const ROTATED_AGAIN: Canary = Canary { what: "the newest password", value: "Tn9bV-n0t-t0ld-7" };

pub const ALL: [Canary; 7] = [CONTROLLER, ROTATED, ROTATED_AGAIN, WRONG, WEBHOOK, MAIL, MISPLACED];

impl Canary {
    /// The secret, its beginning, and what they look like in other clothes.
    fn forms(self) -> Vec<(&'static str, Vec<u8>)> {
        let beginning = &self.value.as_bytes()[..BEGINNING];
        let hex = |separator: &str, upper: bool| {
            let octets = beginning.iter().map(|octet| match upper {
                true => format!("{octet:02X}"),
                false => format!("{octet:02x}"),
            });
            octets.collect::<Vec<_>>().join(separator).into_bytes()
        };
        let decimal = beginning.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        let mut forms = vec![
            ("as it is", beginning.to_vec()),
            ("in hexadecimal", hex("", false)),
            ("in hexadecimal", hex("", true)),
            ("in hexadecimal", hex(" ", false)),
            ("as a list of octets", decimal.into_bytes()),
            ("in UTF-16", beginning.iter().flat_map(|octet| [*octet, 0]).collect()),
        ];
        // In base64 it looks different at each of three places; digits that depend on what stands beside it are left out.
        for before in 0..3 {
            let encoded = STANDARD.encode([&vec![0; before], beginning].concat());
            let own = (before * 8).div_ceil(6)..(before + BEGINNING) * 8 / 6;
            forms.push(("in base64", encoded.as_bytes()[own].to_vec()));
        }
        forms
    }
}

/// Every secret that is found in `bytes`, in words that do not repeat it.
pub fn found(place: &str, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for canary in ALL {
        for (form, octets) in canary.forms() {
            if let Some(at) = bytes.windows(octets.len()).position(|window| window == octets) {
                let before = String::from_utf8_lossy(&bytes[at.saturating_sub(120)..at]).into_owned();
                found.push(format!("{place}, octet {at}: {} {form}, after {before:?}", canary.what));
            }
        }
    }
    found
}

#[test]
fn a_secret_is_found_in_every_form() {
    let check = |bytes: &[u8]| assert_eq!(found("here", bytes).len(), 1, "{}", bytes.escape_ascii());
    check(b"the password is Kq7zW-n0t-t0ld-1 today");
    check(b"Kq7zW-");
    check(format!("{:?}", CONTROLLER.value.as_bytes()).as_bytes());
    for before in ["", "a", "ab", "abc", "user:", "admin:"] {
        let encoded = STANDARD.encode(format!("{before}{} and more", CONTROLLER.value));
        check(encoded.as_bytes());
    }
    assert_eq!(found("here", b"Kq7z").len(), 0);
}
