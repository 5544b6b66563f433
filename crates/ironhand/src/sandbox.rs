//! `ironhand sandbox`: a server and a simulated fleet in one process. The fleet breaks; the server, which knows nothing of
//! simulation, heals it; the terminal shows it as it happens.

mod report;

use std::time::Duration;

use ironhand_api::{
    Connector, Credential, CredentialSpec, Event, EventKind, Host, HostSpec, IpmiOptions, Manifest, Metadata,
    Name, RedfishOptions, Secret, Severity, Way, parse_manifests,
};
use ironhand_client::{Client, Endpoint, EventStream};
use ironhand_server::{Config, Running, Server, Settings};
use ironhand_sim::{FaultScript, Fleet, FleetConfig, SimHost};
use tokio::time::Instant;

use crate::args;
use crate::events;
use crate::exit::Failure;
use crate::output::{Output, line};
use crate::serve::{chain, places, stop_asked};

/// The flow library, as `ironhand apply -f flows/` would hand it over.
const FLOWS: [(&str, &str); 2] = [
    ("flows/firmware.yaml", include_str!("../../../flows/firmware.yaml")),
    ("flows/linux.yaml", include_str!("../../../flows/linux.yaml")),
];

/// The name of the fleet's one credential.
const CREDENTIAL: &str = "sandbox";

/// A host that was struck by a fault.
struct Struck {
    host: SimHost,
    name: Name,
    fault: String,
    /// Whether its incident has been closed since.
    healed: bool,
}

/// `ironhand sandbox`.
pub async fn run(asked: args::Sandbox, output: Output) -> Result<(), Failure> {
    let scratch = tempfile::Builder::new().prefix("ironhand-sandbox-").tempdir();
    let scratch = scratch.map_err(|error| Failure::Failed(format!("no temporary folder: {error}")))?;
    let mut config = Config::new(asked.data.clone().unwrap_or_else(|| scratch.path().join("data")));
    config.listen = Some(asked.listen);
    config.socket = asked.socket.clone();
    config.settings = Settings::brisk();
    let server = Server::start(config).await.map_err(|error| Failure::Failed(chain(&error)))?;
    let client = Client::new(Endpoint::Unix(server.socket().to_owned()))?;
    // What happened before, in a store that was kept, is not told again.
    let mut events = client.follow(None, None);
    events.connect().await?;

    let mut fleet_config = FleetConfig::new(usize::from(asked.hosts));
    fleet_config.seed = asked.seed;
    fleet_config.script = FaultScript::sandbox(usize::from(asked.hosts), asked.seed);
    let (user, password) = (fleet_config.user.clone(), fleet_config.password.clone());
    let fleet = Fleet::start(fleet_config).await.map_err(|error| Failure::Failed(chain(&error)))?;
    let mut struck = struck(&fleet)?;
    apply(&client, &fleet, user, password).await?;
    welcome(&fleet, &server, struck.len(), output);

    let result = watch(&mut events, &mut struck, &fleet, &asked, output).await;
    let told = report::tell(&client, &struck, output).await;
    fleet.shutdown().await;
    server.shutdown().await;
    result.and(told)
}

/// The hosts that the script breaks.
fn struck(fleet: &Fleet) -> Result<Vec<Struck>, Failure> {
    let faults = fleet.script().faults().iter();
    faults
        .map(|staged| {
            let host = fleet.hosts()[staged.host].clone();
            let name = name(&host.name)?;
            Ok(Struck { host, name, fault: staged.fault.to_string(), healed: false })
        })
        .collect()
}

fn name(text: &str) -> Result<Name, Failure> {
    text.parse().map_err(|error| Failure::Failed(format!("a simulated host has no usable name: {error}")))
}

