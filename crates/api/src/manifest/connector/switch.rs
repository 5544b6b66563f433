//! Switches that are told by HTTP.

use super::path::tls;
use crate::manifest::fault::Faults;
use crate::manifest::fields::{Fields, Shape};
use crate::manifest::tree::Node;
use crate::{HttpSwitchOptions, ShellyOptions, SwitchRequest, SwitchStatus, TasmotaOptions};

const REQUEST: Shape =
    Shape { what: "a request to a switch", fields: &["method", "path", "body"], planned: &[] };

const STATUS: Shape =
    Shape { what: "the status of a switch", fields: &["path", "isOn", "isOff"], planned: &[] };

const METHODS: &[(&str, &str)] = &[("GET", "GET"), ("PATCH", "PATCH"), ("POST", "POST"), ("PUT", "PUT")];

pub(super) fn tasmota(fields: &Fields<'_>, faults: &mut Faults) -> Option<TasmotaOptions> {
    let output = fields.optional("output", faults, |node, faults| node.whole("output", 1..=32, faults));
    Some(TasmotaOptions { output: output? })
}

pub(super) fn shelly(fields: &Fields<'_>, faults: &mut Faults) -> Option<ShellyOptions> {
    let output = fields.optional("output", faults, |node, faults| node.whole("output", 0..=15, faults));
    let generation =
        fields.optional("generation", faults, |node, faults| node.whole("generation", 1..=2, faults));
    Some(ShellyOptions { output: output?, generation: generation? })
}

pub(super) fn http_switch(fields: &Fields<'_>, faults: &mut Faults) -> Option<HttpSwitchOptions> {
    let on = fields.require("on", faults).and_then(|node| request(node, faults));
    let off = fields.require("off", faults).and_then(|node| request(node, faults));
    let status = fields.optional("status", faults, status);
    let tls = fields.optional("tls", faults, tls);
    Some(HttpSwitchOptions { on: on?, off: off?, status: status?, tls: tls? })
}

fn request(node: &Node, faults: &mut Faults) -> Option<SwitchRequest> {
    let fields = Fields::of(node, &REQUEST, faults)?;
    let method = fields.optional("method", faults, |node, faults| {
        node.word("method", "a method that is sent", METHODS, &[], faults).map(str::to_owned)
    });
    let path = fields.require("path", faults).and_then(|node| path(node, faults));
    let body = fields.optional("body", faults, |node, faults| node.owned("body", faults));
    Some(SwitchRequest { method: method?, path: path?, body: body? })
}

fn status(node: &Node, faults: &mut Faults) -> Option<SwitchStatus> {
    let fields = Fields::of(node, &STATUS, faults)?;
    let path = fields.require("path", faults).and_then(|node| path(node, faults));
    let is_on = fields.require("isOn", faults).and_then(|node| node.owned("isOn", faults));
    let is_off = fields.require("isOff", faults).and_then(|node| node.owned("isOff", faults));
    Some(SwitchStatus { path: path?, is_on: is_on?, is_off: is_off? })
}

fn path(node: &Node, faults: &mut Faults) -> Option<String> {
    let text = node.some_text("path", faults)?;
    if text.starts_with('/') && text.chars().all(|c| c.is_ascii_graphic()) {
        return Some(text.to_owned());
    }
    let hint = "begin it with /, and write special characters as %20 and the like".to_owned();
    faults.add(node.place, format!("`{text}` is not a path"), Some(hint));
    None
}
