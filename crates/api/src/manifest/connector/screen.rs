//! Screens and keyboards of machines.

use super::path::tls;
use crate::manifest::fault::Faults;
use crate::manifest::fields::Fields;
use crate::manifest::tree::Node;
use crate::{EnableBy, KvmOptions, KvmProtocol, PreviewOptions, PreviewVendor, VncOptions};

const PROTOCOLS: &[(&str, KvmProtocol)] =
    &[("openbmc", KvmProtocol::Openbmc), ("aten", KvmProtocol::Aten), ("ivtp", KvmProtocol::Ivtp)];

const VENDORS: &[(&str, PreviewVendor)] = &[
    ("idrac", PreviewVendor::Idrac),
    ("idrac9", PreviewVendor::Idrac9),
    ("ilo", PreviewVendor::Ilo),
    ("xcc", PreviewVendor::Xcc),
    ("supermicro", PreviewVendor::Supermicro),
    ("h3c", PreviewVendor::H3c),
];

const SWITCHES: &[(&str, EnableBy)] = &[("redfish", EnableBy::Redfish)];

pub(super) fn vnc(fields: &Fields<'_>, faults: &mut Faults) -> Option<VncOptions> {
    let tls = fields.optional("tls", faults, tls);
    let path = fields.optional("path", faults, path);
    let enable_by = fields.optional("enableBy", faults, |node, faults| {
        node.word("enableBy", "a way to switch a VNC server on", SWITCHES, &[], faults)
    });
    Some(VncOptions { tls: tls?, path: path?, enable_by: enable_by? })
}

pub(super) fn kvm(fields: &Fields<'_>, faults: &mut Faults) -> Option<KvmOptions> {
    let protocol = fields
        .require("protocol", faults)
        .and_then(|node| node.word("protocol", "a protocol of remote consoles", PROTOCOLS, &[], faults));
    let tls = fields.optional("tls", faults, tls);
    Some(KvmOptions { protocol: protocol?, tls: tls?.unwrap_or_default() })
}

pub(super) fn preview(fields: &Fields<'_>, faults: &mut Faults) -> Option<PreviewOptions> {
    let vendor = fields
        .require("vendor", faults)
        .and_then(|node| node.word("vendor", "a vendor of previews", VENDORS, &[], faults));
    let tls = fields.optional("tls", faults, tls);
    Some(PreviewOptions { vendor: vendor?, tls: tls?.unwrap_or_default() })
}

/// The path of a WebSocket.
fn path(node: &Node, faults: &mut Faults) -> Option<String> {
    let text = node.some_text("path", faults)?;
    if text.starts_with('/') && text.chars().all(|c| c.is_ascii_graphic()) {
        return Some(text.to_owned());
    }
    let hint = Some("write it like /websockify".to_owned());
    faults.add(node.place, format!("`{text}` is not the path of a WebSocket"), hint);
    None
}
