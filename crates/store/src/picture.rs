//! Pictures of screens: kept once each, as long as something refers to them.

use std::collections::BTreeSet;
use std::time::Duration;

use ironhand_api::{Name, PictureDigest, Timestamp};
use sqlx::{AnyConnection, AnyPool};

use crate::StoreError;
use crate::sqlite::meaning;
use crate::writer::{Turn, Write};

/// Pictures that are dropped in one transaction.
const PRUNED_AT_ONCE: i64 = 200;

const PUT: &str = "INSERT INTO pictures (digest, released_at) VALUES ($1, $2) \
    ON CONFLICT (digest) DO UPDATE SET released_at = excluded.released_at";

const PUT_CONTENT: &str =
    "INSERT INTO picture_contents (digest, png) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING";

const GET: &str = "SELECT png FROM picture_contents WHERE digest = $1";

const HOLD: &str = "INSERT INTO picture_holders (holder_kind, holder, digest) VALUES ($1, $2, $3) \
    ON CONFLICT (holder_kind, holder, digest) DO NOTHING";

const HELD: &str = "SELECT digest FROM picture_holders WHERE holder_kind = $1 AND holder = $2";

const RELEASE: &str = "DELETE FROM picture_holders WHERE holder_kind = $1 AND holder = $2 AND digest = $3";

const NOTE_RELEASE: &str = "UPDATE pictures SET released_at = $1 WHERE digest = $2";

const PRUNE: &str = "DELETE FROM pictures WHERE digest IN (SELECT digest FROM pictures p WHERE released_at < $1 \
    AND NOT EXISTS (SELECT 1 FROM picture_holders h WHERE h.digest = p.digest) LIMIT $2) RETURNING digest";

const DROP_CONTENT: &str = "DELETE FROM picture_contents WHERE digest = $1";

/// A picture to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its name: the SHA-256 of its pixels.
    pub digest: PictureDigest,
    /// The picture as a PNG file.
    pub png: Vec<u8>,
}

/// What keeps pictures.
pub(crate) struct Holder {
    kind: &'static str,
    name: String,
}

impl Holder {
    pub(crate) fn host(name: &Name) -> Self {
        Self { kind: "host", name: name.to_string() }
    }

    pub(crate) fn incident(id: u64) -> Self {
        Self { kind: "incident", name: id.to_string() }
    }

    pub(crate) fn run(id: u64) -> Self {
        Self { kind: "run", name: id.to_string() }
    }
}

/// Stores a picture unless it is there.
pub(crate) async fn put(
    connection: &mut AnyConnection,
    picture: Picture,
    now: Timestamp,
) -> Result<(), StoreError> {
    let failed = |error| meaning("store a picture", error);
    sqlx::query(PUT)
        .bind(picture.digest.0.clone())
        .bind(now.as_millis())
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    sqlx::query(PUT_CONTENT)
        .bind(picture.digest.0)
        .bind(picture.png)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Makes `holder` keep these pictures beside those that it keeps already.
pub(crate) async fn hold(
    connection: &mut AnyConnection,
    holder: &Holder,
    digests: &BTreeSet<&PictureDigest>,
) -> Result<(), StoreError> {
    for digest in digests {
        sqlx::query(HOLD)
            .bind(holder.kind)
            .bind(holder.name.clone())
            .bind(digest.0.clone())
            .execute(&mut *connection)
            .await
            .map_err(|error| meaning("keep a picture", error))?;
    }
    Ok(())
}

/// Makes `holder` keep these pictures and no other.
pub(crate) async fn hold_only(
    connection: &mut AnyConnection,
    holder: &Holder,
    digests: &BTreeSet<&PictureDigest>,
    now: Timestamp,
) -> Result<(), StoreError> {
    hold(connection, holder, digests).await?;
    let held: Vec<(String,)> = sqlx::query_as(HELD)
        .bind(holder.kind)
        .bind(holder.name.clone())
        .fetch_all(&mut *connection)
        .await
        .map_err(|error| meaning("find the pictures that are kept", error))?;
    for (digest,) in held {
        if digests.iter().any(|kept| kept.0 == digest) {
            continue;
        }
        sqlx::query(RELEASE)
            .bind(holder.kind)
            .bind(holder.name.clone())
            .bind(digest.clone())
            .execute(&mut *connection)
            .await
            .map_err(|error| meaning("release a picture", error))?;
        sqlx::query(NOTE_RELEASE)
            .bind(now.as_millis())
            .bind(digest)
            .execute(&mut *connection)
            .await
            .map_err(|error| meaning("release a picture", error))?;
    }
    Ok(())
}

/// Makes `holder` keep no picture.
pub(crate) async fn release(
    connection: &mut AnyConnection,
    holder: &Holder,
    now: Timestamp,
) -> Result<(), StoreError> {
    hold_only(connection, holder, &BTreeSet::new(), now).await
}

/// A picture as a PNG file.
pub(crate) async fn get(pool: &AnyPool, digest: &PictureDigest) -> Result<Option<Vec<u8>>, StoreError> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as(GET)
        .bind(digest.0.clone())
        .fetch_optional(pool)
        .await
        .map_err(|error| meaning("read a picture", error))?;
    Ok(row.map(|(png,)| png))
}

/// Drops pictures that nothing has referred to for `grace`, some at a time; returns how many. Done when it returns 0.
pub(crate) struct Prune {
    pub(crate) now: Timestamp,
    pub(crate) grace: Duration,
}

impl Write for Prune {
    type Done = u64;

    async fn run(self, turn: &mut Turn<'_>) -> Result<u64, StoreError> {
        let grace = i64::try_from(self.grace.as_millis()).unwrap_or(i64::MAX);
        let failed = |error| meaning("prune pictures", error);
        let dropped: Vec<(String,)> = sqlx::query_as(PRUNE)
            .bind(self.now.as_millis().saturating_sub(grace))
            .bind(PRUNED_AT_ONCE)
            .fetch_all(&mut *turn.connection)
            .await
            .map_err(failed)?;
        let count = u64::try_from(dropped.len()).unwrap_or(u64::MAX);
        for (digest,) in dropped {
            sqlx::query(DROP_CONTENT).bind(digest).execute(&mut *turn.connection).await.map_err(failed)?;
        }
        Ok(count)
    }
}
