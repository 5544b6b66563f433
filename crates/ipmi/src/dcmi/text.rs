//! DCMI's two texts: the asset tag and the management controller's id string.

use crate::command::Command;
use crate::dcmi::command::NETFN_GROUP;
use crate::dcmi::{GROUP, body};
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;
use crate::procedure::chain::{Boxed, Chain, ask, each, end};
use crate::procedure::{Procedure, ProcedureError};

/// The most bytes of a text that one command carries.
pub(crate) const TEXT_CHUNK: u8 = 16;

/// Which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DcmiText {
    /// The asset tag: up to 63 bytes (DCMI 1.5 sections 6.4.2 and 6.4.3).
    AssetTag,
    /// The management controller's id string, which DHCP sends as host name: up to 63 bytes and a NUL
    /// (DCMI 1.5 sections 6.4.6).
    ControllerId,
}

impl DcmiText {
    /// Longest text in bytes.
    pub const LIMIT: usize = 63;

    const fn doing(self) -> &'static str {
        match self {
            Self::AssetTag => "read the asset tag",
            Self::ControllerId => "read the controller's id string",
        }
    }

    const fn setting(self) -> &'static str {
        match self {
            Self::AssetTag => "set the asset tag",
            Self::ControllerId => "set the controller's id string",
        }
    }
}

/// A part of a text: the reply to [`GetText`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextPart {
    /// Length of the whole text.
    pub(crate) total: u8,
    pub(crate) bytes: Vec<u8>,
}

/// Get Asset Tag (06h) and Get Management Controller Identifier String (09h), whose number is `CMD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GetText<const CMD: u8> {
    pub(crate) offset: u8,
    pub(crate) count: u8,
}

impl<const NUMBER: u8> Command for GetText<NUMBER> {
    type Reply = TextPart;
    const NETFN: u8 = NETFN_GROUP;
    const CMD: u8 = NUMBER;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[GROUP, self.offset, self.count]);
    }

    fn decode(data: &[u8]) -> Result<TextPart, Fault> {
        let mut reader = body(data)?;
        Ok(TextPart { total: reader.u8("text length")?, bytes: reader.rest().to_vec() })
    }
}

/// Set Asset Tag (08h) and Set Management Controller Identifier String (0Ah), whose number is `CMD`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SetText<const CMD: u8> {
    offset: u8,
    bytes: Vec<u8>,
}

impl<const NUMBER: u8> Command for SetText<NUMBER> {
    type Reply = ();
    const NETFN: u8 = NETFN_GROUP;
    const CMD: u8 = NUMBER;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[GROUP, self.offset, self.bytes.len() as u8]);
        data.extend_from_slice(&self.bytes);
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

fn part(text: DcmiText, offset: u8, count: u8) -> Boxed<TextPart> {
    match text {
        DcmiText::AssetTag => Box::new(ask(text.doing(), &GetText::<0x06> { offset, count })),
        DcmiText::ControllerId => Box::new(ask(text.doing(), &GetText::<0x09> { offset, count })),
    }
}

/// Reads a text.
pub fn read_text(text: DcmiText) -> impl Procedure<Output = String> + Send {
    part(text, 0, TEXT_CHUNK).then(move |first| {
        let total = usize::from(first.total).min(DcmiText::LIMIT + 1);
        let chunk = usize::from(TEXT_CHUNK);
        let rest = (chunk..total).step_by(chunk).map(move |offset| (offset, (total - offset).min(chunk)));
        each(rest, move |(offset, count)| part(text, offset as u8, count as u8)).map(move |parts| {
            let mut bytes = first.bytes;
            bytes.extend(parts.into_iter().flat_map(|part| part.bytes));
            bytes.truncate(total);
            let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
            String::from_utf8_lossy(&bytes[..end]).into_owned()
        })
    })
}

/// Writes a text of up to [`DcmiText::LIMIT`] bytes and reads it back.
///
/// [`ProcedureError::Impossible`] where it is longer, [`ProcedureError::NotKept`] where the BMC shows another one.
pub fn set_text(text: DcmiText, value: String) -> impl Procedure<Output = ()> + Send {
    let doing = text.setting();
    let start: Boxed<()> = match value.len() > DcmiText::LIMIT {
        true => Box::new(end(Err(ProcedureError::Impossible { doing, reason: "it has at most 63 bytes" }))),
        false => {
            let mut bytes = value.clone().into_bytes();
            // A NUL ends an id string, and lets a BMC see that a text became shorter.
            if text == DcmiText::ControllerId || bytes.is_empty() {
                bytes.push(0);
            }
            let chunk = usize::from(TEXT_CHUNK);
            let chunks: Vec<(u8, Vec<u8>)> = bytes
                .chunks(chunk)
                .enumerate()
                .map(|(index, bytes)| ((index * chunk) as u8, bytes.to_vec()))
                .collect();
            Box::new(each(chunks, move |(offset, bytes)| write(text, offset, bytes)).map(drop))
        }
    };
    start.then(move |()| {
        read_text(text).then(move |read| {
            end(if read == value { Ok(()) } else { Err(ProcedureError::NotKept { doing }) })
        })
    })
}

fn write(text: DcmiText, offset: u8, bytes: Vec<u8>) -> Boxed<()> {
    match text {
        DcmiText::AssetTag => Box::new(ask(text.setting(), &SetText::<0x08> { offset, bytes })),
        DcmiText::ControllerId => Box::new(ask(text.setting(), &SetText::<0x0A> { offset, bytes })),
    }
}
