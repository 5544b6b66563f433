//! `ironhand password rotate`. No password is ever printed, not even one that the server made.

use ironhand_api::{Job, JobState, PasswordRequest};
use ironhand_client::Client;

use crate::args;
use crate::exit::Failure;
use crate::files::read_password;
use crate::many::{Outcome, Pace, each};
use crate::output::Output;
use crate::select::selected;

/// `ironhand password rotate`.
pub async fn rotate(client: &Client, asked: &args::Rotate, output: Output) -> Result<(), Failure> {
    let new = asked.new_from.as_deref().map(read_password).transpose()?;
    let hosts = selected(client, &asked.selector).await?;
    let request = PasswordRequest { user: asked.user.clone(), new, wait: true };
    let pace = Pace {
        at_once: asked.at_once.into(),
        most_failures: Some(usize::try_from(asked.max_failures).unwrap_or(usize::MAX)),
        ..Pace::default()
    };
    each(client, &hosts, pace, output, async |host| client.rotate_password(&host, &request).await.map(told))
        .await
}

/// What became of a change.
fn told(job: Job) -> Outcome {
    let Job { id, state, detail, code, warnings, .. } = job;
    let outcome = match state {
        JobState::Done => Outcome::done(detail.unwrap_or_else(|| "password changed".to_owned())),
        JobState::Queued | JobState::Running => Outcome::done(format!("job {id}: {state}")),
        JobState::Failed => Outcome::failed(detail.unwrap_or_else(|| "password not changed".to_owned())),
        JobState::Unknown => {
            Outcome::failed(detail.unwrap_or_else(|| "nobody knows which password is valid".to_owned()))
        }
    };
    Outcome { job: Some(id), code, warnings, ..outcome }
}
