//! Ironhand's memory: what people said, what was observed, what was done about it, and the one ordered record of it.
//!
//! All SQL of the product is here. The database is SQLite, in a directory that nobody else can read; the statements
//! keep to what PostgreSQL understands as well. Three promises shape the crate:
//!
//! * What a call has acknowledged survives `kill -9` and loss of power.
//! * What belongs to one decision, a [`Record`], becomes durable together or not at all.
//! * Passwords are sealed under a key that is not in the database, and are never written out in plain.
//!
//! ```
//! use ironhand_api::{Credential, CredentialSpec, Metadata, Secret, Timestamp};
//! use ironhand_store::{KeySource, Outcome, Store};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! let store = Store::open(directory.path(), KeySource::File).await?;
//!
//! let now = Timestamp::from_millis(1_772_331_247_120);
//! let credential = Credential {
//!     metadata: Metadata::named("dc-standard".parse()?),
//!     spec: CredentialSpec { username: "admin".into(), password: Secret::Plain("correct horse".into()) },
//! };
//! let applied = store.apply(credential.clone(), now).await?;
//! assert_eq!(applied.outcome, Outcome::Created);
//! assert!(matches!(applied.resource.spec.password, Secret::Sealed(_)));
//! assert_eq!(store.apply(credential, now).await?.outcome, Outcome::Unchanged);
//!
//! let (username, _password) = store.credential(&"dc-standard".parse()?).await?;
//! assert_eq!(username, "admin");
//! store.close().await;
//! # Ok(())
//! # }
//! ```

mod administration;
mod alert;
mod claim;
mod column;
mod credential;
mod deployment;
mod directory;
mod error;
mod event;
mod history;
mod job;
mod keyring;
mod lease;
mod list;
mod load;
mod loan;
mod machine;
mod notifier;
mod page;
mod picture;
mod record;
mod recording;
mod repository;
mod resource;
mod retention;
mod rotation;
mod seal;
mod secret;
mod sequence;
mod sqlite;
mod store;
mod way;
mod writer;

pub use administration::Administer;
pub use alert::AlertQuery;
pub use directory::KeySource;
pub use error::StoreError;
pub use event::EventDraft;
pub use history::{IncidentQuery, RunQuery, RunsOf};
pub use job::JobQuery;
pub use lease::{Free, Lease};
pub use list::ListQuery;
pub use load::{HostState, SiteSnapshot, Snapshot};
pub use notifier::Delivery;
pub use picture::Picture;
pub use record::Record;
pub use recording::RecordingQuery;
pub use repository::{Followed, FollowedApplied, FollowedChange};
pub use resource::{Applied, Outcome, Resource};
pub use retention::Retention;
pub use rotation::{HostSecret, Rotation, RotationEnded};
pub use seal::KeyId;
pub use secret::{NotifierField, SecretPlace};
pub use store::Store;
pub use way::SessionOwner;
