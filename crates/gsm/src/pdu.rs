//! Short messages as modems carry them in PDU mode (3GPP TS 23.040 section 9.2, TS 27.005 section 4).

use crate::alphabet;

/// Octets of user data in one message (TS 23.040 section 9.2.3.16).
const MOST_OCTETS: usize = 140;

/// Codes of the default alphabet in one message.
const MOST_SEPTETS: usize = 160;

/// TP-DCS of the default alphabet and of UCS2 (TS 23.038 section 4).
const DEFAULT_ALPHABET: u8 = 0x00;
const UCS2: u8 = 0x08;

/// Type-of-address: international number, ISDN numbering plan (TS 23.040 section 9.1.2.5).
const INTERNATIONAL: u8 = 0x91;
/// The same with a number of unknown type.
const UNKNOWN: u8 = 0x81;

/// Bits of the first octet (TS 23.040 section 9.2.3).
const MESSAGE_TYPE: u8 = 0x03;
const DELIVER: u8 = 0x00;
const SUBMIT: u8 = 0x01;
const STATUS_REPORT: u8 = 0x02;
const STATUS_REPORT_REQUEST: u8 = 0x20;
const USER_DATA_HEADER: u8 = 0x40;
const VALIDITY_PERIOD: u8 = 0x18;
const RELATIVE_VALIDITY: u8 = 0x10;

/// TP-VP: undelivered messages are given up after an hour; one that switches power a day later does harm.
const ONE_HOUR: u8 = 11;

/// Information elements of a user data header that tell of parts, with a reference of one octet and of two
/// (TS 23.040 section 9.2.3.24).
const PART: u8 = 0x00;
const PART_WITH_LONG_REFERENCE: u8 = 0x08;

/// Why a text or number cannot be sent, or bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PduError {
    /// It is too long for one message.
    #[error("the text is too long for one message")]
    TooLong,
    /// It is no telephone number.
    #[error("`{0}` is not a telephone number in international form")]
    Number(String),
    /// It is no message of a known kind.
    #[error("it is not a short message: {0}")]
    Malformed(&'static str),
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submit {
    /// The number, as `+31...`.
    pub number: String,
    /// The text.
    pub text: String,
    /// Whether the network is to tell that it was delivered.
    pub report: bool,
}

/// Which part of a long text a message is (TS 23.040 section 9.2.3.24.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What all parts of the text have in common.
    pub reference: u16,
    /// From 1 to `of`.
    pub number: u8,
    /// How many parts there are.
    pub of: u8,
}

/// A message that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A text.
    Deliver {
        /// Who sent it; a name where the network gives one.
        number: String,
        /// The text.
        text: String,
        /// Where the text is only part of a longer one.
        part: Option<Part>,
    },
    /// What became of a message that was sent.
    StatusReport {
        /// By which the modem named the message.
        reference: u8,
        /// TP-ST: below 0x20 it was delivered, from 0x40 it was given up (TS 23.040 section 9.2.3.15).
        status: u8,
    },
}

impl Submit {
    /// The PDU with the service centre's address left to the SIM, and its length without that address: what `AT+CMGS`
    /// takes.
    ///
    /// # Errors
    ///
    /// Where the number is none, or the text is too long.
    pub fn encode(&self) -> Result<(Vec<u8>, usize), PduError> {
        let mut pdu = vec![0];
        let report = if self.report { STATUS_REPORT_REQUEST } else { 0 };
        // The modem gives the message its reference.
        pdu.extend([SUBMIT | RELATIVE_VALIDITY | report, 0]);
        write_number(&mut pdu, &self.number)?;
        // TP-PID: between telephones.
        pdu.push(0);
        write_text(&mut pdu, &self.text, Some(ONE_HOUR), None)?;
        let length = pdu.len() - 1;
        Ok((pdu, length))
    }

