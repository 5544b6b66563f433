//! `ironhand manage` and `ironhand maintenance`.

use ironhand_api::{Administration, Cluster, Host, Kind, MaintenanceRequest, ManagementRequest, Name, Said};
use ironhand_client::{Client, Error};

use crate::args::{self, ManageWord, Switch};
use crate::exit::Failure;
use crate::many::{Outcome, Pace, each};
use crate::output::Output;
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
