//! What becomes of a deployment, and of machines that have none.

use std::path::PathBuf;

use e2e::{DISK_MARKER, Firmware, Hardware, Machine, write_disk};

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
