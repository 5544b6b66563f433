//! Records for tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use ironhand_api::Manifest;
use ironhand_api::{Host, Network, Timestamp, parse_manifests};
use ironhand_model::boot::{BootServer, HostRecord, Records, View};

/// A moment.
pub(super) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// The network `rack`, 10.0.7.0/24, with more in its spec.
pub(in crate::boot) fn network(more: &str) -> Network {
    network_of("10.0.7.0/24", more)
}

/// The network `rack` of another subnet.
pub(in crate::boot) fn network_of(subnet: &str, more: &str) -> Network {
    let more = if more.is_empty() { String::new() } else { format!(", {more}") };
    let text = format!(
        "apiVersion: ironhand/v1\nkind: Network\nmetadata: {{ name: rack }}\nspec: {{ subnet: {subnet}{more} }}\n"
    );
    match one(&text) {
        Manifest::Network(network) => network,
        _ => panic!("{text}"),
    }
}

/// A host.
pub(in crate::boot) fn host(name: &str, spec: &str) -> Host {
    let text = format!(
        "apiVersion: ironhand/v1\nkind: Host\nmetadata: {{ name: {name} }}\nspec: {{ connectors: [{{ type: wol, address: 192.0.2.255 }}], {spec} }}\n"
    );
    match one(&text) {
        Manifest::Host(host) => host,
        _ => panic!("{text}"),
    }
}

fn one(text: &str) -> Manifest {
    let mut all = parse_manifests("fixture.yaml", text).unwrap_or_else(|faults| panic!("{text}: {faults:?}"));
    all.pop().unwrap()
}

/// The view of networks and hosts on a server that has a loader for each usual firmware, at 10.0.7.1 in all networks.
pub(in crate::boot) fn view(networks: &[&Network], hosts: &[Host]) -> View {
    let server = BootServer { address: [10, 0, 7, 1].into(), http: Some(8480) };
    let loaders = ["ipxe/bios/undionly.kpxe", "ipxe/x64/snponly.efi", "ipxe/arm64/snponly.efi"];
    View::new(Records {
        networks: networks.iter().map(|network| (*network).clone()).collect(),
        hosts: hosts.iter().map(|host| Arc::new(HostRecord::of(host))).collect(),
        loaders: loaders.iter().map(|path| (*path).to_owned()).collect(),
        servers: networks
            .iter()
            .map(|network| (network.metadata.name.clone(), server))
            .collect::<BTreeMap<_, _>>(),
        ..Records::default()
    })
}
