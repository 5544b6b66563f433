//! Reading the spec of a `Profile`.

use super::fault::Faults;
use super::fields::{Fields, Shape};
use super::tree::Node;
use crate::{AnswerFile, BootArchitecture, LoaderPreference, ProfileSpec};

pub(super) const PROFILE: Shape = Shape {
    what: "the spec of a Profile",
    fields: &[
        "media",
        "kernel",
        "initrds",
        "commandLine",
        "script",
        "chain",
        "loader",
        "shim",
        "architectures",
        "files",
    ],
    planned: &[],
};

pub(super) const FILE: Shape =
    Shape { what: "a file of a Profile", fields: &["name", "content", "mediaType"], planned: &[] };

pub(super) const LOADERS: &[(&str, LoaderPreference)] = &[
    ("ipxe", LoaderPreference::Ipxe),
    ("grub", LoaderPreference::Grub),
    ("secure", LoaderPreference::Secure),
];

pub(super) const ARCHITECTURES: &[(&str, BootArchitecture)] = &[
    ("bios", BootArchitecture::Bios),
    ("x86", BootArchitecture::X86),
    ("x64", BootArchitecture::X64),
    ("arm32", BootArchitecture::Arm32),
    ("arm64", BootArchitecture::Arm64),
    ("riscv32", BootArchitecture::Riscv32),
    ("riscv64", BootArchitecture::Riscv64),
    ("loongarch32", BootArchitecture::Loongarch32),
    ("loongarch64", BootArchitecture::Loongarch64),
    ("raspberryPi", BootArchitecture::RaspberryPi),
];

/// Initrds of one kernel.
const MOST_INITRDS: usize = 16;

/// Files of one profile.
const MOST_FILES: usize = 64;

/// The longest path or URL, in bytes.
const LONGEST_PATH: usize = 1024;

/// The longest command line, in bytes: what kernels take (x86 has 2,048, arm64 too).
const LONGEST_COMMAND_LINE: usize = 2048;

/// The longest script or file, in bytes.
const LONGEST_CONTENT: usize = 256 * 1024;

pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<ProfileSpec> {
    let fields = Fields::of(node, &PROFILE, faults)?;
    let media = fields.optional("media", faults, |node, faults| node.name("media", faults));
    // Where `media` itself has a fault, that paths need it is not told as well.
    let in_media = media.as_ref().is_none_or(Option::is_some);
    let kernel = fields.optional("kernel", faults, |node, faults| path(node, "kernel", in_media, faults));
    let initrds = fields.optional("initrds", faults, |node, faults| {
        node.list("initrds", MOST_INITRDS, faults, |item, faults| path(item, "initrds", in_media, faults))
    });
    let command_line = fields.optional("commandLine", faults, command_line);
    let script = fields.optional("script", faults, script);
    let chain = fields.optional("chain", faults, |node, faults| path(node, "chain", in_media, faults));
    let loader = fields
        .optional("loader", faults, |node, faults| node.word("loader", "a loader", LOADERS, &[], faults));
    let shim = fields.optional("shim", faults, |node, faults| {
        let shim = path(node, "shim", in_media, faults)?;
        if ProfileSpec::is_url(&shim) {
            node.fault("`shim` must be a path in the media".to_owned(), faults);
            return None;
        }
        Some(shim)
    });
    let architectures = fields.optional("architectures", faults, |node, faults| {
        node.some_list("architectures", ARCHITECTURES.len(), faults, |item, faults| {
            item.word("architectures", "an architecture", ARCHITECTURES, &[], faults)
        })
    });
    let files = fields.optional("files", faults, files);
    let spec = ProfileSpec {
        media: media?,
        kernel: kernel?,
        initrds: initrds?.unwrap_or_default(),
        command_line: command_line?,
        script: script?,
        chain: chain?,
        loader: loader?,
        shim: shim?,
        architectures: architectures?.unwrap_or_default(),
        files: files?.unwrap_or_default(),
    };
    coherent(&fields, &spec, faults)?;
    Some(spec)
}

/// Whether the parts go together.
fn coherent(fields: &Fields<'_>, spec: &ProfileSpec, faults: &mut Faults) -> Option<()> {
    let ProfileSpec { kernel, script, chain, loader, .. } = spec;
    if fields.has_strangers() {
        return None;
    }
    if [kernel.is_some(), script.is_some(), chain.is_some()].iter().filter(|given| **given).count() != 1 {
        let message = "a Profile has exactly one of `kernel`, `script` and `chain`";
        fields.fault(message.to_owned(), None, faults);
        return None;
    }
    let mut refuse = |field: &'static str, message: &str| {
        if let Some(node) = fields.get(field) {
            node.fault(message.to_owned(), faults);
        }
        None
    };
    if kernel.is_none() && !spec.initrds.is_empty() {
        return refuse("initrds", "`initrds` need a `kernel`");
    }
    if kernel.is_none() && spec.command_line.is_some() {
        return refuse("commandLine", "`commandLine` needs a `kernel`");
    }
    if script.is_some() && matches!(loader, Some(LoaderPreference::Grub | LoaderPreference::Secure)) {
        return refuse("loader", "a `script` is run by iPXE, and so needs `loader: ipxe`");
    }
    if spec.shim.is_some() && *loader != Some(LoaderPreference::Secure) {
        return refuse("shim", "`shim` is given to machines with `loader: secure` alone");
    }
    Some(())
}

