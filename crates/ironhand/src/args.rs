//! The command line: what may be written, and its help. What commands do stands in their own modules.

mod boot;
mod console;
mod fleet;
mod hardware;
mod heartbeat;
mod host;
mod offline;
mod record;
mod resource;
mod server;
mod sim;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use boot::{BootCommand, ExplainBoot, Hosts, LeaseForm, Leases, Wake, WatchBoots};
pub use console::{Console, ConsoleVerb, Recordings, RecordingsVerb};
pub use fleet::{
    Fence, ForgetPins, KeyCommand, ListPins, Maintenance, Manage, ManageWord, NotifierCommand, Password,
    PasswordCommand, PinCommand, Recovery, RecoveryWord, Rotate, Settings, SettingsCommand, Switch,
};
pub use hardware::{AddMedia, Identify, Media, Sel, SelAction, SelClear, SelList, Sensors, Since};
pub use heartbeat::{HeartbeatCommand, HeartbeatKeyOf, SendHeartbeat};
pub use host::{BootDevice, PictureWord, Power, PowerWord, Recover, Screen, Selector, Type};
pub use offline::{FlowCommand, Fonts, ImportCommand, Learn, Match, Read, RecordFlow};
pub use record::{Alerts, EventFormat, Events, Incidents, Jobs, Report, Ruling, Runs};
pub use resource::{Apply, Delete, Describe, Diff, Edit, Export, Files, Get, Prune, RepositoryCommand};
pub use server::{
    ConfigCommand, Detect, DetectPart, LeasePlace, Listening, OnOff, Role, Sandbox, Serve, ServeOptions,
};
pub use sim::{Sim, SimAmt, SimBmc, SimKvm, SimMachine, SimModem, SimPdu, SimProtocol, SimQemu};

/// Ironhand keeps bare metal alive without hands.
///
/// It watches every server through its management controller, reads the server's own screen when something is wrong,
/// and presses the keys and the power button that a person would.
#[derive(Parser)]
#[command(
    name = "ironhand",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 bad usage or input, 3 not found, 4 refused, 5 timed out, 6 server unreachable.\n\
                  Try it: ironhand sandbox"
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Under which heading help lists the options of every command.
const GLOBAL: &str = "Options of every command";

/// Options of every command.
#[derive(Args, Clone)]
pub struct Global {
    /// The server: http://ADDRESS:PORT or unix:PATH [default: the local socket of a running server]
    #[arg(long, global = true, help_heading = GLOBAL, env = "IRONHAND_SERVER", value_name = "URL")]
    pub server: Option<String>,
    /// How to print
    #[arg(short, long, global = true, help_heading = GLOBAL, value_enum, default_value_t = Format::Table)]
    pub output: Format,
    /// No colours, whatever the terminal
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub no_color: bool,
    /// Say more: -v what is done, -vv what happens underneath
    #[arg(short, long, global = true, help_heading = GLOBAL, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For people with wide screens
    Wide,
    /// For programs: the same fields as JSON
    Json,
    /// For programs and manifests: the same fields as YAML
    Yaml,
    /// Names alone, one a line
    Name,
}

