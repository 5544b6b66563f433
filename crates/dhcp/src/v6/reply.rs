//! How answers are written.

use std::net::Ipv6Addr;
use std::time::Duration;

use super::{Client, Message, Options, Program, Terms, code};

/// Codes of status (RFC 8415, section 21.13).
pub(super) const SUCCESS: u16 = 0;
pub(super) const NO_ADDRESSES: u16 = 2;
pub(super) const NO_BINDING: u16 = 3;
pub(super) const NOT_ON_LINK: u16 = 4;
pub(super) const USE_MULTICAST: u16 = 5;
const NO_PREFIX: u16 = 6;

/// The enterprise of vendor classes of PXE and HTTP boot: Intel's.
const INTEL: u32 = 343;

/// An association as a client writes it (RFC 8415, section 21.4).
pub(super) struct Association {
    pub(super) number: u32,
    pub(super) addresses: Vec<Ipv6Addr>,
}

impl Association {
    /// Reads one; `None` where it is damaged.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let number = u32::from_be_bytes(*value.first_chunk::<4>()?);
        let inner = Options::decode(value.get(12..)?)?;
        let address = |value: &[u8]| value.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets));
        let addresses = inner.all(code::IA_ADDRESS).filter_map(address).collect();
        Some(Self { number, addresses })
    }

    /// What it is answered with an address for some time; where it renews, those that the client named beside are over
    /// (RFC 8415, sections 18.3.4 and 18.3.5).
    pub(super) fn with(&self, address: Ipv6Addr, lifetime: Duration, renews: bool) -> Vec<u8> {
        let seconds = u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX).clamp(1, u32::MAX - 1);
        let mut inner = Options::new();
        let mut add = |address: Ipv6Addr, seconds: u32| {
            let lifetimes = [seconds.to_be_bytes(), seconds.to_be_bytes()].concat();
            inner.push(code::IA_ADDRESS, &[&address.octets()[..], &lifetimes].concat());
        };
        add(address, seconds);
        let over = self.addresses.iter().filter(|other| renews && **other != address);
        over.for_each(|other| add(*other, 0));
        // When to renew and rebind: after half and four fifths of the time (RFC 8415, section 21.4).
        self.written(seconds / 2, seconds - seconds / 5, &inner)
    }

    /// What it is answered where there is no address for it.
    pub(super) fn without(&self, code: u16, words: &str) -> Vec<u8> {
        let mut inner = Options::new();
        inner.push(code::STATUS_CODE, &status(code, words));
        self.written(0, 0, &inner)
    }

    fn written(&self, renew: u32, rebind: u32, inner: &Options) -> Vec<u8> {
        let mut value = [self.number, renew, rebind].map(u32::to_be_bytes).concat();
        inner.encode(&mut value);
        value
    }
}

/// The value of a status, with words for people.
pub(super) fn status(code: u16, words: &str) -> Vec<u8> {
    [&code.to_be_bytes()[..], words.as_bytes()].concat()
}

/// Says of temporary addresses and prefixes that there are none, so that clients do not wait for them.
pub(super) fn refuse_others(message: &Message, options: &mut Options) {
    for value in message.options.all(code::IA_TA).filter_map(|value| value.first_chunk::<4>()) {
        let mut answer = value.to_vec();
        Options::default()
            .push(code::STATUS_CODE, &status(NO_ADDRESSES, "no temporary addresses"))
            .encode(&mut answer);
        options.push(code::IA_TA, &answer);
    }
    for value in message.options.all(code::IA_PD).filter_map(|value| value.first_chunk::<4>()) {
        let mut answer = [&value[..], &[0; 8]].concat();
        Options::default()
            .push(code::STATUS_CODE, &status(NO_PREFIX, "no prefixes are given here"))
            .encode(&mut answer);
        options.push(code::IA_PD, &answer);
    }
}

/// What is asked for and what is to be booted.
pub(super) fn write_parameters(message: &Message, client: &Client<'_>, terms: &Terms, options: &mut Options) {
    let asked = message.options.get(code::OPTION_REQUEST).unwrap_or_default().as_chunks::<2>().0;
    let asked = |code: u16| asked.iter().any(|bytes| u16::from_be_bytes(*bytes) == code);
    for (code, value) in terms.options.iter().filter(|(code, _)| asked(*code)) {
        options.push(code, value);
    }
    let Some(boot) = terms.boot.as_ref().filter(|_| asked(code::BOOTFILE_URL)) else { return };
    if client.program == Program::Http {
        // Without it HTTP boot takes the URL for that of another client (UEFI 2.10, section 24.7).
        let class = [&INTEL.to_be_bytes()[..], &10_u16.to_be_bytes(), b"HTTPClient"].concat();
        options.push(code::VENDOR_CLASS, &class);
    }
    options.push(code::BOOTFILE_URL, boot.url.as_bytes());
    if !boot.parameters.is_empty() {
        let mut value = Vec::new();
        for parameter in &boot.parameters {
            let length = parameter.len().min(usize::from(u16::MAX));
            value.extend_from_slice(&(length as u16).to_be_bytes());
            value.extend_from_slice(&parameter.as_bytes()[..length]);
        }
        options.push(code::BOOTFILE_PARAMETERS, &value);
    }
}
