//! Signatures of webhooks: Standard Webhooks specification 1.0, symmetric signatures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// What secrets of the specification begin with; the rest is Base64.
const PREFIX: &str = "whsec_";

/// Whether the secret can be used: what begins with `whsec_` must go on in Base64.
pub(super) fn is_sound(secret: &SecretString) -> bool {
    let secret = secret.expose_secret();
    match secret.strip_prefix(PREFIX) {
        Some(rest) => BASE64.decode(rest).is_ok_and(|key| !key.is_empty()),
        None => !secret.is_empty(),
    }
}

/// The value of the header `webhook-signature` for a body that is sent at `timestamp`, in seconds since 1970, under
/// `id`.
///
/// A secret is Base64, as the specification has it; any other text stands for its own bytes.
pub(super) fn signature(secret: &SecretString, id: &str, timestamp: i64, body: &[u8]) -> String {
    let text = secret.expose_secret();
    let encoded = text.strip_prefix(PREFIX).unwrap_or(text);
    let key = BASE64.decode(encoded).unwrap_or_else(|_| text.as_bytes().to_vec());
    let key = zeroize::Zeroizing::new(key);
    // HMAC takes keys of every length (RFC 2104 section 3), so that there is always one.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn the_example_of_the_specification_comes_out() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into();
        let signed =
            signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_mean_the_same_with_and_without_their_prefix() {
        let check = |one: &str, other: &str, same: bool| {
            let sign = |secret: &str| signature(&secret.into(), "1", 2, b"{}");
            assert_eq!(sign(one) == sign(other), same, "{one} {other}");
        };
        check("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", true);
        check("not base64!", "not base64?", false);
        check("AAAA", "AAAB", false);
    }

    #[test]
    fn secrets_that_cannot_be_used_are_found() {
        let check = |secret: &str, sound: bool| assert_eq!(is_sound(&secret.into()), sound, "{secret}");
        check("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", true);
        check("any text", true);
        check("whsec_", false);
        check("whsec_not base64", false);
        check("", false);
    }
}
