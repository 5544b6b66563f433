//! The store as its users see it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ironhand_api::{
    Administration, Alert, Credential, DeploymentStatus, Event, Host, Incident, Job, Kind, List, MacAddress,
    Machine, Manifest, Name, Notifier, PictureDigest, PinnedCertificate, Recording, Repository,
    RepositoryStatus, Run, Secret, Timestamp,
};
use secrecy::SecretString;
use sqlx::AnyPool;
use tokio::sync::watch;

use crate::StoreError;
use crate::administration::{Administer, Say};
use crate::alert::{self, AlertQuery};
use crate::deployment::PutDeploymentStatus;
use crate::directory::{self, KeySource, Prepared};
use crate::event::{self, EventDraft};
use crate::history::{self, IncidentQuery, RunQuery};
use crate::job::{self, JobQuery};
use crate::keyring::{self, Keyring};
use crate::lease::{self, Acquire, AcquireOne, Free, Lease, Release, Renew, Which};
use crate::list::{self, ListQuery};
use crate::load::{self, HostState, SiteSnapshot, Snapshot};
use crate::loan::{self, PutLoan};
use crate::machine::{self, DropMachine, PutMachines};
use crate::notifier::{self, ClaimDelivery, Delivery, PutDelivery, ReleaseDelivery};
use crate::picture;
use crate::record::Record;
use crate::recording::{self, DropRecording, PutRecording, RecordingQuery};
use crate::repository::{
    self, Claim, Follow, Followed, FollowedApplied, FollowedChange, PutStatus, ReleaseRepository, Want,
};
use crate::resource::{self, Applied, Apply, Delete, Resource};
use crate::retention::{self, Ended, Retention};
use crate::rotation::{self, HostSecret, PutRotation, Rotation, RotationEnded, SettleRotation};
use crate::seal::{KeyId, Sealer};
use crate::secret::{NotifierField, SecretPlace};
use crate::sequence::Reserve;
use crate::sqlite::{self, meaning};
use crate::way::{self, ForgetPins, PinCertificate, PutSession, SessionOwner};
use crate::writer::Writer;

/// A data directory, open. Clones are handles to the same store.
///
/// Every call that writes returns when what it wrote is on the disk. Calls may be abandoned (by dropping their
/// future) at any point: what was begun is then either done whole or not at all.
#[derive(Clone)]
pub struct Store {
    writer: Writer,
    readers: AnyPool,
    keyring: Arc<Keyring>,
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
        let Prepared { keyring, database, lock } = prepared.await.map_err(|_| StoreError::Closed)??;
        let connections = sqlite::open(&database).await?;
        let keyring = Arc::new(keyring);
        let writer = Writer::start(connections.writer, Arc::clone(&keyring)).await?;
        keyring::finish(&keyring, &writer).await?;
        drop(lock);
        Ok(Self { writer, readers: connections.readers, keyring })
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

    /// One host with its state and the jobs that have not ended, for a server that takes it over; none where there is
    /// no such host.
    pub async fn host(&self, name: &Name) -> Result<Option<(Host, HostState, Vec<Job>)>, StoreError> {
        load::host(&self.readers, name).await
    }

    /// Takes at most `limit` hosts that are `free`. Where another server had a host before, an event tells of it.
    pub async fn acquire_leases(
        &self,
        owner: &str,
        now: Timestamp,
        ttl: Duration,
        free: Free,
        limit: u32,
    ) -> Result<Vec<Lease>, StoreError> {
        self.writer
            .write(Acquire { owner: owner.to_owned(), now, ttl, which: Which::Free(free, limit) })
            .await
    }

