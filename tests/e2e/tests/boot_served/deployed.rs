//! What becomes of a deployment, and of machines that have none.

use std::path::PathBuf;

use e2e::{DISK_MARKER, Firmware, Hardware, Machine, Network, Party, write_disk};
use serde_json::Value;

use crate::PATIENCE;
use crate::place::{FULL, OURS, Place};

fn disk(place: &Place) -> PathBuf {
    let path = place.ironhand.folder().join("disk.img");
    write_disk(&path);
    path
}

#[test]
fn what_is_deployed_once_boots_from_its_disk_from_then_on() {
    let place = Place::new(FULL);
    let disk = disk(&place);
    let mac = "52:54:00:00:08:01";
    let hardware = Hardware { disk: Some(&disk), ..Hardware::new(Firmware::Bios, mac) };
    place.describe_host("once", mac);
    place.deploy("once", "told-by=once");
    let mut machine = Machine::start(&place.network, &hardware);
    machine.shows("told-by=once", PATIENCE);
    machine.ends(PATIENCE);
    place.stands_at("once", "booted");
    let mut machine = Machine::start(&place.network, &hardware);
    machine.shows(DISK_MARKER, PATIENCE);
    machine.ends(PATIENCE);
    let frames = machine.frames();
    frames.judge(OURS);
    assert_eq!(frames.count("http.request.uri contains \"media/\""), 0, "{}", frames.summary());
    let boot = place.tells("once", &[("acknowledge", "192.0.2."), ("script", "boot.ipxe")]);
    assert_eq!(boot["state"], "dismissed", "{boot:#}");
    let told = place.ironhand.ok(&["boot", "explain", "once", "--arch", "bios"]);
    assert!(told.contains("localDisk") && told.contains("was booted once"), "{told}");
}

#[test]
fn a_machine_that_nobody_described_waits_and_boots_as_soon_as_it_is_deployed() {
    let place = Place::new(&format!("{FULL}, unknown: menu"));
    let mac = "52:54:00:00:08:02";
    let hardware = Hardware::new(Firmware::Bios, mac);
    let mut machine = Machine::start(&place.network, &hardware);
    // DHCP tells that it is there; what it knows of itself comes with the question of its iPXE.
    let mut free = Value::Null;
    machine.waits("the machine is known", PATIENCE, |_| {
        let all = place.ironhand.json(&["hosts", "--free"]);
        let known = |machine: &&Value| machine["mac"] == mac && !machine["serial"].is_null();
        free = all.as_array().into_iter().flatten().find(known).cloned().unwrap_or_default();
        !free.is_null()
    });
    assert_eq!(free["serial"], hardware.serial(), "{free:#}");
    assert_eq!(free["manufacturer"], "QEMU", "{free:#}");
    assert_eq!(free["network"], "lab", "{free:#}");
    machine.shows("It waits, and boots as soon as somebody says what", PATIENCE);
    place.describe_host("found", mac);
    place.deploy("found", "told-by=found");
    assert_eq!(place.ironhand.json(&["hosts", "--free"]), serde_json::json!([]));
    machine.shows("told-by=found", PATIENCE);
    machine.ends(PATIENCE);
    machine.frames().judge(OURS);
    place.stands_at("found", "booted");
    place.tells("found", &[("kernel", "media/debian/linux"), ("initrd", "media/debian/small.cpio")]);
}

#[test]
fn machines_that_nobody_described_boot_from_their_disk_where_the_network_says_so() {
    let place = Place::new(FULL);
    let disk = disk(&place);
    // What is offered to them, and how often they ask what to boot.
    for (unknown, mac, told, asked) in [
        ("localDisk", "52:54:00:00:08:04", "lets unknown machines boot from their disk", 1),
        ("refuse", "52:54:00:00:08:05", "gives unknown machines nothing to boot", 0),
    ] {
        place.describe_network(&format!("{FULL}, unknown: {unknown}"));
        let explained = place.ironhand.ok(&["boot", "explain", mac, "--network", "lab", "--arch", "bios"]);
        assert!(explained.contains(told), "{explained}");
        let hardware = Hardware { disk: Some(&disk), ..Hardware::new(Firmware::Bios, mac) };
        let mut machine = Machine::start(&place.network, &hardware);
        machine.shows(DISK_MARKER, PATIENCE);
        machine.ends(PATIENCE);
        let frames = machine.frames();
        frames.judge(OURS);
        let questions = frames.count("http.request.uri contains \"boot.ipxe?\"");
        assert_eq!(questions, asked, "{unknown}: {}", frames.summary());
        assert_eq!(frames.count("http.request.uri contains \"media/\""), 0, "{}", frames.summary());
    }
    let free = place.ironhand.json(&["hosts", "--free"]);
    let free: Vec<_> = free.as_array().into_iter().flatten().map(|one| (&one["mac"], &one["told"])).collect();
    let (mac, told) = ("52:54:00:00:08:04".into(), "boot from its disk".into());
    assert_eq!(free, [(&mac, &told)], "who asks what to boot is known, and who gets nothing does not ask");
}

