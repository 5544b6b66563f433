//! One direction of SOL at the end where characters arrive: each is taken once and in order.

use std::time::{Duration, Instant};

use crate::sol::packet::{CHARACTERS_LIMIT, SolPacket};

/// How long the refusal of a packet stands when copies of it come. Longer than a datagram travels: the sender may get
/// the refusal late, send the characters again under a new number, and they would arrive twice. Not forever, as some BMCs
/// go on with the same number whatever they are told, and give the characters up after some seconds.
const REFUSAL_STANDS: Duration = Duration::from_secs(3);

/// What the other end is told about a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Acknowledgement {
    pub(crate) sequence: u8,
    pub(crate) accepted: u8,
    /// Not all was accepted, and the other end should wait before it sends more.
    pub(crate) refused: bool,
}

/// What came of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Intake<'a> {
    /// Characters that were not delivered before.
    pub(crate) characters: &'a [u8],
    /// No copy of this packet came before.
    pub(crate) fresh: bool,
    pub(crate) acknowledgement: Acknowledgement,
}

/// Whether session sequence number `a` was given out after `b`.
pub(crate) fn is_later(a: u32, b: u32) -> bool {
    a != b && a.wrapping_sub(b) <= u32::MAX / 2
}

/// What is known about the packet that came last.
#[derive(Debug)]
struct Last {
    sequence: u8,
    /// The session sequence number of its latest copy.
    order: u32,
    length: usize,
    accepted: usize,
    at: Instant,
}

/// Takes numbered packets.
#[derive(Debug, Default)]
pub(crate) struct Receiver {
    last: Option<Last>,
}

impl Receiver {
    /// Takes a numbered packet that came under session sequence number `order`, and up to `room` of its characters.
    /// `None` if it is a late copy of an earlier packet.
    ///
    /// The sender moves on to another number only after an acknowledgement, so what has another number than the last
    /// packet is new if it was sent later, whatever the numbers are: some BMCs let them jump.
    pub(crate) fn take<'a>(
        &mut self,
        now: Instant,
        order: u32,
        packet: &SolPacket<'a>,
        room: usize,
    ) -> Option<Intake<'a>> {
        let length = packet.characters.len();
        let room = room.min(CHARACTERS_LIMIT);
        if let Some(last) = &mut self.last {
            if packet.sequence == last.sequence {
                let begun = last.accepted;
                last.order = if is_later(order, last.order) { order } else { last.order };
                let refusal_over =
                    begun == 0 && last.length > 0 && now.saturating_duration_since(last.at) >= REFUSAL_STANDS;
                if refusal_over || length > last.length && begun == last.length {
                    last.accepted = length.min(room).max(begun);
                    last.length = length;
                    last.at = now;
                }
                return Some(Intake {
                    characters: packet.characters.get(begun..last.accepted).unwrap_or_default(),
                    fresh: false,
                    acknowledgement: last.acknowledgement(),
                });
            }
            if !is_later(order, last.order) {
                return None;
            }
        }
        let accepted = length.min(room);
        let last = self.last.insert(Last { sequence: packet.sequence, order, length, accepted, at: now });
        Some(Intake {
            characters: &packet.characters[..accepted],
            fresh: true,
            acknowledgement: last.acknowledgement(),
        })
    }
}

impl Last {
    fn acknowledgement(&self) -> Acknowledgement {
        Acknowledgement {
            sequence: self.sequence,
            accepted: self.accepted as u8,
            // What does not fit into one count is no reason to wait.
            refused: self.accepted < self.length.min(CHARACTERS_LIMIT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Case {
        receiver: Receiver,
        now: Instant,
    }

    impl Case {
        fn new() -> Self {
            Self { receiver: Receiver::default(), now: Instant::now() }
        }

        /// `expected`: the characters delivered and the count acknowledged.
        fn check(
            &mut self,
            order: u32,
            sequence: u8,
            text: &str,
            room: usize,
            expected: Option<(&str, u8, bool)>,
        ) {
            let packet =
                SolPacket { sequence, acknowledged: 0, accepted: 0, flags: 0, characters: text.as_bytes() };
            let intake = self.receiver.take(self.now, order, &packet, room);
            let expected = expected.map(|(text, accepted, refused)| {
                (text.as_bytes(), Acknowledgement { sequence, accepted, refused })
            });
            assert_eq!(
                intake.map(|intake| (intake.characters, intake.acknowledgement)),
                expected,
                "packet {sequence} under {order}"
            );
        }
    }

    #[test]
    fn a_copy_is_acknowledged_again_and_not_delivered() {
        let mut case = Case::new();
        case.check(1, 1, "abc", 99, Some(("abc", 3, false)));
        case.check(2, 1, "abc", 99, Some(("", 3, false)));
        case.check(3, 2, "d", 99, Some(("d", 1, false)));
    }

    #[test]
    fn a_retransmission_with_more_characters_delivers_the_new_ones() {
        let mut case = Case::new();
        case.check(1, 1, "abc", 99, Some(("abc", 3, false)));
        case.check(2, 1, "abcde", 99, Some(("de", 5, false)));
        case.check(3, 1, "abcde", 99, Some(("", 5, false)));
    }

    #[test]
    fn an_old_packet_that_comes_late_is_nothing() {
        let mut case = Case::new();
        case.check(1, 14, "a", 99, Some(("a", 1, false)));
        case.check(4, 15, "b", 99, Some(("b", 1, false)));
        case.check(3, 14, "a", 99, None);
        case.check(5, 1, "c", 99, Some(("c", 1, false)));
        case.check(2, 13, "z", 99, None);
    }

    #[test]
    fn numbers_may_jump_or_begin_anew() {
        let mut case = Case::new();
        case.check(1, 7, "a", 99, Some(("a", 1, false)));
        case.check(2, 1, "b", 99, Some(("b", 1, false)));
        case.check(3, 15, "c", 99, Some(("c", 1, false)));
        case.check(4, 14, "d", 99, Some(("d", 1, false)));
    }

    #[test]
    fn what_was_accepted_in_part_stays_so() {
        let mut case = Case::new();
        case.check(1, 1, "abcdef", 4, Some(("abcd", 4, true)));
        case.check(2, 1, "abcdef", 99, Some(("", 4, true)));
        case.check(3, 2, "ef", 99, Some(("ef", 2, false)));
    }

    #[test]
    fn a_refusal_stands_while_late_copies_may_come_and_not_forever() {
        let mut case = Case::new();
        case.check(1, 1, "abc", 0, Some(("", 0, true)));
        case.now += REFUSAL_STANDS / 2;
        case.check(2, 1, "abc", 99, Some(("", 0, true)));
        case.now += REFUSAL_STANDS;
        case.check(3, 1, "abc", 99, Some(("abc", 3, false)));
    }

    #[test]
    fn of_a_packet_that_is_too_long_as_much_is_accepted_as_a_count_can_say() {
        let mut case = Case::new();
        let long = "x".repeat(300);
        case.check(1, 1, &long, 999, Some((&long[..255], 255, false)));
        case.check(2, 2, &long[255..], 999, Some((&long[255..], 45, false)));
    }

    #[test]
    fn an_empty_packet_is_acknowledged() {
        let mut case = Case::new();
        case.check(1, 1, "", 0, Some(("", 0, false)));
        case.check(2, 1, "", 0, Some(("", 0, false)));
    }
}
