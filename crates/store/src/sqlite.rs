//! Everything that is true of SQLite alone: how to connect, how a writing transaction begins, how many rows are put
//! into one, which errors mean what.
//!
//! All other statements of the crate run on PostgreSQL as they are: `$1` placeholders, TEXT, BIGINT and BLOB columns,
//! `ON CONFLICT` and `RETURNING`.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AnyConnection, AnyPool, Connection, Executor};

use crate::StoreError;

/// Begins a transaction that holds the write lock from the start, so that it never fails half-way because another
/// process has written in between.
pub(crate) const BEGIN_WRITING: &str = "BEGIN IMMEDIATE";

/// Set on each connection. `synchronous = FULL` syncs the write-ahead log at each commit: what was acknowledged
/// survives loss of power. `busy_timeout` (milliseconds) is how long a writer waits for another process.
const SET_UP: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";

/// Set on the connection that writes. The states of 10,000 hosts fit the cache (KiB where negative); the log is copied
/// back into the database (pages of 4 KiB) less often than by default, because a fleet writes the same pages over and
/// over.
const WRITING: &str = "PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4000;";

/// Set on connections that only read, so that a slip in this crate cannot write past the writer.
const READ_ONLY: &str = "PRAGMA query_only = ON;";

/// The tokens of all leases of an owner that expire after a moment, as one text; null where there are none.
pub(crate) const TOKENS: &str =
    "SELECT group_concat(token, ' ') FROM host_leases WHERE owner = $1 AND expires_at > $2";

/// Connections that read at the same time; each has a thread of its own.
const READERS: u32 = 4;

/// How long a reader waits for a connection before it gives up.
const READER_WAIT: Duration = Duration::from_secs(30);

/// Result codes of SQLite (<https://www.sqlite.org/rescode.html>), the extended ones reduced to their primary one.
const SQLITE_BUSY: i64 = 5;
const SQLITE_FULL: i64 = 13;

static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

/// The connections of one database: one that writes, some that read.
pub(crate) struct Connections {
    pub(crate) writer: AnyPool,
    pub(crate) readers: AnyPool,
}

/// Opens the database file, which must exist, and brings it to this release's schema.
pub(crate) async fn open(path: &Path) -> Result<Connections, StoreError> {
    sqlx::any::install_default_drivers();
    let failed = |source| StoreError::Open { path: path.to_owned(), source: Arc::new(source) };
    let options = AnyConnectOptions::from_str(&url(path)?).map_err(failed)?;
    // A pool would try again for half a minute and then tell nothing but that its time is up.
    let mut first = AnyConnection::connect_with(&options).await.map_err(failed)?;
    first.execute(SET_UP).await.map_err(failed)?;
    first.close().await.map_err(failed)?;
    let writer = AnyPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(SET_UP).await?;
                connection.execute(WRITING).await?;
                Ok(())
            })
        })
        .connect_lazy_with(options.clone());
    MIGRATOR.run(&writer).await.map_err(|error| match error {
        MigrateError::VersionMissing(found) => StoreError::LaterRelease { path: path.to_owned(), found },
        error => failed(sqlx::Error::Migrate(Box::new(error))),
    })?;
    let readers = AnyPoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(READER_WAIT)
        // A fleet that is taken up at once queues here for some seconds, which is no news.
        .acquire_slow_threshold(READER_WAIT / 2)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(SET_UP).await?;
                connection.execute(READ_ONLY).await?;
                Ok(())
            })
        })
        .connect_lazy_with(options);
    Ok(Connections { writer, readers })
}

/// What an error means, given what was being done.
pub(crate) fn meaning(doing: &'static str, error: sqlx::Error) -> StoreError {
    if matches!(error, sqlx::Error::PoolClosed) {
        return StoreError::Closed;
    }
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i64>().ok());
    match code.map(|code| code & 0xff) {
        Some(SQLITE_BUSY) => StoreError::Busy { doing },
        Some(SQLITE_FULL) => StoreError::DiskFull { doing },
        _ => StoreError::Database { doing, source: Arc::new(error) },
    }
}

/// The address of a database file: a path may hold characters that mean something in addresses.
fn url(path: &Path) -> Result<String, StoreError> {
    let text = path.to_str().ok_or_else(|| StoreError::PathNotUtf8 { path: path.to_owned() })?;
    let mut url = "sqlite://".to_owned();
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"/-_.".contains(&octet) {
            url.push(char::from(octet));
        } else {
            url.push_str(&format!("%{octet:02X}"));
        }
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_are_set_up_for_durability() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        std::fs::File::create(&path).unwrap();
        let Connections { writer, readers } = open(&path).await.unwrap();
        let check = async |pool: &AnyPool, pragma: &'static str, wanted: i64| {
            let (value,): (i64,) = sqlx::query_as(pragma).fetch_one(pool).await.unwrap();
            assert_eq!(value, wanted, "{pragma}");
        };
        for pool in [&writer, &readers] {
            // 2 is FULL (https://www.sqlite.org/pragma.html#pragma_synchronous).
            check(pool, "PRAGMA synchronous", 2).await;
            check(pool, "PRAGMA busy_timeout", 10_000).await;
            let (mode,): (String,) = sqlx::query_as("PRAGMA journal_mode").fetch_one(pool).await.unwrap();
            assert_eq!(mode, "wal");
        }
        check(&writer, "PRAGMA query_only", 0).await;
        check(&readers, "PRAGMA query_only", 1).await;
        let refused = sqlx::query("DELETE FROM events").execute(&readers).await.err().unwrap();
        assert!(refused.to_string().contains("readonly"), "{refused}");
    }

    #[tokio::test]
    async fn a_database_that_stays_locked_is_busy() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        std::fs::File::create(&path).unwrap();
        let first = open(&path).await.unwrap();
        let second = open(&path).await.unwrap();
        let held = first.writer.begin_with(BEGIN_WRITING).await.unwrap();
        let mut impatient = second.writer.acquire().await.unwrap();
        impatient.execute("PRAGMA busy_timeout = 0").await.unwrap();
        let refused = impatient.execute(BEGIN_WRITING).await.err().unwrap();
        let error = meaning("begin a transaction", refused);
        assert!(matches!(error, StoreError::Busy { .. }) && error.retry(), "{error}");
        held.rollback().await.unwrap();
        impatient.execute(BEGIN_WRITING).await.unwrap();
    }
}
