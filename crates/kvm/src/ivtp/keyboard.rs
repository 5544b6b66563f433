//! Keys, as the reports of a USB keyboard in a head of their own ("IUSB").

use crate::error::ProtocolError;

/// Bytes of the head.
const HEAD: usize = 32;

/// Bytes of a report: modifiers, one byte that is always 1 here, six keys.
const REPORT: usize = 8;

/// Bytes of the whole: head, length of the report, report.
pub(super) const PACKET: usize = HEAD + 1 + REPORT;

const SIGNATURE: &[u8; 8] = b"IUSB    ";
/// In the byte for the kind of device.
const KEYBOARD: u8 = 0x30;
/// The first of the eight modifiers on the HID keyboard page.
const FIRST_MODIFIER: u8 = 0xE0;

/// Which keys are down.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Keys {
    modifiers: u8,
    others: [u8; 6],
}

impl Keys {
    /// A key goes down or up. As on a keyboard, a seventh key at once is not seen.
    pub(super) fn set(&mut self, usage: u8, down: bool) {
        if let Some(modifier) = usage.checked_sub(FIRST_MODIFIER) {
            if modifier < 8 {
                let bit = 1 << modifier;
                self.modifiers = if down { self.modifiers | bit } else { self.modifiers & !bit };
            }
            return;
        }
        let held = self.others.iter_mut().find(|key| **key == usage);
        match (held, down) {
            (Some(key), false) => *key = 0,
            (None, true) => {
                if let Some(free) = self.others.iter_mut().find(|key| **key == 0) {
                    *free = usage;
                }
            }
            _ => {}
        }
    }

    /// The keys that went up and down since `before`: first those that went up.
    pub(super) fn changes(&self, before: &Self) -> Vec<(u8, bool)> {
        let modifiers = |keys: &Self| {
            let modifiers = keys.modifiers;
            (0..8).filter(move |bit| modifiers >> bit & 1 == 1).map(|bit| FIRST_MODIFIER + bit)
        };
        let held = |keys: &Self| -> Vec<u8> {
            modifiers(keys).chain(keys.others.into_iter().filter(|key| *key != 0)).collect()
        };
        let (now, then) = (held(self), held(before));
        let up = then.iter().filter(|key| !now.contains(key)).map(|key| (*key, false));
        let down = now.iter().filter(|key| !then.contains(key)).map(|key| (*key, true));
        up.chain(down).collect()
    }

    /// The report as a packet has it.
    pub(super) fn packet(&self, sequence: u32) -> [u8; PACKET] {
        let mut packet = [0; PACKET];
        let [s0, s1, s2, s3] = sequence.to_le_bytes();
        let length = (1 + REPORT) as u8;
        // Version 1.0, the length of the head, the sum, the length of what follows; keyboard, protocol, from the
        // viewer, device, interface; a number that goes up.
        let fields =
            [1, 0, HEAD as u8, 0, length, 0, 0, 0, 0, KEYBOARD, 0x10, 0x80, 2, 0, 0, 0, s0, s1, s2, s3];
        let [a, b, c, d, e, f] = self.others;
        let report = [REPORT as u8, self.modifiers, 1, a, b, c, d, e, f];
        let bytes = SIGNATURE.iter().chain(&fields).chain(&[0; 4]).chain(&report);
        for (to, from) in packet.iter_mut().zip(bytes) {
            *to = *from;
        }
        packet[11] = sum(&packet).wrapping_neg();
        packet
    }

    /// The report of a packet; `None` of another device than a keyboard.
    pub(super) fn read(packet: &[u8]) -> Result<Option<Self>, ProtocolError> {
        let wrong = ProtocolError::Length { what: "keyboard report", announced: packet.len() as u64 };
        let Some(head) = packet.first_chunk::<HEAD>().filter(|head| head.starts_with(SIGNATURE)) else {
            return Err(wrong);
        };
        if sum(head) != 0 {
            return Err(ProtocolError::Checksum);
        }
        if head[17] != KEYBOARD {
            return Ok(None);
        }
        let Some([length, modifiers, _, others @ ..]) =
            packet.get(HEAD..).and_then(|rest| rest.as_array::<9>())
        else {
            return Err(wrong);
        };
        if usize::from(*length) != REPORT {
            return Err(wrong);
        }
        Ok(Some(Self { modifiers: *modifiers, others: *others }))
    }
}

/// The bytes of the head added up.
fn sum(packet: &[u8]) -> u8 {
    packet.iter().take(HEAD).fold(0, |sum, byte| sum.wrapping_add(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report() {
        let mut keys = Keys::default();
        keys.set(0xE0, true);
        keys.set(0xE2, true);
        keys.set(0x4C, true);
        let packet = keys.packet(0x0102);
        let head = *b"IUSB    \x01\0\x20\0\x09\0\0\0\0\x30\x10\x80\x02\0\0\0\x02\x01\0\0\0\0\0\0";
        let sum = head.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        assert_eq!(packet[11], 0_u8.wrapping_sub(sum));
        assert_eq!(packet[..11], head[..11]);
        assert_eq!(packet[12..32], head[12..]);
        assert_eq!(packet[32..], [8, 0b101, 1, 0x4C, 0, 0, 0, 0, 0]);
        assert!(Keys::read(&packet).is_ok_and(|read| read == Some(keys)));
    }

    #[test]
    fn what_changed() {
        let mut keys = Keys::default();
        (4..12).for_each(|usage| keys.set(usage, true));
        let six: Vec<(u8, bool)> = (4..10).map(|usage| (usage, true)).collect();
        assert_eq!(keys.changes(&Keys::default()), six, "a seventh key is not seen");
        let before = keys;
        keys.set(5, false);
        keys.set(0xE7, true);
        keys.set(0xE8, true);
        keys.set(20, true);
        keys.set(20, true);
        assert_eq!(keys.changes(&before), [(5, false), (0xE7, true), (20, true)]);
    }

    #[test]
    fn packets_that_cannot_be() {
        let packet = Keys::default().packet(1);
        let check = |packet: &[u8], expected| assert_eq!(Keys::read(packet).err(), Some(expected));
        let length = |announced| ProtocolError::Length { what: "keyboard report", announced };
        check(&[], length(0));
        check(&packet[..PACKET - 1], length(40));
        let mut wrong = packet;
        wrong[32] = 7;
        check(&wrong, length(41));
        wrong[24] = 7;
        check(&wrong, ProtocolError::Checksum);
        wrong[0] = b'X';
        check(&wrong, length(41));
        let mut mouse = packet;
        (mouse[17], mouse[18]) = (0x31, 0x0F);
        assert!(Keys::read(&mouse).is_ok_and(|read| read.is_none()));
    }
}
