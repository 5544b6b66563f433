//! The keys that an open store seals and opens with, and how one takes the place of another.
//!
//! A key is replaced in three steps, and after a crash between any two of them the next start goes on from where it
//! stopped:
//!
//! 1. The key file holds the old key and, below it, the new one. Everything in the database opens under the old one.
//! 2. One transaction seals everything under the new key, and notes in the database that it did.
//! 3. The key file holds the new key alone.
//!
//! Other handles on the same store see the note at the beginning of their next write and read the key file again, so
//! that nobody seals under a key that is gone.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use ironhand_api::{Credential, EventKind, Notifier, Repository, Secret, Severity, Timestamp};
use sqlx::AnyConnection;

use crate::StoreError;
use crate::directory;
use crate::event::{self, EventDraft};
use crate::list::READ_AT_ONCE;
use crate::notifier::secret_mut;
use crate::resource::{Row, Stored, parse_name};
use crate::seal::{KeyId, Sealer};
use crate::secret::{AccountSecret, NotifierField, SecretPlace};
use crate::sqlite::meaning;
use crate::writer::{Turn, Write, Writer};

const RESOURCES: &str = "SELECT name, labels, spec, version, created_at, NULL AS status FROM resources \
    WHERE kind = $1 AND name > $2 ORDER BY name LIMIT $3";

const PUT_SPEC: &str = "UPDATE resources SET spec = $1 WHERE kind = $2 AND name = $3";

const SECRETS: &str = "SELECT host, username, sealed, previous FROM host_secrets";

const PUT_SECRET: &str =
    "UPDATE host_secrets SET sealed = $1, previous = $2 WHERE host = $3 AND username = $4";

const ROTATIONS: &str = "SELECT host, username, old_sealed, new_sealed FROM rotations";

const SESSIONS: &str = "SELECT host, device, username, sealed FROM device_sessions";

const PUT_SESSION: &str =
    "UPDATE device_sessions SET sealed = $1 WHERE host = $2 AND device = $3 AND username = $4";

const PUT_ROTATION: &str = "UPDATE rotations SET old_sealed = $1, new_sealed = $2 WHERE host = $3";

/// The keys of an open store, and where they come from.
pub(crate) struct Keyring {
    sealer: RwLock<Sealer>,
    /// The data directory whose key file holds the keys; none where the key was given as a value.
    directory: Option<PathBuf>,
}

impl Keyring {
    pub(crate) const fn new(sealer: Sealer, directory: Option<PathBuf>) -> Self {
        Self { sealer: RwLock::new(sealer), directory }
    }

    /// The keys of now.
    pub(crate) fn sealer(&self) -> Sealer {
        self.sealer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Uses other keys from now on.
    pub(crate) fn put(&self, sealer: Sealer) {
        *self.sealer.write().unwrap_or_else(PoisonError::into_inner) = sealer;
    }

    /// Reads the key file again, where the keys come from there: another handle may have replaced the key.
    pub(crate) async fn reload(&self) -> Result<Sealer, StoreError> {
        let Some(directory) = self.directory.clone() else { return Ok(self.sealer()) };
        let sealer = blocking(move || directory::sealer_from_file(&directory)).await?;
        self.put(sealer.clone());
        Ok(sealer)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Closed)?
}

/// Replaces the key. See [`Store::rotate_key`](crate::Store::rotate_key).
pub(crate) async fn rotate(
    keyring: Arc<Keyring>,
    writer: Writer,
    now: Timestamp,
) -> Result<KeyId, StoreError> {
    let Some(directory) = keyring.directory.clone() else { return Err(StoreError::KeyGiven) };
    let (lock, both) = blocking(move || {
        let lock = directory::lock(&directory)?;
        Ok((lock, directory::add_key(&directory)?))
    })
    .await?;
    let replaced = replace(&keyring, &writer, &both, now).await;
    drop(lock);
    replaced
}

/// Finishes the replacement of a key that a crash has stopped. The data directory must be locked.
pub(crate) async fn finish(keyring: &Keyring, writer: &Writer) -> Result<(), StoreError> {
    let Some(directory) = keyring.directory.clone() else { return Ok(()) };
    let (both, begun) = blocking(move || {
        Ok((directory::sealer_from_file(&directory)?, directory::key_written_at(&directory)?))
    })
    .await?;
    if both.has_other() {
        replace(keyring, writer, &both, begun).await?;
    }
    Ok(())
}

/// The second and the third step.
async fn replace(
    keyring: &Keyring,
    writer: &Writer,
    both: &Sealer,
    now: Timestamp,
) -> Result<KeyId, StoreError> {
    let Some(directory) = keyring.directory.clone() else { return Err(StoreError::KeyGiven) };
    writer.write(Reseal { sealer: both.turned(), now }).await?;
    let sealer = blocking(move || directory::drop_old_key(&directory)).await?;
    let id = sealer.id();
    keyring.put(sealer);
    Ok(id)
}

/// Seals everything under the key that seals in `sealer`, which opens what is sealed under the one before.
struct Reseal {
    sealer: Sealer,
    now: Timestamp,
}

impl Write for Reseal {
    type Done = ();

