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
        &["name", "subnet", "mode", "dhcp", "at", "pool", "ipv6", "since", "note"],
        |service| service.network.to_string(),
        |service| {
            vec![
                service.network.as_str().into(),
                service.subnet.to_string().into(),
                service.mode.as_str().into(),
                service_state(service),
                service.interfaces.join(" ").into(),
                pool(service),
                ipv6(service),
                age(now, service.since).into(),
                note(service).into(),
            ]
        },
    )
}

/// Whether a network is served.
pub fn service_state(service: &NetworkService) -> Field {
    Field::toned(service.state.to_string(), tone(service.state, service.reason.is_some()))
}

const fn tone(state: ServiceState, has_reason: bool) -> Tone {
    match state {
        ServiceState::Served if has_reason => Tone::Warn,
        ServiceState::Served => Tone::Good,
        ServiceState::Looking => Tone::Plain,
        ServiceState::Foreign | ServiceState::Failed => Tone::Bad,
        ServiceState::Off => Tone::Dim,
    }
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

/// Whether it is served over IPv6, and how many machines have an address there.
fn ipv6(service: &NetworkService) -> Field {
    let Some(ipv6) = &service.ipv6 else { return Field::from("") };
    let tone = tone(ipv6.state, ipv6.reason.is_some());
    match ipv6.state {
        ServiceState::Served => Field::toned(format!("{} ({})", ipv6.subnet, ipv6.leases), tone),
        state => Field::toned(state.to_string(), tone),
    }
}

/// Why it is as it is; for one beside another server, what is in the way there.
fn note(service: &NetworkService) -> String {
    let findings = || service.others.iter().flat_map(|other| other.findings.iter()).next().cloned();
    let others = || {
        let names: Vec<String> = service.others.iter().map(|other| other.server.to_string()).collect();
        (!names.is_empty()).then(|| format!("beside {}", names.join(", ")))
    };
    let ipv6 = || service.ipv6.as_ref().and_then(|ipv6| ipv6.reason.clone());
    service.reason.clone().or_else(ipv6).or_else(findings).or_else(others).unwrap_or_default()
}
