//! `ironhand incidents` and `ironhand runs`: what was wrong, what was done about it, and the evidence.

use std::path::Path;

use ironhand_api::{
    Asked, Finding, Incident, IncidentState, MatchEvidence, Name, PictureDigest, Run, RunRequest, RunState,
    StepOutcome, StepRecord, UnknownScreen,
};
use ironhand_client::{Client, RecordFilter, RecordingsOf};

use crate::args;
use crate::console::myself;
use crate::exit::{Failure, at};
use crate::output::{Field, Output, Tone, age, clock, line, now};
use crate::recordings::name_those;
use crate::select::host_name;

/// `ironhand incidents`.
pub async fn incidents(client: &Client, asked: &args::Incidents, output: Output) -> Result<(), Failure> {
    if let Some(id) = asked.id {
        let incident = client.incident(id).await?;
        if let Some(folder) = &asked.save {
            let pictures = [("first.png", &incident.first_picture), ("last.png", &incident.last_picture)];
            save_pictures(client, &pictures.map(|(name, digest)| (name, digest.as_ref())), folder).await?;
        }
        return if output.is_structured() {
            output.value(&incident)
        } else {
            show_incidents(&[incident], output)?;
            name_those(client, &RecordingsOf::Incident(id)).await
        };
    }
    if asked.unknown {
        return show_unknown(&client.unknown_screens().await?, output);
    }
    let host = asked.host.as_deref().map(host_name).transpose()?;
    let filter = RecordFilter { host, open: asked.open, limit: None };
    show_incidents(&client.incidents(&filter).await?, output)
}

/// Hosts that are named of those that show a screen; the rest is counted.
const NAMED: usize = 10;

/// Screens that no flow recognises, each with the hosts that show one like it.
fn show_unknown(screens: &[UnknownScreen], output: Output) -> Result<(), Failure> {
    if output.is_structured() {
        return output.value(&screens);
    }
    if screens.is_empty() {
        line("no host is unwell with a screen that no flow recognises");
    }
    let now = now();
    for UnknownScreen { text, hosts, since, .. } in screens {
        let count = match hosts.len() {
            1 => "1 host shows".to_owned(),
            count => format!("{count} hosts show"),
        };
        line(&format!("{count} this unknown screen, the first for {}:", age(now, *since)));
        for row in text.lines() {
            line(&format!("  | {row}"));
        }
        let named: Vec<&str> = hosts.iter().take(NAMED).map(Name::as_str).collect();
        let rest = hosts.len().saturating_sub(NAMED);
        let rest = if rest > 0 { format!(", and {rest} more") } else { String::new() };
        line(&format!("  {}{rest}", named.join(", ")));
    }
    Ok(())
}

fn show_incidents(incidents: &[Incident], output: Output) -> Result<(), Failure> {
    let now = now();
    output.list(
        incidents,
        &["id", "host", "state", "flow", "runs", "opened", "took", "cause", "stands"],
        |incident| incident.id.to_string(),
        |incident| {
            vec![
                incident.id.to_string().into(),
                incident.host.as_str().into(),
                Field::toned(incident.state.to_string(), tone(incident.state)),
                incident.flow.as_ref().map_or("-", Name::as_str).into(),
                incident.attempts.to_string().into(),
                format!("{} ago", age(now, incident.opened_at)).into(),
                age(incident.closed_at.unwrap_or(now), incident.opened_at).into(),
                incident.cause.as_str().into(),
                incident.reason.as_str().into(),
            ]
        },
    )
}

const fn tone(state: IncidentState) -> Tone {
    match state {
        IncidentState::Closed => Tone::Good,
        IncidentState::Open | IncidentState::Recovering => Tone::Warn,
        IncidentState::NeedsHuman => Tone::Bad,
    }
}

/// `ironhand runs`.
pub async fn runs(client: &Client, asked: &args::Runs, output: Output) -> Result<(), Failure> {
    let Some(id) = asked.id else {
        let host = asked.host.as_deref().map(host_name).transpose()?;
        let filter = RecordFilter { host, ..RecordFilter::default() };
        return show_runs(&client.runs(&filter).await?, output);
    };
    let run = client.run(id).await?;
    if let Some(folder) = &asked.save {
        // What made the flow apply, and what proved it.
        let proof = run.proof.as_ref().and_then(|proof| proof.picture.as_ref());
        let pictures = [("matched.png", run.matched.picture.as_ref()), ("proof.png", proof)];
        save_pictures(client, &pictures, folder).await?;
    }
    if output.is_structured() {
        output.value(&run)
    } else {
        show_run(&run);
        name_those(client, &RecordingsOf::Run(id)).await
    }
}

