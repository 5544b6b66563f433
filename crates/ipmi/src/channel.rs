//! The BMC's channels: what each is, and who may use it (IPMI 2.0 sections 22.15 and 22.22 to 22.24).

use crate::command::{Command, netfn};
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;
use crate::procedure::chain::{Boxed, Chain, attempt, done, end};
use crate::procedure::{Procedure, ProcedureError};
use crate::user::Limit;
use crate::wire::Reader;

/// The channel that is asked over.
pub const THIS: u8 = 0x0E;

/// The channel that most BMCs have their LAN at.
const USUAL_LAN: u8 = 1;

/// Get Channel Info (section 22.24).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetChannelInfo(
    /// The channel: 0 to 15; [`THIS`].
    pub u8,
);

/// The reply to [`GetChannelInfo`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChannelInfo {
    /// The channel's number.
    pub channel: u8,
    /// What it runs over: 1 IPMB, 4 a LAN, 5 a serial line, 6 another LAN, 7 SMBus, Ch the machine's own interface
    /// (table 6-3).
    pub medium: u8,
    /// How messages are written: 1 IPMB, 4 over SMBus, 5 KCS, 6 SMIC, 7 and 8 BT (table 6-2).
    pub protocol: u8,
    /// 0 it has no sessions, 1 one, 2 several, 3 some ways of use have sessions.
    pub session_support: u8,
    /// Sessions that are open.
    pub active_sessions: u8,
    /// IANA enterprise number of whoever defined the protocol: 7154 for IPMI.
    pub vendor: u32,
    /// More about some media.
    pub auxiliary: [u8; 2],
}

impl ChannelInfo {
    /// The medium in words.
    pub const fn medium_text(&self) -> &'static str {
        match self.medium {
            0x01 => "IPMB",
            0x02 => "ICMB v1.0",
            0x03 => "ICMB v0.9",
            0x04 => "802.3 LAN",
            0x05 => "serial or modem",
            0x06 => "other LAN",
            0x07 => "PCI SMBus",
            0x08 => "SMBus v1.0/v1.1",
            0x09 => "SMBus v2.0",
            0x0A | 0x0B => "USB",
            0x0C => "system interface",
            _ => "reserved or OEM",
        }
    }

    /// The protocol in words.
    pub const fn protocol_text(&self) -> &'static str {
        match self.protocol {
            0x01 => "IPMB v1.0",
            0x02 => "ICMB v1.0",
            0x04 => "IPMI over SMBus",
            0x05 => "KCS",
            0x06 => "SMIC",
            0x07 => "BT v1.0",
            0x08 => "BT v1.5",
            0x09 => "terminal mode",
            _ => "reserved or OEM",
        }
    }

    /// The reply's data, as the BMC side sends it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let [v0, v1, v2, _] = self.vendor.to_le_bytes();
        let sessions = self.session_support << 6 | self.active_sessions & 0x3F;
        let [a0, a1] = self.auxiliary;
        vec![self.channel, self.medium, self.protocol, sessions, v0, v1, v2, a0, a1]
    }
}

impl Command for GetChannelInfo {
    type Reply = ChannelInfo;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x42;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.push(self.0 & 0xF);
    }

    fn decode(data: &[u8]) -> Result<ChannelInfo, Fault> {
        let [channel, medium, protocol, sessions, v0, v1, v2, a0, a1] =
            Reader::new(data).array("channel info")?;
        Ok(ChannelInfo {
            channel: channel & 0xF,
            medium: medium & 0x7F,
            protocol: protocol & 0x1F,
            session_support: sessions >> 6,
            active_sessions: sessions & 0x3F,
            vendor: u32::from_le_bytes([v0, v1, v2, 0]),
            auxiliary: [a0, a1],
        })
    }
}

/// Which of a channel's two sets of access settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccessSetting {
    /// The one that holds after a restart.
    NonVolatile,
    /// The one that holds now.
    Present,
}

