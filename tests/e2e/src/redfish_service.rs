//! Simulated controllers that speak Redfish, and the Python programs that judge them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::{Daemon, PASSWORD, peer};

/// Whom simulated controllers are like over Redfish.
pub const FLAVOURS: [&str; 8] =
    ["generic", "idrac9", "ilo5", "xcc", "supermicro", "openbmc", "megarac", "ibmc"];

/// A simulated controller of ours that speaks Redfish and IPMI, at ports of 127.0.0.1 that were free.
pub struct RedfishService {
    /// Where it speaks Redfish, over TLS with a certificate that signs itself.
    pub redfish: SocketAddr,
    /// Where it speaks IPMI.
    pub ipmi: SocketAddr,
    _daemon: Daemon,
}

impl RedfishService {
    /// One of this flavour, with the user `admin` and the password of these tests.
    pub fn start(flavour: &str) -> Self {
        let daemon = Daemon::start(&[
            "sim",
            "bmc",
            "--bind",
            "127.0.0.1",
            "--protocol",
            "ipmi,redfish",
            "--port",
            "0",
            "--redfish-port",
            "0",
            "--flavour",
            flavour,
            "-o",
            "json",
        ]);
        let ready: Value =
            serde_json::from_str(&daemon.first_line).expect("it says where it listens, as JSON");
        let place = |protocol: &str| {
            let place = ready["bmcs"][0][protocol].as_str().expect("an address");
            place.parse().expect("an address with a port")
        };
        Self { redfish: place("redfish"), ipmi: place("ipmi"), _daemon: daemon }
    }

    /// Its address as programs take it that want one with a scheme.
    pub fn url(&self) -> String {
        format!("https://{}", self.redfish)
    }

    /// Runs a Python program against it, which is told address, user and password as DMTF's programs are.
    pub fn judge(&self, program: &mut Command, arguments: &[&str]) -> Output {
        program.args(["-r", &self.url(), "-u", "admin", "-p", PASSWORD]).args(arguments);
        trusting(program).output().expect("the judge starts")
    }
}

/// A program that checks no certificate when it is asked not to: these variables would have the last word.
pub fn trusting(program: &mut Command) -> &mut Command {
    program.env_remove("REQUESTS_CA_BUNDLE").env_remove("CURL_CA_BUNDLE").stdin(Stdio::null())
}

/// The Python that runs this program of a package, with all of the package's modules.
pub fn python_of(program: &str) -> PathBuf {
    let place = peer(program).canonicalize().expect("the program is there");
    place.parent().map(|folder| folder.join("python")).filter(|python| python.is_file()).unwrap_or_else(
        || {
            panic!("{} lies beside no Python", Path::new(program).display());
        },
    )
}