/// `ironhand approve`.
pub async fn approve(client: &Client, asked: &args::Ruling, output: Output) -> Result<(), Failure> {
    let run = client.approve(asked.run, &ruling(asked)).await?;
    tell_ruled(&run, output)
}

/// `ironhand cancel`.
pub async fn cancel(client: &Client, asked: &args::Ruling, output: Output) -> Result<(), Failure> {
    let run = client.cancel(asked.run, &ruling(asked)).await?;
    tell_ruled(&run, output)
}

fn ruling(asked: &args::Ruling) -> RunRequest {
    RunRequest { by: asked.by.clone().unwrap_or_else(myself), reason: asked.reason.clone() }
}

fn tell_ruled(run: &Run, output: Output) -> Result<(), Failure> {
    if output.is_structured() {
        return output.value(run);
    }
    let last = run.steps.last().and_then(|record| match &record.outcome {
        Some(StepOutcome::Done(detail)) if run.state == RunState::Running => Some(detail.as_str()),
        _ => None,
    });
    line(&format!("run {} on {}: {}", run.id, run.host, last.unwrap_or(&run.reason)));
    Ok(())
}

fn show_runs(runs: &[Run], output: Output) -> Result<(), Failure> {
    let now = now();
    output.list(
        runs,
        &["id", "host", "incident", "flow", "try", "state", "started", "took", "stands"],
        |run| run.id.to_string(),
        |run| {
            let tone = match run.state {
                RunState::Succeeded => Tone::Good,
                RunState::Running => Tone::Warn,
                RunState::Failed | RunState::Cancelled => Tone::Bad,
            };
            vec![
                run.id.to_string().into(),
                run.host.as_str().into(),
                run.incident.to_string().into(),
                run.flow.as_str().into(),
                run.attempt.to_string().into(),
                Field::toned(run.state.to_string(), tone),
                format!("{} ago", age(now, run.started_at)).into(),
                age(run.ended_at.unwrap_or(now), run.started_at).into(),
                run.reason.as_str().into(),
            ]
        },
    )
}

/// One run as a transcript.
fn show_run(run: &Run) {
    line(&format!(
        "run {} of flow {} on {}, try {} of incident {}",
        run.id, run.flow, run.host, run.attempt, run.incident
    ));
    if let Some(Asked { by, reason }) = &run.asked {
        let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        line(&format!("{}  {by} asked for it{reason}", clock(run.started_at)));
    }
    show_evidence("matched", &run.matched);
    for step in &run.steps {
        show_step(step);
    }
    if let Some(proof) = &run.proof {
        show_evidence("proof", proof);
    }
    let ended = run.ended_at.map_or_else(|| "        ".to_owned(), clock);
    line(&format!("{ended}  {}: {}", run.state, run.reason));
}

fn show_evidence(word: &str, evidence: &MatchEvidence) {
    line(&format!(
        "{}  {word}: {:?} in row {}, column {}, confidence {:.2}",
        clock(evidence.read_at),
        evidence.text,
        evidence.row + 1,
        evidence.column + 1,
        evidence.confidence
    ));
    for (name, text) in &evidence.captures {
        line(&format!("          {name} is {text:?}"));
    }
    for Finding { place, truth, why } in &evidence.findings {
        line(&format!("          {truth}  {place}: {why}"));
    }
    for row in evidence.screen_text.lines() {
        line(&format!("          | {row}"));
    }
}

fn show_step(record: &StepRecord) {
    let outcome = match &record.outcome {
        None => "under way".to_owned(),
        Some(StepOutcome::Done(detail)) => format!("done: {detail}"),
        Some(StepOutcome::Failed(detail)) => format!("failed: {detail}"),
        Some(StepOutcome::Unknown(detail)) => format!("outcome unknown: {detail}"),
    };
    line(&format!("{}  {}; {outcome}", clock(record.started_at), record.step));
    for receipt in &record.receipts {
        let result = receipt.error.as_deref().unwrap_or("ok");
        line(&format!("            {} took {} ms: {result}", receipt.connector, receipt.took.as_millis()));
    }
}

/// Keeps pictures as files of these names.
async fn save_pictures(
    client: &Client,
    pictures: &[(&str, Option<&PictureDigest>)],
    folder: &Path,
) -> Result<(), Failure> {
    at(folder, std::fs::create_dir_all(folder))?;
    for (name, digest) in pictures {
        if let Some(digest) = digest {
            let path = folder.join(name);
            at(&path, std::fs::write(&path, client.picture(digest).await?))?;
        }
    }
    Ok(())
}
