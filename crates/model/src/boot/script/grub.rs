//! Configurations for GRUB.
//!
//! Paths are written without a device, so that GRUB fetches by whatever protocol it was itself fetched by: it stays on HTTP
//! after HTTP boot (H9), and the server serves the same paths by both.

use std::fmt::Write as _;

use ironhand_api::{BootArchitecture, LocalBoot};

use super::super::architecture::efi_suffix;
use super::super::quote::{QuoteError, decoded, grub_arguments, grub_word, screen_lines};
use super::{Act, Scene, Source};

/// The configuration that GRUB reads first, the same for all machines: it reads that of the machine. `net_default_mac` has
/// colons, which the server takes as well as dashes (S6).
pub(in crate::boot) const DISPATCH: &str = "# Reads what Ironhand says that this machine boots.\n\
    set timeout=0\nconfigfile /grub/grub.cfg-01-${net_default_mac}\n\
    echo 'Ironhand does not answer: this machine boots what comes next.'\nsleep 10\nexit 1\n";

pub(super) fn write(scene: &Scene<'_>) -> Result<String, QuoteError> {
    let mut text = "set timeout=0\n".to_owned();
    for line in screen_lines(&format!("Ironhand: {}", scene.why)) {
        let _ = writeln!(text, "echo {}", grub_word(&line, "the reason")?);
    }
    match &scene.act {
        Act::Kernel { kernel, initrds, command_line } => {
            let arguments = grub_arguments(command_line)?;
            let space = if arguments.is_empty() { "" } else { " " };
            let _ = writeln!(text, "linux {}{space}{arguments}", path(kernel)?);
            if !initrds.is_empty() {
                let initrds: Result<Vec<String>, QuoteError> = initrds.iter().map(path).collect();
                let _ = writeln!(text, "initrd {}", initrds?.join(" "));
            }
            text.push_str("boot\n");
            text.push_str("echo 'Ironhand: it could not be fetched or started, and the machine starts again.'\nsleep 30\nreboot\n");
        }
        Act::Chain(program) => {
            let _ = writeln!(text, "chainloader {}\nboot", path(program)?);
            text.push_str("echo 'Ironhand: the program could not be started, and the machine starts again.'\nsleep 30\nreboot\n");
        }
        Act::LocalDisk(style) => local_disk(&mut text, *style, scene.firmware()),
        // A script of iPXE is told apart before.
        Act::Own(_) | Act::Wait => wait(&mut text, scene),
        Act::PowerOff { .. } => text.push_str("sleep 3\nhalt\n"),
        Act::Nothing => text.push_str("sleep 3\nexit 1\n"),
    }
    Ok(text)
}

fn path(source: &Source) -> Result<String, QuoteError> {
    match source {
        Source::Path(path) => grub_word(&format!("/{}", decoded(path)), "the path"),
        Source::Url(url) => {
            let rest = url.strip_prefix("http://").ok_or(QuoteError::Url { what: "what is booted" })?;
            let (host, path) = rest.split_once('/').ok_or(QuoteError::Url { what: "what is booted" })?;
            // Whether a GRUB takes a port here depends on its version.
            if host.contains(':') {
                return Err(QuoteError::Url { what: "what is booted" });
            }
            grub_word(&format!("(http,{host})/{path}"), "the URL")
        }
    }
}

/// Boots from the disk: the firmware's next entry, or the loader that a disk has for machines without entries.
fn local_disk(text: &mut String, style: LocalBoot, firmware: Option<BootArchitecture>) {
    let suffix = firmware.and_then(efi_suffix);
    match (style, suffix) {
        (LocalBoot::Drive, Some(suffix)) => {
            let _ = write!(
                text,
                "if search --no-floppy --set=root --file /efi/boot/boot{suffix}.efi; then\n  \
                 chainloader /efi/boot/boot{suffix}.efi\n  boot\nfi\nexit 1\n",
            );
        }
        (LocalBoot::Usual | LocalBoot::Drive, None) if firmware == Some(BootArchitecture::Bios) => {
            text.push_str("set root=(hd0)\nchainloader +1\nboot\nexit\n");
        }
        _ => text.push_str("exit 1\n"),
    }
}

/// Reads again and again what is next: a short configuration that does nothing as long as there is nothing.
fn wait(text: &mut String, scene: &Scene<'_>) {
    let mac = scene.client.mac().map(|mac| mac.to_string().replace(':', "-"));
    let Some(mac) = mac else {
        text.push_str("sleep 60\nreboot\n");
        return;
    };
    let _ = write!(text, "while true; do\n  sleep 30\n  source /grub/again-01-{mac}\ndone\n");
}
