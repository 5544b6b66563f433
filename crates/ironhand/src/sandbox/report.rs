//! What happened to each host, at the end.

use std::time::Duration;

use ironhand_api::{Incident, IncidentState, Run};
use ironhand_client::{Client, RecordFilter};
use serde::Serialize;

use super::Struck;
use crate::exit::Failure;
use crate::output::{Field, Output, Tone, line};

/// What happened to one host.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    host: String,
    make: &'static str,
    fault: String,
    flow: Option<String>,
    did: Vec<String>,
    runs: u32,
    seconds: Option<f64>,
    result: String,
    healed: bool,
}

/// Prints one row for each host that broke.
pub(super) async fn tell(client: &Client, struck: &[Struck], output: Output) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for one in struck {
        let filter = RecordFilter { host: Some(one.name.clone()), ..RecordFilter::default() };
        let incidents = client.incidents(&filter).await?;
        let runs = client.runs(&filter).await?;
        rows.push(row(one, incidents.first(), &runs));
    }
    if output.is_structured() {
        return output.value(&rows);
    }
    line("");
    output.table(
        &["host", "make", "fault", "flow", "what was done", "took", "result"],
        rows.iter().map(|row| {
            let tone = if row.healed { Tone::Good } else { Tone::Bad };
            vec![
                row.host.as_str().into(),
                row.make.into(),
                row.fault.as_str().into(),
                row.flow.as_deref().unwrap_or("-").into(),
                row.did.join("; ").into(),
                row.seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.0} s")).into(),
                Field::toned(row.result.as_str(), tone),
            ]
        }),
    );
    let healed = rows.iter().filter(|row| row.healed).count();
    line(&format!("{healed} of {} hosts that broke were healed", rows.len()));
    Ok(())
}

fn row(one: &Struck, incident: Option<&Incident>, runs: &[Run]) -> Row {
    let of_incident = runs.iter().filter(|run| incident.is_some_and(|incident| incident.id == run.incident));
    // The newest run comes first.
    let did = of_incident
        .clone()
        .next()
        .map(|run| run.steps.iter().map(|record| record.step.to_string()).collect())
        .unwrap_or_default();
    let took = |incident: &Incident| incident.closed_at.map(|closed| closed.since(incident.opened_at));
    let result = match incident {
        None => "not noticed".to_owned(),
        Some(incident) if incident.state == IncidentState::Closed => "healed".to_owned(),
        Some(incident) => format!("{}: {}", incident.state, incident.reason),
    };
    Row {
        host: one.name.to_string(),
        make: one.host.make.name(),
        fault: one.fault.clone(),
        flow: of_incident.clone().next().or(runs.first()).map(|run| run.flow.to_string()),
        did,
        runs: u32::try_from(of_incident.count()).unwrap_or(u32::MAX),
        seconds: incident.and_then(took).as_ref().map(Duration::as_secs_f64),
        result,
        healed: one.healed,
    }
}
