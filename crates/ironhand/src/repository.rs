//! `ironhand repository`, and how repositories are shown: which commit is in force, and what is wrong with the newest.

use std::time::{Duration, Instant};

use ironhand_api::{Manifest, Name, Repository, RepositoryStatus, Timestamp};
use ironhand_client::Client;

use crate::args::RepositoryCommand;
use crate::exit::Failure;
use crate::output::{Field, Output, Tone, age, line, now};
use crate::select::host_name;

/// How often the server is asked whether it has looked.
const POLL: Duration = Duration::from_millis(250);

/// `ironhand repository`.
pub async fn repository(client: &Client, asked: &RepositoryCommand) -> Result<(), Failure> {
    let RepositoryCommand::Sync { name, wait, timeout } = asked;
    let name = host_name(name)?;
    let ticket = client.sync_repository(&name).await?.ticket;
    if !wait {
        line(&format!(
            "repository/{name} will be looked at; ironhand describe repository {name} shows what comes of it"
        ));
        return Ok(());
    }
    let status = answered(client, &name, ticket, timeout.duration()).await?;
    if let Some(error) = &status.error {
        return Err(Failure::Failed(format!("repository/{name}: {error}")));
    }
    if let Some(refused) = &status.refused {
        for fault in &refused.faults {
            note!("{fault}");
        }
        return Err(Failure::Failed(format!("repository/{name} refuses {}", refused.commit)));
    }
    match &status.in_force {
        Some(force) => line(&format!("repository/{name} has {} in force", force.commit)),
        None => line(&format!("repository/{name} was looked at")),
    }
    Ok(())
}

/// Waits until the server has answered a request to look.
async fn answered(
    client: &Client,
    name: &Name,
    ticket: u64,
    patience: Duration,
) -> Result<RepositoryStatus, Failure> {
    let until = Instant::now() + patience;
    loop {
        let status = client.get::<Repository>(name).await?.status.unwrap_or_default();
        if status.answered >= ticket {
            return Ok(status);
        }
        if Instant::now() >= until {
            return Err(Failure::Failed(format!(
                "repository/{name} was not looked at within {} s",
                patience.as_secs()
            )));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// `ironhand get repositories`.
pub fn show_repositories(repositories: &[Repository], output: Output) -> Result<(), Failure> {
    let now = now();
    output.list(
        repositories,
        &["name", "state", "in force", "applied", "title", "drift", "looked", "url"],
        |repository| repository.metadata.name.to_string(),
        |repository| {
            let status = repository.status.clone().unwrap_or_default();
            let force = status.in_force.as_ref();
            let drift = match status.drift.len() {
                0 => Field::from(""),
                count => Field::toned(count.to_string(), Tone::Warn),
            };
            vec![
                repository.metadata.name.as_str().into(),
                state(&status),
                force.map(|force| force.commit.short().to_owned()).unwrap_or_default().into(),
                force.map(|force| age(now, force.applied_at)).unwrap_or_default().into(),
                force.map(|force| force.commit.title.clone()).unwrap_or_default().into(),
                drift,
                status.looked_at.map(|at| age(now, at)).unwrap_or_default().into(),
                Field::toned(format!("{} {}", repository.spec.url, repository.spec.branch), Tone::Dim),
            ]
        },
    )
}

/// How the following fares, in a word.
fn state(status: &RepositoryStatus) -> Field {
    match status {
        RepositoryStatus { error: Some(_), .. } => Field::toned("unreachable", Tone::Bad),
        RepositoryStatus { refused: Some(_), .. } => Field::toned("refused", Tone::Bad),
        RepositoryStatus { in_force: None, .. } => Field::toned("not yet seen", Tone::Dim),
        RepositoryStatus { drift, .. } if !drift.is_empty() => Field::toned("drifted", Tone::Warn),
        _ => Field::toned("in force", Tone::Good),
    }
}

/// `ironhand describe repository`.
pub async fn describe(client: &Client, name: &Name, output: Output) -> Result<(), Failure> {
    let repository: Repository = client.get(name).await?;
    if output.is_structured() {
        return output.value(&Manifest::Repository(repository));
    }
    let now = now();
    let pair = |name: &str, value: Field| line(&format!("{name:<12}  {}", output.inline(&value)));
    let (spec, status) = (&repository.spec, repository.status.clone().unwrap_or_default());
    pair("name", name.as_str().into());
    pair("url", spec.url.as_str().into());
    pair("branch", spec.branch.as_str().into());
    if let Some(path) = &spec.path {
        pair("path", path.as_str().into());
    }
    let asked = looked(&status, now);
    pair("looked at", format!("{asked}, every {}", spec.interval).into());
    pair("state", state(&status));
    if let Some(error) = &status.error {
        let since =
            status.failing_since.map(|since| format!("for {}: ", age(now, since))).unwrap_or_default();
        pair("error", Field::toned(format!("{since}{error}"), Tone::Bad));
    }
    if let Some(force) = &status.in_force {
        pair("in force", Field::toned(force.commit.to_string(), Tone::Good));
        let (made, applied) = (age(now, force.commit.at), age(now, force.applied_at));
        let text = format!(
            "{}, made {made} ago, applied {applied} ago, {} resources",
            force.commit.id, force.resources
        );
        pair("", Field::toned(text, Tone::Dim));
    }
    if let Some(refused) = &status.refused {
        let text = format!("{}, for {}", refused.commit, age(now, refused.refused_at));
        pair("refused", Field::toned(text, Tone::Bad));
        for fault in &refused.faults {
            pair("", Field::toned(fault.clone(), Tone::Bad));
        }
    }
    for drift in &status.drift {
        pair("drift", Field::toned(format!("{drift} by hand"), Tone::Warn));
    }
    Ok(())
}

fn looked(status: &RepositoryStatus, now: Timestamp) -> String {
    status.looked_at.map_or_else(|| "not yet".to_owned(), |at| format!("{} ago", age(now, at)))
}
