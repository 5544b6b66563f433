//! DCMI's commands on capabilities and power.

use std::time::Duration;

use crate::command::Command;
use crate::completion::CompletionCode;
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;
use crate::wire::Reader;

/// The network function of commands that other groups define.
pub(crate) const NETFN_GROUP: u8 = 0x2C;

/// DCMI's number among these groups.
pub(crate) const GROUP: u8 = 0xDC;

/// Get Power Limit's own code: no limit is set.
pub(crate) const NO_ACTIVE_LIMIT: CompletionCode = CompletionCode(0x80);

/// What stands behind the group's number in a reply.
pub(crate) fn body(data: &[u8]) -> Result<Reader<'_>, Fault> {
    let mut reader = Reader::new(data);
    match reader.u8("group")? {
        GROUP => Ok(reader),
        other => Err(Fault::Field { field: "group", value: other.into() }),
    }
}

/// Which part of the capabilities (DCMI 1.5 table 6-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CapabilityParameter {
    /// What is supported at all.
    Supported,
    /// The SEL and identification.
    MandatoryAttributes,
    /// Where power management is.
    OptionalAttributes,
    /// Over which channels the BMC is reached.
    Access,
    /// Over which times power is averaged.
    PowerStatistics,
}

impl CapabilityParameter {
    /// 1 to 5.
    pub const fn number(self) -> u8 {
        match self {
            Self::Supported => 1,
            Self::MandatoryAttributes => 2,
            Self::OptionalAttributes => 3,
            Self::Access => 4,
            Self::PowerStatistics => 5,
        }
    }
}

/// Get DCMI Capabilities Info (DCMI 1.5 section 6.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetDcmiCapabilities(
    /// Which part.
    pub CapabilityParameter,
);

/// A version of DCMI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DcmiVersion {
    /// Major.
    pub major: u8,
    /// Minor.
    pub minor: u8,
}

/// The reply to [`GetDcmiCapabilities`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DcmiCapabilities {
    /// The version that the BMC follows.
    pub version: DcmiVersion,
    /// The revision of the parameter: 2 in DCMI 1.5.
    pub revision: u8,
    /// The part's own data: its bits are those of table 6-3.
    pub data: Vec<u8>,
}

impl DcmiCapabilities {
    /// Power can be measured and limited; of [`CapabilityParameter::Supported`].
    pub fn power_management(&self) -> bool {
        self.data.get(1).is_some_and(|byte| byte & 1 != 0)
    }
}

impl Command for GetDcmiCapabilities {
    type Reply = DcmiCapabilities;
    const NETFN: u8 = NETFN_GROUP;
    const CMD: u8 = 0x01;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[GROUP, self.0.number()]);
    }

    fn decode(data: &[u8]) -> Result<DcmiCapabilities, Fault> {
        let mut reader = body(data)?;
        let [major, minor, revision] = reader.array("DCMI version")?;
        Ok(DcmiCapabilities { version: DcmiVersion { major, minor }, revision, data: reader.rest().to_vec() })
    }
}

/// Get Power Reading (DCMI 1.5 section 6.6.1), of the whole system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetPowerReading;

/// The reply to [`GetPowerReading`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PowerReading {
    /// Watts drawn now.
    pub current: u16,
    /// The least in the period, in watts.
    pub minimum: u16,
    /// The most in the period, in watts.
    pub maximum: u16,
    /// The mean of the period, in watts.
    pub average: u16,
    /// When it was read: seconds since 1970, by the BMC's clock.
    pub time: u32,
    /// Milliseconds over which minimum, maximum and average go.
    pub period: u32,
    /// Power is being measured; otherwise the numbers say nothing.
    pub active: bool,
}

impl Command for GetPowerReading {
    type Reply = PowerReading;
    const NETFN: u8 = NETFN_GROUP;
    const CMD: u8 = 0x02;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        // Mode 1: system power statistics.
        data.extend_from_slice(&[GROUP, 0x01, 0x00, 0x00]);
    }

    fn decode(data: &[u8]) -> Result<PowerReading, Fault> {
        let mut reader = body(data)?;
        Ok(PowerReading {
            current: reader.u16("present power")?,
            minimum: reader.u16("minimum power")?,
            maximum: reader.u16("maximum power")?,
            average: reader.u16("average power")?,
            time: reader.u32("time of the power reading")?,
            period: reader.u32("period of the power statistics")?,
            active: reader.u8("power reading state")? & 0x40 != 0,
        })
    }
}

