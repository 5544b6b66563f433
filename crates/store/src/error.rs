//! What can go wrong with the store.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use ironhand_api::{AlertCause, Fault, Kind, Name};

use crate::seal::KeyId;
use crate::secret::SecretPlace;

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
    /// A resource says that it has what another one has, and only one can have.
    #[error(
        "{kind} `{name}`: {field}: {what} is that of {} `{}` already; change or delete one of the two",
        .holder.0,
        .holder.1
    )]
    Taken {
        /// The kind.
        kind: Kind,
        /// The name.
        name: Name,
        /// The field that says so.
        field: String,
        /// What it is, like "the hardware address 52:54:00:12:34:56".
        what: String,
        /// The kind and the name of whatever has it.
        holder: Box<(String, Name)>,
    },
    /// A resource names another one that is not there.
    #[error("{kind} `{name}` names {target_kind} `{target}`, which does not exist; apply that first")]
    MissingReference {
        /// The kind.
        kind: Kind,
        /// The name.
        name: Name,
        /// The kind that it names.
        target_kind: Kind,
        /// The name that it names.
        target: Name,
    },
    /// A secret was sent as a reference that only the sender can follow.
    #[error(
        "the {place} is written as `{form}`, which the program that applies the manifest must read; the server \
         reads no files or variables for its callers"
    )]
    SecretReference {
        /// What the secret belongs to.
        place: SecretPlace,
        /// `fromFile` or `fromEnv`.
        form: &'static str,
    },
    /// A secret was sealed under another key than the server's.
    #[error(
        "the {place} was sealed under key {sealed_by}, this server has key {key}; give the server the key file that \
         sealed it, or {}", .place.remedy()
    )]
    OtherKey {
        /// What the secret belongs to.
        place: SecretPlace,
        /// The key that sealed it.
        sealed_by: KeyId,
        /// The key that the store was opened with.
        key: KeyId,
    },
    /// A sealed secret is damaged, or was sealed for another place.
    #[error("the sealed {place} is damaged or belongs to another one; {}", .place.remedy())]
    SealBroken {
        /// What the secret belongs to.
        place: SecretPlace,
    },
    /// Another handle has replaced the key since this one was opened, and this one was not told the new key.
    #[error("key {key} was replaced by {by}; nothing can be sealed under it: give the server the new key")]
    KeyReplaced {
        /// The key that the store was opened with.
        key: KeyId,
        /// The key under which secrets are sealed now.
        by: KeyId,
    },
    /// The key was given to the server as a value, which it cannot replace at its source.
    #[error(
        "the key was given to the server and does not lie in its data directory; to replace it, stop the server, \
         save the key as the file `key` there (mode 0600), start the server without the value and ask again"
    )]
    KeyGiven,
    /// The change of another password of the host is not over.
    #[error(
        "job {job} still changes a password of Host `{host}`; wait until it is over, or resolve it first"
    )]
    RotationOpen {
        /// The host.
        host: Name,
        /// The job that is not over.
        job: u64,
    },
    /// No change of a password of the host is under way.
    #[error("no password of Host `{host}` is being changed")]
    NoRotation {
        /// The host.
        host: Name,
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
    /// Another server follows the repository by now, or it is gone.
    #[error("this server no longer follows the repository `{repository}`")]
    FollowedElsewhere {
        /// The repository.
        repository: Name,
    },
    /// Two repositories describe the same resource.
    #[error(
        "{kind} `{name}` is described by the repository `{repository}` as well; remove it from one of the two"
    )]
    FollowedTwice {
        /// The kind.
        kind: Kind,
        /// The name.
        name: Name,
        /// The repository that described it first.
        repository: Name,
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
            | Self::Taken { .. }
            | Self::MissingReference { .. }
            | Self::SecretReference { .. }
            | Self::OtherKey { .. }
            | Self::SealBroken { .. }
            | Self::KeyGiven
            | Self::FollowedTwice { .. }
            | Self::RotationOpen { .. }
            | Self::ContinueInvalid { .. } => Fault::Caller,
            _ => Fault::Server,
        }
    }

    /// Whether the same call may succeed later without anybody doing something about it.
    pub const fn retry(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::LeaseLost { .. } | Self::FollowedElsewhere { .. })
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
            Self::Taken { .. } => "resource.taken",
            Self::MissingReference { .. } => "resource.missing_reference",
            Self::SecretReference { place, .. } => {
                of(place, ["credential.secret_reference", "secret.reference"])
            }
            Self::OtherKey { place, .. } => of(place, ["credential.other_key", "secret.other_key"]),
            Self::SealBroken { place } => of(place, ["credential.seal_broken", "secret.seal_broken"]),
            Self::KeyReplaced { .. } => "key.replaced",
            Self::KeyGiven => "key.given",
            Self::RotationOpen { .. } => "password.rotation_open",
            Self::NoRotation { .. } => "password.no_rotation",
            Self::LeaseLost { .. } => "lease.lost",
            Self::FollowedElsewhere { .. } => "repository.elsewhere",
            Self::FollowedTwice { .. } => "repository.twice",
            Self::AlertOpen { .. } => "alert.open",
            Self::IdNotReserved { .. } => "store.id_not_reserved",
            Self::ContinueInvalid { .. } => "list.continue_invalid",
        }
    }

    pub(crate) fn damaged(what: impl Into<String>, reason: impl ToString) -> Self {
        Self::Damaged { what: what.into(), reason: reason.to_string() }
    }
}

