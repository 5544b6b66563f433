//! Reading the spec of a `Host`.

use super::check::health;
use super::connector::{connector, shape};
use super::fault::Faults;
use super::fields::{Fields, Shape};
use super::host_boot;
use super::settings;
use super::tree::Node;
use crate::{ConnectorType, EnableBy, HostSpec, MacAddress, Name};

pub(super) const HOST: Shape = Shape {
    what: "the spec of a Host",
    fields: &["cluster", "macs", "credentials", "connectors", "boot", "health", "settings"],
    planned: &[],
};

/// Connectors of one host.
const MOST_CONNECTORS: usize = 16;

/// Network interfaces of one host.
const MOST_MACS: usize = 64;

/// Credentials that are tried on one host: a controller that counts failures locks the account long before.
const MOST_CREDENTIALS: usize = 8;

pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<HostSpec> {
    let fields = Fields::of(node, &HOST, faults)?;
    let cluster = fields.optional("cluster", faults, |node, faults| node.name("cluster", faults));
    let macs = fields.optional("macs", faults, |node, faults| {
        node.some_list("macs", MOST_MACS, faults, |item, faults| {
            let text = item.some_text("macs", faults)?;
            let mac = text.parse::<MacAddress>();
            let mac = mac.map_err(|error| faults.add(item.place, error.to_string(), None)).ok()?;
            if !mac.may_be_of_machine() {
                let hint =
                    "name those of the machine's interfaces: `ironhand hosts --free` lists what has booted";
                let message = format!("{mac} is no address that an interface has for itself");
                faults.add(item.place, message, Some(hint.to_owned()));
                return None;
            }
            Some(mac)
        })
    });
    let credentials = fields.optional("credentials", faults, credentials);
    let boot = fields.optional("boot", faults, |node, faults| {
        let macs = macs.as_ref().map(|macs| macs.as_deref().unwrap_or_default());
        host_boot::read(node, macs, faults).map(Box::new)
    });
    let health = fields.optional("health", faults, health);
    let settings = fields.optional("settings", faults, settings::of_host);
    let connectors = fields.require("connectors", faults).and_then(|node| {
        node.some_list("connectors", MOST_CONNECTORS, faults, |item, faults| {
            Some((item.place, connector(item, faults)?))
        })
    });
    let credentials = credentials?.unwrap_or_default();
    let connectors = connectors?;
    let switches = connectors.iter().any(|(_, connector)| connector.kind() == ConnectorType::Redfish);
    let mut read = Vec::new();
    for (place, connector) in connectors {
        if connector.enabled_by() == Some(EnableBy::Redfish) {
            if !switches {
                let hint = "add the `redfish` connector of the host's iDRAC".to_owned();
                faults.add(
                    place,
                    "`enableBy: redfish` needs a redfish connector in the same Host",
                    Some(hint),
                );
            }
            if connector.credentials.as_ref().is_none_or(Vec::is_empty) {
                let hint = "name a Credential for it alone in `credentials`".to_owned();
                let message = "`enableBy` needs the password that the VNC server is to be given".to_owned();
                faults.add(place, message, Some(hint));
            }
        }
        let nameless = credentials.is_empty() && connector.credentials.is_none();
        if nameless && connector.kind().needs_credentials() {
            let hint = "name a Credential in the spec's `credentials`".to_owned();
            let message = format!("{} needs credentials", shape(connector.kind()).what);
            faults.add(place, message, Some(hint));
        }
        if connector.kind() == ConnectorType::Wol && macs.as_ref().is_some_and(|macs| macs.is_none()) {
            let hint = "name the machine's hardware addresses in the spec's `macs`".to_owned();
            faults.add(place, "a wol connector needs a hardware address", Some(hint));
        }
        read.push(connector);
    }
    Some(HostSpec {
        cluster: cluster?,
        macs: macs?.unwrap_or_default(),
        credentials,
        connectors: read,
        boot: boot?,
        health: health?.unwrap_or_default(),
        settings: Box::new(settings?.unwrap_or_default()),
    })
}

pub(super) fn credentials(node: &Node, faults: &mut Faults) -> Option<Vec<Name>> {
    node.list("credentials", MOST_CREDENTIALS, faults, |item, faults| item.name("credentials", faults))
}
