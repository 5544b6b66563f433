//! The server, alone and in the sandbox.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use ironhand_api::Span;
use serde::{Deserialize, Serialize};

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
#[derive(Args, Clone, Debug, Default)]
pub struct Serve {
    /// Read these options from a file (YAML); those that are given here come before it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The options.
    #[command(flatten)]
    pub options: ServeOptions,
}

/// What `ironhand serve` takes from the command line, and a file under the same names.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeOptions {
    /// Where the store lies, and the key that seals its passwords, unless IRONHAND_KEY holds that [default:
    /// /var/lib/ironhand]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where the HTTP API listens beside the local socket; loopback only
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// The local socket [default: the one that the other commands look at]
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// What the server does: api (serve the HTTP API), bmc (watch and recover hosts), boot (boot machines over the
    /// network) [default: api,bmc]
    #[arg(long, value_name = "ROLE", value_delimiter = ',', value_enum)]
    pub roles: Option<Vec<Role>>,
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
    /// Where booting machines read over HTTP, or `off`; `[::]` is all addresses of both families [default: `[::]:8480`]
    #[arg(long, value_name = "ADDR", help_heading = BOOT)]
    pub boot_http: Option<Listening>,
    /// The same over TLS, under an authority that the server makes [default: off]
    #[arg(long, value_name = "ADDR", help_heading = BOOT)]
    pub boot_https: Option<Listening>,
    /// Where they read over TFTP, or `off` [default: `[::]:69`]
    #[arg(long, value_name = "ADDR", help_heading = BOOT)]
    pub boot_tftp: Option<Listening>,
    /// Whether DHCP is served on the networks that manifests describe [default: on]
    #[arg(long, value_name = "SWITCH", value_enum, help_heading = BOOT)]
    pub boot_dhcp: Option<OnOff>,
    /// What a lease waits for before it is acknowledged: until it is on the disk, or until the system has it, which a
    /// crash of the machine may lose [default: disk]
    #[arg(long, value_name = "PLACE", value_enum, help_heading = BOOT)]
    pub boot_leases: Option<LeasePlace>,
}

/// Under which heading help lists what belongs to network boot.
const BOOT: &str = "Network boot (--roles boot)";

/// What a server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Serve the HTTP API
    Api,
    /// Watch and recover hosts
    Bmc,
    /// Boot machines over the network
    Boot,
}

/// Where a lease is before it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeasePlace {
    /// On the disk
    Disk,
    /// Handed to the operating system
    System,
}

/// An address to listen at, or that nothing listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Listening {
    /// Not at all.
    Off,
    /// There.
    At(SocketAddr),
}

/// On or off, in options and in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnOff {
    /// It is done.
    On,
    /// It is not done.
    Off,
}

impl std::str::FromStr for Listening {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            _ => text
                .parse()
                .map(Self::At)
                .map_err(|_| format!("`{text}` is no address with a port, like [::]:8480, and not `off`")),
        }
    }
}

impl TryFrom<String> for Listening {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Listening> for String {
    fn from(listening: Listening) -> Self {
        match listening {
            Listening::Off => "off".to_owned(),
            Listening::At(address) => address.to_string(),
        }
    }
}

/// `ironhand config`.
#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Make a configuration for this machine: its addresses, a free range, and what other DHCP servers say
    Detect(Detect),
    /// Check the file of `ironhand serve --config`
    Check {
        /// The file
        file: PathBuf,
    },
    /// Print the options that `ironhand serve` would run with
    Show(Box<Serve>),
}

/// `ironhand config detect`.
#[derive(Args)]
pub struct Detect {
    /// The interface that machines boot at [default: the one with the way to other networks]
    #[arg(long, value_name = "NAME")]
    pub interface: Option<String>,
    /// How long to listen for other DHCP servers; some look for 3s whether an address is in use before they answer
    #[arg(long, default_value = "5s", value_name = "TIME")]
    pub wait: Span,
    /// Send nothing: neither look for other DHCP servers nor ask who has which address
    #[arg(long)]
    pub quiet: bool,
    /// Write ironhand.yaml and network.yaml into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "part")]
    pub out: Option<PathBuf>,
    /// Print one part alone [default: both]
    #[arg(long, value_enum)]
    pub part: Option<DetectPart>,
}

/// A part of what `ironhand config detect` makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DetectPart {
    /// The options of `ironhand serve`
    Server,
    /// The network, as a manifest
    Network,
}
