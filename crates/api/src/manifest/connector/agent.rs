//! Asking the running operating system.

use super::path::{host_key, tls};
use crate::manifest::fault::Faults;
use crate::manifest::fields::{Fields, Shape};
use crate::manifest::tree::Node;
use crate::{SshCommands, SshOptions, WinrmOptions};

const COMMANDS: Shape =
    Shape { what: "`commands`", fields: &["on", "off", "cycle", "reset", "soft"], planned: &[] };

pub(super) fn winrm(fields: &Fields<'_>, faults: &mut Faults) -> Option<WinrmOptions> {
    let tls = fields.optional("tls", faults, |node, faults| {
        let tls = tls(node, faults)?;
        if tls.is_off() {
            let hint = "give Windows a listener for HTTPS; docs/guides/connectors.md says how".to_owned();
            faults.add(node.place, "winrm needs TLS: without it the password would go in clear", Some(hint));
            return None;
        }
        Some(tls)
    });
    Some(WinrmOptions { tls: tls?.unwrap_or_default() })
}

pub(super) fn ssh(fields: &Fields<'_>, faults: &mut Faults) -> Option<SshOptions> {
    let host_key = fields.require("hostKey", faults).and_then(|node| host_key(node, faults));
    let commands = fields.require("commands", faults).and_then(|node| commands(node, faults));
    Some(SshOptions { host_key: host_key?, commands: commands? })
}

fn commands(node: &Node, faults: &mut Faults) -> Option<SshCommands> {
    let fields = Fields::of(node, &COMMANDS, faults)?;
    let mut read =
        |name| fields.optional(name, faults, |node: &Node, faults: &mut Faults| node.owned(name, faults));
    let (on, off, cycle, reset, soft) = (read("on"), read("off"), read("cycle"), read("reset"), read("soft"));
    let read = SshCommands { on: on?, off: off?, cycle: cycle?, reset: reset?, soft: soft? };
    if read == SshCommands::default() && !fields.has_strangers() {
        fields.fault("`commands` is empty".to_owned(), None, faults);
        return None;
    }
    Some(read)
}
