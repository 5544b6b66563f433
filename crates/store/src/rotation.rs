//! Changes of passwords: both secrets are durable, sealed, before a controller is told, and neither is let go before it
//! is known which one is valid.

use ironhand_api::{Event, Kind, Name, RotationPhase, Timestamp};
use secrecy::SecretString;
use sqlx::{AnyConnection, AnyPool, FromRow};

use crate::StoreError;
use crate::column::{bigint, unsigned, word};
use crate::lease;
use crate::record::Record;
use crate::resource::{fetch, parse_name};
use crate::seal::Sealer;
use crate::secret::{AccountSecret, SecretPlace};
use crate::sqlite::meaning;
use crate::writer::{Turn, Write};

const GET: &str = "SELECT job, username, phase, old_credential, old_sealed, new_sealed, attempts, changed_at \
    FROM rotations WHERE host = $1";

const PUT: &str = "INSERT INTO rotations (host, job, username, phase, old_credential, old_sealed, new_sealed, \
    attempts, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
    ON CONFLICT (host) DO UPDATE SET username = excluded.username, phase = excluded.phase, \
    old_credential = excluded.old_credential, old_sealed = excluded.old_sealed, \
    new_sealed = excluded.new_sealed, attempts = excluded.attempts, changed_at = excluded.changed_at";

const END: &str = "DELETE FROM rotations WHERE host = $1";

const SECRETS: &str = "SELECT username, sealed, previous, previous_until FROM host_secrets WHERE host = $1 \
    ORDER BY changed_at DESC, username";

const PUT_SECRET: &str = "INSERT INTO host_secrets (host, username, sealed, changed_at, previous, previous_until) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (host, username) DO UPDATE SET sealed = excluded.sealed, \
    changed_at = excluded.changed_at, previous = excluded.previous, previous_until = excluded.previous_until";

const DROP_PREVIOUS: &str = "UPDATE host_secrets SET previous = NULL, previous_until = NULL \
    WHERE previous_until IS NOT NULL AND previous_until <= $1";

/// The change of the password of one account of a host's controller. A host has at most one that is not over.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// The host.
    pub host: Name,
    /// The job that changes it.
    pub job: u64,
    /// The account.
    pub username: String,
    /// Where it stands.
    pub phase: RotationPhase,
    /// The credential that the old password came from; none where an earlier change gave it.
    pub old_credential: Option<Name>,
    /// The password that was valid before.
    pub old: SecretString,
    /// The password that is to be valid.
    pub new: SecretString,
    /// How often the controller was told.
    pub attempts: u32,
    /// When this was last written.
    pub changed_at: Timestamp,
}

/// How a [`Rotation`] ended. One that is indeterminate has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationEnded {
    /// The new password is valid and is used from now on.
    Committed {
        /// Until when the old one is kept.
        grace_until: Timestamp,
    },
    /// The old password is still valid and still used; the new one is dropped.
    RolledBack,
}

/// The password that a change has given to an account of a host's controller. It goes before the host's credentials.
#[derive(Clone, Debug)]
pub struct HostSecret {
    /// The account.
    pub username: String,
    /// Its password.
    pub password: SecretString,
    /// The password before it; kept until `previous_until`.
    pub previous: Option<SecretString>,
    /// When the grace of the password before it ends.
    pub previous_until: Option<Timestamp>,
}

#[derive(FromRow)]
struct Row {
    job: i64,
    username: String,
    phase: String,
    old_credential: Option<String>,
    old_sealed: String,
    new_sealed: String,
    attempts: i64,
    changed_at: i64,
}

impl Row {
    async fn of(connection: &mut AnyConnection, host: &Name) -> Result<Option<Self>, StoreError> {
        sqlx::query_as(GET)
            .bind(host.as_str())
            .fetch_optional(connection)
            .await
            .map_err(|error| meaning("read the change of a password", error))
    }

    fn rotation(self, sealer: &Sealer, host: &Name) -> Result<Rotation, StoreError> {
        let place = |which| SecretPlace::account(host, which, &self.username);
        Ok(Rotation {
            host: host.clone(),
            job: unsigned(self.job)?,
            phase: word(|| format!("phase of the change of the password of Host {host}"), self.phase)?,
            old_credential: self.old_credential.as_deref().map(parse_name).transpose()?,
            old: sealer.open(&place(AccountSecret::Old), &self.old_sealed)?,
            new: sealer.open(&place(AccountSecret::New), &self.new_sealed)?,
            attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX),
            changed_at: Timestamp::from_millis(self.changed_at),
            username: self.username,
        })
    }
}

/// The change of a password of a host that is not over.
pub(crate) async fn rotation(
    pool: &AnyPool,
    sealer: Sealer,
    host: &Name,
) -> Result<Option<Rotation>, StoreError> {
    let mut connection = pool.acquire().await.map_err(|error| meaning("connect", error))?;
    let row = Row::of(&mut connection, host).await?;
    row.map(|row| row.rotation(&sealer, host)).transpose()
}

