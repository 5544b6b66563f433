//! `ironhand bmc sdr`.

use ironhand_ipmi::procedure::Ask;
use ironhand_ipmi::sdr::commands::{
    DeviceSdrInfo, GetDeviceSdrInfo, GetSdrRepositoryInfo, SdrRepositoryInfo,
};
use ironhand_ipmi::sdr::{Entity, ReadSdr, Record, RecordBody, SdrRepository};
use ironhand_ipmi::sel::{Moment, Timestamp};
use ironhand_ipmi::sensor::event_text::sensor_type_name;
use ironhand_ipmi_port::{Bmc, RunError};
use serde::Serialize;

use super::args::SdrWord;
use super::{Finding, Fleet, Problem, Shown, args};
use crate::exit::Failure;
use crate::output::{Field, Output, Tone};

/// The records of one BMC.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Records {
    records: Vec<Row>,
    /// What is wrong with how the BMC keeps them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    flaws: Vec<String>,
}

/// A record in a few words.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: u16,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// What it belongs to, as id and instance: 7.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity_name: Option<&'static str>,
    detail: String,
}

impl Row {
    fn new(record: &Record) -> Self {
        let entity = entity(&record.body);
        Self {
            id: record.id,
            kind: kind(&record.body),
            name: record.name().map(str::to_owned),
            entity: entity.map(|entity| entity.to_string()),
            entity_name: entity.map(Entity::name),
            detail: detail(&record.body),
        }
    }
}

const fn kind(body: &RecordBody) -> &'static str {
    match body {
        RecordBody::Full(_) => "full sensor",
        RecordBody::Compact(_) => "compact sensor",
        RecordBody::EventOnly(_) => "event-only sensor",
        RecordBody::EntityAssociation(_) => "entity association",
        RecordBody::GenericDevice(_) => "generic device",
        RecordBody::FruDevice(_) => "FRU device",
        RecordBody::ControllerDevice(_) => "management controller",
        RecordBody::Oem { .. } => "OEM",
        _ => "other",
    }
}

fn entity(body: &RecordBody) -> Option<Entity> {
    Some(match body {
        RecordBody::Full(sensor) => sensor.description.entity,
        RecordBody::Compact(sensor) => sensor.description.entity,
        RecordBody::EventOnly(sensor) => sensor.entity,
        RecordBody::EntityAssociation(association) => association.container,
        RecordBody::GenericDevice(device) => device.entity,
        RecordBody::FruDevice(device) => device.entity,
        RecordBody::ControllerDevice(device) => device.entity,
        _ => return None,
    })
}

fn detail(body: &RecordBody) -> String {
    let sensor = |number: u8, sensor_type: u8, count: u8| match count {
        0 | 1 => format!("sensor {number:#04x}, {}", sensor_type_name(sensor_type)),
        count => format!("{count} sensors from {number:#04x}, {}", sensor_type_name(sensor_type)),
    };
    match body {
        RecordBody::Full(full) => sensor(full.description.key.number, full.description.sensor_type, 1),
        RecordBody::Compact(compact) => {
            sensor(compact.description.key.number, compact.description.sensor_type, compact.sharing.count)
        }
        RecordBody::EventOnly(events) => sensor(events.key.number, events.sensor_type, events.sharing.count),
        RecordBody::EntityAssociation(association) => {
            let parts: Vec<_> = association.contained.iter().map(|(entity, _)| entity.to_string()).collect();
            parts.join(", ")
        }
        RecordBody::GenericDevice(device) => {
            format!("address {:#04x}, bus {}", device.slave_address, device.bus)
        }
        RecordBody::FruDevice(device) if device.logical => format!("FRU {}", device.device),
        RecordBody::FruDevice(device) => format!("address {:#04x}, bus {}", device.device, device.bus),
        RecordBody::ControllerDevice(device) => {
            format!("address {:#04x}, channel {}", device.slave_address, device.channel)
        }
        RecordBody::Oem { manufacturer, data } => {
            format!("manufacturer {manufacturer}, {} bytes", data.len())
        }
        RecordBody::Opaque { record_type, fault: Some(fault), .. } => {
            format!("type {record_type:#04x}: {fault}")
        }
        RecordBody::Opaque { record_type, data, .. } => {
            format!("type {record_type:#04x}, {} bytes", data.len())
        }
        _ => String::new(),
    }
}

