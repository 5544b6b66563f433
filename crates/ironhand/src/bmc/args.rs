//! The command line of `ironhand bmc`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use ironhand_api::{Span, Timestamp};
use ironhand_ipmi::Quirks;

use super::sol::args::Sol;

/// Under which heading help lists how BMCs are reached.
const ACCESS: &str = "Which BMCs, and how";

/// `ironhand bmc`.
#[derive(Args)]
pub struct Bmc {
    /// Which BMCs, and how.
    #[command(flatten)]
    pub access: Access,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Which BMCs, and how.
#[derive(Args, Clone)]
pub struct Access {
    /// Addresses, names and ranges like 10.0.[0-3].[1-250] or 10.0.0.0/24, with :PORT if it is not 623; may be given more than once
    #[arg(
        short = 'H',
        long = "host",
        global = true,
        help_heading = ACCESS,
        value_name = "RANGE"
    )]
    pub hosts: Vec<String>,
    /// The user name; empty for the null user
    #[arg(short = 'U', long, global = true, help_heading = ACCESS, env = "IRONHAND_USER", value_name = "NAME")]
    pub user: Option<String>,
    /// The password is in this file, else in IRONHAND_PASSWORD
    #[arg(long, global = true, help_heading = ACCESS, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// The BMCs' own key Kg is in this file, else in IRONHAND_KG; 0x and hexadecimal digits stand for bytes
    #[arg(long, global = true, help_heading = ACCESS, value_name = "FILE")]
    pub kg_file: Option<PathBuf>,
    /// How the BMCs are spoken to
    #[arg(long, global = true, help_heading = ACCESS, value_enum, default_value_t = Protocol::Ipmi)]
    pub protocol: Protocol,
    /// The UDP port, where a range names none
    #[arg(short = 'p', long, global = true, help_heading = ACCESS, default_value_t = 623)]
    pub port: u16,
    /// Only this cipher suite [default: 17, then 3]
    #[arg(short = 'C', long, global = true, help_heading = ACCESS, value_name = "NUMBER")]
    pub cipher_suite: Option<u8>,
    /// The highest privilege level to ask for; each command asks for the lowest that it needs
    #[arg(short = 'L', long, global = true, help_heading = ACCESS, value_enum, default_value_t = Privilege::Administrator)]
    pub privilege: Privilege,
    /// Work around these faults of vendors' BMCs: names from `ironhand bmc quirks`, separated by commas
    #[arg(long, global = true, help_heading = ACCESS, value_name = "NAMES")]
    pub quirks: Option<Quirks>,
    /// How long one BMC may take for all of a command [default: until it is silent for some seconds]
    #[arg(long, global = true, help_heading = ACCESS, value_name = "TIME")]
    pub timeout: Option<Span>,
}

/// How a BMC is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// IPMI 2.0 (RMCP+)
    Ipmi,
    /// IPMI 1.5 sessions with MD5, which encrypt nothing: for BMCs that have no others
    #[value(name = "ipmi15-md5")]
    Ipmi15Md5,
    /// IPMI 1.5 sessions with the password in clear in every packet
    #[value(name = "ipmi15-password")]
    Ipmi15Password,
}

/// Privilege levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Privilege {
    /// May read
    User,
    /// May also switch power and set the boot device
    Operator,
    /// May also manage users and the network
    Administrator,
}

/// What can be done with BMCs.
#[derive(Subcommand)]
pub enum Verb {
    /// Read or change the power of the machines
    Power(Power),
    /// Show or choose what the next boot starts from
    Boot(Boot),
    /// Read, follow or erase the event log, and the BMC's clock
    Sel(Sel),
    /// Show what boards, chassis and power supplies are: makers, part and serial numbers
    Fru(Fru),
    /// Read the sensors: temperatures, fans, voltages, states
    Sensors(Sensors),
    /// List the records of sensors and devices, or tell of the repository
    Sdr(Sdr),
    /// Open the serial console of a machine (Serial over LAN)
    Sol(Sol),
    /// List, create, change and delete the BMCs' users
    User(super::user::User),
    /// Show and change the BMCs' network settings
    Lan(super::lan::Lan),
    /// Show the state of the machines' cases, and switch the identify light
    Chassis(super::chassis::Chassis),
    /// Show what the BMCs are, restart them, stop their watchdog timers
    Mc(super::mc::Mc),
    /// Show and limit the machines' power draw, write asset tags (DCMI)
    Dcmi(super::dcmi::Dcmi),
    /// Send a command by its numbers
    Raw(Raw),
    /// List the faults of vendors' BMCs that are known, and what is done about each
    Quirks,
}