/// The passwords that changes have given to the accounts of a host's controller, the newest first.
pub(crate) async fn host_secrets(
    pool: &AnyPool,
    sealer: Sealer,
    host: &Name,
) -> Result<Vec<HostSecret>, StoreError> {
    let rows: Vec<(String, String, Option<String>, Option<i64>)> = sqlx::query_as(SECRETS)
        .bind(host.as_str())
        .fetch_all(pool)
        .await
        .map_err(|error| meaning("read the passwords of a host", error))?;
    let secret = |(username, sealed, previous, until): (String, String, Option<String>, Option<i64>)| {
        let place = |which| SecretPlace::account(host, which, &username);
        let previous = previous.map(|text| sealer.open(&place(AccountSecret::Previous), &text));
        Ok(HostSecret {
            password: sealer.open(&place(AccountSecret::Valid), &sealed)?,
            previous: previous.transpose()?,
            previous_until: until.map(Timestamp::from_millis),
            username,
        })
    };
    rows.into_iter().map(secret).collect()
}

/// The write behind [`Store::put_rotation`](crate::Store::put_rotation).
pub(crate) struct PutRotation {
    pub(crate) rotation: Rotation,
    pub(crate) token: Option<u64>,
    pub(crate) now: Timestamp,
}

impl Write for PutRotation {
    type Done = ();

    async fn run(self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let Self { rotation, token, now } = self;
        let Rotation { host, job, username, phase, old_credential, old, new, attempts, .. } = rotation;
        lease::check(turn.connection, &host, token).await?;
        if fetch(turn.connection, Kind::Host, &host).await?.is_none() {
            return Err(StoreError::NotFound { kind: Kind::Host, name: host });
        }
        // Another change would take away secrets of which one may be the only one that is valid.
        if let Some(kept) = Row::of(turn.connection, &host).await?
            && kept.job != bigint(job)
        {
            return Err(StoreError::RotationOpen { host, job: unsigned(kept.job)? });
        }
        let place = |which| SecretPlace::account(&host, which, &username);
        let old = turn.sealer.seal(&place(AccountSecret::Old), &old)?;
        let new = turn.sealer.seal(&place(AccountSecret::New), &new)?;
        sqlx::query(PUT)
            .bind(host.as_str())
            .bind(bigint(job))
            .bind(username.clone())
            .bind(phase_word(phase))
            .bind(old_credential.as_ref().map(Name::to_string))
            .bind(old)
            .bind(new)
            .bind(i64::from(attempts))
            .bind(now.as_millis())
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("store the change of a password", error))?;
        Ok(())
    }
}

/// The word that stands for a phase in its column: the one that JSON carries.
const fn phase_word(phase: RotationPhase) -> &'static str {
    match phase {
        RotationPhase::Prepared => "prepared",
        RotationPhase::Sent => "sent",
        RotationPhase::Applied => "applied",
        RotationPhase::Committed => "committed",
        RotationPhase::RolledBack => "rolled_back",
        RotationPhase::Indeterminate => "indeterminate",
    }
}

/// The write behind [`Store::settle_rotation`](crate::Store::settle_rotation).
pub(crate) struct SettleRotation {
    pub(crate) host: Name,
    pub(crate) ended: RotationEnded,
    pub(crate) token: Option<u64>,
    pub(crate) record: Record,
}

impl Write for SettleRotation {
    type Done = Vec<Event>;

    async fn run(self, turn: &mut Turn<'_>) -> Result<Vec<Event>, StoreError> {
        let Self { host, ended, token, record } = self;
        lease::check(turn.connection, &host, token).await?;
        let row = Row::of(turn.connection, &host).await?;
        let row = row.ok_or_else(|| StoreError::NoRotation { host: host.clone() })?;
        if let RotationEnded::Committed { grace_until } = ended {
            let kept = row.rotation(turn.sealer, &host)?;
            let place = |which| SecretPlace::account(&host, which, &kept.username);
            let valid = turn.sealer.seal(&place(AccountSecret::Valid), &kept.new)?;
            let previous = turn.sealer.seal(&place(AccountSecret::Previous), &kept.old)?;
            sqlx::query(PUT_SECRET)
                .bind(host.as_str())
                .bind(kept.username.clone())
                .bind(valid)
                .bind(record.at.as_millis())
                .bind(previous)
                .bind(grace_until.as_millis())
                .execute(&mut *turn.connection)
                .await
                .map_err(|error| meaning("store the password of a host", error))?;
        }
        sqlx::query(END)
            .bind(host.as_str())
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("end the change of a password", error))?;
        record.run(turn).await
    }
}

/// Drops the passwords whose grace is over.
pub(crate) struct Prune {
    pub(crate) now: Timestamp,
}

impl Write for Prune {
    type Done = u64;

    async fn run(self, turn: &mut Turn<'_>) -> Result<u64, StoreError> {
        let dropped = sqlx::query(DROP_PREVIOUS)
            .bind(self.now.as_millis())
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("drop passwords whose grace is over", error))?;
        Ok(dropped.rows_affected())
    }
}
