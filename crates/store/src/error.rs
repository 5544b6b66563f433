//! What can go wrong with the store.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use ironhand_api::{AlertCause, Fault, Kind, Name};

use crate::seal::KeyId;

/// Why the store did not do what was asked. Nothing was written.
///
/// Cloned where several writers shared the transaction that failed; hence the `Arc`s.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or directory of the store cannot be used.
    #[error("cannot {doing} `{}`", path.display())]
    File {
        /// What was being done, like `create the directory`.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// The path of the data directory is not UTF-8, which SQLite's file names must be.
    #[error("the path `{}` is not UTF-8; choose another data directory", path.display())]
    PathNotUtf8 {
        /// The path.
        path: PathBuf,
    },
    /// Others than the owner may read or write the key file.
    #[error("others may access the key file `{}` (mode {mode:04o}); run: chmod 600 '{0}'", path.display())]
    KeyFileExposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The text given as the key is not one.
    #[error("the key from {origin} is not 32 bytes in base64; restore the one that was used before")]
    KeyMalformed {
        /// Where the key came from.
        origin: String,
    },
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes: {reason}")]
    NoRandomness {
        /// What it said.
        reason: String,
    },
    /// A later release has changed the database in a way that this one does not know.
    #[error("the database `{}` was written by a later release (schema {found}); use that release", path.display())]
    LaterRelease {
        /// The database file.
        path: PathBuf,
        /// The version of the schema that is not known here.
        found: i64,
    },
    /// The database cannot be opened, or not be brought to this release's schema.
    #[error("cannot open the database `{}`", path.display())]
    Open {
        /// The database file.
        path: PathBuf,
        /// What the database said.
        source: Arc<sqlx::Error>,
    },
    /// Another process has been writing for longer than a writer waits.
    #[error("another process keeps the database busy; gave up trying to {doing}")]
    Busy {
        /// What was being done.
        doing: &'static str,
    },
    /// No space is left for the database.
    #[error("the disk of the database is full; could not {doing}")]
    DiskFull {
        /// What was being done.
        doing: &'static str,
    },
    /// The database failed in a way that the store does not expect.
    #[error("the database failed to {doing}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What the database said.
        source: Arc<sqlx::Error>,
    },
    /// A stored value cannot be understood.
    #[error("the stored {what} cannot be understood: {reason}")]
    Damaged {
        /// Which value, like `Host rack7-12`.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A value cannot be written as JSON.
    #[error("the {what} cannot be written: {reason}")]
    Unwritable {
        /// Which value.
        what: String,
        /// Why not.
        reason: String,
    },
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
    /// There is no such resource.
    #[error("there is no {kind} `{name}`")]
    NotFound {
        /// The kind.
        kind: Kind,
        /// The name that was asked for.
        name: Name,
    },
    /// The resource has changed, or gone, since the caller read it.
    #[error(
        "{kind} `{name}` has changed since it was read: {} is current, {given} was sent; read it again",
        .current.map_or_else(|| "none".to_owned(), |version| format!("version {version}"))
    )]
    Conflict {
        /// The kind.
        kind: Kind,
        /// The name.
        name: Name,
        /// The version that the caller sent.
        given: u64,
        /// The version that is stored; none where the resource is gone.
        current: Option<u64>,
    },
    /// A resource that others refer to cannot be deleted.
    #[error(
        "{kind} `{name}` is in use by {}; change or delete them first",
        .users.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
    )]
    InUse {
        /// The kind.
        kind: Kind,
        /// The name.
        name: Name,
        /// Who refers to it, ordered by name.
        users: Vec<Name>,
    },
    /// A password was sent as a reference that only the sender can follow.
    #[error(
        "the password of Credential `{credential}` is written as `{form}`, which the program that applies the \
         manifest must read; the server reads no files or variables for its callers"
    )]
    SecretReference {
        /// The credential.
        credential: Name,
        /// `fromFile` or `fromEnv`.
        form: &'static str,
    },
    /// A password was sealed under another key than the server's.
    #[error(
        "the password of Credential `{credential}` was sealed under key {sealed_by}, this server has key {key}; \
         give the server the key file that sealed it, or apply the credential again with its password"
    )]
    OtherKey {
        /// The credential.
        credential: Name,
        /// The key that sealed the password.
        sealed_by: KeyId,
        /// The key that the store was opened with.
        key: KeyId,
    },
    /// A sealed password is damaged, or was sealed for another credential.
    #[error(
        "the sealed password of Credential `{credential}` is damaged or belongs to another credential; \
         apply the credential again with its password"
    )]
    SealBroken {
        /// The credential.
        credential: Name,
    },
    /// Another server works on the host by now, or none does.
    #[error(
        "this server no longer works on Host `{host}`: {}",
        .owner.as_ref().map_or_else(|| "nobody does".to_owned(), |owner| format!("server {owner} does"))
    )]
    LeaseLost {
        /// The host.
        host: Name,
        /// Who holds its lease now.
        owner: Option<String>,
    },
    /// An alert of the same cause is open for the host already.
    #[error("alert {open} of Host `{host}` for {cause} is open already; repeat or clear that one")]
    AlertOpen {
        /// The host.
        host: Name,
        /// The cause.
        cause: AlertCause,
        /// The id of the alert that is open.
        open: u64,
    },
    /// An incident, a run, a job or an alert has an id that the store did not give out.
    #[error("the id {id} of a {series} was not given out by the store")]
    IdNotReserved {
        /// `incident`, `run`, `job` or `alert`.
        series: &'static str,
        /// The id.
        id: u64,
    },
    /// The `continue` value of a list is not one that the store gave.
    #[error("`{given}` does not continue a list; start again without it")]
    ContinueInvalid {
        /// What was sent.
        given: String,
    },
}

