//! Serial consoles of machines.

use super::path::host_key;
use crate::manifest::fault::Faults;
use crate::manifest::fields::Fields;
use crate::manifest::tree::Node;
use crate::{ConsoleLogFormat, ConsoleLogOptions, ConsoleMenu, SshConsoleOptions};

const MENUS: &[(&str, ConsoleMenu)] = &[
    ("idrac", ConsoleMenu::Idrac),
    ("xcc", ConsoleMenu::Xcc),
    ("ilo", ConsoleMenu::Ilo),
    ("openbmc", ConsoleMenu::Openbmc),
    ("plain", ConsoleMenu::Plain),
];

const FORMATS: &[(&str, ConsoleLogFormat)] = &[
    ("conserver", ConsoleLogFormat::Conserver),
    ("conman", ConsoleLogFormat::Conman),
    ("plain", ConsoleLogFormat::Plain),
];

pub(super) fn ssh_console(fields: &Fields<'_>, faults: &mut Faults) -> Option<SshConsoleOptions> {
    let menu = fields
        .require("menu", faults)
        .and_then(|node| node.word("menu", "a menu of consoles", MENUS, &[], faults));
    let command =
        fields.optional("command", faults, |node: &Node, faults: &mut Faults| node.owned("command", faults));
    let host_key = fields.optional("hostKey", faults, host_key);
    Some(SshConsoleOptions { menu: menu?, command: command?, host_key: host_key? })
}

pub(super) fn console_log(fields: &Fields<'_>, faults: &mut Faults) -> Option<ConsoleLogOptions> {
    let format = fields
        .require("format", faults)
        .and_then(|node| node.word("format", "a format of console logs", FORMATS, &[], faults));
    Some(ConsoleLogOptions { format: format? })
}

/// The name of a file below the folder that the server reads console logs from.
pub(super) fn log_file(node: &Node, faults: &mut Faults) -> Option<String> {
    let text = node.some_text("address", faults)?;
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('\0');
    if text.split('/').all(part) {
        return Some(text.to_owned());
    }
    let hint = Some("write its path from the folder of console logs, like rack7-12.log".to_owned());
    faults.add(node.place, format!("`{text}` is not the name of a console log"), hint);
    None
}