/// `ironhand bmc power`.
#[derive(Args)]
pub struct Power {
    /// status, or what to do
    #[arg(value_enum)]
    pub action: crate::args::PowerWord,
    /// How long it may take until the BMC shows it; soft takes five times as long
    #[arg(long, default_value = "60s", value_name = "TIME")]
    pub wait: Span,
    /// Do not wait until the BMC shows it
    #[arg(long)]
    pub no_wait: bool,
}

/// `ironhand bmc boot`.
#[derive(Args)]
pub struct Boot {
    /// show, or the device
    #[arg(value_enum, default_value_t = BootWord::Show)]
    pub device: BootWord,
    /// For every boot from now on
    #[arg(long)]
    pub persistent: bool,
    /// Through the legacy BIOS
    #[arg(long, conflicts_with = "uefi")]
    pub legacy: bool,
    /// Through UEFI
    #[arg(long)]
    pub uefi: bool,
    /// Which of several devices of the kind: 1 to 15 for internal ones, 17 to 31 for external ones
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=31), value_name = "NUMBER")]
    pub instance: Option<u8>,
}

/// The words of `ironhand bmc boot`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BootWord {
    /// Show what is chosen
    Show,
    /// What the machine's own settings say
    None,
    /// The network
    Pxe,
    /// The first disk
    Disk,
    /// The first disk, in safe mode
    Safe,
    /// The diagnostic partition
    Diagnostic,
    /// CD or DVD
    Cdrom,
    /// The firmware's set-up
    Bios,
    /// Floppy or other removable medium
    Floppy,
    /// A floppy that the BMC provides
    RemoteFloppy,
    /// A CD or DVD that the BMC provides
    RemoteCdrom,
    /// The first medium that the BMC provides
    RemoteMedia,
    /// A disk that the BMC provides
    RemoteDisk,
}

/// `ironhand bmc sensors`.
#[derive(Args)]
pub struct Sensors {
    /// Only sensors of these types, like Temperature,Fan or 0x01; may be given more than once
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    pub types: Vec<String>,
    /// Also sensors that say nothing, and why
    #[arg(long)]
    pub all: bool,
    /// Also the limits in force
    #[arg(long)]
    pub thresholds: bool,
}

/// `ironhand bmc sdr`.
#[derive(Args)]
pub struct Sdr {
    /// list, or info
    #[arg(value_enum, default_value_t = SdrWord::List)]
    pub action: SdrWord,
}

/// The words of `ironhand bmc sdr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SdrWord {
    /// The records
    List,
    /// How many there are, when they changed, and what is wrong with them
    Info,
}

/// `ironhand bmc raw`.
#[derive(Args)]
pub struct Raw {
    /// Network function, command and data as bytes: 0x06 0x01, or decimal
    #[arg(required = true, num_args = 2.., value_name = "BYTE")]
    pub bytes: Vec<String>,
    /// Logical unit of the BMC
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=3))]
    pub lun: u8,
    /// May be sent again when no reply comes: only for commands that do no harm when they are carried out twice
    #[arg(long)]
    pub repeatable: bool,
}

/// `ironhand bmc sel`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Sel {
    /// What to do with the log; without it, list.
    #[command(subcommand)]
    pub action: Option<SelAction>,
    /// Which records.
    #[command(flatten)]
    pub list: SelList,
}

/// What can be done with an event log.
#[derive(Subcommand)]
pub enum SelAction {
    /// List the records, the oldest first
    List(SelList),
    /// Show how full the log is
    Info,
    /// Erase the log
    Clear {
        /// Erase the logs of several BMCs
        #[arg(long)]
        yes: bool,
    },
    /// Show or set the clock from which records have their time
    Time {
        /// What to do with the clock; without it, show.
        #[command(subcommand)]
        action: Option<SelTime>,
    },
}

/// What can be done with a BMC's clock.
#[derive(Subcommand)]
pub enum SelTime {
    /// Set the clock, and read it back
    Set {
        /// The time, like 2026-03-02T08:00:00Z [default: this machine's own]
        time: Option<Timestamp>,
    },
}

/// Which records of an event log.
#[derive(Args, Clone)]
pub struct SelList {
    /// Only the newest ones, this many [default with --follow: 10]
    #[arg(long, value_name = "COUNT")]
    pub last: Option<u16>,
    /// Name sensors and turn raw readings into values; takes the time to read the sensors' records
    #[arg(short, long)]
    pub names: bool,
    /// Go on and print records as they are written
    #[arg(short, long)]
    pub follow: bool,
    /// How often to look for new records
    #[arg(long, default_value = "5s", value_name = "TIME", requires = "follow")]
    pub every: Span,
}

/// `ironhand bmc fru`.
#[derive(Args)]
pub struct Fru {
    /// A device's id, 0 for the BMC's own board; may be given more than once [default: all that the BMC's records name]
    #[arg(long, value_name = "ID")]
    pub device: Vec<u8>,
}
