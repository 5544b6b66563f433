//! Reading steps that tell somebody, or write to a line of the host, and `onFailure`.

use crate::manifest::condition::bounded;
use crate::manifest::fault::Faults;
use crate::manifest::fields::{Fields, Shape};
use crate::manifest::tree::{Content, Node, Scalar, Sort};
use crate::{IpmiRaw, Notify, Serial, Step};

const NOTIFY: Shape = Shape { what: "`notify`", fields: &["to", "text"], planned: &[] };

const SERIAL: Shape = Shape { what: "`serial`", fields: &["send"], planned: &[] };

pub(in crate::manifest) const IPMI_RAW: Shape = Shape {
    what: "`ipmiRaw`",
    fields: &["netFn", "command", "data", "expectCompletion", "idempotent"],
    planned: &[],
};

const ON_FAILURE: Shape = Shape { what: "`onFailure`", fields: &["notify", "http"], planned: &[] };

/// The longest text to a notifier, in bytes: mails and chats take less than they say.
const LONGEST_TEXT: usize = 4096;

/// The most data of one command, in bytes.
const MOST_DATA: usize = 248;

/// What is done after a failure, at most: it is to tell, not to recover.
const MOST_ON_FAILURE: usize = 10;

pub(super) fn notify(node: &Node, faults: &mut Faults) -> Option<Notify> {
    if !node.is_mapping() {
        return node.name("notify", faults).map(Notify::Plain);
    }
    let fields = Fields::of(node, &NOTIFY, faults)?;
    let to = fields.require("to", faults).and_then(|node| node.name("to", faults));
    let text = fields
        .require("text", faults)
        .and_then(|node| bounded(node.some_text("text", faults)?, LONGEST_TEXT, "text", node, faults));
    Some(Notify::Text { to: to?, text: text? })
}

pub(super) fn serial(node: &Node, faults: &mut Faults) -> Option<Serial> {
    let send = |node: &Node, field: &str, faults: &mut Faults| {
        bounded(node.some_text(field, faults)?, super::LONGEST_KEYS, field, node, faults)
    };
    if !node.is_mapping() {
        return send(node, "serial", faults).map(Serial::Plain);
    }
    let fields = Fields::of(node, &SERIAL, faults)?;
    let send = fields.require("send", faults).and_then(|node| send(node, "send", faults));
    Some(Serial::Full { send: send? })
}

pub(super) fn ipmi_raw(node: &Node, faults: &mut Faults) -> Option<IpmiRaw> {
    let fields = Fields::of(node, &IPMI_RAW, faults)?;
    let net_fn = fields.require("netFn", faults).and_then(|node| {
        let net_fn = byte(node, "netFn", faults)?;
        if net_fn > 0x3E || net_fn % 2 == 1 {
            node.fault("`netFn` of a request is even, 0x00 to 0x3e".to_owned(), faults);
            return None;
        }
        Some(net_fn)
    });
    let command = fields.require("command", faults).and_then(|node| byte(node, "command", faults));
    let data = fields.optional("data", faults, |node, faults| {
        node.list("data", MOST_DATA, faults, |node, faults| byte(node, "data", faults))
    });
    let expect =
        fields.optional("expectCompletion", faults, |node, faults| byte(node, "expectCompletion", faults));
    let idempotent = fields.optional("idempotent", faults, |node, faults| node.boolean("idempotent", faults));
    Some(IpmiRaw {
        net_fn: net_fn?,
        command: command?,
        data: data?.unwrap_or_default(),
        expect_completion: expect?.unwrap_or_default(),
        idempotent: idempotent?.unwrap_or_default(),
    })
}

/// A byte: decimal, or hexadecimal with `0x`.
fn byte(node: &Node, field: &str, faults: &mut Faults) -> Option<u8> {
    let read = match &node.content {
        Content::Scalar(Scalar { sort: Sort::Integer(value), .. }) => u8::try_from(*value).ok(),
        Content::Scalar(Scalar { text, .. }) => {
            text.strip_prefix("0x").and_then(|digits| u8::from_str_radix(digits, 16).ok())
        }
        _ => None,
    };
    if read.is_none() {
        let hint = Some("write it like 6 or 0x06".to_owned());
        faults.add(node.place, format!("`{field}` must be a byte, 0 to 255"), hint);
    }
    read
}

/// What is done after a failure: one step, or a list.
pub(in crate::manifest) fn on_failure(node: &Node, faults: &mut Faults) -> Option<Vec<Step>> {
    if node.is_list() {
        return node.some_list("onFailure", MOST_ON_FAILURE, faults, one);
    }
    one(node, faults).map(|step| vec![step])
}

fn one(node: &Node, faults: &mut Faults) -> Option<Step> {
    // Tells fields of other steps by name.
    Fields::of(node, &ON_FAILURE, faults).filter(|fields| !fields.has_strangers())?;
    super::step(node, 0, faults)
}