impl AccessSetting {
    /// Bits 7:6 of both commands.
    const fn bits(self) -> u8 {
        match self {
            Self::NonVolatile => 0x40,
            Self::Present => 0x80,
        }
    }

    pub(crate) const fn from_bits(byte: u8) -> Option<Self> {
        match byte >> 6 {
            1 => Some(Self::NonVolatile),
            2 => Some(Self::Present),
            _ => None,
        }
    }
}

/// Who may use a channel, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChannelAccess {
    /// Event filters do not alert over the channel.
    pub alerting_disabled: bool,
    /// Messages in an IPMI 1.5 session are not authenticated, only its set-up is.
    pub per_message_authentication_disabled: bool,
    /// Commands that need no more than the user level are not authenticated.
    pub user_level_authentication_disabled: bool,
    /// When it can be used: 0 never, 1 before the machine boots, 2 always, 3 shared with the machine.
    pub mode: u8,
    /// The highest privilege level on the channel.
    pub limit: Limit,
}

impl ChannelAccess {
    /// When the channel can be used, in words.
    pub const fn mode_text(&self) -> &'static str {
        match self.mode {
            0 => "disabled",
            1 => "pre-boot only",
            2 => "always available",
            3 => "shared",
            _ => "reserved",
        }
    }

    pub(crate) const fn bits(self) -> [u8; 2] {
        let flags = (self.alerting_disabled as u8) << 5
            | (self.per_message_authentication_disabled as u8) << 4
            | (self.user_level_authentication_disabled as u8) << 3
            | self.mode & 7;
        [flags, self.limit.number()]
    }

    pub(crate) const fn from_bits([flags, limit]: [u8; 2]) -> Self {
        Self {
            alerting_disabled: flags & 0x20 != 0,
            per_message_authentication_disabled: flags & 0x10 != 0,
            user_level_authentication_disabled: flags & 0x08 != 0,
            mode: flags & 7,
            limit: Limit::from_number(limit),
        }
    }
}

/// Get Channel Access (section 22.23).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetChannelAccess {
    /// The channel: 0 to 11; [`THIS`].
    pub channel: u8,
    /// Which settings.
    pub setting: AccessSetting,
}

impl Command for GetChannelAccess {
    type Reply = ChannelAccess;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x41;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[self.channel & 0xF, self.setting.bits()]);
    }

    fn decode(data: &[u8]) -> Result<ChannelAccess, Fault> {
        Reader::new(data).array("channel access").map(ChannelAccess::from_bits)
    }
}

/// Set Channel Access (section 22.22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SetChannelAccess {
    /// The channel: 0 to 11; [`THIS`].
    pub channel: u8,
    /// Which settings.
    pub setting: AccessSetting,
    /// What they are to be.
    pub access: ChannelAccess,
}

impl Command for SetChannelAccess {
    type Reply = ();
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x40;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Administrator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        let [flags, limit] = self.access.bits();
        data.extend_from_slice(&[
            self.channel & 0xF,
            self.setting.bits() | flags,
            self.setting.bits() | limit,
        ]);
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

/// Get Channel Cipher Suites (section 22.15): 16 bytes of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct GetChannelCipherSuites {
    channel: u8,
    /// Which 16 bytes: 0 to 63.
    index: u8,
}

impl Command for GetChannelCipherSuites {
    type Reply = Vec<u8>;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x54;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        // Payload type 0, IPMI; bit 7 asks for suites rather than algorithms.
        data.extend_from_slice(&[self.channel & 0xF, 0, 0x80 | self.index & 0x3F]);
    }

    fn decode(data: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut reader = Reader::new(data);
        reader.u8("channel number")?;
        Ok(reader.rest().to_vec())
    }
}

/// A cipher suite as a BMC describes it; the numbers are those of tables 13-17 to 13-19.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SuiteRecord {
    /// Its number.
    pub id: u8,
    /// IANA enterprise number of the manufacturer whose suite it is; `None` for those of the specification.
    pub oem: Option<u32>,
    /// Authentication algorithm.
    pub authentication: u8,
    /// Integrity algorithm.
    pub integrity: u8,
    /// Confidentiality algorithm.
    pub confidentiality: u8,
}

