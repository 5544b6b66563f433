//! `ironhand boot networks`: how networks are served with DHCP, and why one is not.

use ironhand_api::{NetworkService, ServiceState};
use ironhand_client::Client;

use crate::exit::Failure;
use crate::output::{Field, Output, Tone, age, now};

/// `ironhand boot networks`.
pub async fn networks(client: &Client, output: Output) -> Result<(), Failure> {
    let services = client.network_services().await?;
    if services.is_empty() && !output.is_structured() {
        note!("no network is described: `ironhand config detect` proposes one for this machine");
    }
    let now = now();
    output.list(
        &services,
        &["name", "subnet", "mode", "dhcp", "at", "pool", "since", "note"],
        |service| service.network.to_string(),
        |service| {
            vec![
                service.network.as_str().into(),
                service.subnet.to_string().into(),
                service.mode.as_str().into(),
                service_state(service),
                service.interfaces.join(" ").into(),
                pool(service),
                age(now, service.since).into(),
                note(service).into(),
            ]
        },
    )
}

/// Whether a network is served.
pub fn service_state(service: &NetworkService) -> Field {
    let tone = match service.state {
        ServiceState::Served if service.reason.is_some() => Tone::Warn,
        ServiceState::Served => Tone::Good,
        ServiceState::Looking => Tone::Plain,
        ServiceState::Foreign | ServiceState::Failed => Tone::Bad,
        ServiceState::Off => Tone::Dim,
    };
    Field::toned(service.state.to_string(), tone)
}

fn pool(service: &NetworkService) -> Field {
    let Some(pool) = service.pool else { return Field::from("") };
    let tone = match pool.free {
        0 => Tone::Bad,
        free if free.saturating_mul(10) <= pool.size => Tone::Warn,
        _ => Tone::Plain,
    };
    Field::toned(format!("{} of {}", pool.used(), pool.size), tone)
}

/// Why it is as it is; for one beside another server, what is in the way there.
fn note(service: &NetworkService) -> String {
    let findings = || service.others.iter().flat_map(|other| other.findings.iter()).next().cloned();
    let others = || {
        let names: Vec<String> = service.others.iter().map(|other| other.server.to_string()).collect();
        (!names.is_empty()).then(|| format!("beside {}", names.join(", ")))
    };
    service.reason.clone().or_else(findings).or_else(others).unwrap_or_default()
}
