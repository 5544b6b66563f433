//! The command line of `ironhand bmc sol`.

use clap::{Args, Subcommand, ValueEnum};
use ironhand_api::Span;

/// `ironhand bmc sol`.
#[derive(Args)]
pub struct Sol {
    /// What to do instead of opening the console
    #[command(subcommand)]
    pub verb: Option<SolVerb>,
    /// How the console is opened.
    #[command(flatten)]
    pub console: Console,
}

/// How the console is opened.
#[derive(Args)]
pub struct Console {
    /// Take the console from another session that has it
    #[arg(long)]
    pub steal: bool,
    /// Which of the machine's consoles
    #[arg(long, default_value_t = 1, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(1..=15))]
    pub instance: u8,
    /// The character that begins a command to this program at the start of a line; none for no such character
    #[arg(long, default_value = "~", value_name = "CHARACTER")]
    pub escape: EscapeCharacter,
    /// What is sent to a machine that is silent, to find BMCs that take nothing any more
    #[arg(long, value_enum, default_value_t = Probe::None)]
    pub probe: Probe,
    /// When input from a pipe or file ends: leave after so long without output
    #[arg(long, default_value = "1s", value_name = "TIME")]
    pub linger: Span,
}

/// Other things to do with serial consoles.
#[derive(Subcommand)]
pub enum SolVerb {
    /// Show how the console is configured and whether it is in use
    Info,
    /// End whatever session has the console
    Deactivate,
}

/// What is sent to a machine that is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Probe {
    /// Nothing
    None,
    /// A packet without characters, which the machine does not see
    Empty,
    /// A NUL character, which most systems ignore
    Nul,
}

/// The character that begins a command to this program, if one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EscapeCharacter(pub Option<u8>);

impl std::str::FromStr for EscapeCharacter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.as_bytes() {
            b"none" => Ok(Self(None)),
            [character] if character.is_ascii_graphic() => Ok(Self(Some(*character))),
            _ => Err("write one visible ASCII character, or none".to_owned()),
        }
    }
}