/// What can be asked for.
#[derive(Subcommand)]
pub enum Command {
    /// Try everything: a server, an embedded store and a simulated fleet that breaks and is healed
    Sandbox(Sandbox),
    /// Run the server
    Serve(Serve),
    /// The options of the server: made for this machine, checked, shown
    Config {
        /// What to do with them.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Create or change what manifests describe
    Apply(Apply),
    /// Tell what applying manifests would change: exit code 1 where anything would
    Diff(Diff),
    /// Print resources as manifests that can be applied again
    Export(Export),
    /// Change a resource in an editor
    Edit(Edit),
    /// Check manifests without a server
    Validate(Files),
    /// Make manifests of what another product was told
    Import {
        /// Which product.
        #[command(subcommand)]
        command: ImportCommand,
    },
    /// Show resources of a kind: hosts, clusters, zones, credentials, flows, notifiers, repositories, settings
    Get(Get),
    /// Tell everything that is known of one host, repository, network, profile or deployment, or of a flow
    Describe(Describe),
    /// Remove a resource
    Delete(Delete),
    /// Hosts, and machines that booted over the network and could become some
    Hosts(Hosts),
    /// Boots over the network
    Boot {
        /// What to do with them.
        #[command(subcommand)]
        command: BootCommand,
    },
    /// Who has which address by DHCP
    Leases(Leases),
    /// Make hosts run: by what switches their power, else by Wake-on-LAN
    Wake(Wake),
    /// Read or change the power of hosts
    Power(Power),
    /// Begin or end the management of hosts, or of all hosts of a cluster or a zone
    Manage(Manage),
    /// Say that people work on hosts: they are watched, and not repaired
    Maintenance(Maintenance),
    /// Run a flow on hosts by hand
    Recover(Recover),
    /// Pause what flows do without a person, on all hosts or in a cluster or a zone, or let it go on
    Recovery(Recovery),
    /// Power hosts off and prove that they are without power
    Fence(Fence),
    /// Change the passwords of hosts' controllers
    Password(Password),
    /// The certificates that hosts' devices showed first, and must show from then on
    Pin {
        /// What to do with them.
        #[command(subcommand)]
        command: PinCommand,
    },
    /// Heartbeats of hosts: their keys, and the sender of them
    Heartbeat {
        /// What to do with them.
        #[command(subcommand)]
        command: HeartbeatCommand,
    },
    /// Choose what the next boot of hosts starts from
    BootDevice(BootDevice),
    /// What hosts measure: temperatures, fans, voltages, power, and the state of their parts
    Sensors(Sensors),
    /// The event logs of hosts' controllers
    Sel(Sel),
    /// The parts of hosts that can be replaced, with serial and part numbers
    Fru(Selector),
    /// What hosts are made of: model, serial number, firmware, processors, memory, drives, network interfaces
    Inventory(Selector),
    /// Switch the light by which a host is found in its rack
    Identify(Identify),
    /// Images and loaders that machines boot from, and images that controllers show to hosts as drives
    Media {
        /// What to do with them.
        #[command(subcommand)]
        command: Media,
    },
    /// Show a host's screen as text, or keep its picture
    Screen(Screen),
    /// The serial console of a host; ~. at the start of a line leaves it
    Console(Console),
    /// What was written and typed on consoles that somebody had
    Recordings(Recordings),
    /// Press keys on a host.
    #[command(
        about = "Press keys on a host: plain text, <Enter>, <F1>, <Ctrl-Alt-Del>, <Down*3>, <wait 500ms>"
    )]
    Type(Type),
    /// Work that was asked for, and what came of it
    Jobs(Jobs),
    /// What somebody should know of now
    Alerts(Alerts),
    /// What is or was wrong with hosts
    Incidents(Incidents),
    /// What was done about it, step by step
    Runs(Runs),
    /// How recoveries went: what hosts fell ill of, how soon they were well again, which flows helped
    Report(Report),
    /// Agree to what a run asks a person
    Approve(Ruling),
    /// Stop a run, and leave its host to people
    Cancel(Ruling),
    /// What happened, in order
    Events(Events),
    /// What settings there are, what they mean, and what sets them
    Settings(Settings),
    /// Test whether notifiers are told
    Notifier {
        /// What to do with the notifier.
        #[command(subcommand)]
        command: NotifierCommand,
    },
    /// Git repositories of manifests that the server follows
    Repository {
        /// What to do with the repository.
        #[command(subcommand)]
        command: RepositoryCommand,
    },
    /// The servers that share the store, and how many hosts belong to each
    Servers,
    /// The key under which passwords are sealed
    Key {
        /// What to do with the key.
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Speak to management controllers directly, without a server
    Bmc(crate::bmc::args::Bmc),
    /// Find management controllers on a network, and tell what they are without a password
    Discover(crate::discovery::args::Discover),
    /// Tell what answers at one address, and what that means
    Probe(crate::discovery::args::Probe),
    /// Check how management controllers are kept: weak ciphers, anonymous logins, old firmware, open services
    Audit(crate::discovery::args::Audit),
    /// Turn pictures of screens into text, without a server
    Read(Read),
    /// Tell which flow would apply to a screen, and why the others would not, without a server
    Match(Match),
    /// Test flows on their examples, or record one
    Flow {
        /// What to do with the flows.
        #[command(subcommand)]
        command: FlowCommand,
    },
    /// Print the JSON Schema of manifests
    Schema {
        /// Host, Cluster, Zone, Credential, Flow, Notifier, Repository, Network, Profile, Deployment or Settings [default: all]
        kind: Option<String>,
    },
    /// Simulated hardware
    Sim {
        /// What to simulate.
        #[command(subcommand)]
        command: Sim,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the version
    Version,
}
