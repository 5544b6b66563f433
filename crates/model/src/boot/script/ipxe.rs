//! Scripts for iPXE.
//!
//! Facts about iPXE that these scripts rest on: it splits a line at blanks and knows no quotes; variables are replaced word by
//! word, and so are what they hold; `exit 1` is an error to UEFI, which goes on with its next boot entry, whereas a success
//! would end in the firmware's menu (UEFI 2.10, section 3.1.1); images that UEFI boots find their initrd by the name in
//! `initrd=`.

use std::fmt::Write as _;

use ironhand_api::{BootArchitecture, LocalBoot};

use super::super::quote::{IPXE_VARIABLES, QuoteError, ipxe_arguments, screen_lines, word};
use super::{Act, Scene, Source};
use crate::boot::decide::Intent;
use crate::boot::view::BootServer;

/// The name of the script that asks, without what it says of the machine.
pub(in crate::boot) const ASK: &str = "boot.ipxe";

/// What a machine says of itself, in variables of iPXE. All of its first four interfaces are named, since any of them may be
/// in the record of its host.
pub(in crate::boot) const QUERY: &str = "mac=${netX/mac:hexhyp}&mac=${net0/mac:hexhyp}&mac=${net1/mac:hexhyp}\
    &mac=${net2/mac:hexhyp}&mac=${net3/mac:hexhyp}&uuid=${uuid}&serial=${serial:uristring}\
    &manufacturer=${manufacturer:uristring}&product=${product:uristring}&asset=${asset:uristring}\
    &arch=${buildarch}&platform=${platform}";

/// The same without what may hold anything, for the name of a file.
const SHORT_QUERY: &str = "mac=${netX/mac:hexhyp}&mac=${net0/mac:hexhyp}&mac=${net1/mac:hexhyp}\
    &mac=${net2/mac:hexhyp}&mac=${net3/mac:hexhyp}&uuid=${uuid}&arch=${buildarch}&platform=${platform}";

/// Lines that wait, longer each time, up to a minute.
const PAUSE: &str = "sleep ${ih-wait}\ninc ih-wait ${ih-wait}\niseq ${ih-wait} 64 && set ih-wait:int32 60 ||\n\
    iseq ${ih-wait} 120 && set ih-wait:int32 60 ||\n";

/// The command that asks what is next, with all that the machine says of itself.
fn question(server: BootServer, http: bool) -> String {
    let base = server.base(http);
    match http && server.http.is_some() {
        true => format!("chain --replace --autofree {base}{ASK}?{QUERY}"),
        false => format!("chain --replace --autofree {base}{ASK}/{SHORT_QUERY}"),
    }
}

/// The script that asks, which is the same for all machines: `boot.ipxe` and, where `by_itself`, `autoexec.ipxe`, which iPXE
/// reads before it has an address.
///
/// There the address is asked for by `ifconf -c dhcp`, or `ifconf -c ipv6` where it was read over IPv6. `autoboot`, or `dhcp` of all kinds at once, would wait for a router to
/// advertise IPv6 first: 16 seconds of each boot where none does (P14).
pub(in crate::boot) fn ask(server: BootServer, http: bool, by_itself: bool) -> String {
    let mut text =
        "#!ipxe\n# Asks Ironhand what this machine boots.\nset ih-wait:int32 1\nset ih-tries:int32 0\n"
            .to_owned();
    if by_itself {
        let (address, how) = if server.address.is_ipv6() { ("ip6", "ipv6") } else { ("ip", "dhcp") };
        let _ = write!(
            text,
            "isset ${{netX/{address}}} && goto ask ||\n:address\nifconf -c {how} && goto ask ||\n\
             echo No DHCP server has answered. Is the cable in, and the port of the switch an edge port?\n\
             inc ih-tries\niseq ${{ih-tries}} 10 && goto giveup ||\n",
        );
        text.push_str(PAUSE);
        text.push_str("goto address\n");
    }
    let _ = write!(
        text,
        ":ask\n{} ||\necho Ironhand at {} does not answer.\ninc ih-tries\niseq ${{ih-tries}} 10 && goto giveup ||\n{PAUSE}\
         goto ask\n:giveup\necho Ironhand has not answered for minutes: this machine boots what comes next.\nsleep 10\n\
         exit 1\n",
        question(server, http),
        server.address,
    );
    text
}

pub(super) fn write(scene: &Scene<'_>) -> Result<String, QuoteError> {
    let mut text = "#!ipxe\n".to_owned();
    let _ = writeln!(text, "# {}", scene.why);
    say(&mut text, &format!("Ironhand: {}", scene.why));
    match &scene.act {
        Act::Kernel { kernel, initrds, command_line } => {
            boot_kernel(&mut text, scene, kernel, initrds, command_line)?;
        }
        Act::Own(script) => own(&mut text, script),
        Act::Chain(program) => chain(&mut text, scene, program)?,
        Act::LocalDisk(style) => text.push_str(local_disk(*style, scene.firmware())),
        Act::Wait => wait(&mut text, scene),
        Act::PowerOff { grub } => {
            text.push_str("sleep 3\npoweroff ||\n");
            if let Some(grub) = grub {
                let grub = url(scene, grub, "the loader")?;
                let _ = writeln!(text, "echo This iPXE cannot switch a machine off: GRUB does.");
                let _ = writeln!(text, "chain --autofree {grub} ||");
            }
            text.push_str("echo This iPXE cannot switch a machine off.\n");
            wait(&mut text, scene);
        }
        Act::Nothing => text.push_str("sleep 3\nexit 1\n"),
    }
    Ok(text)
}

