//! Wake-on-LAN: a packet that a network interface takes for a power button.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::BoxFuture;
use ironhand_api::{Connector, MacAddress, PowerAction, WolOptions};
use nix::sys::socket::{setsockopt, sockopt};
use secrecy::ExposeSecret;
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::sleep;
use zeroize::Zeroizing;

use crate::{Device, Error, Login};

/// How often each packet is sent: nothing tells whether it arrived.
const TIMES: u32 = 3;

/// Between two of them.
const GAP: Duration = Duration::from_millis(100);

/// The length of a packet without a password: six bytes and sixteen addresses.
const PACKET: usize = 6 + 16 * 6;

/// Wakes one machine.
pub struct WakeOnLan {
    addresses: Vec<String>,
    port: u16,
    interface: Option<String>,
    /// One for each of the machine's interfaces; they may hold the SecureOn password.
    packets: Vec<Zeroizing<Vec<u8>>>,
}

impl WakeOnLan {
    /// For the machine with these hardware addresses. The password of a login is the one of SecureOn.
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`] where the machine has no address, or the password is no six bytes.
    pub fn new(
        connector: &Connector,
        options: &WolOptions,
        macs: &[MacAddress],
        login: Option<&Login>,
    ) -> Result<Self, Error> {
        let misconfigured = |reason: &str| Error::Misconfigured { reason: reason.to_owned() };
        if macs.is_empty() {
            return Err(misconfigured("the host names no hardware address; write them into its `macs`"));
        }
        let secure_on = login.map(|login| login.password.expose_secret().parse::<MacAddress>());
        let secure_on = secure_on.transpose().map_err(|_| {
            misconfigured("the password for SecureOn must be six bytes, written like 52:54:00:12:34:56")
        })?;
        let packets = macs.iter().map(|mac| packet(*mac, secure_on)).collect();
        let addresses =
            std::iter::once(&connector.address).chain(&connector.backup_addresses).cloned().collect();
        Ok(Self {
            addresses,
            port: connector.effective_port(),
            interface: options.interface.clone(),
            packets,
        })
    }

    async fn wake(&self) -> Result<(), Error> {
        for round in 0..TIMES {
            if round > 0 {
                sleep(GAP).await;
            }
            for address in &self.addresses {
                self.send(address).await?;
            }
        }
        Ok(())
    }

    async fn send(&self, address: &str) -> Result<(), Error> {
        let unreachable = |error: std::io::Error| Error::Unreachable {
            address: address.to_owned(),
            reason: error.to_string(),
        };
        let target = lookup_host((address, self.port)).await.map_err(unreachable)?.next();
        let target = target.ok_or_else(|| unreachable(std::io::Error::other("its name leads nowhere")))?;
        let any: IpAddr = match target {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).await.map_err(unreachable)?;
        socket.set_broadcast(true).map_err(unreachable)?;
        if let Some(interface) = &self.interface {
            setsockopt(&socket, sockopt::BindToDevice, &interface.into()).map_err(|error| {
                Error::Misconfigured { reason: format!("cannot send from interface {interface}: {error}") }
            })?;
        }
        for packet in &self.packets {
            socket.send_to(packet, target).await.map_err(unreachable)?;
        }
        Ok(())
    }
}

/// What an interface with an address wakes by.
fn packet(mac: MacAddress, secure_on: Option<MacAddress>) -> Zeroizing<Vec<u8>> {
    let mut packet = Zeroizing::new(Vec::with_capacity(PACKET + 6));
    packet.extend_from_slice(&[0xff; 6]);
    for _ in 0..16 {
        packet.extend_from_slice(&mac.0);
    }
    packet.extend(secure_on.iter().flat_map(|password| password.0));
    packet
}

impl Device for WakeOnLan {
    fn power(&mut self, action: PowerAction) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            match action {
                PowerAction::On => self.wake().await,
                other => Err(Error::Unsupported {
                    what: format!("do `{}`: it only wakes machines", other.as_str()),
                }),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use ironhand_api::Way;

    use super::*;

    const MACS: [MacAddress; 2] =
        [MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0x56]), MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0x57])];

    fn device(port: u16, interface: Option<&str>, password: Option<&str>) -> Result<WakeOnLan, Error> {
        let options = WolOptions { interface: interface.map(str::to_owned) };
        let mut connector = Connector::new(Way::Wol(options.clone()), "127.0.0.1");
        connector.port = Some(port);
        let login = password.map(|password| Login { username: String::new(), password: password.into() });
        WakeOnLan::new(&connector, &options, &MACS, login.as_ref())
    }

    /// Checks what arrives, `length` bytes each, and how often.
    async fn check(interface: Option<&str>, password: Option<&str>, length: usize) {
        let receiver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut device = device(receiver.local_addr().unwrap().port(), interface, password).unwrap();
        assert_eq!(device.power(PowerAction::On).await, Ok(()));
        for _ in 0..TIMES {
            for mac in MACS {
                let mut got = [0; 200];
                let read = receiver.recv(&mut got).await.unwrap();
                assert_eq!(read, length);
                assert_eq!(got[..6], [0xff; 6]);
                assert!(got[6..PACKET].chunks(6).all(|part| part == mac.0));
                assert!(length == PACKET || got[PACKET..length] == [1, 2, 3, 4, 5, 0xf6]);
            }
        }
    }

    #[tokio::test]
    async fn a_machine_is_woken_by_its_addresses_three_times() {
        check(None, None, 102).await;
        check(Some("lo"), None, 102).await;
        check(None, Some("01:02:03:04:05:f6"), 108).await;
    }

    #[tokio::test]
    async fn what_cannot_be_sent_is_told() {
        let wrong = device(9, None, Some("hunter2 hunter2")).map(|_| ()).unwrap_err().to_string();
        assert!(wrong.contains("six bytes") && !wrong.contains("hunter2"), "{wrong}");
        let nowhere = device(9, Some("no-such-if"), None).unwrap().power(PowerAction::On).await.unwrap_err();
        assert_eq!(nowhere.code(), "connector.misconfigured", "{nowhere}");
        let off = device(9, None, None).unwrap().power(PowerAction::Off).await.unwrap_err();
        assert_eq!(off.to_string(), "it cannot do `off`: it only wakes machines");
    }
}
