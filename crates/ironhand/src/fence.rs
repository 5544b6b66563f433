//! `ironhand fence`: takes the power of hosts away, and shows what proves it.

use ironhand_api::{FenceEvidence, FenceReport, FenceRequest, Name, Work};
use ironhand_client::{Client, Error, RecordFilter};

use crate::args;
use crate::exit::Failure;
use crate::many::{Outcome, Pace, each};
use crate::output::{Output, clock};
use crate::select::selected;

/// The code of a host that is not proven to be without power.
const NOT_PROVEN: &str = "fence.not_proven";

/// How many of a host's newest jobs are looked through for the fencing that was just refused.
const NEWEST_JOBS: usize = 5;

/// `ironhand fence`.
pub async fn fence(client: &Client, asked: &args::Fence, output: Output) -> Result<(), Failure> {
    let hosts = selected(client, &asked.selector).await?;
    let request = FenceRequest { attested_by: asked.attested_by.clone(), statement: asked.statement.clone() };
    if request.attested_by.is_some() && hosts.len() > 1 {
        return Err(Failure::Usage {
            message: format!("one person's word for {} hosts at once", hosts.len()),
            hint: Some("attest each host in a command of its own".to_owned()),
        });
    }
    each(client, &hosts, Pace::default(), output, async |host| {
        if asked.lift {
            client.lift_fence(&host).await?;
            return Ok(Outcome::done("no longer fenced"));
        }
        match client.fence(&host, &request).await {
            Ok(FenceReport { reason, evidence, .. }) => {
                Ok(Outcome { evidence, ..Outcome::done(format!("fenced: {reason}")) })
            }
            Err(error) if error.problem().is_some_and(|problem| problem.code == NOT_PROVEN) => {
                let evidence = newest_evidence(client, &host).await?;
                Ok(Outcome { evidence, ..Outcome::refused(&error) })
            }
            Err(error) => Err(error),
        }
    })
    .await
}

/// What the last fencing of a host found: a refusal carries no evidence, its job does.
async fn newest_evidence(client: &Client, host: &Name) -> Result<Vec<FenceEvidence>, Error> {
    let filter = RecordFilter { host: Some(host.clone()), open: false, limit: Some(NEWEST_JOBS) };
    let jobs = client.jobs(&filter).await?;
    let report = jobs.into_iter().find(|job| job.work == Work::Fence).and_then(|job| job.fence);
    Ok(report.map(|report| report.evidence).unwrap_or_default())
}

/// One finding in words.
pub fn words(evidence: &FenceEvidence) -> String {
    match evidence {
        FenceEvidence::Reading { at, source, session, off } => {
            let state = if *off { "off" } else { "not off" };
            format!("{}  {source}, session {session}: {state}", clock(*at))
        }
        FenceEvidence::NoAnswer { at, source, reason } => {
            format!("{}  {source}: no answer, which proves nothing: {reason}", clock(*at))
        }
        FenceEvidence::Outlets { at, source, off, all } => {
            format!("{}  {source}: {off} of {all} feeds off", clock(*at))
        }
        FenceEvidence::Attested { at, by, statement } => {
            format!("{}  {by} answers for it: {statement}", clock(*at))
        }
    }
}
