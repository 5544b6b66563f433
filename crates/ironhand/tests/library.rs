//! The flow library judged on every screen that there is: which flows apply to which, and to all others none. A flow that takes a
//! screen for another one presses keys on a machine that is well.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use ironhand_api::{Flow, Manifest, PowerState, Reach, ScreenKind, Timestamp, parse_manifests};
use ironhand_console::Page;
use ironhand_server::{Circumstances, FlowSet, Looked, flow_faults};

/// The screens of `testdata/screens` that flows apply to, without what was done to a copy; to all others none does.
const SCREENS: &[(&str, &[&str])] = &[
    ("bsod-nt-vesafb800", &["windows-stop-screen"]),
    ("fsck-manual-debian-text", &["fsck-manually"]),
    ("grub-menu-1280x1024", &["grub-menu-waits"]),
    ("grub-menu-800", &["grub-menu-waits"]),
    ("grub-rescue-text", &["grub-rescue"]),
    ("initramfs-noroot-text", &["initramfs-no-root"]),
    ("initramfs-root-damaged-text", &["initramfs-root-damaged"]),
    ("ipxe-nodhcp-fail", &["no-bootable-device"]),
    ("ovmf-ipxe-nodhcp", &["network-boot-failed"]),
    ("ovmf-pxefail-1280", &["network-boot-failed"]),
    ("ovmf-shell-1280", &["wrong-boot-order"]),
    ("ovmf-shell-800", &["wrong-boot-order"]),
    ("panic-init-text", &["kernel-panic"]),
    ("panic-vfs-text", &["kernel-panic-no-root", "kernel-panic"]),
    ("panic-vfs-vesafb1024", &["kernel-panic-no-root", "kernel-panic"]),
    ("post-noboot-text", &["no-bootable-device"]),
    ("seabios-noboot-text", &["no-bootable-device"]),
];

/// Examples of one flow that others apply to as well.
const SHARED: &[(&str, &str)] =
    &[("kernel-panic-no-root", "kernel-panic"), ("login-without-network", "silent-host")];

/// Screens of machines that are well, or at which somebody works, with the words of trouble on them.
const ORDINARY: &[(&str, &str)] = &[
    ("a login prompt", "Debian GNU/Linux 12 node17 tty1\n\nnode17 login: "),
    ("a Windows sign-in page", "Press Ctrl+Alt+Delete to unlock.\n14:07\nMonday, 4 March"),
    (
        "a journal in a pager",
        "Mar 04 11:12:13 node17 kernel: Kernel panic - not syncing: Fatal exception\n\
         Mar 04 11:12:13 node17 kernel: Out of memory: Killed process 812 (java)\nlines 1-23",
    ),
    (
        "an old panic shown by dmesg",
        "root@node17:~# dmesg -r | tail -2\n\
         [   12.345678] Kernel panic - not syncing: Fatal exception in interrupt\n\
         [   12.345690] ---[ end Kernel panic - not syncing: Fatal exception in interrupt ]---\nroot@node17:~# ",
    ),
    (
        "a text about panics in an editor",
        "# What to do after a panic\n\nThe last row says: Kernel panic - not syncing: VFS: Unable to mount root fs\n\
         Then press F1 to\nread on.\n~\n~\n-- INSERT --                                  3,41          All",
    ),
    (
        "a copied panic in an editor",
        "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\n~\n~\n\
         \"notes.txt\" [New] 12L, 340B written",
    ),
    ("somebody at a prompt of GRUB", "grub rescue> ls\n(hd0) (hd0,msdos1)\ngrub rescue> set pre"),
    (
        "somebody in an initial RAM disk",
        "RUN fsck MANUALLY.\n\n(initramfs) blkid\n/dev/sda1: TYPE=\"ext4\"\n(initramfs) fsck ",
    ),
    ("a check that runs", "fsck -y /dev/sda1\nPass 1: Checking inodes, blocks, and sizes\n"),
    ("a check without errors", "/dev/sda1: clean, 39/4096 files, 3306/16384 blocks\n[  OK  ] Mounted /boot."),
    (
        "a search in logs",
        "root@node17:~# grep -ri 'no bootable device' /usr/share/doc\n\
         /usr/share/doc/x: No bootable device means that firmware found none\nroot@node17:~# ",
    ),
    ("a setup page", "F1 Help   Up/Down Select Item   F10 Save and Exit\nBoot Order: UEFI: Disk, PXE"),
    (
        "a start of the firmware",
        "Press F2 for System Setup, F10 for Lifecycle Controller, F11 for Boot Manager, F12 for PXE Boot\n\
         Initializing firmware interfaces...",
    ),
    (
        "a controller in order",
        "PowerEdge Expandable RAID Controller BIOS\n1 Virtual Drive(s) found on the host adapter.\n\
         Press <Ctrl><R> to Run Configuration Utility",
    ),
    (
        "a network boot under way",
        "net0: 52:54:00:12:34:56 using virtio-net on 0000:00:03.0 (open)\nConfiguring (net0 52:54:00:12:34:56)...... ok\n\
         rescue.ipxe... ok\nvmlinuz... 43%",
    ),
    (
        "a menu that counts",
        "GNU GRUB  version 2.06\n*Debian GNU/Linux\nThe highlighted entry will be executed automatically in 4s.",
    ),
    (
        "a boot in order",
        "[    3.412345] EXT4-fs (sda2): mounted filesystem with ordered data mode\n\
         [  OK  ] Started Emergency shell watcher.\n         Starting systemd-fsck-root.service - File System Check on Root...",
    ),
    (
        "one process that ran out of memory",
        "[ 9312.101] Out of memory: Killed process 812 (java) total-vm:9134kB\nnode17 login: ",
    ),
    ("an installer at work", "Installing the base system\n   63%\nUnpacking linux-image-6.1.0-18-amd64..."),
    ("Windows installs updates", "Working on updates  43% complete\nDon't turn off your computer"),
    (
        "a script that waits",
        "The backup is complete: 0 errors, memory 12 MiB.\nPress any key to continue . . .",
    ),
    ("nothing at all", ""),
];