/// A path in the media, or a URL.
fn path(node: &Node, field: &'static str, has_media: bool, faults: &mut Faults) -> Option<String> {
    let text = node.some_text(field, faults)?;
    if text.len() > LONGEST_PATH || text.contains(|c: char| c.is_control() || c == '"') {
        let message = format!("`{field}` must be at most {LONGEST_PATH} bytes of printable characters");
        node.fault(message, faults);
        return None;
    }
    if ProfileSpec::is_url(text) {
        let host = text.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
        if host.is_empty() || text.contains(char::is_whitespace) || text.contains("${") {
            node.fault(format!("`{field}` is not a URL that a loader can fetch"), faults);
            return None;
        }
        return Some(text.to_owned());
    }
    if text.contains("://") {
        let hint = "write a path in the media, or a URL with http:// or https://".to_owned();
        faults.add(node.place, format!("`{field}` is fetched by HTTP alone"), Some(hint));
        return None;
    }
    let text = text.trim_start_matches('/');
    if text.is_empty() || text.split('/').any(|part| matches!(part, "" | "." | "..")) || text.contains("${") {
        let hint = "a path below the root of the media, like `install.amd/vmlinuz`".to_owned();
        faults.add(node.place, format!("`{field}` is not a path in the media"), Some(hint));
        return None;
    }
    if !has_media {
        let hint = "name by `media` what `ironhand media add` was given, or write a URL".to_owned();
        faults.add(node.place, format!("`{field}` is a path, and the Profile names no media"), Some(hint));
        return None;
    }
    Some(text.to_owned())
}

fn command_line(node: &Node, faults: &mut Faults) -> Option<String> {
    let text = node.text("commandLine", faults)?;
    // A folded text of YAML ends with a new line.
    let text = text.trim();
    let refuse = |message: String, hint: Option<&str>, faults: &mut Faults| {
        faults.add(node.place, message, hint.map(str::to_owned));
        None
    };
    if text.len() > LONGEST_COMMAND_LINE {
        let message = format!("`commandLine` may have {LONGEST_COMMAND_LINE} bytes, and has {}", text.len());
        return refuse(message, None, faults);
    }
    if text.contains(char::is_control) {
        let hint = "write it on one line, or fold it with `>-`";
        return refuse("`commandLine` must be one line".to_owned(), Some(hint), faults);
    }
    if text.contains("${") {
        let hint = "use a template like `{{ mac }}`, which means the same to every loader";
        return refuse(
            "`${` in `commandLine` would be a variable of the loader".to_owned(),
            Some(hint),
            faults,
        );
    }
    Some(text.to_owned())
}

fn script(node: &Node, faults: &mut Faults) -> Option<String> {
    let text = content(node, "script", faults)?;
    if text.trim_start().starts_with("#!") {
        let hint = "leave the first line out: the server writes it".to_owned();
        faults.add(node.place, "`script` begins with `#!`", Some(hint));
        return None;
    }
    Some(text)
}

fn content(node: &Node, field: &'static str, faults: &mut Faults) -> Option<String> {
    let text = node.some_text(field, faults)?;
    if text.len() > LONGEST_CONTENT {
        node.fault(format!("`{field}` may have {LONGEST_CONTENT} bytes, and has {}", text.len()), faults);
        return None;
    }
    Some(text.to_owned())
}

fn files(node: &Node, faults: &mut Faults) -> Option<Vec<AnswerFile>> {
    let mut names: Vec<String> = Vec::new();
    node.list("files", MOST_FILES, faults, |item, faults| {
        let fields = Fields::of(item, &FILE, faults)?;
        let name = fields.require("name", faults).and_then(|node| {
            let name = node.some_text("name", faults)?;
            let sound = name.len() <= 128
                && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
                && !matches!(name, "." | "..");
            if !sound {
                let hint = "letters, digits, `-`, `_` and `.`, at most 128".to_owned();
                faults.add(node.place, format!("`{name}` is not a name of a file"), Some(hint));
                return None;
            }
            if names.iter().any(|other| other.eq_ignore_ascii_case(name)) {
                node.fault(format!("two files are named `{name}`"), faults);
                return None;
            }
            names.push(name.to_owned());
            Some(name.to_owned())
        });
        let text = fields.require("content", faults).and_then(|node| content(node, "content", faults));
        let media_type = fields.optional("mediaType", faults, |node, faults| {
            let text = node.some_text("mediaType", faults)?;
            if !text.contains('/') || text.contains(|c: char| c.is_control() || !c.is_ascii()) {
                node.fault(format!("`{text}` is not a media type"), faults);
                return None;
            }
            Some(text.to_owned())
        });
        Some(AnswerFile { name: name?, content: text?, media_type: media_type? })
    })
}

#[cfg(test)]
mod tests;
