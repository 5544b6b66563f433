//! Which server works on which host.
//!
//! A lease is a promise with an end: until it expires, nobody else takes the host. What the promise cannot rule out,
//! a server that was stopped for a while and goes on unaware, the fencing token does: it rises with each change of
//! hands, and a [`Record`](crate::Record) that carries an older one is refused in the transaction that would have
//! written it.

use std::collections::BTreeSet;
use std::time::Duration;

use ironhand_api::{EventKind, Name, Severity, Timestamp};
use sqlx::{AnyConnection, AnyPool};

use crate::StoreError;
use crate::column::{bigint, unsigned};
use crate::event::{self, EventDraft};
use crate::resource::parse_name;
use crate::sequence::Sequences;
use crate::sqlite::{TOKENS, meaning};
use crate::writer::{Turn, Write};

const FREE: &str = "SELECT r.name, l.owner FROM resources r LEFT JOIN host_leases l ON l.host = r.name \
    WHERE r.kind = 'Host' AND (l.host IS NULL OR l.expires_at <= $1) ORDER BY r.name LIMIT $2";

const EVERY_HOST: &str = "SELECT r.name, l.owner FROM resources r LEFT JOIN host_leases l ON l.host = r.name \
    WHERE r.kind = 'Host' ORDER BY r.name";

const OF_HOST: &str = "SELECT l.owner, l.token, l.expires_at FROM resources r \
    LEFT JOIN host_leases l ON l.host = r.name WHERE r.kind = 'Host' AND r.name = $1";

const TAKE: &str = "INSERT INTO host_leases (host, owner, token, expires_at) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (host) DO UPDATE SET owner = excluded.owner, token = excluded.token, \
    expires_at = excluded.expires_at";

const RENEW: &str = "UPDATE host_leases SET expires_at = $1 WHERE owner = $2 AND expires_at > $3";

const RELEASE: &str = "DELETE FROM host_leases WHERE owner = $1";

const FORGET: &str = "DELETE FROM host_leases WHERE host = $1";

const ALL: &str = "SELECT host, owner, token, expires_at FROM host_leases ORDER BY host";

const HOLDER: &str = "SELECT owner, token FROM host_leases WHERE host = $1";

/// One host, worked by one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The host.
    pub host: Name,
    /// The server that works on it.
    pub owner: String,
    /// The fencing token: rises with each change of hands.
    pub token: u64,
    /// When another server may take the host, unless the lease is renewed before.
    pub expires_at: Timestamp,
}

type LeaseRow = (String, String, i64, i64);

fn lease((host, owner, token, expires_at): LeaseRow) -> Result<Lease, StoreError> {
    Ok(Lease {
        host: parse_name(&host)?,
        owner,
        token: unsigned(token)?,
        expires_at: Timestamp::from_millis(expires_at),
    })
}

/// A token out of the answer to [`TOKENS`].
fn token(text: &str) -> Result<u64, StoreError> {
    text.parse().map_err(|_| StoreError::damaged("token of a lease", format!("`{text}` is no number")))
}

/// The write behind [`Store::acquire_leases`](crate::Store::acquire_leases) and
/// [`Store::seize_leases`](crate::Store::seize_leases).
pub(crate) struct Acquire {
    pub(crate) owner: String,
    pub(crate) now: Timestamp,
    pub(crate) ttl: Duration,
    pub(crate) which: Which,
}

/// Which hosts no server works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Free {
    /// Those without a lease: for a server that knows that no other one lives, and whose own leases are its own however late it
    /// renews them.
    Unleased,
    /// Also those whose lease has expired.
    OrExpired,
}

impl Free {
    /// The moment until which a lease must have expired for its host to be free, as [`FREE`] takes it.
    fn expired_by(self, now: Timestamp) -> i64 {
        match self {
            Self::Unleased => i64::MIN,
            Self::OrExpired => now.as_millis(),
        }
    }
}

/// Which hosts are taken.
#[derive(Clone, Copy)]
pub(crate) enum Which {
    /// At most so many of those that are free.
    Free(Free, u32),
    /// Every one, free or not.
    Every,
}

impl Write for Acquire {
    type Done = Vec<Lease>;

    async fn run(self, turn: &mut Turn<'_>) -> Result<Vec<Lease>, StoreError> {
        let Self { owner, now, ttl, which } = self;
        let select = match which {
            Which::Free(free, limit) => {
                sqlx::query_as(FREE).bind(free.expired_by(now)).bind(i64::from(limit))
            }
            Which::Every => sqlx::query_as(EVERY_HOST),
        };
        let rows: Vec<(String, Option<String>)> = select
            .fetch_all(&mut *turn.connection)
            .await
            .map_err(|error| meaning("find hosts that no server works on", error))?;
        let mut leases = Vec::with_capacity(rows.len());
        for (host, before) in rows {
            let host = parse_name(&host)?;
            let before = before.as_deref().filter(|_| !matches!(which, Which::Every));
            leases.push(take(turn, host, &owner, before, now, ttl).await?);
        }
        Ok(leases)
    }
}

/// The write behind [`Store::acquire_lease`](crate::Store::acquire_lease).
pub(crate) struct AcquireOne {
    pub(crate) owner: String,
    pub(crate) host: Name,
    pub(crate) now: Timestamp,
    pub(crate) ttl: Duration,
}

impl Write for AcquireOne {
    type Done = Lease;

