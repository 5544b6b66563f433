//! Git repositories that are followed: how far, by which server, and what was applied from each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ironhand_api::{Event, Kind, Manifest, Metadata, Name, Repository, RepositoryStatus, Timestamp};
use sqlx::{AnyConnection, AnyPool, FromRow};

use crate::StoreError;
use crate::column::{bigint, json, unsigned, value};
use crate::event::{self, EventDraft};
use crate::resource::{Applied, Apply, Delete, Outcome, Resource, Stored, fetch, parse_name};
use crate::seal::Sealer;
use crate::secret::{SecretPlace, settle};
use crate::sqlite::meaning;
use crate::writer::{Turn, Write};

/// Takes the following of a repository that nobody follows, or whose follower has fallen silent, or with `$5` whoever
/// has it; renews one's own. Finds nothing to insert where the repository was deleted meanwhile.
const CLAIM: &str = "INSERT INTO repository_states (repository, owner, expires_at) \
    SELECT name, $2, $3 FROM resources WHERE kind = 'Repository' AND name = $1 \
    ON CONFLICT (repository) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at \
    WHERE $5 = 1 OR repository_states.owner IS NULL OR repository_states.owner = excluded.owner \
    OR repository_states.expires_at <= $4";

const RELEASE: &str =
    "UPDATE repository_states SET owner = NULL, expires_at = NULL WHERE repository = $1 AND owner = $2";

const PUT_STATUS: &str = "UPDATE repository_states SET status = $3 WHERE repository = $1 AND owner = $2";

const WANT: &str = "INSERT INTO repository_states (repository, wanted) \
    SELECT name, 1 FROM resources WHERE kind = 'Repository' AND name = $1 \
    ON CONFLICT (repository) DO UPDATE SET wanted = repository_states.wanted + 1";

const WANTED: &str = "SELECT wanted FROM repository_states WHERE repository = $1";

const FORGET_STATE: &str = "DELETE FROM repository_states WHERE repository = $1";

const FORGET_FOLLOWED: &str = "DELETE FROM followed WHERE repository = $1";

const FOLLOWED: &str = "SELECT f.kind, f.name, f.repository, f.version, r.version AS current FROM followed f \
    LEFT JOIN resources r ON r.kind = f.kind AND r.name = f.name ORDER BY f.kind, f.name";

const PUT_FOLLOWED: &str = "INSERT INTO followed (kind, name, repository, version) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (kind, name) DO UPDATE SET version = excluded.version \
    WHERE followed.repository = excluded.repository";

const FORGET_ONE: &str = "DELETE FROM followed WHERE kind = $1 AND name = $2 AND repository = $3";

impl Resource for Repository {}

impl Stored for Repository {
    const KIND: Kind = Kind::Repository;

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn references(&self) -> BTreeSet<(Kind, Name)> {
        self.spec.credential.iter().map(|name| (Kind::Credential, name.clone())).collect()
    }

    fn settle(mut self, sealer: &Sealer, kept: Option<&Self>) -> Result<Self, StoreError> {
        if let Some(webhook) = self.spec.webhook.take() {
            let place = SecretPlace::repository(&self.metadata.name);
            let kept = kept.and_then(|kept| kept.spec.webhook.as_ref()).map(|webhook| &webhook.secret);
            let secret = settle(sealer, &place, webhook.secret, kept)?;
            self.spec.webhook = Some(ironhand_api::RepositoryWebhook { secret });
        }
        Ok(self)
    }

    fn spec_json(&self) -> Result<String, StoreError> {
        json(|| format!("Repository {}", self.metadata.name), &self.spec)
    }

    fn assemble(metadata: Metadata, spec: &str, status: Option<&str>) -> Result<Self, StoreError> {
        let name = &metadata.name;
        let spec = value(|| format!("Repository {name}"), spec)?;
        let status =
            status.map(|status| value(|| format!("status of Repository {name}"), status)).transpose()?;
        Ok(Self { metadata, spec, status })
    }
}

