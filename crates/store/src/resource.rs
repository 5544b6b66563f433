//! What people said, as manifests: applied and deleted.

use std::collections::BTreeSet;

use ironhand_api::{
    Cluster, Event, EventKind, Flow, GlobalSettings, Host, Kind, Metadata, Name, Network, Profile, Severity,
    Timestamp, Zone,
};
use sqlx::{AnyConnection, FromRow};

use crate::StoreError;
use crate::administration;
use crate::alert;
use crate::claim::{self, Claim};
use crate::column::{bigint, json, unsigned, value};
use crate::event::{self, EventDraft};
use crate::job;
use crate::lease;
use crate::loan;
use crate::notifier;
use crate::picture::{Holder, release};
use crate::repository;
use crate::seal::Sealer;
use crate::sequence::Sequences;
use crate::sqlite::meaning;
use crate::way;
use crate::writer::{Turn, Write};

const GET: &str = "SELECT r.name, r.labels, r.spec, r.version, r.created_at, \
    COALESCE(s.status, f.status) AS status FROM resources r \
    LEFT JOIN host_states s ON r.kind = 'Host' AND s.host = r.name \
    LEFT JOIN repository_states f ON r.kind = 'Repository' AND f.repository = r.name WHERE r.kind = $1 AND r.name = $2";

const PUT: &str = "INSERT INTO resources (kind, name, labels, spec, version, created_at) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (kind, name) \
    DO UPDATE SET labels = excluded.labels, spec = excluded.spec, version = excluded.version";

const DELETE: &str = "DELETE FROM resources WHERE kind = $1 AND name = $2";

const USERS: &str = "SELECT DISTINCT name FROM resource_references WHERE target_kind = $1 AND target_name = $2 \
    ORDER BY name";

const FORGET_REFERENCES: &str = "DELETE FROM resource_references WHERE kind = $1 AND name = $2";

const ADD_REFERENCE: &str =
    "INSERT INTO resource_references (kind, name, target_kind, target_name) VALUES ($1, $2, $3, $4)";

const FORGET_HOST_STATE: &str = "DELETE FROM host_states WHERE host = $1";

/// A kind of resource that the store keeps.
pub trait Resource: Stored {}

impl Resource for Host {}
impl Resource for Flow {}
impl Resource for Zone {}
impl Resource for Cluster {}
impl Resource for GlobalSettings {}
impl Resource for Network {}
impl Resource for Profile {}

/// What the store does with a [`Resource`]; out of reach of other crates, so that [`Resource`] is sealed.
pub trait Stored: Clone + Send + Sync + Sized + 'static {
    /// The kind.
    const KIND: Kind;

    /// Name and labels.
    fn metadata(&self) -> &Metadata;

    /// The other resources that it names.
    fn references(&self) -> BTreeSet<(Kind, Name)>;

    /// What it has that no other resource may have.
    fn claims(&self) -> Vec<Claim> {
        Vec::new()
    }

    /// The resource as it is kept, given what is kept now.
    fn settle(self, sealer: &Sealer, kept: Option<&Self>) -> Result<Self, StoreError>;

    /// The resource as it begins at `now`, where it is not what was kept.
    #[must_use]
    fn begun(self, _now: Timestamp) -> Self {
        self
    }

    /// The specification as JSON.
    fn spec_json(&self) -> Result<String, StoreError>;

    /// The resource from its parts.
    fn assemble(metadata: Metadata, spec: &str, status: Option<&str>) -> Result<Self, StoreError>;
}

/// What applying a resource changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Created,
    /// Its labels or specification differ from what was kept.
    Configured,
    /// It was so already; nothing was written.
    Unchanged,
}

impl Outcome {
    /// The word that people read after the name of the resource.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
        }
    }
}

/// What became of applying a resource.
#[derive(Clone)]
pub struct Applied<T> {
    /// The resource as it is kept now, with its version; the password of a credential is sealed.
    pub resource: T,
    /// What it changed.
    pub outcome: Outcome,
    /// The event that was recorded; none where nothing changed.
    pub event: Option<Event>,
}

/// The write behind [`Store::apply`](crate::Store::apply).
pub(crate) struct Apply<T> {
    pub(crate) resource: T,
    pub(crate) now: Timestamp,
}

impl<T: Stored> Write for Apply<T> {
    type Done = Applied<T>;