    async fn run(self, turn: &mut Turn<'_>) -> Result<Lease, StoreError> {
        let Self { owner, host, now, ttl } = self;
        let row: Option<(Option<String>, Option<i64>, Option<i64>)> = sqlx::query_as(OF_HOST)
            .bind(host.as_str())
            .fetch_optional(&mut *turn.connection)
            .await
            .map_err(|error| meaning("read the lease of a host", error))?;
        let Some((before, token, expires_at)) = row else {
            return Err(StoreError::NotFound { kind: ironhand_api::Kind::Host, name: host });
        };
        if let (Some(holder), Some(token), Some(expires_at)) = (&before, token, expires_at)
            && expires_at > now.as_millis()
        {
            return lease((host.to_string(), holder.clone(), token, expires_at));
        }
        take(turn, host, &owner, before.as_deref(), now, ttl).await
    }
}

/// Gives a host to `owner` under a new token.
async fn take(
    turn: &mut Turn<'_>,
    host: Name,
    owner: &str,
    before: Option<&str>,
    now: Timestamp,
    ttl: Duration,
) -> Result<Lease, StoreError> {
    let token = Sequences::next(&mut turn.sequences.lease);
    let expires_at = now.after(ttl);
    sqlx::query(TAKE)
        .bind(host.as_str())
        .bind(owner.to_owned())
        .bind(bigint(token))
        .bind(expires_at.as_millis())
        .execute(&mut *turn.connection)
        .await
        .map_err(|error| meaning("take the lease of a host", error))?;
    if let Some(before) = before
        && before != owner
    {
        let message = format!("server {owner} works on Host {host} now; server {before} did before");
        let draft = EventDraft::new(EventKind::OwnerChanged, Severity::Info, message);
        event::append(turn, Some(host.clone()), now, draft).await?;
    }
    Ok(Lease { host, owner: owner.to_owned(), token, expires_at })
}

/// The write behind [`Store::renew_leases`](crate::Store::renew_leases) and
/// [`Store::keep_leases`](crate::Store::keep_leases).
pub(crate) struct Renew {
    pub(crate) owner: String,
    pub(crate) now: Timestamp,
    pub(crate) ttl: Duration,
    /// Also those that have expired.
    pub(crate) even_late: bool,
}

impl Write for Renew {
    type Done = BTreeSet<u64>;

    async fn run(self, turn: &mut Turn<'_>) -> Result<BTreeSet<u64>, StoreError> {
        let failed = |error| meaning("renew leases", error);
        let alive = if self.even_late { i64::MIN } else { self.now.as_millis() };
        sqlx::query(RENEW)
            .bind(self.now.after(self.ttl).as_millis())
            .bind(self.owner.clone())
            .bind(alive)
            .execute(&mut *turn.connection)
            .await
            .map_err(failed)?;
        // One row for all of them: each row more is a wait of the task that writes, and on a busy machine a thousand of them kept
        // everybody from writing for more than the life of a lease.
        let (tokens,): (Option<String>,) = sqlx::query_as(TOKENS)
            .bind(self.owner)
            .bind(alive)
            .fetch_one(&mut *turn.connection)
            .await
            .map_err(failed)?;
        tokens.unwrap_or_default().split_whitespace().map(token).collect()
    }
}

/// The write behind [`Store::release_leases`](crate::Store::release_leases).
pub(crate) struct Release {
    pub(crate) owner: String,
}

impl Write for Release {
    type Done = ();

    async fn run(self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        sqlx::query(RELEASE)
            .bind(self.owner)
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("release leases", error))?;
        Ok(())
    }
}

/// Whether [`Acquire`] would find a host that is free to take.
pub(crate) async fn any_free(pool: &AnyPool, now: Timestamp, free: Free) -> Result<bool, StoreError> {
    let found: Option<(String, Option<String>)> = sqlx::query_as(FREE)
        .bind(free.expired_by(now))
        .bind(1_i64)
        .fetch_optional(pool)
        .await
        .map_err(|error| meaning("find hosts that no server works on", error))?;
    Ok(found.is_some())
}

/// Every lease, expired ones too, ordered by host.
pub(crate) async fn all(pool: &AnyPool) -> Result<Vec<Lease>, StoreError> {
    let rows: Vec<LeaseRow> =
        sqlx::query_as(ALL).fetch_all(pool).await.map_err(|error| meaning("read leases", error))?;
    rows.into_iter().map(lease).collect()
}

/// Refuses a write whose sender no longer works on the host. It must run in the transaction of that write.
pub(crate) async fn check(
    connection: &mut AnyConnection,
    host: &Name,
    token: Option<u64>,
) -> Result<(), StoreError> {
    let Some(token) = token else { return Ok(()) };
    let row: Option<(String, i64)> = sqlx::query_as(HOLDER)
        .bind(host.as_str())
        .fetch_optional(connection)
        .await
        .map_err(|error| meaning("check the lease of a host", error))?;
    match row {
        Some((_, held)) if held == bigint(token) => Ok(()),
        row => Err(StoreError::LeaseLost { host: host.clone(), owner: row.map(|(owner, _)| owner) }),
    }
}

/// Ends the lease of a host that is deleted: whoever works on it can no longer write about it.
pub(crate) async fn forget(connection: &mut AnyConnection, host: &Name) -> Result<(), StoreError> {
    sqlx::query(FORGET)
        .bind(host.as_str())
        .execute(connection)
        .await
        .map_err(|error| meaning("end the lease of a host", error))?;
    Ok(())
}
