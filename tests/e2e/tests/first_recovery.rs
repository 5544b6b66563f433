//! The first recovery on real input: a QEMU guest whose root is missing panics; Ironhand reads it off the guest's own
//! screen, sets the network as the next boot's device, power-cycles through RMCP+, and proves the working boot.

use std::time::Duration;

use e2e::{Guest, Ironhand, peer_file, wait_until};
use serde_json::Value;

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{pointer} is missing in {value:#}"))
}

/// A guest whose disk panics, and whose network boots a rescue system.
fn start_guest() -> Guest {
    let drive = format!(
        "file={},format=raw,if=virtio,readonly=off,snapshot=on",
        peer_file("guest/broken.img").display()
    );
    let network =
        format!("user,id=net0,restrict=on,tftp={},bootfile=rescue.ipxe", peer_file("guest/tftp").display());
    Guest::start(&["-drive", &drive, "-netdev", &network, "-device", "virtio-net-pci,netdev=net0"])
}

#[test]
fn first_recovery() {
    let guest = start_guest();
    let run = guest.healed("kernel-panic-no-root", "VFS: Unable to mount root fs", "rescue login:");
    assert!(text(&run, "/matched/screenText").contains("VFS: Unable to mount root fs"), "{run:#}");
    assert!(text(&run, "/proof/text").contains("login:"), "{run:#}");
    let steps = run["steps"].as_array().expect("a run has steps");
    assert_eq!(steps.len(), 2, "{run:#}");
    assert_eq!(steps[0]["step"]["bootDevice"], "pxe");
    assert_eq!(steps[1]["step"]["power"], "cycle");
    for step in steps {
        assert_eq!(text(step, "/outcome/result"), "done", "{run:#}");
        assert!(text(step, "/receipts/0/connector").starts_with("ipmi"), "{run:#}");
    }

    left_alone(guest.ironhand());
}

/// Ten more readings of the recovered host bring no further run and no further action.
fn left_alone(ironhand: &Ironhand) {
    let read_at = || text(&ironhand.json(&["get", "hosts", "guest"]), "/status/screen/readAt").to_owned();
    let mut last = read_at();
    for _ in 0..10 {
        last = wait_until("the screen is read again", Duration::from_secs(120), || {
            let now = read_at();
            if now == last { Err(now) } else { Ok(now) }
        });
    }
    assert_eq!(ironhand.json(&["runs"]).as_array().map(Vec::len), Some(1));
    assert_eq!(ironhand.json(&["incidents"]).as_array().map(Vec::len), Some(1));
    assert_eq!(text(&ironhand.json(&["get", "hosts", "guest"]), "/status/health"), "well");
}
