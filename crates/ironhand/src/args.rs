//! The command line: what may be written, and its help. What commands do stands in their own modules.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ironhand_api::Span;
use ironhand_ipmi::CipherSuite;
use ironhand_sim::bmc_fleet::Share;

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
    /// Create or change what manifests describe
    Apply(Manifests),
    /// Check manifests without a server
    Validate(Files),
    /// Show resources of a kind: hosts, credentials, flows
    Get(Get),
    /// Remove a resource
    Delete(Delete),
    /// Read or change the power of hosts
    Power(Power),
    /// Choose what the next boot of hosts starts from
    BootDevice(BootDevice),
    /// Show a host's screen as text, or keep its picture
    Screen(Screen),
    /// Press keys on a host.
    #[command(
        about = "Press keys on a host: plain text, <Enter>, <F1>, <Ctrl-Alt-Del>, <Down*3>, <wait 500ms>"
    )]
    Type(Type),
    /// What is or was wrong with hosts
    Incidents(Incidents),
    /// What was done about it, step by step
    Runs(Runs),
    /// What happened, in order
    Events(Events),
    /// Speak to management controllers directly, without a server
    Bmc(crate::bmc::args::Bmc),
    /// Turn pictures of screens into text, without a server
    Read(Read),
    /// Tell which flow would apply to a screen, and why the others would not, without a server
    Match(Match),
    /// Work on flows without a server
    Flow {
        /// What to do with the flows.
        #[command(subcommand)]
        command: FlowCommand,
    },
    /// Print the JSON Schema of manifests
    Schema {
        /// Host, Credential or Flow [default: all]
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

/// `ironhand sandbox`.
#[derive(Args)]
pub struct Sandbox {
    /// How many simulated hosts
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=2000))]
    pub hosts: u16,
    /// Where the HTTP API listens beside the local socket; loopback only
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Where the store lies [default: a new folder that is removed at the end]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The local socket [default: the one that the other commands look at]
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// End when every fault is healed (exit 0) or the deadline has passed (exit 1)
    #[arg(long)]
    pub once: bool,
    /// The deadline of --once
    #[arg(long, default_value = "5m", value_name = "TIME")]
    pub deadline: Span,
    /// Which faults strike which hosts, and when, follows from this number
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// `ironhand serve`.
#[derive(Args)]
pub struct Serve {
    /// Where the store lies
    #[arg(long, default_value = "/var/lib/ironhand", value_name = "DIR")]
    pub data: PathBuf,
    /// Where the HTTP API listens beside the local socket; loopback only
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// The local socket [default: the one that the other commands look at]
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
}

/// Files and folders with manifests.
#[derive(Args)]
pub struct Files {
    /// A file, or a folder that is read with its subfolders; may be given more than once
    #[arg(short, long = "file", required = true, value_name = "PATH")]
    pub files: Vec<PathBuf>,
}

/// `ironhand apply`.
#[derive(Args)]
pub struct Manifests {
    /// The manifests.
    #[command(flatten)]
    pub files: Files,
    /// Check everything, change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `ironhand get`.
#[derive(Args)]
pub struct Get {
    /// hosts, credentials or flows
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
    /// host, credential or flow
    pub kind: String,
    /// Its name
    pub name: String,
}

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
    /// Do not wait until the world shows it
    #[arg(long)]
    pub no_wait: bool,
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
}

/// `ironhand type`.
#[derive(Args)]
pub struct Type {
    /// The host
    pub host: String,
    /// The keys
    pub keys: String,
}

/// `ironhand incidents`.
#[derive(Args)]
pub struct Incidents {
    /// One incident [default: all]
    pub id: Option<u64>,
    /// Only those of one host
    #[arg(long)]
    pub host: Option<String>,
    /// Only those that are not closed
    #[arg(long)]
    pub open: bool,
    /// Keep the first and the last picture of one incident in this folder
    #[arg(long, value_name = "DIR", requires = "id")]
    pub save: Option<PathBuf>,
}

/// `ironhand runs`.
#[derive(Args)]
pub struct Runs {
    /// One run with its steps and evidence [default: all]
    pub id: Option<u64>,
    /// Only those of one host
    #[arg(long)]
    pub host: Option<String>,
    /// Keep the pictures of one run in this folder
    #[arg(long, value_name = "DIR", requires = "id")]
    pub save: Option<PathBuf>,
}

/// `ironhand events`.
#[derive(Args)]
pub struct Events {
    /// Go on as things happen
    #[arg(long, short)]
    pub follow: bool,
    /// Only those of one host
    #[arg(long)]
    pub host: Option<String>,
    /// Only those after this event
    #[arg(long, value_name = "ID")]
    pub after: Option<u64>,
}

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

