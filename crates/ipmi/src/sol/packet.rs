//! The SOL payload: four bytes of header and the characters (IPMI 2.0 tables 15-2 and 15-3).

use crate::fault::Fault;
use crate::wire::Reader;

/// Bytes before the characters.
pub(crate) const HEADER: usize = 4;

/// Most characters that one packet can carry, as the count of accepted characters is one byte.
pub(crate) const CHARACTERS_LIMIT: usize = 255;

/// Numbered packets count 1 to 15; 0 marks a packet that is not to be acknowledged.
pub(crate) const LAST_NUMBER: u8 = 15;

/// The "operation" bits, from a console to a BMC.
pub(crate) mod operation {
    /// The packet named was received and its characters, beyond the accepted ones, could not be taken.
    pub(crate) const NACK: u8 = 0x40;
    /// Generate a break on the serial line.
    pub(crate) const BREAK: u8 = 0x10;
    /// Hold the system's output, by deasserting CTS, as long as this bit is set.
    pub(crate) const CTS_PAUSE: u8 = 0x08;
    /// Drop what goes to the system and was not yet written to its serial port.
    pub(crate) const FLUSH_INBOUND: u8 = 0x02;
    /// Drop what came from the system and was not yet sent.
    pub(crate) const FLUSH_OUTBOUND: u8 = 0x01;
}

/// The "status" bits, from a BMC to a console.
pub(crate) mod status {
    /// As in [`operation`](super::operation).
    pub(crate) const NACK: u8 = super::operation::NACK;
    /// Characters cannot be transferred: the system is off or in reset.
    pub(crate) const UNAVAILABLE: u8 = 0x20;
    /// SOL is or is being deactivated, for this console at least.
    pub(crate) const DEACTIVATED: u8 = 0x10;
    /// Characters of the system were lost before this packet.
    pub(crate) const OVERRUN: u8 = 0x08;
    /// The system sent a break.
    pub(crate) const BREAK: u8 = 0x04;
}

/// An SOL packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SolPacket<'a> {
    /// 1 to 15; 0 for a packet that only acknowledges or tells.
    pub(crate) sequence: u8,
    /// The number of the packet that this one acknowledges; 0 for none.
    pub(crate) acknowledged: u8,
    /// How many of that packet's characters were accepted.
    pub(crate) accepted: u8,
    /// [`operation`] or [`status`] bits.
    pub(crate) flags: u8,
    /// The characters: up to [`CHARACTERS_LIMIT`] in what this crate sends.
    pub(crate) characters: &'a [u8],
}

impl<'a> SolPacket<'a> {
    pub(crate) fn decode(payload: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(payload);
        let [sequence, acknowledged, accepted, flags] = reader.array("SOL header")?;
        Ok(Self {
            sequence: sequence & 0x0F,
            acknowledged: acknowledged & 0x0F,
            accepted,
            flags,
            characters: reader.rest(),
        })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(HEADER + self.characters.len());
        payload.extend_from_slice(&[self.sequence, self.acknowledged, self.accepted, self.flags]);
        payload.extend_from_slice(self.characters);
        payload
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn packets_come_back_as_they_were(
            sequence in 0u8..16, acknowledged in 0u8..16, accepted: u8, flags: u8,
            characters in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let packet = SolPacket { sequence, acknowledged, accepted, flags, characters: &characters };
            let payload = packet.encode();
            prop_assert_eq!(SolPacket::decode(&payload), Ok(packet));
        }

        #[test]
        fn any_bytes_are_a_packet_or_too_short(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            prop_assert_eq!(SolPacket::decode(&bytes).is_ok(), bytes.len() >= HEADER);
        }
    }
}
