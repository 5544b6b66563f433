//! What happened, and what is going on.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Since;

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
    /// The screens of unwell hosts that no flow recognises, those that are alike together
    #[arg(long, conflicts_with_all = ["id", "host", "open"])]
    pub unknown: bool,
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

/// `ironhand report`.
#[derive(Args)]
pub struct Report {
    /// From then on: how long ago, like 30d, or a time, like 2026-03-02T08:00:00Z
    #[arg(long, default_value = "30d", value_name = "TIME")]
    pub since: Since,
    /// Until then [default: now]
    #[arg(long, value_name = "TIME")]
    pub until: Option<Since>,
    /// Write it as one HTML page with plots, which needs no other file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// `ironhand approve` and `ironhand cancel`.
#[derive(Args)]
pub struct Ruling {
    /// The run
    pub run: u64,
    /// Why, for those who wonder later
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Who says so [default: the user of this terminal]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
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
