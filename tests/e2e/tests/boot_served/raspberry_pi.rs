//! A Raspberry Pi by its own firmware, played by strangers: udhcpc asks as its boot loader does, and curl reads as it does.

use std::fs;

use e2e::{Capture, Network, Party, peer, wait_until};

use crate::PATIENCE;
use crate::place::{FULL, OURS, Place};

/// What its boot loader says of itself: a PXE client, a BIOS (RFC 4578, section 2.1), and a hardware address of its maker.
const MAC: &str = "dc:a6:32:01:02:03";
const ASKS: [&str; 6] = ["-V", "PXEClient:Arch:00000:UNDI:002001", "-x", "0x5d:0000", "-O", "43"];

#[test]
fn a_raspberry_pi_is_told_in_its_own_words_and_reads_below_its_serial_number() {
    let network = Network::new();
    let server = Party::at(&network, "server", "192.0.2.1/24");
    let place = Place::of(network, server);
    let pi = Party::without_address(&place.network, "pi");
    pi.says("ip", &["link", "set", "eth0", "address", MAC]);
    place.describe_network(&format!("{FULL}, unknown: menu"));
    let asked = |what: &str| {
        let capture = Capture::start(&place.server, "eth0", &place.ironhand.folder().join(what));
        let client = pi
            .command(&peer("udhcpc"))
            .args(["-f", "-q", "-n", "-t", "10", "-T", "2", "-i", "eth0", "-s", "/bin/true"])
            .args(ASKS)
            .output()
            .expect("udhcpc runs");
        assert!(client.status.success(), "{}", String::from_utf8_lossy(&client.stderr));
        capture.end()
    };

    // Without its files it has an address, and no loader of a PC.
    let heard = asked("none.pcap");
    assert!(heard.count("dhcp.type == 2") > 0, "{}", heard.summary());
    assert_eq!(heard.count("dhcp.option.type in {43, 67} && dhcp.type == 2"), 0, "{}", heard.summary());

    let folder = place.ironhand.folder().join("data/boot/raspberrypi");
    fs::create_dir_all(folder.join("overlays")).expect("a folder");
    for file in ["start4.elf", "config.txt", "overlays/upstream-pi4.dtbo"] {
        fs::write(folder.join(file), format!("all of {file}").repeat(99)).expect("a file");
    }
    let own = place.ironhand.folder().join("data/boot/9ffefdef");
    fs::create_dir(&own).expect("a folder");
    fs::write(own.join("config.txt"), "its own").expect("a file");
    wait_until("the files are found", PATIENCE, || {
        let said = place.ironhand.ok(&["boot", "explain", MAC, "--arch", "raspberryPi"]);
        if said.contains("Raspberry Pi Boot") { Ok(()) } else { Err(said) }
    });

    let heard = asked("files.pcap");
    heard.judge(OURS);
    let words = "dhcp.type == 2 && frame contains \"Raspberry Pi Boot\" && dhcp.ip.server == 192.0.2.1";
    assert_eq!(heard.count(words), heard.count("dhcp.type == 2"), "{}", heard.summary());

    pi.says("ip", &["address", "add", "192.0.2.9/24", "dev", "eth0"]);
    let read = |path: &str| {
        let url = format!("tftp://192.0.2.1/{path}");
        let output =
            pi.command(&peer("curl")).args(["-sS", "--path-as-is", &url]).output().expect("curl runs");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let whole = |file: &str| Some(format!("all of {file}").repeat(99));
    assert_eq!(read("9ffefdee/start4.elf"), whole("start4.elf"));
    assert_eq!(read("dc-a6-32-01-02-03/overlays/upstream-pi4.dtbo"), whole("overlays/upstream-pi4.dtbo"));
    assert_eq!(read("9ffefdee/config.txt"), whole("config.txt"));
    assert_eq!(
        read("9ffefdef/config.txt").as_deref(),
        Some("its own"),
        "one that has files of its own reads those"
    );
    assert_eq!(read("9ffefdef/start4.elf"), whole("start4.elf"));
    for absent in ["9ffefdee/recovery.elf", "bootcode.bin", "9ffefdee/../api.sock"] {
        assert_eq!(read(absent), None, "{absent}");
    }
}
