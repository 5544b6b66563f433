//! DHCP messages as they lie in a datagram (RFC 2131, section 2; RFC 2132).

use std::net::Ipv4Addr;

use crate::{HardwareAddress, Options, code};

/// Marks the beginning of the options (RFC 2131, section 3).
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// The length of the header, without the cookie.
const HEADER: usize = 236;
/// The header with the cookie, behind which the options begin.
pub(crate) const FIXED: usize = HEADER + COOKIE.len();
/// BOOTP's length of a message, below which some relays and clients drop it (RFC 1542, section 2.1).
pub(crate) const SHORTEST: usize = 300;
/// What is longer is nothing that a client sends: messages are not fragmented beyond a few kilobytes.
const LONGEST: usize = 8192;

/// The bit of `flags` by which a client asks for broadcasts (RFC 2131, section 2).
pub const BROADCAST: u16 = 0x8000;

/// Who speaks (`op`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Op {
    /// A client, or a relay for one: BOOTREQUEST.
    #[default]
    Request,
    /// A server: BOOTREPLY.
    Reply,
}

/// What a message says (option 53; RFC 2132, section 9.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MessageType {
    /// A client looks for servers.
    Discover = 1,
    /// A server offers.
    Offer = 2,
    /// A client takes an offer, or goes on with an address.
    Request = 3,
    /// A client found the address in use.
    Decline = 4,
    /// A server commits.
    Ack = 5,
    /// A server refuses.
    Nak = 6,
    /// A client gives its address back.
    Release = 7,
    /// A client that has an address asks for parameters.
    Inform = 8,
}

impl MessageType {
    /// The type with this number.
    pub fn of(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Discover,
            2 => Self::Offer,
            3 => Self::Request,
            4 => Self::Decline,
            5 => Self::Ack,
            6 => Self::Nak,
            7 => Self::Release,
            8 => Self::Inform,
            _ => return None,
        })
    }
}

/// A DHCP message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub op: Op,
    /// How many relays it went through.
    pub hops: u8,
    /// The transaction, chosen by the client.
    pub xid: u32,
    /// What the client calls the seconds since it began; iPXE's are none (rule I10).
    pub secs: u16,
    /// [`BROADCAST`], or 0.
    pub flags: u16,
    /// The client's own address, where it has one that it can be reached by.
    pub ciaddr: Ipv4Addr,
    /// The address that the client is given.
    pub yiaddr: Ipv4Addr,
    /// The server of the next step, which the boot file comes from.
    pub siaddr: Ipv4Addr,
    /// The relay's address on the client's network.
    pub giaddr: Ipv4Addr,
    /// The client's hardware address, with its type.
    pub chaddr: HardwareAddress,
    /// The field of the server's name, with its padding.
    pub sname: [u8; 64],
    /// The field of the boot file's name, with its padding.
    pub file: [u8; 128],
    /// The options, without padding and end.
    pub options: Options,
}

/// Why bytes are no DHCP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DecodeError {
    /// Shorter than header and cookie.
    #[error("{0} bytes are too short for a DHCP message, which has 240 at least")]
    TooShort(usize),
    /// Longer than any client's message.
    #[error("{0} bytes are longer than any DHCP message")]
    TooLong(usize),
    /// Neither request nor reply.
    #[error("the field op is {0}, which is neither a request nor a reply")]
    Op(u8),
    /// No cookie: plain BOOTP, or something else altogether.
    #[error("there is no cookie of DHCP before the options")]
    Cookie,
}

impl Default for Message {
    fn default() -> Self {
        Self {
            op: Op::Request,
            hops: 0,
            xid: 0,
            secs: 0,
            flags: 0,
            ciaddr: Ipv4Addr::UNSPECIFIED,
            yiaddr: Ipv4Addr::UNSPECIFIED,
            siaddr: Ipv4Addr::UNSPECIFIED,
            giaddr: Ipv4Addr::UNSPECIFIED,
            chaddr: HardwareAddress::ethernet([0; 6]),
            sname: [0; 64],
            file: [0; 128],
            options: Options::new(),
        }
    }
}

/// Reads fixed-length fields off the header, which was found long enough.
struct Header<'a>(&'a [u8; HEADER]);

impl Header<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.0[at..at + N]);
        bytes
    }

    fn address(&self, at: usize) -> Ipv4Addr {
        Ipv4Addr::from(self.bytes(at))
    }
}