    async fn run(self, turn: &mut Turn<'_>) -> Result<Applied<T>, StoreError> {
        let Metadata { name, labels, resource_version: given, .. } = self.resource.metadata().clone();
        let row = fetch(turn.connection, T::KIND, &name).await?;
        let current = row.as_ref().map(|row| unsigned(row.version)).transpose()?;
        if let Some(given) = given
            && current != Some(given)
        {
            return Err(StoreError::Conflict { kind: T::KIND, name, given, current });
        }
        // A row that cannot be understood must not stand in the way of applying the resource anew.
        let kept = row.as_ref().and_then(|row| row.resource::<T>().ok());
        let settled = self.resource.settle(turn.sealer, kept.as_ref())?;
        let spec = settled.spec_json()?;
        if let Some(kept) = kept
            && kept.metadata().labels == labels
            && kept.spec_json()? == spec
        {
            return Ok(Applied { resource: kept, outcome: Outcome::Unchanged, event: None });
        }
        let settled = settled.begun(self.now);
        let spec = settled.spec_json()?;
        let references = settled.references();
        check_targets(turn.connection, T::KIND, &name, &references).await?;
        let claims = settled.claims();
        claim::check(turn.connection, T::KIND, &name, &claims).await?;
        let outcome = if row.is_some() { Outcome::Configured } else { Outcome::Created };
        let version = Sequences::next(&mut turn.sequences.resource);
        let labels = json(|| format!("labels of {} {name}", T::KIND), &labels)?;
        sqlx::query(PUT)
            .bind(T::KIND.to_string())
            .bind(name.as_str())
            .bind(labels.clone())
            .bind(spec.clone())
            .bind(bigint(version))
            .bind(self.now.as_millis())
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("store a resource", error))?;
        put_references(turn.connection, T::KIND, &name, &references).await?;
        claim::put(turn.connection, T::KIND, &name, &claims).await?;
        let event =
            note(turn, T::KIND, &name, EventKind::ResourceApplied, outcome.as_str(), self.now).await?;
        let (created_at, status) =
            row.map_or((self.now.as_millis(), None), |row| (row.created_at, row.status));
        let resource =
            Row { name: name.to_string(), labels, spec, version: bigint(version), created_at, status }
                .resource()?;
        Ok(Applied { resource, outcome, event: Some(event) })
    }
}

/// The write behind [`Store::delete`](crate::Store::delete).
pub(crate) struct Delete {
    pub(crate) kind: Kind,
    pub(crate) name: Name,
    pub(crate) now: Timestamp,
}

impl Write for Delete {
    type Done = Event;

    async fn run(self, turn: &mut Turn<'_>) -> Result<Event, StoreError> {
        let Self { kind, name, now } = self;
        let users: Vec<(String,)> = sqlx::query_as(USERS)
            .bind(kind.to_string())
            .bind(name.as_str())
            .fetch_all(&mut *turn.connection)
            .await
            .map_err(|error| meaning("find the users of a resource", error))?;
        if !users.is_empty() {
            let users = users.into_iter().map(|(user,)| parse_name(&user)).collect::<Result<_, _>>()?;
            return Err(StoreError::InUse { kind, name, users });
        }
        let deleted = sqlx::query(DELETE)
            .bind(kind.to_string())
            .bind(name.as_str())
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("delete a resource", error))?;
        if deleted.rows_affected() == 0 {
            return Err(StoreError::NotFound { kind, name });
        }
        put_references(turn.connection, kind, &name, &BTreeSet::new()).await?;
        // That recovery is paused is said of all hosts, not of the settings.
        if kind != Kind::Settings {
            administration::forget(turn.connection, kind, &name).await?;
        }
        if kind == Kind::Host {
            sqlx::query(FORGET_HOST_STATE)
                .bind(name.as_str())
                .execute(&mut *turn.connection)
                .await
                .map_err(|error| meaning("forget the state of a host", error))?;
            release(turn.connection, &Holder::host(&name), now).await?;
            lease::forget(turn.connection, &name).await?;
            way::forget(turn.connection, &name).await?;
            loan::forget(turn.connection, &name).await?;
            job::end_all(turn, &name, now).await?;
            alert::clear_all(turn, &name, now).await?;
        }
        if kind == Kind::Notifier {
            notifier::forget(turn.connection, &name).await?;
        }
        if kind == Kind::Repository {
            repository::forget(turn.connection, &name).await?;
        }
        note(turn, kind, &name, EventKind::ResourceDeleted, "deleted", now).await
    }
}

/// Records that a resource was changed.
async fn note(
    turn: &mut Turn<'_>,
    kind: Kind,
    name: &Name,
    event: EventKind,
    change: &str,
    now: Timestamp,
) -> Result<Event, StoreError> {
    let host = (kind == Kind::Host).then(|| name.clone());
    let draft = EventDraft::new(event, Severity::Info, format!("{kind} {name} {change}"));
    event::append(turn, host, now, draft).await
}

/// Refuses a reference to a cluster or a zone that is not there: its settings and its word on management would be
/// missed without a trace. So does a deployment need its host and its profile, and a network its profile for discovery. A
/// credential may be applied after the hosts that name it.
async fn check_targets(
    connection: &mut AnyConnection,
    kind: Kind,
    name: &Name,
    references: &BTreeSet<(Kind, Name)>,
) -> Result<(), StoreError> {
    for (target_kind, target) in references {
        if matches!(target_kind, Kind::Cluster | Kind::Zone | Kind::Host | Kind::Profile)
            && fetch(connection, *target_kind, target).await?.is_none()
        {
            let (name, target_kind, target) = (name.clone(), *target_kind, target.clone());
            return Err(StoreError::MissingReference { kind, name, target_kind, target });
        }
    }
    Ok(())
}

