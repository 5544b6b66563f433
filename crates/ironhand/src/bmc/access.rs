//! Which BMCs a command works on, how they are spoken to, and who asks.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ironhand_api::{CertificatePin, Span, Tls};
use ironhand_ipmi::Quirks;
use secrecy::SecretString;

use super::sweep::Sweep;
use super::targets::targets;
use crate::exit::{Failure, at};
use crate::files::read_secret;
use crate::output::Output;

/// Under which heading help lists how BMCs are reached.
const ACCESS: &str = "Which BMCs, and how";

/// Which BMCs, and how.
#[derive(Args, Clone)]
pub struct Access {
    /// Addresses, names and ranges like 10.0.[0-3].[1-250] or 10.0.0.0/24, with :PORT if it is not the protocol's; may be given more than once
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
    /// The port, where a range names none [default: 623; 443 with Redfish, 80 without TLS]
    #[arg(short = 'p', long, global = true, help_heading = ACCESS, value_name = "PORT")]
    pub port: Option<u16>,
    /// How a controller proves over Redfish who it is: first-use, sha256:DIGEST of its certificate, ca=FILE, system, or off for plain HTTP
    #[arg(long, global = true, help_heading = ACCESS, default_value = "first-use", value_name = "PROOF")]
    pub tls: Proof,
    /// The Id of the system that is meant, where a Redfish controller has several [default: the host's own]
    #[arg(long, global = true, help_heading = ACCESS, value_name = "ID")]
    pub system: Option<String>,
    /// Only this cipher suite [default: 17, then 3]
    #[arg(short = 'C', long, global = true, help_heading = ACCESS, value_name = "NUMBER")]
    pub cipher_suite: Option<u8>,
    /// The highest privilege level to ask for; each command asks for the lowest that it needs [default: administrator]
    #[arg(short = 'L', long, global = true, help_heading = ACCESS, value_enum)]
    pub privilege: Option<Privilege>,
    /// Work around these faults of vendors' BMCs: names from `ironhand bmc quirks`, separated by commas
    #[arg(long, global = true, help_heading = ACCESS, value_name = "NAMES")]
    pub quirks: Option<Quirks>,
    /// How long one BMC may take for all of a command [default: until it is silent for some seconds]
    #[arg(long, global = true, help_heading = ACCESS, value_parser = some_time, value_name = "TIME")]
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
    /// Redfish, over HTTPS
    Redfish,
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

/// How a controller proves over Redfish who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By its certificate.
    Pin(CertificatePin),
    /// By an authority whose certificates are in a file.
    Ca(PathBuf),
    /// By the authorities that this machine trusts.
    System,
    /// By nothing: plain HTTP.
    Off,
}

fn some_time(text: &str) -> Result<Span, String> {
    match text.parse::<Span>() {
        Ok(time) if time == Span::default() => Err("nothing is done in no time".to_owned()),
        parsed => parsed.map_err(|error| error.to_string()),
    }
}

impl FromStr for Proof {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "off" => Ok(Self::Off),
            "system" => Ok(Self::System),
            _ => match word.strip_prefix("ca=") {
                Some(file) => Ok(Self::Ca(file.into())),
                None => CertificatePin::try_from(word.to_owned()).map(Self::Pin).map_err(|_| {
                    "write first-use, sha256: with 64 hexadecimal digits, ca=FILE, system, or off".to_owned()
                }),
            },
        }
    }
}

impl Access {
    /// The BMCs, and what becomes of the results. `port` is the protocol's own.
    pub fn sweep(&self, port: u16, output: Output) -> Result<Sweep, Failure> {
        let targets = targets(&self.hosts, self.port.unwrap_or(port))?;
        Ok(Sweep { targets, timeout: self.timeout.map(Duration::from), at_once: usize::MAX, output })
    }

    /// Who asks, and the password.
    pub fn login(&self) -> Result<(String, SecretString), Failure> {
        let user = self.user.clone().ok_or_else(|| Failure::Usage {
            message: "no user is named".to_owned(),
            hint: Some("name one with -U, or set IRONHAND_USER; -U '' is the null user".to_owned()),
        })?;
        let password = read_secret(self.password_file.as_deref(), "IRONHAND_PASSWORD")?;
        let password = password.ok_or_else(|| Failure::Usage {
            message: "the BMCs need a password".to_owned(),
            hint: Some("name a file with --password-file, or set IRONHAND_PASSWORD".to_owned()),
        })?;
        Ok((user, password))
    }

    /// How controllers prove over Redfish who they are.
    pub fn tls(&self) -> Result<Tls, Failure> {
        Ok(match &self.tls {
            Proof::Pin(pin) => Tls::Pin(pin.clone()),
            Proof::Ca(file) => Tls::Ca(at(file, std::fs::read_to_string(file))?),
            Proof::System => Tls::Ca("system".to_owned()),
            Proof::Off => Tls::Off,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_written_as_in_manifests() {
        let check = |word: &str, proof: Option<Proof>| assert_eq!(word.parse().ok(), proof, "{word}");
        check("first-use", Some(Proof::Pin(CertificatePin::FirstUse)));
        check(&format!("sha256:{}", "ab".repeat(32)), Some(Proof::Pin(CertificatePin::Sha256([0xAB; 32]))));
        check("ca=/etc/bmc.pem", Some(Proof::Ca("/etc/bmc.pem".into())));
        check("system", Some(Proof::System));
        check("off", Some(Proof::Off));
        check("sha256:ab", None);
        check("on", None);
    }
}
