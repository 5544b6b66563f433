//! Servers of DHCPv6 that somebody else runs: what is asked to find them, and what their answers say.

use std::net::Ipv6Addr;

use super::{MAX_DUID, Message, MessageType, Options, code};

/// What is asked in the name of a machine that does not exist, to find servers: for an address, as firmware asks (SOLICIT), and
/// for parameters alone (INFORMATION-REQUEST), which servers without addresses answer, too. Nobody is bound by an answer to it:
/// what was offered falls back where nobody requests it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    solicit: u32,
    inform: u32,
    identifier: [u8; 18],
}

impl Inquiry {
    /// The question of a machine of these random numbers.
    pub fn of(random: [u8; 22]) -> Self {
        let [a, b, c, d, e, f, rest @ ..] = random;
        let mut identifier = [0; 18];
        // A UUID (RFC 6355), of the version that says that it is random (RFC 9562, section 5.4).
        identifier[1] = 4;
        identifier[2..].copy_from_slice(&rest);
        identifier[8] = identifier[8] & 0x0f | 0x40;
        identifier[10] = identifier[10] & 0x3f | 0x80;
        let number = |bytes: [u8; 3]| u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
        // Two that differ, so that an answer tells which one it is to.
        let (solicit, inform) = (number([a, b, c]) & !1, number([d, e, f]) | 1);
        Self { solicit, inform, identifier }
    }

    /// What is sent to all servers of the link.
    pub fn messages(&self) -> [Message; 2] {
        let message = |kind, transaction, association: bool| {
            let mut options = Options::new();
            options.push(code::CLIENT_IDENTIFIER, &self.identifier).push(code::ELAPSED_TIME, &[0, 0]);
            if association {
                options.push(code::IA_NA, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
            }
            let asked = [code::BOOTFILE_URL, code::BOOTFILE_PARAMETERS, code::DNS_SERVERS];
            options.push(code::OPTION_REQUEST, asked.map(u16::to_be_bytes).as_flattened());
            // UEFI on x64 (RFC 5970, section 3.3).
            options.push(code::CLIENT_ARCHITECTURE, &[0, 7]);
            Message { kind, transaction, options }
        };
        [
            message(MessageType::Solicit, self.solicit, true),
            message(MessageType::InformationRequest, self.inform, false),
        ]
    }

    /// Who answers this question, by a message from `source`; nothing where it is no answer to it.
    pub fn answered(&self, source: Ipv6Addr, message: &Message) -> Option<ForeignServer> {
        let wanted = match message.kind {
            MessageType::Advertise => self.solicit,
            MessageType::Reply => self.inform,
            _ => return None,
        };
        let is_ours = message.options.get(code::CLIENT_IDENTIFIER) == Some(&self.identifier[..]);
        let identifier = message.options.get(code::SERVER_IDENTIFIER)?;
        if message.transaction != wanted || !is_ours || identifier.len() > MAX_DUID {
            return None;
        }
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        Some(ForeignServer {
            server: source,
            identifier: identifier.into(),
            offered: message.options.all(code::IA_NA).find_map(offered),
            boot_file: message.options.get(code::BOOTFILE_URL).map(text),
        })
    }
}

/// The address within an association.
fn offered(association: &[u8]) -> Option<Ipv6Addr> {
    let inner = Options::decode(association.get(12..)?)?;
    inner.get(code::IA_ADDRESS)?.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets))
}

/// A server of DHCPv6 that somebody else runs, as far as its answers tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignServer {
    /// The address that its answer came from: its own on the link, or that of a relay.
    pub server: Ipv6Addr,
    /// How it calls itself (DUID).
    pub identifier: Box<[u8]>,
    /// The address that it offered; none where it gives parameters alone.
    pub offered: Option<Ipv6Addr>,
    /// The URL that it tells machines to boot from.
    pub boot_file: Option<String>,
}

impl ForeignServer {
    /// Takes in what another answer of the same server says; says whether it is the same.
    pub fn merge(&mut self, other: &Self) -> bool {
        let same = (self.server, &self.identifier) == (other.server, &other.identifier);
        if same {
            self.offered = self.offered.or(other.offered);
            self.boot_file = self.boot_file.take().or_else(|| other.boot_file.clone());
        }
        same
    }
}
