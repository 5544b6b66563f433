//! From RTP packets to access units (RFC 6184, packetization mode 1).

use std::collections::BTreeMap;

use super::nal;

/// Packets that are kept while one before them is missing: a second of a stream of 2 Mbit/s.
const MOST_WAITING: usize = 256;

/// A packet so far ahead belongs to another stream, or the sender began anew.
const FARTHEST: u64 = 4096;

/// The longest access unit, in bytes. A screen of 1920x1200 without any compression takes 3.5 MB.
const LONGEST: usize = 8 * 1024 * 1024;

/// NAL units in an access unit: more slices than a screen has rows of macroblocks are no encoder's.
const MOST_NALS: usize = 256;

/// Several NAL units in one packet.
const STAP_A: u8 = 24;
/// A part of a NAL unit.
const FU_A: u8 = 28;

/// An RTP packet as far as video needs it (RFC 3550 section 5.1).
#[derive(Clone, Copy, Debug)]
pub struct RtpPacket<'a> {
    /// Its sequence number.
    pub sequence: u16,
    /// When its picture was taken, in units of 1/90000 s; the same in all packets of a picture.
    pub timestamp: u32,
    /// Whether it is the last of its picture.
    pub marker: bool,
    /// What it carries.
    pub payload: &'a [u8],
}

/// The NAL units of one picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessUnit {
    /// Each with its first byte, without start codes.
    pub nals: Vec<Vec<u8>>,
}

impl AccessUnit {
    /// Its length in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.nals.iter().map(Vec::len).sum()
    }

    /// Whether it stands for itself: nothing that came before is needed to decode it.
    #[must_use]
    pub fn is_key(&self) -> bool {
        self.kinds().any(|kind| kind == nal::IDR)
    }

    /// Its parameter sets.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.nals
            .iter()
            .filter(|unit| matches!(unit.first().map(|head| nal::kind(*head)), Some(nal::SPS | nal::PPS)))
    }

    fn kinds(&self) -> impl Iterator<Item = u8> {
        self.nals.iter().filter_map(|unit| unit.first()).map(|head| nal::kind(*head))
    }
}

/// What came of packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// A whole picture.
    Unit(AccessUnit),
    /// Something is missing: pictures that come now cannot be decoded before one that stands for itself.
    Lost,
}

/// Puts packets in order and NAL units together.
#[derive(Debug, Default)]
pub struct Assembler {
    /// The number of the next packet, counted beyond 16 bits; none before the first.
    next: Option<u64>,
    waiting: BTreeMap<u64, Waiting>,
    unit: AccessUnit,
    length: usize,
    timestamp: u32,
    /// The NAL unit whose parts are arriving.
    part: Option<Vec<u8>>,
    /// Something of the picture under way is missing.
    is_broken: bool,
    /// Packets are missing before the next one, which may have been the beginning of its picture.
    is_behind_gap: bool,
    arrived: Vec<Arrived>,
}

#[derive(Debug)]
struct Waiting {
    timestamp: u32,
    marker: bool,
    payload: Vec<u8>,
}

impl Assembler {
    /// Before the first packet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a packet; tells what became whole by it, in order.
    pub fn receive(&mut self, packet: RtpPacket<'_>) -> Vec<Arrived> {
        let expected = *self.next.get_or_insert(u64::from(packet.sequence) + (1 << 16));
        // Numbers wrap: the nearest one with these 16 bits is meant.
        let ahead = packet.sequence.wrapping_sub(expected as u16);
        let number = if ahead < 1 << 15 {
            expected + u64::from(ahead)
        } else {
            expected.saturating_sub(u64::from(ahead.wrapping_neg()))
        };
        if number < expected {
            // It came twice, or too late.
            return Vec::new();
        }
        if number - expected > FARTHEST {
            self.waiting.clear();
            self.skip();
            self.next = Some(number);
        }
        let Waiting { timestamp, marker, payload } =
            Waiting { timestamp: packet.timestamp, marker: packet.marker, payload: packet.payload.to_vec() };
        self.waiting.insert(number, Waiting { timestamp, marker, payload });
        if self.waiting.len() > MOST_WAITING {
            self.skip();
            self.next = self.waiting.keys().next().copied();
        }
        while let Some(next) = self.next
            && let Some(packet) = self.waiting.remove(&next)
        {
            self.next = Some(next + 1);
            self.take(packet);
        }
        std::mem::take(&mut self.arrived)
    }

