//! `ironhand heartbeat`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to do with heartbeats.
#[derive(Subcommand)]
pub enum HeartbeatCommand {
    /// Print the key under which a host signs its heartbeats; it is issued where there is none
    Key(HeartbeatKeyOf),
    /// Send one heartbeat, from a timer on the host: exit code 0 where it counted
    Send(SendHeartbeat),
}

/// `ironhand heartbeat key`.
#[derive(Args)]
pub struct HeartbeatKeyOf {
    /// The host
    pub host: String,
    /// Replace the key: heartbeats under the one before are refused from then on
    #[arg(long)]
    pub rotate: bool,
}

/// `ironhand heartbeat send`.
#[derive(Args)]
pub struct SendHeartbeat {
    /// The host that sends it
    pub host: String,
    /// The file with its key
    #[arg(long, value_name = "FILE")]
    pub key_file: PathBuf,
}
