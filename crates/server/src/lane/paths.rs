//! How the addresses of a host's devices fare, and which of them is in use.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ironhand_api::{Connector, Host, PathStatus, Timestamp};
use ironhand_connectors::{PathHealth, Standing};
use ironhand_model::Observation;

use crate::Settings;

/// An address that failed is tried again after so many readings at the latest.
const READINGS: u32 = 10;

/// How the addresses of a host's devices fare, by the names of the connectors. It outlives the lines.
#[derive(Default)]
pub(super) struct Paths(BTreeMap<String, PathHealth>);

impl Paths {
    /// Follows the manifest of a host.
    pub(super) fn keep(&mut self, host: &Host, settings: &Settings) {
        let mut known = std::mem::take(&mut self.0);
        let rest = settings.power_interval.saturating_mul(READINGS);
        let health = |connector: &Connector| {
            let name = connector.to_string();
            let health = known.remove(&name).unwrap_or_else(|| PathHealth::resting(rest));
            (name, health)
        };
        self.0 = host.spec.connectors.iter().map(health).collect();
    }

    /// How the addresses of one device fare.
    pub(super) fn of(&self, connector: &Connector) -> PathHealth {
        self.0.get(&connector.to_string()).cloned().unwrap_or_default()
    }

    /// The same as people see it; nothing where the device has one address and is reached directly.
    pub(super) fn status(&self, connector: &Connector) -> Vec<PathStatus> {
        if !has_several(connector) && connector.through.is_none() {
            return Vec::new();
        }
        let told = self.of(connector).standings(&connector.addresses()).into_iter().map(|one| {
            let (works, since, error) = match one.standing {
                Standing::Untried => (None, None, None),
                Standing::Works { since } => (Some(true), Some(timestamp(since)), None),
                Standing::Fails { since, error } => {
                    (Some(false), Some(timestamp(since)), Some(error.to_string()))
                }
            };
            PathStatus { address: one.address, in_use: one.in_use, works, since, error }
        });
        told.collect()
    }

    /// Over which address a device is spoken to now, where it has several and one of them works.
    pub(super) fn seen(&self, connector: &Connector) -> Option<Observation> {
        if !has_several(connector) {
            return None;
        }
        let health = self.of(connector);
        let address = health.in_use()?;
        let first = health.standings(std::slice::from_ref(&connector.address)).pop()?;
        let detail = (address != connector.address).then(|| match first.standing {
            Standing::Fails { error, .. } => error.to_string(),
            Standing::Untried | Standing::Works { .. } => format!("{} is not in use", connector.address),
        });
        Some(Observation::Path { address, detail })
    }
}

fn has_several(connector: &Connector) -> bool {
    !connector.backup_addresses.is_empty()
}

fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
