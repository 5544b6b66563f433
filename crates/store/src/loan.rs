//! What was switched on at a device for the time of need: durable before the device is told, so that a server that was
//! killed meanwhile puts it back.

use ironhand_api::{Name, Timestamp};
use sqlx::{AnyConnection, AnyPool};

use crate::StoreError;
use crate::sqlite::meaning;
use crate::writer::{Turn, Write};

const GET: &str = "SELECT state_before FROM device_loans WHERE host = $1 AND device = $2";

/// The first one counts: it alone knows how the device was.
const ADD: &str = "INSERT INTO device_loans (host, device, state_before, begun_at) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (host, device) DO NOTHING";

const END: &str = "DELETE FROM device_loans WHERE host = $1 AND device = $2";

const FORGET: &str = "DELETE FROM device_loans WHERE host = $1";

/// How the device was before.
pub(crate) async fn loan(pool: &AnyPool, host: &Name, device: &str) -> Result<Option<String>, StoreError> {
    let row: Option<(String,)> = sqlx::query_as(GET)
        .bind(host.as_str())
        .bind(device.to_owned())
        .fetch_optional(pool)
        .await
        .map_err(|error| meaning("read what was switched on", error))?;
    Ok(row.map(|(before,)| before))
}

/// The writes behind [`Store::begin_loan`](crate::Store::begin_loan) and [`Store::end_loan`](crate::Store::end_loan).
pub(crate) struct PutLoan {
    pub(crate) host: Name,
    pub(crate) device: String,
    /// How the device was; none where it is so again.
    pub(crate) before: Option<String>,
    pub(crate) now: Timestamp,
}

impl Write for PutLoan {
    type Done = ();

    async fn run(self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let Self { host, device, before, now } = self;
        let query = match before {
            Some(before) => sqlx::query(ADD)
                .bind(host.as_str().to_owned())
                .bind(device)
                .bind(before)
                .bind(now.as_millis()),
            None => sqlx::query(END).bind(host.as_str().to_owned()).bind(device),
        };
        query
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("keep what was switched on", error))?;
        Ok(())
    }
}

/// Forgets those of a host that is deleted.
pub(crate) async fn forget(connection: &mut AnyConnection, host: &Name) -> Result<(), StoreError> {
    sqlx::query(FORGET)
        .bind(host.as_str())
        .execute(connection)
        .await
        .map_err(|error| meaning("forget what was switched on", error))?;
    Ok(())
}
