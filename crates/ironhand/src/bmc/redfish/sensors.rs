//! `ironhand bmc sensors` over Redfish.

use std::borrow::Cow;

use ironhand_api::{Sensor, SensorState};
use ironhand_connectors::{Device, RedfishDevice};
use serde::Serialize;

use super::{Controllers, Problem};
use crate::bmc::args;
use crate::bmc::report::{Finding, Shown};
use crate::bmc::sensors::number;
use crate::exit::Failure;
use crate::hardware::{state_tone, state_word};
use crate::output::{Field, Output, Tone};

/// The sensors of one machine.
#[derive(Serialize)]
struct Sensors {
    sensors: Vec<Row>,
    /// Sensors that say nothing at the moment and are not among those shown.
    silent: usize,
}

/// A sensor and what it says.
#[derive(Serialize)]
struct Row {
    name: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    state: SensorState,
}

/// `ironhand bmc sensors`.
pub async fn sensors(controllers: &Controllers, asked: &args::Sensors) -> Result<(), Failure> {
    if asked.thresholds {
        return Err(Failure::Usage {
            message: "limits are read over IPMI alone".to_owned(),
            hint: Some("leave out --thresholds, or --protocol redfish".to_owned()),
        });
    }
    controllers.each(async |device| read(device, asked).await).await
}

async fn read(device: &mut RedfishDevice, asked: &args::Sensors) -> Result<Sensors, Problem> {
    let mut found = device.sensors().await?.sensors;
    found.retain(|sensor| asked.types.is_empty() || asked.types.iter().any(|word| is_of(sensor, word)));
    let all = found.len();
    found.retain(|sensor| asked.all || sensor.state != SensorState::Absent);
    Ok(Sensors { silent: all - found.len(), sensors: found.into_iter().map(Row::of).collect() })
}

/// Whether a sensor is of a type, by its name in Redfish or the one that people have from IPMI.
fn is_of(sensor: &Sensor, word: &str) -> bool {
    let word = if word.eq_ignore_ascii_case("fan") { "Rotational" } else { word };
    sensor.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case(word))
        || word == "Rotational" && sensor.kind.as_deref() == Some("Percent")
}

impl Row {
    fn of(sensor: Sensor) -> Self {
        let unit = sensor.unit.map(|unit| if unit == "Cel" { "°C".to_owned() } else { unit });
        let kind = sensor.kind.map(|kind| if kind == "Rotational" { "Fan".to_owned() } else { kind });
        Self { name: sensor.name, kind, value: sensor.reading, unit, state: sensor.state }
    }

    fn fields(&self) -> Vec<Field> {
        let reading = match (self.value, self.unit.as_deref()) {
            (Some(value), Some(unit)) => format!("{} {unit}", number(value)).into(),
            (Some(value), None) => number(value).into(),
            (None, _) => Field::toned("-", Tone::Dim),
        };
        vec![self.name.as_str().into(), reading, Field::toned(state_word(self.state), state_tone(self.state))]
    }
}

impl Finding for Sensors {
    fn outcome(&self) -> Cow<'static, str> {
        let worst = [SensorState::Critical, SensorState::Warning];
        let worst = worst.into_iter().find(|state| self.sensors.iter().any(|row| row.state == *state));
        state_word(worst.unwrap_or(SensorState::Ok)).into()
    }

    fn shown(&self, _: Output) -> Shown {
        Shown::Table {
            head: &["sensor", "reading", "state"],
            rows: self.sensors.iter().map(Row::fields).collect(),
        }
    }

    fn note(&self) -> Option<String> {
        let sensors = match self.silent {
            0 => return None,
            1 => "1 sensor says".to_owned(),
            many => format!("{many} sensors say"),
        };
        Some(format!("{sensors} nothing at the moment: --all shows them"))
    }
}
