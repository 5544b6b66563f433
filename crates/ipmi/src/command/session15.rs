//! The two commands that open an IPMI 1.5 session (IPMI 2.0 sections 22.16 and 22.17).

use crate::command::{Command, netfn};
use crate::fault::Fault;
use crate::keys::NAME_LIMIT;
use crate::privilege::PrivilegeLevel;
use crate::session15::Ipmi15Authentication;
use crate::wire::Reader;

/// Get Session Challenge: begins a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GetSessionChallenge {
    pub(crate) authentication: Ipmi15Authentication,
    /// The user's name, padded with zeroes.
    pub(crate) name: [u8; NAME_LIMIT],
}

/// The reply to [`GetSessionChallenge`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionChallenge {
    pub(crate) session: u32,
    pub(crate) challenge: [u8; 16],
}

/// The user name padded with zeroes; one that is too long is cut.
pub(crate) fn padded_name(name: &[u8]) -> [u8; NAME_LIMIT] {
    std::array::from_fn(|at| name.get(at).copied().unwrap_or(0))
}

impl Command for GetSessionChallenge {
    type Reply = SessionChallenge;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x39;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Callback;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.push(self.authentication.number());
        data.extend_from_slice(&self.name);
    }

    fn decode(data: &[u8]) -> Result<SessionChallenge, Fault> {
        let mut reader = Reader::new(data);
        let session = reader.u32("temporary session id")?;
        if session == 0 {
            return Err(Fault::Field { field: "temporary session id", value: 0 });
        }
        Ok(SessionChallenge { session, challenge: reader.array("challenge")? })
    }
}

impl GetSessionChallenge {
    /// Reads the request; the authentication type as its number, which may be one that nobody speaks.
    pub(crate) fn decode_request(data: &[u8]) -> Option<(u8, &[u8])> {
        let (&kind, name) = data.split_first()?;
        (name.len() == NAME_LIMIT).then(|| {
            let length = name.iter().position(|byte| *byte == 0).unwrap_or(NAME_LIMIT);
            (kind & 0x0F, &name[..length])
        })
    }
}

impl SessionChallenge {
    pub(crate) fn encode(&self) -> Vec<u8> {
        [&self.session.to_le_bytes()[..], &self.challenge].concat()
    }
}

/// Activate Session: proves the password, as this is the first packet with a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ActivateSession {
    pub(crate) authentication: Ipmi15Authentication,
    pub(crate) privilege: PrivilegeLevel,
    pub(crate) challenge: [u8; 16],
    /// The number of the BMC's first packet in the session.
    pub(crate) outbound: u32,
}

/// The reply to [`ActivateSession`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ActivatedSession {
    /// How the packets from now on are authenticated; `None` where they are not, or in a way that this crate does not
    /// speak.
    pub(crate) authentication: Option<Ipmi15Authentication>,
    pub(crate) session: u32,
    /// The number of the console's first packet in the session.
    pub(crate) inbound: u32,
    /// The highest privilege level, by its number.
    pub(crate) limit: u8,
}

impl Command for ActivateSession {
    type Reply = ActivatedSession;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x3A;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Callback;
    const REPEATABLE: bool = false;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[self.authentication.number(), self.privilege.number()]);
        data.extend_from_slice(&self.challenge);
        data.extend_from_slice(&self.outbound.to_le_bytes());
    }

    fn decode(data: &[u8]) -> Result<ActivatedSession, Fault> {
        let mut reader = Reader::new(data);
        let kind = reader.u8("authentication type")? & 0x0F;
        let session = reader.u32("session id")?;
        if session == 0 {
            return Err(Fault::Field { field: "session id", value: 0 });
        }
        let inbound = reader.u32("initial inbound sequence number")?;
        let limit = reader.u8("maximum privilege level")? & 0x0F;
        Ok(ActivatedSession {
            authentication: Ipmi15Authentication::from_number(kind),
            session,
            inbound,
            limit,
        })
    }
}

impl ActivateSession {
    /// Reads the request: authentication type, privilege level, challenge and outbound number.
    pub(crate) fn decode_request(data: &[u8]) -> Result<(u8, u8, [u8; 16], u32), Fault> {
        let mut reader = Reader::new(data);
        let [kind, privilege] = reader.array("authentication type")?;
        let challenge = reader.array("challenge")?;
        Ok((kind & 0x0F, privilege & 0x0F, challenge, reader.u32("initial outbound sequence number")?))
    }
}

impl ActivatedSession {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let kind = self.authentication.map_or(0, Ipmi15Authentication::number);
        let mut data = vec![kind];
        data.extend_from_slice(&self.session.to_le_bytes());
        data.extend_from_slice(&self.inbound.to_le_bytes());
        data.push(self.limit);
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded<C: Command>(command: &C) -> Vec<u8> {
        let mut data = Vec::new();
        command.encode(&mut data);
        data
    }

    #[test]
    fn requests_survive_the_wire() {
        let authentication = Ipmi15Authentication::Md5;
        let ask = |name: &[u8]| encoded(&GetSessionChallenge { authentication, name: padded_name(name) });
        assert_eq!(ask(b"admin"), b"\x02admin\0\0\0\0\0\0\0\0\0\0\0");
        for name in [&b""[..], b"admin", b"sixteen letters!"] {
            assert_eq!(GetSessionChallenge::decode_request(&ask(name)), Some((2, name)));
        }
        assert_eq!(GetSessionChallenge::decode_request(b"\x02admin"), None);
        let privilege = PrivilegeLevel::Operator;
        let activate = ActivateSession { authentication, privilege, challenge: [7; 16], outbound: 9 };
        assert_eq!(ActivateSession::decode_request(&encoded(&activate)), Ok((2, 3, [7; 16], 9)));
        assert!(ActivateSession::decode_request(&[2, 3, 4]).is_err());
    }

    #[test]
    fn replies_survive_the_wire() {
        let challenge = SessionChallenge { session: 7, challenge: [9; 16] };
        assert_eq!(GetSessionChallenge::decode(&challenge.encode()), Ok(challenge));
        for authentication in [None, Some(Ipmi15Authentication::Md5), Some(Ipmi15Authentication::Password)] {
            let activated = ActivatedSession { authentication, session: 7, inbound: 8, limit: 4 };
            assert_eq!(ActivateSession::decode(&activated.encode()), Ok(activated));
        }
        assert!(GetSessionChallenge::decode(&[0; 20]).is_err(), "no session has the id 0");
        assert!(ActivateSession::decode(&[0; 10]).is_err());
    }
}
