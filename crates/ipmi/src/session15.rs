//! What IPMI 1.5 sessions have in place of RAKP and cipher suites: a code over each packet, or the password in it
//! (IPMI 2.0 sections 13.6, 22.16, 22.17.1).
//!
//! Nothing is encrypted, and a session opened with [`Ipmi15Authentication::Password`] shows the password to all who
//! listen. Only for BMCs that have nothing else; a client uses it where its configuration says so and never by itself.

use crate::command::AuthenticationType;
use crate::keys::{SHORT_SECRET_LIMIT, SecretKey};
use crate::mac;

/// Length in bytes of an authentication code.
pub(crate) const CODE_LENGTH: usize = 16;

/// How the packets of an IPMI 1.5 session are authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ipmi15Authentication {
    /// MD5 over password and packet. Not to be relied on, but the password cannot be read off the wire.
    Md5,
    /// The password itself, in every packet.
    Password,
}

impl Ipmi15Authentication {
    /// Its name in [`AuthenticationCapabilities`](crate::AuthenticationCapabilities).
    pub const fn authentication_type(self) -> AuthenticationType {
        match self {
            Self::Md5 => AuthenticationType::Md5,
            Self::Password => AuthenticationType::Password,
        }
    }

    pub(crate) const fn number(self) -> u8 {
        self.authentication_type().number()
    }

    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number {
            2 => Some(Self::Md5),
            4 => Some(Self::Password),
            _ => None,
        }
    }
}

/// What a code is made of beside the password (section 22.17.1).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Covered<'a> {
    pub(crate) session: u32,
    pub(crate) sequence: u32,
    pub(crate) payload: &'a [u8],
}

/// The first 16 bytes of a key: passwords of IPMI 1.5 have no more.
fn password(key: &SecretKey) -> &[u8] {
    &key.bytes()[..SHORT_SECRET_LIMIT]
}

/// The authentication code of a packet.
pub(crate) fn code(
    authentication: Ipmi15Authentication,
    key: &SecretKey,
    covered: Covered<'_>,
) -> [u8; CODE_LENGTH] {
    let Covered { session, sequence, payload } = covered;
    match authentication {
        Ipmi15Authentication::Md5 => {
            let parts = [&session.to_le_bytes(), payload, &sequence.to_le_bytes()];
            mac::enclosed(password(key), &parts).into()
        }
        Ipmi15Authentication::Password => std::array::from_fn(|at| key.bytes()[at]),
    }
}

/// Whether `found` is the packet's code; compared in constant time.
pub(crate) fn matches(
    authentication: Ipmi15Authentication,
    key: &SecretKey,
    covered: Covered<'_>,
    found: &[u8; CODE_LENGTH],
) -> bool {
    mac::same(&code(authentication, key, covered), found)
}
