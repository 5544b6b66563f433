//! Which packets of a unit's address come to the machines of WebRTC.
//!
//! They keep something for each sender and each source of video that they hear of, before they know whether what they hear is from the
//! unit. Here is counted how many there are.

use std::net::SocketAddr;

/// Ports of the unit's address beside those that it named, as a translation of addresses makes them.
const MOST_SENDERS: usize = 16;

/// Sources of video (SSRC), where the session description names none; of its reports, beside those that it names.
const MOST_SOURCES: usize = 16;

/// What was let in so far.
#[derive(Debug, Default)]
pub(super) struct Gate {
    named_senders: Vec<SocketAddr>,
    other_senders: Vec<SocketAddr>,
    named_sources: Vec<u32>,
    other_sources: Vec<u32>,
    reporters: Vec<u32>,
}

/// What a packet is (RFC 7983 section 7, RFC 5761 section 4).
#[derive(Debug, PartialEq)]
enum Kind {
    /// Video of a source.
    Rtp(u32),
    /// A report of a source.
    Rtcp(u32),
    /// Of STUN, DTLS or nothing.
    Other,
}

impl Kind {
    fn of(packet: &[u8]) -> Self {
        let number = |place: usize| {
            packet.get(place..place + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes)
        };
        match packet {
            [128..=191, 192..=223, ..] => number(4).map_or(Self::Other, Self::Rtcp),
            [128..=191, ..] => number(8).map_or(Self::Other, Self::Rtp),
            _ => Self::Other,
        }
    }
}

impl Gate {
    /// The unit says that it may be reached so: packets from there are let in.
    pub(super) fn name_sender(&mut self, sender: SocketAddr) {
        if !self.named_senders.contains(&sender) {
            self.named_senders.push(sender);
        }
    }

    /// The unit's session description, which may name the sources of its video (RFC 5576 section 4.1).
    pub(super) fn describe(&mut self, description: &str) {
        let named = description.lines().filter_map(|line| line.strip_prefix("a=ssrc:"));
        for source in named.filter_map(|line| line.split(' ').next()?.parse().ok()) {
            let is_new = !self.named_sources.contains(&source);
            if is_new && self.named_sources.len() < MOST_SOURCES {
                self.named_sources.push(source);
            }
        }
    }

    /// Whether a packet is let in.
    pub(super) fn admits(&mut self, sender: SocketAddr, packet: &[u8]) -> bool {
        if !self.named_senders.contains(&sender) && !room(&mut self.other_senders, sender, MOST_SENDERS) {
            return false;
        }
        match Kind::of(packet) {
            Kind::Rtp(source) if self.named_sources.is_empty() => {
                room(&mut self.other_sources, source, MOST_SOURCES)
            }
            Kind::Rtp(source) => self.named_sources.contains(&source),
            Kind::Rtcp(source) => {
                self.named_sources.contains(&source) || room(&mut self.reporters, source, MOST_SOURCES)
            }
            Kind::Other => true,
        }
    }
}

/// Whether something is known, or may be from now on.
fn room<T: PartialEq>(known: &mut Vec<T>, new: T, most: usize) -> bool {
    if known.contains(&new) {
        return true;
    }
    let has_room = known.len() < most;
    if has_room {
        known.push(new);
    }
    has_room
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rtp(source: u32) -> Vec<u8> {
        [&[0x80, 102, 0, 1, 0, 0, 0, 0][..], &source.to_be_bytes(), &[1; 20]].concat()
    }

    fn rtcp(source: u32) -> Vec<u8> {
        [&[0x80, 200, 0, 6][..], &source.to_be_bytes(), &[1; 20]].concat()
    }

    fn unit(port: u16) -> SocketAddr {
        ([10, 0, 7, 52], port).into()
    }

    #[test]
    fn packets_are_told_apart() {
        let check = |packet: &[u8], wanted: Kind| assert_eq!(Kind::of(packet), wanted, "{packet:?}");
        check(&rtp(7), Kind::Rtp(7));
        check(&rtcp(7), Kind::Rtcp(7));
        check(&[0x80, 102, 0, 1, 0, 0, 0, 0, 0, 0, 0], Kind::Other);
        check(&[0x80, 200, 0, 6, 0], Kind::Other);
        check(&[22, 254, 253], Kind::Other);
        check(&[0, 1, 0, 0], Kind::Other);
        check(&[], Kind::Other);
    }

    #[test]
    fn sources_that_were_named_are_let_in_and_no_others() {
        let mut gate = Gate::default();
        gate.describe("v=0\r\na=ssrc-group:FID 5 6\r\na=ssrc:5 cname:kvm\r\na=ssrc:5 msid:a b\r\na=ssrc:6 cname:kvm\r\na=ssrc:x y\r\n");
        for source in 0..100_000 {
            assert_eq!(gate.admits(unit(9), &rtp(source)), [5, 6].contains(&source));
        }
        assert!(gate.other_sources.is_empty());
    }

    #[test]
    fn what_was_not_named_is_let_in_as_far_as_there_is_room() {
        let mut gate = Gate::default();
        gate.name_sender(unit(9));
        let admitted = |gate: &mut Gate, packets: &dyn Fn(u32) -> (SocketAddr, Vec<u8>)| {
            let count = (0..60_000).filter(|number| {
                let (sender, packet) = packets(*number);
                gate.admits(sender, &packet)
            });
            count.count()
        };
        assert_eq!(admitted(&mut gate, &|number| (unit(9), rtp(number))), MOST_SOURCES);
        assert_eq!(admitted(&mut gate, &|number| (unit(9), rtcp(number))), MOST_SOURCES);
        let port = |number: u32| u16::try_from(number).expect("below 65536") + 1000;
        assert_eq!(admitted(&mut gate, &|number| (unit(port(number)), vec![0, 1])), MOST_SENDERS);
        assert!(gate.admits(unit(9), &rtp(0)) && gate.admits(unit(9), &[0, 1]), "what was there goes on");
        gate.describe(&(0..100).map(|source| format!("a=ssrc:{source} cname:a\r\n")).collect::<String>());
        assert_eq!(gate.named_sources.len(), MOST_SOURCES);
    }
}
