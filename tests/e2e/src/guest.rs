//! A QEMU guest behind a controller of ours: what an operator's server is to these tests.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::{Daemon, Ironhand, peer, wait_until};

/// Software emulation on a busy machine: a boot takes 15 to 60 seconds, and a flow may want two.
const LONGEST_RECOVERY: Duration = Duration::from_secs(600);

/// The flow library of this repository.
const FLOWS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../flows");

/// `ironhand sim qemu` around a guest, and an `ironhand serve` that keeps watch over it with the flow library.
pub struct Guest {
    ironhand: Ironhand,
    _controller: Daemon,
}

impl Guest {
    /// Starts both; `devices` are arguments of QEMU beside memory and acceleration.
    pub fn start(devices: &[&str]) -> Self {
        Self::start_and_change(devices, || ())
    }

    /// As [`Self::start`]; `change` is called when QEMU has opened its disks, and before anybody keeps watch.
    pub fn start_and_change(devices: &[&str], change: impl FnOnce()) -> Self {
        let qemu = peer("qemu-system-x86_64");
        let qemu = qemu.to_string_lossy();
        let mut arguments = vec!["sim", "qemu", "--name", "guest", "--bind", "127.0.0.1", "--qemu", &qemu];
        arguments.extend(["--ipmi-port", "0", "--vnc-port", "0", "-o", "json", "--"]);
        arguments.extend(["-accel", "tcg", "-m", "512"]);
        arguments.extend(devices);
        let controller = Daemon::start(&arguments);
        let ready: Value =
            serde_json::from_str(&controller.first_line).expect("sim qemu says where it listens, as JSON");
        let port = |what: &str| {
            let address = ready[what].as_str().unwrap_or_else(|| panic!("{what} is missing in {ready:#}"));
            address.rsplit(':').next().expect("an address has a port").to_owned()
        };
        change();
        let ironhand = Ironhand::serve();
        // Before the host: of two flows for one screen the first to be there would begin.
        ironhand.ok(&library().iter().fold(vec!["apply"], |mut arguments, file| {
            arguments.extend(["-f", file]);
            arguments
        }));
        ironhand.apply_host(
            "guest",
            &[
                format!("{{ type: ipmi, address: 127.0.0.1, port: {} }}", port("ipmi")),
                format!("{{ type: vnc, address: 127.0.0.1, port: {}, credentials: [] }}", port("vnc")),
            ],
        );
        Self { ironhand, _controller: controller }
    }

    /// The server.
    pub fn ironhand(&self) -> &Ironhand {
        &self.ironhand
    }

    /// Waits until the one incident is closed; gives its only run, which must have succeeded by this flow. Its pictures must
    /// be kept, and read to what the run says: the one before to `shown`, the one after to `proven`.
    pub fn healed(&self, flow: &str, shown: &str, proven: &str) -> Value {
        let incident = self.watched("the incident closes", |incident| {
            incident.filter(|incident| incident["state"] == "closed").cloned()
        });
        assert_eq!(incident["flow"], flow, "{incident:#}");
        let run = self.ironhand.json(&["runs", "1"]);
        assert_eq!(run["state"], "succeeded", "{run:#}");
        assert_eq!(self.ironhand.json(&["runs"]).as_array().map(Vec::len), Some(1), "{run:#}");
        assert_eq!(self.ironhand.json(&["incidents"]).as_array().map(Vec::len), Some(1), "{run:#}");
        let evidence = self.ironhand.folder().join("evidence");
        self.ironhand.ok(&["runs", "1", "--save", &evidence.to_string_lossy()]);
        self.check_picture(&evidence.join("matched.png"), shown);
        self.check_picture(&evidence.join("proof.png"), proven);
        run
    }

    fn check_picture(&self, picture: &Path, words: &str) {
        let text = self.ironhand.ok(&["read", &picture.to_string_lossy()]);
        assert!(text.contains(words), "{} does not show `{words}`:\n{text}", picture.display());
    }

    fn watched(&self, what: &str, wanted: impl Fn(Option<&Value>) -> Option<Value>) -> Value {
        wait_until(what, LONGEST_RECOVERY, || {
            let incidents = self.ironhand.json(&["incidents", "--host", "guest"]);
            wanted(incidents.get(0)).ok_or_else(|| {
                let screen = self.ironhand.run(&["screen", "guest", "--text"]).stdout;
                format!("{incidents:#}; the screen shows\n{}", String::from_utf8_lossy(&screen))
            })
        })
    }
}

/// The files of the library, without those for other systems, which only hosts with their labels need.
fn library() -> Vec<String> {
    let entries = std::fs::read_dir(FLOWS).expect("the library is there");
    let paths = entries.map(|entry| entry.expect("a file of the library").path());
    let manifests = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    manifests.map(|path| path.to_string_lossy().into_owned()).collect()
}
