//! The command lines of `ironhand discover`, `ironhand probe` and `ironhand audit`.

use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;
use ironhand_api::Name;
use ironhand_discovery::Ports;

use crate::args::Selector;

/// Under which heading help lists where services are looked for.
const PORTS: &str = "Ports";

/// `ironhand discover`.
#[derive(Args)]
pub struct Discover {
    /// Networks, ranges, addresses and names: 10.0.0.0/22, 10.0.[0-3].[1-250], bmc7.example
    #[arg(required_unless_present = "ssdp", value_name = "RANGE")]
    pub ranges: Vec<String>,
    /// Also ask who answers as a Redfish service in the network that this address of this machine is in
    #[arg(long, value_name = "ADDRESS")]
    pub ssdp: Vec<Ipv4Addr>,
    /// How fast, and how many.
    #[command(flatten)]
    pub pace: Pace,
    /// Remember in this file what was found, and go on from there
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
    /// The credential that proposed manifests name where none of a file was accepted
    #[arg(long, default_value = "bmc", value_name = "NAME")]
    pub credential: Name,
    /// Which credentials are tried.
    #[command(flatten)]
    pub access: Access,
    /// Where services are looked for.
    #[command(flatten)]
    pub ports: PortNumbers,
}

/// Under which heading help lists credentials.
const ACCESS: &str = "Credentials to try; none without these";

/// Which credentials are tried.
#[derive(Args, Clone)]
pub struct Access {
    /// A user name
    #[arg(short = 'U', long, help_heading = ACCESS, value_name = "NAME")]
    pub user: Option<String>,
    /// Its password is in this file, else in IRONHAND_PASSWORD
    #[arg(long, help_heading = ACCESS, value_name = "FILE", requires = "user")]
    pub password_file: Option<PathBuf>,
    /// All Credential manifests of this file or folder, in order
    #[arg(long, help_heading = ACCESS, value_name = "FILE")]
    pub credentials_from: Option<PathBuf>,
}

/// How fast addresses are asked, and how many.
#[derive(Args, Clone, Copy)]
pub struct Pace {
    /// Addresses begun in a second
    #[arg(long, default_value_t = ironhand_discovery::Pace::default().rate, value_name = "NUMBER")]
    pub rate: NonZeroU32,
    /// Ask more than 4096 addresses
    #[arg(long)]
    pub yes: bool,
}

/// Where services are looked for.
#[derive(Args, Clone, Copy)]
pub struct PortNumbers {
    /// UDP port of IPMI
    #[arg(long, help_heading = PORTS, default_value_t = Ports::default().ipmi, value_name = "PORT")]
    pub ipmi_port: u16,
    /// TCP port of web servers and Redfish with TLS
    #[arg(long, help_heading = PORTS, default_value_t = Ports::default().https, value_name = "PORT")]
    pub https_port: u16,
    /// TCP port of web servers without TLS
    #[arg(long, help_heading = PORTS, default_value_t = Ports::default().http, value_name = "PORT")]
    pub http_port: u16,
    /// TCP port of Intel AMT without TLS
    #[arg(long, help_heading = PORTS, default_value_t = Ports::default().amt, value_name = "PORT")]
    pub amt_port: u16,
}

impl PortNumbers {
    /// As the probe takes them.
    pub const fn ports(self) -> Ports {
        Ports { ipmi: self.ipmi_port, https: self.https_port, http: self.http_port, amt: self.amt_port }
    }
}

/// `ironhand audit`.
#[derive(Args)]
pub struct Audit {
    /// Ask these networks, ranges and addresses, without a server; may be given more than once
    #[arg(short = 'H', long = "host", value_name = "RANGE", conflicts_with_all = ["hosts", "selector", "all"])]
    pub ranges: Vec<String>,
    /// The hosts of a server.
    #[command(flatten)]
    pub selector: Selector,
    /// Also write the findings to this file, as SARIF 2.1.0
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// Which credentials are tried: to those whom it lets in a controller tells of accounts and settings.
    #[command(flatten)]
    pub access: Access,
    /// Also try the accounts that the makers publish for new machines
    #[arg(long, help_heading = ACCESS)]
    pub try_factory: bool,
    /// How fast, and how many.
    #[command(flatten)]
    pub pace: Pace,
    /// Where services are looked for.
    #[command(flatten)]
    pub ports: PortNumbers,
}

/// `ironhand probe`.
#[derive(Args)]
pub struct Probe {
    /// The address or name
    pub address: String,
    /// Where services are looked for.
    #[command(flatten)]
    pub ports: PortNumbers,
}