fn library() -> Vec<Flow> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../flows"));
    let mut flows = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the library is there") {
        let path = entry.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a manifest");
        for manifest in parse_manifests(&path.display().to_string(), &text).expect("manifests without faults")
        {
            let Manifest::Flow(flow) = manifest else { panic!("{}: not a flow", path.display()) };
            assert_eq!(flow_faults(&flow), Vec::<String>::new(), "{}", flow.metadata.name);
            flows.push(flow);
        }
    }
    flows
}

/// The names of the flows that apply to a text that has stood for long on a machine that is on; `ping` is whether it answers
/// pings, where that is known.
fn applying(flows: &FlowSet, text: &str, ping: Option<bool>) -> BTreeSet<String> {
    let around = Circumstances {
        unchanged_for: Some(Duration::from_secs(24 * 3600)),
        power: Some(PowerState::On),
        reach: Some(Reach::Ok),
        ping,
        ..Circumstances::default()
    };
    let page = Page::from_text(text);
    let at: Timestamp = "2026-03-04T11:12:13Z".parse().expect("a time");
    let looked = Looked { page: &page, text, at, picture: None };
    let kind = if text.trim().is_empty() { ScreenKind::Blank } else { ScreenKind::Text };
    let verdicts = flows.verdicts_on_any_host(kind, &around, &looked);
    verdicts.into_iter().filter(|verdict| verdict.applies).map(|verdict| verdict.flow.to_string()).collect()
}

fn names(flows: &[&str]) -> BTreeSet<String> {
    flows.iter().map(|flow| (*flow).to_owned()).collect()
}

#[test]
fn each_screen_has_its_flows_and_no_other() {
    let flows = FlowSet::compile(library());
    let mut expected: BTreeMap<&str, &[&str]> = SCREENS.iter().copied().collect();
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/screens"));
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the screens are there") {
        let path = entry.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let screen = name.split("__").next().unwrap_or_default().to_owned();
        let found = applying(&flows, &std::fs::read_to_string(&path).expect("a text"), None);
        if found != names(expected.get(screen.as_str()).copied().unwrap_or_default()) {
            wrong.push(format!("{name}: {found:?}"));
        }
        seen.insert(screen);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    expected.retain(|screen, _| !seen.contains(*screen));
    assert!(expected.is_empty(), "no such screens: {expected:?}");
}

#[test]
fn what_is_well_is_left_alone() {
    let flows = FlowSet::compile(library());
    let wrong: Vec<_> = ORDINARY
        .iter()
        .map(|(name, text)| (name, applying(&flows, text, None)))
        .filter(|(_, found)| !found.is_empty())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_flow_takes_the_example_of_another() {
    let library = library();
    let flows = FlowSet::compile(library.clone());
    let mut wrong = Vec::new();
    for flow in &library {
        let own = flow.metadata.name.as_str();
        assert!(
            flow.spec.examples.iter().any(|example| example.matches),
            "{own} shows no screen that it is for"
        );
        assert!(
            flow.spec.examples.iter().any(|example| !example.matches),
            "{own} shows no screen that it leaves"
        );
        let own_screens = flow.spec.examples.iter().filter(|example| example.matches);
        for (text, ping) in own_screens.filter_map(|example| Some((example.text.as_ref()?, example.ping))) {
            let found = applying(&flows, text, ping);
            let others = found.iter().filter(|name| *name != own && !SHARED.contains(&(own, name.as_str())));
            let others: Vec<_> = others.collect();
            if !found.contains(own) || !others.is_empty() {
                wrong.push(format!("{own}: {found:?} apply to {text:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What may destroy data or settings is asked for before it is done.
#[test]
fn steps_that_may_cost_data_ask_a_person() {
    for flow in library() {
        let name = flow.metadata.name.as_str();
        if name.starts_with("raid-") || name == "firmware-settings-lost" {
            let steps = serde_json::to_value(&flow.spec.steps).expect("steps are data");
            let steps: Vec<String> = steps
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(|step| step.as_object()?.keys().next().cloned())
                .collect();
            let asked = steps.iter().position(|step| step == "approve");
            let acts = steps.iter().position(|step| matches!(step.as_str(), "keys" | "power" | "bootDevice"));
            assert!(asked < acts && asked.is_some(), "{name}: {steps:?}");
        }
    }
}
