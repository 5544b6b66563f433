//! What a new password may be.

use zeroize::Zeroizing;

/// How many characters a generated password has: as many as the oldest form of an IPMI password holds.
pub const MADE_PASSWORD: usize = 16;

/// The least length of a password that is given, in characters: shorter ones are soon guessed, and IPMI lets everybody
/// who asks try offline (the hash of RAKP message 2).
const SHORTEST: usize = 8;

/// How many random octets [`password_from`] should be given, so that practically no draw is in vain.
pub const RANDOM_FOR_PASSWORD: usize = 256;

/// What generated passwords are made of: letters, digits and two signs that no controller, shell or URL objects to. As
/// many as six bits can tell apart, so that each is equally likely.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Why a password is not set. Says nothing of its characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// An empty password lets everybody in.
    #[error("the new password is empty")]
    Empty,
    /// Short passwords are soon guessed.
    #[error("the new password is shorter than {shortest} characters")]
    TooShort {
        /// The least length in octets.
        shortest: usize,
    },
    /// Controllers cut what they do not keep and say nothing.
    #[error("the new password is longer than the {longest} characters that the controller keeps")]
    TooLong {
        /// The greatest length in octets.
        longest: usize,
    },
    /// Only the printable characters of ASCII without the blank mean the same to every controller.
    #[error("the new password holds a blank, a control character or a character that is not ASCII")]
    Character,
}

/// Whether every controller can keep `password`, which is at least 8 octets, and at most `longest` octets: 16, or 20 where the controller is
/// known to keep so many (IPMI 2.0 section 22.30).
pub fn check_new_password(password: &str, longest: usize) -> Result<(), PasswordFault> {
    if password.is_empty() {
        return Err(PasswordFault::Empty);
    }
    if !password.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err(PasswordFault::Character);
    }
    if password.len() < SHORTEST {
        return Err(PasswordFault::TooShort { shortest: SHORTEST });
    }
    if password.len() > longest {
        return Err(PasswordFault::TooLong { longest });
    }
    Ok(())
}

/// Makes a password of [`MADE_PASSWORD`] characters from random octets, [`RANDOM_FOR_PASSWORD`] of them or more: it
/// begins with a letter and holds small and capital letters and digits, as some controllers demand. None where the
/// octets hold no such draw; then draw again.
pub fn password_from(random: &[u8]) -> Option<Zeroizing<String>> {
    random.chunks_exact(MADE_PASSWORD).find_map(|chunk| {
        let mut drawn = Zeroizing::new(String::with_capacity(MADE_PASSWORD));
        drawn.extend(chunk.iter().map(|octet| char::from(ALPHABET[usize::from(octet & 63)])));
        let holds = |wanted: fn(&char) -> bool| drawn.chars().any(|one| wanted(&one));
        let fit = drawn.starts_with(|first: char| first.is_ascii_alphabetic())
            && holds(char::is_ascii_lowercase)
            && holds(char::is_ascii_uppercase)
            && holds(char::is_ascii_digit);
        fit.then_some(drawn)
    })
}
