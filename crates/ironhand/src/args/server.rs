//! The server, alone and in the sandbox.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use ironhand_api::Span;

/// `ironhand sandbox`.
#[derive(Args)]
pub struct Sandbox {
    /// How many simulated hosts
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=2000))]
    pub hosts: u16,
    /// Where the HTTP API listens beside the local socket; loopback only
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Where the store lies [default: a new folder that is removed at the end]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The local socket [default: the one that the other commands look at]
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// End when every fault is healed (exit 0) or the deadline has passed (exit 1)
    #[arg(long)]
    pub once: bool,
    /// The deadline of --once
    #[arg(long, default_value = "5m", value_name = "TIME")]
    pub deadline: Span,
    /// Which faults strike which hosts, and when, follows from this number
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// `ironhand serve`.
#[derive(Args)]
pub struct Serve {
    /// Where the store lies, and the key that seals its passwords, unless IRONHAND_KEY holds that
    #[arg(long, default_value = "/var/lib/ironhand", value_name = "DIR")]
    pub data: PathBuf,
    /// Where the HTTP API listens beside the local socket; loopback only
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// The local socket [default: the one that the other commands look at]
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Other servers use the same store: each host belongs to one of them, and passes to another when that one falls
    /// silent
    #[arg(long)]
    pub shared: bool,
    /// Where SNMP traps of controllers arrive (UDP); a host is read at once when its controller sends one
    #[arg(long, value_name = "ADDR")]
    pub traps: Option<SocketAddr>,

    /// The folder in which conserver, ConMan or another program keeps logs of consoles, for connectors `console-log`
    #[arg(long, value_name = "DIR")]
    pub console_logs: Option<PathBuf>,
    /// The folder with secrets that manifests of followed repositories refer to by `fromFile`
    #[arg(long, value_name = "DIR")]
    pub repository_secrets: Option<PathBuf>,
    /// Repositories of this machine may be followed, too (file://)
    #[arg(long)]
    pub local_repositories: bool,
}
