//! Boots over the network.

use clap::{Args, Subcommand};

use super::Selector;

/// `ironhand boot`.
#[derive(Subcommand)]
pub enum BootCommand {
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
    /// Show the script that its loader would read, too
    #[arg(long)]
    pub script: bool,
}
