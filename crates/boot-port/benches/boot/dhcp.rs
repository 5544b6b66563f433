//! Addresses given in a second, by ours and by strangers' servers on a wire of their own.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ironhand_boot_port::dhcp::{DhcpConfig, DhcpPort, Opened};
use ironhand_boot_port::journal::Durability;
use ironhand_dhcp::{
    Answer, Choice, ClientKind, Mode, OptionSet, Policy, ServerConfig, Subnet, SubnetId, Terms, code,
};

use crate::contest::{Bar, Contestant, Outcome, contest};
use crate::link::{CLIENT_INTERFACE, Link, SERVER, SERVER_INTERFACE};
use crate::load::{self, Load, Road, Tally};
use crate::peer::{self, Peer};
use crate::{Options, Result};

/// The servers that are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Server {
    /// Ours: `DhcpPort` in a process of its own.
    Ours(Durability),
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

impl Pool {
    /// Its networks, of which each begins where its third byte is a power of two, from 10.77.1.0 on.
    pub(crate) fn networks(self) -> Vec<String> {
        let thirds = (0..8).map(|bit| (1_u8 << bit, 24 - bit)).filter(|(third, _)| *third <= self.last);
        thirds.map(|(third, prefix)| format!("10.77.{third}.0/{prefix}")).collect()
    }
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
            Server::Ours(durability) => self.ours(at, pool, durability)?,
            Server::Kea => self.kea(at, pool)?,
            Server::Isc => self.isc(at, pool)?,
            Server::Dnsmasq => self.dnsmasq(at, pool)?,
        };
        peer.wait(|| load::is_answered(&self.link.client, Road::Relay))?;
        Ok((peer, directory))
    }

    fn ours(&self, at: &Path, pool: Pool, durability: Durability) -> Result<Peer> {
        let durability = if durability == Durability::Sync { "sync" } else { "write" };
        peer::ours(&self.link.server, at, &[SERVE, durability, &pool.last.to_string()])
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
    let ground = &Ground { link: &link, directory: options.directory()? };
    let load = everybody(options);
    let contestant =
        |name, server, pool| Contestant { name, run: Box::new(move || ground.run(server, pool, load)) };
    const KEA: &str = "Kea, 2 threads";
    let written = contest(
        options,
        "four-way exchanges of 5,000 machines, 64 at a time, leases written and not synced",
        "leases/s",
        vec![
            contestant("ironhand", Server::Ours(Durability::Write), SMALL),
            contestant(KEA, Server::Kea, SMALL),
        ],
        &[Bar { against: KEA, must: 3.0, goal: 5.0 }],
    )?;
    let synced = contest(
        options,
        "the same, every lease on the disk before its ACK (not with Kea and dnsmasq, which do not sync)",
        "leases/s",
        vec![
            contestant("ironhand", Server::Ours(Durability::Sync), SMALL),
            contestant("ISC dhcpd", Server::Isc, SMALL),
            contestant(KEA, Server::Kea, SMALL),
            contestant("dnsmasq", Server::Dnsmasq, SMALL),
        ],
        &[Bar { against: "ISC dhcpd", must: 10.0, goal: 10.0 }, Bar { against: KEA, must: 1.0, goal: 1.0 }],
    )?;
    Ok(perfdhcp(ground)? && written && synced)
}

/// 5,000 machines, 64 at a time, through a relay.
pub(crate) fn everybody(options: &Options) -> Load {
    Load {
        machines: 5000,
        window: 64,
        road: Road::Relay,
        pxe: false,
        lasts: Some(Duration::from_secs(options.seconds)),
    }
}

/// A rate at which perfdhcp itself is no bottleneck.
const PERFDHCP_RATE: u32 = 2000;

