//! Commands for payloads and Serial over LAN (IPMI 2.0 chapters 24 and 26).

use crate::command::{Command, netfn};
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;
use crate::sol::SerialAlerts;
use crate::wire::Reader;

/// The payload type of SOL (table 13-16).
pub(crate) const SOL: u8 = 1;

/// Channel Eh: the one that the command comes over.
const THIS_CHANNEL: u8 = 0x0E;

/// Activate Payload (section 24.1), for SOL: the BMC redirects the serial port to this session, encrypted and
/// authenticated.
///
/// Its own completion codes: 80h active already, 81h disabled, 82h too many instances, 83h and 84h cannot be activated
/// with or without encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ActivateSol {
    /// Which: 1 to 15.
    pub instance: u8,
    /// What becomes of the BMC's alerts over the same port.
    pub serial_alerts: SerialAlerts,
}

/// The reply to [`ActivateSol`], as the BMC gave it: many boards' is nonsense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SolActivation {
    /// Bytes of payload, with the four of its header, that the BMC takes.
    pub inbound_size: u16,
    /// The same for what it sends.
    pub outbound_size: u16,
    /// The UDP port for SOL.
    pub port: u16,
}

impl ActivateSol {
    /// Auxiliary data 1: encrypted and authenticated.
    pub(crate) const PROTECTED: u8 = 0xC0;
    /// Auxiliary data 1: where the alerts' behaviour stands.
    pub(crate) const ALERTS: u8 = 0x0C;

    pub(crate) const ALREADY_ACTIVE: u8 = 0x80;
    pub(crate) const DISABLED: u8 = 0x81;
    pub(crate) const WITHOUT_ENCRYPTION: u8 = 0x84;
}

impl SerialAlerts {
    pub(crate) const fn bits(self) -> u8 {
        match self {
            Self::Fail => 0x00,
            Self::Deferred => 0x04,
            Self::Succeed => 0x08,
        }
    }
}

impl Command for ActivateSol {
    type Reply = SolActivation;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x48;
    // That of SOL configuration parameter 2; the BMC is the judge.
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    // A copy is answered with "already active", and who has it can be asked.
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        let auxiliary = Self::PROTECTED | self.serial_alerts.bits();
        data.extend_from_slice(&[SOL, self.instance & 0x0F, auxiliary, 0, 0, 0]);
    }

    fn decode(data: &[u8]) -> Result<SolActivation, Fault> {
        let mut reader = Reader::new(data);
        let _auxiliary: [u8; 4] = reader.array("activation data")?;
        Ok(SolActivation {
            inbound_size: reader.u16("inbound payload size")?,
            outbound_size: reader.u16("outbound payload size")?,
            port: reader.u16("payload port")?,
        })
    }
}

impl SolActivation {
    /// The reply's data, as the BMC side sends it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        /// No VLAN.
        const VLAN: [u8; 2] = [0xFF, 0xFF];
        let [i0, i1] = self.inbound_size.to_le_bytes();
        let [o0, o1] = self.outbound_size.to_le_bytes();
        let [p0, p1] = self.port.to_le_bytes();
        vec![0, 0, 0, 0, i0, i1, o0, o1, p0, p1, VLAN[0], VLAN[1]]
    }
}

/// Deactivate Payload (section 24.2), for SOL, whichever session has it.
///
/// Its own completion codes: 80h not active, 81h disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeactivateSol {
    /// Which: 1 to 15.
    pub instance: u8,
}

impl DeactivateSol {
    pub(crate) const NOT_ACTIVE: u8 = 0x80;
}

impl Command for DeactivateSol {
    type Reply = ();
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x49;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[SOL, self.instance & 0x0F, 0, 0, 0, 0]);
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

/// Get Payload Activation Status (section 24.4), for SOL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetSolActivationStatus;

/// The reply to [`GetSolActivationStatus`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SolActivationStatus {
    /// How many instances can be active at once: 1 to 15. Some boards say 0 and mean 1.
    pub capacity: u8,
    /// Bit n: instance n + 1 is active.
    pub active: u16,
}