    /// Reads what a modem was given.
    ///
    /// # Errors
    ///
    /// Where it is no message to be sent.
    pub fn decode(pdu: &[u8]) -> Result<Self, PduError> {
        let mut bytes = Bytes(pdu);
        bytes.skip_centre()?;
        let first = bytes.one()?;
        if first & MESSAGE_TYPE != SUBMIT {
            return Err(PduError::Malformed("it is not to be sent"));
        }
        bytes.one()?;
        let number = bytes.number()?;
        bytes.one()?;
        let coding = bytes.one()?;
        let validity = match first & VALIDITY_PERIOD {
            0 => 0,
            RELATIVE_VALIDITY => 1,
            _ => 7,
        };
        bytes.take(validity)?;
        let (text, _) = bytes.text(first, coding)?;
        Ok(Self { number, text, report: first & STATUS_REPORT_REQUEST != 0 })
    }
}

impl Incoming {
    /// Reads what a modem gives.
    ///
    /// # Errors
    ///
    /// Where it is no message that comes in.
    pub fn decode(pdu: &[u8]) -> Result<Self, PduError> {
        let mut bytes = Bytes(pdu);
        bytes.skip_centre()?;
        let first = bytes.one()?;
        match first & MESSAGE_TYPE {
            DELIVER => {
                let number = bytes.number()?;
                bytes.one()?;
                let coding = bytes.one()?;
                // The time of the service centre.
                bytes.take(7)?;
                let (text, part) = bytes.text(first, coding)?;
                Ok(Self::Deliver { number, text, part })
            }
            STATUS_REPORT => {
                let reference = bytes.one()?;
                bytes.number()?;
                // When the service centre took it, and when it was done with it.
                bytes.take(14)?;
                Ok(Self::StatusReport { reference, status: bytes.one()? })
            }
            _ => Err(PduError::Malformed("its type is not one that comes in")),
        }
    }

    /// The PDU as a modem gives it, without the service centre's address; `time` is seven octets of TP-SCTS.
    ///
    /// # Errors
    ///
    /// Where the number is none, or the text is too long.
    pub fn encode(&self, number: &str, time: [u8; 7]) -> Result<Vec<u8>, PduError> {
        let mut pdu = vec![0];
        match self {
            Self::Deliver { number, text, part } => {
                let header = if part.is_some() { USER_DATA_HEADER } else { 0 };
                // No more messages wait.
                pdu.push(DELIVER | header | 0x04);
                write_number(&mut pdu, number)?;
                pdu.push(0);
                let mut tail = Vec::new();
                write_text(&mut tail, text, None, *part)?;
                let coding = tail.remove(0);
                pdu.push(coding);
                pdu.extend(time);
                pdu.extend(tail);
            }
            Self::StatusReport { reference, status } => {
                pdu.extend([STATUS_REPORT | 0x04, *reference]);
                write_number(&mut pdu, number)?;
                pdu.extend(time);
                pdu.extend(time);
                pdu.push(*status);
            }
        }
        Ok(pdu)
    }
}

/// The number of digits, the type of address, and the digits in swapped halves (TS 23.040 section 9.1.2.5).
fn write_number(pdu: &mut Vec<u8>, number: &str) -> Result<(), PduError> {
    let wrong = || PduError::Number(number.to_owned());
    let (kind, digits) = match number.strip_prefix('+') {
        Some(digits) => (INTERNATIONAL, digits),
        None => (UNKNOWN, number),
    };
    if digits.is_empty() || digits.len() > 20 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(wrong());
    }
    pdu.extend([u8::try_from(digits.len()).map_err(|_| wrong())?, kind]);
    for pair in digits.as_bytes().chunks(2) {
        let high = pair.get(1).map_or(0x0f, |digit| digit - b'0');
        pdu.push(high << 4 | (pair[0] - b'0'));
    }
    Ok(())
}

/// TP-DCS, TP-VP where there is one, TP-UDL and TP-UD.
fn write_text(
    pdu: &mut Vec<u8>,
    text: &str,
    validity: Option<u8>,
    part: Option<Part>,
) -> Result<(), PduError> {
    let header = part.map(Part::header).unwrap_or_default();
    let (coding, length, octets) = match alphabet::encode(text) {
        Some(septets) => {
            // The text begins with the first whole septet after the header.
            let septets = [vec![0; (header.len() * 8).div_ceil(7)], septets].concat();
            if septets.len() > MOST_SEPTETS {
                return Err(PduError::TooLong);
            }
            let mut octets = alphabet::pack(&septets);
            octets[..header.len()].copy_from_slice(&header);
            (DEFAULT_ALPHABET, septets.len(), octets)
        }
        None => {
            let octets: Vec<u8> =
                header.into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect();
            (UCS2, octets.len(), octets)
        }
    };
    if octets.len() > MOST_OCTETS {
        return Err(PduError::TooLong);
    }
    pdu.push(coding);
    pdu.extend(validity);
    pdu.push(u8::try_from(length).map_err(|_| PduError::TooLong)?);
    pdu.extend(octets);
    Ok(())
}

