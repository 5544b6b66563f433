//! SOL configuration parameters (IPMI 2.0 sections 26.2, 26.3 and table 26-5).

use std::time::Duration;

use crate::command::{Command, netfn};
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;
use crate::wire::Reader;

/// Channel Eh: the one that the command comes over.
const THIS_CHANNEL: u8 = 0x0E;

/// Steps of the accumulate interval and of the retry interval.
const ACCUMULATE_STEP: Duration = Duration::from_millis(5);
const RETRY_STEP: Duration = Duration::from_millis(10);

/// Numbers of the parameters.
pub(crate) mod selector {
    pub(crate) const SET_IN_PROGRESS: u8 = 0;
    pub(crate) const ENABLE: u8 = 1;
    pub(crate) const AUTHENTICATION: u8 = 2;
    pub(crate) const ACCUMULATE: u8 = 3;
    pub(crate) const RETRY: u8 = 4;
    pub(crate) const NON_VOLATILE_BIT_RATE: u8 = 5;
    pub(crate) const VOLATILE_BIT_RATE: u8 = 6;
    pub(crate) const CHANNEL: u8 = 7;
    pub(crate) const PORT: u8 = 8;
}

/// The speed of the serial port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BitRate {
    /// As the serial/modem channel is configured; nowhere else is a speed set.
    Channel,
    /// 9.6 kbit/s.
    B9600,
    /// 19.2 kbit/s.
    B19200,
    /// 38.4 kbit/s.
    B38400,
    /// 57.6 kbit/s.
    B57600,
    /// 115.2 kbit/s.
    B115200,
}

impl BitRate {
    const ALL: [Self; 6] =
        [Self::Channel, Self::B9600, Self::B19200, Self::B38400, Self::B57600, Self::B115200];

    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Channel => 0,
            Self::B9600 => 6,
            Self::B19200 => 7,
            Self::B38400 => 8,
            Self::B57600 => 9,
            Self::B115200 => 10,
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|rate| rate.number() == number)
    }

    /// Bits per second; `None` for [`BitRate::Channel`].
    pub const fn bits_per_second(self) -> Option<u32> {
        match self {
            Self::Channel => None,
            Self::B9600 => Some(9_600),
            Self::B19200 => Some(19_200),
            Self::B38400 => Some(38_400),
            Self::B57600 => Some(57_600),
            Self::B115200 => Some(115_200),
        }
    }
}

/// What SOL asks of sessions (parameter 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SolAuthentication {
    /// Only with encryption.
    pub force_encryption: bool,
    /// Only with authentication.
    pub force_authentication: bool,
    /// Only at this privilege level or above.
    pub privilege: PrivilegeLevel,
}

/// How the BMC gathers the system's characters into packets (parameter 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SolAccumulate {
    /// How long a character may wait for others: 5 ms to 1.275 s in steps of 5 ms.
    pub interval: Duration,
    /// So many characters are sent at once. 0: not before the interval is over.
    pub threshold: u8,
}

/// How often the BMC sends a packet again (parameter 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SolRetry {
    /// Transmissions after the first: 0 to 7.
    pub count: u8,
    /// Wait between transmissions: up to 2.55 s in steps of 10 ms.
    pub interval: Duration,
}

/// A SOL configuration parameter with its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SolParameter {
    /// Somebody is in the middle of setting others (0).
    SetInProgress(bool),
    /// Whether SOL can be activated at all (1).
    Enable(bool),
    /// What it asks of sessions (2).
    Authentication(SolAuthentication),
    /// Gathering of characters (3).
    Accumulate(SolAccumulate),
    /// Retransmission by the BMC (4).
    Retry(SolRetry),
    /// Speed of the serial port, kept over power cycles (5).
    NonVolatileBitRate(BitRate),
    /// Speed of the serial port until then (6).
    VolatileBitRate(BitRate),
    /// The channel that carries SOL; read-only (7).
    Channel(u8),
    /// UDP port of SOL (8).
    Port(u16),
}

impl SolParameter {
    pub(crate) fn selector(&self) -> u8 {
        match self {
            Self::SetInProgress(_) => selector::SET_IN_PROGRESS,
            Self::Enable(_) => selector::ENABLE,
            Self::Authentication(_) => selector::AUTHENTICATION,
            Self::Accumulate(_) => selector::ACCUMULATE,
            Self::Retry(_) => selector::RETRY,
            Self::NonVolatileBitRate(_) => selector::NON_VOLATILE_BIT_RATE,
            Self::VolatileBitRate(_) => selector::VOLATILE_BIT_RATE,
            Self::Channel(_) => selector::CHANNEL,
            Self::Port(_) => selector::PORT,
        }
    }

