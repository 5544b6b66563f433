//! Other DHCP servers on a network: a machine that does not exist asks for an address and for what to boot, and who answers
//! is told with what his answers mean for machines that boot.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use ironhand_dhcp::{BROADCAST, HardwareAddress, Message, MessageType, Op, code};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

/// When it is asked: the first may be lost while a switch port learns. Servers that look whether an address is in use
/// before they offer it answer after some seconds.
const ASKED_AT: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2)];

/// The ports of RFC 2131, section 4.1.
const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;

/// Other servers that are told of at most.
const MOST_SERVERS: usize = 32;

/// Another DHCP server, and what it offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignServer {
    /// How it calls itself (option 54).
    pub server: Ipv4Addr,
    /// The address that it offered; none where it gives boot options alone.
    pub offered: Option<Ipv4Addr>,
    /// The router that it names.
    pub router: Option<Ipv4Addr>,
    /// The boot file that it names, in the header or option 67.
    pub boot_file: Option<String>,
    /// Whether it says `PXEClient` (option 60) though it gives addresses.
    pub says_pxe: bool,
    /// Whether it tells iPXE to ask no other server (option 175, sub-option 176).
    pub silences_proxies: bool,
}

impl ForeignServer {
    /// What its answers mean for machines that boot from this server beside it, each with what to do.
    pub fn findings(&self) -> Vec<String> {
        let mut findings = Vec::new();
        let Self { server, .. } = self;
        if let Some(file) = self.boot_file.as_ref().filter(|_| self.offered.is_some()) {
            findings.push(format!(
                "{server} sends a boot file (`{file}`): iPXE will follow it and not this server. Take it out there: ISC dhcpd \
                 `filename` and `next-server`; Kea `boot-file-name`, `next-server` and option 67; dnsmasq `dhcp-boot`; Windows \
                 options 066 and 067"
            ));
        }
        if self.says_pxe && self.offered.is_some() {
            findings.push(format!(
                "{server} sends option 60 `PXEClient`: UEFI machines will ask it, and not this server, at port 4011. Take it out \
                 there: ISC dhcpd `option vendor-class-identifier`; Kea option `vendor-class-identifier`; dnsmasq \
                 `dhcp-option=60`; Windows option 060, which `netsh dhcp server delete optiondef 60` removes"
            ));
        }
        if self.silences_proxies {
            findings.push(format!(
                "{server} sends option 175 with sub-option 176: iPXE will ask no server but that one. Take it out there: ISC \
                 dhcpd `ipxe.no-pxedhcp`; Kea option 175; dnsmasq `dhcp-option=175`"
            ));
        }
        if self.offered.is_none() {
            findings.push(format!(
                "{server} gives no addresses, and tells machines what to boot (a proxy, as dnsmasq `dhcp-range=...,proxy`, WDS \
                 or FOG): machines follow whichever of the two answers first"
            ));
        }
        findings
    }
}

/// Looks for other servers on the network of an interface for as long as `wait`. Those that are called by one of `own` are
/// this machine's.
///
/// # Errors
///
/// Where the port of DHCP clients cannot be had: without privileges, or where a DHCP client of this machine keeps it to
/// itself.
pub async fn look_for_servers(
    interface: &str,
    own: &[Ipv4Addr],
    wait: Duration,
) -> io::Result<Vec<ForeignServer>> {
    let socket = client_socket(interface)?;
    let mut random = [0; 9];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    let [a, b, c, d, xid @ .., e] = random;
    // Locally administered, so that it is nobody's.
    let mac = [0x02, a, b, c, d, e];
    let xid = u32::from_be_bytes(xid);
    let mut packet = Vec::new();
    discover(xid, mac).encode(&mut packet);
    let begun = Instant::now();
    let mut found = BTreeMap::new();
    let mut buffer = vec![0; 2_048];
    for (round, asked_at) in ASKED_AT.into_iter().enumerate() {
        if asked_at > wait {
            break;
        }
        socket.send_to(&packet, SocketAddrV4::new(Ipv4Addr::BROADCAST, SERVER_PORT)).await?;
        let until = begun + ASKED_AT.get(round + 1).map_or(wait, |next| wait.min(*next));
        while let Ok(received) = timeout_at(until, socket.recv_from(&mut buffer)).await {
            let (length, _) = received?;
            let answer = buffer.get(..length).and_then(|bytes| Message::decode(bytes).ok());
            let offer = answer.filter(|answer| answer.xid == xid && answer.op == Op::Reply);
            if let Some(server) = offer.as_ref().and_then(read_offer)
                && !own.contains(&server.server)
                && (found.len() < MOST_SERVERS || found.contains_key(&server.server))
            {
                found.insert(server.server, server);
            }
        }
    }
    Ok(found.into_values().collect())
}

