//! What is offered is served, and what others say of themselves never becomes script.

use ironhand_api::{BootArchitecture, MacAddress};
use proptest::prelude::*;

use super::*;

/// Every path of this server that a text names: URLs of both kinds, and absolute paths of GRUB and PXELINUX.
fn named_in(text: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for word in text.split([' ', '\n', '\'', ',']) {
        let path = ["http://10.0.7.1:8480/boot/", "tftp://10.0.7.1/", "::"]
            .iter()
            .find_map(|base| word.split_once(base).map(|(_, path)| path))
            .or_else(|| {
                word.strip_prefix('/').filter(|path| path.contains('/') && !path.starts_with("efi/"))
            });
        // Variables stand for what a loader knows of its machine.
        let known = |path: &str| {
            let path =
                path.replace("${netX/mac:hexhyp}", "52-54-00-12-34-56").replace("${net_default_mac}", MAC);
            let mut text = String::new();
            let mut rest = path.as_str();
            while let Some((before, after)) = rest.split_once("${") {
                text.push_str(before);
                rest = after.split_once('}').map_or("", |(_, after)| after);
            }
            text + rest
        };
        paths.extend(path.map(known));
    }
    paths
}

fn check_served(view: &View, path: &str, why: &str) {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let path = quote::decoded(path);
    let located = view.locate(&path, query).unwrap_or_else(|| panic!("{path} is not served: {why}"));
    if let Page::Loader(loader) = &located.page {
        assert!(view.has_loader(loader), "{loader}");
    }
}

/// Plays all that a client may come to: its own request, and those of each loader.
fn check_client(view: &View, client: &Client, why: &str) {
    for path in view.offered(client) {
        check_served(view, &path, why);
    }
    let decision = decide(view, client);
    match &decision.answer {
        Answer::Loader(offer) => {
            assert_ne!(client.stage, Stage::Ipxe, "iPXE is never given a loader: {why}");
            let path = offer.file.strip_prefix("http://10.0.7.1:8480/boot/").unwrap_or(&offer.file);
            check_served(view, path, why);
        }
        Answer::Script(offer) => {
            assert_eq!(client.stage, Stage::Ipxe, "only iPXE is given a script: {why}");
            named_in(&offer.url).iter().for_each(|path| check_served(view, path, why));
        }
        Answer::Silent | Answer::Address => {}
    }
    assert!(!decision.reason.is_empty(), "{why}");
    for page in [
        Page::Ask { by_itself: true },
        Page::Ask { by_itself: false },
        Page::GrubDispatch,
        Page::Script,
        Page::GrubAgain,
    ] {
        let text = view.text(&page, client, &Plain).unwrap().unwrap();
        for path in named_in(&text.text) {
            check_served(view, &path, &format!("{why}\n{page:?}\n{}", text.text));
        }
    }
}

const MODES: [&str; 4] = ["full", "reservations", "proxy", "off"];

/// What a network says of loaders and protocols.
const WAYS: [&str; 4] = [
    "loader: ipxe, methods: [http, tftp]",
    "loader: grub, methods: [tftp, http]",
    "loader: secure, methods: [tftp]",
    "loader: ipxe, methods: [http]",
];

/// Every firmware and stage of the machine with a hardware address.
fn check_machine(view: &View, mac: &str, why: &str) -> usize {
    let stages = [Stage::Pxe, Stage::HttpBoot, Stage::Ipxe, Stage::Grub, Stage::Pxelinux, Stage::Os];
    let mut count = 0;
    for firmware in BootArchitecture::ALL {
        for stage in stages {
            let architecture = Architecture::of(firmware, stage == Stage::HttpBoot);
            let client = Client { architecture, stage, ..super::firmware(mac, 0) };
            check_client(view, &client, &format!("{why} {firmware} {stage:?} {mac}"));
            count += 1;
        }
    }
    count
}

/// Every combination of firmware, stage, mode, loader and methods, with each profile for a host that is known, and with each
/// policy for one that is not.
#[test]
fn what_is_offered_is_served() {
    let policies = ["menu", "powerOff", "localDisk", "discovery, discovery: debian", "refuse", "ignore"];
    let profiles = [
        KERNEL.to_owned(),
        format!("{KERNEL}, loader: secure, shim: EFI/boot/bootx64.efi"),
        "media: debian-12, chain: 'EFI/boot/boot x64+1.efi'".to_owned(),
        "script: 'chain {{ media }}/x'".to_owned(),
        "kernel: 'http://elsewhere/vmlinuz', initrds: ['http://elsewhere/initrd']".to_owned(),
    ];
    let mut count = 0;
    for (mode, way) in MODES.into_iter().flat_map(|mode| WAYS.map(|way| (mode, way))) {
        for boots in &profiles {
            let view = View::new(records(network(&format!("mode: {mode}, {way}")), profile(boots)));
            count += check_machine(&view, MAC, &format!("{mode} {way} {boots}"));
        }
        for policy in policies {
            let spec = format!("mode: {mode}, {way}, unknown: {policy}");
            let view = View::new(records(network(&spec), profile(KERNEL)));
            count += check_machine(&view, "52:54:00:99:99:99", &spec);
        }
    }
    assert_eq!(count, 4 * 4 * (5 + 6) * 10 * 6);
}

