//! Is there anything that speaks RMCP or IPMI? One datagram each way, without credentials.
//!
//! The presence ping (IPMI 2.0 section 13.2) is the usual question. Some BMCs that work do not answer it
//! ([`Quirk::IpmiPing`](crate::Quirk::IpmiPing)); these answer [`question`]. Silence to both proves nothing, as networks
//! lose datagrams.

use crate::command::{Command, GetChannelAuthenticationCapabilities};
use crate::message::Message;
use crate::packet::{self, Datagram};
use crate::privilege::PrivilegeLevel;

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

/// A datagram that every BMC answers outside a session: Get Channel Authentication Capabilities (section 22.13) in its
/// IPMI 1.5 form, which nobody refuses. The answer repeats the low six bits of `tag`.
pub fn question(tag: u8) -> Vec<u8> {
    let command =
        GetChannelAuthenticationCapabilities { extended: false, privilege: PrivilegeLevel::Administrator };
    let mut data = Vec::new();
    command.encode(&mut data);
    let (netfn, cmd) =
        (GetChannelAuthenticationCapabilities::NETFN, GetChannelAuthenticationCapabilities::CMD);
    packet::encode_sessionless(&Message::request(netfn, 0, cmd, tag & 0x3F, &data).encode())
}

/// The tag of an answer to [`question`], whatever it says; `None` if `datagram` is anything else.
///
/// ```
/// use ironhand_ipmi::presence;
///
/// assert_eq!(presence::answer(&presence::question(7)), None, "a question is no answer");
/// ```
pub fn answer(datagram: &[u8]) -> Option<u8> {
    let Ok(Datagram::Sessionless(payload)) = Datagram::decode(datagram) else { return None };
    let message = Message::decode(payload).ok()?;
    let answers = message.is_reply()
        && message.netfn == GetChannelAuthenticationCapabilities::NETFN | 1
        && message.command == GetChannelAuthenticationCapabilities::CMD;
    answers.then_some(message.sequence)
}