/// A socket at the port of clients, beside those of others, that sends and hears by one interface alone.
fn client_socket(interface: &str) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_broadcast(true)?;
    socket.set_nonblocking(true)?;
    socket.bind_device(Some(interface.as_bytes()))?;
    socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, CLIENT_PORT).into())?;
    UdpSocket::from_std(socket.into())
}

/// What UEFI firmware asks, so that servers also tell what they would have it boot.
fn discover(xid: u32, mac: [u8; 6]) -> Message {
    let mut message = Message {
        op: Op::Request,
        xid,
        flags: BROADCAST,
        chaddr: HardwareAddress::ethernet(mac),
        ..Message::default()
    };
    let wanted = [
        code::SUBNET_MASK,
        code::ROUTER,
        code::DOMAIN_NAME_SERVER,
        code::VENDOR_SPECIFIC,
        code::VENDOR_CLASS,
        code::TFTP_SERVER_NAME,
        code::BOOTFILE_NAME,
        code::ETHERBOOT,
    ];
    message
        .options
        .set(code::MESSAGE_TYPE, &[MessageType::Discover as u8])
        .set(code::PARAMETER_REQUEST_LIST, &wanted)
        .set_text(code::VENDOR_CLASS, "PXEClient:Arch:00007:UNDI:003000")
        .set_u16(code::CLIENT_SYSTEM_ARCHITECTURE, 7)
        .set(code::CLIENT_NETWORK_INTERFACE, &[1, 3, 0]);
    message
}

/// Who offers, and what.
fn read_offer(offer: &Message) -> Option<ForeignServer> {
    if offer.message_type() != Some(MessageType::Offer) {
        return None;
    }
    let options = &offer.options;
    let text = |bytes: &[u8]| {
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let text: String = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default())
            .chars()
            .filter(|c| !c.is_control())
            .collect();
        Some(text).filter(|text| !text.is_empty())
    };
    let silences = |value: &[u8]| {
        let mut rest = value;
        while let [sub, length, after @ ..] = rest {
            let Some((value, after)) = after.split_at_checked(usize::from(*length)) else { return false };
            if *sub == 0xb0 && value.iter().any(|byte| *byte != 0) {
                return true;
            }
            rest = after;
        }
        false
    };
    Some(ForeignServer {
        server: options.address(code::SERVER_IDENTIFIER)?,
        offered: Some(offer.yiaddr).filter(|address| !address.is_unspecified()),
        router: options.address(code::ROUTER),
        boot_file: text(offer.file_name()).or_else(|| options.get(code::BOOTFILE_NAME).and_then(text)),
        says_pxe: options.get(code::VENDOR_CLASS).is_some_and(|class| class.starts_with(b"PXEClient")),
        silences_proxies: options.get(code::ETHERBOOT).is_some_and(silences),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);

    fn offer(change: impl FnOnce(&mut Message)) -> ForeignServer {
        let mut message = discover(7, [2, 0, 0, 0, 0, 1]);
        message.op = Op::Reply;
        message.yiaddr = Ipv4Addr::new(10, 0, 0, 57);
        message.options.clear();
        message
            .options
            .set(code::MESSAGE_TYPE, &[MessageType::Offer as u8])
            .set_addresses(code::SERVER_IDENTIFIER, &[SERVER]);
        change(&mut message);
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        read_offer(&Message::decode(&bytes).unwrap()).unwrap()
    }

    #[test]
    fn what_a_foreign_server_says_is_told_with_what_to_do() {
        let check = |server: ForeignServer, wanted: &[&str]| {
            let findings = server.findings();
            assert_eq!(findings.len(), wanted.len(), "{findings:?}");
            for (finding, part) in findings.iter().zip(wanted) {
                assert!(finding.contains(part) && finding.contains("dnsmasq"), "{finding}");
            }
        };
        check(offer(|_| {}), &[]);
        check(
            offer(|message| {
                message.set_file_name(b"pxelinux.0");
            }),
            &["sends a boot file (`pxelinux.0`)"],
        );
        check(
            offer(|message| {
                message.options.set(code::BOOTFILE_NAME, b"a.efi\0");
            }),
            &["(`a.efi`)"],
        );
        check(
            offer(|message| {
                message.options.set_text(code::VENDOR_CLASS, "PXEClient");
            }),
            &["4011"],
        );
        check(
            offer(|message| {
                message.options.set(code::ETHERBOOT, &[0xb0, 1, 1]);
            }),
            &["iPXE will ask no server"],
        );
        check(
            offer(|message| {
                message.options.set(code::ETHERBOOT, &[0xb0, 9, 1]);
            }),
            &[],
        );
        let proxy = offer(|message| {
            message.yiaddr = Ipv4Addr::UNSPECIFIED;
            message.options.set_text(code::VENDOR_CLASS, "PXEClient");
        });
        check(proxy, &["gives no addresses"]);
    }
}
