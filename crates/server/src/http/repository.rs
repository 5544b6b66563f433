//! Repositories that are followed: applied like everything else, looked at when asked, and told of pushes.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ironhand_api::{Fault, Kind, Manifest, Name, Repository, SyncTicket};
use ironhand_store::StoreError;

use super::resource::{Applicable, Json, body, name};
use super::{Api, ApiError};
use crate::repository::Judged;

impl Applicable for Repository {
    fn from_manifest(manifest: Manifest) -> Option<Self> {
        match manifest {
            Manifest::Repository(repository) => Some(repository),
            _ => None,
        }
    }

    fn same(&self, other: &Self) -> bool {
        let (one, other_spec) = (self.to_transport(), other.to_transport());
        self.metadata.labels == other.metadata.labels && one["spec"] == other_spec["spec"]
    }

    async fn applied(api: &Api, repository: &Self) -> Result<(), StoreError> {
        api.repositories.apply(repository.clone()).await;
        Ok(())
    }

    async fn deleted(api: &Api, name: &Name) -> Result<(), StoreError> {
        api.repositories.end(name).await;
        Ok(())
    }
}

/// `POST /api/v1/repositories/{name}/sync`: has the repository looked at now, whichever server follows it.
pub(super) async fn sync(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<(StatusCode, Json<SyncTicket>), ApiError> {
    let ticket = api.repositories.want(&name(&text)?).await?;
    Ok((StatusCode::ACCEPTED, Json(SyncTicket { ticket })))
}

/// `POST /api/v1/repositories/{name}/webhook`: the same, for the program that serves the repository. What the body says
/// is not believed: the repository itself is looked at.
pub(super) async fn webhook(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    headers: HeaderMap,
    received: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<SyncTicket>), ApiError> {
    let name = name(&text)?;
    let received = body(received)?;
    let secret = api.store.repository_secret(&name).await?.ok_or_else(|| {
        let detail = format!("the {} `{name}` takes no webhook", Kind::Repository);
        ApiError::new(StatusCode::NOT_FOUND, "repository.no_webhook", Fault::Caller, detail)
            .hint("give it `webhook: { secret: ... }`")
    })?;
    let refused =
        |code: &str, detail: &str| ApiError::new(StatusCode::FORBIDDEN, code, Fault::Caller, detail);
    match api.repositories.knocks().judge(&name, &secret, &headers, &received, Instant::now()) {
        Judged::Taken => {}
        Judged::Unsigned => {
            let hint =
                "X-Hub-Signature-256 (GitHub), X-Gitea-Signature (Gitea, Forgejo) or X-Gitlab-Token (GitLab)";
            return Err(refused("webhook.unsigned", "the request carries no signature").hint(hint));
        }
        Judged::Forged => {
            let hint = "the secret there must be the one of `webhook` of the repository";
            return Err(refused("webhook.forged", "the signature is not made with the secret").hint(hint));
        }
        Judged::TooMany => {
            let detail = "too many requests came within a minute";
            return Err(ApiError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "webhook.too_many",
                Fault::Caller,
                detail,
            )
            .retry());
        }
    }
    let ticket = api.repositories.want(&name).await?;
    Ok((StatusCode::ACCEPTED, Json(SyncTicket { ticket })))
}
