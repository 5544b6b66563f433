//! `ironhand bmc sensors`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ironhand_ipmi::sdr::ReadSdr;
use ironhand_ipmi::sensor::event_text::sensor_type_number;
use ironhand_ipmi::sensor::{ReadSensors, Sensor, SensorReport, SensorSelection, Threshold};
use ironhand_ipmi_port::Bmc;
use serde::Serialize;

use super::{Finding, Fleet, Problem, Shown, args};
use crate::exit::Failure;
use crate::output::{Field, Output, Tone};

/// The limits from the lowest to the highest, as people read them in a row.
const LIMITS: [Threshold; 6] = [
    Threshold::LowerNonRecoverable,
    Threshold::LowerCritical,
    Threshold::LowerNonCritical,
    Threshold::UpperNonCritical,
    Threshold::UpperCritical,
    Threshold::UpperNonRecoverable,
];

/// The sensors of one BMC.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sensors {
    sensors: Vec<Row>,
    /// Sensors that say nothing at the moment and are not among those shown.
    silent: usize,
    /// What is wrong with how the BMC keeps its sensors' records.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    flaws: Vec<String>,
    #[serde(skip)]
    worst: Option<Threshold>,
    #[serde(skip)]
    with_limits: bool,
}

/// A sensor and what it says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    number: u8,
    #[serde(rename = "type")]
    kind: &'static str,
    /// What it belongs to, as id and instance: 7.1.
    entity: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    unit: String,
    /// `ok`, or the limit that the value is beyond, of a sensor that has limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    /// The states that a sensor of states is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    states: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thresholds: Option<BTreeMap<&'static str, f64>>,
    /// Why it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    unavailable: Option<String>,
    #[serde(skip)]
    beyond: Option<Threshold>,
}

impl Row {
    fn new(sensor: &Sensor, report: &SensorReport, with_limits: bool) -> Self {
        let reading = report.reading.as_ref();
        let states = reading.ok().map(|reading| reading.states);
        let beyond =
            states.and_then(|bits| Threshold::most_severe(bits as u8)).filter(|_| sensor.is_threshold());
        let limits = || report.thresholds.iter().map(|(threshold, value)| (key(threshold), value)).collect();
        Self {
            name: sensor.name.clone(),
            number: sensor.key.number,
            kind: sensor.type_name(),
            entity: sensor.entity.to_string(),
            raw: reading.ok().and_then(|reading| reading.raw),
            value: reading.ok().and_then(|reading| reading.value),
            unit: sensor.unit.to_string(),
            state: states.filter(|_| sensor.is_threshold()).map(|_| beyond.map_or("ok", Threshold::name)),
            states: states.filter(|_| !sensor.is_threshold()).map(|bits| sensor.state_texts(bits)),
            thresholds: with_limits.then(limits),
            unavailable: reading.err().map(ToString::to_string),
            beyond,
        }
    }

    fn reading(&self) -> Field {
        match (self.value, self.raw) {
            (Some(value), _) if self.unit.is_empty() => number(value).into(),
            (Some(value), _) => format!("{} {}", number(value), self.unit).into(),
            (None, Some(raw)) => format!("raw {raw:#04x}").into(),
            (None, None) => Field::toned("-", Tone::Dim),
        }
    }

    fn state(&self) -> Field {
        if let Some(why) = &self.unavailable {
            return Field::toned(why.as_str(), Tone::Dim);
        }
        match (self.state, &self.states) {
            (Some(state), _) => Field::toned(state, self.beyond.map_or(Tone::Good, tone)),
            (None, Some(states)) if !states.is_empty() => states.join(", ").into(),
            (None, _) => Field::toned("-", Tone::Dim),
        }
    }

    fn limit(&self, threshold: Threshold) -> Field {
        let value = self.thresholds.as_ref().and_then(|limits| limits.get(key(threshold)));
        value.map_or_else(|| Field::toned("-", Tone::Dim), |value| number(*value).into())
    }
}