    async fn run(self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let Self { sealer, now } = self;
        let id = sealer.id();
        if turn.sequences.sealed_under == Some(id) {
            return Ok(());
        }
        let mut tally = Tally::default();
        resources::<Credential>(turn.connection, &mut |credential| {
            let place = SecretPlace::credential(&credential.metadata.name);
            tally.secret(&sealer, &place, Some(&mut credential.spec.password))
        })
        .await?;
        resources::<Notifier>(turn.connection, &mut |notifier| {
            let mut changed = false;
            for field in [NotifierField::WebhookSecret, NotifierField::EmailPassword] {
                let place = SecretPlace::notifier(&notifier.metadata.name, field);
                let secret = secret_mut(notifier, field).and_then(Option::as_mut);
                changed |= tally.secret(&sealer, &place, secret)?;
            }
            Ok(changed)
        })
        .await?;
        resources::<Repository>(turn.connection, &mut |repository| {
            let place = SecretPlace::repository(&repository.metadata.name);
            let secret = repository.spec.webhook.as_mut().map(|webhook| &mut webhook.secret);
            tally.secret(&sealer, &place, secret)
        })
        .await?;
        host_secrets(turn.connection, &sealer, &mut tally).await?;
        rotations(turn.connection, &sealer, &mut tally).await?;
        sessions(turn.connection, &sealer, &mut tally).await?;
        turn.sequences.sealed_under = Some(id);
        *turn.sealer = sealer;
        let draft = tally.event(id);
        event::append(turn, None, now, draft).await?;
        Ok(())
    }
}

/// How many secrets were sealed anew.
#[derive(Default)]
struct Tally {
    done: u64,
    left: u64,
}

impl Tally {
    /// Seals a text anew. One that does not open stays: it is lost already unless its own key is found again.
    fn text(
        &mut self,
        sealer: &Sealer,
        place: &SecretPlace,
        sealed: &mut String,
    ) -> Result<bool, StoreError> {
        let Ok(plain) = sealer.open(place, sealed) else {
            self.left += 1;
            return Ok(false);
        };
        *sealed = sealer.seal(place, &plain)?;
        self.done += 1;
        Ok(true)
    }

    fn secret(
        &mut self,
        sealer: &Sealer,
        place: &SecretPlace,
        secret: Option<&mut Secret>,
    ) -> Result<bool, StoreError> {
        match secret {
            Some(Secret::Sealed(text)) => self.text(sealer, place, text),
            _ => Ok(false),
        }
    }