/// A resource that a repository describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// The kind.
    pub kind: Kind,
    /// The name.
    pub name: Name,
    /// The repository.
    pub repository: Name,
    /// The version under which the repository's manifest was applied.
    pub version: u64,
    /// The version that is kept now: another one was made by hand; none where the resource is gone.
    pub current: Option<u64>,
}

/// What one commit of a repository changes: all of it becomes durable together, or nothing.
#[derive(Clone)]
pub struct FollowedChange {
    /// The repository.
    pub repository: Name,
    /// The version of the Repository by which it was decided; where another one is kept, nothing is changed.
    pub version: Option<u64>,
    /// The server that follows it; where another one does by now, nothing is changed.
    pub owner: String,
    /// What the repository describes, in the order in which it is applied.
    pub manifests: Vec<Manifest>,
    /// What it described before and is to be deleted, in that order.
    pub remove: Vec<(Kind, Name)>,
    /// What it described before and describes no more.
    pub leave: Vec<(Kind, Name)>,
    /// How far the repository is followed then.
    pub status: RepositoryStatus,
    /// What is to be told, where anything changes or the commit is another one than before; how much has changed is
    /// added to it.
    pub told: EventDraft,
    /// Whether it is told even where nothing changes.
    pub always_told: bool,
}

/// What applying a manifest of a repository came to.
#[derive(Clone)]
pub struct FollowedApplied {
    /// The resource as it is kept now.
    pub manifest: Manifest,
    /// What changed.
    pub outcome: Outcome,
}

#[derive(FromRow)]
struct Row {
    kind: String,
    name: String,
    repository: String,
    version: i64,
    current: Option<i64>,
}

/// Everything that repositories describe, ordered by kind and name.
pub(crate) async fn followed(pool: &AnyPool) -> Result<Vec<Followed>, StoreError> {
    let mut connection = pool.acquire().await.map_err(|error| meaning("connect", error))?;
    read_followed(&mut connection).await
}

async fn read_followed(connection: &mut AnyConnection) -> Result<Vec<Followed>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(FOLLOWED)
        .fetch_all(connection)
        .await
        .map_err(|error| meaning("read what repositories describe", error))?;
    let followed = rows.into_iter().map(|row| {
        let kind = Kind::ALL.into_iter().find(|kind| kind.to_string() == row.kind);
        Ok(Followed {
            kind: kind.ok_or_else(|| StoreError::damaged("kind of a followed resource", &row.kind))?,
            name: parse_name(&row.name)?,
            repository: parse_name(&row.repository)?,
            version: unsigned(row.version)?,
            current: row.current.map(unsigned).transpose()?,
        })
    });
    followed.collect()
}

/// The number of the last request to look at a repository at once; 0 where there was none.
pub(crate) async fn wanted(pool: &AnyPool, name: &Name) -> Result<u64, StoreError> {
    let row: Option<(i64,)> = sqlx::query_as(WANTED)
        .bind(name.as_str())
        .fetch_optional(pool)
        .await
        .map_err(|error| meaning("read whether a repository is to be looked at", error))?;
    row.map_or(Ok(0), |(wanted,)| unsigned(wanted))
}

/// The write behind [`Store::claim_repository`](crate::Store::claim_repository).
pub(crate) struct Claim {
    pub(crate) repository: Name,
    pub(crate) owner: String,
    pub(crate) now: Timestamp,
    pub(crate) ttl: Duration,
    pub(crate) alone: bool,
}

impl Write for Claim {
    type Done = bool;

    async fn run(self, turn: &mut Turn<'_>) -> Result<bool, StoreError> {
        let claimed = sqlx::query(CLAIM)
            .bind(self.repository.as_str())
            .bind(self.owner)
            .bind(self.now.after(self.ttl).as_millis())
            .bind(self.now.as_millis())
            .bind(i64::from(self.alone))
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("take the following of a repository", error))?;
        Ok(claimed.rows_affected() > 0)
    }
}

/// The write behind [`Store::release_repository`](crate::Store::release_repository).
pub(crate) struct ReleaseRepository {
    pub(crate) repository: Name,
    pub(crate) owner: String,
}

