//! What a unit that is ill, or means no good, does in a session.

use std::net::SocketAddr;

use ironhand_kvm::h264::AccessUnit;
use tokio::net::UdpSocket;

use crate::kvm_unit::{State, UnitFault};

/// Packets of a flood that are sent at once.
const WAVE: u32 = 1000;

/// The length of a message of a unit that talks without end, in bytes.
const CHATTER: usize = 30_000;

/// Bytes that wait to be sent, up to which it says more.
pub(super) const MOST_UNSENT: usize = 256 * 1024;

/// The answer to an offer.
pub(super) fn answer(state: &State, answer: String) -> String {
    const FINGERPRINT: &str = "a=fingerprint:sha-256 ";
    if !state.has(UnitFault::ForeignKey) {
        return answer;
    }
    // No key has such a fingerprint.
    let lines = answer.lines().map(|line| match line.strip_prefix(FINGERPRINT) {
        Some(fingerprint) => format!("{FINGERPRINT}00:00{}\r\n", fingerprint.get(5..).unwrap_or_default()),
        None => format!("{line}\r\n"),
    });
    lines.collect()
}

/// A picture as it is sent; none where it is kept back.
pub(super) fn picture(state: &State, mut unit: AccessUnit) -> Option<AccessUnit> {
    if state.has(UnitFault::NoKeyPicture) && unit.is_key() {
        return None;
    }
    if state.has(UnitFault::GarbledVideo) {
        for byte in unit.nals.iter_mut().flat_map(|nal| nal.iter_mut().skip(1)) {
            *byte ^= 0x5a;
        }
    }
    Some(unit)
}

/// A packet on its way: those of RTP (RFC 7983 section 7) arrive with another authentication tag.
pub(super) fn packet(state: &State, packet: &mut [u8]) {
    if state.has(UnitFault::CorruptPackets)
        && packet.first().is_some_and(|head| matches!(head, 128..=191))
        && let Some(last) = packet.last_mut()
    {
        *last ^= 1;
    }
}

/// Packets that nobody asked for: what looks like video, each of another source, under no key.
pub(super) fn flood(socket: &UdpSocket, viewer: SocketAddr, source: &mut u32) {
    for _ in 0..WAVE {
        let mut packet = [0x55; 200];
        packet[..2].copy_from_slice(&[0x80, 102]);
        packet[8..12].copy_from_slice(&source.to_be_bytes());
        *source = source.wrapping_add(1);
        if socket.try_send_to(&packet, viewer).is_err() {
            return;
        }
    }
}

/// An event that tells nothing.
pub(super) fn chatter() -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"chatter","params":"{}"}}"#, "x".repeat(CHATTER))
}
