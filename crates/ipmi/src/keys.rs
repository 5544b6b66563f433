//! The keys of a session: from passwords, through RAKP, to what protects each packet (IPMI 2.0 sections 13.28 to 13.33).

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::fault::Fault;
use crate::mac::{Digest, HmacKey, IntegrityKey};
use crate::suite::{Algorithms, Hash, Integrity};

/// Longest password and Kg in bytes (section 13.31: keys are 160 bits).
pub(crate) const SECRET_LIMIT: usize = 20;

/// Longest password in bytes of IPMI 1.5, and of firmware that kept to it.
pub(crate) const SHORT_SECRET_LIMIT: usize = 16;

/// Longest user name in bytes (section 13.20).
pub(crate) const NAME_LIMIT: usize = 16;

/// Whether `kg` can be a BMC's key Kg: up to 20 bytes of text, or `0x` and an even count of hexadecimal digits that stand
/// for so many (section 13.31). An empty one and zeroes stand for none.
pub fn kg_fits(kg: &SecretString) -> bool {
    SecretKey::from_kg(kg).is_ok()
}

/// A user's key Kuid or the BMC's key Kg: up to 20 bytes, padded with zeroes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SecretKey(Zeroizing<[u8; SECRET_LIMIT]>);

impl SecretKey {
    /// The key of a password; `None` if it is longer than the 20 bytes that IPMI can carry.
    pub(crate) fn from_password(password: &SecretString) -> Option<Self> {
        Self::padded(password.expose_secret().as_bytes())
    }

    /// The key of a Kg; `0x` and hexadecimal digits stand for bytes that text cannot hold. `None` if it is empty or all
    /// zeroes, by which a BMC means that none is set (section 13.31: one-key logins).
    pub(crate) fn from_kg(kg: &SecretString) -> Result<Option<Self>, KgFault> {
        let text = kg.expose_secret();
        let key = match text.strip_prefix("0x") {
            Some(digits) => Self::padded(&decode_hex(digits).ok_or(KgFault::Malformed)?),
            None => Self::padded(text.as_bytes()),
        };
        Ok(Some(key.ok_or(KgFault::TooLong)?).filter(|key| !key.is_empty()))
    }

    /// The key with these bytes; `None` if they are more than 20.
    pub(crate) fn padded(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; SECRET_LIMIT]);
        key.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self(key))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The key of the password's first `length` bytes.
    pub(crate) fn truncated(mut self, length: usize) -> Self {
        if let Some(rest) = self.0.get_mut(length..) {
            rest.fill(0);
        }
        self
    }

    /// Whether it is that of the empty password, or of no Kg.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|byte| *byte == 0)
    }
}

/// Why a text is no Kg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KgFault {
    /// It has more than 20 bytes.
    TooLong,
    /// What follows `0x` is not an even count of hexadecimal digits.
    Malformed,
}

fn decode_hex(digits: &str) -> Option<Zeroizing<Vec<u8>>> {
    let nibbles: Zeroizing<Vec<u32>> =
        Zeroizing::new(digits.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?);
    if nibbles.is_empty() || !nibbles.len().is_multiple_of(2) {
        return None;
    }
    let (pairs, _) = nibbles.as_chunks::<2>();
    Some(Zeroizing::new(pairs.iter().map(|[high, low]| (high << 4 | low) as u8).collect()))
}

/// What both sides have told each other by RAKP message 2; all proofs and keys are made from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Handshake {
    pub(crate) algorithms: Algorithms,
    /// SIDm: the id by which the console knows the session.
    pub(crate) console_session: u32,
    /// SIDc: the id by which the BMC knows the session.
    pub(crate) bmc_session: u32,
    /// Rm.
    pub(crate) console_random: [u8; 16],
    /// Rc.
    pub(crate) bmc_random: [u8; 16],
    /// GUIDc.
    pub(crate) guid: [u8; 16],
    /// ROLEm: the whole byte as sent, with the name-only bit.
    pub(crate) role: u8,
    /// UNAMEm.
    pub(crate) name: Vec<u8>,
}

impl Handshake {
    fn hash(&self) -> Hash {
        self.algorithms.authentication.hash()
    }

    /// ROLEm, ULENGTHm, UNAMEm, which end three of the four inputs.
    fn identity(&self) -> Vec<u8> {
        let mut identity = vec![self.role, self.name.len() as u8];
        identity.extend_from_slice(&self.name);
        identity
    }

    fn rakp2_input(&self) -> Vec<u8> {
        let mut input = Vec::with_capacity(58 + self.name.len());
        input.extend_from_slice(&self.console_session.to_le_bytes());
        input.extend_from_slice(&self.bmc_session.to_le_bytes());
        input.extend_from_slice(&self.console_random);
        input.extend_from_slice(&self.bmc_random);
        input.extend_from_slice(&self.guid);
        input.extend(self.identity());
        input
    }