impl Finding for Sensors {
    fn outcome(&self) -> Cow<'static, str> {
        self.worst.map_or("ok", Threshold::name).into()
    }

    fn shown(&self, _: Output) -> Shown {
        let fields = |row: &Row| {
            let mut fields = vec![row.name.as_str().into(), row.reading(), row.state()];
            if self.with_limits {
                fields.extend(LIMITS.map(|limit| row.limit(limit)));
            }
            fields
        };
        let head: &[_] = if self.with_limits {
            &["sensor", "reading", "state", "low nr", "low cr", "low nc", "high nc", "high cr", "high nr"]
        } else {
            &["sensor", "reading", "state"]
        };
        Shown::Table { head, rows: self.sensors.iter().map(fields).collect() }
    }

    fn note(&self) -> Option<String> {
        let sensors = match self.silent {
            0 => return None,
            1 => "1 sensor says".to_owned(),
            many => format!("{many} sensors say"),
        };
        Some(format!("{sensors} nothing at the moment: --all tells why"))
    }
}

/// The name of a limit in documents for programs.
const fn key(threshold: Threshold) -> &'static str {
    match threshold {
        Threshold::LowerNonCritical => "lowerNonCritical",
        Threshold::LowerCritical => "lowerCritical",
        Threshold::LowerNonRecoverable => "lowerNonRecoverable",
        Threshold::UpperNonCritical => "upperNonCritical",
        Threshold::UpperCritical => "upperCritical",
        Threshold::UpperNonRecoverable => "upperNonRecoverable",
    }
}

const fn tone(beyond: Threshold) -> Tone {
    match beyond {
        Threshold::LowerNonCritical | Threshold::UpperNonCritical => Tone::Warn,
        _ => Tone::Bad,
    }
}

/// How bad it is to be beyond a limit.
const fn severity(beyond: Threshold) -> u8 {
    match beyond {
        Threshold::LowerNonCritical | Threshold::UpperNonCritical => 1,
        Threshold::LowerCritical | Threshold::UpperCritical => 2,
        Threshold::LowerNonRecoverable | Threshold::UpperNonRecoverable => 3,
    }
}

/// A value with at most three decimals, and no zeros behind the last that counts.
pub fn number(value: f64) -> String {
    if value != 0.0 && (value.abs() < 0.001 || value.abs() >= 1e9) {
        return format!("{value:.3e}");
    }
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// `ironhand bmc sensors`.
pub async fn sensors(fleet: &Fleet, asked: &args::Sensors) -> Result<(), Failure> {
    let types = asked.types.iter().map(|word| sensor_type(word)).collect::<Result<Vec<_>, _>>()?;
    let selection = SensorSelection { types, thresholds: asked.thresholds, quirks: fleet.config.quirks };
    fleet.each(async |bmc| read(bmc, &selection, asked.all).await).await
}

async fn read(bmc: &Bmc, selection: &SensorSelection, all: bool) -> Result<Sensors, Problem> {
    let repository = bmc.run(ReadSdr::new(None)).await?;
    let reports = bmc.run(ReadSensors::new(repository, selection.clone())).await?;
    let said = reports.iter().filter(|(_, report)| all || report.reading.is_ok());
    let sensors: Vec<_> =
        said.map(|(sensor, report)| Row::new(sensor, report, selection.thresholds)).collect();
    let worst = sensors.iter().filter_map(|row| row.beyond).max_by_key(|beyond| severity(*beyond));
    let flaws = reports.repository.flaws().iter().map(ToString::to_string).collect();
    let silent = reports.iter().count() - sensors.len();
    Ok(Sensors { sensors, silent, flaws, worst, with_limits: selection.thresholds })
}

/// A sensor type by its name or its number.
fn sensor_type(word: &str) -> Result<u8, Failure> {
    let number = match word.strip_prefix("0x") {
        Some(digits) => u8::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    };
    number.or_else(|| sensor_type_number(word)).ok_or_else(|| Failure::Usage {
        message: format!("`{word}` is no sensor type"),
        hint: Some(
            "name one like Temperature, Voltage, Fan, \"Power Supply\", or its number like 0x01".to_owned(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        for (value, text) in [
            (24.0, "24"),
            (12.033, "12.033"),
            (11.8800001, "11.88"),
            (-0.0001, "-1.000e-4"),
            (0.0, "0"),
            (-7.5, "-7.5"),
            (100.0, "100"),
            (2.5e12, "2.500e12"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn sensor_types_are_named_or_numbered() {
        let number = |word| sensor_type(word).ok();
        assert_eq!(["fan", "Power Supply", "0x01", "8"].map(number), [Some(4), Some(8), Some(1), Some(8)]);
        assert_eq!(["", "fans", "0x100", "-1"].map(number), [None; 4]);
    }
}