#[test]
fn names_of_loaders_are_found_in_every_spelling() {
    let view = View::new(records(network("mode: full"), profile(KERNEL)));
    let check = |path: &str, wanted: Option<Page>| {
        assert_eq!(view.locate(path, None).map(|located| located.page), wanted, "{path}");
    };
    let mac: MacAddress = MAC.parse().unwrap();
    for path in [
        "grub.cfg-01-52-54-00-12-34-56",
        "grub/grub.cfg-01-52:54:00:12:34:56",
        "grub/grub.cfg-01-52-54-00-12-34-56",
        "GRUB\\GRUB.CFG-01-52-54-00-12-34-56",
        "debian-installer/amd64/grub/grub.cfg-52:54:00:12:34:56",
        "pxelinux.cfg/01-52-54-00-12-34-56",
        "pxelinux/bios/pxelinux.cfg/0A00070C",
        "grub/grub.cfg-0A00070C",
    ] {
        let located = view.locate(path, None).unwrap_or_else(|| panic!("{path}"));
        assert_eq!((located.page, located.client.mac()), (Page::Script, Some(mac)), "{path}");
    }
    check("/boot//grub/./grub.cfg", Some(Page::GrubDispatch));
    check("grub/x86_64-efi/grub.cfg", Some(Page::GrubDispatch));
    check("debian-installer/amd64/grub/grub.cfg", Some(Page::GrubDispatch));
    let of_pi = |file: &str| Some(Page::RaspberryPi(format!("raspberrypi/{file}")));
    check("9ffefdef/start4.elf", of_pi("start4.elf"));
    check("dc-a6-32-01-02-03/overlays/vc4.dtbo", of_pi("overlays/vc4.dtbo"));
    check("bootcode.bin", of_pi("bootcode.bin"));
    check("9ffefdef", None);
    check("9ffefde/start4.elf", None);
    check("start4.elf", None);
    check("9ffefdef/../secret", None);
    check("IPXE/X64/SNPONLY.EFI", Some(Page::Loader("ipxe/x64/snponly.efi".to_owned())));
    check("ipxe/x64/autoexec.ipxe", Some(Page::Ask { by_itself: true }));
    check("autoexec.ipxe", Some(Page::Ask { by_itself: true }));
    let image = || Page::Media { media: name("debian-12"), path: "image.iso".to_owned() };
    check("media/debian-12.iso", Some(image()));
    check("BOOT/Media/DEBIAN-12.ISO", Some(image()));
    check("boot\\MEDIA\\Debian-12\\image.iso", Some(image()));
    for path in [
        "",
        "/",
        "media/other.iso",
        "grub/x86_64-efi/command.lst",
        "secure/x64/revocations_sku.efi",
        "shim_certificate_0.efi",
        "media",
        "media/debian-12",
        "media/other/a",
        "media/debian-12/../x",
        "../etc/passwd",
        "hosts/web-3/wrong/preseed.cfg",
        "hosts/web-3//preseed.cfg",
        "hosts/web-3/s3cr3t/other",
        "pxelinux.cfg/0A0007",
        "grub/grub.cfg-0A",
        "boot",
        "pxelinux.cfg/4c4c4544-0044-4a10-8058-b4c04f4c4d32",
    ] {
        check(path, None);
    }
    let file = Page::File { host: name("web-3"), file: "preseed.cfg".to_owned() };
    check("hosts/web-3/s3cr3t/preseed.cfg", Some(file));
}

#[test]
fn a_uuid_that_is_not_set_is_none() {
    let check = |uuid: &str, wanted: bool| {
        let client = said(&format!("mac=52-54-00-12-34-56&uuid={uuid}"));
        assert_eq!((client.macs.len(), client.uuid.is_some()), (1, wanted), "{uuid}");
    };
    check("4c4c4544-0044-4a10-8058-b4c04f4c4d32", true);
    check("00000000-0000-0000-0000-000000000000", false);
    check("ffffffff-ffff-ffff-ffff-ffffffffffff", false);
    check("03000200-0400-0500-0006-000700080009", false);
    check("", false);
    // Nor is an interface of zeros one.
    assert_eq!(said("mac=00-00-00-00-00-00&mac=52-54-00-12-34-56").macs, [MAC.parse().unwrap()]);
}

