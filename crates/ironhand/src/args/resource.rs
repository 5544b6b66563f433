//! Manifests, and the resources that come of them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ironhand_api::Span;

/// Files and folders with manifests.
#[derive(Args)]
pub struct Files {
    /// A file, a folder that is read with its subfolders, or `-` for standard input; may be given more than once
    #[arg(short, long = "file", required = true, value_name = "PATH")]
    pub files: Vec<PathBuf>,
}

/// `ironhand apply`.
#[derive(Args)]
pub struct Apply {
    /// The manifests.
    #[command(flatten)]
    pub files: Files,
    /// Check everything, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// What else is to go.
    #[command(flatten)]
    pub prune: Prune,
}

/// `ironhand diff`.
#[derive(Args)]
pub struct Diff {
    /// The manifests.
    #[command(flatten)]
    pub files: Files,
    /// What else would go.
    #[command(flatten)]
    pub prune: Prune,
}

/// What is removed because no manifest describes it.
#[derive(Args)]
pub struct Prune {
    /// Remove the resources of the labels of -l, or with --all any, that no file describes
    #[arg(long)]
    pub prune: bool,
    /// The labels that mark what belongs to these files; each of their manifests must carry them
    #[arg(short = 'l', long, value_name = "LABELS", requires = "prune")]
    pub selector: Option<String>,
    /// Everything on the server belongs to these files
    #[arg(long, requires = "prune", conflicts_with = "selector")]
    pub all: bool,
}

/// `ironhand export`.
#[derive(Args)]
pub struct Export {
    /// One kind [default: all]
    pub kind: Option<String>,
    /// Only resources with these labels: key=value, key!=value, key, !key, separated by commas
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<String>,
    /// Write a file KIND/NAME.yaml for each into this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `ironhand edit`.
#[derive(Args)]
pub struct Edit {
    /// host, cluster, zone, flow, notifier, repository or settings
    pub kind: String,
    /// Its name
    pub name: String,
}

/// `ironhand get`.
#[derive(Args)]
pub struct Get {
    /// hosts, clusters, zones, credentials, flows, notifiers, repositories or settings
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
    /// host, cluster, zone, credential, flow, notifier, repository or settings
    pub kind: String,
    /// Its name
    pub name: String,
}

/// `ironhand describe`.
#[derive(Args)]
pub struct Describe {
    /// host, flow, repository, network, profile or deployment
    pub kind: String,
    /// Its name
    pub name: String,
}

/// What can be done with repositories.
#[derive(Subcommand)]
pub enum RepositoryCommand {
    /// Have a repository looked at now
    Sync {
        /// The repository
        name: String,
        /// Wait for what comes of it: exit code 1 where the newest commit is not in force then
        #[arg(long)]
        wait: bool,
        /// How long to wait
        #[arg(long, default_value = "3m", value_name = "TIME")]
        timeout: Span,
    },
}
