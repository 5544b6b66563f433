//! `ironhand get` and `ironhand delete`.

mod boot;

use std::collections::BTreeMap;

use ironhand_api::{
    CheckState, CheckStatus, Cluster, Credential, Fact, Flow, GlobalSettings, Health, Host, HostStatus, Icon,
    Kind, LabelSelector, Manifest, Name, Network, Notifier, NotifierSpec, PowerState, Reach, Said,
    SettingsSpec, Timestamp, Zone,
};
use ironhand_client::{Client, Resource};

use crate::args::{self, Format};
use crate::boot::free_rows;
use crate::exit::Failure;
use crate::output::{Field, Output, Tone, age, line, now};
use crate::repository::show_repositories;
use crate::schema::parse_kind;
use crate::select::{host_name, label_selector};

/// The longest headline in a table that is not `wide`.
const HEADLINE_WIDTH: usize = 60;

/// `ironhand get`.
pub async fn get(client: &Client, asked: &args::Get, output: Output) -> Result<(), Failure> {
    let selector = label_selector(asked.selector.as_deref())?;
    let name = asked.name.as_deref().map(host_name).transpose()?;
    match parse_kind(&asked.kind)? {
        Kind::Host => {
            let hosts = one_or_all(client, name.as_ref(), &selector).await?;
            show(hosts, name.is_some(), Manifest::Host, output, show_hosts)?;
            // Those that could become hosts are no manifests, so only people are shown them here.
            if name.is_none()
                && asked.selector.is_none()
                && matches!(output.format, Format::Table | Format::Wide)
            {
                free_rows(&client.machines().await?).iter().for_each(|text| line(text));
            }
            Ok(())
        }
        Kind::Flow => {
            let flows = one_or_all(client, name.as_ref(), &selector).await?;
            show(flows, name.is_some(), Manifest::Flow, output, show_flows)
        }
        Kind::Credential => {
            let credentials = one_or_all(client, name.as_ref(), &selector).await?;
            show(credentials, name.is_some(), Manifest::Credential, output, show_credentials)
        }
        Kind::Zone => {
            let zones = one_or_all(client, name.as_ref(), &selector).await?;
            show(zones, name.is_some(), Manifest::Zone, output, show_zones)
        }
        Kind::Cluster => {
            let clusters: Vec<Cluster> = one_or_all(client, name.as_ref(), &selector).await?;
            let mut paused = BTreeMap::new();
            for cluster in clusters.iter().filter(|_| !output.is_structured()) {
                let name = &cluster.metadata.name;
                let recovery = client.recovery(Some((Kind::Cluster, name))).await?.recovery;
                paused.insert(name.clone(), recovery);
            }
            let show_clusters = |clusters: &[Cluster], output| show_clusters(clusters, &paused, output);
            show(clusters, name.is_some(), Manifest::Cluster, output, show_clusters)
        }
        Kind::Settings => {
            let settings = one_or_all(client, name.as_ref(), &selector).await?;
            show(settings, name.is_some(), Manifest::Settings, output, show_settings)
        }
        Kind::Notifier => {
            let notifiers = one_or_all(client, name.as_ref(), &selector).await?;
            show(notifiers, name.is_some(), Manifest::Notifier, output, show_notifiers)
        }
        Kind::Repository => {
            let repositories = one_or_all(client, name.as_ref(), &selector).await?;
            show(repositories, name.is_some(), Manifest::Repository, output, show_repositories)
        }
        Kind::Network => {
            let networks = one_or_all(client, name.as_ref(), &selector).await?;
            // A server that answers no DHCP has nothing to say of it; the table is worth having without.
            let services = if output.is_structured() {
                Vec::new()
            } else {
                client.network_services().await.unwrap_or_default()
            };
            let show_networks =
                |networks: &[Network], output| boot::show_networks(networks, &services, output);
            show(networks, name.is_some(), Manifest::Network, output, show_networks)
        }
        Kind::Profile => {
            let profiles = one_or_all(client, name.as_ref(), &selector).await?;
            show(profiles, name.is_some(), Manifest::Profile, output, boot::show_profiles)
        }
        Kind::Deployment => {
            let deployments = one_or_all(client, name.as_ref(), &selector).await?;
            show(deployments, name.is_some(), Manifest::Deployment, output, boot::show_deployments)
        }
    }
}

async fn one_or_all<R: Resource>(
    client: &Client,
    name: Option<&Name>,
    selector: &LabelSelector,
) -> Result<Vec<R>, Failure> {
    Ok(match name {
        Some(name) => vec![client.get(name).await?],
        None => client.list(selector).await?,
    })
}

