//! Management of hosts, clusters and zones; passwords, settings, keys.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use ironhand_api::Kind;

use super::Selector;

/// `ironhand manage`.
#[derive(Args)]
pub struct Manage {
    /// What to do
    #[arg(value_enum)]
    pub word: ManageWord,
    /// At which level; each keeps its own, and a host is managed only where all three are enabled
    #[arg(value_enum)]
    pub level: Level,
    /// Names and ranges like rack7-[01-40]
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// Why, for those who wonder later
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `ironhand recovery`.
#[derive(Args)]
pub struct Recovery {
    /// What to do; tells where recovery is paused where absent
    #[arg(value_enum)]
    pub word: Option<RecoveryWord>,
    /// In this cluster alone
    #[arg(long, value_name = "NAME", conflicts_with = "zone")]
    pub cluster: Option<String>,
    /// In this zone alone
    #[arg(long, value_name = "NAME")]
    pub zone: Option<String>,
    /// Why, for those who wonder later
    #[arg(long, value_name = "TEXT", requires = "word")]
    pub reason: Option<String>,
}

/// The words of `ironhand recovery`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RecoveryWord {
    /// Begin nothing without a person, and do no further step of what runs
    Pause,
    /// Go on, on hosts that are still unwell
    Resume,
}

/// The words of `ironhand manage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ManageWord {
    /// Watch and repair
    Enable,
    /// Send nothing to the controllers
    Disable,
}

/// Levels at which management is enabled or disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// Hosts themselves
    Host,
    /// All hosts of a cluster
    Cluster,
    /// All hosts of all clusters of a zone
    Zone,
}

impl Level {
    /// The kind of resource that is meant.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Host => Kind::Host,
            Self::Cluster => Kind::Cluster,
            Self::Zone => Kind::Zone,
        }
    }
}

/// `ironhand maintenance`.
#[derive(Args)]
pub struct Maintenance {
    /// Whether people work on the hosts
    #[arg(value_enum)]
    pub switch: Switch,
    /// The hosts.
    #[command(flatten)]
    pub selector: Selector,
    /// Why, for those who wonder later
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// From now on
    On,
    /// No longer
    Off,
}

/// `ironhand fence`.
#[derive(Args)]
pub struct Fence {
    /// The hosts.
    #[command(flatten)]
    pub selector: Selector,
    /// A person who has seen that the host is without power, and answers for it
    #[arg(long, value_name = "NAME", requires = "statement")]
    pub attested_by: Option<String>,
    /// What that person has seen or done
    #[arg(long, value_name = "TEXT", requires = "attested_by")]
    pub statement: Option<String>,
    /// Say that the hosts are no longer fenced
    #[arg(long, conflicts_with_all = ["attested_by", "statement"])]
    pub lift: bool,
}

/// `ironhand password`.
#[derive(Args)]
pub struct Password {
    /// What to do.
    #[command(subcommand)]
    pub command: PasswordCommand,
}

/// What can be done with passwords.
#[derive(Subcommand)]
pub enum PasswordCommand {
    /// Give the controllers' accounts new passwords, prove them, and keep them sealed
    Rotate(Rotate),
}

/// `ironhand password rotate`.
#[derive(Args)]
pub struct Rotate {
    /// The hosts.
    #[command(flatten)]
    pub selector: Selector,
    /// The new password, the same for all, is in this file
    #[arg(long, value_name = "FILE", conflicts_with = "generate")]
    pub new_from: Option<PathBuf>,
    /// The server makes a password for each host that nobody else knows [default, unless --new-from is given]
    #[arg(long)]
    pub generate: bool,
    /// The account [default: the one that the server logs in with]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// How many hosts at the same time; the server has a limit too (rotationsAtOnce)
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub at_once: u16,
    /// Begin with no further host after so many failures
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_failures: u32,
}

/// `ironhand settings`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Settings {
    /// As they hold for this host [default: for all that says nothing else]
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// What else to do.
    #[command(subcommand)]
    pub command: Option<SettingsCommand>,
}

/// What can be done with settings.
#[derive(Subcommand)]
pub enum SettingsCommand {
    /// What one setting means
    Describe {
        /// Its name, like actionTimeout
        name: String,
    },
}

/// What can be done with notifiers.
#[derive(Subcommand)]
pub enum NotifierCommand {
    /// Tell a notifier that it is tested, and say whether it was told
    Test {
        /// The notifier
        name: String,
    },
}

/// What can be done with the key.
#[derive(Subcommand)]
pub enum KeyCommand {
    /// Make a new key and seal everything under it
    Rotate,
}

/// `ironhand pin`.
#[derive(Subcommand)]
pub enum PinCommand {
    /// Show them
    List(ListPins),
    /// Forget them: what the devices show next is pinned
    Forget(ForgetPins),
}

/// `ironhand pin list`.
#[derive(Args)]
pub struct ListPins {
    /// The hosts.
    #[command(flatten)]
    pub selector: Selector,
}

/// `ironhand pin forget`.
#[derive(Args)]
pub struct ForgetPins {
    /// The hosts.
    #[command(flatten)]
    pub selector: Selector,
    /// Only that of one connector, named as `ironhand pin list` shows it, like 'redfish 10.0.7.12'
    #[arg(long, value_name = "CONNECTOR")]
    pub connector: Option<String>,
}