impl Write for ReleaseRepository {
    type Done = ();

    async fn run(self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        sqlx::query(RELEASE)
            .bind(self.repository.as_str())
            .bind(self.owner)
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("give up the following of a repository", error))?;
        Ok(())
    }
}

/// The write behind [`Store::want_repository`](crate::Store::want_repository).
pub(crate) struct Want(pub(crate) Name);

impl Write for Want {
    type Done = u64;

    async fn run(self, turn: &mut Turn<'_>) -> Result<u64, StoreError> {
        let failed = |error| meaning("ask to look at a repository", error);
        sqlx::query(WANT).bind(self.0.as_str()).execute(&mut *turn.connection).await.map_err(failed)?;
        let row: Option<(i64,)> = sqlx::query_as(WANTED)
            .bind(self.0.as_str())
            .fetch_optional(&mut *turn.connection)
            .await
            .map_err(failed)?;
        let (wanted,) = row.ok_or(StoreError::NotFound { kind: Kind::Repository, name: self.0 })?;
        unsigned(wanted)
    }
}

/// The write behind [`Store::put_repository_status`](crate::Store::put_repository_status).
pub(crate) struct PutStatus {
    pub(crate) repository: Name,
    pub(crate) owner: String,
    pub(crate) status: RepositoryStatus,
    pub(crate) told: Vec<EventDraft>,
    pub(crate) now: Timestamp,
}

impl Write for PutStatus {
    type Done = Vec<Event>;

    async fn run(self, turn: &mut Turn<'_>) -> Result<Vec<Event>, StoreError> {
        put_status(turn, &self.repository, &self.owner, &self.status).await?;
        let mut events = Vec::new();
        for draft in self.told {
            events.push(event::append(turn, None, self.now, draft).await?);
        }
        Ok(events)
    }
}

async fn put_status(
    turn: &mut Turn<'_>,
    repository: &Name,
    owner: &str,
    status: &RepositoryStatus,
) -> Result<(), StoreError> {
    let put = sqlx::query(PUT_STATUS)
        .bind(repository.as_str())
        .bind(owner.to_owned())
        .bind(json(|| format!("status of Repository {repository}"), status)?)
        .execute(&mut *turn.connection)
        .await
        .map_err(|error| meaning("store how far a repository is followed", error))?;
    match put.rows_affected() {
        0 => Err(StoreError::FollowedElsewhere { repository: repository.clone() }),
        _ => Ok(()),
    }
}

/// The write behind [`Store::follow`](crate::Store::follow).
pub(crate) struct Follow {
    pub(crate) change: FollowedChange,
    pub(crate) now: Timestamp,
}

impl Write for Follow {
    type Done = Vec<FollowedApplied>;

    async fn run(self, turn: &mut Turn<'_>) -> Result<Vec<FollowedApplied>, StoreError> {
        let Self { change, now } = self;
        let FollowedChange { repository, version, owner, manifests, remove, leave, status, .. } = change;
        let (mut told, always_told) = (change.told, change.always_told);
        let kept = fetch(turn.connection, Kind::Repository, &repository).await?;
        if kept.map(|row| unsigned(row.version)).transpose()? != version {
            return Err(StoreError::FollowedElsewhere { repository });
        }
        put_status(turn, &repository, &owner, &status).await?;
        let followed = read_followed(turn.connection).await?;
        let known: BTreeMap<(Kind, Name), (Name, u64)> =
            followed.into_iter().map(|row| ((row.kind, row.name), (row.repository, row.version))).collect();
        let mut done = Vec::with_capacity(manifests.len());
        let (mut created, mut configured, mut deleted) = (0, 0, 0);
        for manifest in manifests {
            let key = (manifest.kind(), manifest.metadata().name.clone());
            let before = known.get(&key);
            if let Some((other, _)) = before.filter(|(other, _)| *other != repository) {
                let (kind, name) = key;
                return Err(StoreError::FollowedTwice { kind, name, repository: other.clone() });
            }
            let applied = apply(turn, manifest, now).await?;
            match applied.outcome {
                Outcome::Created => created += 1,
                Outcome::Configured => configured += 1,
                Outcome::Unchanged => {}
            }
            let version = applied.manifest.metadata().resource_version.unwrap_or_default();
            if before.is_none_or(|(_, before)| *before != version) {
                put_followed(turn, &key, &repository, version).await?;
            }
            done.push(applied);
        }
        for (kind, name) in remove {
            if fetch(turn.connection, kind, &name).await?.is_some() {
                Delete { kind, name: name.clone(), now }.run(turn).await?;
                deleted += 1;
            }
            forget_one(turn, kind, &name, &repository).await?;
        }
        for (kind, name) in leave {
            forget_one(turn, kind, &name, &repository).await?;
        }
        if always_told || created + configured + deleted > 0 {
            let counts = format!(": {created} created, {configured} configured, {deleted} deleted");
            told.message.push_str(&counts);
            event::append(turn, None, now, told).await?;
        }
        Ok(done)
    }
}