/// Programs get manifests that can be applied again: one where one was named, else a list. People get a table.
fn show<R>(
    resources: Vec<R>,
    single: bool,
    manifest: impl Fn(R) -> Manifest,
    output: Output,
    table: impl Fn(&[R], Output) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if !output.is_structured() {
        return table(&resources, output);
    }
    let manifests: Vec<Manifest> = resources.into_iter().map(manifest).collect();
    match manifests.first() {
        Some(only) if single => output.value(only),
        _ => output.value(&manifests),
    }
}

fn show_credentials(credentials: &[Credential], output: Output) -> Result<(), Failure> {
    output.list(
        credentials,
        &["name", "username", "password"],
        |credential| credential.metadata.name.to_string(),
        |credential| {
            vec![
                credential.metadata.name.as_str().into(),
                credential.spec.username.as_str().into(),
                Field::toned("sealed", Tone::Dim),
            ]
        },
    )
}

fn show_hosts(hosts: &[Host], output: Output) -> Result<(), Failure> {
    let now = now();
    let wide = output.format == Format::Wide;
    let mut head =
        vec!["name", "power", "controller", "screen", "health", "notes", "incident", "read", "last line"];
    if wide {
        head.extend(["checks", "server"]);
    }
    output.list(
        hosts,
        &head,
        |host| host.metadata.name.to_string(),
        |host| match &host.status {
            Some(status) => host_row(host, status, now, wide),
            None => vec![host.metadata.name.as_str().into(), Field::toned("not yet seen", Tone::Dim)],
        },
    )
}

fn host_row(host: &Host, status: &HostStatus, now: Timestamp, wide: bool) -> Vec<Field> {
    let (read, headline) = status.screen.as_ref().map_or_else(
        || (String::new(), String::new()),
        |screen| {
            let width = if wide { usize::MAX } else { HEADLINE_WIDTH };
            (age(now, screen.read_at), screen.headline.chars().take(width).collect())
        },
    );
    let mut row = vec![
        host.metadata.name.as_str().into(),
        power_field(status, now),
        reach_field(status.reach.as_ref(), wide),
        reach_field(status.screen_reach.as_ref(), wide),
        health_field(status.health),
        notes(status),
        status.incident.map(|id| id.to_string()).unwrap_or_default().into(),
        read.into(),
        Field::toned(headline, Tone::Dim),
    ];
    if wide {
        row.push(checks_field(status));
        row.push(status.owner.clone().unwrap_or_default().into());
    }
    row
}

/// What its checks came to: how many pass, or which do not.
fn checks_field(status: &HostStatus) -> Field {
    let of = |state: CheckState| {
        let is = move |check: &&CheckStatus| check.state.as_ref().is_some_and(|fact| fact.value == state);
        status.checks.iter().filter(is).map(|check| check.name.as_str()).collect::<Vec<_>>()
    };
    let (failing, unknown) = (of(CheckState::Failing), of(CheckState::Unknown));
    if !failing.is_empty() {
        return Field::toned(format!("{} failing", failing.join(", ")), Tone::Bad);
    }
    if !unknown.is_empty() {
        return Field::toned(format!("{} unknown", unknown.join(", ")), Tone::Warn);
    }
    match of(CheckState::Passing).len() {
        0 => "".into(),
        count => Field::toned(format!("{count} pass"), Tone::Good),
    }
}

/// How a host fares.
pub fn health_field(health: Health) -> Field {
    let tone = match health {
        Health::Well => Tone::Good,
        Health::Unwell | Health::Recovering | Health::Unknown => Tone::Warn,
        Health::NeedsHuman => Tone::Bad,
    };
    Field::toned(health.to_string(), tone)
}

/// What holds beside: maintenance, fencing, and the causes of open alerts.
fn notes(status: &HostStatus) -> Field {
    let mut notes = Vec::new();
    if let Some(management) = status.management.as_ref().filter(|fact| !fact.value.is_enabled()) {
        notes.push(management.value.to_string());
    }
    if status.maintenance.is_some() {
        notes.push("maintenance".to_owned());
    }
    if status.fenced.is_some() {
        notes.push("fenced".to_owned());
    }
    notes.extend(status.alerts.iter().map(|cause| cause.to_string().replace('_', " ")));
    let tone = match (status.alerts.is_empty(), notes.is_empty()) {
        (false, _) => Tone::Bad,
        (true, false) => Tone::Warn,
        (true, true) => Tone::Plain,
    };
    Field::toned(notes.join(", "), tone)
}

/// The power state; where contact is lost the last one known, and how old it is.
pub fn power_field(status: &HostStatus, now: Timestamp) -> Field {
    let Some(power) = &status.power else {
        return match status.icon {
            Icon::Disabled => Field::toned("Disabled", Tone::Dim),
            _ => Field::toned("Unknown", Tone::Warn),
        };
    };
    let last = lost_power(power, now).map(|last| format!(" ({last})")).unwrap_or_default();
    match status.icon {
        Icon::On => Field::toned(power.value.to_string(), Tone::Good),
        Icon::Off => power.value.to_string().into(),
        Icon::Disabled => Field::toned(format!("Disabled{last}"), Tone::Dim),
        Icon::Unknown if matches!(power.value, PowerState::TurningOn | PowerState::TurningOff) => {
            Field::toned(power.value.to_string(), Tone::Warn)
        }
        Icon::Unknown => Field::toned(format!("Unknown{last}"), Tone::Warn),
    }
}