/// The code of an error about a secret: those about credentials were there first and keep their names.
const fn of(place: &SecretPlace, [credential, other]: [&'static str; 2]) -> &'static str {
    match place.kind() {
        Kind::Credential => credential,
        _ => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::NotifierField;

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
        check(StoreError::LeaseLost { host: name(), owner: None }, "lease.lost", Fault::Server, true);
        server(StoreError::AlertOpen { host: name(), cause: AlertCause::AuthFailed, open: 7 }, "alert.open");
        caller(StoreError::NotFound { kind, name: name() }, "resource.not_found");
        caller(StoreError::Conflict { kind, name: name(), given: 1, current: None }, "resource.conflict");
        caller(StoreError::InUse { kind, name: name(), users: vec![] }, "resource.in_use");
        let taken = StoreError::Taken {
            kind,
            name: name(),
            field: String::new(),
            what: String::new(),
            holder: Box::new((kind.to_string(), name())),
        };
        caller(taken, "resource.taken");
        let missing =
            |target_kind| StoreError::MissingReference { kind, name: name(), target_kind, target: name() };
        caller(missing(Kind::Zone), "resource.missing_reference");
        let credential = || SecretPlace::credential(&name());
        let webhook = || SecretPlace::notifier(&name(), NotifierField::WebhookSecret);
        let check_places = |error: fn(SecretPlace, KeyId) -> StoreError, codes: [&'static str; 2]| {
            caller(error(credential(), key), codes[0]);
            caller(error(webhook(), key), codes[1]);
        };
        let reference = |place, _| StoreError::SecretReference { place, form: "fromEnv" };
        check_places(reference, ["credential.secret_reference", "secret.reference"]);
        let other_key = |place, key| StoreError::OtherKey { place, sealed_by: key, key };
        check_places(other_key, ["credential.other_key", "secret.other_key"]);
        let broken = |place, _| StoreError::SealBroken { place };
        check_places(broken, ["credential.seal_broken", "secret.seal_broken"]);
        server(StoreError::KeyReplaced { key, by: key }, "key.replaced");
        caller(StoreError::KeyGiven, "key.given");
        caller(StoreError::RotationOpen { host: name(), job: 7 }, "password.rotation_open");
        server(StoreError::NoRotation { host: name() }, "password.no_rotation");
        caller(StoreError::ContinueInvalid { given: "?".into() }, "list.continue_invalid");
    }
}
