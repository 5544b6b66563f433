//! How a device is reached, and how it proves who it is.

use super::address;
use crate::manifest::fault::Faults;
use crate::manifest::fields::{Fields, Shape};
use crate::manifest::tree::{Content, Node};
use crate::{CertificatePin, Through, Tls};

const THROUGH: Shape = Shape { what: "`through`", fields: &["socks5", "ssh"], planned: &[] };

const SOCKS5: Shape =
    Shape { what: "a SOCKS 5 proxy", fields: &["address", "port", "credential"], planned: &[] };

const SSH: Shape =
    Shape { what: "an SSH jump host", fields: &["address", "port", "credential", "hostKey"], planned: &[] };

const TLS: Shape = Shape { what: "`tls`", fields: &["pin", "ca"], planned: &[] };

pub(super) fn through(node: &Node, faults: &mut Faults) -> Option<Through> {
    let fields = Fields::of(node, &THROUGH, faults)?;
    match (fields.get("socks5"), fields.get("ssh")) {
        (Some(node), None) => socks5(node, faults),
        (None, Some(node)) => ssh(node, faults),
        (None, None) if fields.has_strangers() => None,
        _ => {
            fields.fault("`through` needs either `socks5` or `ssh`".to_owned(), None, faults);
            None
        }
    }
}

fn socks5(node: &Node, faults: &mut Faults) -> Option<Through> {
    let fields = Fields::of(node, &SOCKS5, faults)?;
    let host = fields.require("address", faults).and_then(|node| address("address", node, faults));
    let port = fields.optional("port", faults, |node, faults| node.whole("port", 1..=65535, faults));
    let credential = fields.optional("credential", faults, |node, faults| node.name("credential", faults));
    Some(Through::Socks5 { address: host?, port: port?, credential: credential? })
}

fn ssh(node: &Node, faults: &mut Faults) -> Option<Through> {
    let fields = Fields::of(node, &SSH, faults)?;
    let host = fields.require("address", faults).and_then(|node| address("address", node, faults));
    let port = fields.optional("port", faults, |node, faults| node.whole("port", 1..=65535, faults));
    let credential = fields.require("credential", faults).and_then(|node| node.name("credential", faults));
    let host_key = fields.require("hostKey", faults).and_then(|node| host_key(node, faults));
    Some(Through::Ssh { address: host?, port: port?, credential: credential?, host_key: host_key? })
}

/// The fingerprint of a host key, as OpenSSH writes it.
pub(in crate::manifest) fn host_key(node: &Node, faults: &mut Faults) -> Option<String> {
    let text = node.some_text("hostKey", faults)?;
    let digits = text.strip_prefix("SHA256:").unwrap_or_default();
    if digits.len() == 43 && digits.chars().all(|c| c.is_ascii_alphanumeric() || c == '+' || c == '/') {
        return Some(text.to_owned());
    }
    let hint = "write it as `ssh-keygen -lf` prints it: SHA256: and 43 characters".to_owned();
    faults.add(node.place, format!("`{text}` is not the fingerprint of a host key"), Some(hint));
    None
}

pub(in crate::manifest) fn tls(node: &Node, faults: &mut Faults) -> Option<Tls> {
    if matches!(&node.content, Content::Scalar(_)) {
        return node
            .word("tls", "a way to prove who a device is", &[("off", ())], &[], faults)
            .map(|()| Tls::Off);
    }
    let fields = Fields::of(node, &TLS, faults)?;
    let pin = fields.optional("pin", faults, |node, faults| {
        let text = node.some_text("pin", faults)?;
        CertificatePin::try_from(text.to_owned())
            .map_err(|message| faults.add(node.place, message, None))
            .ok()
    });
    let ca = fields.optional("ca", faults, |node, faults| {
        let text = node.some_text("ca", faults)?;
        if text == "system" || text.contains("-----BEGIN CERTIFICATE-----") {
            return Some(text.to_owned());
        }
        let hint = "write `system`, or certificates in PEM".to_owned();
        faults.add(node.place, "`ca` names no authority", Some(hint));
        None
    });
    match (pin?, ca?) {
        (Some(pin), None) => Some(Tls::Pin(pin)),
        (None, Some(ca)) => Some(Tls::Ca(ca)),
        (None, None) if fields.has_strangers() => None,
        _ => {
            fields.fault("`tls` needs either `pin` or `ca`, or is `off`".to_owned(), None, faults);
            None
        }
    }
}