/// A load generator of others: it, too, must find nothing lost.
fn perfdhcp(ground: &Ground<'_>) -> Result<bool> {
    let (_peer, _directory) = ground.start(Server::Ours(Durability::Sync), LARGE)?;
    let mut command = ground.link.client.command(&peer::find("perfdhcp")?);
    let rate = PERFDHCP_RATE.to_string();
    command.args(["-4", "-l", CLIENT_INTERFACE, "-r", &rate, "-R", "5000", "-p", "5", &SERVER.to_string()]);
    // It ends with status 3 where packets were not answered when its time was over.
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    println!("\nperfdhcp, {rate} exchanges/s offered for 5 s, every lease on the disk");
    let numbers = |name: &str| -> Vec<f64> {
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
        lines.filter_map(|value| value.split_whitespace().next()?.parse().ok()).collect()
    };
    let (sent, received) = (numbers("sent packets"), numbers("received packets"));
    let [[discovers, requests], [offers, acks]] =
        [sent, received].map(|counts| <[f64; 2]>::try_from(counts).unwrap_or_default());
    println!("  {discovers} DISCOVERs, {offers} OFFERs, {requests} REQUESTs, {acks} ACKs");
    let is_well = acks > 0.0 && acks >= 0.99 * f64::from(5 * PERFDHCP_RATE) && acks >= 0.995 * discovers;
    println!(
        "  bar: 99 % of what is offered, and 99.5 % of what is begun, ends with an ACK: {}",
        if is_well { "holds" } else { "MISSED" }
    );
    if !is_well {
        println!("{text}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(is_well)
}

/// The word by which this program is our server: `serve-dhcp sync|write LAST`.
pub const SERVE: &str = "serve-dhcp";

/// Everybody gets an address of the pool, and what boots a machine if it asks to be booted.
struct Everybody {
    options: Arc<ironhand_dhcp::Options>,
}

impl Policy for Everybody {
    fn answer(&self, client: &ironhand_dhcp::Client<'_>) -> Answer {
        let boot = ironhand_dhcp::Boot {
            next_server: SERVER,
            file: "ipxe/x86_64/snponly.efi".into(),
            server_name: None,
            style: ironhand_dhcp::BootStyle::ByClient,
        };
        Answer::Serve(Terms {
            subnet: SubnetId(1),
            address: Choice::Pool,
            lease: Duration::from_secs(3600),
            options: self.options.clone(),
            always: OptionSet::default(),
            boot: (client.kind != ClientKind::Other).then_some(boot),
        })
    }
}

/// Serves DHCP until it is killed, with the lease file in the directory where it runs.
pub fn serve(arguments: &[String]) -> Result<bool> {
    let [durability, last] = arguments else { return Err("serve-dhcp sync|write LAST".into()) };
    let pool = Pool { last: last.parse()? };
    let durability = if durability == "sync" { Durability::Sync } else { Durability::Write };
    let _opened = open(durability, pool)?;
    loop {
        std::thread::park();
    }
}

/// Serves the addresses of a pool, with the lease file in the directory where it runs.
pub(crate) fn open(durability: Durability, pool: Pool) -> Result<Opened> {
    let subnet = Subnet {
        id: SubnetId(1),
        network: SERVER,
        prefix: 16,
        interface: None,
        relays: Vec::new(),
        pools: vec![Ipv4Addr::new(10, 77, 1, 0)..=Ipv4Addr::new(10, 77, pool.last, 255)],
        excluded: Vec::new(),
        mode: Mode::Full,
        authoritative: true,
        probe: false,
    };
    let config = DhcpConfig {
        interfaces: vec![SERVER_INTERFACE.to_owned()],
        server: ServerConfig::default(),
        subnets: vec![subnet],
        journal: "leases".into(),
        durability,
    };
    let mut options = ironhand_dhcp::Options::new();
    options.set_addresses(code::ROUTER, &[SERVER]).set_addresses(code::DOMAIN_NAME_SERVER, &[SERVER]);
    Ok(DhcpPort::open(config, Everybody { options: Arc::new(options) }, |_| ())?)
}
