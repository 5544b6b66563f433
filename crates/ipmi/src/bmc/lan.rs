//! The BMC's network settings (IPMI 2.0 chapter 23). They are kept and told; the address at which it really is belongs to
//! whoever has its socket.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::bmc::commands::{Answer, Handler, handler};
use crate::bmc::{BadPasswordThreshold, Bmc};
use crate::completion::CompletionCode;
use crate::lan::{AddressSource, GetLanParameter, Parameter, SetLanParameter};
use crate::privilege::PrivilegeLevel;
use crate::suite::CipherSuite;

pub(super) const HANDLERS: &[Handler] = &[
    handler::<SetLanParameter>(|bmc, _, data| set(bmc, data)),
    handler::<GetLanParameter>(|bmc, _, data| get(bmc, data)),
];

/// Alert destinations behind the volatile one.
const DESTINATIONS: u8 = 4;

/// Revision 1.1 of the parameters.
const REVISION: u8 = 0x11;

/// What the BMC says of its network before anybody changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LanSettings {
    /// Its IPv4 address.
    pub address: Ipv4Addr,
    /// Its subnet mask.
    pub mask: Ipv4Addr,
    /// Its default gateway.
    pub gateway: Ipv4Addr,
    /// Its hardware address.
    pub mac: [u8; 6],
    /// Where its address is from.
    pub source: AddressSource,
}

impl Default for LanSettings {
    /// An address of the block for documentation (RFC 5737), set by hand.
    fn default() -> Self {
        Self {
            address: Ipv4Addr::new(192, 0, 2, 10),
            mask: Ipv4Addr::new(255, 255, 255, 0),
            gateway: Ipv4Addr::new(192, 0, 2, 1),
            // Locally administered.
            mac: [0x02, 0x00, 0x00, 0x00, 0x02, 0x0A],
            source: AddressSource::Static,
        }
    }
}

/// The settings that consoles have changed. There are as many as parameters and sets exist, and no more.
#[derive(Debug, Default)]
pub(super) struct Lan {
    changed: BTreeMap<(u8, u8), Box<[u8]>>,
    in_progress: bool,
}

fn set(bmc: &mut Bmc, data: &[u8]) -> Answer {
    let SetLanParameter { channel, parameter, data } = SetLanParameter::decode_request(data)?;
    Bmc::check_channel(channel)?;
    if parameter == Parameter::SET_IN_PROGRESS {
        return set_in_progress(&mut bmc.lan, &data);
    }
    let (length, has_sets) = parameter.layout().ok_or(CompletionCode::PARAMETER_UNSUPPORTED)?;
    if parameter.is_read_only() {
        return Err(CompletionCode::READ_ONLY);
    }
    if data.len() != length {
        return Err(CompletionCode::REQUEST_LENGTH_INVALID);
    }
    let set = if has_sets { data[0] } else { 0 };
    if set > last_set(parameter) {
        return Err(CompletionCode::PARAMETER_OUT_OF_RANGE);
    }
    if parameter == Parameter::BAD_PASSWORD_THRESHOLD {
        bmc.config.bad_password_threshold = threshold(&data);
        return Ok(Vec::new());
    }
    bmc.lan.changed.insert((parameter.0, set), data.into_boxed_slice());
    Ok(Vec::new())
}

fn set_in_progress(lan: &mut Lan, data: &[u8]) -> Answer {
    match *data {
        [1] if lan.in_progress => return Err(CompletionCode::SET_IN_PROGRESS),
        [state @ (0 | 1)] => lan.in_progress = state == 1,
        // "Commit write": nothing was held back, so it is the same as "set complete".
        [2] => lan.in_progress = false,
        [_] => return Err(CompletionCode::INVALID_FIELD),
        _ => return Err(CompletionCode::REQUEST_LENGTH_INVALID),
    }
    Ok(Vec::new())
}

fn get(bmc: &mut Bmc, data: &[u8]) -> Answer {
    let &[channel, parameter, set, _block] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    Bmc::check_channel(channel)?;
    if channel & 0x80 != 0 {
        return Ok(vec![REVISION]);
    }
    let parameter = Parameter(parameter);
    let (length, has_sets) = parameter.layout().ok_or(CompletionCode::PARAMETER_UNSUPPORTED)?;
    let set = if has_sets { set } else { 0 };
    if set > last_set(parameter) {
        return Err(CompletionCode::PARAMETER_OUT_OF_RANGE);
    }
    let mut value = match bmc.lan.changed.get(&(parameter.0, set)) {
        Some(changed) => changed.to_vec(),
        None => original(bmc, parameter, set),
    };
    value.resize(length, 0);
    value.insert(0, REVISION);
    Ok(value)
}

/// The highest set selector of a parameter.
fn last_set(parameter: Parameter) -> u8 {
    match parameter {
        Parameter::DESTINATION_TYPE | Parameter::DESTINATION_ADDRESS | Parameter::DESTINATION_VLAN => {
            DESTINATIONS
        }
        _ => 0,
    }
}