async fn put_references(
    connection: &mut AnyConnection,
    kind: Kind,
    name: &Name,
    references: &BTreeSet<(Kind, Name)>,
) -> Result<(), StoreError> {
    sqlx::query(FORGET_REFERENCES)
        .bind(kind.to_string())
        .bind(name.as_str())
        .execute(&mut *connection)
        .await
        .map_err(|error| meaning("forget the references of a resource", error))?;
    for (target_kind, target) in references {
        sqlx::query(ADD_REFERENCE)
            .bind(kind.to_string())
            .bind(name.as_str())
            .bind(target_kind.to_string())
            .bind(target.as_str())
            .execute(&mut *connection)
            .await
            .map_err(|error| meaning("store the references of a resource", error))?;
    }
    Ok(())
}

pub(crate) async fn fetch(
    connection: &mut AnyConnection,
    kind: Kind,
    name: &Name,
) -> Result<Option<Row>, StoreError> {
    sqlx::query_as(GET)
        .bind(kind.to_string())
        .bind(name.as_str())
        .fetch_optional(connection)
        .await
        .map_err(|error| meaning("read a resource", error))
}

/// A row of `resources`, with the status where it is a host's.
#[derive(FromRow)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) labels: String,
    pub(crate) spec: String,
    pub(crate) version: i64,
    pub(crate) created_at: i64,
    pub(crate) status: Option<String>,
}

impl Row {
    pub(crate) fn resource<T: Stored>(&self) -> Result<T, StoreError> {
        let metadata = Metadata {
            name: parse_name(&self.name)?,
            labels: value(|| format!("labels of {} {}", T::KIND, self.name), &self.labels)?,
            resource_version: Some(unsigned(self.version)?),
            created_at: Some(Timestamp::from_millis(self.created_at)),
        };
        T::assemble(metadata, &self.spec, self.status.as_deref())
    }
}

pub(crate) fn parse_name(text: &str) -> Result<Name, StoreError> {
    text.parse().map_err(|error| StoreError::damaged("name", error))
}

impl Stored for Host {
    const KIND: Kind = Kind::Host;

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn references(&self) -> BTreeSet<(Kind, Name)> {
        let own = self.spec.connectors.iter().filter_map(|connector| connector.credentials.as_ref());
        let all = self.spec.credentials.iter().chain(own.flatten());
        let credentials = all.map(|name| (Kind::Credential, name.clone()));
        credentials.chain(self.spec.cluster.iter().map(|cluster| (Kind::Cluster, cluster.clone()))).collect()
    }

    fn claims(&self) -> Vec<Claim> {
        claim::of_host(self)
    }

    fn settle(self, _: &Sealer, _: Option<&Self>) -> Result<Self, StoreError> {
        Ok(self)
    }

    fn spec_json(&self) -> Result<String, StoreError> {
        json(|| format!("Host {}", self.metadata.name), &self.spec)
    }

    fn assemble(metadata: Metadata, spec: &str, status: Option<&str>) -> Result<Self, StoreError> {
        let spec = value(|| format!("Host {}", metadata.name), spec)?;
        let status =
            status.map(|status| value(|| format!("status of Host {}", metadata.name), status)).transpose()?;
        Ok(Self { metadata, spec, status })
    }
}

/// What a resource is to the store that holds no secret and has no status.
macro_rules! stored_as_written {
    ($resource:ident, $kind:ident, |$named:ident| $references:expr) => {
        stored_as_written!($resource, $kind, |$named| $references, |_| Vec::new());
    };
    ($resource:ident, $kind:ident, |$named:ident| $references:expr, $claims:expr) => {
        impl Stored for $resource {
            const KIND: Kind = Kind::$kind;

            fn metadata(&self) -> &Metadata {
                &self.metadata
            }

            fn references(&self) -> BTreeSet<(Kind, Name)> {
                let $named = self;
                $references
            }

            fn claims(&self) -> Vec<Claim> {
                let claims: fn(&Self) -> Vec<Claim> = $claims;
                claims(self)
            }

            fn settle(self, _: &Sealer, _: Option<&Self>) -> Result<Self, StoreError> {
                Ok(self)
            }

            fn spec_json(&self) -> Result<String, StoreError> {
                json(|| format!("{} {}", Self::KIND, self.metadata.name), &self.spec)
            }

            fn assemble(metadata: Metadata, spec: &str, _: Option<&str>) -> Result<Self, StoreError> {
                let spec = value(|| format!("{} {}", Self::KIND, metadata.name), spec)?;
                Ok(Self { metadata, spec })
            }
        }
    };
}

stored_as_written!(Flow, Flow, |_flow| BTreeSet::new());
stored_as_written!(Zone, Zone, |_zone| BTreeSet::new());
stored_as_written!(Cluster, Cluster, |cluster| {
    cluster.spec.zone.iter().map(|zone| (Kind::Zone, zone.clone())).collect()
});
stored_as_written!(GlobalSettings, Settings, |_settings| BTreeSet::new());
stored_as_written!(Profile, Profile, |_profile| BTreeSet::new());
stored_as_written!(
    Network,
    Network,
    |network| network.spec.profiles().into_iter().map(|profile| (Kind::Profile, profile)).collect(),
    claim::of_network
);