    fn rakp3_input(&self) -> Vec<u8> {
        let mut input = self.bmc_random.to_vec();
        input.extend_from_slice(&self.console_session.to_le_bytes());
        input.extend(self.identity());
        input
    }

    fn rakp4_input(&self) -> Vec<u8> {
        let mut input = self.console_random.to_vec();
        input.extend_from_slice(&self.bmc_session.to_le_bytes());
        input.extend_from_slice(&self.guid);
        input
    }

    fn user_key(&self, user: &SecretKey) -> HmacKey {
        HmacKey::new(self.hash(), user.bytes())
    }

    /// The key exchange authentication code of RAKP message 2: the BMC proves that it knows the password.
    pub(crate) fn rakp2_code(&self, user: &SecretKey) -> Digest {
        self.user_key(user).code(&[&self.rakp2_input()])
    }

    /// Whether `code`, without surplus bytes that some BMCs add, is the code of RAKP message 2.
    pub(crate) fn rakp2_matches(&self, user: &SecretKey, code: &[u8]) -> Result<bool, Fault> {
        self.user_key(user).matches(&[&self.rakp2_input()], digest_length(self.hash()), code)
    }

    /// The key exchange authentication code of RAKP message 3: the console proves that it knows the password.
    pub(crate) fn rakp3_code(&self, user: &SecretKey) -> Digest {
        self.user_key(user).code(&[&self.rakp3_input()])
    }

    /// Whether `code`, without surplus bytes that some BMCs add, is the code of RAKP message 3.
    pub(crate) fn rakp3_matches(&self, user: &SecretKey, code: &[u8]) -> Result<bool, Fault> {
        self.user_key(user).matches(&[&self.rakp3_input()], digest_length(self.hash()), code)
    }

    /// The session integrity key SIK; `kg` is Kg, or the user's key where the BMC has no Kg (section 13.31).
    pub(crate) fn session_integrity_key(&self, kg: &SecretKey) -> HmacKey {
        HmacKey::new(self.hash(), &self.session_integrity_bytes(kg))
    }

    fn session_integrity_bytes(&self, kg: &SecretKey) -> Digest {
        let identity = self.identity();
        HmacKey::new(self.hash(), kg.bytes()).code(&[&self.console_random, &self.bmc_random, &identity])
    }

    /// The integrity check value of RAKP message 4: the BMC proves that it made the same SIK.
    pub(crate) fn rakp4_check_value(&self, sik: &HmacKey) -> Vec<u8> {
        let mut value = sik.code(&[&self.rakp4_input()]).to_vec();
        value.truncate(self.algorithms.authentication.check_value_length());
        value
    }

    /// Whether `value`, without surplus bytes, is the check value of RAKP message 4.
    pub(crate) fn rakp4_matches(&self, sik: &HmacKey, value: &[u8]) -> Result<bool, Fault> {
        let length = self.algorithms.authentication.check_value_length();
        sik.matches(&[&self.rakp4_input()], length, value)
    }

    /// The keys of the session's packets, and the user's own for the one algorithm that takes it.
    pub(crate) fn session_keys(&self, sik: &HmacKey, user: &SecretKey) -> SessionKeys {
        let mut aes = Zeroizing::new([0; 16]);
        // All hashes give at least 16 bytes; the rest of K2 is not used by AES-CBC-128 (section 13.29.2).
        aes.copy_from_slice(&additional_key(sik, 2)[..16]);
        let integrity = match self.algorithms.integrity {
            Integrity::Md5_128 => IntegrityKey::Password(user.clone()),
            Integrity::HmacMd5_128 | Integrity::HmacSha1_96 | Integrity::HmacSha256_128 => {
                IntegrityKey::K1(HmacKey::new(self.algorithms.integrity.hash(), &additional_key(sik, 1)))
            }
        };
        SessionKeys { algorithms: self.algorithms, integrity, aes }
    }
}

/// K1 or K2: additional keying material made from SIK and a constant (section 13.32).
fn additional_key(sik: &HmacKey, constant: u8) -> Digest {
    sik.code(&[&[constant; SECRET_LIMIT]])
}

fn digest_length(hash: Hash) -> usize {
    match hash {
        Hash::Md5 => 16,
        Hash::Sha1 => 20,
        Hash::Sha256 => 32,
    }
}

/// What protects the packets of one session (section 13.32).
#[derive(Clone)]
pub(crate) struct SessionKeys {
    pub(crate) algorithms: Algorithms,
    /// What makes the packets' authentication codes.
    pub(crate) integrity: IntegrityKey,
    /// The first 16 bytes of K2, the confidentiality key.
    pub(crate) aes: Zeroizing<[u8; 16]>,
}

impl std::fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionKeys").field("algorithms", &self.algorithms).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