/// `ironhand sim`.
#[derive(Subcommand)]
pub enum Sim {
    /// A management controller (IPMI, VNC) for a real QEMU guest
    Qemu(SimQemu),
    /// Simulated servers with management controllers (IPMI) and screens (VNC)
    Bmc(SimBmc),
}

/// Under which heading help lists what can be wrong with simulated BMCs.
const FAULTS: &str = "Faults";

/// `ironhand sim bmc`.
#[derive(Args)]
pub struct SimBmc {
    /// How many, up to 65000
    #[arg(long, default_value_t = 1)]
    pub count: usize,
    /// The loopback address of the first; each further one has the next address, unless --port is 0
    #[arg(long, default_value = "127.1.0.1", value_name = "ADDR")]
    pub bind: std::net::IpAddr,
    /// UDP port of IPMI; 0 takes a free one for each on the same address
    #[arg(long, default_value_t = 623)]
    pub port: u16,
    /// The user name of the controllers
    #[arg(long, default_value = "admin")]
    pub user: String,
    /// The password of the controllers is in this file, else in IRONHAND_PASSWORD
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// The cipher suites that the controllers accept, the preferred one first: of 17, 3, 12 and 8
    #[arg(long, default_value = "17,3", value_delimiter = ',', value_parser = cipher_suite, value_name = "NUMBERS")]
    pub suites: Vec<CipherSuite>,
    /// The controllers' own key Kg is in this file, else in IRONHAND_KG; 0x and hexadecimal digits stand for bytes
    #[arg(long, value_name = "FILE")]
    pub kg_file: Option<PathBuf>,
    /// Offer sessions of IPMI 1.5 too, with MD5 and with the password in clear
    #[arg(long)]
    pub ipmi15: bool,
    /// What the machines do, and which datagrams faults strike, follows from this number
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How long the machines take to follow their power buttons; cycles and shutdowns take some times as long
    #[arg(long, default_value = "100ms", value_name = "TIME")]
    pub power_delay: Span,
    /// Leave the machines without power at first
    #[arg(long)]
    pub off: bool,
    /// Give each a whole machine with a screen (VNC), as in the sandbox: for tens of them, and without faults
    #[arg(long, conflicts_with_all = [
        "suites", "kg_file", "ipmi15", "faults", "silent", "delay", "jitter", "loss", "power_delay", "off",
    ])]
    pub screens: bool,
    /// A script that says what is wrong with which of them, and when; see docs/guides/simulated-bmcs.md
    #[arg(long, help_heading = FAULTS, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// So many of them answer nothing, spread evenly
    #[arg(long, help_heading = FAULTS, default_value_t = 0, value_name = "COUNT")]
    pub silent: usize,
    /// All of them answer that much later
    #[arg(long, help_heading = FAULTS, default_value = "0ms", value_name = "TIME")]
    pub delay: Span,
    /// And up to that much later still, anew for each answer
    #[arg(long, help_heading = FAULTS, default_value = "0ms", value_name = "TIME")]
    pub jitter: Span,
    /// This part of all datagrams gets lost, both ways: 1%, 0.5%
    #[arg(long, help_heading = FAULTS, default_value = "0%", value_name = "PERCENT")]
    pub loss: Share,
}

fn cipher_suite(number: &str) -> Result<CipherSuite, String> {
    (number.parse().ok().and_then(CipherSuite::from_id)).ok_or_else(|| "use 17, 3, 12 or 8".to_owned())
}

/// `ironhand sim qemu`.
#[derive(Args)]
pub struct SimQemu {
    /// The guest's name
    #[arg(long)]
    pub name: String,
    /// The address of the controller and of the screen
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDR")]
    pub bind: std::net::IpAddr,
    /// UDP port of IPMI; 0 takes a free one
    #[arg(long, default_value_t = 623)]
    pub ipmi_port: u16,
    /// TCP port of the screen; 0 takes a free one
    #[arg(long, default_value_t = 5900)]
    pub vnc_port: u16,
    /// The user name of the controller
    #[arg(long, default_value = "admin")]
    pub user: String,
    /// The password of the controller is in this file, else in IRONHAND_PASSWORD
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// The program to run
    #[arg(long, default_value = "qemu-system-x86_64", value_name = "PROGRAM")]
    pub qemu: PathBuf,
    /// Leave the guest powered off at first
    #[arg(long)]
    pub off: bool,
    /// Arguments for QEMU: memory, disks, network
    #[arg(last = true, value_name = "QEMU-ARGS")]
    pub args: Vec<String>,
}
