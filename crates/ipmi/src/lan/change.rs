//! Changing network settings.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::command::AuthenticationTypes;
use crate::lan::command::MoveLan;
use crate::lan::{AddressSource, ArpControl, GetLanParameter, Parameter, SetLanParameter};
use crate::procedure::chain::{Chain, ask, attempt, each, end};
use crate::procedure::{Procedure, ProcedureError};
use crate::user::Limit;

/// A new value for a network setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LanChange {
    /// Where the IPv4 address is from.
    Source(AddressSource),
    /// The IPv4 address.
    Address(Ipv4Addr),
    /// The subnet mask.
    Mask(Ipv4Addr),
    /// The default gateway.
    Gateway(Ipv4Addr),
    /// The default gateway's hardware address.
    GatewayMac([u8; 6]),
    /// The gateway in its stead.
    BackupGateway(Ipv4Addr),
    /// The backup gateway's hardware address.
    BackupGatewayMac([u8; 6]),
    /// The VLAN to be in, 1 to 4094; `None` for none.
    Vlan(Option<u16>),
    /// The priority in VLAN tags: 0 to 7.
    VlanPriority(u8),
    /// The community of SNMP traps: up to 18 bytes; what is longer is cut.
    Community(String),
    /// The highest privilege level of each of the BMC's suites, in its own order; see
    /// [`LanConfiguration::suites`](crate::lan::LanConfiguration::suites). Suites behind the last one stay unusable.
    SuitePrivileges(Vec<Limit>),
    /// Authentication types of IPMI 1.5 for each level: callback, user, operator, administrator, OEM.
    AuthenticationEnables([AuthenticationTypes; 5]),
    /// What it does so that others find it.
    Arp(ArpControl),
    /// The time between gratuitous ARPs, in half seconds.
    ArpInterval(u8),
    /// IPv4 alone (0), IPv6 alone (1), both (2).
    Ipv6Enables(u8),
    /// A static IPv6 address.
    Ipv6Static {
        /// Its number, from 0.
        number: u8,
        /// Whether it is in use.
        enabled: bool,
        /// The address.
        address: Ipv6Addr,
        /// How many leading bits name the network.
        prefix_length: u8,
    },
}

impl LanChange {
    /// Whether the BMC may no longer be reached where it was.
    pub fn moves_bmc(&self) -> bool {
        matches!(
            self,
            Self::Source(_)
                | Self::Address(_)
                | Self::Mask(_)
                | Self::Gateway(_)
                | Self::Vlan(_)
                | Self::Ipv6Enables(_)
        )
    }

    /// The order in which those are written that move the BMC: the source first, as some refuse an address while DHCP
    /// rules, and the address last.
    fn turn(&self) -> u8 {
        match self {
            Self::Source(_) => 0,
            Self::Mask(_) | Self::Gateway(_) => 1,
            Self::Ipv6Enables(_) => 2,
            Self::Vlan(_) => 3,
            Self::Address(_) => 4,
            _ => 1,
        }
    }

    fn parameter(&self) -> (Parameter, u8) {
        let parameter = match self {
            Self::Source(_) => Parameter::ADDRESS_SOURCE,
            Self::Address(_) => Parameter::ADDRESS,
            Self::Mask(_) => Parameter::MASK,
            Self::Gateway(_) => Parameter::GATEWAY,
            Self::GatewayMac(_) => Parameter::GATEWAY_MAC,
            Self::BackupGateway(_) => Parameter::BACKUP_GATEWAY,
            Self::BackupGatewayMac(_) => Parameter::BACKUP_GATEWAY_MAC,
            Self::Vlan(_) => Parameter::VLAN,
            Self::VlanPriority(_) => Parameter::VLAN_PRIORITY,
            Self::Community(_) => Parameter::COMMUNITY,
            Self::SuitePrivileges(_) => Parameter::SUITE_PRIVILEGES,
            Self::AuthenticationEnables(_) => Parameter::AUTHENTICATION_ENABLES,
            Self::Arp(_) => Parameter::ARP_CONTROL,
            Self::ArpInterval(_) => Parameter::ARP_INTERVAL,
            Self::Ipv6Enables(_) => Parameter::IPV6_ENABLES,
            Self::Ipv6Static { number, .. } => return (Parameter::IPV6_STATIC_ADDRESS, *number),
        };
        (parameter, 0)
    }

