//! Whole boots: what is offered is served, and the rules that more than one module keeps.

mod rules;
mod served;

use std::sync::Arc;

use ironhand_api::{
    BootRepeat, Deployment, DeploymentPhase, DeploymentSpec, DeploymentStatus, HostBoot, Manifest, Metadata,
    Name, Network, Profile, parse_manifests,
};

use super::*;

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A resource of a kind, from what stands in its `spec`.
fn manifest(kind: &str, called: &str, spec: &str) -> Manifest {
    let text = format!(
        "apiVersion: ironhand/v1\nkind: {kind}\nmetadata: {{ name: {called} }}\nspec: {{ {spec} }}\n"
    );
    parse_manifests("test", &text).unwrap().remove(0)
}

pub(super) fn network(spec: &str) -> Network {
    match manifest("Network", "rack7", &format!("subnet: 10.0.7.0/24, interface: eth1, {spec}")) {
        Manifest::Network(network) => network,
        other => panic!("{}", other.kind()),
    }
}

pub(super) fn profile(spec: &str) -> Profile {
    match manifest("Profile", "debian", spec) {
        Manifest::Profile(profile) => profile,
        other => panic!("{}", other.kind()),
    }
}

pub(super) const KERNEL: &str = "media: debian-12, kernel: install.amd/vmlinuz, initrds: [install.amd/initrd.gz, more.gz], \
    commandLine: \"auto url={{ files }} ---\", files: [{ name: preseed.cfg, content: 'd-i {{ mac }}' }]";

pub(super) const MAC: &str = "52:54:00:12:34:56";

/// The host `web-3`, with what else is said of its boots.
pub(super) fn host(boot: HostBoot) -> HostRecord {
    HostRecord {
        name: name("web-3"),
        labels: Default::default(),
        cluster: None,
        macs: vec![MAC.parse().unwrap(), "52:54:00:12:34:57".parse().unwrap()],
        boot,
    }
}

pub(super) fn deployment(boot: BootRepeat, phase: DeploymentPhase) -> Deployment {
    let spec =
        DeploymentSpec { host: name("web-3"), profile: name("debian"), boot, deadline: None, request: None };
    let status = DeploymentStatus { phase, ..DeploymentStatus::default() };
    Deployment { metadata: Metadata::named(name("web-3")), spec, status: Some(status) }
}

/// All loaders that a server may have.
pub(super) fn all_loaders() -> std::collections::BTreeSet<String> {
    let firmware = ironhand_api::BootArchitecture::ALL;
    let all = LoaderKind::ALL
        .into_iter()
        .flat_map(|kind| firmware.map(|one| candidates(kind, one, Default::default())));
    all.flatten().collect()
}

/// Records with one network, one host with a deployment, and every loader.
pub(super) fn records(network: Network, profile: Profile) -> Records {
    let server = BootServer { address: [10, 0, 7, 1].into(), http: Some(8480) };
    let address = Some([10, 0, 7, 12].into());
    Records {
        servers: [(network.metadata.name.clone(), server)].into(),
        servers6: Default::default(),
        networks: vec![network],
        hosts: vec![Arc::new(host(HostBoot { address, ..HostBoot::default() }))],
        profiles: vec![profile],
        deployments: vec![deployment(BootRepeat::Once, DeploymentPhase::Waiting)],
        media: [name("debian-12")].into(),
        loaders: all_loaders(),
        tokens: [(name("web-3"), "s3cr3t".to_owned())].into(),
    }
}

/// Firmware that asks by PXE in the network.
pub(super) fn firmware(mac: &str, architecture: u16) -> Client {
    Client {
        network: Some(name("rack7")),
        macs: vec![mac.parse().unwrap()],
        architecture: Some(Architecture(architecture)),
        stage: Stage::Pxe,
        ..Client::default()
    }
}

/// A stand-in for the engine of templates: knows `{{ mac }}`, `{{ files }}` and `{{ host }}`.
pub(super) struct Plain;

impl Templates for Plain {
    fn fill(&self, template: &str, context: &Context) -> Result<String, String> {
        let files: Vec<&str> = context.files.values().map(String::as_str).collect();
        if template.contains("{{ broken }}") {
            return Err("broken".to_owned());
        }
        Ok(template
            .replace("{{ mac }}", &context.mac)
            .replace("{{ files }}", &files.join(","))
            .replace("{{ serial }}", &context.host.serial)
            .replace("{{ media }}", &context.media))
    }
}