impl SuiteRecord {
    /// The authentication algorithm's name.
    pub const fn authentication_text(&self) -> &'static str {
        match self.authentication {
            0 => "none",
            1 => "hmac-sha1",
            2 => "hmac-md5",
            3 => "hmac-sha256",
            _ => "unknown",
        }
    }

    /// The integrity algorithm's name.
    pub const fn integrity_text(&self) -> &'static str {
        match self.integrity {
            0 => "none",
            1 => "hmac-sha1-96",
            2 => "hmac-md5-128",
            3 => "md5-128",
            4 => "hmac-sha256-128",
            _ => "unknown",
        }
    }

    /// The confidentiality algorithm's name.
    pub const fn confidentiality_text(&self) -> &'static str {
        match self.confidentiality {
            0 => "none",
            1 => "aes-cbc-128",
            2 => "xrc4-128",
            3 => "xrc4-40",
            _ => "unknown",
        }
    }

    /// Reads the records of a list, up to the first that makes no sense.
    fn parse(mut bytes: &[u8]) -> Vec<Self> {
        let mut records = Vec::new();
        while let [start @ (0xC0 | 0xC1), id, rest @ ..] = bytes {
            let (oem, rest) = match (start, rest) {
                (0xC1, [o0, o1, o2, rest @ ..]) => (Some(u32::from_le_bytes([*o0, *o1, *o2, 0])), rest),
                (0xC1, _) => break,
                _ => (None, rest),
            };
            let end = rest.iter().position(|byte| matches!(byte, 0xC0 | 0xC1)).unwrap_or(rest.len());
            let (algorithms, rest) = rest.split_at(end);
            // Bits 7:6 tell what an algorithm is for; where a suite has several of a kind the first is shown.
            let of_kind =
                |kind: u8| algorithms.iter().find(|byte| *byte >> 6 == kind).map_or(0, |byte| byte & 0x3F);
            records.push(Self {
                id: *id,
                oem,
                authentication: of_kind(0),
                integrity: of_kind(1),
                confidentiality: of_kind(2),
            });
            bytes = rest;
        }
        records
    }
}

/// The number of the channel that is asked over; 1 where the BMC does not tell.
pub fn current() -> impl Procedure<Output = u8> + Send {
    attempt("read the channel's number", &GetChannelInfo(THIS))
        .map(|info| info.map_or(USUAL_LAN, |info| info.channel))
}

/// Lists the cipher suites of `channel`. A hint: BMCs list suites that they do not accept, and the other way round.
///
/// [`ProcedureError::Refused`] where the BMC has no such list.
pub fn cipher_suites(channel: u8) -> impl Procedure<Output = Vec<SuiteRecord>> + Send {
    suites_from(channel, 0, Vec::new())
}

fn suites_from(channel: u8, index: u8, mut bytes: Vec<u8>) -> Boxed<Vec<SuiteRecord>> {
    /// Sixteen bytes each; the index has six bits.
    const LAST: u8 = 0x3F;
    let doing = "list the cipher suites";
    Box::new(attempt(doing, &GetChannelCipherSuites { channel, index }).then(
        move |part| -> Boxed<Vec<SuiteRecord>> {
            match part {
                Ok(part) => {
                    let last = part.len() < 16 || index == LAST;
                    bytes.extend(part);
                    match last {
                        true => Box::new(done(SuiteRecord::parse(&bytes))),
                        false => suites_from(channel, index + 1, bytes),
                    }
                }
                // Some BMCs refuse an index behind the end instead of giving no bytes.
                Err(_) if index > 0 => Box::new(done(SuiteRecord::parse(&bytes))),
                Err(code) => Box::new(end(Err(ProcedureError::Refused { doing, code }))),
            }
        },
    ))
}

#[cfg(test)]
mod tests;
