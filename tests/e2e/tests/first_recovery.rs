//! The first recovery on real input: a QEMU guest whose root is missing panics; Ironhand reads it off the guest's own
//! screen, sets the network as the next boot's device, power-cycles through RMCP+, and proves the working boot.

use std::time::Duration;

use e2e::{Daemon, Ironhand, peer, peer_file, wait_until};
use serde_json::Value;

/// Software emulation on a busy machine: the panic takes 5 to 30 seconds, the network boot about a minute.
const LONGEST_RECOVERY: Duration = Duration::from_secs(600);

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{pointer} is missing in {value:#}"))
}

/// The guest's controller: `ironhand sim qemu` around a guest whose disk panics and whose network boots a rescue
/// system.
fn start_guest() -> Daemon {
    let qemu = peer("qemu-system-x86_64");
    let drive = format!(
        "file={},format=raw,if=virtio,readonly=off,snapshot=on",
        peer_file("guest/broken.img").display()
    );
    let network =
        format!("user,id=net0,restrict=on,tftp={},bootfile=rescue.ipxe", peer_file("guest/tftp").display());
    Daemon::start(&[
        "sim",
        "qemu",
        "--name",
        "guest",
        "--bind",
        "127.0.0.1",
        "--ipmi-port",
        "0",
        "--vnc-port",
        "0",
        "--qemu",
        &qemu.to_string_lossy(),
        "-o",
        "json",
        "--",
        "-accel",
        "tcg",
        "-m",
        "512",
        "-drive",
        &drive,
        "-netdev",
        &network,
        "-device",
        "virtio-net-pci,netdev=net0",
    ])
}

#[test]
fn first_recovery() {
    let guest = start_guest();
    let ready: Value =
        serde_json::from_str(&guest.first_line).expect("sim qemu says where it listens, as JSON");
    let port = |what: &str| text(&ready, what).rsplit(':').next().expect("an address has a port").to_owned();
    let (ipmi, vnc) = (port("/ipmi"), port("/vnc"));

    let ironhand = Ironhand::serve();
    ironhand.apply_host(
        "guest",
        &[
            format!("{{ type: ipmi, address: 127.0.0.1, port: {ipmi} }}"),
            format!("{{ type: vnc, address: 127.0.0.1, port: {vnc}, credentials: [] }}"),
        ],
    );
    ironhand.ok(&["apply", "-f", concat!(env!("CARGO_MANIFEST_DIR"), "/../../flows")]);

    let incident = wait_until("the incident closes", LONGEST_RECOVERY, || {
        let incidents = ironhand.json(&["incidents", "--host", "guest"]);
        match incidents.get(0) {
            Some(incident) if text(incident, "/state") == "closed" => Ok(incident.clone()),
            Some(incident) => Err(format!("{incident:#}")),
            None => Err(format!(
                "no incident yet; the screen shows {}",
                ironhand.ok(&["screen", "guest", "--text"])
            )),
        }
    });
    assert_eq!(text(&incident, "/flow"), "kernel-panic-no-root");

    let run = ironhand.json(&["runs", "1"]);
    assert_eq!(text(&run, "/state"), "succeeded");
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

    // Both pictures are kept, and read to what the run says.
    let evidence = ironhand.folder().join("evidence");
    ironhand.ok(&["runs", "1", "--save", &evidence.to_string_lossy()]);
    let read = |name: &str| ironhand.ok(&["read", &evidence.join(name).to_string_lossy()]);
    assert!(read("matched.png").contains("VFS: Unable to mount root fs"));
    assert!(read("proof.png").contains("login:"));

    left_alone(&ironhand);
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
