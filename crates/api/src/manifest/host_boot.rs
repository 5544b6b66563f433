//! Reading `boot` of a `Host`.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::fault::Faults;
use super::fields::{Fields, Shape};
use super::network::parsed;
use super::profile::LOADERS;
use super::tree::Node;
use crate::{HostBoot, Ipv6Subnet, LocalBoot, MacAddress, MachineUuid, NicDriver};

pub(super) const BOOT: Shape = Shape {
    what: "`boot` of a Host",
    fields: &["address", "address6", "uuid", "serial", "nic", "localBoot", "loader", "nicDriver"],
    planned: &[],
};

const LOCAL_BOOTS: &[(&str, LocalBoot)] = &[
    ("usual", LocalBoot::Usual),
    ("exit", LocalBoot::Exit),
    ("drive", LocalBoot::Drive),
    ("noOffer", LocalBoot::NoOffer),
];

const DRIVERS: &[(&str, NicDriver)] = &[("firmware", NicDriver::Firmware), ("ipxe", NicDriver::Ipxe)];

/// The longest serial number, in bytes: a string of SMBIOS.
const LONGEST_SERIAL: usize = 255;

/// Reads `boot`, given the hardware addresses of the host where these could be read.
pub(super) fn read(node: &Node, macs: Option<&[MacAddress]>, faults: &mut Faults) -> Option<HostBoot> {
    let fields = Fields::of(node, &BOOT, faults)?;
    let address = fields.optional("address", faults, |node, faults| {
        let address: Ipv4Addr = parsed(node, "address", faults)?;
        // 0.0.0.0/8, 127.0.0.0/8, and groups and what is reserved above them (RFC 6890, section 2.2.2; RFC 5771).
        if matches!(address.octets()[0], 0 | 127 | 224..) {
            let hint = "name one in the subnet of a Network".to_owned();
            let message = format!("{address} is no address that a machine has for itself");
            faults.add(node.place, message, Some(hint));
            return None;
        }
        Some(address)
    });
    let address6 = fields.optional("address6", faults, |node, faults| {
        let address: Ipv6Addr = parsed(node, "address6", faults)?;
        if !Ipv6Subnet::containing(address).may_have_machines() {
            let hint = "name one of 2000::/3, or of fc00::/7".to_owned();
            faults.add(
                node.place,
                format!("{address} is no address that a machine has for itself"),
                Some(hint),
            );
            return None;
        }
        if address == Ipv6Subnet::containing(address).network() {
            let hint = "another one of the same subnet, such as the next".to_owned();
            let message = format!("{address} is an address that all routers of its subnet have");
            faults.add(node.place, message, Some(hint));
            return None;
        }
        Some(address)
    });
    let uuid = fields.optional("uuid", faults, |node, faults| {
        let uuid: MachineUuid = parsed(node, "uuid", faults)?;
        if uuid.is_dummy() {
            let hint = "leave it out: many boards have it whose maker gave them none".to_owned();
            faults.add(node.place, format!("the UUID {uuid} does not tell machines apart"), Some(hint));
            return None;
        }
        Some(uuid)
    });
    let serial = fields.optional("serial", faults, |node, faults| {
        let text = node.plain("serial", faults)?;
        if text.is_empty() || text.len() > LONGEST_SERIAL || text.contains(char::is_control) {
            node.fault(format!("`serial` must be 1 to {LONGEST_SERIAL} printable characters"), faults);
            return None;
        }
        Some(text.to_owned())
    });
    let nic = fields.optional("nic", faults, |node, faults| {
        let nic: MacAddress = parsed(node, "nic", faults)?;
        if macs.is_some_and(|macs| !macs.contains(&nic)) {
            let hint = "name all interfaces that may boot in `macs`".to_owned();
            faults.add(node.place, format!("`nic` {nic} is not one of the host's `macs`"), Some(hint));
            return None;
        }
        Some(nic)
    });
    let local_boot = fields.optional("localBoot", faults, |node, faults| {
        node.word("localBoot", "a way to boot from the disk", LOCAL_BOOTS, &[], faults)
    });
    let loader = fields
        .optional("loader", faults, |node, faults| node.word("loader", "a loader", LOADERS, &[], faults));
    let nic_driver = fields.optional("nicDriver", faults, |node, faults| {
        node.word("nicDriver", "a driver of a network interface", DRIVERS, &[], faults)
    });
    Some(HostBoot {
        address: address?,
        address6: address6?,
        uuid: uuid?,
        serial: serial?,
        nic: nic?,
        local_boot: local_boot?.unwrap_or_default(),
        loader: loader?,
        nic_driver: nic_driver?.unwrap_or_default(),
    })
}
