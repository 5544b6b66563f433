//! Boots over the network.

use clap::{Args, Subcommand};

use super::Selector;

/// `ironhand boot`.
#[derive(Subcommand)]
pub enum BootCommand {
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
