//! `ironhand get`, `delete`, `power`, `boot-device`, `screen` and `type`.

use futures_util::{StreamExt, stream};
use ironhand_api::{
    ActionReport, BootDevice, BootDeviceRequest, Cluster, Credential, Fact, Flow, GlobalSettings, Health,
    Host, HostStatus, Icon, Kind, LabelSelector, Manifest, Name, Notifier, NotifierSpec, PowerAction,
    PowerRequest, PowerState, Reach, SettingsSpec, Zone,
};
use ironhand_client::{Client, Error, Resource};
use serde::Serialize;

use crate::args::{self, Format, PowerWord};
use crate::exit::{Failure, at, code_of};
use crate::output::{Field, Output, Tone, age, line, now};
use crate::schema::parse_kind;
use crate::select::{host_name, hosts, label_selector};

/// How many hosts are asked at the same time; the server keeps its own limits toward the controllers.
const HOSTS_AT_ONCE: usize = 64;

/// The longest headline in a table that is not `wide`.
const HEADLINE_WIDTH: usize = 60;

/// `ironhand get`.
pub async fn get(client: &Client, asked: &args::Get, output: Output) -> Result<(), Failure> {
    let selector = label_selector(asked.selector.as_deref())?;
    let name = asked.name.as_deref().map(host_name).transpose()?;
    match parse_kind(&asked.kind)? {
        Kind::Host => {
            let hosts = one_or_all(client, name.as_ref(), &selector).await?;
            show(hosts, name.is_some(), Manifest::Host, output, show_hosts)
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
            let clusters = one_or_all(client, name.as_ref(), &selector).await?;
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
    output.list(
        hosts,
        &["name", "power", "controller", "screen", "health", "incident", "read", "last line"],
        |host| host.metadata.name.to_string(),
        |host| match &host.status {
            Some(status) => host_row(host, status, now, output.format == Format::Wide),
            None => vec![host.metadata.name.as_str().into(), Field::toned("not yet seen", Tone::Dim)],
        },
    )
}

fn host_row(host: &Host, status: &HostStatus, now: ironhand_api::Timestamp, wide: bool) -> Vec<Field> {
    let (read, headline) = status.screen.as_ref().map_or_else(
        || (String::new(), String::new()),
        |screen| {
            let width = if wide { usize::MAX } else { HEADLINE_WIDTH };
            (age(now, screen.read_at), screen.headline.chars().take(width).collect())
        },
    );
    let health = match status.health {
        Health::Well => Tone::Good,
        Health::Unwell | Health::Recovering | Health::Unknown => Tone::Warn,
        Health::NeedsHuman => Tone::Bad,
    };
    vec![
        host.metadata.name.as_str().into(),
        power_field(status, now),
        reach_field(status.reach.as_ref(), wide),
        reach_field(status.screen_reach.as_ref(), wide),
        Field::toned(status.health.to_string(), health),
        status.incident.map(|id| id.to_string()).unwrap_or_default().into(),
        read.into(),
        Field::toned(headline, Tone::Dim),
    ]
}

/// The power state; where contact is lost the last one known, and how old it is.
fn power_field(status: &HostStatus, now: ironhand_api::Timestamp) -> Field {
    let Some(power) = &status.power else { return Field::toned("Unknown", Tone::Warn) };
    match status.icon {
        Icon::On => Field::toned(power.value.to_string(), Tone::Good),
        Icon::Off => power.value.to_string().into(),
        Icon::Disabled => Field::toned("Disabled", Tone::Dim),
        Icon::Unknown if power.value == PowerState::Unknown => Field::toned("Unknown", Tone::Warn),
        Icon::Unknown => {
            let lost = matches!(power.value, PowerState::On | PowerState::Off);
            let text = if lost {
                format!("Unknown ({} {} ago)", power.value, age(now, power.observed_at))
            } else {
                power.value.to_string()
            };
            Field::toned(text, Tone::Warn)
        }
    }
}

fn reach_field(fact: Option<&Fact<Reach>>, wide: bool) -> Field {
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
        &["name", "priority", "steps", "attempts", "cooldown", "when the screen says"],
        |flow| flow.metadata.name.to_string(),
        |flow| {
            vec![
                flow.metadata.name.as_str().into(),
                flow.spec.priority.to_string().into(),
                flow.spec.steps.len().to_string().into(),
                flow.spec.limits.attempts.to_string().into(),
                flow.spec.limits.cooldown.to_string().into(),
                flow.spec.when.screen.as_str().into(),
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

fn show_clusters(clusters: &[Cluster], output: Output) -> Result<(), Failure> {
    output.list(
        clusters,
        &["name", "zone", "settings"],
        |cluster| cluster.metadata.name.to_string(),
        |cluster| {
            vec![
                cluster.metadata.name.as_str().into(),
                cluster.spec.zone.as_ref().map(Name::as_str).unwrap_or_default().into(),
                settings_field(&cluster.spec.settings),
            ]
        },
    )
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

/// What became of one host of a command on many.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    host: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    power: Option<PowerState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<BootDevice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// How the command would have ended, had this been its only host.
    #[serde(skip)]
    exit: u8,
}

impl Row {
    fn new(host: Name, result: Result<ActionReport, Error>) -> Self {
        match result {
            Ok(report) => Self { power: report.power, detail: Some(report.detail), ..Self::blank(host) },
            Err(error) => Self::failed(host, &error),
        }
    }

    const fn blank(host: Name) -> Self {
        Self { host, power: None, device: None, detail: None, error: None, code: None, exit: 0 }
    }

    fn failed(host: Name, error: &Error) -> Self {
        Self {
            code: error.problem().map(|problem| problem.code.clone()),
            error: Some(error.to_string()),
            exit: code_of(error),
            ..Self::blank(host)
        }
    }
}

/// Prints one row for each host; fails where one failed.
fn finish(rows: &[Row], output: Output) -> Result<(), Failure> {
    output.list(
        rows,
        &["name", "result"],
        |row| row.host.to_string(),
        |row| {
            let result = match (&row.error, &row.detail, row.power) {
                (Some(error), ..) => Field::toned(error.clone(), Tone::Bad),
                (None, Some(detail), _) => detail.clone().into(),
                (None, None, power) => power.unwrap_or_default().to_string().into(),
            };
            vec![row.host.as_str().into(), result]
        },
    )?;
    match exit_of(rows) {
        0 => Ok(()),
        code => Err(Failure::Hosts { code }),
    }
}

/// The exit code of all hosts that failed, where they failed alike.
fn exit_of(rows: &[Row]) -> u8 {
    let mut failed = rows.iter().map(|row| row.exit).filter(|exit| *exit != 0);
    let Some(first) = failed.next() else { return 0 };
    if failed.all(|exit| exit == first) { first } else { 1 }
}

/// `ironhand power`.
pub async fn power(client: &Client, asked: &args::Power, output: Output) -> Result<(), Failure> {
    let selected =
        hosts(client, &asked.selector.hosts, asked.selector.selector.as_deref(), asked.selector.all).await?;
    let action = match asked.action {
        PowerWord::Status => return power_status(client, &selected, output).await,
        PowerWord::On => PowerAction::On,
        PowerWord::Off => PowerAction::Off,
        PowerWord::Cycle => PowerAction::Cycle,
        PowerWord::Reset => PowerAction::Reset,
        PowerWord::Soft => PowerAction::Soft,
        PowerWord::Nmi => PowerAction::Nmi,
    };
    let request = PowerRequest { action, wait: !asked.no_wait, timeout: asked.timeout };
    let rows: Vec<Row> = stream::iter(selected)
        .map(|host| async move {
            let result = client.power(&host, &request).await;
            Row::new(host, result)
        })
        .buffered(HOSTS_AT_ONCE)
        .collect()
        .await;
    finish(&rows, output)
}

/// The power states as last read; the server reads them all the time.
async fn power_status(client: &Client, selected: &[Name], output: Output) -> Result<(), Failure> {
    let rows: Vec<Row> = stream::iter(selected.to_vec())
        .map(|name| async move {
            let mut row = Row::blank(name.clone());
            match client.get::<Host>(&name).await {
                Err(error) => row = Row::failed(name, &error),
                Ok(host) => {
                    let reach = host.status.as_ref().and_then(|status| status.reach.clone());
                    let power = host.status.and_then(|status| status.power).map(|fact| fact.value);
                    match reach {
                        Some(reach) if reach.value != Reach::Ok => {
                            row.error = Some(reach.detail.unwrap_or_else(|| reach.value.to_string()));
                            row.exit = 1;
                        }
                        _ => row.power = Some(power.unwrap_or_default()),
                    }
                }
            }
            row
        })
        .buffered(HOSTS_AT_ONCE)
        .collect()
        .await;
    finish(&rows, output)
}

/// `ironhand boot-device`.
pub async fn boot_device(client: &Client, asked: &args::BootDevice, output: Output) -> Result<(), Failure> {
    let devices = [BootDevice::Pxe, BootDevice::Disk, BootDevice::Cdrom, BootDevice::Bios, BootDevice::None];
    let (word, names) =
        asked.words.split_last().map_or(("", &[][..]), |(last, names)| (last.as_str(), names));
    let device =
        devices.into_iter().find(|device| device.as_str() == word).ok_or_else(|| Failure::Usage {
            message: format!("`{word}` is not a boot device"),
            hint: Some("the hosts come first, then one of pxe, disk, cdrom, bios, none".to_owned()),
        })?;
    let selected = hosts(client, names, asked.selector.as_deref(), asked.all).await?;
    let request = BootDeviceRequest { device, persistent: asked.persistent, uefi: asked.uefi };
    let rows: Vec<Row> = stream::iter(selected)
        .map(|host| async move {
            let result = client.boot_device(&host, &request).await;
            let device = result.is_ok().then_some(device);
            Row { device, ..Row::new(host, result) }
        })
        .buffered(HOSTS_AT_ONCE)
        .collect()
        .await;
    finish(&rows, output)
}

/// `ironhand screen`.
pub async fn screen(client: &Client, asked: &args::Screen, output: Output) -> Result<(), Failure> {
    let host = host_name(&asked.host)?;
    let screen = client.read_screen(&host).await?;
    if let Some(path) = &asked.save {
        at(path, std::fs::write(path, client.picture(&screen.picture).await?))?;
    }
    if output.is_structured() {
        output.value(&screen)?;
    } else if asked.text || asked.save.is_none() {
        show_screen(&screen);
    }
    if asked.watch { watch(client, &host, screen, output).await } else { Ok(()) }
}

fn show_screen(screen: &ironhand_api::Screen) {
    line(screen.text.trim_end());
    if !screen.reliable {
        eprintln!(
            "warning: the screen shows {:?}; not everything on it could be read with certainty",
            screen.kind
        );
    }
}

/// Prints the screen whenever the server has read something else on it.
async fn watch(
    client: &Client,
    host: &Name,
    mut last: ironhand_api::Screen,
    output: Output,
) -> Result<(), Failure> {
    let mut events = client.follow(None, Some(host.clone()));
    while let Some(event) = events.next().await {
        if event?.kind != ironhand_api::EventKind::ScreenChanged {
            continue;
        }
        let screen = client.screen(host).await?;
        if screen.picture == last.picture {
            continue;
        }
        if output.is_structured() {
            output.value(&screen)?;
        } else {
            line(&format!("--- {} {}", host, screen.read_at));
            show_screen(&screen);
        }
        last = screen;
    }
    Ok(())
}

/// `ironhand type`.
pub async fn type_keys(client: &Client, asked: &args::Type, output: Output) -> Result<(), Failure> {
    let host = host_name(&asked.host)?;
    let result = client.keys(&host, &asked.keys).await;
    finish(&[Row::new(host, result)], output)
}
