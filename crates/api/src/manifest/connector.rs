//! Reading connectors.

mod agent;
mod bmc;
mod gsm;
mod ip_kvm;
mod lab;
mod path;
mod pdu;
mod screen;
mod serial;
mod switch;

use std::net::IpAddr;

use super::fault::Faults;
use super::fields::{Fields, Shape};
use super::host::credentials;
use super::tree::{Content, Node};
use crate::{Connector, ConnectorType, KeyboardLayout, SettingsSpec, Span, Way, WolOptions};

pub(super) use path::{host_key, tls};

/// Addresses of one device beside the first.
const MOST_BACKUP_ADDRESSES: usize = 4;

/// The type, without which nothing else can be read.
const ANY: Shape = Shape { what: "a connector", fields: &["type"], planned: &[] };

/// A shape with the fields that every connector has, and its own.
macro_rules! shape {
    ($what:literal $(, $own:literal)*) => {
        Shape {
            what: $what,
            fields: &["type", "address", "backupAddresses", "port", "credentials" $(, $own)*],
            planned: &[],
        }
    };
}

/// What fields a connector of a type has.
pub(super) const fn shape(kind: ConnectorType) -> &'static Shape {
    match kind {
        ConnectorType::Ipmi => &shape!("an ipmi connector", "cipherSuites"),
        ConnectorType::Redfish => &shape!("a redfish connector", "through", "tls", "system"),
        ConnectorType::Vnc => {
            &shape!("a vnc connector", "through", "tls", "path", "enableBy", "keyboardLayout", "keyInterval")
        }
        ConnectorType::Kvm => {
            &shape!("a kvm connector", "through", "protocol", "tls", "keyboardLayout", "keyInterval")
        }
        ConnectorType::Preview => &shape!("a preview connector", "through", "vendor", "tls"),
        ConnectorType::SshConsole => {
            &shape!("an ssh-console connector", "through", "menu", "command", "hostKey")
        }
        ConnectorType::Telnet => &shape!("a telnet connector", "through"),
        ConnectorType::SerialTcp => &shape!("a serial-tcp connector", "through"),
        ConnectorType::ConsoleLog => &shape!("a console-log connector", "format"),
        ConnectorType::Pdu => &shape!(
            "a pdu connector",
            "outlets",
            "feeds",
            "model",
            "oids",
            "snmp",
            "authentication",
            "privacy",
            "allowHardCut"
        ),
        ConnectorType::Wol => &shape!("a wol connector", "interface"),
        ConnectorType::Gsm => &shape!(
            "a gsm connector",
            "through",
            "number",
            "device",
            "texts",
            "messagesPerDay",
            "allowHardCut"
        ),
        ConnectorType::Tasmota => &shape!("a tasmota connector", "through", "output", "allowHardCut"),
        ConnectorType::Shelly => {
            &shape!("a shelly connector", "through", "output", "generation", "allowHardCut")
        }
        ConnectorType::HttpSwitch => {
            &shape!("an http-switch connector", "through", "on", "off", "status", "tls", "allowHardCut")
        }
        ConnectorType::Pikvm => {
            &shape!("a pikvm connector", "through", "tls", "keyboardLayout", "keyInterval")
        }
        ConnectorType::Nanokvm => {
            &shape!("a nanokvm connector", "through", "tls", "keyboardLayout", "keyInterval")
        }
        // WebRTC goes straight to the unit, past proxies and jump hosts.
        ConnectorType::Jetkvm => &shape!("a jetkvm connector", "tls", "keyboardLayout", "keyInterval"),
        ConnectorType::Amt => &shape!("an amt connector", "through", "tls", "keyboardLayout", "keyInterval"),
        ConnectorType::Winrm => &shape!("a winrm connector", "through", "tls"),
        ConnectorType::Ssh => &shape!("an ssh connector", "through", "hostKey", "commands"),
        ConnectorType::Qemu => &shape!("a qemu connector", "through"),
        ConnectorType::Libvirt => &shape!("a libvirt connector", "through", "domain", "uri"),
    }
}

/// Reads one connector.
pub(super) fn connector(node: &Node, faults: &mut Faults) -> Option<Connector> {
    let kind = kind(node, faults)?;
    let fields = Fields::of(node, shape(kind), faults)?;
    let first = fields.require("address", faults).and_then(|node| match node.text("address", faults) {
        Some(path) if may_be_path(kind) && path.starts_with('/') => Some(path.to_owned()),
        Some(_) if kind == ConnectorType::ConsoleLog => serial::log_file(node, faults),
        Some(_) => address("address", node, faults),
        None => None,
    });
    let backup_addresses = fields.optional("backupAddresses", faults, |node, faults| {
        node.some_list("backupAddresses", MOST_BACKUP_ADDRESSES, faults, |item, faults| {
            address("backupAddresses", item, faults)
        })
    });
    let port = fields.optional("port", faults, |node, faults| node.whole("port", 1..=65535, faults));
    if kind == ConnectorType::SerialTcp && port == Some(None) {
        fields.fault("`port` is missing in a serial-tcp connector".to_owned(), None, faults);
        return None;
    }
    let credentials = fields.optional("credentials", faults, credentials);
    let has = |name| fields.has(name);
    let through = if has("through") { fields.optional("through", faults, path::through) } else { Some(None) };
    let allow_hard_cut = if has("allowHardCut") {
        fields.optional("allowHardCut", faults, |node, faults| node.boolean("allowHardCut", faults))
    } else {
        Some(None)
    };
    let keyboard_layout = if has("keyboardLayout") {
        fields.optional("keyboardLayout", faults, keyboard_layout)
    } else {
        Some(None)
    };
    let key_interval =
        if has("keyInterval") { fields.optional("keyInterval", faults, key_interval) } else { Some(None) };
    let way = way(kind, &fields, faults);
    Some(Connector {
        way: way?,
        address: first?,
        backup_addresses: backup_addresses?.unwrap_or_default(),
        port: port?,
        credentials: credentials?,
        through: through?,
        allow_hard_cut: allow_hard_cut?.unwrap_or_default(),
        keyboard_layout: keyboard_layout?.unwrap_or_default(),
        key_interval: key_interval?,
    })
}

