//! What happened, and what is going on.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `ironhand jobs`.
#[derive(Args)]
pub struct Jobs {
    /// One job with all that is known of it [default: all]
    pub id: Option<u64>,
    /// Only those of one host
    #[arg(long)]
    pub host: Option<String>,
    /// Only those that are not over
    #[arg(long)]
    pub open: bool,
}

/// `ironhand alerts`.
#[derive(Args)]
pub struct Alerts {
    /// Only those of one host
    #[arg(long)]
    pub host: Option<String>,
    /// Only those that are not cleared
    #[arg(long)]
    pub open: bool,
}

/// `ironhand incidents`.
#[derive(Args)]
pub struct Incidents {
    /// One incident [default: all]
    pub id: Option<u64>,
    /// Only those of one host
    #[arg(long)]
    pub host: Option<String>,
    /// Only those that are not closed
    #[arg(long)]
    pub open: bool,
    /// Keep the first and the last picture of one incident in this folder
    #[arg(long, value_name = "DIR", requires = "id")]
    pub save: Option<PathBuf>,
}

/// `ironhand runs`.
#[derive(Args)]
pub struct Runs {
    /// One run with its steps and evidence [default: all]
    pub id: Option<u64>,
    /// Only those of one host
    #[arg(long)]
    pub host: Option<String>,
    /// Keep the pictures of one run in this folder
    #[arg(long, value_name = "DIR", requires = "id")]
    pub save: Option<PathBuf>,
}

/// `ironhand events`.
#[derive(Args)]
pub struct Events {
    /// Go on as things happen
    #[arg(long, short)]
    pub follow: bool,
    /// Only those of one host
    #[arg(long)]
    pub host: Option<String>,
    /// Only those after this event
    #[arg(long, value_name = "ID")]
    pub after: Option<u64>,
    /// In a form that other systems take: one JSON document a line
    #[arg(long, value_enum)]
    pub format: Option<EventFormat>,
}

/// Forms of events for other systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EventFormat {
    /// CloudEvents 1.0, structured
    Cloudevents,
}