/// A parameter that nobody has changed; zeroes are added up to its length.
fn original(bmc: &Bmc, parameter: Parameter, set: u8) -> Vec<u8> {
    let LanSettings { address, mask, gateway, mac, source } = bmc.config.lan;
    match parameter {
        Parameter::SET_IN_PROGRESS => vec![u8::from(bmc.lan.in_progress)],
        Parameter::AUTHENTICATION_SUPPORT => vec![types(bmc)],
        // The same for every privilege level.
        Parameter::AUTHENTICATION_ENABLES => vec![types(bmc); 5],
        Parameter::ADDRESS => address.octets().to_vec(),
        Parameter::MASK => mask.octets().to_vec(),
        Parameter::GATEWAY => gateway.octets().to_vec(),
        Parameter::MAC => mac.to_vec(),
        Parameter::ADDRESS_SOURCE => vec![source.number()],
        // Time to live 64; do not fragment; no precedence, minimise delay.
        Parameter::IPV4_HEADER => vec![0x40, 0x40, 0x10],
        Parameter::PRIMARY_PORT => bmc.config.sol.port.to_le_bytes().to_vec(),
        Parameter::SECONDARY_PORT => 664u16.to_le_bytes().to_vec(),
        // It answers ARP requests.
        Parameter::ARP_CONTROL => vec![0x02],
        Parameter::COMMUNITY => b"public".to_vec(),
        Parameter::DESTINATION_COUNT => vec![DESTINATIONS],
        Parameter::DESTINATION_TYPE | Parameter::DESTINATION_ADDRESS | Parameter::DESTINATION_VLAN => {
            vec![set]
        }
        Parameter::SUITE_COUNT => vec![bmc.config.suites.len().min(16) as u8],
        Parameter::SUITES => std::iter::once(0).chain(suites(bmc).map(CipherSuite::id)).collect(),
        Parameter::SUITE_PRIVILEGES => {
            let administrator = PrivilegeLevel::Administrator.number();
            let mut levels = vec![0; 9];
            for (index, _) in suites(bmc).enumerate() {
                levels[1 + index / 2] |= administrator << (index % 2 * 4);
            }
            levels
        }
        Parameter::BAD_PASSWORD_THRESHOLD => {
            bmc.config.bad_password_threshold.as_ref().map(threshold_bytes).unwrap_or_default()
        }
        // IPv4 and IPv6 at once; one static and one learned address.
        Parameter::IPV6_SUPPORT => vec![0x02],
        Parameter::IPV6_STATUS => vec![1, 1, 0],
        Parameter::IPV6_HOP_LIMIT => vec![64],
        Parameter::IPV6_DYNAMIC_ADDRESS => link_local(mac),
        _ => Vec::new(),
    }
}

/// The authentication types of IPMI 1.5 that it accepts, as bits.
fn types(bmc: &Bmc) -> u8 {
    bmc.config.ipmi15.types().iter().fold(0, |bits, kind| bits | 1 << kind.number())
}

fn suites(bmc: &Bmc) -> impl Iterator<Item = CipherSuite> {
    bmc.config.suites.iter().copied().take(16)
}

/// The address that an interface gives itself: set selector, learned without DHCP, FE80 and the modified hardware
/// address (RFC 4291 appendix A), 64 bits of prefix, in use.
fn link_local([m0, m1, m2, m3, m4, m5]: [u8; 6]) -> Vec<u8> {
    let mut value = vec![0, 0, 0xFE, 0x80];
    value.extend_from_slice(&[0; 6]);
    value.extend_from_slice(&[m0 ^ 0x02, m1, m2, 0xFF, 0xFE, m3, m4, m5, 64, 0]);
    value
}

/// The unit of parameter 26's two times.
const TENS_OF_SECONDS: u64 = 10;

/// Parameter 26's data as a rule; a threshold of 0 locks nobody out.
fn threshold(data: &[u8]) -> Option<BadPasswordThreshold> {
    let &[_, threshold, r0, r1, l0, l1] = data else { return None };
    let span = |bytes| Duration::from_secs(u64::from(u16::from_le_bytes(bytes)) * TENS_OF_SECONDS);
    (threshold != 0).then(|| BadPasswordThreshold {
        threshold,
        reset_interval: span([r0, r1]),
        lockout_interval: span([l0, l1]),
    })
}

fn threshold_bytes(rule: &BadPasswordThreshold) -> Vec<u8> {
    let tens =
        |span: Duration| u16::try_from(span.as_secs() / TENS_OF_SECONDS).unwrap_or(u16::MAX).to_le_bytes();
    let ([r0, r1], [l0, l1]) = (tens(rule.reset_interval), tens(rule.lockout_interval));
    vec![0, rule.threshold, r0, r1, l0, l1]
}

impl Bmc {
    /// Whether `suite` may be used, and up to which privilege level, by parameter 24.
    pub(super) fn suite_limit(&self, suite: CipherSuite) -> Option<PrivilegeLevel> {
        let Some(levels) = self.lan.changed.get(&(Parameter::SUITE_PRIVILEGES.0, 0)) else {
            return Some(PrivilegeLevel::Administrator);
        };
        let index = suites(self).position(|accepted| accepted == suite)?;
        let pair = levels.get(1 + index / 2)?;
        match pair >> (index % 2 * 4) & 0xF {
            // A manufacturer's own level is above all others.
            5 => Some(PrivilegeLevel::Administrator),
            number => PrivilegeLevel::from_number(number),
        }
    }
}
