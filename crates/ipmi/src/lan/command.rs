//! The two commands on LAN configuration parameters.

use crate::command::{Command, netfn};
use crate::completion::CompletionCode;
use crate::fault::Fault;
use crate::lan::Parameter;
use crate::privilege::PrivilegeLevel;
use crate::wire::Reader;

/// Set LAN Configuration Parameters (section 23.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SetLanParameter {
    pub(crate) channel: u8,
    pub(crate) parameter: Parameter,
    pub(crate) data: Vec<u8>,
}

impl Command for SetLanParameter {
    type Reply = ();
    const NETFN: u8 = netfn::TRANSPORT;
    const CMD: u8 = 0x01;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Administrator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[self.channel & 0xF, self.parameter.0]);
        data.extend_from_slice(&self.data);
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

impl SetLanParameter {
    /// Reads the request's data, as the BMC side does.
    pub(crate) fn decode_request(data: &[u8]) -> Result<Self, CompletionCode> {
        let (&[channel, parameter], data) =
            data.split_first_chunk().ok_or(CompletionCode::REQUEST_LENGTH_INVALID)?;
        Ok(Self { channel: channel & 0xF, parameter: Parameter(parameter), data: data.to_vec() })
    }
}

/// The same, for a parameter after which the BMC may be gone: a repetition would only wait in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MoveLan(pub(crate) SetLanParameter);

impl Command for MoveLan {
    type Reply = ();
    const NETFN: u8 = SetLanParameter::NETFN;
    const CMD: u8 = SetLanParameter::CMD;
    const PRIVILEGE: PrivilegeLevel = SetLanParameter::PRIVILEGE;
    const REPEATABLE: bool = false;

    fn encode(&self, data: &mut Vec<u8>) {
        self.0.encode(data);
    }

    fn decode(data: &[u8]) -> Result<(), Fault> {
        SetLanParameter::decode(data)
    }
}

/// Get LAN Configuration Parameters (section 23.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GetLanParameter {
    pub(crate) channel: u8,
    pub(crate) parameter: Parameter,
    pub(crate) set: u8,
}

impl Command for GetLanParameter {
    /// The parameter's data.
    type Reply = Vec<u8>;
    const NETFN: u8 = netfn::TRANSPORT;
    const CMD: u8 = 0x02;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        // No parameter has a block selector.
        data.extend_from_slice(&[self.channel & 0xF, self.parameter.0, self.set, 0]);
    }

    fn decode(data: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut reader = Reader::new(data);
        reader.u8("parameter revision")?;
        Ok(reader.rest().to_vec())
    }
}
