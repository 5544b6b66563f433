//! Notifiers: applied like everything else, and tested.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use ironhand_api::{Fault, Flow, Kind, Manifest, Name, Notifier, NotifierReport, Webhook};
use ironhand_store::{ListQuery, StoreError};

use super::resource::{Applicable, Json, name};
use super::{Api, ApiError};
use crate::notify::{self, NotifyError};

impl Applicable for Notifier {
    fn from_manifest(manifest: Manifest) -> Option<Self> {
        match manifest {
            Manifest::Notifier(notifier) => Some(notifier),
            _ => None,
        }
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = notify::faults(&self.spec);
        if self.spec.webhook.as_ref().is_some_and(Webhook::is_incomplete) {
            faults.push("webhook.url: `***` stands for what is not shown; write the whole URL".to_owned());
        }
        faults
    }

    fn freshen(&mut self, _api: &Api) {
        if let Some(webhook) = &mut self.spec.webhook {
            webhook.url = webhook.shown_url();
        }
    }

    async fn users(api: &Api, name: &Name) -> Result<Vec<Name>, StoreError> {
        let kept = api.store.list::<Flow>(&ListQuery::default()).await?.items;
        let users = kept.into_iter().filter(|flow| flow.tells().contains(name));
        Ok(users.map(|flow| flow.metadata.name).collect())
    }

    fn same(&self, other: &Self) -> bool {
        let (one, other_spec) = (self.to_transport(), other.to_transport());
        self.metadata.labels == other.metadata.labels && one["spec"] == other_spec["spec"]
    }

    async fn applied(api: &Api, notifier: &Self) -> Result<(), StoreError> {
        api.notifiers.apply(notifier.clone()).await
    }

    async fn deleted(api: &Api, name: &Name) -> Result<(), StoreError> {
        api.notifiers.end(name).await;
        Ok(())
    }
}

/// `POST /api/v1/notifiers/{name}/test`: tells the notifier an event of its own, and answers what came of it.
pub(super) async fn test(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<Json<NotifierReport>, ApiError> {
    let name = name(&text)?;
    let found: Option<Notifier> = api.store.get(&name).await?;
    let notifier = found.ok_or_else(|| ApiError::no_such(Kind::Notifier, &name))?;
    Ok(Json(api.notifiers.test(&notifier).await?))
}

impl From<NotifyError> for ApiError {
    fn from(error: NotifyError) -> Self {
        let status = match error.fault() {
            Fault::Caller => StatusCode::UNPROCESSABLE_ENTITY,
            Fault::Server => StatusCode::INTERNAL_SERVER_ERROR,
            Fault::Device | Fault::Network if matches!(error, NotifyError::TimedOut { .. }) => {
                StatusCode::GATEWAY_TIMEOUT
            }
            Fault::Device | Fault::Network => StatusCode::BAD_GATEWAY,
        };
        let mut reply = Self::new(status, error.code(), error.fault(), error.to_string());
        if let Some(hint) = error.hint() {
            reply = reply.hint(hint);
        }
        if error.passes() { reply.retry() } else { reply }
    }
}
