//! What is kept of the ways to a host's devices: certificates that were pinned at first use, sessions that are open.

use ironhand_api::{EventKind, Name, PinnedCertificate, Severity, Timestamp};
use secrecy::SecretString;
use sqlx::{AnyConnection, AnyPool};

use crate::StoreError;
use crate::event::{self, EventDraft};
use crate::seal::Sealer;
use crate::secret::SecretPlace;
use crate::sqlite::meaning;
use crate::writer::{Turn, Write};

const PIN: &str = "SELECT digest, pinned_at FROM certificate_pins WHERE host = $1 AND device = $2";

const PINS: &str = "SELECT device, digest, pinned_at FROM certificate_pins WHERE host = $1 ORDER BY device";

const ADD_PIN: &str = "INSERT INTO certificate_pins (host, device, digest, pinned_at) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (host, device) DO NOTHING";

const FORGET_PIN: &str = "DELETE FROM certificate_pins WHERE host = $1 AND device = $2";

const FORGET_PINS: &str = "DELETE FROM certificate_pins WHERE host = $1";

const SESSION: &str = "SELECT sealed FROM device_sessions WHERE host = $1 AND device = $2 AND username = $3";

const PUT_SESSION: &str = "INSERT INTO device_sessions (host, device, username, sealed, opened_at) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (host, device, username) \
    DO UPDATE SET sealed = excluded.sealed, opened_at = excluded.opened_at";

const FORGET_SESSION: &str = "DELETE FROM device_sessions WHERE host = $1 AND device = $2 AND username = $3";

const FORGET_SESSIONS: &str = "DELETE FROM device_sessions WHERE host = $1";

/// Whose session it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOwner {
    /// The host.
    pub host: Name,
    /// The device, by the name of its connector.
    pub device: String,
    /// The account.
    pub username: String,
}

impl SessionOwner {
    fn place(&self) -> SecretPlace {
        SecretPlace::session(&self.host, &self.device, &self.username)
    }
}

/// The certificates that are pinned for a host's devices.
pub(crate) async fn pins(pool: &AnyPool, host: &Name) -> Result<Vec<PinnedCertificate>, StoreError> {
    let mut connection = pool.acquire().await.map_err(|error| meaning("read pinned certificates", error))?;
    pins_of(&mut connection, host).await
}

async fn pins_of(connection: &mut AnyConnection, host: &Name) -> Result<Vec<PinnedCertificate>, StoreError> {
    let rows: Vec<(String, String, i64)> = sqlx::query_as(PINS)
        .bind(host.as_str())
        .fetch_all(connection)
        .await
        .map_err(|error| meaning("read pinned certificates", error))?;
    let pinned = |(connector, sha256, at)| PinnedCertificate {
        connector,
        sha256,
        pinned_at: Timestamp::from_millis(at),
    };
    Ok(rows.into_iter().map(pinned).collect())
}

/// The session of an account that is kept.
pub(crate) async fn session(
    pool: &AnyPool,
    sealer: Sealer,
    owner: &SessionOwner,
) -> Result<Option<SecretString>, StoreError> {
    let row: Option<(String,)> = sqlx::query_as(SESSION)
        .bind(owner.host.as_str())
        .bind(owner.device.clone())
        .bind(owner.username.clone())
        .fetch_optional(pool)
        .await
        .map_err(|error| meaning("read the session on a device", error))?;
    row.map(|(sealed,)| sealer.open(&owner.place(), &sealed)).transpose()
}

/// The write behind [`Store::pin_certificate`](crate::Store::pin_certificate).
pub(crate) struct PinCertificate {
    pub(crate) host: Name,
    pub(crate) device: String,
    pub(crate) digest: String,
    pub(crate) now: Timestamp,
}

impl Write for PinCertificate {
    type Done = String;

    async fn run(self, turn: &mut Turn<'_>) -> Result<String, StoreError> {
        let failed = |error| meaning("pin a certificate", error);
        let added = sqlx::query(ADD_PIN)
            .bind(self.host.as_str())
            .bind(self.device.clone())
            .bind(self.digest.clone())
            .bind(self.now.as_millis())
            .execute(&mut *turn.connection)
            .await
            .map_err(failed)?;
        if added.rows_affected() > 0 {
            let Self { host, device, digest, now } = self;
            let message = format!("{device} showed its certificate first: SHA-256 {digest} is pinned");
            let draft = EventDraft::new(EventKind::PinChanged, Severity::Info, message);
            event::append(turn, Some(host), now, draft).await?;
            return Ok(digest);
        }
        let (digest, _): (String, i64) = sqlx::query_as(PIN)
            .bind(self.host.as_str())
            .bind(self.device)
            .fetch_one(&mut *turn.connection)
            .await
            .map_err(failed)?;
        Ok(digest)
    }
}

/// The write behind [`Store::forget_pins`](crate::Store::forget_pins).
pub(crate) struct ForgetPins {
    pub(crate) host: Name,
    /// Those of one device.
    pub(crate) device: Option<String>,
    pub(crate) now: Timestamp,
}

impl Write for ForgetPins {
    type Done = Vec<PinnedCertificate>;

    async fn run(self, turn: &mut Turn<'_>) -> Result<Vec<PinnedCertificate>, StoreError> {
        let mut forgotten = pins_of(&mut *turn.connection, &self.host).await?;
        forgotten.retain(|pin| self.device.as_ref().is_none_or(|device| *device == pin.connector));
        for PinnedCertificate { connector, sha256, .. } in &forgotten {
            sqlx::query(FORGET_PIN)
                .bind(self.host.as_str())
                .bind(connector.clone())
                .execute(&mut *turn.connection)
                .await
                .map_err(|error| meaning("forget pinned certificates", error))?;
            let message = format!(
                "{connector}: the pin of SHA-256 {sha256} is forgotten; what it shows next is pinned"
            );
            let draft = EventDraft::new(EventKind::PinChanged, Severity::Warning, message);
            event::append(turn, Some(self.host.clone()), self.now, draft).await?;
        }
        Ok(forgotten)
    }
}

/// The write behind [`Store::put_device_session`](crate::Store::put_device_session).
pub(crate) struct PutSession {
    pub(crate) owner: SessionOwner,
    pub(crate) session: Option<SecretString>,
    pub(crate) now: Timestamp,
}

impl Write for PutSession {
    type Done = ();

    async fn run(self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let Self { owner, session, now } = self;
        let sealed = session.map(|session| turn.sealer.seal(&owner.place(), &session)).transpose()?;
        let query = match &sealed {
            Some(_) => sqlx::query(PUT_SESSION),
            None => sqlx::query(FORGET_SESSION),
        };
        let query = query.bind(owner.host.as_str().to_owned()).bind(owner.device).bind(owner.username);
        let query = match sealed {
            Some(sealed) => query.bind(sealed).bind(now.as_millis()),
            None => query,
        };
        query
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("keep the session on a device", error))?;
        Ok(())
    }
}

/// Forgets what is kept of the ways to a host that is deleted: one of the same name later is another one.
pub(crate) async fn forget(connection: &mut AnyConnection, host: &Name) -> Result<(), StoreError> {
    for query in [FORGET_PINS, FORGET_SESSIONS] {
        sqlx::query(query)
            .bind(host.as_str())
            .execute(&mut *connection)
            .await
            .map_err(|error| meaning("forget the ways to a host", error))?;
    }
    Ok(())
}
