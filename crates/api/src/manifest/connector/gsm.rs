//! Power sockets that take text messages.

use crate::manifest::fault::Faults;
use crate::manifest::fields::{Fields, Shape};
use crate::manifest::tree::Node;
use crate::{GsmDevice, GsmOptions, GsmTexts};

const TEXTS: Shape =
    Shape { what: "`texts`", fields: &["on", "off", "status", "isOn", "isOff"], planned: &[] };

const DEVICES: &[(&str, GsmDevice)] =
    &[("custom", GsmDevice::Custom), ("rtu5024", GsmDevice::Rtu5024), ("simpal", GsmDevice::Simpal)];

pub(super) fn gsm(fields: &Fields<'_>, faults: &mut Faults) -> Option<GsmOptions> {
    let number = fields.require("number", faults).and_then(|node| number(node, faults));
    let device = fields.optional("device", faults, |node, faults| {
        node.word("device", "a device that is known", DEVICES, &[], faults)
    });
    let texts = fields.optional("texts", faults, texts);
    let messages_per_day = fields
        .optional("messagesPerDay", faults, |node, faults| node.whole("messagesPerDay", 1..=1000, faults));
    let read =
        GsmOptions { number: number?, device: device?, texts: texts?, messages_per_day: messages_per_day? };
    if (read.device == Some(GsmDevice::Custom)) != read.texts.is_some() {
        fields.fault("`device: custom` and `texts` go together".to_owned(), None, faults);
        return None;
    }
    Some(read)
}

/// A telephone number in international form (ITU-T E.164).
fn number(node: &Node, faults: &mut Faults) -> Option<String> {
    let text = node.some_text("number", faults)?;
    let digits = text.strip_prefix('+').unwrap_or_default();
    if (4..=15).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit()) {
        return Some(text.to_owned());
    }
    let hint = "write it in international form and in quotes, like \"+31201234567\"".to_owned();
    faults.add(node.place, format!("`{text}` is not a telephone number"), Some(hint));
    None
}

fn texts(node: &Node, faults: &mut Faults) -> Option<GsmTexts> {
    let fields = Fields::of(node, &TEXTS, faults)?;
    let on = fields.require("on", faults).and_then(|node| node.owned("on", faults));
    let off = fields.require("off", faults).and_then(|node| node.owned("off", faults));
    let status = fields.optional("status", faults, |node, faults| node.owned("status", faults));
    let is_on = fields.optional("isOn", faults, |node, faults| node.owned("isOn", faults));
    let is_off = fields.optional("isOff", faults, |node, faults| node.owned("isOff", faults));
    Some(GsmTexts { on: on?, off: off?, status: status?, is_on: is_on?, is_off: is_off? })
}