    /// Takes every host, whoever has it: for a caller that knows that no other server lives. That a server was started
    /// again is no news about its hosts: there is no event.
    pub async fn seize_leases(
        &self,
        owner: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Vec<Lease>, StoreError> {
        self.writer.write(Acquire { owner: owner.to_owned(), now, ttl, which: Which::Every }).await
    }

    /// Takes one host where no server works on it. Otherwise returns the lease that is in force, whoever holds it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] where there is no such host.
    pub async fn acquire_lease(
        &self,
        owner: &str,
        host: &Name,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Lease, StoreError> {
        self.writer.write(AcquireOne { owner: owner.to_owned(), host: host.clone(), now, ttl }).await
    }

    /// Moves the expiry of every lease of `owner` that has not expired, and returns the tokens of those. What is absent is
    /// lost. A token belongs to one lease alone: it is never given out twice.
    pub async fn renew_leases(
        &self,
        owner: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<BTreeSet<u64>, StoreError> {
        self.writer.write_first(Renew { owner: owner.to_owned(), now, ttl, even_late: false }).await
    }

    /// Like [`renew_leases`](Self::renew_leases), also where they have expired: only for a server that knows that no other one
    /// lives. However late it comes, its hosts stay its own.
    pub async fn keep_leases(
        &self,
        owner: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<BTreeSet<u64>, StoreError> {
        self.writer.write_first(Renew { owner: owner.to_owned(), now, ttl, even_late: true }).await
    }

    /// Gives up every lease of `owner`, so that others need not wait until they expire. What it still writes under
    /// them is refused.
    pub async fn release_leases(&self, owner: &str) -> Result<(), StoreError> {
        self.writer.write(Release { owner: owner.to_owned() }).await
    }

    /// Whether there are hosts that are `free`: a cheap read before [`acquire_leases`](Self::acquire_leases).
    pub async fn has_free_hosts(&self, now: Timestamp, free: Free) -> Result<bool, StoreError> {
        lease::any_free(&self.readers, now, free).await
    }

    /// Every lease, expired ones too, ordered by host.
    pub async fn leases(&self) -> Result<Vec<Lease>, StoreError> {
        lease::all(&self.readers).await
    }

    /// Creates or replaces a resource: its labels and its specification. Applying what is kept already changes
    /// nothing. Of a host, the status is ignored.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] where `resourceVersion` is given and another is kept;
    /// [`StoreError::MissingReference`] where a host names a cluster, a cluster a zone, a deployment a host or a profile,
    /// or a network a profile that is not there;
    /// [`StoreError::Taken`] where another resource has what there can be once;
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

    /// A resource of any kind as a manifest; none where there is none.
    pub async fn manifest(&self, kind: Kind, name: &Name) -> Result<Option<Manifest>, StoreError> {
        Ok(match kind {
            Kind::Host => self.get(name).await?.map(Manifest::Host),
            Kind::Credential => self.get(name).await?.map(Manifest::Credential),
            Kind::Flow => self.get(name).await?.map(Manifest::Flow),
            Kind::Zone => self.get(name).await?.map(Manifest::Zone),
            Kind::Cluster => self.get(name).await?.map(Manifest::Cluster),
            Kind::Settings => self.get(name).await?.map(Manifest::Settings),
            Kind::Notifier => self.get(name).await?.map(Manifest::Notifier),
            Kind::Repository => self.get(name).await?.map(Manifest::Repository),
            Kind::Network => self.get(name).await?.map(Manifest::Network),
            Kind::Profile => self.get(name).await?.map(Manifest::Profile),
            Kind::Deployment => self.get(name).await?.map(Manifest::Deployment),
        })
    }

    /// Keeps how far a deployment came, of which `version` is kept. False where there is another by now, or none: what
    /// became of the old one is nothing to it.
    pub async fn put_deployment_status(
        &self,
        name: &Name,
        version: u64,
        status: DeploymentStatus,
    ) -> Result<bool, StoreError> {
        self.writer.write(PutDeploymentStatus { name: name.clone(), version, status }).await
    }

    /// A page of the resources of one kind, ordered by name.
    ///
    /// # Errors
    ///
    /// [`StoreError::ContinueInvalid`] where `query.next` is not what an earlier page gave.
    pub async fn list<T: Resource>(&self, query: &ListQuery) -> Result<List<T>, StoreError> {
        list::page(&self.readers, query).await
    }

    /// Deletes a resource. The status and the lease of a deleted host go with it, its unfinished jobs end and its
    /// alerts are cleared; its incidents, runs and events stay, and so do the passwords that were changed on it.
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
    /// own: nothing is said of what stands below. What is said already, for the same reason, changes nothing, and there
    /// is no event.
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
    ) -> Result<(Administration, Option<Event>), StoreError> {
        self.writer.write(Say { kind, name: name.clone(), what, now }).await
    }

    /// User name and password of a credential.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`]; [`StoreError::OtherKey`] and [`StoreError::SealBroken`] where the password does not
    /// open.
    pub async fn credential(&self, name: &Name) -> Result<(String, SecretString), StoreError> {
        self.opening(|sealer| async move {
            let found: Option<Credential> = self.get(name).await?;
            let spec = found
                .ok_or_else(|| StoreError::NotFound { kind: Kind::Credential, name: name.clone() })?
                .spec;
            Ok((spec.username, open(&sealer, &SecretPlace::credential(name), &spec.password)?))
        })
        .await
    }

    /// A secret of a notifier; none where it has none.
    ///
    /// # Errors
    ///
    /// As of [`credential`](Self::credential).
    pub async fn notifier_secret(
        &self,
        name: &Name,
        field: NotifierField,
    ) -> Result<Option<SecretString>, StoreError> {
        self.opening(|sealer| async move {
            let found: Option<Notifier> = self.get(name).await?;
            let found =
                found.ok_or_else(|| StoreError::NotFound { kind: Kind::Notifier, name: name.clone() })?;
            let secret = notifier::secret_of(&found, field);
            secret.map(|secret| open(&sealer, &SecretPlace::notifier(name, field), secret)).transpose()
        })
        .await
    }

    /// The secret of a repository's webhook; none where it takes none.
    ///
    /// # Errors
    ///
    /// As of [`credential`](Self::credential).
    pub async fn repository_secret(&self, name: &Name) -> Result<Option<SecretString>, StoreError> {
        self.opening(|sealer| async move {
            let found: Option<Repository> = self.get(name).await?;
            let found =
                found.ok_or_else(|| StoreError::NotFound { kind: Kind::Repository, name: name.clone() })?;
            let place = SecretPlace::repository(name);
            found.spec.webhook.map(|webhook| open(&sealer, &place, &webhook.secret)).transpose()
        })
        .await
    }

    /// Runs a reading that opens secrets; once more where another handle has replaced the key meanwhile.
    async fn opening<T, F>(&self, read: impl Fn(Sealer) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        match read(self.keyring.sealer()).await {
            Err(StoreError::OtherKey { .. }) => read(self.keyring.reload().await?).await,
            done => done,
        }
    }

    /// Replaces the key that secrets are sealed under, and seals all of them anew. A crash at any point loses nothing:
    /// the next start finishes what was begun. Other handles on the same store follow by themselves. Returns the name
    /// of the new key.
    ///
    /// # Errors
    ///
    /// [`StoreError::KeyGiven`] where the key does not come from the key file. After any other error either key may
    /// be in use, both are in the key file, and the next call or the next start finishes.
    pub async fn rotate_key(&self, now: Timestamp) -> Result<KeyId, StoreError> {
        let (keyring, writer) = (Arc::clone(&self.keyring), self.writer.clone());
        // A task of its own, so that a caller that stops waiting does not stop it half-way.
        let rotating = tokio::spawn(keyring::rotate(keyring, writer, now));
        rotating.await.map_err(|_| StoreError::Closed)?
    }

    /// How far a notifier was told; none where it was never told anything.
    pub async fn delivery(&self, notifier: &Name) -> Result<Option<Delivery>, StoreError> {
        notifier::delivery(&self.readers, notifier).await
    }

    /// Keeps how far a notifier was told. Nothing is kept of one that was deleted meanwhile.
    pub async fn put_delivery(&self, delivery: &Delivery) -> Result<(), StoreError> {
        self.writer.write(PutDelivery(delivery.clone())).await
    }

    /// Takes or renews the telling of a notifier for `ttl`, so that of several servers one tells it. False where another
    /// server has it, or there is nothing to tell: no [delivery](Self::delivery).
    pub async fn claim_delivery(
        &self,
        notifier: &Name,
        owner: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let claim = ClaimDelivery { notifier: notifier.clone(), owner: owner.to_owned(), now, ttl };
        self.writer.write(claim).await
    }

    /// Gives up the telling of a notifier, where `owner` has it: others need not wait until it expires.
    pub async fn release_delivery(&self, notifier: &Name, owner: &str) -> Result<(), StoreError> {
        self.writer.write(ReleaseDelivery { notifier: notifier.clone(), owner: owner.to_owned() }).await
    }

    /// Takes or renews the following of a repository for `ttl`, so that of several servers one follows it; where no other
    /// server lives (`alone`) whoever had it. False where another server has it, or there is no such repository.
    pub async fn claim_repository(
        &self,
        repository: &Name,
        owner: &str,
        now: Timestamp,
        ttl: Duration,
        alone: bool,
    ) -> Result<bool, StoreError> {
        let (repository, owner) = (repository.clone(), owner.to_owned());
        self.writer.write(Claim { repository, owner, now, ttl, alone }).await
    }

    /// Gives up the following of a repository, where `owner` has it.
    pub async fn release_repository(&self, repository: &Name, owner: &str) -> Result<(), StoreError> {
        let (repository, owner) = (repository.clone(), owner.to_owned());
        self.writer.write(ReleaseRepository { repository, owner }).await
    }

    /// Asks for a repository to be looked at, whichever server follows it. Returns the number of the request: it is
    /// answered when the status of the repository says so.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] where there is no such repository.
    pub async fn want_repository(&self, repository: &Name) -> Result<u64, StoreError> {
        self.writer.write(Want(repository.clone())).await
    }

    /// The number of the last such request; 0 where there was none.
    pub async fn repository_wanted(&self, repository: &Name) -> Result<u64, StoreError> {
        repository::wanted(&self.readers, repository).await
    }

    /// Keeps how far a repository is followed, with what is to be told of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::FollowedElsewhere`] where `owner` does not follow it any more.
    pub async fn put_repository_status(
        &self,
        repository: &Name,
        owner: &str,
        status: &RepositoryStatus,
        told: Vec<EventDraft>,
        now: Timestamp,
    ) -> Result<Vec<Event>, StoreError> {
        let (repository, owner, status) = (repository.clone(), owner.to_owned(), status.clone());
        self.writer.write(PutStatus { repository, owner, status, told, now }).await
    }

    /// Everything that repositories describe, ordered by kind and name.
    pub async fn followed(&self) -> Result<Vec<Followed>, StoreError> {
        repository::followed(&self.readers).await
    }

    /// Makes what stands on the server what a commit of a repository says: all of it in one transaction, or nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::FollowedElsewhere`] as above; [`StoreError::FollowedTwice`] where another repository describes one
    /// of the resources; and those of [`apply`](Self::apply) and [`delete`](Self::delete).
    pub async fn follow(
        &self,
        change: FollowedChange,
        now: Timestamp,
    ) -> Result<Vec<FollowedApplied>, StoreError> {
        self.writer.write(Follow { change, now }).await
    }

    /// Keeps where the change of a password stands, with both passwords sealed. Nothing may be said to the controller
    /// before this has returned.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`] where `token` is given and the host has another or none; [`StoreError::NotFound`]
    /// where there is no such host; [`StoreError::RotationOpen`] where another job's change is not over, whose
    /// passwords must not be lost.
    pub async fn put_rotation(
        &self,
        rotation: &Rotation,
        token: Option<u64>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer.write(PutRotation { rotation: rotation.clone(), token, now }).await
    }

    /// The change of a password of a host that is not over.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherKey`] and [`StoreError::SealBroken`] where a password does not open.
    pub async fn rotation(&self, host: &Name) -> Result<Option<Rotation>, StoreError> {
        self.opening(|sealer| rotation::rotation(&self.readers, sealer, host)).await
    }

    /// Ends the change of a password, together with the record that tells of it: the new password is kept as the
    /// host's and the old one until its grace ends, or the new one is dropped.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`] as of [`put_rotation`](Self::put_rotation); [`StoreError::NoRotation`] where none is
    /// under way; and those of [`record`](Self::record).
    pub async fn settle_rotation(
        &self,
        host: &Name,
        ended: RotationEnded,
        token: Option<u64>,
        record: Record,
    ) -> Result<Vec<Event>, StoreError> {
        self.writer.write(SettleRotation { host: host.clone(), ended, token, record }).await
    }

    /// The passwords that changes have given to the accounts of a host's controller, the newest first. They stay when
    /// the host is deleted, because there may be no other copy.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherKey`] and [`StoreError::SealBroken`] where a password does not open.
    pub async fn host_secrets(&self, host: &Name) -> Result<Vec<HostSecret>, StoreError> {
        self.opening(|sealer| rotation::host_secrets(&self.readers, sealer, host)).await
    }

    /// Recordings of consoles, the newest first.
    pub async fn recordings(&self, query: &RecordingQuery) -> Result<Vec<Recording>, StoreError> {
        recording::recordings(&self.readers, query).await
    }

    /// Stores what is known of a recording, in place of what was known.
    pub async fn put_recording(&self, recording: Recording) -> Result<(), StoreError> {
        self.writer.write(PutRecording(recording)).await
    }

    /// Forgets a recording.
    pub async fn drop_recording(&self, host: &Name, id: i64) -> Result<(), StoreError> {
        self.writer.write(DropRecording { host: host.clone(), id }).await
    }

    /// The certificates that are pinned for a host's devices.
    pub async fn pinned_certificates(&self, host: &Name) -> Result<Vec<PinnedCertificate>, StoreError> {
        way::pins(&self.readers, host).await
    }

    /// Pins a certificate to a device of a host that has no pin, and tells which one is pinned now: another one, where
    /// two came at once. `device` is the name of its connector, `digest` the SHA-256 digest of the certificate's DER
    /// form in hexadecimal digits.
    pub async fn pin_certificate(
        &self,
        host: &Name,
        device: &str,
        digest: String,
        now: Timestamp,
    ) -> Result<String, StoreError> {
        let (host, device) = (host.clone(), device.to_owned());
        self.writer.write(PinCertificate { host, device, digest, now }).await
    }

    /// Forgets the certificates that are pinned for a host's devices, or for the one that the connector named `device`
    /// leads to: what they show next is pinned. Returns those that are forgotten.
    pub async fn forget_pins(
        &self,
        host: &Name,
        device: Option<String>,
        now: Timestamp,
    ) -> Result<Vec<PinnedCertificate>, StoreError> {
        self.writer.write(ForgetPins { host: host.clone(), device, now }).await
    }

    /// What proves the session of an account on a device, where one is kept.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherKey`] and [`StoreError::SealBroken`] where it does not open.
    pub async fn device_session(&self, owner: &SessionOwner) -> Result<Option<SecretString>, StoreError> {
        self.opening(|sealer| way::session(&self.readers, sealer, owner)).await
    }

    /// Keeps what proves the session of an account on a device, or forgets it.
    pub async fn put_device_session(
        &self,
        owner: &SessionOwner,
        session: Option<SecretString>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer.write(PutSession { owner: owner.clone(), session, now }).await
    }

    /// How a device of a host was before something was switched on there for the time of need; none where nothing is.
    /// `device` is the name of its connector.
    pub async fn loan(&self, host: &Name, device: &str) -> Result<Option<String>, StoreError> {
        loan::loan(&self.readers, host, device).await
    }

    /// Keeps how a device of a host was, before something is switched on there. Where that is kept already it stays.
    pub async fn begin_loan(
        &self,
        host: &Name,
        device: &str,
        before: String,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (host, device) = (host.clone(), device.to_owned());
        self.writer.write(PutLoan { host, device, before: Some(before), now }).await
    }

    /// Takes note that a device of a host is again as it was.
    pub async fn end_loan(&self, host: &Name, device: &str, now: Timestamp) -> Result<(), StoreError> {
        let (host, device) = (host.clone(), device.to_owned());
        self.writer.write(PutLoan { host, device, before: None, now }).await
    }

    /// Gives out the id of an incident that is about to be recorded. An id that is never used leaves a gap, no more.
    pub async fn next_incident_id(&self) -> Result<u64, StoreError> {
        self.writer.write(Reserve::Incident).await
    }

    /// Gives out the id of a run that is about to be recorded.
    pub async fn next_run_id(&self) -> Result<u64, StoreError> {
        self.writer.write(Reserve::Run).await
    }

    /// Gives out the id of a job that is about to be recorded.
    pub async fn next_job_id(&self) -> Result<u64, StoreError> {
        self.writer.write(Reserve::Job).await
    }

    /// Gives out the id of an alert that is about to be recorded.
    pub async fn next_alert_id(&self) -> Result<u64, StoreError> {
        self.writer.write(Reserve::Alert).await
    }

    /// Makes what belongs to one decision durable, all of it together. Returns the events under their ids.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`] where the record has a token and the host another or none;
    /// [`StoreError::IdNotReserved`] where something has an id that the store did not give out;
    /// [`StoreError::AlertOpen`] where an alert of the same cause is open under another id.
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

    /// A job by its id.
    pub async fn job(&self, id: u64) -> Result<Option<Job>, StoreError> {
        job::job(&self.readers, id).await
    }

    /// A page of jobs, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::ContinueInvalid`] where `query.next` is not what an earlier page gave.
    pub async fn jobs(&self, query: &JobQuery) -> Result<List<Job>, StoreError> {
        job::jobs(&self.readers, query).await
    }

    /// An alert by its id.
    pub async fn alert(&self, id: u64) -> Result<Option<Alert>, StoreError> {
        alert::alert(&self.readers, id).await
    }

    /// A page of alerts, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::ContinueInvalid`] where `query.next` is not what an earlier page gave.
    pub async fn alerts(&self, query: &AlertQuery) -> Result<List<Alert>, StoreError> {
        alert::alerts(&self.readers, query).await
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

    /// The id of the last durable event that this handle or its clones have written, or that
    /// [`newest_event`](Self::newest_event) has found, as it rises. Whoever follows
    /// the events waits for it to change and then reads [`events_after`](Self::events_after): events come in order
    /// and none is lost, however slow the follower is.
    pub fn last_event(&self) -> watch::Receiver<u64> {
        self.writer.last_event()
    }

    /// The id of the newest event in the database, whoever wrote it: a cheap read, for following what other servers
    /// write. Those who wait at [`last_event`](Self::last_event) learn of it.
    pub async fn newest_event(&self) -> Result<u64, StoreError> {
        let mut connection = self.readers.acquire().await.map_err(|error| meaning("connect", error))?;
        let newest = load::last_event(&mut connection).await?;
        self.writer.announce(newest);
        Ok(newest)
    }

    /// Records an event that belongs to no host.
    pub async fn note(&self, draft: EventDraft, at: Timestamp) -> Result<Event, StoreError> {
        self.writer.write(event::Note { draft, at }).await
    }

    /// Records events of several hosts, and of none, in one transaction and in their order.
    pub async fn note_all(
        &self,
        drafts: Vec<(Option<Name>, Timestamp, EventDraft)>,
    ) -> Result<(), StoreError> {
        self.writer.write(event::NoteAll(drafts)).await
    }

    /// The machines that booted over the network and are no hosts, ordered by hardware address.
    pub async fn machines(&self) -> Result<Vec<Machine>, StoreError> {
        machine::machines(&self.readers).await
    }

    /// Keeps what is known of machines, each whole, and in all no more than the `most` that were seen last.
    pub async fn put_machines(&self, machines: Vec<Machine>, most: u64) -> Result<(), StoreError> {
        self.writer.write(PutMachines { machines, most }).await
    }

    /// Forgets a machine; says whether it was known.
    pub async fn drop_machine(&self, mac: MacAddress) -> Result<bool, StoreError> {
        self.writer.write(DropMachine(mac)).await
    }

    /// A picture as a PNG file.
    pub async fn picture(&self, digest: &PictureDigest) -> Result<Option<Vec<u8>>, StoreError> {
        picture::get(&self.readers, digest).await
    }

    /// Drops what `retention` does not keep, and passwords whose grace is over, in short transactions that let other
    /// writes in between. To be called from time to time.
    pub async fn prune(&self, now: Timestamp, retention: Retention) -> Result<(), StoreError> {
        let Retention { events: keep, picture_grace: grace, history: kept } = retention;
        while self.writer.write(event::Prune { keep }).await? > 0 {}
        while self.writer.write(picture::Prune { now, grace }).await? > 0 {}
        for what in [Ended::Jobs, Ended::Alerts] {
            while self.writer.write(retention::Prune { what, now, kept }).await? > 0 {}
        }
        self.writer.write(rotation::Prune { now }).await?;
        Ok(())
    }
}

fn open(sealer: &Sealer, place: &SecretPlace, secret: &Secret) -> Result<SecretString, StoreError> {
    match secret {
        Secret::Sealed(sealed) => sealer.open(place, sealed),
        _ => Err(StoreError::SealBroken { place: place.clone() }),
    }
}