    pub(crate) fn encode_value(&self) -> Vec<u8> {
        match *self {
            Self::SetInProgress(on) | Self::Enable(on) => vec![u8::from(on)],
            Self::Authentication(authentication) => vec![
                u8::from(authentication.force_encryption) << 7
                    | u8::from(authentication.force_authentication) << 6
                    | authentication.privilege.number(),
            ],
            Self::Accumulate(accumulate) => {
                vec![steps(accumulate.interval, ACCUMULATE_STEP).max(1), accumulate.threshold]
            }
            Self::Retry(retry) => vec![retry.count.min(7), steps(retry.interval, RETRY_STEP)],
            Self::NonVolatileBitRate(rate) | Self::VolatileBitRate(rate) => vec![rate.number()],
            Self::Channel(channel) => vec![channel],
            Self::Port(port) => port.to_le_bytes().to_vec(),
        }
    }

    pub(crate) fn decode_value(selector: u8, value: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(value);
        match selector {
            selector::SET_IN_PROGRESS => Ok(Self::SetInProgress(reader.u8("set in progress")? & 3 != 0)),
            selector::ENABLE => Ok(Self::Enable(reader.u8("SOL enable")? & 1 != 0)),
            selector::AUTHENTICATION => {
                let byte = reader.u8("SOL authentication")?;
                let level = byte & 0x0F;
                let privilege = PrivilegeLevel::from_number(level)
                    .ok_or(Fault::Field { field: "SOL privilege level", value: level.into() })?;
                Ok(Self::Authentication(SolAuthentication {
                    force_encryption: byte & 0x80 != 0,
                    force_authentication: byte & 0x40 != 0,
                    privilege,
                }))
            }
            selector::ACCUMULATE => {
                let [interval, threshold] = reader.array("character accumulate interval")?;
                Ok(Self::Accumulate(SolAccumulate { interval: ACCUMULATE_STEP * interval.into(), threshold }))
            }
            selector::RETRY => {
                let [count, interval] = reader.array("SOL retry")?;
                Ok(Self::Retry(SolRetry { count: count & 7, interval: RETRY_STEP * interval.into() }))
            }
            selector::NON_VOLATILE_BIT_RATE => Ok(Self::NonVolatileBitRate(bit_rate(reader)?)),
            selector::VOLATILE_BIT_RATE => Ok(Self::VolatileBitRate(bit_rate(reader)?)),
            selector::CHANNEL => Ok(Self::Channel(reader.u8("SOL payload channel")? & 0x0F)),
            selector::PORT => Ok(Self::Port(reader.u16("SOL payload port")?)),
            other => Err(Fault::Field { field: "SOL parameter selector", value: other.into() }),
        }
    }
}

fn bit_rate(mut reader: Reader<'_>) -> Result<BitRate, Fault> {
    let number = reader.u8("SOL bit rate")? & 0x0F;
    BitRate::from_number(number).ok_or(Fault::Field { field: "SOL bit rate", value: number.into() })
}

/// How many steps a time takes, rounded to the nearest and no more than a byte can say.
fn steps(time: Duration, step: Duration) -> u8 {
    let steps = (time + step / 2).as_millis() / step.as_millis();
    u8::try_from(steps).unwrap_or(u8::MAX)
}

/// Set SOL Configuration Parameters (section 26.2).
///
/// Its own completion codes: 80h unsupported, 81h set in progress elsewhere, 82h read-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SetSolParameter(pub SolParameter);

impl Command for SetSolParameter {
    type Reply = ();
    const NETFN: u8 = netfn::TRANSPORT;
    const CMD: u8 = 0x21;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Administrator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[THIS_CHANNEL, self.0.selector()]);
        data.extend(self.0.encode_value());
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

/// Get SOL Configuration Parameters (section 26.3): the value of one, still in bytes.
///
/// Its own completion code: 80h unsupported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct GetSolParameter {
    pub(crate) selector: u8,
}

impl Command for GetSolParameter {
    type Reply = Vec<u8>;
    const NETFN: u8 = netfn::TRANSPORT;
    const CMD: u8 = 0x22;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[THIS_CHANNEL, self.selector, 0, 0]);
    }

    fn decode(data: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut reader = Reader::new(data);
        let _revision = reader.u8("parameter revision")?;
        Ok(reader.rest().to_vec())
    }
}
