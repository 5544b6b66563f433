//! `ironhand recover`: flows that a person runs by hand, on one host or many.

use std::time::{Duration, Instant};

use ironhand_api::{PlannedStep, RecoverPlan, RecoverRequest, Run, RunState, Span};
use ironhand_client::{Client, Error};

use crate::args;
use crate::console::myself;
use crate::exit::Failure;
use crate::many::{Block, Outcome, Pace, each};
use crate::output::{Field, Output, Tone};
use crate::select::{host_name, selected};

/// Between two looks at a run that is waited for: as often as a person notices, and little for the server.
const LOOK: Duration = Duration::from_millis(500);

/// The exit code of what did not end in time.
const TIMED_OUT: u8 = 5;

/// `ironhand recover`.
pub async fn recover(client: &Client, asked: &args::Recover, output: Output) -> Result<(), Failure> {
    let request = RecoverRequest {
        by: asked.by.clone().unwrap_or_else(myself),
        reason: asked.reason.clone(),
        flow: asked.flow.as_deref().map(host_name).transpose()?,
        force: asked.force,
        dry_run: asked.dry_run,
    };
    let hosts = selected(client, &asked.selector).await?;
    let at_once = usize::from(asked.at_once);
    if asked.dry_run {
        let pace = Pace { at_once, ..Pace::reading() };
        return each(client, &hosts, pace, output, async |host| {
            client.plan_recovery(&host, &request).await.map(planned)
        })
        .await;
    }
    // A limit of how many at once means nothing unless the ends are waited for.
    let waits = asked.wait || hosts.len() > at_once;
    let pace = Pace { at_once, ..Pace::default() };
    each(client, &hosts, pace, output, async |host| {
        let run = client.recover(&host, &request).await?;
        if waits { ended(client, run, asked.timeout).await } else { Ok(begun(&run)) }
    })
    .await
}

fn begun(run: &Run) -> Outcome {
    Outcome { run: Some(run.id), ..Outcome::done(format!("run {}: flow {} begins", run.id, run.flow)) }
}

/// Waits until the run has ended.
async fn ended(client: &Client, mut run: Run, limit: Span) -> Result<Outcome, Error> {
    let begun = Instant::now();
    while run.state == RunState::Running {
        if begun.elapsed() >= limit.duration() {
            let words = format!("run {} goes on after {limit}: {}", run.id, run.reason);
            let code = Some("run.timed_out".to_owned());
            return Ok(Outcome { run: Some(run.id), code, exit: TIMED_OUT, ..Outcome::failed(words) });
        }
        tokio::time::sleep(LOOK).await;
        run = client.run(run.id).await?;
    }
    let words = format!("run {}: flow {} {}: {}", run.id, run.flow, run.state, run.reason);
    let outcome = match run.state {
        RunState::Succeeded => Outcome::done(words),
        RunState::Running | RunState::Failed | RunState::Cancelled => Outcome::failed(words),
    };
    Ok(Outcome { run: Some(run.id), ..outcome })
}

/// What a run would do.
fn planned(plan: RecoverPlan) -> Outcome {
    let document = serde_json::to_value(&plan).unwrap_or_default();
    let RecoverPlan { flow, applies, reason, steps, verify, .. } = plan;
    let applies = if applies {
        Field::from(format!("{flow} applies: {reason}"))
    } else {
        Field::toned(format!("{flow} does not apply, and needs --force: {reason}"), Tone::Warn)
    };
    let rows = steps.into_iter().map(|PlannedStep { place, does, only_where, note }| {
        let only = only_where.map(|only| format!("only where {only}"));
        let told: Vec<String> = only.into_iter().chain(note).collect();
        vec![place.into(), does.into(), told.join("; ").into()]
    });
    let block = Block::table("planned", vec!["step", "does", "as the host is now"], rows.collect())
        .with_pairs(vec![("flow", applies)])
        .with_notes([Field::from(format!("then it must be seen: {verify}")), "nothing was done".into()])
        .with_document(without_host(document));
    Outcome { read: Some(Box::new(block)), ..Outcome::default() }
}

/// The row names the host already.
fn without_host(mut document: serde_json::Value) -> serde_json::Value {
    if let Some(fields) = document.as_object_mut() {
        fields.remove("host");
    }
    document
}
