//! What needs no server.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Files;

/// `ironhand read`.
#[derive(Args)]
pub struct Read {
    /// PNG or JPEG files
    #[arg(required = true, value_name = "IMAGE")]
    pub images: Vec<PathBuf>,
    /// Print what is known of each character, as JSON
    #[arg(long)]
    pub json: bool,
    /// Write one NAME.txt for each NAME.png into this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `ironhand match`.
#[derive(Args)]
pub struct Match {
    /// A picture (PNG, JPEG) or a text file of a screen
    pub screen: PathBuf,
    /// The flows.
    #[command(flatten)]
    pub flows: Files,
}

/// `ironhand flow`.
#[derive(Subcommand)]
pub enum FlowCommand {
    /// Run the flows' own examples
    Test(Files),
}
