//! What hosts are made of, measure and have logged.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use ironhand_api::{MediaKind, Name, Span, Timestamp};

use super::{Selector, Switch};

/// `ironhand sensors`.
#[derive(Args)]
pub struct Sensors {
    /// The hosts.
    #[command(flatten)]
    pub selector: Selector,
    /// Only sensors of this type, like temperature, fan, voltage, power; may be given more than once
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    pub types: Vec<String>,
    /// Also those that say nothing at the moment
    #[arg(long)]
    pub absent: bool,
}

/// `ironhand sel`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Sel {
    /// What to do with the logs.
    #[command(subcommand)]
    pub action: Option<SelAction>,
    /// Which entries.
    #[command(flatten)]
    pub list: SelList,
}

/// What can be done with event logs.
#[derive(Subcommand)]
pub enum SelAction {
    /// Show entries, the oldest first; the same as no word at all
    List(SelList),
    /// Erase all entries
    Clear(SelClear),
}

/// Which entries of event logs.
#[derive(Args)]
pub struct SelList {
    /// The hosts.
    #[command(flatten)]
    pub selector: Selector,
    /// Only the newest ones, this many [default with --follow: 10]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pub last: Option<u16>,
    /// Only those since then, by the controller's clock: 2h, or 2026-03-02T08:00:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<Since>,
    /// Go on and show entries as they are written; one host at a time
    #[arg(short, long)]
    pub follow: bool,
    /// How often to look for new entries
    #[arg(long, default_value = "5s", value_name = "TIME", requires = "follow")]
    pub every: Span,
}

/// `ironhand sel clear`.
#[derive(Args)]
pub struct SelClear {
    /// The hosts.
    #[command(flatten)]
    pub selector: Selector,
    /// Of more than one host
    #[arg(long)]
    pub yes: bool,
}

/// A moment, as how long ago or as a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// So long ago.
    Ago(Span),
    /// Then.
    At(Timestamp),
}

impl std::str::FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ago = text.parse().map(Self::Ago);
        ago.or_else(|_| text.parse().map(Self::At))
            .map_err(|_| "write how long ago, like 2h or 3d, or a time, like 2026-03-02T08:00:00Z".to_owned())
    }
}

impl Since {
    /// The moment, as seen from `now`.
    pub fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => {
                let ago = i64::try_from(ago.duration().as_millis()).unwrap_or(i64::MAX);
                Timestamp::from_millis(now.as_millis().saturating_sub(ago))
            }
        }
    }
}

/// `ironhand identify`.
#[derive(Args)]
pub struct Identify {
    /// on or off
    #[arg(value_enum)]
    pub light: Switch,
    /// The hosts.
    #[command(flatten)]
    pub selector: Selector,
    /// Go off by itself after this time, 255s at most; IPMI knows such a time, Redfish does not
    #[arg(long = "for", value_name = "TIME")]
    pub time: Option<Span>,
}

/// What can be done with media: those of the server, and those in the drives that controllers show to hosts.
#[derive(Subcommand)]
pub enum Media {
    /// Add an image, another file or loaders, that machines boot from
    Add(AddMedia),
    /// Show the media of the server; of hosts, which drives there are and what is in them
    List {
        /// The hosts.
        #[command(flatten)]
        selector: Selector,
    },
    /// Show what stands in a folder of a medium
    Ls {
        /// The medium
        name: Name,
        /// The folder, in any case of letters
        #[arg(default_value = "")]
        path: String,
    },
    /// Print a file of a medium
    Cat {
        /// The medium
        name: Name,
        /// The file, in any case of letters
        path: String,
    },
    /// Remove media
    Rm {
        /// The media
        #[arg(required = true, value_name = "NAME")]
        names: Vec<Name>,
    },
    /// Have controllers fetch an image and present it to their machines
    Insert(InsertMedia),
    /// Take images out
    Eject {
        /// The hosts.
        #[command(flatten)]
        selector: Selector,
        /// The identifier of the drive [default: all]
        #[arg(long, value_name = "ID")]
        drive: Option<String>,
    },
}

/// `ironhand media add`.
#[derive(Args)]
#[command(group(ArgGroup::new("from").required(true).args(["source", "loaders"])))]
pub struct AddMedia {
    /// What it is to be called: its files are served below media/NAME/
    pub name: Name,
    /// An ISO image or another file, or the http or https URL that the server fetches it from
    #[arg(value_name = "FILE|URL")]
    pub source: Option<String>,
    /// The digest that it must have, as 64 hexadecimal digits
    #[arg(long, value_name = "DIGEST")]
    pub sha256: Option<String>,
    /// Serve the file where it lies, on the machine of the server, and store nothing
    #[arg(long, requires = "source")]
    pub link: bool,
    /// Take the loaders out of Debian packages (ipxe, shim-signed, grub-efi-amd64-signed ...) and folders
    #[arg(long, value_name = "DEB|DIR", num_args = 1.., conflicts_with = "source")]
    pub loaders: Vec<PathBuf>,
}

/// `ironhand media insert`.
#[derive(Args)]
pub struct InsertMedia {
    /// Where the controllers fetch the image: http, https, nfs, cifs or smb, as they know it
    pub url: String,
    /// The hosts.
    #[command(flatten)]
    pub selector: Selector,
    /// What the image is to the machines
    #[arg(long, value_enum, default_value = "cd")]
    pub kind: MediaWord,
    /// The identifier of the drive [default: the first that is free]
    #[arg(long, value_name = "ID")]
    pub drive: Option<String>,
    /// The Credential of the server that has the image, where it wants one
    #[arg(long, value_name = "NAME")]
    pub credential: Option<Name>,
}

/// What an image is to a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MediaWord {
    /// A CD or DVD
    Cd,
    /// A USB stick
    Usb,
    /// A floppy disk
    Floppy,
}

impl From<MediaWord> for MediaKind {
    fn from(word: MediaWord) -> Self {
        match word {
            MediaWord::Cd => Self::Cd,
            MediaWord::Usb => Self::Usb,
            MediaWord::Floppy => Self::Floppy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_how_long_ago_or_a_time() {
        let check = |text: &str, wanted: Option<Since>| assert_eq!(text.parse().ok(), wanted, "{text}");
        check("2h", Some(Since::Ago(Span::from_secs(7200))));
        check("1970-01-01T00:00:07Z", Some(Since::At(Timestamp::from_millis(7000))));
        check("yesterday", None);
        check("7", None);
    }
}
