//! How commands end: an exit code, and for people what went wrong and what to do.

use std::process::ExitCode;

use ironhand_api::ManifestError;

/// Why a command did not come true.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What was asked did not come true; everything has been said already.
    #[error("")]
    Reported,
    /// A command on many hosts, or files, failed on some of them; all has been said of each.
    #[error("")]
    Some {
        /// The exit code that the failures have in common, else 1.
        code: u8,
    },
    /// Whoever read the output went away, as `| head` does: nobody is left to be told anything.
    #[error("")]
    ReaderGone,
    /// The output cannot be written.
    #[error("cannot write the output")]
    Output(#[source] std::io::Error),
    /// What was asked did not come true.
    #[error("{0}")]
    Failed(String),
    /// What is to be worked on is not there.
    #[error("{0}")]
    NotFound(String),
    /// What was written on the command line, or in a file, cannot be used.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Manifests have faults.
    #[error("{} in the manifests", if .0.len() == 1 { "a fault".to_owned() } else { format!("{} faults", .0.len()) })]
    Manifests(Vec<ManifestError>),
    /// The server said no, or could not be reached.
    #[error(transparent)]
    Client(#[from] ironhand_client::Error),
    /// A file cannot be read or written.
    #[error("cannot use {path}")]
    File {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
}

impl Failure {
    /// The exit code: 1 failed, 2 bad usage or input, 3 not found, 4 refused, 5 timed out, 6 server unreachable.
    pub fn code(&self) -> u8 {
        match self {
            Self::ReaderGone => 0,
            Self::Reported | Self::Failed(_) | Self::Output(_) => 1,
            Self::Usage { .. } | Self::Manifests(_) | Self::File { .. } => 2,
            Self::NotFound(_) => 3,
            Self::Client(error) => code_of(error),
            Self::Some { code } => *code,
        }
    }

    /// What to do about it.
    fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } => hint.clone(),
            Self::Client(error) => match error.problem() {
                Some(problem) => problem.hint.clone(),
                None => Some(
                    "start one with `ironhand serve` or `ironhand sandbox`, or name it with --server or IRONHAND_SERVER"
                        .to_owned(),
                ),
            },
            _ => None,
        }
    }

    /// Tells people on standard error, and gives the exit code.
    pub fn report(&self) -> ExitCode {
        ExitCode::from(self.end())
    }

    /// Tells people on standard error, and gives the number of the exit code.
    pub fn end(&self) -> u8 {
        match self {
            Self::Reported | Self::ReaderGone | Self::Some { .. } => {}
            Self::Manifests(faults) => {
                for fault in faults {
                    note!("{fault}");
                    if let Some(hint) = &fault.hint {
                        note!("  hint: {hint}");
                    }
                }
                note!("ironhand: {self}; nothing was changed");
            }
            _ => {
                note!("ironhand: {self}");
                let mut cause = std::error::Error::source(self);
                while let Some(error) = cause {
                    note!("  because: {error}");
                    cause = error.source();
                }
                if let Some(hint) = self.hint() {
                    note!("  hint: {hint}");
                }
            }
        }
        self.code()
    }
}

/// The exit code of a call that did not come true.
pub fn code_of(error: &ironhand_client::Error) -> u8 {
    match error.problem() {
        None => 6,
        Some(problem) => match problem.status {
            404 => 3,
            401 | 403 | 409 | 423 => 4,
            408 | 504 => 5,
            400 | 413 | 415 | 422 => 2,
            _ => 1,
        },
    }
}

/// Names a file in an error of the operating system.
pub fn at<T>(path: &std::path::Path, result: std::io::Result<T>) -> Result<T, Failure> {
    result.map_err(|source| Failure::File { path: path.display().to_string(), source })
}