impl PowerReading {
    /// The reply's data, as the BMC side sends it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut data = vec![GROUP];
        for watts in [self.current, self.minimum, self.maximum, self.average] {
            data.extend_from_slice(&watts.to_le_bytes());
        }
        data.extend_from_slice(&self.time.to_le_bytes());
        data.extend_from_slice(&self.period.to_le_bytes());
        data.push(u8::from(self.active) << 6);
        data
    }
}

/// What a BMC does where the limit cannot be held for the correction time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExceptionAction {
    /// Nothing.
    None,
    /// Power is switched off, and the event logged.
    PowerOff,
    /// The event is logged.
    Log,
    /// A manufacturer's own action, or a reserved number.
    Other(u8),
}

impl ExceptionAction {
    /// The action in words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::PowerOff => "power off and log",
            Self::Log => "log",
            Self::Other(_) => "other",
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::None => 0x00,
            Self::PowerOff => 0x01,
            Self::Log => 0x11,
            Self::Other(number) => number,
        }
    }

    const fn from_number(number: u8) -> Self {
        match number {
            0x00 => Self::None,
            0x01 => Self::PowerOff,
            0x11 => Self::Log,
            other => Self::Other(other),
        }
    }
}

/// A limit of the power that the machine draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PowerLimit {
    /// What happens where it cannot be held.
    pub action: ExceptionAction,
    /// The limit in watts.
    pub watts: u16,
    /// Milliseconds in which the draw must be below the limit again.
    pub correction: u32,
    /// Seconds over which the draw is averaged.
    pub sampling: u16,
}

impl PowerLimit {
    /// The time in which the draw must be below the limit again.
    pub const fn correction_time(&self) -> Duration {
        Duration::from_millis(self.correction as u64)
    }

    fn append(&self, data: &mut Vec<u8>) {
        data.push(self.action.number());
        data.extend_from_slice(&self.watts.to_le_bytes());
        data.extend_from_slice(&self.correction.to_le_bytes());
        data.extend_from_slice(&[0, 0]);
        data.extend_from_slice(&self.sampling.to_le_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let action = ExceptionAction::from_number(reader.u8("exception action")?);
        let watts = reader.u16("power limit")?;
        let correction = reader.u32("correction time")?;
        reader.take(2, "reserved bytes")?;
        Ok(Self { action, watts, correction, sampling: reader.u16("sampling period")? })
    }

    /// The reply's data of Get Power Limit, as the BMC side sends it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut data = vec![GROUP, 0, 0];
        self.append(&mut data);
        data
    }

    /// Reads the request's data of Set Power Limit, as the BMC side does.
    pub(crate) fn decode_request(data: &[u8]) -> Result<Self, CompletionCode> {
        let (_, limit) = data.split_first_chunk::<4>().ok_or(CompletionCode::REQUEST_LENGTH_INVALID)?;
        Self::read(&mut Reader::new(limit)).map_err(|_| CompletionCode::REQUEST_LENGTH_INVALID)
    }
}

/// Get Power Limit (DCMI 1.5 section 6.6.2). Refused with 80h where none is set; see
/// [`read_power_limit`](crate::dcmi::read_power_limit).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetPowerLimit;

impl Command for GetPowerLimit {
    type Reply = PowerLimit;
    const NETFN: u8 = NETFN_GROUP;
    const CMD: u8 = 0x03;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[GROUP, 0, 0]);
    }

    fn decode(data: &[u8]) -> Result<PowerLimit, Fault> {
        let mut reader = body(data)?;
        reader.take(2, "reserved bytes")?;
        PowerLimit::read(&mut reader)
    }
}

/// Set Power Limit (DCMI 1.5 section 6.6.3). It holds once it is switched on by [`ActivatePowerLimit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SetPowerLimit(
    /// The limit.
    pub PowerLimit,
);

impl Command for SetPowerLimit {
    type Reply = ();
    const NETFN: u8 = NETFN_GROUP;
    const CMD: u8 = 0x04;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[GROUP, 0, 0, 0]);
        self.0.append(data);
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

/// Activate/Deactivate Power Limit (DCMI 1.5 section 6.6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ActivatePowerLimit(
    /// On, or off.
    pub bool,
);

impl Command for ActivatePowerLimit {
    type Reply = ();
    const NETFN: u8 = NETFN_GROUP;
    const CMD: u8 = 0x05;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[GROUP, u8::from(self.0), 0, 0]);
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}