/// Shows a text, whose letters mean nothing to iPXE.
fn say(text: &mut String, words: &str) {
    for line in screen_lines(words) {
        let _ = writeln!(text, "echo {line}");
    }
}

fn url(scene: &Scene<'_>, source: &Source, what: &'static str) -> Result<String, QuoteError> {
    match source {
        Source::Path(path) => word(&format!("{}{path}", scene.server.base(scene.http)), what),
        Source::Url(url) => word(url, what),
    }
}

/// Fetches kernel and initrds, each under a name of ours, and starts them; tries again where a fetch fails, and from the
/// beginning after ten times.
fn boot_kernel(
    text: &mut String,
    scene: &Scene<'_>,
    kernel: &Source,
    initrds: &[Source],
    command_line: &str,
) -> Result<(), QuoteError> {
    let uefi = scene.firmware().is_none_or(BootArchitecture::is_uefi);
    let arguments = ipxe_arguments(command_line)?;
    let names: Vec<String> = (0..initrds.len()).map(|number| format!("initrd{number}.img")).collect();
    // A BIOS hands over everything that was fetched; an EFI kernel looks for the names.
    let named: String = names.iter().filter(|_| uefi).map(|name| format!(" initrd={name}")).collect();
    let space = if arguments.is_empty() { "" } else { " " };
    text.push_str(IPXE_VARIABLES);
    text.push_str("set ih-wait:int32 1\nset ih-tries:int32 0\n:again\nimgfree\n");
    let kernel = url(scene, kernel, "the kernel")?;
    let _ = writeln!(text, "kernel --name kernel {kernel}{named}{space}{arguments} || goto failed");
    for (name, initrd) in names.iter().zip(initrds) {
        let initrd = url(scene, initrd, "the initrd")?;
        let _ = writeln!(text, "initrd --name {name} {initrd} || goto failed");
    }
    text.push_str("boot ||\n");
    text.push_str(":failed\necho Ironhand: something of it could not be fetched or started.\n");
    retry(text);
    Ok(())
}

/// Tries again, and after ten times begins with the firmware.
fn retry(text: &mut String) {
    text.push_str("inc ih-tries\niseq ${ih-tries} 10 && goto giveup ||\n");
    text.push_str(PAUSE);
    text.push_str("goto again\n:giveup\necho Ironhand: it failed ten times, and the machine starts again.\nsleep 10\nreboot\n");
}

fn own(text: &mut String, script: &str) {
    text.push_str(script);
    if !script.ends_with('\n') {
        text.push('\n');
    }
}

fn chain(text: &mut String, scene: &Scene<'_>, program: &Source) -> Result<(), QuoteError> {
    let program = url(scene, program, "the program")?;
    text.push_str("set ih-wait:int32 1\nset ih-tries:int32 0\n:again\nimgfree\n");
    let _ = writeln!(text, "chain --autofree {program} ||");
    text.push_str("echo Ironhand: the program could not be fetched or started, or has ended.\n");
    retry(text);
    Ok(())
}

/// Boots from the disk (I4). Where the firmware is not known, iPXE says what it is.
const fn local_disk(style: LocalBoot, firmware: Option<BootArchitecture>) -> &'static str {
    const DRIVE: &str = "sanboot --no-describe --drive 0x80 ||\nexit 1\n";
    match (style, firmware) {
        (LocalBoot::Drive, _) | (LocalBoot::Usual, Some(BootArchitecture::Bios)) => DRIVE,
        (LocalBoot::Usual, None) => {
            "iseq ${platform} pcbios && sanboot --no-describe --drive 0x80 ||\nexit 1\n"
        }
        _ => "exit 1\n",
    }
}

/// Asks again and again: the server keeps what the machine says of itself, and answers with something to boot as soon as
/// there is something.
fn wait(text: &mut String, scene: &Scene<'_>) {
    if scene.decision.intent == Intent::Menu {
        let address = if scene.server.address.is_ipv6() { "ip6" } else { "ip" };
        let _ = write!(
            text,
            "echo This machine is not described by any Host.\n\
             echo It waits, and boots as soon as somebody says what.\n\
             echo Hardware address ${{netX/mac}}, address ${{netX/{address}}}\n",
        );
    }
    text.push_str("set ih-wait:int32 8\n:wait\n");
    text.push_str(PAUSE);
    let _ = write!(text, "{} ||\ngoto wait\n", question(scene.server, scene.http));
}
