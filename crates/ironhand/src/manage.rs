//! `ironhand manage` and `ironhand maintenance`.

use ironhand_api::{
    Administration, Cluster, Host, Kind, LabelSelector, MaintenanceRequest, ManagementRequest, Name,
    RecoveryRequest, Said, Zone,
};
use ironhand_client::{Client, Error};

use crate::args::{self, ManageWord, RecoveryWord, Switch};
use crate::exit::Failure;
use crate::many::{Outcome, Pace, each};
use crate::output::{Field, Output, Tone, age, now};
use crate::select::{named, selected};

/// `ironhand manage`.
pub async fn manage(client: &Client, asked: &args::Manage, output: Output) -> Result<(), Failure> {
    let names = named(&asked.names)?;
    let kind = asked.level.kind();
    let request =
        ManagementRequest { enabled: asked.word == ManageWord::Enable, reason: asked.reason.clone() };
    let pace = Pace { kind, ..Pace::default() };
    each(client, &names, pace, output, async |name| {
        let said = client.manage(kind, &name, &request).await?;
        let warnings = if request.enabled { disabled_above(client, kind, &name).await? } else { Vec::new() };
        let word = if said.management.on { "enabled" } else { "disabled" };
        Ok(Outcome { warnings, ..Outcome::done(with_reason(word, &said.management)) })
    })
    .await
}

/// Which levels above keep what was enabled from being managed.
async fn disabled_above(client: &Client, kind: Kind, name: &Name) -> Result<Vec<String>, Error> {
    let mut warnings = Vec::new();
    let cluster = match kind {
        Kind::Host => client.get::<Host>(name).await?.spec.cluster,
        Kind::Cluster => Some(name.clone()),
        _ => None,
    };
    let Some(cluster) = cluster else { return Ok(warnings) };
    if kind == Kind::Host {
        warnings.extend(still_disabled(&client.administration(Kind::Cluster, &cluster).await?));
    }
    if let Some(zone) = client.get::<Cluster>(&cluster).await?.spec.zone {
        warnings.extend(still_disabled(&client.administration(Kind::Zone, &zone).await?));
    }
    Ok(warnings)
}

fn still_disabled(said: &Administration) -> Option<String> {
    let level = said.kind.to_string().to_lowercase();
    let disabled = with_reason("disabled", &said.management);
    (!said.management.on).then(|| format!("not managed all the same: {level} {} is {disabled}", said.name))
}

fn with_reason(word: &str, said: &Said) -> String {
    said.reason.as_ref().map_or_else(|| word.to_owned(), |reason| format!("{word}: {reason}"))
}

/// `ironhand recovery`.
pub async fn recovery(client: &Client, asked: &args::Recovery, output: Output) -> Result<(), Failure> {
    let place = match (&asked.cluster, &asked.zone) {
        (Some(cluster), _) => Some((Kind::Cluster, named(std::slice::from_ref(cluster))?)),
        (None, Some(zone)) => Some((Kind::Zone, named(std::slice::from_ref(zone))?)),
        (None, None) => None,
    };
    let Some(word) = asked.word else { return show_recovery(client, place, output).await };
    let request = RecoveryRequest { on: word == RecoveryWord::Resume, reason: asked.reason.clone() };
    let places: Vec<Option<(Kind, &Name)>> = match &place {
        Some((kind, names)) => names.iter().map(|name| Some((*kind, name))).collect(),
        None => vec![None],
    };
    let mut said = Vec::new();
    for place in places {
        said.push(client.set_recovery(place, &request).await?);
    }
    tell_recovery(&said, output)
}

/// Where recovery is paused: in the places asked for, or anywhere.
async fn show_recovery(
    client: &Client,
    asked: Option<(Kind, Vec<Name>)>,
    output: Output,
) -> Result<(), Failure> {
    let mut said = Vec::new();
    if let Some((kind, names)) = &asked {
        for name in names {
            said.push(client.recovery(Some((*kind, name))).await?);
        }
        return tell_recovery(&said, output);
    }
    said.push(client.recovery(None).await?);
    for zone in client.list::<Zone>(&LabelSelector::default()).await? {
        said.push(client.recovery(Some((Kind::Zone, &zone.metadata.name))).await?);
    }
    for cluster in client.list::<Cluster>(&LabelSelector::default()).await? {
        said.push(client.recovery(Some((Kind::Cluster, &cluster.metadata.name))).await?);
    }
    // All hosts are always told of.
    let told = said.into_iter().filter(|said| said.kind == Kind::Settings || !said.recovery.on);
    tell_recovery(&told.collect::<Vec<_>>(), output)
}

fn tell_recovery(said: &[Administration], output: Output) -> Result<(), Failure> {
    output.list(
        said,
        &["where", "recovery", "since", "reason"],
        |said| said.name.to_string(),
        |said| {
            let place = match said.kind {
                Kind::Settings => "all hosts".to_owned(),
                kind => format!("{} {}", kind.to_string().to_lowercase(), said.name),
            };
            let state = if said.recovery.on {
                Field::toned("on", Tone::Good)
            } else {
                Field::toned("paused", Tone::Bad)
            };
            let since = said.recovery.at.map(|at| format!("{} ago", age(now(), at))).unwrap_or_default();
            let reason = said.recovery.reason.clone().unwrap_or_default();
            vec![place.into(), state, since.into(), reason.into()]
        },
    )
}

/// `ironhand maintenance`.
pub async fn maintenance(client: &Client, asked: &args::Maintenance, output: Output) -> Result<(), Failure> {
    let hosts = selected(client, &asked.selector).await?;
    let request = MaintenanceRequest { on: asked.switch == Switch::On, reason: asked.reason.clone() };
    each(client, &hosts, Pace::default(), output, async |host| {
        let said = client.maintain(&host, &request).await?.maintenance;
        let word = if said.on { "in maintenance" } else { "not in maintenance" };
        Ok(Outcome::done(with_reason(word, &said)))
    })
    .await
}