#[test]
fn a_machine_that_nobody_described_is_switched_off_where_the_network_says_so() {
    let place = Place::new(FULL);
    // Debian's iPXE cannot switch a machine off, and its GRUB can; it says less of itself.
    for (loader, mac, serial) in
        [("ipxe", "52:54:00:00:08:07", Some("525400000807")), ("grub", "52:54:00:00:08:08", None)]
    {
        place.describe_network(&format!("{FULL}, unknown: powerOff, loader: {loader}"));
        let mut machine = Machine::boot(&place.network, Firmware::Uefi, mac);
        machine.ends(PATIENCE);
        machine.frames().judge(OURS);
        let free = place.ironhand.json(&["hosts", "--free"]);
        let found = free.as_array().into_iter().flatten().find(|one| one["mac"] == mac);
        let found = found.unwrap_or_else(|| panic!("{mac} is not known: {free:#}"));
        assert_eq!(
            (found["told"].as_str(), found["serial"].as_str()),
            (Some("power off"), serial),
            "{found:#}"
        );
    }
}

#[test]
fn an_answer_file_is_read_by_the_system_that_was_told_its_url() {
    let place = Place::new(FULL);
    let mac = "52:54:00:00:08:03";
    place.ironhand.apply(&format!(
        "apiVersion: ironhand/v1\nkind: Host\nmetadata: {{ name: answered, labels: {{ rack: '7' }} }}\n\
         spec: {{ connectors: [{{ type: wol, address: 192.0.2.255 }}], macs: ['{mac}'], boot: {{ address: 192.0.2.50 }} }}\n---\n\
         apiVersion: ironhand/v1\nkind: Profile\nmetadata: {{ name: installer }}\nspec:\n  media: debian\n  \
         kernel: linux\n  initrds: [initrd.gz, small.cpio]\n  \
         commandLine: \"console=ttyS0 quiet url={{{{ files['preseed.cfg'] }}}}\"\n  files:\n    \
         - name: preseed.cfg\n      content: |\n        d-i netcfg/get_hostname string {{{{ host.name }}}}\n        \
         d-i rack string {{{{ host.labels.rack }}}}\n---\n\
         apiVersion: ironhand/v1\nkind: Deployment\nmetadata: {{ name: answered }}\n\
         spec: {{ host: answered, profile: installer }}\n"
    ));
    let mut machine = Machine::boot(&place.network, Firmware::Bios, mac);
    machine.shows("read: d-i netcfg/get_hostname string answered", PATIENCE);
    machine.shows("read: d-i rack string 7", PATIENCE);
    machine.ends(PATIENCE);
    let frames = machine.frames();
    frames.judge(OURS);
    place.tells(
        "answered",
        &[("acknowledge", "192.0.2.50"), ("initrd", "media/debian/initrd.gz"), ("answer", "preseed.cfg")],
    );
    // Who has no token is not told that there is such a file.
    let url = "http://192.0.2.1:8480/boot/hosts/answered/00000000000000000000000000000000/preseed.cfg";
    let asked = place
        .server
        .command(&e2e::peer("curl"))
        .args(["--noproxy", "*", "-s", "-o", "/dev/null", "-w", "%{http_code}", url])
        .output();
    assert_eq!(String::from_utf8_lossy(&asked.expect("curl starts").stdout), "404");
}

#[test]
fn a_machine_that_nobody_described_boots_the_system_that_discovers_it() {
    let network = Network::new();
    let server = Party::at(&network, "server", "192.0.2.1/24");
    let place = Place::of(network, server);
    place.ironhand.apply(
        "apiVersion: ironhand/v1\nkind: Profile\nmetadata: { name: looker }\nspec:\n  media: debian\n  kernel: linux\n  \
         initrds: [small.cpio]\n  commandLine: \"console=ttyS0 quiet discovers={{ host.name }} at={{ host.address }}\"\n",
    );
    place.describe_network(&format!("{FULL}, unknown: discovery, discovery: looker"));
    for (firmware, mac, architecture) in
        [(Firmware::Bios, "52:54:00:00:08:09", "BIOS"), (Firmware::Uefi, "52:54:00:00:08:0a", "UEFI x64")]
    {
        let mut machine = Machine::boot(&place.network, firmware, mac);
        let dashes = mac.replace(':', "-");
        machine.shows(&format!("discovers={dashes} at=192.0.2.1"), PATIENCE);
        machine.ends(PATIENCE);
        machine.frames().judge(OURS);
        // It was known before its system began.
        let free = place.ironhand.json(&["hosts", "--free"]);
        let found = free.as_array().into_iter().flatten().find(|one| one["mac"] == mac);
        let found = found.unwrap_or_else(|| panic!("{mac} is not known: {free:#}"));
        for (what, wanted) in [
            ("serial", Hardware::new(firmware, mac).serial().as_str()),
            ("manufacturer", "QEMU"),
            ("architecture", architecture),
            ("network", "lab"),
            ("told", "boot profile looker"),
        ] {
            assert_eq!(found[what], wanted, "{found:#}");
        }
        let boots = place.ironhand.json(&["boot", "watch", "--once"]);
        let boot = boots.as_array().into_iter().flatten().find(|boot| boot["mac"] == mac);
        let steps = boot.and_then(|boot| boot["steps"].as_array()).cloned().unwrap_or_default();
        for part in ["boot.ipxe", "media/debian/linux", "media/debian/small.cpio"] {
            assert!(
                steps.iter().any(|step| step["what"].as_str().is_some_and(|what| what.contains(part))),
                "{part} is missing in {boots:#}"
            );
        }
    }
    // Once somebody says what it is to be, that is what it boots.
    let mac = "52:54:00:00:08:09";
    place.boots("found", Firmware::Bios, mac);
    let free = place.ironhand.json(&["hosts", "--free"]);
    assert!(free.as_array().into_iter().flatten().all(|one| one["mac"] != mac), "{free:#}");
}
