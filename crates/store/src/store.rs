//! The store as its users see it.

use std::path::Path;
use std::sync::Arc;

use ironhand_api::{
    Administration, Credential, Event, Incident, Kind, List, Name, PictureDigest, Run, Secret, Timestamp,
};
use secrecy::SecretString;
use sqlx::AnyPool;
use tokio::sync::watch;

use crate::StoreError;
use crate::administration::{Administer, Say};
use crate::directory::{self, KeySource, Prepared};
use crate::event;
use crate::history::{self, IncidentQuery, RunQuery};
use crate::list::{self, ListQuery};
use crate::load::{self, SiteSnapshot, Snapshot};
use crate::picture;
use crate::record::{Record, Reserve};
use crate::resource::{self, Applied, Apply, Delete, Resource};
use crate::retention::Retention;
use crate::seal::Sealer;
use crate::sqlite::{self, meaning};
use crate::writer::Writer;

/// A data directory, open. Clones are handles to the same store.
///
/// Every call that writes returns when what it wrote is on the disk. Calls may be abandoned (by dropping their
/// future) at any point: what was begun is then either done whole or not at all.
#[derive(Clone)]
pub struct Store {
    writer: Writer,
    readers: AnyPool,
    sealer: Arc<Sealer>,
}

impl Store {
    /// Opens the store in `directory`, which is made where it is missing, and brings the database to the schema of
    /// this release.
    ///
    /// Several handles, in this process or another, may be open at the same time; whether two servers may work on
    /// the same hosts is for their callers to decide.
    ///
    /// # Errors
    ///
    /// Where the directory, the key or the database cannot be used, and where a later release has written it.
    pub async fn open(directory: &Path, key: KeySource) -> Result<Self, StoreError> {
        let directory = directory.to_owned();
        let prepared = tokio::task::spawn_blocking(move || directory::prepare(&directory, &key));
        let Prepared { sealer, database, lock } = prepared.await.map_err(|_| StoreError::Closed)??;
        let connections = sqlite::open(&database).await?;
        drop(lock);
        let sealer = Arc::new(sealer);
        let writer = Writer::start(connections.writer, Arc::clone(&sealer)).await?;
        Ok(Self { writer, readers: connections.readers, sealer })
    }