#[test]
fn a_change_of_a_record_is_seen_at_once() {
    let mut parts = records(network("mode: full"), profile(KERNEL));
    let client = Client { stage: Stage::Ipxe, ..firmware(MAC, 7) };
    let before = script(&View::new(parts.clone()), &client, &Plain).unwrap().text;
    assert!(before.contains("kernel --name kernel http://10.0.7.1:8480/boot/media/debian-12/install.amd/vmlinuz \
        initrd=initrd0.img initrd=initrd1.img auto url=http://10.0.7.1:8480/boot/hosts/web-3/s3cr3t/preseed.cfg ---"), "{before}");
    parts.deployments.clear();
    let view = View::new(parts);
    assert!(script(&view, &client, &Plain).unwrap().text.ends_with("exit 1\n"));
    assert_eq!(view.locate("hosts/web-3/s3cr3t/preseed.cfg", None), None, "a deletion is a 404 at once");
}

#[test]
fn what_cannot_be_rendered_is_told_on_the_screen_and_waits() {
    let check = |spec: &str, stage: Stage, serial: &str, wanted: &str| {
        let mut parts = records(network("mode: full"), profile(spec));
        let boot = HostBoot { serial: Some(serial.to_owned()), ..Default::default() };
        parts.hosts = vec![Arc::new(host(boot))];
        let rendered = script(&View::new(parts), &Client { stage, ..firmware(MAC, 7) }, &Plain).unwrap();
        let fault = rendered.fault.unwrap_or_else(|| panic!("{}", rendered.text));
        assert!(fault.contains(wanted), "{fault}");
        assert!(!rendered.text.contains("kernel ") && !rendered.text.contains("linux "), "{}", rendered.text);
    };
    let kernel = |line: &str| format!("media: debian-12, kernel: k, commandLine: '{line}'");
    check(&kernel("a {{ broken }}"), Stage::Ipxe, "1", "a template of Profile debian fails");
    check(&kernel("serial={{ serial }}"), Stage::Ipxe, "a\nshell", "control character");
    check(&kernel("serial={{ serial }}"), Stage::Ipxe, "${keep-san}", "iPXE would take for a variable");
    check(&kernel("serial={{ serial }}"), Stage::Grub, "a'b", "GRUB cannot hand to a kernel");
    check(&kernel("serial={{ serial }}"), Stage::Pxelinux, "a\nb", "control character");
    check("script: 'shell'", Stage::Grub, "1", "is a script for iPXE");
    check("kernel: 'https://a/b'", Stage::Grub, "1", "a URL that this loader cannot fetch");
}

/// The commands of a script: the first word of each line, and those behind the ends of commands of iPXE.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut first = true;
        for word in line.split_whitespace() {
            if first {
                found.push(word.to_owned());
            }
            first = matches!(word, ";" | "&&" | "||");
        }
    }
    found
}

proptest! {
    /// Whatever a machine or a record says of itself, the script has the commands of a harmless one.
    #[test]
    fn what_others_say_never_becomes_script(
        serial in "[ -~\n\r\t${}'\"\\\\;|&#]{0,40}",
        stage in prop::sample::select(vec![Stage::Ipxe, Stage::Grub, Stage::Pxelinux]),
    ) {
        let render = |serial: &str| {
            let mut parts = records(network("mode: full"), profile("media: debian-12, kernel: k, commandLine: 'a={{ serial }} b'"));
            let boot = HostBoot { serial: Some(serial.to_owned()), ..Default::default() };
            parts.hosts = vec![Arc::new(host(boot))];
            script(&View::new(parts), &Client { stage, ..firmware(MAC, 7) }, &Plain).unwrap()
        };
        let found = render(&serial);
        prop_assert!(!found.text.contains('\r'));
        if found.fault.is_none() {
            prop_assert_eq!(commands(&found.text), commands(&render("harmless").text));
            prop_assert_eq!(found.text.lines().count(), render("harmless").text.lines().count());
        } else {
            prop_assert!(!found.text.contains("/media/"));
        }
    }

    /// No path and no query makes it panic, and no path leads anywhere but to what there is.
    #[test]
    fn any_path_and_query_is_answered(path in "[ -~]{0,80}", query in proptest::option::of("[ -~]{0,200}")) {
        let view = View::new(records(network("mode: full"), profile(KERNEL)));
        if let Some(located) = view.locate(&path, query.as_deref()) {
            let client = Client { network: Some(name("rack7")), ..located.client };
            let _ = view.text(&located.page, &client, &Plain);
        }
    }
}
