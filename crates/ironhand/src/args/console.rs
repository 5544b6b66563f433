//! Consoles of hosts.

use clap::{Args, Subcommand};
use ironhand_api::Span;

use super::{Learn, PictureWord};
use crate::bmc::sol::args::EscapeCharacter;

/// `ironhand console`. A host that is called like a verb is named behind `--`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Console {
    /// What to do instead of opening a console
    #[command(subcommand)]
    pub verb: Option<ConsoleVerb>,
    /// The host
    #[arg(required = true)]
    pub host: Option<String>,
    /// Take the console from whoever has it
    #[arg(long)]
    pub take_over: bool,
    /// Only look: nothing is typed, and whoever has the console keeps it
    #[arg(long, conflicts_with = "take_over")]
    pub read_only: bool,
    /// The screen and the keyboard in place of the serial line
    #[arg(long)]
    pub screen: bool,
    /// With --screen: how the terminal shows pictures [default: as it says that it can, else the text]
    #[arg(long, value_enum, requires = "screen", value_name = "HOW")]
    pub picture: Option<PictureWord>,
    /// With --screen: record what is typed, beside secrets, in place of stars
    #[arg(long, requires = "screen")]
    pub record_typed: bool,
    /// Print what the machine wrote before, in place of opening the console
    #[arg(long, conflicts_with_all = ["take_over", "read_only", "screen"])]
    pub log: bool,
    /// With --log: lines in which this regular expression is found
    #[arg(long, requires = "log", value_name = "PATTERN")]
    pub search: Option<String>,
    /// With --log: how far back
    #[arg(long, requires = "log", value_name = "TIME")]
    pub since: Option<Span>,
    /// With --log: at most so many lines, the last
    #[arg(long, requires = "log", value_name = "NUMBER")]
    pub tail: Option<usize>,
    /// The character that begins a command to this program at the start of a line; none for no such character
    #[arg(long, default_value = "~", value_name = "CHARACTER")]
    pub escape: EscapeCharacter,
    /// When input from a pipe or file ends: leave after so long without output
    #[arg(long, default_value = "1s", value_name = "TIME")]
    pub linger: Span,
}

/// Other things to do with consoles.
#[derive(Subcommand)]
pub enum ConsoleVerb {
    /// Teach the reader of screens a font, from one picture and its text, without a server
    Learn(Learn),
    /// Take the console of a host from whoever has it, and leave it free
    Release {
        /// The host
        host: String,
    },
}

/// `ironhand recordings`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Recordings {
    /// What to do instead of listing them
    #[command(subcommand)]
    pub verb: Option<RecordingsVerb>,
    /// Of this host alone
    pub host: Option<String>,
    /// Those that were made while this incident was open
    #[arg(long, value_name = "ID", conflicts_with = "host")]
    pub incident: Option<u64>,
}

/// Other things to do with recordings.
#[derive(Subcommand)]
pub enum RecordingsVerb {
    /// Print a recording, or keep it: an asciicast, which asciinema plays, or the text and the keys of a screen
    Show {
        /// Which: HOST/NUMBER, as the list shows it
        recording: String,
        /// Keep the asciicast in this file; of a screen events and pictures in this folder
        #[arg(long, value_name = "PATH")]
        save: Option<std::path::PathBuf>,
    },
}
