//! Configurations for PXELINUX, and for U-Boot, which reads the same.

use std::fmt::Write as _;

use super::super::quote::{QuoteError, decoded, pxelinux_line, screen_lines, word};
use super::{Act, Scene, Source};

pub(super) fn write(scene: &Scene<'_>) -> Result<String, QuoteError> {
    let mut text = String::new();
    // Where it is to wait, it reads its configuration anew after half a minute; it cannot switch a machine off.
    let waits = matches!(scene.act, Act::Own(_) | Act::Wait | Act::PowerOff { .. });
    let prompt = if waits { "PROMPT 1\nTIMEOUT 300" } else { "PROMPT 0" };
    let _ = writeln!(text, "DEFAULT ironhand\n{prompt}");
    for line in screen_lines(&format!("Ironhand: {}", scene.why)) {
        let _ = writeln!(text, "SAY {line}");
    }
    match &scene.act {
        Act::Kernel { kernel, initrds, command_line } => {
            let arguments = pxelinux_line(command_line, "the command line")?;
            let _ = writeln!(text, "LABEL ironhand\n  KERNEL {}", path(kernel)?);
            if !initrds.is_empty() {
                let initrds: Result<Vec<String>, QuoteError> = initrds.iter().map(path).collect();
                let _ = writeln!(text, "  INITRD {}", initrds?.join(","));
            }
            if !arguments.is_empty() {
                let _ = writeln!(text, "  APPEND {arguments}");
            }
            text.push_str("  IPAPPEND 2\n");
        }
        Act::Chain(program) => {
            let _ = writeln!(text, "LABEL ironhand\n  KERNEL {}", path(program)?);
        }
        Act::LocalDisk(_) | Act::Nothing => text.push_str("LABEL ironhand\n  LOCALBOOT 0\n"),
        Act::Own(_) | Act::Wait | Act::PowerOff { .. } => {
            let mac = scene.client.mac().map(|mac| mac.to_string().replace(':', "-")).unwrap_or_default();
            let _ = writeln!(text, "LABEL ironhand\n  CONFIG ::pxelinux.cfg/01-{mac}");
        }
    }
    Ok(text)
}

/// A path from the root of the server, whatever directory PXELINUX came from.
fn path(source: &Source) -> Result<String, QuoteError> {
    match source {
        Source::Path(path) => Ok(format!("::{}", word(&decoded(path), "the path")?)),
        Source::Url(url) if url.starts_with("http://") => word(url, "the URL"),
        Source::Url(_) => Err(QuoteError::Url { what: "what is booted" }),
    }
}