    fn event(&self, id: KeyId) -> EventDraft {
        let Self { done, left } = self;
        let sealed = format!("{done} secrets were sealed anew under key {id}");
        let (severity, message) = match left {
            0 => (Severity::Info, sealed),
            _ => (
                Severity::Warning,
                format!("{sealed}; {left} did not open before either and stay as they are"),
            ),
        };
        EventDraft::new(EventKind::KeyRotated, severity, message)
    }
}

/// Goes through the resources of a kind, and stores those that `seal` says it has changed.
async fn resources<T: Stored>(
    connection: &mut AnyConnection,
    seal: &mut (dyn FnMut(&mut T) -> Result<bool, StoreError> + Send),
) -> Result<(), StoreError> {
    let failed = |error| meaning("seal resources anew", error);
    let mut after = String::new();
    loop {
        let rows: Vec<Row> = sqlx::query_as(RESOURCES)
            .bind(T::KIND.to_string())
            .bind(after)
            .bind(i64::from(READ_AT_ONCE))
            .fetch_all(&mut *connection)
            .await
            .map_err(failed)?;
        for row in &rows {
            // A row that cannot be understood has nothing that could be opened.
            let Ok(mut resource) = row.resource::<T>() else { continue };
            if !seal(&mut resource)? {
                continue;
            }
            sqlx::query(PUT_SPEC)
                .bind(resource.spec_json()?)
                .bind(T::KIND.to_string())
                .bind(row.name.clone())
                .execute(&mut *connection)
                .await
                .map_err(failed)?;
        }
        match rows.into_iter().next_back() {
            Some(last) => after = last.name,
            None => return Ok(()),
        }
    }
}

async fn host_secrets(
    connection: &mut AnyConnection,
    sealer: &Sealer,
    tally: &mut Tally,
) -> Result<(), StoreError> {
    let failed = |error| meaning("seal the passwords of hosts anew", error);
    let rows: Vec<(String, String, String, Option<String>)> =
        sqlx::query_as(SECRETS).fetch_all(&mut *connection).await.map_err(failed)?;
    for (host, username, mut sealed, mut previous) in rows {
        let name = parse_name(&host)?;
        let place = |which| SecretPlace::account(&name, which, &username);
        let mut changed = tally.text(sealer, &place(AccountSecret::Valid), &mut sealed)?;
        if let Some(previous) = &mut previous {
            changed |= tally.text(sealer, &place(AccountSecret::Previous), previous)?;
        }
        if changed {
            sqlx::query(PUT_SECRET)
                .bind(sealed)
                .bind(previous)
                .bind(host)
                .bind(username)
                .execute(&mut *connection)
                .await
                .map_err(failed)?;
        }
    }
    Ok(())
}

async fn rotations(
    connection: &mut AnyConnection,
    sealer: &Sealer,
    tally: &mut Tally,
) -> Result<(), StoreError> {
    let failed = |error| meaning("seal the changes of passwords anew", error);
    let rows: Vec<(String, String, String, String)> =
        sqlx::query_as(ROTATIONS).fetch_all(&mut *connection).await.map_err(failed)?;
    for (host, username, mut old, mut new) in rows {
        let name = parse_name(&host)?;
        let place = |which| SecretPlace::account(&name, which, &username);
        let old_changed = tally.text(sealer, &place(AccountSecret::Old), &mut old)?;
        let new_changed = tally.text(sealer, &place(AccountSecret::New), &mut new)?;
        if old_changed || new_changed {
            sqlx::query(PUT_ROTATION)
                .bind(old)
                .bind(new)
                .bind(host)
                .execute(&mut *connection)
                .await
                .map_err(failed)?;
        }
    }
    Ok(())
}

async fn sessions(
    connection: &mut AnyConnection,
    sealer: &Sealer,
    tally: &mut Tally,
) -> Result<(), StoreError> {
    let failed = |error| meaning("seal the sessions on devices anew", error);
    let rows: Vec<(String, String, String, String)> =
        sqlx::query_as(SESSIONS).fetch_all(&mut *connection).await.map_err(failed)?;
    for (host, device, username, mut sealed) in rows {
        let place = SecretPlace::session(&parse_name(&host)?, &device, &username);
        if tally.text(sealer, &place, &mut sealed)? {
            sqlx::query(PUT_SESSION)
                .bind(sealed)
                .bind(host)
                .bind(device)
                .bind(username)
                .execute(&mut *connection)
                .await
                .map_err(failed)?;
        }
    }
    Ok(())
}
