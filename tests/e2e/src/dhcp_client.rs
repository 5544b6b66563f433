//! A machine on which programs of others ask for addresses.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::{Capture, Frozen, Party, Peer, peer, wait_until};

/// Programs begin with pauses of their own.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a client's program calls when something happens: keeps what it is told under the name of that, and sets the address,
/// which some programs leave to it.
const HOOK: &str = "#!/bin/sh\n\
    what=$(echo \"${reason:-$1}\" | tr a-z A-Z)\n\
    env > \"@/$what.new\" && mv \"@/$what.new\" \"@/$what\"\n\
    case $what in\n\
    BOUND) $IP address replace \"${new_ip_address:-$ip}/24\" dev eth0 ;;\n\
    BOUND6|REBIND6|RENEW6) [ -z \"$new_ip6_address\" ] || $IP -6 address replace \"$new_ip6_address/128\" dev eth0 nodad ;;\n\
    esac\n";

/// A machine whose programs ask for addresses at `eth0`, and what passes its server.
pub struct DhcpClient {
    folder: TempDir,
    party: Party,
    capture: Capture,
}

impl DhcpClient {
    /// A machine with a folder for what its programs read and write; what passes its server is captured already.
    pub const fn new(party: Party, folder: TempDir, capture: Capture) -> Self {
        Self { folder, party, capture }
    }

    /// The machine.
    pub fn party(&self) -> &Party {
        &self.party
    }

    /// What has passed the server so far.
    pub fn so_far(&self) -> Frozen {
        self.capture.so_far()
    }

    /// Ends the capture.
    pub fn end(self) -> Frozen {
        self.capture.end()
    }

    /// A file of the machine.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// Writes a file of the machine; gives its path.
    pub fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).expect("a file in the temporary folder");
        self.path(name)
    }

    /// The script that programs call.
    pub fn hook(&self) -> String {
        let ip = peer("ip").to_string_lossy().into_owned();
        let script = HOOK.replace('@', &self.folder.path().to_string_lossy()).replace("$IP", &ip);
        let path = self.write("hook", &script);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program of ours");
        path
    }

    /// How ISC's client is called, of a family and with leases of an earlier time: all but what it is to do.
    pub fn dhclient(&self, family: &str, configuration: &str, leases: &str) -> Vec<String> {
        let configuration = self.write("dhclient.conf", configuration);
        let (leases, process) = (self.write("leases", leases), self.path("pid"));
        let hook = self.hook();
        [family, "-v", "-cf", &configuration, "-lf", &leases, "-pf", &process, "-sf", &hook]
            .map(str::to_owned)
            .to_vec()
    }

    /// Starts a program with folders below `/run` and `/var` that are its own.
    pub fn start(&self, program: &str, arguments: &[impl AsRef<str>], prepare: &str) -> Peer {
        self.start_at(&self.party, program, arguments, prepare)
    }

    /// The same on another machine.
    pub fn start_at(
        &self,
        party: &Party,
        program: &str,
        arguments: &[impl AsRef<str>],
        prepare: &str,
    ) -> Peer {
        let start = format!("mount -t tmpfs tmpfs /run\n{prepare}\nexec \"$@\"\n");
        let program = peer(program).to_string_lossy().into_owned();
        let mut words = vec!["-ec", &start, "sh", &program];
        words.extend(arguments.iter().map(AsRef::as_ref));
        party.start(&PathBuf::from("/bin/sh"), &words, &self.folder.path().join("log"))
    }

    /// Starts systemd-networkd with a `.network` file.
    pub fn networkd(&self, unit: &str) -> Peer {
        let unit = self.write("eth0.network", unit);
        // Without udev, which a read-only /sys tells it, it waits for nobody to name its interfaces.
        let prepare = format!(
            "mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp\n\
             cp {unit} /run/systemd/network/\nchmod -R a+rX /run/systemd/network\n\
             chown -R systemd-network: /run/systemd/netif\nmount -o remount,ro /sys"
        );
        self.start("systemd-networkd", &[""; 0], &prepare)
    }

    /// What the hook was told.
    pub fn told(&self, what: &str) -> String {
        wait_until(&format!("the client says {what}"), PATIENCE, || {
            fs::read_to_string(self.path(what)).map_err(|error| format!("{error}: {}", self.account()))
        })
    }

    /// What the hook was told, of which these are lines.
    pub fn told_lines(&self, what: &str, lines: &[&str]) -> String {
        let text = self.told(what);
        for line in lines {
            assert!(text.lines().any(|said| said == *line), "{line} is not in\n{text}");
        }
        text
    }

    /// Waits until the client's own log says something this many times.
    pub fn says_so(&self, what: &str, times: usize) {
        wait_until(&format!("the client's log says `{what}` {times} times"), PATIENCE, || {
            let log = fs::read_to_string(self.path("log")).unwrap_or_default();
            if log.matches(what).count() >= times { Ok(()) } else { Err(self.account()) }
        });
    }

    /// Waits until this many frames pass the server that tshark's display `filter` picks.
    pub fn passes(&self, filter: &str, count: usize) {
        wait_until(&format!("{count} frames are {filter}"), PATIENCE, || {
            if self.so_far().count(filter) >= count { Ok(()) } else { Err(self.account()) }
        });
    }

    /// What was said on either side.
    pub fn account(&self) -> String {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        format!("the client says\n{log}\nthe server's wire:\n{}", self.so_far().summary())
    }
}