    /// Lets the writes that were handed in finish and closes the database. Whatever is asked of this store or its
    /// clones afterwards fails with [`StoreError::Closed`].
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }

    /// Everything that a server needs to know when it starts.
    pub async fn load(&self) -> Result<Snapshot, StoreError> {
        load::load(&self.readers).await
    }

    /// Creates or replaces a resource: its labels and its specification. Applying what is kept already changes
    /// nothing. Of a host, the status is ignored.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] where `resourceVersion` is given and another is kept;
    /// [`StoreError::SecretReference`], [`StoreError::OtherKey`] and [`StoreError::SealBroken`] where a password
    /// cannot be used.
    pub async fn apply<T: Resource>(&self, resource: T, now: Timestamp) -> Result<Applied<T>, StoreError> {
        self.writer.write(Apply { resource, now }).await
    }

    /// A resource by its name; a host with its status, a credential with its password sealed.
    pub async fn get<T: Resource>(&self, name: &Name) -> Result<Option<T>, StoreError> {
        let mut connection = self.readers.acquire().await.map_err(|error| meaning("connect", error))?;
        let row = resource::fetch(&mut connection, T::KIND, name).await?;
        row.map(|row| row.resource()).transpose()
    }

    /// A page of the resources of one kind, ordered by name.
    ///
    /// # Errors
    ///
    /// [`StoreError::ContinueInvalid`] where `query.next` is not what an earlier page gave.
    pub async fn list<T: Resource>(&self, query: &ListQuery) -> Result<List<T>, StoreError> {
        list::page(&self.readers, query).await
    }

    /// Deletes a resource. The status of a deleted host goes with it; its incidents, runs and events stay.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], and [`StoreError::InUse`] where hosts refer to a credential.
    pub async fn delete(&self, kind: Kind, name: &Name, now: Timestamp) -> Result<Event, StoreError> {
        self.writer.write(Delete { kind, name: name.clone(), now }).await
    }

    /// Everything that is said above hosts.
    pub async fn site(&self) -> Result<SiteSnapshot, StoreError> {
        load::site(&self.readers).await
    }

    /// Says whether a host, a cluster or a zone is managed, or whether somebody works on a host. Each level keeps its
    /// own: nothing is said of what stands below.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] where there is no such resource.
    pub async fn administer(
        &self,
        kind: Kind,
        name: &Name,
        what: Administer,
        now: Timestamp,
    ) -> Result<(Administration, Event), StoreError> {
        self.writer.write(Say { kind, name: name.clone(), what, now }).await
    }

    /// User name and password of a credential.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`]; [`StoreError::OtherKey`] and [`StoreError::SealBroken`] where the password does not
    /// open.
    pub async fn credential(&self, name: &Name) -> Result<(String, SecretString), StoreError> {
        let found: Option<Credential> = self.get(name).await?;
        let spec =
            found.ok_or_else(|| StoreError::NotFound { kind: Kind::Credential, name: name.clone() })?.spec;
        match spec.password {
            Secret::Sealed(sealed) => Ok((spec.username, self.sealer.open(name, &sealed)?)),
            _ => Err(StoreError::SealBroken { credential: name.clone() }),
        }
    }

    /// Gives out the id of an incident that is about to be recorded. An id that is never used leaves a gap, no more.
    pub async fn next_incident_id(&self) -> Result<u64, StoreError> {
        self.writer.write(Reserve::Incident).await
    }

    /// Gives out the id of a run that is about to be recorded.
    pub async fn next_run_id(&self) -> Result<u64, StoreError> {
        self.writer.write(Reserve::Run).await
    }

    /// Makes what belongs to one decision durable, all of it together. Returns the events under their ids.
    ///
    /// # Errors
    ///
    /// [`StoreError::IdNotReserved`] where an incident or a run has an id that the store did not give out.
    pub async fn record(&self, record: Record) -> Result<Vec<Event>, StoreError> {
        self.writer.write(record).await
    }

    /// An incident by its id.
    pub async fn incident(&self, id: u64) -> Result<Option<Incident>, StoreError> {
        history::incident(&self.readers, id).await
    }

    /// A page of incidents, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::ContinueInvalid`] where `query.next` is not what an earlier page gave.
    pub async fn incidents(&self, query: &IncidentQuery) -> Result<List<Incident>, StoreError> {
        history::incidents(&self.readers, query).await
    }

    /// A run by its id.
    pub async fn run(&self, id: u64) -> Result<Option<Run>, StoreError> {
        history::run(&self.readers, id).await
    }

    /// A page of runs, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::ContinueInvalid`] where `query.next` is not what an earlier page gave.
    pub async fn runs(&self, query: &RunQuery) -> Result<List<Run>, StoreError> {
        history::runs(&self.readers, query).await
    }

    /// At most `limit` events with ids above `id`, oldest first; of one host where it is given.
    pub async fn events_after(
        &self,
        id: u64,
        limit: u32,
        host: Option<&Name>,
    ) -> Result<Vec<Event>, StoreError> {
        event::after(&self.readers, id, limit, host).await
    }

    /// The last `limit` events, oldest first; of one host where it is given.
    pub async fn latest_events(&self, limit: u32, host: Option<&Name>) -> Result<Vec<Event>, StoreError> {
        event::latest(&self.readers, limit, host).await
    }

    /// The id of the last durable event that this handle or its clones have written, as it rises. Whoever follows
    /// the events waits for it to change and then reads [`events_after`](Self::events_after): events come in order
    /// and none is lost, however slow the follower is.
    pub fn last_event(&self) -> watch::Receiver<u64> {
        self.writer.last_event()
    }

    /// A picture as a PNG file.
    pub async fn picture(&self, digest: &PictureDigest) -> Result<Option<Vec<u8>>, StoreError> {
        picture::get(&self.readers, digest).await
    }

    /// Drops what `retention` does not keep, in short transactions that let other writes in between. To be called
    /// from time to time.
    pub async fn prune(&self, now: Timestamp, retention: Retention) -> Result<(), StoreError> {
        let Retention { events: keep, picture_grace: grace } = retention;
        while self.writer.write(event::Prune { keep }).await? > 0 {}
        while self.writer.write(picture::Prune { now, grace }).await? > 0 {}
        Ok(())
    }
}
