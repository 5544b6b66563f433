//! One lease of IPv6 as a line: `crc32 address identifier association mac state begins ends`, written as those of IPv4.

use std::io::Write as _;
use std::net::Ipv6Addr;
use std::time::SystemTime;

use ironhand_dhcp::LeaseState;
use ironhand_dhcp::v6::Lease;

use super::record::{Record, hex, micros, seal, state, state_word, time, unhex, unseal};

impl Record for Lease {
    const HEADER: &'static [u8] = b"ironhand leases of IPv6 1\n";
    type Address = Ipv6Addr;

    fn address(&self) -> Ipv6Addr {
        self.address
    }

    fn write(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        // Writing to memory does not fail.
        let _ = write!(out, "00000000 {} x", self.address);
        hex(&self.identifier, out);
        let _ = write!(out, " {} ", self.association);
        match &self.mac {
            Some(mac) => hex(mac, out),
            None => out.push(b'-'),
        }
        let (begins, ends) = (micros(self.begins), micros(self.ends));
        let _ = write!(out, " {} {begins} {ends}", state_word(self.state));
        seal(begin, out);
    }

    fn read(line: &[u8]) -> Option<Self> {
        let mut words = unseal(line)?.split(' ');
        let lease = Self {
            address: words.next()?.parse().ok()?,
            identifier: unhex(words.next()?.strip_prefix('x')?.as_bytes())?.into_boxed_slice(),
            association: words.next()?.parse().ok()?,
            mac: match words.next()? {
                "-" => None,
                digits => Some(unhex(digits.as_bytes())?.try_into().ok()?),
            },
            state: state(words.next()?)?,
            begins: time(words.next()?)?,
            ends: time(words.next()?)?,
        };
        words.next().is_none().then_some(lease)
    }

    /// Once it has ended: who comes back is given the same address by derivation, and there is no end of identifiers.
    fn is_done(&self, now: SystemTime) -> bool {
        self.ends <= now || !matches!(self.state, LeaseState::Bound | LeaseState::Declined)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_what_is_read(
            address: u128,
            identifier in proptest::collection::vec(any::<u8>(), 0..130),
            association: u32,
            mac: Option<[u8; 6]>,
            number in 0_usize..3,
            times: (u32, u32),
            at: usize,
        ) {
            let state = [LeaseState::Bound, LeaseState::Released, LeaseState::Declined][number];
            let time = |seconds: u32| UNIX_EPOCH + Duration::from_secs(seconds.into());
            let lease = Lease {
                address: address.into(),
                identifier: identifier.into(),
                association,
                mac,
                state,
                begins: time(times.0),
                ends: time(times.1),
            };
            let mut line = Vec::new();
            lease.write(&mut line);
            prop_assert_eq!(line.pop(), Some(b'\n'));
            prop_assert!(!line.contains(&b'\n'));
            prop_assert_eq!(<Lease as Record>::read(&line), Some(lease));
            let at = at % line.len();
            line[at] ^= 1;
            prop_assert_eq!(<Lease as Record>::read(&line), None);
        }
    }
}
