//! The servers that share the store, and the key that it is sealed under.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use ironhand_api::{KeyRotation, List, ServerStatus};

use super::resource::Json;
use super::{Api, ApiError};
use crate::clock;

/// `GET /api/v1/servers`: those that hosts belong to, by name.
pub(super) async fn servers(State(api): State<Arc<Api>>) -> Result<Json<List<ServerStatus>>, ApiError> {
    let now = clock::now();
    let mut servers = BTreeMap::<String, ServerStatus>::new();
    for lease in api.store.leases().await? {
        if lease.expires_at <= now {
            continue;
        }
        let server = servers.entry(lease.owner).or_insert_with_key(|name| ServerStatus {
            name: name.clone(),
            hosts: 0,
            expires_at: lease.expires_at,
            answers: name == api.fleet.leases().owner(),
        });
        server.hosts += 1;
        server.expires_at = server.expires_at.min(lease.expires_at);
    }
    Ok(Json(List { items: servers.into_values().collect(), next: None }))
}

/// `POST /api/v1/key/rotate`: everything that is sealed is sealed anew.
pub(super) async fn rotate_key(State(api): State<Arc<Api>>) -> Result<Json<KeyRotation>, ApiError> {
    let key = api.store.rotate_key(clock::now()).await?;
    Ok(Json(KeyRotation { key: key.to_string() }))
}
