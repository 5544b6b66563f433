//! Boots over the network.

use clap::{Args, Subcommand, ValueEnum};

use super::Selector;

/// `ironhand boot`.
#[derive(Subcommand)]
pub enum BootCommand {
    /// Show how networks are served with DHCP, and why one is not
    Networks,
    /// Show the whole boot that would follow if a machine asked now, and why
    Explain(ExplainBoot),
    /// Show boots as they go: a table on a terminal, a line for each step in a pipe
    Watch(WatchBoots),
}

/// `ironhand boot watch`.
#[derive(Args)]
pub struct WatchBoots {
    /// Only these hosts: names and ranges like rack7-[01-40], or hardware addresses [default: all]
    #[arg(value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Only hosts with these labels
    #[arg(short = 'l', long, value_name = "LABELS", conflicts_with = "hosts")]
    pub selector: Option<String>,
    /// Show how it is and was, with every step, and end
    #[arg(long)]
    pub once: bool,
}

/// `ironhand hosts`.
#[derive(Args)]
pub struct Hosts {
    /// Only machines that booted over the network and are no hosts
    #[arg(long)]
    pub free: bool,
    /// Forget such a machine, by its hardware address; it comes back when it boots again
    #[arg(long, value_name = "MAC", requires = "free")]
    pub forget: Option<String>,
}

/// `ironhand leases`.
#[derive(Args)]
pub struct Leases {
    /// Only those of this network [default: all]
    #[arg(value_name = "NETWORK")]
    pub network: Option<String>,
    /// Also those that ended, were given back or are set aside
    #[arg(long)]
    pub all: bool,
    /// Write them as another server keeps them, or for a spreadsheet
    #[arg(long, value_name = "FORM")]
    pub export: Option<LeaseForm>,
    /// Take the lease of this address back, so that another machine may get it; the machine that has it must not use it any more
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["network", "all", "export"])]
    pub release: Option<std::net::IpAddr>,
}

/// A form in which leases are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LeaseForm {
    /// The lease file of Kea (memfile, `kea-leases4.csv`).
    Kea,
    /// The lease file of ISC dhcpd (`dhcpd.leases`).
    Isc,
    /// A table with commas.
    Csv,
}

/// `ironhand wake`.
#[derive(Args)]
pub struct Wake {
    /// The hosts; beside names, hardware addresses of machines.
    #[command(flatten)]
    pub selector: Selector,
}

/// `ironhand boot explain`.
#[derive(Args)]
pub struct ExplainBoot {
    /// A host, or the hardware address of any machine
    #[arg(value_name = "HOST|MAC")]
    pub machine: String,
    /// Its firmware: bios, x64, arm64 and others [default: x64]
    #[arg(long, value_name = "ARCH")]
    pub arch: Option<String>,
    /// The network that it asks in [default: that of its address, or the only one]
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<String>,
    /// Its UUID
    #[arg(long, value_name = "UUID")]
    pub uuid: Option<String>,
    /// Its firmware asks for HTTP boot
    #[arg(long)]
    pub http: bool,
    /// It asks over IPv6
    #[arg(long)]
    pub ipv6: bool,
    /// Show the script that its loader would read, too
    #[arg(long)]
    pub script: bool,
}
