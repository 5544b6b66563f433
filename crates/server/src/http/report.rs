//! How the recoveries of a span of time went.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use ironhand_api::{Host, Name, Report, Timestamp};
use ironhand_model::{ReportBuilder, Traits};
use ironhand_store::{IncidentQuery, ListQuery, RunQuery, RunsOf};
use serde::Deserialize;

use super::resource::{Json, Query};
use super::{Api, ApiError};
use crate::clock;

/// Records that are read at a time: what a span holds may be more than fits into memory.
const PAGE: u32 = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportQuery {
    since: Timestamp,
    until: Option<Timestamp>,
}

/// `GET /api/v1/report?since=..`: of what opened since then, and before `until` or now.
pub(super) async fn report(
    State(api): State<Arc<Api>>,
    Query(ReportQuery { since, until }): Query<ReportQuery>,
) -> Result<Json<Report>, ApiError> {
    let until = until.unwrap_or_else(clock::now);
    if until < since {
        return Err(ApiError::malformed("`until` lies before `since`"));
    }
    let hosts = api.store.list::<Host>(&ListQuery::default()).await?;
    let of_host = |host: Host| {
        let hardware = host.status.and_then(|status| status.hardware);
        (host.metadata.name, Traits { cluster: host.spec.cluster, hardware })
    };
    let traits: HashMap<Name, Traits> = hosts.items.into_iter().map(of_host).collect();
    // Of hosts that are gone.
    let nothing = Traits::default();
    let mut report = ReportBuilder::new(since, until);
    let mut next = None;
    loop {
        let query = IncidentQuery { limit: Some(PAGE), next, ..IncidentQuery::default() };
        let page = api.store.incidents(&query).await?;
        for incident in &page.items {
            report.incident(incident, traits.get(&incident.host).unwrap_or(&nothing));
        }
        // The newest come first, though several servers may have numbered them at the same time.
        let is_past = page.items.iter().all(|incident| incident.opened_at < since);
        next = page.next.filter(|_| !is_past);
        if next.is_none() {
            break;
        }
    }
    loop {
        let page = api.store.runs(&RunQuery { of: RunsOf::All, limit: Some(PAGE), next }).await?;
        page.items.iter().for_each(|run| report.run(run));
        let is_past = page.items.iter().all(|run| run.started_at < since);
        next = page.next.filter(|_| !is_past);
        if next.is_none() {
            break;
        }
    }
    Ok(Json(report.build()))
}
