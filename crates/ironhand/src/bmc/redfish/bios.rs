//! `ironhand bmc bios`: settings of the machines' firmware.

use std::borrow::Cow;

use clap::{Args, Subcommand};
use ironhand_connectors::RedfishDevice;
use ironhand_redfish::{Attributes, Bios as Settings, SetBios, Staged, bios};
use serde::Serialize;
use serde_json::Value;

use super::{Controllers, Problem};
use crate::bmc::report::{Finding, Shown};
use crate::exit::Failure;
use crate::output::{Field, Output, Tone};

/// `ironhand bmc bios`.
#[derive(Args)]
pub struct Bios {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show settings, and what they will be after the next start
    Get {
        /// Only these [default: all]
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Change settings; they hold after the next start of the machine
    Set {
        /// What to change, like BootMode=Uefi
        #[arg(required = true, value_name = "NAME=VALUE", value_parser = setting)]
        settings: Vec<(String, String)>,
    },
}

fn setting(word: &str) -> Result<(String, String), String> {
    let (name, value) = word.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// `ironhand bmc bios`.
pub async fn bios_settings(controllers: &Controllers, asked: &Bios) -> Result<(), Failure> {
    match &asked.action {
        Action::Get { names } => {
            controllers.each(async |device| Found::of(device.at_place(bios).await?, names)).await
        }
        Action::Set { settings } => controllers.change(async |device| set(device, settings).await).await,
    }
}

async fn set(device: &mut RedfishDevice, settings: &[(String, String)]) -> Result<Changed, Problem> {
    let now = device.at_place(bios).await?;
    let mut attributes = Attributes::new();
    for (name, text) in settings {
        let value = now.value(name, text).map_err(ironhand_connectors::Error::from)?;
        attributes.insert(name.clone(), value);
    }
    let place = device.place().await?;
    let Staged { job, unseen } = device.run(SetBios { place, attributes }).await?;
    Ok(Changed { staged: settings.len(), job, unseen })
}

/// Settings of one machine's firmware.
#[derive(Serialize)]
struct Found {
    attributes: Attributes,
    /// Those that will be other after the next start.
    pending: Attributes,
}

impl Found {
    fn of(found: Settings, names: &[String]) -> Result<Self, Problem> {
        let Settings { mut attributes, mut pending, .. } = found;
        if let Some(name) = names.iter().find(|name| !attributes.contains_key(*name)) {
            return Err(Problem::failed(
                "bios.unknown",
                "unknown setting",
                format!("there is no setting {name}"),
            )
            .with_hint("`ironhand bmc bios get` shows all; names are case-sensitive"));
        }
        if !names.is_empty() {
            attributes.retain(|name, _| names.contains(name));
            pending.retain(|name, _| names.contains(name));
        }
        Ok(Self { attributes, pending })
    }
}

impl Finding for Found {
    fn outcome(&self) -> Cow<'static, str> {
        if self.pending.is_empty() { "read".into() } else { "changes pending".into() }
    }

    fn shown(&self, _: Output) -> Shown {
        let row = |(name, value): (&String, &Value)| {
            let next = self.pending.get(name).map(text).unwrap_or_default();
            vec![name.as_str().into(), text(value).into(), Field::toned(next, Tone::Warn)]
        };
        Shown::Table {
            head: &["setting", "value", "after the next start"],
            rows: self.attributes.iter().map(row).collect(),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What was changed.
#[derive(Serialize)]
struct Changed {
    staged: usize,
    /// The job of the controller that will do it.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<String>,
    /// Settings that the controller took and does not show as pending.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unseen: Vec<String>,
}

impl Finding for Changed {
    fn outcome(&self) -> Cow<'static, str> {
        "staged".into()
    }

    fn shown(&self, _: Output) -> Shown {
        let settings =
            if self.staged == 1 { "1 setting".to_owned() } else { format!("{} settings", self.staged) };
        Shown::Line(format!("{settings} changed: they hold after the machine starts next").into())
    }

    fn note(&self) -> Option<String> {
        (!self.unseen.is_empty())
            .then(|| format!("accepted, but not shown as pending: {}", self.unseen.join(", ")))
    }
}
