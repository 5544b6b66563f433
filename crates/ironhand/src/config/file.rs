//! The file of `ironhand serve --config`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::args::{LeasePlace, Listening, OnOff, Role};
use crate::exit::Failure;
use crate::files::read_bounded;

/// The largest file: a slip like `--config /dev/zero` must end with a message.
const LARGEST: u64 = 1 << 20;

/// The options, as a file has them. What is absent is as usual.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileOptions {
    /// Where the store lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// Where the HTTP API listens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// The local socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<PathBuf>,
    /// What the server does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<Role>>,
    /// Whether other servers use the store.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shared: bool,
    /// Where traps arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traps: Option<SocketAddr>,
    /// The folder with logs of consoles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console_logs: Option<PathBuf>,
    /// Which repositories may be followed.
    #[serde(default, skip_serializing_if = "RepositoryOptions::is_usual")]
    pub repositories: RepositoryOptions,
    /// Where machines that boot are served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<BootOptions>,
}

/// Which repositories may be followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RepositoryOptions {
    /// The folder with their secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets: Option<PathBuf>,
    /// Whether those of this machine may be.
    #[serde(default, skip_serializing_if = "is_false")]
    pub local: bool,
}

impl RepositoryOptions {
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// Where machines that boot over the network are served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BootOptions {
    /// HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<Listening>,
    /// HTTP over TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub https: Option<Listening>,
    /// TFTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tftp: Option<Listening>,
    /// DHCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dhcp: Option<OnOff>,
    /// What a lease waits for before it is acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leases: Option<LeasePlace>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// Reads a file.
pub fn read(path: &Path) -> Result<FileOptions, Failure> {
    let bytes = read_bounded(path, LARGEST)?;
    let text = String::from_utf8(bytes).map_err(|_| Failure::Usage {
        message: format!("{}: not a text file", path.display()),
        hint: Some("the options of the server are YAML in UTF-8".to_owned()),
    })?;
    parse(&path.display().to_string(), &text)
}

/// Reads the text of a file; a fault is told with its line and column.
pub fn parse(file: &str, text: &str) -> Result<FileOptions, Failure> {
    // A file without anything in it says nothing, and nothing is wrong with that.
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(FileOptions::default());
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let place = error.location().map(|place| format!("{}:{}: ", place.line(), place.column()));
        let words = error.without_snippet().to_string();
        Failure::Usage {
            message: format!("{file}:{}{words}", place.unwrap_or_default()),
            hint: Some("`ironhand config show` prints all options as they hold; `ironhand config detect` makes a file for this machine".to_owned()),
        }
    })
}
