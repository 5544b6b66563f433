//! Machines that nobody described: they announced themselves by booting over the network.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{MacAddress, Name, Timestamp};

/// A machine that booted over the network and is no host. It is free: it may become one.
///
/// All that is known of it is what it said of itself, so nothing is proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// The hardware address that it booted from, which is its name.
    pub mac: MacAddress,
    /// Its other hardware addresses, as far as it told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_macs: Vec<MacAddress>,
    /// The UUID of its firmware, in the byte order in which SMBIOS prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Its serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Its maker; else that of the network interface, as far as its hardware address tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// Its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Its asset tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<String>,
    /// What the firmware says it is, like `UEFI x64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The network on which it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Name>,
    /// The address from which it was heard last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// What it was told to do, in words: wait, power off, boot from its disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// How many boots were seen.
    pub boots: u32,
}

impl Machine {
    /// A machine of which nothing but its address is known.
    pub const fn new(mac: MacAddress, at: Timestamp) -> Self {
        Self {
            mac,
            other_macs: Vec::new(),
            uuid: None,
            serial: None,
            manufacturer: None,
            product: None,
            asset: None,
            architecture: None,
            network: None,
            address: None,
            told: None,
            first_seen: at,
            last_seen: at,
            boots: 0,
        }
    }

    /// Takes over what `newer` says, and keeps what it does not say.
    pub fn learn(&mut self, newer: Self) {
        let Self { mac: _, other_macs, uuid, serial, manufacturer, product, asset, .. } = newer;
        for mac in other_macs {
            if mac != self.mac && !self.other_macs.contains(&mac) {
                self.other_macs.push(mac);
            }
        }
        fn keep<T>(kept: &mut Option<T>, said: Option<T>) {
            if said.is_some() {
                *kept = said;
            }
        }
        keep(&mut self.uuid, uuid);
        keep(&mut self.serial, serial);
        keep(&mut self.manufacturer, manufacturer);
        keep(&mut self.product, product);
        keep(&mut self.asset, asset);
        keep(&mut self.architecture, newer.architecture);
        keep(&mut self.network, newer.network);
        keep(&mut self.address, newer.address);
        keep(&mut self.told, newer.told);
        self.first_seen = self.first_seen.min(newer.first_seen);
        self.last_seen = self.last_seen.max(newer.last_seen);
        self.boots = self.boots.saturating_add(newer.boots);
    }
}

/// What was done to wake a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WakeReport {
    /// The host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Name>,
    /// The machine that is no host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<MacAddress>,
    /// What was done, and what was seen of it.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_again_is_kept() {
        let mac = MacAddress([2, 0, 0, 0, 0, 1]);
        let at = Timestamp::from_millis;
        let mut known = Machine { serial: Some("A1".into()), boots: 1, ..Machine::new(mac, at(10)) };
        let other = MacAddress([2, 0, 0, 0, 0, 2]);
        let newer = Machine {
            product: Some("R640".into()),
            other_macs: vec![other, mac],
            boots: 1,
            ..Machine::new(mac, at(20))
        };
        known.learn(newer);
        let wanted = Machine {
            serial: Some("A1".into()),
            product: Some("R640".into()),
            other_macs: vec![other],
            boots: 2,
            last_seen: at(20),
            ..Machine::new(mac, at(10))
        };
        assert_eq!(known, wanted);
    }
}
