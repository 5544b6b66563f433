//! Reading the spec of a `Host`.

use std::net::IpAddr;

use super::fault::Faults;
use super::fields::{Fields, Shape};
use super::settings;
use super::tree::Node;
use crate::{Connector, ConnectorType, HostSpec, Name};

pub(super) const HOST: Shape = Shape {
    what: "the spec of a Host",
    fields: &["cluster", "credentials", "connectors", "settings"],
    planned: &["macs", "health"],
};

pub(super) const CONNECTOR: Shape = Shape {
    what: "a connector",
    fields: &["type", "address", "port", "cipherSuites", "credentials"],
    planned: &["tls", "outlets"],
};

const TYPES: &[(&str, ConnectorType)] =
    &[(ConnectorType::Ipmi.as_str(), ConnectorType::Ipmi), (ConnectorType::Vnc.as_str(), ConnectorType::Vnc)];

/// Protocols that people may have read of, and that this version does not speak.
const PLANNED_TYPES: &[&str] = &["redfish", "ssh-console", "pdu", "wol", "gsm"];

/// The cipher suites that this version speaks, in the order in which they are tried.
const CIPHER_SUITES: [u8; 2] = [17, 3];

/// Connectors of one host.
const MOST_CONNECTORS: usize = 16;

/// Credentials that are tried on one host: a controller that counts failures locks the account long before.
const MOST_CREDENTIALS: usize = 8;

pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<HostSpec> {
    let fields = Fields::of(node, &HOST, faults)?;
    let cluster = fields.optional("cluster", faults, |node, faults| node.name("cluster", faults));
    let credentials = fields.optional("credentials", faults, credentials);
    let settings = fields.optional("settings", faults, settings::of_host);
    let connectors = fields.require("connectors", faults).and_then(|node| {
        node.some_list("connectors", MOST_CONNECTORS, faults, |item, faults| {
            Some((item.place, connector(item, faults)?))
        })
    });
    let credentials = credentials?.unwrap_or_default();
    let mut read = Vec::new();
    for (place, connector) in connectors? {
        let nameless = credentials.is_empty() && connector.credentials.is_none();
        if nameless && connector.kind == ConnectorType::Ipmi {
            let hint = "name a Credential in the spec's `credentials`".to_owned();
            faults.add(place, "an ipmi connector needs credentials", Some(hint));
        }
        read.push(connector);
    }
    Some(HostSpec {
        cluster: cluster?,
        credentials,
        connectors: read,
        settings: Box::new(settings?.unwrap_or_default()),
    })
}

fn credentials(node: &Node, faults: &mut Faults) -> Option<Vec<Name>> {
    node.list("credentials", MOST_CREDENTIALS, faults, |item, faults| item.name("credentials", faults))
}

fn connector(node: &Node, faults: &mut Faults) -> Option<Connector> {
    let fields = Fields::of(node, &CONNECTOR, faults)?;
    let kind = fields
        .require("type", faults)
        .and_then(|node| node.word("type", "a type of connector", TYPES, PLANNED_TYPES, faults));
    let address = fields.require("address", faults).and_then(|node| address(node, faults));
    let port = fields.optional("port", faults, |node, faults| node.whole("port", 1..=65535, faults));
    let cipher_suites = fields.optional("cipherSuites", faults, |node, faults| {
        let suites = node.some_list("cipherSuites", CIPHER_SUITES.len(), faults, cipher_suite)?;
        if kind.is_some_and(|kind| kind != ConnectorType::Ipmi) {
            faults.add(node.place, "`cipherSuites` is for connectors of type ipmi alone", None);
            return None;
        }
        if suites.len() > 1 && suites[1..].contains(&suites[0]) {
            faults.add(node.place, "`cipherSuites` names a suite twice", None);
            return None;
        }
        Some(suites)
    });
    let credentials = fields.optional("credentials", faults, credentials);
    Some(Connector {
        kind: kind?,
        address: address?,
        port: port?,
        cipher_suites: cipher_suites?,
        credentials: credentials?,
    })
}

/// An IP address, or a host name (RFC 1123 section 2.1).
fn address(node: &Node, faults: &mut Faults) -> Option<String> {
    let text = node.some_text("address", faults)?;
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let numeric = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    let host_name = !numeric && text.len() <= 253 && text.trim_end_matches('.').split('.').all(label);
    if text.parse::<IpAddr>().is_ok() || host_name {
        return Some(text.to_owned());
    }
    let hint = match text.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => format!("write the port apart: `port: {port}`"),
        _ => "write it like 10.0.7.12, 2001:db8::7 or bmc-12.example.net".to_owned(),
    };
    faults.add(node.place, format!("`{text}` is neither an IP address nor a host name"), Some(hint));
    None
}

fn cipher_suite(node: &Node, faults: &mut Faults) -> Option<u8> {
    let suite: u8 = node.whole("cipherSuites", 0..=255, faults)?;
    if !CIPHER_SUITES.contains(&suite) {
        let message = format!("cipher suite {suite} is not available in this version");
        faults.add(node.place, message, Some("available: 17, 3".to_owned()));
        return None;
    }
    Some(suite)
}
