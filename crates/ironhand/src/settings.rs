//! `ironhand settings`: what settings there are, what they mean, and what sets them.

use ironhand_api::{
    GlobalSettings, Kind, SettingDefinition, SettingInForce, SettingScope, SettingValue, Settings,
};
use ironhand_client::Client;
use serde::Serialize;

use crate::args::{self, Format, SettingsCommand};
use crate::exit::Failure;
use crate::output::{Field, Output, Tone, line, terminal_width};
use crate::select::host_name;

/// On narrower terminals descriptions would be columns of single words.
const WIDE_ENOUGH: u16 = 140;

/// One setting as it holds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Holding {
    value: SettingValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    #[serde(flatten)]
    definition: SettingDefinition,
}

/// `ironhand settings`.
pub async fn settings(client: &Client, asked: &args::Settings, output: Output) -> Result<(), Failure> {
    let definitions = client.setting_definitions().await?;
    if let Some(SettingsCommand::Describe { name }) = &asked.command {
        let definition = definitions.into_iter().find(|one| one.name == name.as_str());
        return describe(name, definition, output);
    }
    let host = asked.host.as_deref().map(host_name).transpose()?;
    let in_force = match &host {
        Some(host) => client.settings_of(host).await?,
        None => global(client).await?,
    };
    let of_hosts = |definition: &SettingDefinition| host.is_none() || definition.scope == SettingScope::Host;
    let holding: Vec<Holding> =
        definitions.into_iter().filter(of_hosts).map(|definition| hold(definition, &in_force)).collect();
    let described =
        output.format == Format::Wide || terminal_width().is_none_or(|width| width >= WIDE_ENOUGH);
    let mut head = vec!["name", "value", "default", "range", "set by"];
    head.extend(described.then_some("description"));
    output.list(
        &holding,
        &head,
        |holding| holding.definition.name.to_string(),
        |holding| {
            let Holding { value, origin, definition } = holding;
            let tone = if origin.is_some() { Tone::Good } else { Tone::Plain };
            let mut row = vec![
                definition.name.as_ref().into(),
                Field::toned(value.to_string(), tone),
                definition.default.to_string().into(),
                range(definition).into(),
                origin.clone().unwrap_or_default().into(),
            ];
            row.extend(described.then(|| Field::toned(definition.description.as_ref(), Tone::Dim)));
            row
        },
    )?;
    if !described && output.format == Format::Table {
        note!("ironhand settings describe NAME tells what a setting means");
    }
    Ok(())
}

/// What the `Settings` manifest sets; nothing where there is none.
async fn global(client: &Client) -> Result<Vec<SettingInForce>, Failure> {
    let name = host_name(Settings::GLOBAL)?;
    let spec = match client.get::<GlobalSettings>(&name).await {
        Ok(settings) => settings.spec,
        Err(error) if error.problem().is_some_and(|problem| problem.status == 404) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let origin = format!("{} {name}", Kind::Settings);
    let given = spec.given().into_iter();
    Ok(given
        .map(|(name, value)| SettingInForce { name: name.to_owned(), value, origin: Some(origin.clone()) })
        .collect())
}

fn hold(definition: SettingDefinition, in_force: &[SettingInForce]) -> Holding {
    let found = in_force.iter().find(|one| definition.name == one.name.as_str());
    let value = found.map_or(definition.default, |one| one.value);
    Holding { value, origin: found.and_then(|one| one.origin.clone()), definition }
}

fn range(definition: &SettingDefinition) -> String {
    SettingValue::range(definition.least, definition.greatest).unwrap_or_default()
}

fn describe(name: &str, definition: Option<SettingDefinition>, output: Output) -> Result<(), Failure> {
    let Some(definition) = definition else {
        return Err(Failure::NotFound(format!(
            "there is no setting `{name}`; `ironhand settings` lists them"
        )));
    };
    if output.is_structured() {
        return output.value(&definition);
    }
    let places = match definition.scope {
        SettingScope::Global => format!("the Settings named {}", Settings::GLOBAL),
        SettingScope::Host => format!(
            "the Settings named {}, and spec.settings of zones, clusters and hosts; the nearest to the host holds",
            Settings::GLOBAL
        ),
    };
    line(&format!("{}: {}", definition.name, definition.description));
    line(&format!("default  {}", definition.default));
    line(&format!("range    {}", range(&definition)));
    line(&format!("set in   {places}"));
    Ok(())
}
