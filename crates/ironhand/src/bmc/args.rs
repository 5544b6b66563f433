//! The command line of `ironhand bmc`.

use clap::{Args, Subcommand, ValueEnum};
use ironhand_api::{Span, Timestamp};

use super::access::Access;
use super::sol::args::Sol;
use crate::exit::Failure;

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
    #[command(visible_alias = "inventory")]
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
    /// Print what the BMCs tell on their own, as it happens, until Ctrl-C (Redfish)
    Events(super::redfish::Events),
    /// Show images that the machines see as drives, insert and eject them (Redfish)
    Media(super::redfish::Media),
    /// Show and change settings of the machines' firmware (Redfish)
    Bios(super::redfish::Bios),
    /// Take a picture of what the machines show, and read its text (Redfish)
    Screen(super::redfish::Screen),
    /// Send a command by its numbers, or over Redfish a request by its method and path
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

impl Boot {
    /// Whether it can only be to show: nothing is named that would be set.
    pub fn check_show(&self) -> Result<(), Failure> {
        if self.persistent || self.uefi || self.legacy || self.instance.is_some() {
            return Err(Failure::Usage {
                message: "no device is named".to_owned(),
                hint: Some("name one: pxe, disk, cdrom, bios ...".to_owned()),
            });
        }
        Ok(())
    }
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
    /// The network, by HTTP (Redfish)
    Http,
    /// The first disk
    Disk,
    /// The first disk, in safe mode
    Safe,
    /// The diagnostic partition
    Diagnostic,
    /// CD or DVD
    Cdrom,
    /// A USB device (Redfish)
    Usb,
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
    /// Network function, command and data as bytes: 0x06 0x01, or decimal; over Redfish METHOD PATH and perhaps JSON
    #[arg(required = true, num_args = 2.., value_name = "WORD")]
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
