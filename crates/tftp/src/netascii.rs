//! The translation of netascii (RFC 764 as RFC 1350, section 2 refers to it): a line ends with CR LF on the wire, and a CR
//! by itself is CR NUL.
//!
//! The server translates, and does not send octets in its place: a client that asked for netascii, as the `tftp` of BSD and
//! its offspring does unless told otherwise, turns CR LF into LF and CR NUL into CR. What was translated arrives as it was,
//! text or not, because the two are each other's inverse; octets sent in its place would arrive without each CR that an LF
//! follows.

const CR: u8 = b'\r';
const LF: u8 = b'\n';
const NUL: u8 = 0;

/// Appends the translation of `bytes` to `out`. Each octet stands for itself, so a file may be translated in pieces.
pub fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        match *byte {
            LF => out.extend_from_slice(&[CR, LF]),
            CR => out.extend_from_slice(&[CR, NUL]),
            other => out.push(other),
        }
    }
}

/// How many octets the translation of `bytes` has.
pub fn encoded_len(bytes: &[u8]) -> u64 {
    let doubled = bytes.iter().filter(|byte| matches!(**byte, CR | LF)).count();
    (bytes.len() + doubled) as u64
}

/// Translates back, piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    /// The last octet was a CR whose meaning the next one tells.
    carriage_return: bool,
}

impl Decoder {
    /// Appends what `bytes` stand for to `out`.
    pub fn decode(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for byte in bytes {
            match (std::mem::take(&mut self.carriage_return), *byte) {
                (false, CR) => self.carriage_return = true,
                (false, other) => out.push(other),
                (true, LF) => out.push(LF),
                (true, NUL) => out.push(CR),
                // No sender that keeps to the rules writes this. The CR stays what it is.
                (true, CR) => {
                    out.push(CR);
                    self.carriage_return = true;
                }
                (true, other) => out.extend_from_slice(&[CR, other]),
            }
        }
    }

    /// Appends what is left when the file has ended.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.carriage_return) {
            out.push(CR);
        }
    }
}