/// Applies a manifest of any kind.
async fn apply(
    turn: &mut Turn<'_>,
    manifest: Manifest,
    now: Timestamp,
) -> Result<FollowedApplied, StoreError> {
    async fn one<T: Stored>(
        turn: &mut Turn<'_>,
        resource: T,
        now: Timestamp,
        manifest: impl FnOnce(T) -> Manifest,
    ) -> Result<FollowedApplied, StoreError> {
        let Applied { resource, outcome, .. } = Apply { resource, now }.run(turn).await?;
        Ok(FollowedApplied { manifest: manifest(resource), outcome })
    }
    match manifest {
        Manifest::Host(host) => one(turn, host, now, Manifest::Host).await,
        Manifest::Credential(credential) => one(turn, credential, now, Manifest::Credential).await,
        Manifest::Flow(flow) => one(turn, flow, now, Manifest::Flow).await,
        Manifest::Zone(zone) => one(turn, zone, now, Manifest::Zone).await,
        Manifest::Cluster(cluster) => one(turn, cluster, now, Manifest::Cluster).await,
        Manifest::Settings(settings) => one(turn, settings, now, Manifest::Settings).await,
        Manifest::Notifier(notifier) => one(turn, notifier, now, Manifest::Notifier).await,
        Manifest::Repository(repository) => one(turn, repository, now, Manifest::Repository).await,
        Manifest::Network(network) => one(turn, network, now, Manifest::Network).await,
        Manifest::Profile(profile) => one(turn, profile, now, Manifest::Profile).await,
        Manifest::Deployment(deployment) => one(turn, deployment, now, Manifest::Deployment).await,
    }
}

async fn put_followed(
    turn: &mut Turn<'_>,
    (kind, name): &(Kind, Name),
    repository: &Name,
    version: u64,
) -> Result<(), StoreError> {
    sqlx::query(PUT_FOLLOWED)
        .bind(kind.to_string())
        .bind(name.as_str())
        .bind(repository.as_str())
        .bind(bigint(version))
        .execute(&mut *turn.connection)
        .await
        .map_err(|error| meaning("note what a repository describes", error))?;
    Ok(())
}

async fn forget_one(
    turn: &mut Turn<'_>,
    kind: Kind,
    name: &Name,
    repository: &Name,
) -> Result<(), StoreError> {
    sqlx::query(FORGET_ONE)
        .bind(kind.to_string())
        .bind(name.as_str())
        .bind(repository.as_str())
        .execute(&mut *turn.connection)
        .await
        .map_err(|error| meaning("forget what a repository described", error))?;
    Ok(())
}

/// Forgets how far a repository was followed that is deleted. What it described stays, and belongs to nobody.
pub(crate) async fn forget(connection: &mut AnyConnection, repository: &Name) -> Result<(), StoreError> {
    for statement in [FORGET_STATE, FORGET_FOLLOWED] {
        sqlx::query(statement)
            .bind(repository.as_str())
            .execute(&mut *connection)
            .await
            .map_err(|error| meaning("forget how far a repository was followed", error))?;
    }
    Ok(())
}
