//! Simulated hardware.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use ironhand_api::Span;
use ironhand_ipmi::CipherSuite;
use ironhand_redfish::bmc::Flavour;
use ironhand_sim::bmc_fleet::Share;
use ironhand_sim::kvm_unit::UnitKind;
use ironhand_sim::outlets::StripModel;

/// `ironhand sim`.
#[derive(Subcommand)]
pub enum Sim {
    /// A management controller (IPMI, Redfish, VNC) for a real QEMU guest
    Qemu(SimQemu),
    /// Simulated servers with management controllers (IPMI, Redfish) and screens (VNC)
    Bmc(SimBmc),
    /// A modem, and power sockets that take text messages (SimPal)
    Modem(SimModem),
    /// A power strip with switched outlets (SNMP)
    Pdu(SimPdu),
    /// A unit at a machine's buttons, screen and keyboard (PiKVM, NanoKVM, JetKVM), or the remote console of a controller
    Kvm(SimKvm),
    /// A machine with Intel AMT: power, boot, screen and serial line
    Amt(SimAmt),
}

/// `ironhand sim amt`.
#[derive(Args)]
pub struct SimAmt {
    /// TCP port of WS-Management, plain HTTP; 0 takes a free one. The redirection of screen and serial line is two above
    #[arg(long, default_value_t = 16992)]
    pub port: u16,
    /// Redirect the screen and the serial line from the beginning, and listen for those who want to see them
    #[arg(long)]
    pub redirects: bool,
    /// The machine.
    #[command(flatten)]
    pub machine: SimMachine,
}

/// `ironhand sim kvm`.
#[derive(Args)]
pub struct SimKvm {
    /// Which unit it is: pikvm (over TLS), nanokvm or jetkvm (plain HTTP); aten (Supermicro) or ivtp (AMI) for the console of a
    /// controller (over TLS)
    #[arg(long, default_value = "pikvm", value_name = "UNIT")]
    pub unit: UnitKind,
    /// TCP port; 0 takes a free one
    #[arg(long, default_value_t = 8443)]
    pub port: u16,
    /// The machine.
    #[command(flatten)]
    pub machine: SimMachine,
}

/// One simulated machine, and who may use what manages it.
#[derive(Args)]
pub struct SimMachine {
    /// The address
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDR")]
    pub bind: std::net::IpAddr,
    /// Who may use it
    #[arg(long, default_value = "admin", value_name = "NAME")]
    pub user: String,
    /// The password is in this file, else in IRONHAND_PASSWORD
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// The name of the machine
    #[arg(long, default_value = "sim-1", value_name = "NAME")]
    pub name: String,
    /// How many times faster than a real machine it is
    #[arg(long, default_value_t = 10.0)]
    pub pace: f64,
    /// Leave the machine without power at first
    #[arg(long)]
    pub off: bool,
}

/// `ironhand sim pdu`.
#[derive(Args)]
pub struct SimPdu {
    /// Whose tables it has: apc, raritan, sentry3 or eaton
    #[arg(long, default_value = "apc", value_name = "MODEL")]
    pub model: StripModel,
    /// How many outlets it has
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub outlets: u16,
    /// Its address
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDR")]
    pub bind: std::net::IpAddr,
    /// UDP port of SNMP; 0 takes a free one
    #[arg(long, default_value_t = 161)]
    pub port: u16,
    /// The community that may read
    #[arg(long, default_value = "public", value_name = "NAME")]
    pub read_community: String,
    /// The community that may switch, which is also the password of the user, is in this file, else in IRONHAND_PASSWORD
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// A user of SNMP version 3 (SHA-256, AES-128)
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// How long an outlet takes to follow
    #[arg(long, default_value = "100ms", value_name = "TIME")]
    pub delay: Span,
}

/// `ironhand sim modem`.
#[derive(Args)]
pub struct SimModem {
    /// The loopback address and TCP port that lead to the modem; without it a serial device of its own
    #[arg(long, value_name = "ADDR:PORT")]
    pub bind: Option<std::net::SocketAddr>,
    /// The telephone number of a socket, as +31612345678; may be given several times
    #[arg(long = "socket", required = true, value_name = "NUMBER")]
    pub sockets: Vec<String>,
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
    /// What they speak
    #[arg(long, default_value = "ipmi", value_delimiter = ',', value_enum, value_name = "PROTOCOLS")]
    pub protocol: Vec<SimProtocol>,
    /// UDP port of IPMI; 0 takes a free one for each on the same address
    #[arg(long, default_value_t = 623)]
    pub port: u16,
    /// TCP port of Redfish; 0 takes a free one for each on the same address
    #[arg(long, default_value_t = 443)]
    pub redfish_port: u16,
    /// Speak Redfish without TLS
    #[arg(long)]
    pub plain: bool,
    /// The certificate that they show, with its chain, as PEM [default: one that signs itself, made anew]
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with_all = ["plain", "screens"])]
    pub certificate: Option<PathBuf>,
    /// The key of the certificate, as PEM
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub key: Option<PathBuf>,
    /// Whose controllers they are like over Redfish, in turn
    #[arg(long, default_value = "generic", value_delimiter = ',', value_parser = flavour, value_name = "NAMES")]
    pub flavour: Vec<&'static Flavour>,
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
        "plain", "flavour", "suites", "kg_file", "ipmi15", "faults", "silent", "delay", "jitter", "loss", "power_delay", "off",
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

/// What simulated BMCs speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SimProtocol {
    /// IPMI 2.0 (RMCP+)
    Ipmi,
    /// Redfish over HTTPS
    Redfish,
}

fn flavour(name: &str) -> Result<&'static Flavour, String> {
    let known = Flavour::ALL.iter().copied();
    known.clone().find(|flavour| flavour.name == name).ok_or_else(|| {
        let names: Vec<&str> = known.map(|flavour| flavour.name).collect();
        format!("use {}", names.join(", "))
    })
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
    /// TCP port of Redfish; 0 takes a free one [default: no Redfish]
    #[arg(long, value_name = "PORT")]
    pub redfish_port: Option<u16>,
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
