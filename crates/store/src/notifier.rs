//! Notifiers, with their secrets sealed, and how far each was told.

use std::collections::BTreeSet;
use std::time::Duration;

use ironhand_api::{Kind, Metadata, Name, Notifier, Secret, Timestamp};
use sqlx::{AnyConnection, AnyPool, FromRow};

use crate::StoreError;
use crate::column::{bigint, json, unsigned, value};
use crate::resource::{Resource, Stored};
use crate::seal::Sealer;
use crate::secret::{NotifierField, SecretPlace, settle};
use crate::sqlite::meaning;
use crate::writer::{Turn, Write};

const GET: &str =
    "SELECT told_event, failing_since, attempts, last_error FROM deliveries WHERE notifier = $1";

/// Finds nothing to insert where the notifier was deleted meanwhile.
const PUT: &str = "INSERT INTO deliveries (notifier, told_event, failing_since, attempts, last_error) \
    SELECT name, $2, $3, $4, $5 FROM resources WHERE kind = 'Notifier' AND name = $1 \
    ON CONFLICT (notifier) DO UPDATE SET told_event = excluded.told_event, \
    failing_since = excluded.failing_since, attempts = excluded.attempts, last_error = excluded.last_error";

/// Takes a notifier that nobody tells, or whose teller has fallen silent; renews one's own.
const CLAIM: &str = "UPDATE deliveries SET owner = $2, expires_at = $3 WHERE notifier = $1 \
    AND (owner IS NULL OR owner = $2 OR expires_at <= $4)";

const RELEASE: &str =
    "UPDATE deliveries SET owner = NULL, expires_at = NULL WHERE notifier = $1 AND owner = $2";

const FORGET: &str = "DELETE FROM deliveries WHERE notifier = $1";

impl Resource for Notifier {}

impl Stored for Notifier {
    const KIND: Kind = Kind::Notifier;

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn references(&self) -> BTreeSet<(Kind, Name)> {
        BTreeSet::new()
    }

    fn settle(mut self, sealer: &Sealer, kept: Option<&Self>) -> Result<Self, StoreError> {
        for field in [NotifierField::WebhookSecret, NotifierField::EmailPassword] {
            let place = SecretPlace::notifier(&self.metadata.name, field);
            if let Some(secret) = secret_mut(&mut self, field)
                && let Some(given) = secret.take()
            {
                let kept = kept.and_then(|kept| secret_of(kept, field));
                *secret = Some(settle(sealer, &place, given, kept)?);
            }
        }
        Ok(self)
    }

    fn spec_json(&self) -> Result<String, StoreError> {
        json(|| format!("Notifier {}", self.metadata.name), &self.spec)
    }

    fn assemble(metadata: Metadata, spec: &str, _: Option<&str>) -> Result<Self, StoreError> {
        let spec = value(|| format!("Notifier {}", metadata.name), spec)?;
        Ok(Self { metadata, spec })
    }
}

/// Where a notifier has the secret of `field`; none where it tells in another way.
pub(crate) fn secret_mut(notifier: &mut Notifier, field: NotifierField) -> Option<&mut Option<Secret>> {
    match field {
        NotifierField::WebhookSecret => notifier.spec.webhook.as_mut().map(|webhook| &mut webhook.secret),
        NotifierField::EmailPassword => notifier.spec.email.as_mut().map(|email| &mut email.password),
    }
}

/// The secret of `field`.
pub(crate) fn secret_of(notifier: &Notifier, field: NotifierField) -> Option<&Secret> {
    match field {
        NotifierField::WebhookSecret => notifier.spec.webhook.as_ref()?.secret.as_ref(),
        NotifierField::EmailPassword => notifier.spec.email.as_ref()?.password.as_ref(),
    }
}

/// How far a notifier was told, and since when it cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The notifier.
    pub notifier: Name,
    /// The id of the last event that it was told, or did not ask for.
    pub told_event: u64,
    /// Since when it cannot be told; absent while it can.
    pub failing_since: Option<Timestamp>,
    /// How often the next event was tried without success.
    pub attempts: u32,
    /// Why the last try failed, in words.
    pub last_error: Option<String>,
}

/// How far a notifier was told; none where it was never told anything.
pub(crate) async fn delivery(pool: &AnyPool, notifier: &Name) -> Result<Option<Delivery>, StoreError> {
    let row: Option<Row> = sqlx::query_as(GET)
        .bind(notifier.as_str())
        .fetch_optional(pool)
        .await
        .map_err(|error| meaning("read how far a notifier was told", error))?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Delivery {
        notifier: notifier.clone(),
        told_event: unsigned(row.told_event)?,
        failing_since: row.failing_since.map(Timestamp::from_millis),
        attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        last_error: row.last_error,
    }))
}

#[derive(FromRow)]
struct Row {
    told_event: i64,
    failing_since: Option<i64>,
    attempts: i64,
    last_error: Option<String>,
}

/// The write behind [`Store::put_delivery`](crate::Store::put_delivery).
pub(crate) struct PutDelivery(pub(crate) Delivery);

impl Write for PutDelivery {
    type Done = ();

    async fn run(self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let Delivery { notifier, told_event, failing_since, attempts, last_error } = self.0;
        sqlx::query(PUT)
            .bind(notifier.as_str())
            .bind(bigint(told_event))
            .bind(failing_since.map(Timestamp::as_millis))
            .bind(i64::from(attempts))
            .bind(last_error)
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("store how far a notifier was told", error))?;
        Ok(())
    }
}

/// The write behind [`Store::claim_delivery`](crate::Store::claim_delivery).
pub(crate) struct ClaimDelivery {
    pub(crate) notifier: Name,
    pub(crate) owner: String,
    pub(crate) now: Timestamp,
    pub(crate) ttl: Duration,
}

impl Write for ClaimDelivery {
    type Done = bool;

    async fn run(self, turn: &mut Turn<'_>) -> Result<bool, StoreError> {
        let Self { notifier, owner, now, ttl } = self;
        let claimed = sqlx::query(CLAIM)
            .bind(notifier.as_str())
            .bind(owner)
            .bind(now.after(ttl).as_millis())
            .bind(now.as_millis())
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("take the telling of a notifier", error))?;
        Ok(claimed.rows_affected() > 0)
    }
}

/// The write behind [`Store::release_delivery`](crate::Store::release_delivery).
pub(crate) struct ReleaseDelivery {
    pub(crate) notifier: Name,
    pub(crate) owner: String,
}

impl Write for ReleaseDelivery {
    type Done = ();

    async fn run(self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        sqlx::query(RELEASE)
            .bind(self.notifier.as_str())
            .bind(self.owner)
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("give up the telling of a notifier", error))?;
        Ok(())
    }
}

/// Forgets how far a notifier was told that is deleted: one of the same name later is another one.
pub(crate) async fn forget(connection: &mut AnyConnection, notifier: &Name) -> Result<(), StoreError> {
    sqlx::query(FORGET)
        .bind(notifier.as_str())
        .execute(connection)
        .await
        .map_err(|error| meaning("forget how far a notifier was told", error))?;
    Ok(())
}
