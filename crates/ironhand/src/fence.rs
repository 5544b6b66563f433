//! `ironhand fence`: takes the power of hosts away, and shows what proves it.

use ironhand_api::{FenceEvidence, FenceReport, FenceRequest};
use ironhand_client::{Client, Error};

use crate::args;
use crate::exit::Failure;
use crate::many::{Outcome, Pace, each};
use crate::output::{Output, clock};
use crate::select::selected;

/// The code of a host that is not proven to be without power.
const NOT_PROVEN: &str = "fence.not_proven";

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
                let evidence = evidence_of(client, &error).await?;
                Ok(Outcome { evidence, ..Outcome::refused(&error) })
            }
            Err(error) => Err(error),
        }
    })
    .await
}

/// What a fencing found that proved too little: the refusal names its job, which keeps the evidence.
async fn evidence_of(client: &Client, refusal: &Error) -> Result<Vec<FenceEvidence>, Error> {
    let Some(job) = refusal.problem().and_then(|problem| problem.job) else { return Ok(Vec::new()) };
    Ok(client.job(job).await?.fence.map(|report| report.evidence).unwrap_or_default())
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