impl StoreError {
    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::NotFound { .. }
            | Self::Conflict { .. }
            | Self::InUse { .. }
            | Self::SecretReference { .. }
            | Self::OtherKey { .. }
            | Self::SealBroken { .. }
            | Self::ContinueInvalid { .. } => Fault::Caller,
            _ => Fault::Server,
        }
    }

    /// Whether the same call may succeed later without anybody doing something about it.
    pub const fn retry(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }

    /// The stable code; programs tell errors apart by it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "store.file",
            Self::PathNotUtf8 { .. } => "store.path_not_utf8",
            Self::KeyFileExposed { .. } => "store.key_file_exposed",
            Self::KeyMalformed { .. } => "store.key_malformed",
            Self::NoRandomness { .. } => "store.no_randomness",
            Self::LaterRelease { .. } => "store.later_release",
            Self::Open { .. } => "store.open",
            Self::Busy { .. } => "store.busy",
            Self::DiskFull { .. } => "store.disk_full",
            Self::Database { .. } => "store.database",
            Self::Damaged { .. } => "store.damaged",
            Self::Unwritable { .. } => "store.unwritable",
            Self::Closed => "store.closed",
            Self::NotFound { .. } => "resource.not_found",
            Self::Conflict { .. } => "resource.conflict",
            Self::InUse { .. } => "resource.in_use",
            Self::SecretReference { .. } => "credential.secret_reference",
            Self::OtherKey { .. } => "credential.other_key",
            Self::SealBroken { .. } => "credential.seal_broken",
            Self::LeaseLost { .. } => "lease.lost",
            Self::AlertOpen { .. } => "alert.open",
            Self::IdNotReserved { .. } => "store.id_not_reserved",
            Self::ContinueInvalid { .. } => "list.continue_invalid",
        }
    }

    pub(crate) fn damaged(what: impl Into<String>, reason: impl ToString) -> Self {
        Self::Damaged { what: what.into(), reason: reason.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Programs tell errors apart by these: a change here breaks them.
    #[test]
    fn codes_faults_and_retries_are_stable() {
        let name = || -> Name { "dc-standard".parse().unwrap() };
        let path = || PathBuf::from("/data/key");
        let io = || Arc::new(io::Error::other("no"));
        let sql = || Arc::new(sqlx::Error::RowNotFound);
        let kind = Kind::Credential;
        let key = crate::seal::Sealer::new(&[0; crate::seal::KEY_LENGTH]).id();
        let check = |error: StoreError, code: &str, fault: Fault, retry: bool| {
            assert_eq!((error.code(), error.fault(), error.retry()), (code, fault, retry), "{error}");
        };
        let server = |error, code| check(error, code, Fault::Server, false);
        let caller = |error, code| check(error, code, Fault::Caller, false);
        server(StoreError::File { doing: "open", path: path(), source: io() }, "store.file");
        server(StoreError::PathNotUtf8 { path: path() }, "store.path_not_utf8");
        server(StoreError::KeyFileExposed { path: path(), mode: 0o644 }, "store.key_file_exposed");
        server(StoreError::KeyMalformed { origin: "the key file".into() }, "store.key_malformed");
        server(StoreError::NoRandomness { reason: "none".into() }, "store.no_randomness");
        server(StoreError::LaterRelease { path: path(), found: 9 }, "store.later_release");
        server(StoreError::Open { path: path(), source: sql() }, "store.open");
        check(StoreError::Busy { doing: "commit" }, "store.busy", Fault::Server, true);
        server(StoreError::DiskFull { doing: "commit" }, "store.disk_full");
        server(StoreError::Database { doing: "commit", source: sql() }, "store.database");
        server(StoreError::damaged("run 7", "no"), "store.damaged");
        server(StoreError::Unwritable { what: "run 7".into(), reason: "no".into() }, "store.unwritable");
        server(StoreError::Closed, "store.closed");
        server(StoreError::IdNotReserved { series: "run", id: 7 }, "store.id_not_reserved");
        server(StoreError::LeaseLost { host: name(), owner: None }, "lease.lost");
        server(StoreError::AlertOpen { host: name(), cause: AlertCause::AuthFailed, open: 7 }, "alert.open");
        caller(StoreError::NotFound { kind, name: name() }, "resource.not_found");
        caller(StoreError::Conflict { kind, name: name(), given: 1, current: None }, "resource.conflict");
        caller(StoreError::InUse { kind, name: name(), users: vec![] }, "resource.in_use");
        let reference = StoreError::SecretReference { credential: name(), form: "fromEnv" };
        caller(reference, "credential.secret_reference");
        let other_key = StoreError::OtherKey { credential: name(), sealed_by: key, key };
        caller(other_key, "credential.other_key");
        caller(StoreError::SealBroken { credential: name() }, "credential.seal_broken");
        caller(StoreError::ContinueInvalid { given: "?".into() }, "list.continue_invalid");
    }
}