impl Part {
    /// The user data header that says so.
    fn header(self) -> Vec<u8> {
        let [high, low] = self.reference.to_be_bytes();
        match high {
            0 => vec![5, PART, 3, low, self.of, self.number],
            _ => vec![6, PART_WITH_LONG_REFERENCE, 4, high, low, self.of, self.number],
        }
    }

    /// What a user data header without its length says of parts.
    fn of_header(mut header: &[u8]) -> Option<Self> {
        while let [element, length, rest @ ..] = header {
            let (data, rest) = rest.split_at_checked((*length).into())?;
            let part = match (*element, data) {
                (PART, &[reference, of, number]) => Some(Self { reference: reference.into(), number, of }),
                (PART_WITH_LONG_REFERENCE, &[high, low, of, number]) => {
                    Some(Self { reference: u16::from_be_bytes([high, low]), number, of })
                }
                _ => None,
            };
            if let Some(part) = part {
                // Such a part is to be ignored (section 9.2.3.24.1).
                return Some(part).filter(|part| (1..=part.of).contains(&part.number));
            }
            header = rest;
        }
        None
    }
}

/// What of a PDU was not read yet.
struct Bytes<'p>(&'p [u8]);

impl<'p> Bytes<'p> {
    fn take(&mut self, count: usize) -> Result<&'p [u8], PduError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(PduError::Malformed("it is cut off"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn one(&mut self) -> Result<u8, PduError> {
        Ok(self.take(1)?[0])
    }

    /// The address of the service centre, whose length is in octets.
    fn skip_centre(&mut self) -> Result<(), PduError> {
        let length = self.one()?;
        self.take(length.into()).map(drop)
    }

    fn number(&mut self) -> Result<String, PduError> {
        let digits = usize::from(self.one()?);
        let kind = self.one()?;
        let octets = self.take(digits.div_ceil(2))?;
        // A name in the default alphabet, whose length is told in halves of octets.
        if kind & 0x70 == 0x50 {
            let name = alphabet::decode(&alphabet::unpack(octets, digits * 4 / 7));
            // The bits that fill the last octet read as this letter.
            return Ok(name.strip_suffix('@').map(str::to_owned).unwrap_or(name));
        }
        let halves = octets.iter().flat_map(|octet| [octet & 0x0f, octet >> 4]).take(digits);
        let digits: String = halves.map(|half| char::from_digit(half.into(), 16).unwrap_or('?')).collect();
        Ok(if kind & 0x70 == 0x10 { format!("+{digits}") } else { digits })
    }

    fn text(&mut self, first: u8, coding: u8) -> Result<(String, Option<Part>), PduError> {
        let length = usize::from(self.one()?);
        let ucs2 = coding & 0xcc == 0x08;
        let packed = !ucs2 && (coding & 0xc4 == 0 || coding & 0xf4 == 0xf0);
        let octets = self.take(if packed { (length * 7).div_ceil(8) } else { length })?;
        let header = match (first & USER_DATA_HEADER, octets.first()) {
            (USER_DATA_HEADER, Some(length)) => usize::from(*length) + 1,
            _ => 0,
        };
        let part = octets.get(1..header).and_then(Part::of_header);
        if packed {
            let skipped = (header * 8).div_ceil(7);
            let septets = alphabet::unpack(octets, length);
            return Ok((alphabet::decode(septets.get(skipped..).unwrap_or_default()), part));
        }
        let octets = octets.get(header..).unwrap_or_default();
        if ucs2 {
            let units: Vec<u16> =
                octets.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            return Ok((String::from_utf16_lossy(&units), part));
        }
        // Eight bit data, as of which nothing more is said.
        Ok((octets.iter().map(|octet| char::from(*octet)).collect(), part))
    }
}

