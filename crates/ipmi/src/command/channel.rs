//! What a channel offers to those who want a session (IPMI 2.0 sections 22.13 and 22.15). Neither question needs one.

use std::fmt;

use crate::command::{Command, netfn};
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;
use crate::suite::CipherSuite;
use crate::wire::Reader;

/// Channel Eh: the one that a command comes over.
const THIS_CHANNEL: u8 = 0x0E;

/// How IPMI 1.5 sessions are authenticated (section 22.13), as far as a channel may offer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AuthenticationType {
    /// Not at all.
    None,
    /// MD2 over password and message.
    Md2,
    /// MD5 over password and message.
    Md5,
    /// The password itself, for all to read.
    Password,
    /// As the manufacturer likes.
    Oem,
}

impl AuthenticationType {
    /// The number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Md2 => 1,
            Self::Md5 => 2,
            Self::Password => 4,
            Self::Oem => 5,
        }
    }

    const ALL: [Self; 5] = [Self::None, Self::Md2, Self::Md5, Self::Password, Self::Oem];
}

/// A set of [`AuthenticationType`]s.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AuthenticationTypes(u8);

impl AuthenticationTypes {
    /// Whether `kind` is one of them.
    pub const fn contains(self, kind: AuthenticationType) -> bool {
        self.0 & 1 << kind.number() != 0
    }

    /// All of them.
    pub fn iter(self) -> impl Iterator<Item = AuthenticationType> {
        AuthenticationType::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }

    pub(crate) fn from_bits(bits: u8) -> Self {
        AuthenticationType::ALL.into_iter().filter(|kind| bits & 1 << kind.number() != 0).collect()
    }
}

impl FromIterator<AuthenticationType> for AuthenticationTypes {
    fn from_iter<I: IntoIterator<Item = AuthenticationType>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | 1 << kind.number()))
    }
}

impl fmt::Debug for AuthenticationTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Get Channel Authentication Capabilities (section 22.13) of the channel that it comes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetChannelAuthenticationCapabilities {
    /// Whether to ask for the IPMI 2.0 form of the answer. Some 1.5 BMCs refuse that with CCh.
    pub extended: bool,
    /// The privilege level that a session would be opened at.
    pub privilege: PrivilegeLevel,
}

impl Command for GetChannelAuthenticationCapabilities {
    type Reply = AuthenticationCapabilities;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x38;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Callback;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[u8::from(self.extended) << 7 | THIS_CHANNEL, self.privilege.number()]);
    }

    fn decode(data: &[u8]) -> Result<AuthenticationCapabilities, Fault> {
        let [channel, types, status, extended, o0, o1, o2, oem_auxiliary] =
            Reader::new(data).array("channel authentication capabilities")?;
        let is_extended = types & 0x80 != 0;
        Ok(AuthenticationCapabilities {
            channel: channel & 0x0F,
            types: AuthenticationTypes::from_bits(types),
            extended: is_extended,
            kg_is_set: status & 0x20 != 0,
            per_message_authentication: status & 0x10 == 0,
            user_level_authentication: status & 0x08 == 0,
            named_users: status & 0x04 != 0,
            null_users: status & 0x02 != 0,
            anonymous_login: status & 0x01 != 0,
            rmcp_plus: is_extended && extended & 0x02 != 0,
            ipmi_1_5: !is_extended || extended & 0x01 != 0,
            oem: u32::from_le_bytes([o0, o1, o2, 0]),
            oem_auxiliary,
        })
    }
}

