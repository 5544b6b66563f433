//! VNC Authentication (RFC 6143 section 7.2.2): the server sends sixteen random bytes, the client returns them
//! encrypted by DES under the password.
//!
//! The scheme protects only against eavesdroppers who cannot search eight bytes; it is here because management
//! controllers have nothing better.

use des::Des;
use des::cipher::{BlockCipherEncrypt, KeyInit};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bytes of a challenge and of the response to it.
pub(crate) const CHALLENGE_LENGTH: usize = 16;

/// Bytes of a password that count.
const KEY_LENGTH: usize = 8;

/// The response to `challenge` of someone who knows `password`.
pub(crate) fn response(password: &SecretString, challenge: [u8; CHALLENGE_LENGTH]) -> [u8; CHALLENGE_LENGTH] {
    let mut key = Zeroizing::new([0u8; KEY_LENGTH]);
    for (to, from) in key.iter_mut().zip(password.expose_secret().bytes()) {
        // DES drops the lowest bit of each key byte; VNC's bytes are mirrored, so that it drops the highest, which
        // ASCII does not use (RFC 6143 leaves this out; an erratum to it says so).
        *to = from.reverse_bits();
    }
    let cipher = Des::new((&*key).into());
    let mut response = challenge;
    for block in response.as_chunks_mut::<8>().0 {
        cipher.encrypt_block(block.into());
    }
    response
}

/// Whether `found` is the response of someone who knows `password`; takes the same time wherever the two differ.
pub(crate) fn verify(
    password: &SecretString,
    challenge: [u8; CHALLENGE_LENGTH],
    found: [u8; CHALLENGE_LENGTH],
) -> bool {
    response(password, challenge).ct_eq(&found).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str, challenge: [u8; 16], expected: [u8; 16]) {
        let password = SecretString::from(password);
        assert_eq!(response(&password, challenge), expected);
        assert!(verify(&password, challenge, expected));
        let mut wrong = expected;
        wrong[15] ^= 1;
        assert!(!verify(&password, challenge, wrong));
    }

    #[test]
    fn responses_to_known_challenges() {
        let counting = core::array::from_fn(|i| u8::try_from(i).expect("below 16"));
        // Computed with OpenSSL: `openssl enc -des-ecb -nopad -provider legacy -K <mirrored password>`.
        check("password", counting, 0xB866_9241_25C8_EEBB_9DEB_C1DB_61C5_38E2_u128.to_be_bytes());
        check("COW", [0xFF; 16], 0x5B89_3006_D501_AB37_5B89_3006_D501_AB37_u128.to_be_bytes());
    }

    #[test]
    fn only_eight_bytes_count() {
        let challenge = [7; 16];
        let short = response(&SecretString::from("calvin12"), challenge);
        assert_eq!(response(&SecretString::from("calvin123456"), challenge), short);
        assert_ne!(response(&SecretString::from("calvin1"), challenge), short);
    }
}