    fn data(&self) -> Vec<u8> {
        match self {
            Self::Source(source) => vec![source.number()],
            Self::Address(address)
            | Self::Mask(address)
            | Self::Gateway(address)
            | Self::BackupGateway(address) => address.octets().to_vec(),
            Self::GatewayMac(mac) | Self::BackupGatewayMac(mac) => mac.to_vec(),
            Self::Vlan(vlan) => vlan.map_or(0, |id| 0x8000 | id & 0xFFF).to_le_bytes().to_vec(),
            Self::VlanPriority(priority) => vec![priority & 7],
            Self::Community(text) => {
                let mut field: Vec<u8> = text.bytes().take(18).collect();
                field.resize(18, 0);
                field
            }
            Self::SuitePrivileges(limits) => {
                let mut data = vec![0; 9];
                for (index, limit) in limits.iter().take(16).enumerate() {
                    data[1 + index / 2] |= limit.number() << (index % 2 * 4);
                }
                data
            }
            Self::AuthenticationEnables(levels) => levels
                .iter()
                .map(|types| types.iter().fold(0, |bits, kind| bits | 1 << kind.number()))
                .collect(),
            Self::Arp(arp) => vec![u8::from(arp.responses) << 1 | u8::from(arp.gratuitous)],
            Self::ArpInterval(interval) => vec![*interval],
            Self::Ipv6Enables(enables) => vec![*enables],
            Self::Ipv6Static { number, enabled, address, prefix_length } => {
                let mut data = vec![*number, u8::from(*enabled) << 7];
                data.extend_from_slice(&address.octets());
                data.extend_from_slice(&[*prefix_length, 0]);
                data
            }
        }
    }

    fn command(&self, channel: u8) -> SetLanParameter {
        SetLanParameter { channel, parameter: self.parameter().0, data: self.data() }
    }
}

/// Changes settings of the LAN at `channel`, in the given order, and reads each back.
///
/// [`ProcedureError::NotKept`] where the BMC shows another value. It is told of the beginning and the end by "set in
/// progress", if it has that.
pub fn set(channel: u8, changes: Vec<LanChange>) -> impl Procedure<Output = ()> + Send {
    let doing = "change the LAN configuration";
    progress(channel, 1).then(move |()| {
        each(changes, move |change| {
            let written = change.data();
            let (parameter, set) = change.parameter();
            ask(doing, &change.command(channel)).then(move |()| {
                let read = GetLanParameter { channel, parameter, set };
                attempt("read the LAN configuration", &read).then(move |read| {
                    // A value that cannot be read was accepted all the same. An IPv6 address's status is the BMC's own.
                    let compared = written.len() - usize::from(parameter == Parameter::IPV6_STATIC_ADDRESS);
                    let kept = read.map_or(true, |read| read.get(..compared) == Some(&written[..compared]));
                    end(if kept { Ok(()) } else { Err(ProcedureError::NotKept { doing }) })
                })
            })
        })
        .caught()
        .then(move |outcome| progress(channel, 0).then(move |()| end(outcome.map(drop))))
    })
}

/// Sets those settings of the LAN at `channel` that may move the BMC away: the source first, the address last.
///
/// The BMC's last answer may never come. Whoever runs this takes silence behind the first command for success, and looks
/// for the BMC at its new place.
pub fn move_to(channel: u8, mut changes: Vec<LanChange>) -> impl Procedure<Output = ()> + Send {
    changes.sort_by_key(LanChange::turn);
    each(changes, move |change| ask("change the BMC's address", &MoveLan(change.command(channel)))).map(drop)
}

/// Set in progress (1), set complete (0). Not every BMC has it, and none needs it.
fn progress(channel: u8, state: u8) -> impl Procedure<Output = ()> + Send {
    let parameter = Parameter::SET_IN_PROGRESS;
    attempt("mark the configuration as being set", &SetLanParameter { channel, parameter, data: vec![state] })
        .map(drop)
}