impl Message {
    /// Reads a message.
    ///
    /// Only what makes the rest meaningless is an error. An option that claims more bytes than there are is left out with
    /// what would stand behind it, since firmware that sends such things exists (rule D14).
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.read(bytes)?;
        Ok(message)
    }

    /// Reads a message in place of this one, into the room that its options have. After an error the content is undefined.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        if bytes.len() > LONGEST {
            return Err(DecodeError::TooLong(bytes.len()));
        }
        let short = DecodeError::TooShort(bytes.len());
        let (fields, rest) = bytes.split_first_chunk::<HEADER>().ok_or(short)?;
        let (cookie, area) = rest.split_first_chunk::<4>().ok_or(short)?;
        if *cookie != COOKIE {
            return Err(DecodeError::Cookie);
        }
        let header = Header(fields);
        self.op = match header.0[0] {
            1 => Op::Request,
            2 => Op::Reply,
            other => return Err(DecodeError::Op(other)),
        };
        self.hops = header.0[3];
        self.xid = u32::from_be_bytes(header.bytes(4));
        self.secs = u16::from_be_bytes(header.bytes(8));
        self.flags = u16::from_be_bytes(header.bytes(10));
        self.ciaddr = header.address(12);
        self.yiaddr = header.address(16);
        self.siaddr = header.address(20);
        self.giaddr = header.address(24);
        let length = usize::from(header.0[2]).min(16);
        self.chaddr = HardwareAddress::new(header.0[1], &header.0[28..28 + length]);
        self.sname = header.bytes(44);
        self.file = header.bytes(108);
        self.options.clear();
        self.options.read(area);
        self.read_overloaded();
        self.options.join();
        Ok(())
    }

    /// Reads options out of the fields `file` and `sname` where option 52 says that they hold some (RFC 2132, section 9.3),
    /// in the order of RFC 3396, section 5. The fields are empty then.
    fn read_overloaded(&mut self) {
        let overload = self.options.byte(code::OVERLOAD).unwrap_or_default();
        self.options.remove(code::OVERLOAD);
        if overload & 1 != 0 {
            self.options.read(&self.file);
            self.file = [0; 128];
        }
        if overload & 2 != 0 {
            self.options.read(&self.sname);
            self.sname = [0; 64];
        }
    }

    /// Writes the message in place of what `out` holds, at least 300 bytes of it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.encode_header(out);
        self.options.write(out);
        finish(out);
    }

    /// Writes header and cookie in place of what `out` holds.
    pub(crate) fn encode_header(&self, out: &mut Vec<u8>) {
        out.clear();
        out.reserve(FIXED + SHORTEST);
        let op = if self.op == Op::Request { 1 } else { 2 };
        let address = self.chaddr.bytes();
        out.extend_from_slice(&[op, self.chaddr.kind(), address.len() as u8, self.hops]);
        out.extend_from_slice(&self.xid.to_be_bytes());
        out.extend_from_slice(&self.secs.to_be_bytes());
        out.extend_from_slice(&self.flags.to_be_bytes());
        for field in [self.ciaddr, self.yiaddr, self.siaddr, self.giaddr] {
            out.extend_from_slice(&field.octets());
        }
        let mut chaddr = [0; 16];
        chaddr[..address.len()].copy_from_slice(address);
        out.extend_from_slice(&chaddr);
        out.extend_from_slice(&self.sname);
        out.extend_from_slice(&self.file);
        out.extend_from_slice(&COOKIE);
    }

    /// What the message says; `None` where option 53 is missing or unknown.
    pub fn message_type(&self) -> Option<MessageType> {
        MessageType::of(self.options.byte(code::MESSAGE_TYPE)?)
    }

    /// Whether the client asks for broadcasts.
    pub fn wants_broadcast(&self) -> bool {
        self.flags & BROADCAST != 0
    }

    /// The boot file of the header, up to its NUL.
    pub fn file_name(&self) -> &[u8] {
        until_nul(&self.file)
    }

    /// The server's name of the header, up to its NUL.
    pub fn server_name(&self) -> &[u8] {
        until_nul(&self.sname)
    }

    /// Fills `file`, or empties it where the name does not fit with a NUL behind it; tells whether it fits.
    pub fn set_file_name(&mut self, name: &[u8]) -> bool {
        fill(&mut self.file, name)
    }

    /// Fills `sname`, or empties it where the name does not fit with a NUL behind it; tells whether it fits.
    pub fn set_server_name(&mut self, name: &[u8]) -> bool {
        fill(&mut self.sname, name)
    }
}

/// Ends the options and pads the message to the shortest that is passed on everywhere.
pub(crate) fn finish(out: &mut Vec<u8>) {
    out.push(code::END);
    if out.len() < SHORTEST {
        out.resize(SHORTEST, code::PAD);
    }
}

fn until_nul(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    &field[..end]
}

fn fill(field: &mut [u8], name: &[u8]) -> bool {
    field.fill(0);
    let fits = name.len() < field.len();
    if fits {
        field[..name.len()].copy_from_slice(name);
    }
    fits
}
