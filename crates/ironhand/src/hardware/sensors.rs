//! `ironhand sensors`.

use ironhand_api::{HardwareReport, Sensor, SensorState, Sensors};
use ironhand_client::Client;

use super::{notes, or_dash, read};
use crate::args;
use crate::bmc::number;
use crate::exit::Failure;
use crate::many::{Block, Outcome, Pace, each};
use crate::output::{Field, Output, Tone};
use crate::select::selected;

/// `ironhand sensors`.
pub async fn sensors(client: &Client, asked: &args::Sensors, output: Output) -> Result<(), Failure> {
    let hosts = selected(client, &asked.selector).await?;
    each(client, &hosts, Pace::reading(), output, async |host| {
        client.sensors(&host).await.map(|report| told(report, asked, output))
    })
    .await
}

fn told(mut report: HardwareReport<Sensors>, asked: &args::Sensors, output: Output) -> Outcome {
    let sensors = &mut report.found.sensors;
    sensors.retain(|sensor| asked.types.is_empty() || asked.types.iter().any(|word| is_of(sensor, word)));
    let all = sensors.len();
    if !output.is_structured() {
        sensors.retain(|sensor| asked.absent || sensor.state != SensorState::Absent);
    }
    let silent = match all - sensors.len() {
        0 => None,
        1 => Some("1 sensor says nothing at the moment: --absent shows it".to_owned()),
        many => Some(format!("{many} sensors say nothing at the moment: --absent shows them")),
    };
    let bad = [SensorState::Critical, SensorState::Warning];
    let worst = bad.into_iter().find(|state| sensors.iter().any(|sensor| sensor.state == *state));
    let mut head = vec!["sensor", "reading", "state"];
    head.extend(output.is_wide().then_some("type"));
    let rows = sensors.iter().map(|sensor| row(sensor, output.is_wide())).collect();
    let silent = silent.map(|text| Field::toned(text, Tone::Dim));
    let block = Block::table(state_word(worst.unwrap_or(SensorState::Ok)), head, rows)
        .with_notes(notes(&report.found.missing).into_iter().chain(silent));
    read(&report, block)
}

fn row(sensor: &Sensor, wide: bool) -> Vec<Field> {
    let unit = match sensor.unit.as_deref() {
        Some("Cel") => " °C".to_owned(),
        Some("[degF]") => " °F".to_owned(),
        Some(unit) => format!(" {unit}"),
        None => String::new(),
    };
    let reading = match sensor.reading {
        Some(value) => format!("{}{unit}", number(value)).into(),
        None => Field::toned("-", Tone::Dim),
    };
    let state = match (sensor.state, sensor.events.as_slice()) {
        (state, []) => state_word(state).to_owned(),
        (SensorState::Ok, events) => events.join(", "),
        (state, events) => format!("{}: {}", state_word(state), events.join(", ")),
    };
    let mut row = vec![sensor.name.as_str().into(), reading, Field::toned(state, state_tone(sensor.state))];
    row.extend(wide.then(|| or_dash(sensor.kind.as_deref())));
    row
}

/// Whether a sensor is of a type, by its name in Redfish or the one that people have from IPMI.
fn is_of(sensor: &Sensor, word: &str) -> bool {
    let word = if word.eq_ignore_ascii_case("fan") { "Rotational" } else { word };
    sensor.kind.as_deref().is_some_and(|kind| {
        kind.eq_ignore_ascii_case(word) || word == "Rotational" && kind.eq_ignore_ascii_case("fan")
    })
}

/// The state of a sensor in a word.
pub const fn state_word(state: SensorState) -> &'static str {
    match state {
        SensorState::Ok => "ok",
        SensorState::Warning => "warning",
        SensorState::Critical => "critical",
        SensorState::Absent => "absent",
    }
}

/// How the state of a sensor looks.
pub const fn state_tone(state: SensorState) -> Tone {
    match state {
        SensorState::Ok => Tone::Good,
        SensorState::Warning => Tone::Warn,
        SensorState::Critical => Tone::Bad,
        SensorState::Absent => Tone::Dim,
    }
}