/// The last power state that was seen of a host that cannot be seen now: `last on, 5m ago`.
fn lost_power(power: &Fact<PowerState>, now: Timestamp) -> Option<String> {
    let known = matches!(power.value, PowerState::On | PowerState::Off);
    known.then(|| format!("last {}, {} ago", power.value, age(now, power.observed_at)))
}

/// Whether a controller, or a screen, answers.
pub fn reach_field(fact: Option<&Fact<Reach>>, wide: bool) -> Field {
    match fact {
        None => Field::toned("-", Tone::Dim),
        Some(fact) if fact.value == Reach::Ok => Field::toned("ok", Tone::Good),
        Some(fact) => {
            let detail = fact.detail.as_deref().filter(|_| wide).map(|detail| format!(": {detail}"));
            Field::toned(format!("{}{}", fact.value, detail.unwrap_or_default()), Tone::Bad)
        }
    }
}

fn show_flows(flows: &[Flow], output: Output) -> Result<(), Failure> {
    output.list(
        flows,
        &["name", "priority", "steps", "attempts", "cooldown", "when"],
        |flow| flow.metadata.name.to_string(),
        |flow| {
            vec![
                flow.metadata.name.as_str().into(),
                flow.spec.priority.to_string().into(),
                flow.spec.steps.len().to_string().into(),
                flow.spec.limits.attempts.to_string().into(),
                flow.spec.limits.cooldown.to_string().into(),
                flow.spec.when.condition.to_string().into(),
            ]
        },
    )
}

fn show_zones(zones: &[Zone], output: Output) -> Result<(), Failure> {
    output.list(
        zones,
        &["name", "settings"],
        |zone| zone.metadata.name.to_string(),
        |zone| vec![zone.metadata.name.as_str().into(), settings_field(&zone.spec.settings)],
    )
}

fn show_clusters(clusters: &[Cluster], said: &BTreeMap<Name, Said>, output: Output) -> Result<(), Failure> {
    output.list(
        clusters,
        &["name", "zone", "recovery", "settings"],
        |cluster| cluster.metadata.name.to_string(),
        |cluster| {
            vec![
                cluster.metadata.name.as_str().into(),
                cluster.spec.zone.as_ref().map(Name::as_str).unwrap_or_default().into(),
                recovery_field(said.get(&cluster.metadata.name)),
                settings_field(&cluster.spec.settings),
            ]
        },
    )
}

/// Whether flows begin in a cluster without a person, and why not.
fn recovery_field(said: Option<&Said>) -> Field {
    match said {
        Some(Said { on: false, reason, .. }) => {
            let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            Field::toned(format!("paused{reason}"), Tone::Bad)
        }
        Some(_) => Field::toned("on", Tone::Good),
        None => "".into(),
    }
}

fn show_settings(settings: &[GlobalSettings], output: Output) -> Result<(), Failure> {
    output.list(
        settings,
        &["name", "settings"],
        |settings| settings.metadata.name.to_string(),
        |settings| vec![settings.metadata.name.as_str().into(), settings_field(&settings.spec)],
    )
}

fn settings_field(settings: &SettingsSpec) -> Field {
    let given: Vec<String> = settings.given().iter().map(|(name, value)| format!("{name}={value}")).collect();
    given.join(" ").into()
}

fn show_notifiers(notifiers: &[Notifier], output: Output) -> Result<(), Failure> {
    output.list(
        notifiers,
        &["name", "to", "events", "severity"],
        |notifier| notifier.metadata.name.to_string(),
        |notifier| {
            let NotifierSpec { webhook, email, socket, events, severity, .. } = &notifier.spec;
            let webhook = webhook.as_ref().map(|webhook| webhook.url.clone());
            let email = email.as_ref().map(|email| email.to.join(" "));
            let to = webhook.or(email).or(socket.as_ref().map(|socket| socket.path.clone()));
            vec![
                notifier.metadata.name.as_str().into(),
                to.unwrap_or_default().into(),
                events.join(" ").into(),
                format!("{severity:?}").to_lowercase().into(),
            ]
        },
    )
}

/// `ironhand delete`.
pub async fn delete(client: &Client, asked: &args::Delete) -> Result<(), Failure> {
    let kind = parse_kind(&asked.kind)?;
    client.delete(kind, &host_name(&asked.name)?).await?;
    line(&format!("{}/{} deleted", kind.to_string().to_lowercase(), asked.name));
    Ok(())
}
