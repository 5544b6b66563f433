//! The IPMI 1.5 session wrapper (IPMI 2.0 section 13.6), with or without an authentication code.

use crate::fault::Fault;
use crate::keys::SecretKey;
use crate::packet::{AUTH_NONE, CLASS_IPMI, header};
use crate::session15::{self, CODE_LENGTH, Covered, Ipmi15Authentication};
use crate::wire::Reader;

/// Where a datagram's authentication code begins.
pub(crate) const CODE_15_AT: usize = 13;

/// A packet of an IPMI 1.5 session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packet15<'a> {
    pub(crate) session: u32,
    pub(crate) sequence: u32,
    /// How it is authenticated, and the code; `None` where it is not.
    authentication: Option<(Ipmi15Authentication, [u8; CODE_LENGTH])>,
    /// Proven only by [`Packet15::check`].
    pub(crate) payload: &'a [u8],
}

impl<'a> Packet15<'a> {
    /// Decodes what follows the authentication type.
    pub(super) fn decode(
        authentication: Option<Ipmi15Authentication>,
        mut reader: Reader<'a>,
    ) -> Result<Self, Fault> {
        let sequence = reader.u32("session sequence number")?;
        let session = reader.u32("session id")?;
        let authentication = match authentication {
            Some(kind) => Some((kind, reader.array("authentication code")?)),
            None => None,
        };
        let length = reader.u8("payload length")?;
        // Bytes behind the payload are the "legacy pad" that section 13.6 allows at some sizes.
        let payload = reader.take(usize::from(length), "payload")?;
        Ok(Self { session, sequence, authentication, payload })
    }

    /// How it says that it is authenticated.
    pub(crate) fn authentication(&self) -> Option<Ipmi15Authentication> {
        self.authentication.map(|(kind, _)| kind)
    }

    /// Whether its code, if it has one, is right.
    pub(crate) fn check(&self, key: &SecretKey) -> Result<(), Fault> {
        let Some((kind, code)) = &self.authentication else { return Ok(()) };
        let covered = Covered { session: self.session, sequence: self.sequence, payload: self.payload };
        match session15::matches(*kind, key, covered, code) {
            true => Ok(()),
            false => Err(Fault::Integrity),
        }
    }
}

/// Wraps `payload`, which is at most 255 bytes, into a packet of a session.
pub(crate) fn seal15(
    authentication: Option<Ipmi15Authentication>,
    key: &SecretKey,
    covered: Covered<'_>,
) -> Vec<u8> {
    let Covered { session, sequence, payload } = covered;
    let mut bytes = header(CLASS_IPMI);
    bytes.push(authentication.map_or(AUTH_NONE, Ipmi15Authentication::number));
    bytes.extend_from_slice(&sequence.to_le_bytes());
    bytes.extend_from_slice(&session.to_le_bytes());
    if let Some(kind) = authentication {
        bytes.extend_from_slice(&session15::code(kind, key, covered));
    }
    bytes.push(payload.len() as u8);
    bytes.extend_from_slice(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::packet::Datagram;

    fn key(password: &str) -> SecretKey {
        SecretKey::from_password(&password.into()).unwrap()
    }

    fn decoded(bytes: &[u8]) -> Packet15<'_> {
        match Datagram::decode(bytes).unwrap() {
            Datagram::Session15(packet) => packet,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_straight_password_stands_in_the_packet() {
        let covered = Covered { session: 0x0403_0201, sequence: 9, payload: &[0xAA, 0xBB] };
        let bytes = seal15(Some(Ipmi15Authentication::Password), &key("secret"), covered);
        let expected = [
            &[6, 0, 0xFF, 7, 4, 9, 0, 0, 0, 1, 2, 3, 4][..],
            b"secret\0\0\0\0\0\0\0\0\0\0",
            &[2, 0xAA, 0xBB],
        ];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn codes_cover_all_that_matters() {
        let covered = Covered { session: 7, sequence: 9, payload: &[1, 2, 3] };
        let bytes = seal15(Some(Ipmi15Authentication::Md5), &key("secret"), covered);
        assert_eq!(decoded(&bytes).check(&key("secret")), Ok(()));
        assert_eq!(decoded(&bytes).check(&key("Secret")), Err(Fault::Integrity));
        for at in (5..bytes.len()).filter(|at| *at != 29) {
            let mut spoilt = bytes.clone();
            spoilt[at] ^= 1;
            assert_eq!(decoded(&spoilt).check(&key("secret")), Err(Fault::Integrity), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn packets_survive_the_wire(kind in 0usize..3, session: u32, sequence in 1u32.., payload: Vec<u8>) {
            let payload = &payload[..payload.len().min(255)];
            let kinds = [None, Some(Ipmi15Authentication::Md5), Some(Ipmi15Authentication::Password)];
            let session = session.max(1);
            let bytes = seal15(kinds[kind], &key("secret"), Covered { session, sequence, payload });
            let packet = decoded(&bytes);
            prop_assert_eq!((packet.session, packet.sequence, packet.payload), (session, sequence, payload));
            prop_assert_eq!(packet.authentication(), kinds[kind]);
            prop_assert_eq!(packet.check(&key("secret")), Ok(()));
            for cut in 4..bytes.len() - payload.len() {
                prop_assert!(Datagram::decode(&bytes[..cut]).is_err());
            }
        }
    }
}