fn way(kind: ConnectorType, fields: &Fields<'_>, faults: &mut Faults) -> Option<Way> {
    Some(match kind {
        ConnectorType::Ipmi => Way::Ipmi(bmc::ipmi(fields, faults)?),
        ConnectorType::Redfish => Way::Redfish(bmc::redfish(fields, faults)?),
        ConnectorType::Vnc => Way::Vnc(screen::vnc(fields, faults)?),
        ConnectorType::Kvm => Way::Kvm(screen::kvm(fields, faults)?),
        ConnectorType::Preview => Way::Preview(screen::preview(fields, faults)?),
        ConnectorType::SshConsole => Way::SshConsole(serial::ssh_console(fields, faults)?),
        ConnectorType::Telnet => Way::Telnet,
        ConnectorType::SerialTcp => Way::SerialTcp,
        ConnectorType::ConsoleLog => Way::ConsoleLog(serial::console_log(fields, faults)?),
        ConnectorType::Pdu => Way::Pdu(pdu::pdu(fields, faults)?),
        ConnectorType::Wol => {
            let interface =
                fields.optional("interface", faults, |node, faults| node.owned("interface", faults));
            Way::Wol(WolOptions { interface: interface? })
        }
        ConnectorType::Gsm => Way::Gsm(gsm::gsm(fields, faults)?),
        ConnectorType::Tasmota => Way::Tasmota(switch::tasmota(fields, faults)?),
        ConnectorType::Shelly => Way::Shelly(switch::shelly(fields, faults)?),
        ConnectorType::HttpSwitch => Way::HttpSwitch(switch::http_switch(fields, faults)?),
        ConnectorType::Pikvm => Way::Pikvm(ip_kvm::ip_kvm(fields, faults)?),
        ConnectorType::Nanokvm => Way::Nanokvm(ip_kvm::ip_kvm(fields, faults)?),
        ConnectorType::Jetkvm => Way::Jetkvm(ip_kvm::ip_kvm(fields, faults)?),
        ConnectorType::Amt => Way::Amt(bmc::amt(fields, faults)?),
        ConnectorType::Winrm => Way::Winrm(agent::winrm(fields, faults)?),
        ConnectorType::Ssh => Way::Ssh(agent::ssh(fields, faults)?),
        ConnectorType::Qemu => Way::Qemu,
        ConnectorType::Libvirt => Way::Libvirt(lab::libvirt(fields, faults)?),
    })
}

fn keyboard_layout(node: &Node, faults: &mut Faults) -> Option<KeyboardLayout> {
    let known: Vec<(&'static str, KeyboardLayout)> =
        KeyboardLayout::ALL.iter().map(|layout| (layout.as_str(), *layout)).collect();
    node.word("keyboardLayout", "a keyboard layout", &known, &[], faults)
}

/// The pause between two key events, within the bounds of the setting of that name.
fn key_interval(node: &Node, faults: &mut Faults) -> Option<Span> {
    let span = node.span("keyInterval", faults)?;
    let spec = SettingsSpec { key_interval: Some(span), ..SettingsSpec::default() };
    match spec.out_of_range().first() {
        None => Some(span),
        Some(wrong) => {
            faults.add(node.place, wrong.to_string(), None);
            None
        }
    }
}

/// Whether the address may be the path of a device or a socket.
const fn may_be_path(kind: ConnectorType) -> bool {
    matches!(kind, ConnectorType::Gsm | ConnectorType::Qemu | ConnectorType::Libvirt)
}

fn kind(node: &Node, faults: &mut Faults) -> Option<ConnectorType> {
    let Content::Mapping(entries) = &node.content else {
        // Told as of any other mapping.
        Fields::of(node, &ANY, faults);
        return None;
    };
    let known: Vec<(&'static str, ConnectorType)> =
        ConnectorType::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect();
    match entries.iter().find(|entry| entry.key == "type") {
        Some(entry) => entry.value.word("type", "a type of connector", &known, &[], faults),
        None => {
            faults.add(node.place, "`type` is missing in a connector", None);
            None
        }
    }
}

/// An IP address, or a host name (RFC 1123 section 2.1).
pub(super) fn address(field: &str, node: &Node, faults: &mut Faults) -> Option<String> {
    let text = node.some_text(field, faults)?;
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

impl Node {
    /// A text that is not empty.
    fn owned(&self, field: &str, faults: &mut Faults) -> Option<String> {
        self.some_text(field, faults).map(str::to_owned)
    }
}