    /// Whether a packet is missing while later ones are there.
    #[must_use]
    pub fn misses(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Packets are given up.
    fn skip(&mut self) {
        self.is_behind_gap = true;
        self.lose();
    }

    fn lose(&mut self) {
        self.is_broken = true;
        self.part = None;
        if self.arrived.last() != Some(&Arrived::Lost) {
            self.arrived.push(Arrived::Lost);
        }
    }

    /// Takes the next packet in order.
    fn take(&mut self, packet: Waiting) {
        if packet.timestamp != self.timestamp {
            self.finish();
            self.timestamp = packet.timestamp;
        }
        self.is_broken |= std::mem::take(&mut self.is_behind_gap);
        if self.unpack(&packet.payload).is_none() {
            self.lose();
        }
        if packet.marker {
            self.finish();
        }
    }

    /// The NAL units of a payload; nothing where they make no sense.
    fn unpack(&mut self, payload: &[u8]) -> Option<()> {
        let (&head, rest) = payload.split_first()?;
        match nal::kind(head) {
            1..=23 => self.add(payload.to_vec()),
            STAP_A => {
                let mut rest = rest;
                while let Some((length, following)) = rest.split_at_checked(2) {
                    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                    let (unit, following) = following.split_at_checked(length)?;
                    self.add(unit.to_vec())?;
                    rest = following;
                }
                rest.is_empty().then_some(())
            }
            FU_A => {
                let (&part, rest) = rest.split_first()?;
                let (is_first, is_last) = (part & 0x80 != 0, part & 0x40 != 0);
                if is_first {
                    self.part = Some(vec![head & 0xe0 | nal::kind(part)]);
                }
                let mut unit = self.part.take()?;
                if self.length + unit.len() + rest.len() > LONGEST {
                    return None;
                }
                unit.extend_from_slice(rest);
                if is_last { self.add(unit) } else { self.part.replace(unit).is_none().then_some(()) }
            }
            _ => None,
        }
    }

    fn add(&mut self, unit: Vec<u8>) -> Option<()> {
        let length = self.length + unit.len();
        if unit.is_empty() || length > LONGEST || self.unit.nals.len() >= MOST_NALS {
            return None;
        }
        self.length = length;
        self.unit.nals.push(unit);
        Some(())
    }

    /// The picture under way is over.
    fn finish(&mut self) {
        if self.part.take().is_some() {
            self.lose();
        }
        let unit = std::mem::take(&mut self.unit);
        self.length = 0;
        if !std::mem::take(&mut self.is_broken) && !unit.nals.is_empty() {
            self.arrived.push(Arrived::Unit(unit));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDR: &[u8] = &[0x65, 1, 2, 3, 4, 5, 6];

    fn packet(sequence: u16, timestamp: u32, marker: bool, payload: &[u8]) -> RtpPacket<'_> {
        RtpPacket { sequence, timestamp, marker, payload }
    }

    fn unit(nals: &[&[u8]]) -> Arrived {
        Arrived::Unit(AccessUnit { nals: nals.iter().map(|unit| unit.to_vec()).collect() })
    }

    /// Checks what comes of packets, given as number, timestamp, marker and payload.
    fn check(packets: &[(u16, u32, bool, &[u8])], wanted: &[Arrived]) {
        let mut assembler = Assembler::new();
        let taken = packets.iter().flat_map(|&(sequence, timestamp, marker, payload)| {
            assembler.receive(packet(sequence, timestamp, marker, payload))
        });
        assert_eq!(taken.collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn packets_become_pictures_in_their_order() {
        let stap: &[u8] = &[24, 0, 2, 0x67, 9, 0, 1, 0x68];
        let (first, middle, last): (&[u8], &[u8], &[u8]) =
            (&[0x7c, 0x85, 1, 2], &[0x7c, 5, 3, 4], &[0x7c, 0x45, 5, 6]);
        let whole = unit(&[&[0x67, 9], &[0x68], IDR]);
        check(&[(1, 7, true, IDR)], &[unit(&[IDR])]);
        let in_order =
            [(9, 7, false, stap), (10, 7, false, first), (11, 7, false, middle), (12, 7, true, last)];
        check(&in_order, std::slice::from_ref(&whole));
        // Numbers wrap.
        let wrapping =
            in_order.map(|(number, time, marker, bytes)| (number.wrapping_add(65525), time, marker, bytes));
        check(&wrapping, std::slice::from_ref(&whole));
        let mut swapped = in_order;
        swapped.swap(1, 3);
        check(&swapped, std::slice::from_ref(&whole));
        let twice = [in_order[0], in_order[0], in_order[1], in_order[2], in_order[1], in_order[3]];
        check(&twice, &[whole]);
        // Without the mark, the next picture's time ends it.
        check(&[(1, 7, false, IDR), (2, 8, true, &[0x41, 1])], &[unit(&[IDR]), unit(&[&[0x41, 1]])]);
    }

    #[test]
    fn what_is_missing_or_senseless_is_told() {
        let lost = Arrived::Lost;
        // A picture whose first part is missing is not handed out, the next is.
        check(&[(1, 7, true, &[0x7c, 0x45, 5]), (2, 8, true, IDR)], &[lost.clone(), unit(&[IDR])]);
        // A part that has no end.
        check(&[(1, 7, false, &[0x7c, 0x85, 5]), (2, 8, true, IDR)], &[lost.clone(), unit(&[IDR])]);
        check(&[(1, 7, true, &[24, 0, 9, 1])], std::slice::from_ref(&lost));
        check(&[(1, 7, true, &[])], std::slice::from_ref(&lost));
        check(&[(1, 7, true, &[29, 1, 2])], std::slice::from_ref(&lost));
        // A jump is another stream.
        let jump = [(1, 7, true, IDR), (20_000, 8, true, IDR), (20_001, 9, true, &[0x41, 1])];
        check(&jump, &[unit(&[IDR]), lost, unit(&[&[0x41, 1]])]);
    }

    #[test]
    fn a_packet_that_never_comes_is_given_up() {
        let mut assembler = Assembler::new();
        assert_eq!(assembler.receive(packet(0, 0, true, IDR)), [unit(&[IDR])]);
        let mut arrived = Vec::new();
        for number in 2..400 {
            assert_eq!(assembler.misses(), number > 2 && arrived.is_empty());
            arrived.extend(assembler.receive(packet(number, u32::from(number), true, &[0x41, 1])));
        }
        assert_eq!(arrived[0], Arrived::Lost);
        // The first picture behind the gap may have lost its beginning there.
        assert_eq!(arrived.len(), 1 + 397, "{:?}", &arrived[..3]);
    }

    #[test]
    fn a_picture_without_end_is_given_up() {
        let mut assembler = Assembler::new();
        let long = [&[0x7c, 5][..], &[1; 60_000]].concat();
        let first = assembler.receive(packet(0, 0, false, &[0x7c, 0x85, 1]));
        assert!(first.is_empty());
        let arrived: Vec<_> =
            (1..1000).flat_map(|number| assembler.receive(packet(number, 0, false, &long))).collect();
        assert!(arrived.contains(&Arrived::Lost));
        assert!(assembler.part.is_none() && assembler.length == 0);
    }
}
