//! One lease as a line: a checksum, and what it is of, in words that people can read.
//!
//! `crc32 address subnet kind:hardware state begins ends identifier name`, with times in microseconds since 1970, bytes in
//! hexadecimal digits, `-` for what is absent, and names with `%` and two digits for all but letters, digits, `.`, `_`, `-`.

use std::fmt::Debug;
use std::hash::Hash;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ironhand_dhcp::{HardwareAddress, Lease, LeaseState, SubnetId};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// What is kept of an address, as a line of a file.
pub trait Record: Sized {
    /// The first line of a file of such records, which tells its form.
    const HEADER: &'static [u8];
    /// By what a record is overtaken by a later one.
    type Address: Copy + Eq + Hash + Debug;

    /// Whose record it is.
    fn address(&self) -> Self::Address;
    /// Adds the line.
    fn write(&self, out: &mut Vec<u8>);
    /// Reads a line without its end; `None` if it is not what [`Record::write`] wrote.
    fn read(line: &[u8]) -> Option<Self>;
    /// Whether nobody misses it from now on.
    fn is_done(&self, now: SystemTime) -> bool;
}

impl Record for Lease {
    const HEADER: &'static [u8] = b"ironhand leases 1\n";
    type Address = Ipv4Addr;

    fn address(&self) -> Ipv4Addr {
        self.address
    }

    fn write(&self, out: &mut Vec<u8>) {
        write(self, out);
    }

    fn read(line: &[u8]) -> Option<Self> {
        read(line)
    }

    /// Never: who comes back is given the address that it had, and there are no more than the pools have.
    fn is_done(&self, _now: SystemTime) -> bool {
        false
    }
}

/// Adds the line of `lease`.
pub(super) fn write(lease: &Lease, out: &mut Vec<u8>) {
    let begin = out.len();
    out.extend_from_slice(b"00000000");
    let state = state_word(lease.state);
    // Writing to memory does not fail.
    let _ = write!(out, " {} {} {}:", lease.address, lease.subnet.0, lease.hardware.kind());
    hex(lease.hardware.bytes(), out);
    let _ = write!(out, " {state} {} {} ", micros(lease.begins), micros(lease.ends));
    match &lease.identifier {
        Some(identifier) => {
            out.push(b'x');
            hex(identifier, out);
        }
        None => out.push(b'-'),
    }
    out.push(b' ');
    match &lease.host_name {
        Some(name) => {
            out.push(b'=');
            escape(name, out);
        }
        None => out.push(b'-'),
    }
    seal(begin, out);
}

/// Writes the checksum of a line in its place at `begin`, and ends it.
pub(super) fn seal(begin: usize, out: &mut Vec<u8>) {
    let checksum = crc32fast::hash(&out[begin + 8..]).to_be_bytes();
    for (place, byte) in out[begin..begin + 8].chunks_exact_mut(2).zip(checksum) {
        place.copy_from_slice(&digits(byte));
    }
    out.push(b'\n');
}

/// What stands behind the checksum of a line, if that is right.
pub(super) fn unseal(line: &[u8]) -> Option<&str> {
    let (checksum, rest) = line.split_at_checked(8)?;
    let checksum = unhex(checksum)?;
    if checksum != crc32fast::hash(rest).to_be_bytes() {
        return None;
    }
    std::str::from_utf8(rest).ok()?.strip_prefix(' ')
}

/// Reads a line without its end; `None` if it is not what [`write`] wrote.
pub(super) fn read(line: &[u8]) -> Option<Lease> {
    let mut words = unseal(line)?.split(' ');
    let lease = Lease {
        address: words.next()?.parse().ok()?,
        subnet: SubnetId(words.next()?.parse().ok()?),
        hardware: {
            let (kind, bytes) = words.next()?.split_once(':')?;
            HardwareAddress::new(kind.parse().ok()?, &unhex(bytes.as_bytes())?)
        },
        state: state(words.next()?)?,
        begins: time(words.next()?)?,
        ends: time(words.next()?)?,
        identifier: match words.next()?.as_bytes() {
            [b'x', digits @ ..] => Some(unhex(digits)?.into_boxed_slice()),
            _ => None,
        },
        host_name: match words.next()?.strip_prefix('=') {
            Some(name) => Some(unescape(name)?.into_boxed_str()),
            None => None,
        },
    };
    words.next().is_none().then_some(lease)
}

pub(super) const fn state_word(state: LeaseState) -> &'static str {
    match state {
        LeaseState::Bound => "bound",
        LeaseState::Released => "released",
        LeaseState::Declined => "declined",
        LeaseState::Expired => "expired",
    }
}

pub(super) fn state(word: &str) -> Option<LeaseState> {
    Some(match word {
        "bound" => LeaseState::Bound,
        "released" => LeaseState::Released,
        "declined" => LeaseState::Declined,
        "expired" => LeaseState::Expired,
        _ => return None,
    })
}

/// Times before 1970 are those of a clock that was never set; they are as good as 1970.
pub(super) fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

pub(super) fn time(word: &str) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_micros(word.parse().ok()?))
}

fn digits(byte: u8) -> [u8; 2] {
    [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]
}

pub(super) fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    bytes.iter().for_each(|byte| out.extend_from_slice(&digits(*byte)));
}

pub(super) fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let value = |digit: u8| HEX.iter().position(|known| *known == digit);
    let byte = |pair: &[u8]| u8::try_from(value(pair[0])? << 4 | value(*pair.get(1)?)?).ok();
    digits.chunks(2).map(byte).collect()
}

fn escape(name: &str, out: &mut Vec<u8>) {
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => out.push(byte),
            _ => {
                out.push(b'%');
                out.extend_from_slice(&digits(byte));
            }
        }
    }
}

fn unescape(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let [byte, behind @ ..] = rest {
        rest = behind;
        if *byte == b'%' {
            let (pair, behind) = rest.split_at_checked(2)?;
            bytes.extend(unhex(pair)?);
            rest = behind;
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8(bytes).ok()
}
