//! Power strips.

use super::address;
use crate::manifest::fault::Faults;
use crate::manifest::fields::{Fields, Shape};
use crate::manifest::tree::{Content, Node, Scalar, Sort};
use crate::{Feed, Outlet, PduModel, PduOptions, PowerOids, SnmpAuthentication, SnmpPrivacy, SnmpVersion};

/// Outlets that feed one machine at one strip: more than any server has cords.
const MOST_OUTLETS: usize = 16;

/// Strips that feed one machine beside the first.
const MOST_FEEDS: usize = 7;

const FEED: Shape = Shape { what: "a feed", fields: &["address", "outlets"], planned: &[] };

const OIDS: Shape =
    Shape { what: "`oids`", fields: &["status", "control", "on", "off", "setOn", "setOff"], planned: &[] };

const MODELS: &[(&str, PduModel)] = &[
    ("apc", PduModel::Apc),
    ("apc-master-switch", PduModel::ApcMasterSwitch),
    ("eaton", PduModel::Eaton),
    ("eaton-switched", PduModel::EatonSwitched),
    ("generic", PduModel::Generic),
    ("raritan", PduModel::Raritan),
    ("raritan-px1", PduModel::RaritanPx1),
    ("sentry3", PduModel::Sentry3),
    ("sentry4", PduModel::Sentry4),
    ("tripp-lite", PduModel::TrippLite),
];

const VERSIONS: &[(&str, SnmpVersion)] =
    &[("v1", SnmpVersion::V1), ("v2c", SnmpVersion::V2c), ("v3", SnmpVersion::V3)];

const AUTHENTICATIONS: &[(&str, SnmpAuthentication)] = &[
    ("md5", SnmpAuthentication::Md5),
    ("sha1", SnmpAuthentication::Sha1),
    ("sha256", SnmpAuthentication::Sha256),
    ("sha512", SnmpAuthentication::Sha512),
];

const PRIVACIES: &[(&str, SnmpPrivacy)] = &[
    ("none", SnmpPrivacy::None),
    ("des", SnmpPrivacy::Des),
    ("aes128", SnmpPrivacy::Aes128),
    ("aes256", SnmpPrivacy::Aes256),
];

pub(super) fn pdu(fields: &Fields<'_>, faults: &mut Faults) -> Option<PduOptions> {
    let outlets = fields.require("outlets", faults).and_then(|node| outlets(node, faults));
    let feeds =
        fields.optional("feeds", faults, |node, faults| node.some_list("feeds", MOST_FEEDS, faults, feed));
    let model = fields.optional("model", faults, |node, faults| {
        node.word("model", "a model of strip", MODELS, &[], faults)
    });
    let oids = fields.optional("oids", faults, oids);
    let snmp = fields.optional("snmp", faults, |node, faults| {
        node.word("snmp", "a version of SNMP", VERSIONS, &[], faults)
    });
    let authentication = fields.optional("authentication", faults, |node, faults| {
        node.word("authentication", "a way of authentication", AUTHENTICATIONS, &[], faults)
    });
    let privacy = fields.optional("privacy", faults, |node, faults| {
        node.word("privacy", "a way of encryption", PRIVACIES, &[], faults)
    });
    let read = PduOptions {
        outlets: outlets?,
        feeds: feeds?.unwrap_or_default(),
        model: model?,
        oids: oids?,
        snmp: snmp?,
        authentication: authentication?,
        privacy: privacy?,
    };
    if (read.model == Some(PduModel::Generic)) != read.oids.is_some() {
        fields.fault("`model: generic` and `oids` go together".to_owned(), None, faults);
        return None;
    }
    if read.snmp != Some(SnmpVersion::V3) && (read.authentication.is_some() || read.privacy.is_some()) {
        let message = "`authentication` and `privacy` are for `snmp: v3` alone".to_owned();
        fields.fault(message, None, faults);
        return None;
    }
    Some(read)
}

fn outlets(node: &Node, faults: &mut Faults) -> Option<Vec<Outlet>> {
    node.some_list("outlets", MOST_OUTLETS, faults, |item, faults| match &item.content {
        Content::Scalar(Scalar { sort: Sort::Integer(_), .. }) => {
            item.whole("outlets", 1..=9999, faults).map(Outlet::Number)
        }
        // What looks like a number with a fraction is a path of two indices.
        Content::Scalar(Scalar { sort: Sort::Number, text }) => Some(Outlet::Name(text.clone())),
        _ => item.owned("outlets", faults).map(Outlet::Name),
    })
}

fn feed(node: &Node, faults: &mut Faults) -> Option<Feed> {
    let fields = Fields::of(node, &FEED, faults)?;
    let strip = fields.require("address", faults).and_then(|node| address("address", node, faults));
    let outlets = fields.require("outlets", faults).and_then(|node| outlets(node, faults));
    Some(Feed { address: strip?, outlets: outlets? })
}

fn oids(node: &Node, faults: &mut Faults) -> Option<PowerOids> {
    let fields = Fields::of(node, &OIDS, faults)?;
    let all = i64::from(i32::MIN)..=i64::from(i32::MAX);
    let status = fields.require("status", faults).and_then(|node| oid("status", node, faults));
    let control = fields.require("control", faults).and_then(|node| oid("control", node, faults));
    let on = fields.require("on", faults).and_then(|node| node.whole("on", all.clone(), faults));
    let off = fields.require("off", faults).and_then(|node| node.whole("off", all.clone(), faults));
    let set_on = fields.optional("setOn", faults, |node, faults| node.whole("setOn", all.clone(), faults));
    let set_off = fields.optional("setOff", faults, |node, faults| node.whole("setOff", all, faults));
    let read = PowerOids {
        status: status?,
        control: control?,
        on: on?,
        off: off?,
        set_on: set_on?,
        set_off: set_off?,
    };
    if read.on == read.off {
        fields.fault("`on` and `off` are the same value".to_owned(), None, faults);
        return None;
    }
    Some(read)
}

/// The name of an object: numbers with dots between.
fn oid(field: &'static str, node: &Node, faults: &mut Faults) -> Option<String> {
    let text = node.some_text(field, faults)?;
    let plain = text.strip_prefix('.').unwrap_or(text);
    if plain.split('.').all(|part| part.parse::<u32>().is_ok()) && plain.contains('.') {
        return Some(plain.to_owned());
    }
    let hint = "write it like 1.3.6.1.4.1.318.1.1.12.3.3.1.1.4, without the outlet's index".to_owned();
    faults.add(node.place, format!("`{text}` is not an object identifier"), Some(hint));
    None
}
