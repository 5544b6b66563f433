//! dnsmasq, as a DHCP server or relay that we did not write.

use std::path::Path;
use std::time::Duration;

use crate::{Party, Peer, peer, wait_until};

/// It serves no names, reads nothing of this machine, and what it gives ends with it. No address is probed before it is given:
/// these networks have nobody whom it does not know.
const OPTIONS: [&str; 9] = [
    "--conf-file=/dev/null",
    "--keep-in-foreground",
    "--user=root",
    "--port=0",
    "--log-facility=-",
    "--pid-file=",
    "--dhcp-leasefile=/dev/null",
    "--leasefile-ro",
    "--no-ping",
];

/// A busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

impl Party {
    /// dnsmasq on this machine with these options more, which listens for DHCP; its output goes to `log`.
    pub fn dnsmasq(&self, more: &[&str], log: &Path) -> Peer {
        // Port 67.
        self.listening(more, ("/proc/net/udp", ":0043 "), log)
    }

    /// The same for DHCPv6.
    pub fn dnsmasq6(&self, more: &[&str], log: &Path) -> Peer {
        // Port 547.
        self.listening(more, ("/proc/net/udp6", ":0223 "), log)
    }

    fn listening(&self, more: &[&str], (table, port): (&str, &str), log: &Path) -> Peer {
        let dnsmasq = self.start(&peer("dnsmasq"), &[&OPTIONS[..], more].concat(), log);
        wait_until("dnsmasq listens", PATIENCE, || {
            let table = self.says("cat", &[table]);
            let said = || format!("{}\n{table}", std::fs::read_to_string(log).unwrap_or_default());
            if table.contains(port) { Ok(()) } else { Err(said()) }
        });
        dnsmasq
    }
}