/// The bytes of a line of hexadecimal digits.
///
/// # Errors
///
/// Where it is no such line.
pub fn from_hex(text: &str) -> Result<Vec<u8>, PduError> {
    hex::decode(text).map_err(|_| PduError::Malformed("it is not hexadecimal"))
}

/// Bytes as a line of hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    hex::encode_upper(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_to_be_sent_has_the_bytes_of_the_specification() {
        let submit = Submit { number: "+46708251358".into(), text: "hellohello".into(), report: false };
        let (pdu, length) = submit.encode().unwrap();
        assert_eq!(to_hex(&pdu), "0011000B916407281553F800000B0AE8329BFD4697D9EC37");
        assert_eq!(length, pdu.len() - 1);
        assert_eq!(Submit::decode(&pdu), Ok(submit));
    }

    #[test]
    fn messages_survive_the_wire() {
        for text in ["#01#", "1234DD", "stopcontact aan: 中", "[on] {off} €"] {
            let submit = Submit { number: "+31612345678".into(), text: text.into(), report: true };
            assert_eq!(Submit::decode(&submit.encode().unwrap().0), Ok(submit));
            for reference in [None, Some(7), Some(700)] {
                let part = reference.map(|reference| Part { reference, number: 2, of: 3 });
                let came = Incoming::Deliver { number: "+3161234567".into(), text: text.into(), part };
                assert_eq!(Incoming::decode(&came.encode("", [0; 7]).unwrap()), Ok(came));
            }
        }
        let report = Incoming::StatusReport { reference: 200, status: 0 };
        assert_eq!(Incoming::decode(&report.encode("+3161234567", [0; 7]).unwrap()), Ok(report));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let encode = |number: &str, text: &str| {
            Submit { number: number.into(), text: text.into(), report: true }.encode().map(|_| ())
        };
        assert_eq!(encode("+31612345678", &"a".repeat(160)), Ok(()));
        assert_eq!(encode("+31612345678", &"a".repeat(161)), Err(PduError::TooLong));
        assert_eq!(encode("+31612345678", &"中".repeat(70)), Ok(()));
        assert_eq!(encode("+31612345678", &"中".repeat(71)), Err(PduError::TooLong));
        for number in ["", "+", "+3x", "+123456789012345678901"] {
            assert_eq!(encode(number, "a"), Err(PduError::Number(number.into())));
        }
    }

    #[test]
    fn a_name_and_a_text_with_a_header_are_read() {
        // A sender's name of seven letters, as operators use it, and the third part of a long text.
        let header = [0x05, 0x00, 0x03, 0x01, 0x03, 0x03];
        let septets = [&[0; 7][..], &alphabet::encode("abc").unwrap()].concat();
        let mut text = alphabet::pack(&septets);
        text[..6].copy_from_slice(&header);
        let name = alphabet::pack(&alphabet::encode("Netwerk").unwrap());
        let pdu = [&[0x00, 0x44, 0x0e, 0xd0][..], &name, &[0; 9], &[10], &text].concat();
        let (number, text) = ("Netwerk".to_owned(), "abc".to_owned());
        let part = Some(Part { reference: 1, number: 3, of: 3 });
        assert_eq!(Incoming::decode(&pdu), Ok(Incoming::Deliver { number, text, part }));
    }

    #[test]
    fn any_bytes_are_a_message_or_a_fault() {
        let whole = from_hex("0011000B916407281553F800000B0AE8329BFD4697D9EC37").unwrap();
        for cut in 0..whole.len() {
            assert!(Submit::decode(&whole[..cut]).is_err());
            let _ = Incoming::decode(&whole[..cut]);
        }
        for seed in 0..2000u32 {
            let bytes: Vec<u8> =
                (0..seed % 40).map(|at| (seed.wrapping_mul(2_654_435_761) >> (at % 24)) as u8).collect();
            let _ = (Submit::decode(&bytes), Incoming::decode(&bytes));
        }
    }
}
