//! Is there anything that speaks RMCP? One datagram each way, without credentials (IPMI 2.0 section 13.2).
//!
//! Some BMCs do not answer although they work, so silence proves nothing.

use crate::packet::{self, Datagram};

/// The datagram of an ASF presence ping. The answer repeats `tag`: 0 to 254, as 255 asks for no answer.
pub fn ping(tag: u8) -> Vec<u8> {
    packet::encode_ping(tag)
}

/// The tag of a presence pong; `None` if `datagram` is anything else.
///
/// ```
/// use ironhand_ipmi::presence;
///
/// assert_eq!(presence::pong(&presence::ping(7)), None, "a ping is no pong");
/// ```
pub fn pong(datagram: &[u8]) -> Option<u8> {
    match Datagram::decode(datagram) {
        Ok(Datagram::Pong { tag }) => Some(tag),
        _ => None,
    }
}
