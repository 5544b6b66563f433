//! Manifests, and the resources that come of them.

use std::path::PathBuf;

use clap::Args;

/// Files and folders with manifests.
#[derive(Args)]
pub struct Files {
    /// A file, or a folder that is read with its subfolders; may be given more than once
    #[arg(short, long = "file", required = true, value_name = "PATH")]
    pub files: Vec<PathBuf>,
}

/// `ironhand apply`.
#[derive(Args)]
pub struct Manifests {
    /// The manifests.
    #[command(flatten)]
    pub files: Files,
    /// Check everything, change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `ironhand get`.
#[derive(Args)]
pub struct Get {
    /// hosts, clusters, zones, credentials, flows, notifiers or settings
    pub kind: String,
    /// One resource [default: all]
    pub name: Option<String>,
    /// Only resources with these labels: key=value, key!=value, key, !key, separated by commas
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<String>,
}

/// `ironhand delete`.
#[derive(Args)]
pub struct Delete {
    /// host, cluster, zone, credential, flow, notifier or settings
    pub kind: String,
    /// Its name
    pub name: String,
}

/// `ironhand describe`.
#[derive(Args)]
pub struct Describe {
    /// host
    pub kind: String,
    /// Its name
    pub name: String,
}