impl Finding for Records {
    fn shown(&self, _: Output) -> Shown {
        let absent = || Field::toned("-", Tone::Dim);
        let fields = |row: &Row| {
            vec![
                format!("{:#06x}", row.id).into(),
                row.kind.into(),
                row.name.as_deref().map_or_else(absent, Field::from),
                row.entity.as_deref().map_or_else(absent, Field::from),
                row.detail.as_str().into(),
            ]
        };
        Shown::Table {
            head: &["id", "type", "name", "entity", "detail"],
            rows: self.records.iter().map(fields).collect(),
        }
    }
}

/// What a BMC says of its records, and what is found when they are read.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    /// `repository` or `device`.
    kept_in: &'static str,
    records: usize,
    sensors: usize,
    /// How many records the BMC says it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    free_bytes: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_addition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_erase: Option<String>,
    flaws: Vec<String>,
}

impl Info {
    fn of_repository(info: &SdrRepositoryInfo, repository: &SdrRepository) -> Self {
        Self {
            claimed: Some(info.records),
            // FFFFh is "unspecified".
            free_bytes: Some(info.free).filter(|free| *free != 0xFFFF),
            last_addition: time(info.last_addition),
            last_erase: time(info.last_erase),
            ..Self::of("repository", repository)
        }
    }

    fn of(kept_in: &'static str, repository: &SdrRepository) -> Self {
        Self {
            kept_in,
            records: repository.records().len(),
            sensors: repository.sensors().len(),
            claimed: None,
            free_bytes: None,
            last_addition: None,
            last_erase: None,
            flaws: repository.flaws().iter().map(ToString::to_string).collect(),
        }
    }
}

impl Finding for Info {
    fn shown(&self, _: Output) -> Shown {
        let text = |value: &Option<String>| value.as_deref().map_or_else(|| "unknown".into(), Field::from);
        let mut pairs = vec![
            ("kept in", self.kept_in.into()),
            ("records", self.records.to_string().into()),
            ("sensors", self.sensors.to_string().into()),
        ];
        if self.claimed.is_some() {
            pairs.push(("last addition", text(&self.last_addition)));
            pairs.push(("last erase", text(&self.last_erase)));
        }
        pairs.extend(self.free_bytes.map(|free| ("free", format!("{free} bytes").into())));
        pairs.extend(self.flaws.iter().map(|flaw| ("flaw", Field::toned(flaw.as_str(), Tone::Warn))));
        Shown::Pairs(pairs)
    }
}

/// A time of the BMC's clock, if it knew it.
fn time(time: Timestamp) -> Option<String> {
    match time.moment() {
        Moment::Clock(seconds) => {
            Some(ironhand_api::Timestamp::from_millis(i64::from(seconds) * 1000).to_string())
        }
        Moment::SinceStart(_) | Moment::Unknown => None,
    }
}

/// `ironhand bmc sdr`.
pub async fn sdr(fleet: &Fleet, asked: &args::Sdr) -> Result<(), Failure> {
    match asked.action {
        SdrWord::List => fleet.each(async |bmc| list(bmc).await).await,
        SdrWord::Info => fleet.each(async |bmc| info(bmc).await).await,
    }
}

async fn list(bmc: &Bmc) -> Result<Records, Problem> {
    let repository = bmc.run(ReadSdr::new(None)).await?;
    Ok(Records {
        records: repository.records().iter().map(Row::new).collect(),
        flaws: repository.flaws().iter().map(ToString::to_string).collect(),
    })
}

async fn info(bmc: &Bmc) -> Result<Info, Problem> {
    let repository = bmc.run(ReadSdr::new(None)).await?;
    let doing = "read the SDR repository's state";
    match bmc.run(Ask::new(doing, &GetSdrRepositoryInfo)).await {
        Ok(info) => Ok(Info::of_repository(&info, &repository)),
        // A BMC that keeps its records elsewhere, or does not tell.
        Err(RunError::Procedure(_)) => {
            let device: Result<DeviceSdrInfo, _> = bmc.run(Ask::new(doing, &GetDeviceSdrInfo)).await;
            Ok(Info::of(if device.is_ok() { "device" } else { "repository" }, &repository))
        }
        Err(error) => Err(error.into()),
    }
}
