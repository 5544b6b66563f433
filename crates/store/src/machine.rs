//! Machines that booted over the network and are no hosts.

use ironhand_api::{MacAddress, Machine};
use sqlx::AnyPool;

use crate::StoreError;
use crate::column::{bigint, json, value};
use crate::sqlite::meaning;
use crate::writer::{Turn, Write};

const LIST: &str = "SELECT body FROM machines ORDER BY mac";

const PUT: &str = "INSERT INTO machines (mac, last_seen, body) VALUES ($1, $2, $3) \
    ON CONFLICT (mac) DO UPDATE SET last_seen = excluded.last_seen, body = excluded.body";

const DROP: &str = "DELETE FROM machines WHERE mac = $1";

/// Keeps the newest, so that whoever invents machines fills nothing.
const BOUND: &str = "DELETE FROM machines WHERE mac NOT IN \
    (SELECT mac FROM machines ORDER BY last_seen DESC, mac LIMIT $1)";

/// All of them, ordered by address.
pub(crate) async fn machines(pool: &AnyPool) -> Result<Vec<Machine>, StoreError> {
    let rows: Vec<(String,)> =
        sqlx::query_as(LIST).fetch_all(pool).await.map_err(|error| meaning("list machines", error))?;
    rows.into_iter().map(|(body,)| value(|| "a machine".to_owned(), &body)).collect()
}

/// The write behind [`Store::put_machines`](crate::Store::put_machines).
pub(crate) struct PutMachines {
    pub(crate) machines: Vec<Machine>,
    pub(crate) most: u64,
}

impl Write for PutMachines {
    type Done = ();

    async fn run(self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        for machine in self.machines {
            sqlx::query(PUT)
                .bind(machine.mac.to_string())
                .bind(machine.last_seen.as_millis())
                .bind(json(|| format!("machine {}", machine.mac), &machine)?)
                .execute(&mut *turn.connection)
                .await
                .map_err(|error| meaning("store a machine", error))?;
        }
        sqlx::query(BOUND)
            .bind(bigint(self.most))
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("forget old machines", error))?;
        Ok(())
    }
}

/// The write behind [`Store::drop_machine`](crate::Store::drop_machine).
pub(crate) struct DropMachine(pub(crate) MacAddress);

impl Write for DropMachine {
    type Done = bool;

    async fn run(self, turn: &mut Turn<'_>) -> Result<bool, StoreError> {
        let dropped = sqlx::query(DROP)
            .bind(self.0.to_string())
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("forget a machine", error))?;
        Ok(dropped.rows_affected() > 0)
    }
}
