//! System information: texts that software on the machine leaves at the BMC (IPMI 2.0 section 22.14a).

use crate::command::{Command, netfn};
use crate::completion::CompletionCode;
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;
use crate::procedure::Procedure;
use crate::procedure::ProcedureError;
use crate::procedure::chain::{Boxed, Chain, ask, attempt, done, each, end};
use crate::wire::Reader;

/// Bytes of a text in each block; the first block has two less.
const BLOCK: usize = 16;

/// Longest text in bytes that is written: BMCs keep 64 at least.
const TEXT_LIMIT: usize = 64;

/// Which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SystemInfoParameter {
    /// The firmware version of the machine, such as the BIOS's.
    FirmwareVersion,
    /// The machine's name.
    SystemName,
    /// The name of the operating system that is installed.
    PrimaryOsName,
    /// The name of the operating system that runs.
    OsName,
    /// The running operating system's version.
    OsVersion,
    /// The address of the BMC's own web pages.
    BmcUrl,
}

impl SystemInfoParameter {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::FirmwareVersion,
        Self::SystemName,
        Self::PrimaryOsName,
        Self::OsName,
        Self::OsVersion,
        Self::BmcUrl,
    ];

    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::FirmwareVersion => 1,
            Self::SystemName => 2,
            Self::PrimaryOsName => 3,
            Self::OsName => 4,
            Self::OsVersion => 5,
            Self::BmcUrl => 6,
        }
    }
}

/// Get System Info Parameters (section 22.14b): one block of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetSystemInfoParameter {
    /// Which text.
    pub parameter: SystemInfoParameter,
    /// Which block, from 0.
    pub block: u8,
}

/// A block of a text: the reply to [`GetSystemInfoParameter`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SystemInfoBlock(
    /// Up to 16 bytes. Those of block 0 begin with the encoding and the whole text's length.
    pub Vec<u8>,
);

impl Command for GetSystemInfoParameter {
    type Reply = SystemInfoBlock;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x59;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[0, self.parameter.number(), self.block, 0]);
    }

    fn decode(data: &[u8]) -> Result<SystemInfoBlock, Fault> {
        let mut reader = Reader::new(data);
        let [_revision, _block] = reader.array("system info parameter")?;
        let block = reader.rest();
        Ok(SystemInfoBlock(block[..block.len().min(BLOCK)].to_vec()))
    }
}

/// Set System Info Parameters (section 22.14a): one block of a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SetSystemInfoParameter {
    pub(crate) parameter: SystemInfoParameter,
    pub(crate) block: u8,
    pub(crate) data: [u8; BLOCK],
}

impl Command for SetSystemInfoParameter {
    type Reply = ();
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x58;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Administrator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[self.parameter.number(), self.block]);
        data.extend_from_slice(&self.data);
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

/// Reads a text; `None` where the BMC has no such parameter or nothing in it.
pub fn read_system_info(parameter: SystemInfoParameter) -> impl Procedure<Output = Option<String>> + Send {
    let read =
        move |block| attempt("read the system information", &GetSystemInfoParameter { parameter, block });
    read(0).then(move |first| -> Boxed<Option<String>> {
        let Ok(SystemInfoBlock(first)) = first else { return Box::new(done(None)) };
        let [encoding, length, text @ ..] = first.as_slice() else { return Box::new(done(None)) };
        let (encoding, length, text) = (*encoding & 0xF, usize::from(*length), text.to_vec());
        let more = length.saturating_sub(BLOCK - 2).div_ceil(BLOCK);
        Box::new(each(1..=more as u8, read).map(move |blocks| {
            let mut text = text;
            text.extend(blocks.into_iter().map_while(Result::ok).flat_map(|block| block.0));
            text.truncate(length);
            decode_text(encoding, &text).filter(|text| !text.is_empty())
        }))
    })
}

/// Encodings: 0 ASCII with Latin 1, 1 UTF-8, 2 UTF-16 (little-endian).
fn decode_text(encoding: u8, bytes: &[u8]) -> Option<String> {
    let text: String = match encoding {
        0 => bytes.iter().copied().map(char::from).collect(),
        1 => String::from_utf8_lossy(bytes).into_owned(),
        2 => {
            let (units, _) = bytes.as_chunks::<2>();
            char::decode_utf16(units.iter().copied().map(u16::from_le_bytes))
                .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
        _ => return None,
    };
    Some(text.trim_end_matches('\0').to_owned())
}

/// Writes a text of up to 64 bytes and reads it back.
///
/// [`ProcedureError::Impossible`] where it is longer, [`ProcedureError::NotKept`] where the BMC shows another one.
pub fn set_system_info(parameter: SystemInfoParameter, text: String) -> impl Procedure<Output = ()> + Send {
    let doing = "set the system information";
    let start: Boxed<()> = match text.len() > TEXT_LIMIT {
        true => Box::new(end(Err(ProcedureError::Impossible { doing, reason: "it has at most 64 bytes" }))),
        false => {
            // UTF-8, of which ASCII is a part.
            let mut bytes = vec![1, text.len() as u8];
            bytes.extend_from_slice(text.as_bytes());
            let blocks: Vec<Vec<u8>> = bytes.chunks(BLOCK).map(<[u8]>::to_vec).collect();
            Box::new(
                each((0..).zip(blocks), move |(block, bytes): (u8, Vec<u8>)| {
                    let mut data = [0; BLOCK];
                    data[..bytes.len()].copy_from_slice(&bytes);
                    ask(doing, &SetSystemInfoParameter { parameter, block, data })
                })
                .map(drop),
            )
        }
    };
    start.then(move |()| {
        read_system_info(parameter).then(move |read| {
            let kept = read.unwrap_or_default() == text;
            end(if kept { Ok(()) } else { Err(ProcedureError::NotKept { doing }) })
        })
    })
}

impl SetSystemInfoParameter {
    /// Reads the request's data, as the BMC side does; a block may be short.
    pub(crate) fn decode_request(data: &[u8]) -> Result<(u8, u8, &[u8]), CompletionCode> {
        let (&[parameter, block], text) =
            data.split_first_chunk().ok_or(CompletionCode::REQUEST_LENGTH_INVALID)?;
        match text.len() {
            1..=BLOCK => Ok((parameter & 0x7F, block, text)),
            _ => Err(CompletionCode::REQUEST_LENGTH_INVALID),
        }
    }
}
