//! Addresses given in a second, by strangers' servers on a wire of their own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::contest::{Bar, Contestant, Outcome, contest};
use crate::link::{Link, SERVER, SERVER_INTERFACE};
use crate::load::{self, Load, Road, Tally};
use crate::peer::Peer;
use crate::{Options, Result};

/// The servers that are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Server {
    /// Kea, memfile, two threads.
    Kea,
    /// ISC dhcpd, which syncs each lease.
    Isc,
    /// dnsmasq.
    Dnsmasq,
}

/// The addresses given: the third byte of the last ends the pool.
#[derive(Clone, Copy)]
pub(crate) struct Pool {
    last: u8,
}

/// 6,144 addresses.
pub(crate) const SMALL: Pool = Pool { last: 24 };
/// 62,976 addresses.
pub(crate) const LARGE: Pool = Pool { last: 246 };

/// How often a server starts with an empty lease file: once a run.
pub(crate) struct Ground<'a> {
    pub(crate) link: &'a Link,
    pub(crate) directory: tempfile::TempDir,
}

impl Ground<'_> {
    fn start(&self, server: Server, pool: Pool) -> Result<(Peer, tempfile::TempDir)> {
        let directory = tempfile::tempdir_in(&self.directory)?;
        let at = directory.path();
        let mut peer = match server {
            Server::Kea => self.kea(at, pool)?,
            Server::Isc => self.isc(at, pool)?,
            Server::Dnsmasq => self.dnsmasq(at, pool)?,
        };
        peer.wait(|| load::is_answered(&self.link.client, Road::Relay))?;
        Ok((peer, directory))
    }

    fn kea(&self, at: &Path, pool: Pool) -> Result<Peer> {
        let config = at.join("kea.json");
        let text = format!(
            r#"{{"Dhcp4": {{
                "interfaces-config": {{"interfaces": ["{SERVER_INTERFACE}"], "dhcp-socket-type": "udp"}},
                "lease-database": {{"type": "memfile", "name": "{}", "lfc-interval": 0}},
                "multi-threading": {{"enable-multi-threading": true, "thread-pool-size": 2}},
                "valid-lifetime": 3600,
                "subnet4": [{{"subnet": "10.77.0.0/16", "pools": [{{"pool": "10.77.1.0 - 10.77.{}.255"}}]}}],
                "loggers": [{{"name": "kea-dhcp4", "severity": "ERROR", "output_options": [{{"output": "stderr"}}]}}]
            }}}}"#,
            at.join("leases.csv").display(),
            pool.last
        );
        std::fs::write(&config, text)?;
        let here = at.to_str().ok_or("a directory with a name in UTF-8")?;
        let environment = [("KEA_LOCKFILE_DIR", here), ("KEA_PIDFILE_DIR", here)];
        Peer::start_with(
            &self.link.server,
            at,
            "kea-dhcp4",
            ["-c".as_ref(), config.as_os_str()],
            &environment,
        )
    }

    fn isc(&self, at: &Path, pool: Pool) -> Result<Peer> {
        let (config, leases) = (at.join("dhcpd.conf"), at.join("dhcpd.leases"));
        let text = format!(
            "authoritative;\nping-check off;\ndefault-lease-time 3600;\n\
             subnet 10.77.0.0 netmask 255.255.0.0 {{ range 10.77.1.0 10.77.{}.255; }}\n",
            pool.last
        );
        std::fs::write(&config, text)?;
        std::fs::write(&leases, "")?;
        let arguments = ["-4", "-f", "--no-pid", "-cf", "dhcpd.conf", "-lf"].map(PathBuf::from);
        let arguments = arguments.into_iter().chain([leases, PathBuf::from(SERVER_INTERFACE)]);
        Peer::start(&self.link.server, at, "dhcpd", arguments)
    }

    fn dnsmasq(&self, at: &Path, pool: Pool) -> Result<Peer> {
        let arguments = [
            "--keep-in-foreground".to_owned(),
            "--conf-file=/dev/null".into(),
            "--port=0".into(),
            "--no-ping".into(),
            "--user=root".into(),
            format!("--interface={SERVER_INTERFACE}"),
            format!("--listen-address={SERVER}"),
            format!("--dhcp-range=10.77.1.0,10.77.{}.255,255.255.0.0,1h", pool.last),
            "--dhcp-lease-max=70000".into(),
            format!("--dhcp-leasefile={}", at.join("leases").display()),
            "--pid-file=".into(),
            "--log-facility=-".into(),
            "--quiet-dhcp".into(),
        ];
        Peer::start(&self.link.server, at, "dnsmasq", arguments)
    }

    pub(crate) fn run(&self, server: Server, pool: Pool, load: Load) -> Result<Outcome> {
        let (peer, directory) = self.start(server, pool)?;
        let before = peer.processor()?;
        let tally = load::run(&self.link.client, load)?;
        let processor = peer.processor()? - before;
        drop(peer);
        directory.close()?;
        Ok(outcome(&tally, processor))
    }
}

fn outcome(tally: &Tally, processor: Duration) -> Outcome {
    let fault = (tally.lost + tally.duplicates > 0)
        .then(|| format!("{} lost and {} addresses given twice", tally.lost, tally.duplicates));
    Outcome {
        rate: tally.done as f64 / tally.wall.as_secs_f64(),
        processor: Some(processor.div_f64(tally.done.max(1) as f64)),
        note: format!(
            "p50 {:.1} ms, p99 {:.1} ms, {} sent again",
            tally.percentile(50),
            tally.percentile(99),
            tally.retries
        ),
        fault,
    }
}

/// `cargo xtask bench boot dhcp`.
pub fn run(options: &Options) -> Result<bool> {
    let link = Link::new()?;
    let ground = Ground { link: &link, directory: options.directory()? };
    let load = Load {
        machines: 5000,
        window: 64,
        road: Road::Relay,
        pxe: false,
        lasts: Some(Duration::from_secs(options.seconds)),
    };
    let ground = &ground;
    let contestant =
        |name, server, pool| Contestant { name, run: Box::new(move || ground.run(server, pool, load)) };
    let bars: [Bar<'_>; 0] = [];
    contest(
        "four-way exchanges of 5,000 machines, 64 at a time, leases written",
        "leases/s",
        options.rounds,
        vec![
            contestant("Kea, 2 threads", Server::Kea, SMALL),
            contestant("ISC dhcpd, each lease synced", Server::Isc, SMALL),
            contestant("dnsmasq", Server::Dnsmasq, SMALL),
            contestant("Kea, 63,000 addresses", Server::Kea, LARGE),
        ],
        &bars,
    )
}
