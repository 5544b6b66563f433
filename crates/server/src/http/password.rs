//! Changing the password of a controller's account.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use ironhand_api::PasswordRequest;
use ironhand_model::check_new_password;
use secrecy::ExposeSecret;

use super::action::lane;
use super::resource::{Json, body};
use super::{Api, ApiError};
use crate::lane::Action;
use crate::rotation::{LONGEST, PasswordOrder};

/// `POST /api/v1/hosts/{name}/password`: the job. It is begun when its turn comes, as many hosts may be asked for at
/// once; without `wait`, it is answered then, and not when it has ended.
pub(super) async fn rotate(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    received: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let (_, lane) = lane(&api, &text).await?;
    let PasswordRequest { user, new, wait } = parse(&body(received)?)?;
    if let Some(new) = &new {
        check_new_password(new.expose_secret(), LONGEST)
            .map_err(|fault| ApiError::invalid("password.invalid", &[fault.to_string()]))?;
    }
    let turn = api.fleet.turns().take().await.ok_or_else(ApiError::stopping)?;
    let action = Action::Rotate(PasswordOrder::new(user, new, turn));
    if wait {
        let job = lane.act(action).await?.job.unwrap_or_default();
        let kept = api.store.job(job).await?;
        let kept = kept.ok_or_else(|| ApiError::no_such_record("job", &job.to_string()))?;
        return Ok(Json(kept).into_response());
    }
    let job = lane.submit(action).await?;
    let location = [(header::LOCATION, format!("/api/v1/jobs/{}", job.id))];
    Ok((StatusCode::ACCEPTED, location, Json(job)).into_response())
}

/// Reads the body. What is wrong with it is told without its words: one of them may be the password.
fn parse(body: &[u8]) -> Result<PasswordRequest, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let fields = "user and new, which are texts, and wait, which is true or false";
        ApiError::malformed(format!("the body, at line {line}, column {column}: it may only have {fields}"))
    })
}
