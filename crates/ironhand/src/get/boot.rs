//! Tables of what machines boot: networks, profiles, deployments.

use ironhand_api::{
    BootArchitecture, Deployment, DeploymentPhase, DhcpMode, Network, NetworkService, Profile, ProfileBoot,
    ProfileSpec,
};

use crate::boot::service_state;
use crate::exit::Failure;
use crate::output::{Field, Output, Tone, age, now};

pub(super) fn show_networks(
    networks: &[Network],
    services: &[NetworkService],
    output: Output,
) -> Result<(), Failure> {
    output.list(
        networks,
        &["name", "subnet", "interface", "mode", "dhcp", "pools", "gateway", "unknown", "loader"],
        |network| network.metadata.name.to_string(),
        |network| {
            let spec = &network.spec;
            let tone = if spec.mode == DhcpMode::Off { Tone::Dim } else { Tone::Good };
            let service = services.iter().find(|service| service.network == network.metadata.name);
            let heard_at = service.map(|service| service.interfaces.join(" ")).unwrap_or_default();
            let at = spec.interface.clone().unwrap_or(heard_at);
            let pools: Vec<String> = spec.pools.iter().map(ToString::to_string).collect();
            vec![
                network.metadata.name.as_str().into(),
                spec.subnet.to_string().into(),
                at.into(),
                Field::toned(spec.mode.as_str(), tone),
                service.map_or_else(|| Field::from(""), service_state),
                pools.join(" ").into(),
                spec.gateway.map(|gateway| gateway.to_string()).unwrap_or_default().into(),
                spec.unknown.as_str().into(),
                spec.loader.as_str().into(),
            ]
        },
    )
}

pub(super) fn show_profiles(profiles: &[Profile], output: Output) -> Result<(), Failure> {
    output.list(
        profiles,
        &["name", "boots", "media", "loader", "for", "files"],
        |profile| profile.metadata.name.to_string(),
        |profile| {
            let spec = &profile.spec;
            let architectures: Vec<&str> =
                spec.architectures.iter().copied().map(BootArchitecture::as_str).collect();
            let files: Vec<&str> = spec.files.iter().map(|file| file.name.as_str()).collect();
            vec![
                profile.metadata.name.as_str().into(),
                boots(spec).into(),
                spec.media.as_ref().map(ToString::to_string).unwrap_or_default().into(),
                spec.loader.map(|loader| loader.as_str()).unwrap_or_default().into(),
                if architectures.is_empty() { "all".to_owned() } else { architectures.join(" ") }.into(),
                files.join(" ").into(),
            ]
        },
    )
}

/// What a profile boots, in a word or a path.
fn boots(spec: &ProfileSpec) -> String {
    match spec.boot() {
        Some(ProfileBoot::Kernel { kernel, .. }) => kernel.to_owned(),
        Some(ProfileBoot::Script(_)) => "a script".to_owned(),
        Some(ProfileBoot::Chain(program)) => program.to_owned(),
        None => String::new(),
    }
}

pub(super) fn show_deployments(deployments: &[Deployment], output: Output) -> Result<(), Failure> {
    let now = now();
    output.list(
        deployments,
        &["name", "host", "profile", "boot", "phase", "since", "note"],
        |deployment| deployment.metadata.name.to_string(),
        |deployment| {
            let spec = &deployment.spec;
            let phase = deployment.phase();
            let tone = match phase {
                DeploymentPhase::Waiting | DeploymentPhase::Booting => Tone::Plain,
                DeploymentPhase::Booted => Tone::Good,
                DeploymentPhase::Stopped => Tone::Bad,
            };
            let since = deployment.status.as_ref().map(|status| age(now, status.since));
            let reason = deployment.status.as_ref().and_then(|status| status.reason.clone());
            vec![
                deployment.metadata.name.as_str().into(),
                spec.host.as_str().into(),
                spec.profile.as_str().into(),
                spec.boot.as_str().into(),
                Field::toned(phase.to_string(), tone),
                since.unwrap_or_default().into(),
                reason.unwrap_or_default().into(),
            ]
        },
    )
}
