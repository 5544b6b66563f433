//! `ironhand leases`: who has which address by DHCP.

mod export;

use ironhand_api::{DhcpLease, LeaseState, Timestamp};
use ironhand_client::Client;

use crate::args;
use crate::exit::Failure;
use crate::output::{Field, Output, Tone, age, line, now};
use crate::select::host_name;

/// `ironhand leases`.
pub async fn leases(client: &Client, asked: &args::Leases, output: Output) -> Result<(), Failure> {
    if let Some(address) = asked.release {
        client.release_lease(address).await?;
        line(&format!("lease/{address} taken back"));
        return Ok(());
    }
    let network = asked.network.as_deref().map(host_name).transpose()?;
    let mut leases = client.leases(network.as_ref()).await?;
    if let Some(form) = asked.export {
        let exported = export::export(form, &leases);
        exported.text.lines().for_each(line);
        exported.notes.iter().for_each(|text| note!("{text}"));
        return Ok(());
    }
    if !asked.all {
        leases.retain(|lease| lease.state == LeaseState::Bound);
    }
    if leases.is_empty() && !output.is_structured() {
        note!("nobody has an address{}", if asked.all { "" } else { "; --all shows also those who had one" });
    }
    let now = now();
    output.list(
        &leases,
        &["address", "network", "hardware", "host", "name", "state", "given", "ends"],
        |lease| lease.address.to_string(),
        |lease| row(lease, now),
    )
}

fn row(lease: &DhcpLease, now: Timestamp) -> Vec<Field> {
    let tone = match lease.state {
        LeaseState::Bound => Tone::Good,
        LeaseState::Expired | LeaseState::Released => Tone::Dim,
        LeaseState::Declined => Tone::Warn,
    };
    let ends = if lease.ends > now {
        format!("in {}", age(lease.ends, now))
    } else {
        format!("{} ago", age(now, lease.ends))
    };
    vec![
        lease.address.to_string().into(),
        lease.network.as_str().into(),
        lease.owner().into(),
        lease.host.as_ref().map(ToString::to_string).unwrap_or_default().into(),
        Field::from(lease.host_name.clone().unwrap_or_default()).printable(),
        Field::toned(lease.state.to_string(), tone),
        format!("{} ago", age(now, lease.began)).into(),
        ends.into(),
    ]
}