/// Describes fleet and flows to the server, as a person would.
async fn apply(
    client: &Client,
    fleet: &Fleet,
    username: String,
    password: secrecy::SecretString,
) -> Result<(), Failure> {
    let credential = name(CREDENTIAL)?;
    let spec = CredentialSpec { username, password: Secret::Plain(password) };
    let mut manifests =
        vec![Manifest::Credential(Credential { metadata: Metadata::named(credential.clone()), spec })];
    for (file, text) in FLOWS {
        manifests.extend(parse_manifests(file, text).map_err(Failure::Manifests)?);
    }
    for (index, host) in fleet.hosts().iter().enumerate() {
        let mut metadata = Metadata::named(name(&host.name)?);
        metadata.labels.insert("make".to_owned(), host.make.name().to_owned());
        manifests.push(Manifest::Host(Host {
            metadata,
            spec: HostSpec {
                credentials: vec![credential.clone()],
                connectors: connectors(index, host),
                ..HostSpec::default()
            },
            status: None,
        }));
    }
    for manifest in &manifests {
        client.apply(manifest).await?;
    }
    Ok(())
}

/// The ways to a host. As in a room full of old and new servers, some have Redfish and IPMI, some only one of them; a host
/// whose Redfish fails goes on by IPMI.
fn connectors(index: usize, host: &SimHost) -> Vec<Connector> {
    let connector = |way, address: std::net::SocketAddr| Connector {
        port: Some(address.port()),
        ..Connector::new(way, address.ip().to_string())
    };
    let redfish = || connector(Way::Redfish(RedfishOptions::default()), host.redfish);
    let ipmi = || connector(Way::Ipmi(IpmiOptions::default()), host.ipmi);
    let mut ways = match index % 3 {
        0 => vec![redfish(), ipmi()],
        1 => vec![ipmi()],
        _ => vec![redfish()],
    };
    ways.push(Connector {
        credentials: Some(Vec::new()),
        ..connector(Way::Vnc(Default::default()), host.vnc)
    });
    ways
}

fn welcome(fleet: &Fleet, server: &Running, faults: usize, output: Output) {
    if output.is_structured() {
        return;
    }
    let hosts = fleet.hosts().len();
    line(&format!(
        "Ironhand sandbox: {hosts} simulated hosts, {faults} of which will break within a minute."
    ));
    line(&format!("The server listens at {}.", places(server)));
    line("In a second terminal:");
    line("  ironhand get hosts          ironhand screen HOST --text     ironhand incidents");
    line("  ironhand runs               ironhand events --follow        ironhand power cycle HOST");
    line("Ctrl-C ends it.");
    line("");
}

/// Shows what happens until everything is healed, the deadline has passed, or somebody stops it.
async fn watch(
    events: &mut EventStream,
    struck: &mut [Struck],
    fleet: &Fleet,
    asked: &args::Sandbox,
    output: Output,
) -> Result<(), Failure> {
    let once = asked.once.then(|| Instant::now() + asked.deadline.duration());
    let mut stop = std::pin::pin!(stop_asked());
    loop {
        // Without --once no deadline ends it: a day is looked at again and again.
        let deadline = once.unwrap_or_else(|| Instant::now() + Duration::from_secs(24 * 3600));
        let event = tokio::select! {
            stopped = &mut stop => return stopped,
            () = tokio::time::sleep_until(deadline) => match once {
                Some(_) => return Err(Failure::Reported),
                None => continue,
            },
            event = events.next() => event,
        };
        let Some(event) = event else {
            return Err(Failure::Failed("the server's events have ended".to_owned()));
        };
        let event = event?;
        if is_worth_showing(&event) {
            events::show(&event, output)?;
        }
        if event.kind == EventKind::IncidentClosed {
            for one in struck.iter_mut().filter(|one| event.host.as_ref() == Some(&one.name)) {
                one.healed = true;
            }
        }
        let truly_well = |one: &Struck| fleet.state(&one.host.name).is_ok_and(|state| state.well);
        if once.is_some() && struck.iter().all(|one| one.healed && truly_well(one)) {
            return Ok(());
        }
    }
}

/// What a person wants to follow; every power reading and screen is in `ironhand events`.
fn is_worth_showing(event: &Event) -> bool {
    match event.kind {
        EventKind::ResourceApplied | EventKind::ScreenChanged => false,
        EventKind::ReachChanged | EventKind::ScreenReachChanged => event.severity != Severity::Info,
        // Without an incident it is somebody at the power button, and that is told as an action.
        EventKind::PowerChanged => event.incident.is_some(),
        _ => true,
    }
}
