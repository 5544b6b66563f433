//! A program that is no system and has no serial line: the product boots it, and reads its screen.

use std::net::{Ipv4Addr, SocketAddr};

use e2e::{Firmware, Hardware, Machine, Party, peer_file, wait_until};

use crate::PATIENCE;
use crate::place::{FULL, OURS, Place, text, write_image};

#[test]
fn memtest_is_booted_and_its_screen_is_read() {
    let place = Place::new(FULL);
    let image = write_image(place.ironhand.folder(), &[peer_file("boot/boot/memtest86+x64.bin")]);
    place.ironhand.ok(&["media", "add", "memtest", text(&image), "--link"]);
    let mac = "52:54:00:00:08:06";
    place.ironhand.apply(&format!(
        "apiVersion: ironhand/v1\nkind: Host\nmetadata: {{ name: tested }}\nspec:\n  macs: ['{mac}']\n  \
         connectors: [{{ type: wol, address: 192.0.2.255 }}, {{ type: vnc, address: 192.0.2.8, credentials: [] }}]\n---\n\
         apiVersion: ironhand/v1\nkind: Profile\nmetadata: {{ name: memtest }}\n\
         spec: {{ media: memtest, kernel: memtest86+x64.bin, architectures: [bios] }}\n---\n\
         apiVersion: ironhand/v1\nkind: Deployment\nmetadata: {{ name: tested }}\n\
         spec: {{ host: tested, profile: memtest }}\n"
    ));
    let hardware = Hardware { screen: true, ..Hardware::new(Firmware::Bios, mac) };
    let machine = Machine::start(&place.network, &hardware);
    let unit = Party::at(&place.network, "unit", "192.0.2.8/24");
    let _display = machine.display(&unit, SocketAddr::from((Ipv4Addr::new(192, 0, 2, 8), 5900)));
    let shown = wait_until("its screen is read", PATIENCE, || {
        let output = place.ironhand.run(&["screen", "tested", "--text"]);
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let told = || format!("{shown}{}", String::from_utf8_lossy(&output.stderr));
        if shown.contains("Memtest86+ v") && shown.contains("Errors:") {
            Ok(shown.clone())
        } else {
            Err(told())
        }
    });
    for words in ["L1 Cache:", "Memory", "<ESC> Exit"] {
        assert!(shown.contains(words), "{words} is missing:\n{shown}");
    }
    machine.frames().judge(OURS);
    place.stands_at("tested", "booted");
    place.tells("tested", &[("script", "boot.ipxe"), ("kernel", "media/memtest/memtest86+x64.bin")]);
}