impl Command for GetSolActivationStatus {
    type Reply = SolActivationStatus;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x4A;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.push(SOL);
    }

    fn decode(data: &[u8]) -> Result<SolActivationStatus, Fault> {
        let mut reader = Reader::new(data);
        let capacity = reader.u8("instance capacity")? & 0x0F;
        let active = reader.u8("activation status")?;
        // The second byte of the status is missing from some replies.
        let upper = reader.u8("activation status").unwrap_or(0);
        Ok(SolActivationStatus { capacity: capacity.max(1), active: u16::from_le_bytes([active, upper]) })
    }
}

/// Get Payload Instance Info (section 24.5), for SOL: which session has the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetSolInstanceInfo {
    /// Which: 1 to 15.
    pub instance: u8,
}

/// The reply to [`GetSolInstanceInfo`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SolInstanceInfo {
    /// The id of the session that has the instance; 0 if none has.
    pub session: u32,
    /// Number of the system's serial port; 0 where the BMC does not say.
    pub port: u8,
}

impl Command for GetSolInstanceInfo {
    type Reply = SolInstanceInfo;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x4B;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[SOL, self.instance & 0x0F]);
    }

    fn decode(data: &[u8]) -> Result<SolInstanceInfo, Fault> {
        let mut reader = Reader::new(data);
        let session = reader.u32("session id")?;
        Ok(SolInstanceInfo { session, port: reader.u8("port number").unwrap_or(0) })
    }
}

/// Get User Payload Access (section 24.7): whether a user may activate SOL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetUserSolAccess {
    /// User id: 1 to 63.
    pub user: u8,
}

impl Command for GetUserSolAccess {
    type Reply = bool;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x4D;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[THIS_CHANNEL, self.user & 0x3F]);
    }

    fn decode(data: &[u8]) -> Result<bool, Fault> {
        Ok(Reader::new(data).u8("standard payload enables")? & 1 << SOL != 0)
    }
}

/// Set User Payload Access (section 24.6): lets a user activate SOL, or no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SetUserSolAccess {
    /// User id: 1 to 63.
    pub user: u8,
    /// Whether the user may.
    pub enabled: bool,
}

impl Command for SetUserSolAccess {
    type Reply = ();
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x4C;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Administrator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        let operation = u8::from(!self.enabled) << 6;
        data.extend_from_slice(&[THIS_CHANNEL, operation | self.user & 0x3F, 1 << SOL, 0, 0, 0]);
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

/// Get Channel Payload Support (section 24.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetChannelPayloadSupport;

/// The reply to [`GetChannelPayloadSupport`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChannelPayloadSupport {
    /// Bit n: payload type n, a standard one, can be used.
    pub standard: u16,
    /// Bit n: payload type 10h + n, one of session set-up, can be used.
    pub setup: u16,
    /// Bit n: payload type 20h + n, a manufacturer's, can be used.
    pub oem: u16,
}

impl ChannelPayloadSupport {
    /// Whether SOL can be used.
    pub fn sol(&self) -> bool {
        self.standard & 1 << SOL != 0
    }

    /// The reply's data, as the BMC side sends it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut data = [self.standard, self.setup, self.oem].map(u16::to_le_bytes).concat();
        data.extend_from_slice(&[0, 0]);
        data
    }
}

impl Command for GetChannelPayloadSupport {
    type Reply = ChannelPayloadSupport;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x4E;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.push(THIS_CHANNEL);
    }

    fn decode(data: &[u8]) -> Result<ChannelPayloadSupport, Fault> {
        let mut reader = Reader::new(data);
        Ok(ChannelPayloadSupport {
            standard: reader.u16("standard payload types")?,
            setup: reader.u16("session set-up payload types")?,
            oem: reader.u16("OEM payload types")?,
        })
    }
}

/// Get Channel Payload Version (section 24.9), for SOL.
///
/// Its own completion code: 80h, the channel does not carry SOL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetSolPayloadVersion;

/// The version of a payload's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PayloadVersion {
    /// 0 to 15.
    pub major: u8,
    /// 0 to 15.
    pub minor: u8,
}

impl Command for GetSolPayloadVersion {
    type Reply = PayloadVersion;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x4F;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[THIS_CHANNEL, SOL]);
    }

    fn decode(data: &[u8]) -> Result<PayloadVersion, Fault> {
        let version = Reader::new(data).u8("payload version")?;
        Ok(PayloadVersion { major: version >> 4, minor: version & 0x0F })
    }
}

#[cfg(test)]
mod tests;
