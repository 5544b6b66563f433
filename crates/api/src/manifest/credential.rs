//! Reading the spec of a `Credential`. No fault repeats what was written for a password.

use super::fault::{Faults, nearest};
use super::fields::{Fields, Shape};
use super::tree::{Content, Entry, Node};
use crate::{CredentialSpec, Secret};

pub(super) const CREDENTIAL: Shape =
    Shape { what: "the spec of a Credential", fields: &["username", "password"], planned: &[] };

const SECRET: Shape =
    Shape { what: "a reference to a secret", fields: &["fromFile", "fromEnv", "sealed"], planned: &[] };

/// The longest user name, in bytes: IPMI takes 16 (IPMI 2.0 section 22.28), others more.
const LONGEST_USERNAME: usize = 255;

pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<CredentialSpec> {
    let fields = Fields::of(node, &CREDENTIAL, faults)?;
    let username = fields.require("username", faults).and_then(|node| {
        let username = node.text("username", faults)?;
        if username.len() > LONGEST_USERNAME || username.contains(char::is_control) {
            let message =
                format!("`username` must be at most {LONGEST_USERNAME} bytes of printable characters");
            faults.add(node.place, message, None);
            return None;
        }
        Some(username.to_owned())
    });
    let password = fields.require("password", faults).and_then(|node| secret(node, "password", faults));
    Some(CredentialSpec { username: username?, password: password? })
}

/// A secret, or a reference to one.
pub(super) fn secret(node: &Node, field: &str, faults: &mut Faults) -> Option<Secret> {
    let Content::Mapping(entries) = &node.content else {
        return node.text(field, faults).map(|value| Secret::Plain(value.into()));
    };
    // Not named: `{hunter2}` without quotes is a mapping in YAML, whose field is the secret.
    let strangers = entries.iter().filter(|entry| !SECRET.fields.contains(&entry.key.as_str()));
    let mut has_strangers = false;
    for Entry { key, place, .. } in strangers {
        has_strangers = true;
        let hint = match nearest(key, SECRET.fields.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("one of: {}; a secret itself stands in quotes", SECRET.fields.join(", ")),
        };
        faults.add(*place, format!("unknown field in {}", SECRET.what), Some(hint));
    }
    if has_strangers {
        return None;
    }
    let fields = Fields::of(node, &SECRET, faults)?;
    let mut given = Vec::new();
    for name in SECRET.fields {
        given.extend(fields.get(name).map(|node| (*name, node)));
    }
    let [(name, node)] = given[..] else {
        let message = format!("a reference to a secret has one field, not {}", given.len());
        fields.fault(message, Some(format!("one of: {}", SECRET.fields.join(", "))), faults);
        return None;
    };
    let text = node.some_text(name, faults)?.to_owned();
    Some(match name {
        "fromFile" => Secret::FromFile(text),
        "fromEnv" => Secret::FromEnv(text),
        _ => Secret::Sealed(text),
    })
}
