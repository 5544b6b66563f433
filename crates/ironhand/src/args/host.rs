//! What is done with hosts.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ironhand_api::Span;

/// Which hosts a command works on.
#[derive(Args)]
pub struct Selector {
    /// Host names and ranges like rack7-[01-40]
    #[arg(value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Hosts with these labels: key=value, key!=value, key, !key, separated by commas
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<String>,
    /// Every host
    #[arg(long)]
    pub all: bool,
}

impl Selector {
    /// Whether no host is asked for.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.selector.is_none() && !self.all
    }
}

/// `ironhand power`.
#[derive(Args)]
pub struct Power {
    /// status, or what to do
    #[arg(value_enum)]
    pub action: PowerWord,
    /// The hosts.
    #[command(flatten)]
    pub selector: Selector,
    /// How long it may take until the world shows it [default: the server's, longer for soft]
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<Span>,
    /// Do not wait until the world shows it: print the job under which the server does it
    #[arg(long)]
    pub no_wait: bool,
}

/// `ironhand recover`.
#[derive(Args)]
pub struct Recover {
    /// The hosts.
    #[command(flatten)]
    pub selector: Selector,
    /// Run this flow [default: the one that applies to what the screen shows]
    #[arg(long, value_name = "NAME")]
    pub flow: Option<String>,
    /// Run it though it does not apply
    #[arg(long, requires = "flow")]
    pub force: bool,
    /// Print what would be done, step by step, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Wait until the runs have ended
    #[arg(long)]
    pub wait: bool,
    /// How many hosts at the same time; where there are more, a run begins when one before it has ended
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub at_once: u16,
    /// How long each run is waited for; one that takes longer goes on
    #[arg(long, value_name = "TIME", default_value = "1h")]
    pub timeout: Span,
    /// Why, for those who wonder later
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Who asks [default: the user of this terminal]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}

/// The words of `ironhand power`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PowerWord {
    /// Read the power state
    Status,
    /// Power on
    On,
    /// Power off at once
    Off,
    /// Power off, wait, power on
    Cycle,
    /// Reset without removing power
    Reset,
    /// Ask the operating system to shut down
    Soft,
    /// Raise a diagnostic interrupt
    Nmi,
}

/// `ironhand boot-device`. As in ipmitool the device comes last; hosts come first.
#[derive(Args)]
pub struct BootDevice {
    /// Host names and ranges like rack7-[01-40], then one of: pxe, disk, cdrom, bios, none
    #[arg(required = true, num_args = 1.., value_name = "HOST... DEVICE")]
    pub words: Vec<String>,
    /// Hosts with these labels in place of names
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<String>,
    /// Every host
    #[arg(long)]
    pub all: bool,
    /// For every boot from now on
    #[arg(long)]
    pub persistent: bool,
    /// Through the legacy BIOS
    #[arg(long, conflicts_with = "uefi")]
    pub legacy: bool,
    /// Through UEFI
    #[arg(long)]
    pub uefi: bool,
}

/// `ironhand screen`.
#[derive(Args)]
pub struct Screen {
    /// The host
    pub host: String,
    /// Keep the picture
    #[arg(long, value_name = "FILE.png")]
    pub save: Option<PathBuf>,
    /// Print the text [default, unless --save is given]
    #[arg(long)]
    pub text: bool,
    /// Print the screen again whenever it changes
    #[arg(long)]
    pub watch: bool,
    /// How the terminal shows pictures; auto asks it, and prints the text where it shows none
    #[arg(long, value_enum, default_value = "auto", value_name = "HOW")]
    pub picture: PictureWord,
}

/// How terminals show pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PictureWord {
    /// As the terminal says that it can
    Auto,
    /// The graphics protocol of kitty
    Kitty,
    /// Inline images of iTerm2
    Iterm2,
    /// Sixel graphics
    Sixel,
    /// Not at all
    None,
}

/// `ironhand type`.
#[derive(Args)]
pub struct Type {
    /// The host
    pub host: String,
    /// The keys
    #[arg(required_unless_present = "secret_file")]
    pub keys: Option<String>,
    /// Type what is in this file (- is standard input) where the keys say `<secret>`, else after them; no record shows it
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
}
