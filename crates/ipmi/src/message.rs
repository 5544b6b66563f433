//! The inner IPMI message: an addressed command or reply with two checksums (IPMI 2.0 section 13.8).

use crate::completion::CompletionCode;
use crate::fault::Fault;
use crate::wire::Reader;

/// The BMC's address on its own bus.
pub(crate) const BMC_ADDRESS: u8 = 0x20;
/// The software id of remote console software (section 5.5).
pub(crate) const CONSOLE_ADDRESS: u8 = 0x81;
/// Bytes around the data: addresses, network function, sequence, command, checksums.
const OVERHEAD: usize = 7;

/// A request or a reply; a reply has an odd network function and begins its data with the completion code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// Address that the message is for.
    pub(crate) to: u8,
    /// Network function: 0 to 63.
    pub(crate) netfn: u8,
    /// Logical unit of the addressee: 0 to 3.
    pub(crate) to_lun: u8,
    /// Address of the sender.
    pub(crate) from: u8,
    /// The requester's sequence number, 0 to 63, which the reply repeats.
    pub(crate) sequence: u8,
    /// Logical unit of the sender: 0 to 3.
    pub(crate) from_lun: u8,
    pub(crate) command: u8,
    pub(crate) data: &'a [u8],
}

/// Whether a message's two checksums matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checksums {
    Checked,
    /// `Quirk::NoChecksumCheck`: they are there but anything.
    Ignored,
}

impl<'a> Message<'a> {
    /// A command from console software to the BMC.
    pub(crate) fn request(netfn: u8, lun: u8, command: u8, sequence: u8, data: &'a [u8]) -> Self {
        Self {
            to: BMC_ADDRESS,
            netfn,
            to_lun: lun,
            from: CONSOLE_ADDRESS,
            sequence,
            from_lun: 0,
            command,
            data,
        }
    }

    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, Fault> {
        Self::decode_as(bytes, Checksums::Checked)
    }

    pub(crate) fn decode_as(bytes: &'a [u8], checksums: Checksums) -> Result<Self, Fault> {
        let is_wrong = |sum: u8, bytes: &[u8]| checksums == Checksums::Checked && checksum(bytes) != sum;
        let mut reader = Reader::new(bytes);
        let [to, netfn_lun, first_check] = reader.array("inner message header")?;
        if is_wrong(first_check, &[to, netfn_lun]) {
            return Err(Fault::Checksum);
        }
        let body = reader.rest();
        let (&second_check, checked) = body.split_last().ok_or(Fault::Truncated("inner message checksum"))?;
        let mut reader = Reader::new(checked);
        let [from, sequence_lun, command] = reader.array("inner message command")?;
        if is_wrong(second_check, checked) {
            return Err(Fault::Checksum);
        }
        Ok(Self {
            to,
            netfn: netfn_lun >> 2,
            to_lun: netfn_lun & 3,
            from,
            sequence: sequence_lun >> 2,
            from_lun: sequence_lun & 3,
            command,
            data: reader.rest(),
        })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(OVERHEAD + self.data.len());
        bytes.extend_from_slice(&[self.to, self.netfn << 2 | self.to_lun & 3]);
        bytes.push(checksum(&bytes));
        let start = bytes.len();
        bytes.extend_from_slice(&[self.from, self.sequence << 2 | self.from_lun & 3, self.command]);
        bytes.extend_from_slice(self.data);
        bytes.push(checksum(&bytes[start..]));
        bytes
    }

    /// The reply to this request, encoded.
    pub(crate) fn encode_reply(&self, code: CompletionCode, data: &[u8]) -> Vec<u8> {
        let mut body = Vec::with_capacity(1 + data.len());
        body.push(code.0);
        body.extend_from_slice(data);
        let reply = Message {
            to: self.from,
            netfn: self.netfn | 1,
            to_lun: self.from_lun,
            from: self.to,
            sequence: self.sequence,
            from_lun: self.to_lun,
            command: self.command,
            data: &body,
        };
        reply.encode()
    }

    /// Whether the message is a reply rather than a request.
    pub(crate) fn is_reply(&self) -> bool {
        self.netfn & 1 == 1
    }
}

/// The byte that makes the sum of all bytes zero modulo 256.
fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg()
}

#[cfg(test)]
mod tests;
