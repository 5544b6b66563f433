//! `ironhand jobs` and `ironhand alerts`.

use ironhand_api::{Alert, Job, JobState, Severity};
use ironhand_client::{Client, RecordFilter};

use crate::args;
use crate::exit::Failure;
use crate::fence::words;
use crate::output::{Field, Output, Tone, age, clock, line, now};
use crate::select::host_name;

/// `ironhand jobs`.
pub async fn jobs(client: &Client, asked: &args::Jobs, output: Output) -> Result<(), Failure> {
    if let Some(id) = asked.id {
        let job = client.job(id).await?;
        if output.is_structured() {
            return output.value(&job);
        }
        show_job(&job, output);
        return Ok(());
    }
    let host = asked.host.as_deref().map(host_name).transpose()?;
    let jobs = client.jobs(&RecordFilter { host, open: asked.open, limit: None }).await?;
    let now = now();
    output.list(
        &jobs,
        &["id", "host", "work", "state", "asked by", "accepted", "took", "stands"],
        |job| job.id.to_string(),
        |job| {
            vec![
                job.id.to_string().into(),
                job.host.as_str().into(),
                job.work.to_string().into(),
                state_field(job.state),
                job.requested_by.as_str().into(),
                format!("{} ago", age(now, job.accepted_at)).into(),
                age(job.ended_at.unwrap_or(now), job.accepted_at).into(),
                job.detail.clone().unwrap_or_default().into(),
            ]
        },
    )
}

fn state_field(state: JobState) -> Field {
    let tone = match state {
        JobState::Done => Tone::Good,
        JobState::Queued | JobState::Running => Tone::Plain,
        JobState::Unknown => Tone::Warn,
        JobState::Failed => Tone::Bad,
    };
    Field::toned(state.to_string(), tone)
}

/// One job with what was tried and found.
fn show_job(job: &Job, output: Output) {
    line(&format!("job {}: {} of {}, asked by {}", job.id, job.work, job.host, job.requested_by));
    line(&format!("{}  accepted", clock(job.accepted_at)));
    for receipt in &job.receipts {
        let result = receipt.error.as_deref().unwrap_or("ok");
        line(&format!("          {} took {} ms: {result}", receipt.connector, receipt.took.as_millis()));
    }
    if let Some(report) = &job.fence {
        report.evidence.iter().for_each(|evidence| line(&words(evidence)));
    }
    for warning in &job.warnings {
        line(&format!("          warning: {warning}"));
    }
    let ended = job.ended_at.map_or_else(|| "        ".to_owned(), clock);
    let detail = job.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
    line(&format!("{ended}  {}{detail}", output.inline(&state_field(job.state))));
}

/// `ironhand alerts`.
pub async fn alerts(client: &Client, asked: &args::Alerts, output: Output) -> Result<(), Failure> {
    let host = asked.host.as_deref().map(host_name).transpose()?;
    let alerts = client.alerts(&RecordFilter { host, open: asked.open, limit: None }).await?;
    let now = now();
    output.list(
        &alerts,
        &["id", "host", "cause", "state", "opened", "told", "message"],
        |alert| alert.id.to_string(),
        |alert| {
            vec![
                alert.id.to_string().into(),
                alert.host.as_str().into(),
                alert.cause.to_string().replace('_', " ").into(),
                alert_state(alert, now),
                format!("{} ago", age(now, alert.opened_at)).into(),
                format!("{}, {} ago", times(alert.repeats + 1), age(now, alert.told_at)).into(),
                alert.message.as_str().into(),
            ]
        },
    )
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn alert_state(alert: &Alert, now: ironhand_api::Timestamp) -> Field {
    match (alert.cleared_at, alert.severity) {
        (Some(at), _) => Field::toned(format!("cleared {} ago", age(now, at)), Tone::Good),
        (None, Severity::Critical) => Field::toned("open", Tone::Bad),
        (None, _) => Field::toned("open", Tone::Warn),
    }
}