/// The reply to [`GetChannelAuthenticationCapabilities`]. BMCs are careless about it: a hint, never a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuthenticationCapabilities {
    /// The channel's number: 0 to 15.
    pub channel: u8,
    /// What IPMI 1.5 sessions may be authenticated with.
    pub types: AuthenticationTypes,
    /// Whether the answer has the IPMI 2.0 form.
    pub extended: bool,
    /// The BMC has a key Kg of its own.
    pub kg_is_set: bool,
    /// Every packet of an IPMI 1.5 session is authenticated, not only the one that opens it.
    pub per_message_authentication: bool,
    /// Commands for which [`PrivilegeLevel::User`] is enough are authenticated as well.
    pub user_level_authentication: bool,
    /// Users with a name are enabled.
    pub named_users: bool,
    /// Users without a name but with a password are enabled.
    pub null_users: bool,
    /// A user without name and password is enabled.
    pub anonymous_login: bool,
    /// IPMI 2.0 sessions are possible.
    pub rmcp_plus: bool,
    /// IPMI 1.5 sessions are possible.
    pub ipmi_1_5: bool,
    /// IANA enterprise number of who defined [`AuthenticationType::Oem`].
    pub oem: u32,
    /// More about that type.
    pub oem_auxiliary: u8,
}

impl AuthenticationCapabilities {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let [o0, o1, o2, _] = self.oem.to_le_bytes();
        let status = u8::from(self.kg_is_set) << 5
            | u8::from(!self.per_message_authentication) << 4
            | u8::from(!self.user_level_authentication) << 3
            | u8::from(self.named_users) << 2
            | u8::from(self.null_users) << 1
            | u8::from(self.anonymous_login);
        let types = u8::from(self.extended) << 7 | self.types.0;
        let connections = match self.extended {
            true => u8::from(self.rmcp_plus) << 1 | u8::from(self.ipmi_1_5),
            false => 0,
        };
        vec![self.channel, types, status, connections, o0, o1, o2, self.oem_auxiliary]
    }
}

/// Get Channel Cipher Suites (section 22.15): a part of the list of suites for the channel that it comes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetChannelCipherSuites {
    /// Which part: 0 to 63, each of [`GetChannelCipherSuites::PART`] bytes.
    pub part: u8,
}

impl GetChannelCipherSuites {
    /// Bytes of a part; the last one is shorter.
    pub const PART: usize = 16;
}

impl Command for GetChannelCipherSuites {
    type Reply = Vec<u8>;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x54;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Callback;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        // For IPMI messages, as suites and not as algorithms.
        data.extend_from_slice(&[THIS_CHANNEL, 0x00, 0x80 | self.part & 0x3F]);
    }

    fn decode(data: &[u8]) -> Result<Vec<u8>, Fault> {
        let (_channel, records) = data.split_first().ok_or(Fault::Truncated("channel number"))?;
        Ok(records.iter().copied().take(Self::PART).collect())
    }
}

/// Tags of cipher suite records (section 22.15.2): the beginning of one of the specification's and of one of a
/// manufacturer's, and in the upper two bits what kind of algorithm a number is.
const STANDARD_RECORD: u8 = 0xC0;
const OEM_RECORD: u8 = 0xC1;
const INTEGRITY: u8 = 0x40;
const CONFIDENTIALITY: u8 = 0x80;

/// The cipher suite records of Get Channel Cipher Suites (section 22.15.2).
pub(crate) fn encode_suite_records(suites: &[CipherSuite]) -> Vec<u8> {
    let mut records = Vec::with_capacity(suites.len() * 5);
    for suite in suites {
        let algorithms = suite.algorithms();
        records.extend_from_slice(&[
            STANDARD_RECORD,
            suite.id(),
            algorithms.authentication.number(),
            INTEGRITY | algorithms.integrity.number(),
            CONFIDENTIALITY | algorithms.confidentiality.number(),
        ]);
    }
    records
}

/// The numbers of the suites in a list of records, without those of manufacturers. What is no record is passed over, as
/// lists are a hint.
pub(crate) fn suite_numbers(records: &[u8]) -> Vec<u8> {
    let mut numbers = Vec::new();
    let mut rest = records;
    while let Some((&tag, behind)) = rest.split_first() {
        rest = match tag {
            STANDARD_RECORD => {
                numbers.extend(behind.first());
                behind.get(1..).unwrap_or_default()
            }
            // Its number and three bytes of the manufacturer's.
            OEM_RECORD => behind.get(4..).unwrap_or_default(),
            _ => behind,
        };
    }
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}
