//! `ironhand bmc fru`: the inventory of boards and power supplies.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ironhand_api::Timestamp as Time;
use ironhand_ipmi::fru::{
    Contents, DeviceReading, Field as Coded, FruReading, Inventory, MultiRecord, ReadFrus, chassis_type_name,
};
use ironhand_ipmi::sdr::{ReadSdr, RecordBody};
use ironhand_ipmi_port::{Bmc, RunError};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::args::Fru;
use super::{Finding, Fleet, Problem, Shown};
use crate::exit::Failure;
use crate::output::{Field, Output, Tone};

/// The device that every BMC has: its own board.
const BUILT_IN: u8 = 0;

/// The BMC's address on its bus.
const BMC_ADDRESS: u8 = 0x20;

/// `ironhand bmc fru`.
pub async fn fru(fleet: &Fleet, asked: &Fru) -> Result<(), Failure> {
    fleet
        .each(async |bmc| {
            let (places, elsewhere) = match asked.device.as_slice() {
                [] => located(bmc).await?,
                ids => (ids.iter().map(|id| (*id, None)).collect(), Vec::new()),
            };
            let readings = bmc.run(ReadFrus::new(places.keys().copied().collect())).await?;
            match readings.as_slice() {
                // The only device that was asked for: the command failed.
                [DeviceReading { reading: Err(error), .. }] => Err(error.clone().into()),
                readings => {
                    let name = |device| places.get(&device).cloned().flatten();
                    let devices = readings.iter().map(|reading| Device::new(reading, name(reading.device)));
                    Ok(Devices { devices: devices.chain(elsewhere).collect() })
                }
            }
        })
        .await
}

/// The devices that a BMC's records name: those that its own FRU commands read, with their names, and others.
async fn located(bmc: &Bmc) -> Result<(BTreeMap<u8, Option<String>>, Vec<Device>), Problem> {
    let mut places = BTreeMap::from([(BUILT_IN, None)]);
    let mut elsewhere = Vec::new();
    let repository = match bmc.run(ReadSdr::new(None)).await {
        Ok(repository) => repository,
        // A BMC without records has its own board all the same.
        Err(RunError::Procedure(_)) => return Ok((places, elsewhere)),
        Err(error) => return Err(error.into()),
    };
    for record in repository.records() {
        let RecordBody::FruDevice(locator) = &record.body else { continue };
        let name = Some(locator.name.clone()).filter(|name| !name.is_empty());
        if locator.logical && locator.access_address == BMC_ADDRESS && locator.lun == 0 {
            places.insert(locator.device, name);
        } else {
            elsewhere.push(Device {
                device: locator.device,
                name,
                areas: Vec::new(),
                flaws: Vec::new(),
                error: Some(format!("behind controller {:02X}h, not read", locator.access_address)),
            });
        }
    }
    Ok((places, elsewhere))
}

/// The devices of one BMC.
#[derive(Serialize)]
struct Devices {
    devices: Vec<Device>,
}

/// One device.
#[derive(Serialize)]
struct Device {
    device: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    areas: Vec<AreaValues>,
    /// What is wrong with what the device holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    flaws: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// An area, or a record, with what it says.
struct AreaValues {
    area: &'static str,
    values: Vec<Value>,
}

struct Value {
    name: &'static str,
    value: String,
}

/// The name of the fields that a manufacturer added, of which there can be several.
const EXTRA: &str = "extra";

/// As an object whose keys are the fields' names.
impl Serialize for AreaValues {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("area", self.area)?;
        for value in self.values.iter().filter(|value| value.name != EXTRA) {
            map.serialize_entry(&key(value.name), &value.value)?;
        }
        let extra: Vec<_> = self.values.iter().filter(|value| value.name == EXTRA).collect();
        if !extra.is_empty() {
            map.serialize_entry(EXTRA, &extra.iter().map(|value| &value.value).collect::<Vec<_>>())?;
        }
        map.end()
    }
}

/// A field's name as programs like it: "serial number" is `serialNumber`.
fn key(name: &str) -> String {
    let mut key = String::new();
    let mut word_begins = false;
    for character in name.chars() {
        match character {
            ' ' | ',' | '-' => word_begins = true,
            character if std::mem::take(&mut word_begins) => key.extend(character.to_uppercase()),
            character => key.push(character),
        }
    }
    key
}

impl Device {
    fn new(reading: &DeviceReading, name: Option<String>) -> Self {
        let device = reading.device;
        match &reading.reading {
            Ok(FruReading { inventory, flaws }) => Self {
                device,
                name,
                areas: areas(inventory),
                flaws: flaws.iter().map(ToString::to_string).collect(),
                error: None,
            },
            Err(error) => {
                Self { device, name, areas: Vec::new(), flaws: Vec::new(), error: Some(error.to_string()) }
            }
        }
    }
}

impl Finding for Devices {
    fn outcome(&self) -> Cow<'static, str> {
        let unsound = self.devices.iter().any(|device| device.error.is_some() || !device.flaws.is_empty());
        if unsound { "read with flaws".into() } else { "read".into() }
    }

    fn shown(&self, _: Output) -> Shown {
        Shown::Table {
            head: &["device", "area", "field", "value"],
            rows: self.devices.iter().flat_map(Device::rows).collect(),
        }
    }
}

impl Device {
    fn rows(&self) -> Vec<Vec<Field>> {
        let device = match &self.name {
            Some(name) => format!("{} {name}", self.device),
            None => self.device.to_string(),
        };
        let row = |area: &str, name: &str, value: Field| {
            vec![device.as_str().into(), area.into(), name.into(), value]
        };
        let values = self.areas.iter().flat_map(|area| {
            area.values.iter().map(|value| row(area.area, value.name, value.value.as_str().into()))
        });
        let flaws = self.flaws.iter().map(|flaw| row("", "warning", Field::toned(flaw.as_str(), Tone::Warn)));
        let error = self.error.iter().map(|error| row("", "error", Field::toned(error.as_str(), Tone::Bad)));
        values.chain(flaws).chain(error).collect()
    }
}

/// Collects what an area says; fields that say nothing are left out.
struct Values(Vec<Value>);

impl Values {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn text(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.0.push(Value { name, value });
        }
        self
    }

    fn field(self, name: &'static str, field: &Coded) -> Self {
        self.text(name, field.text())
    }

    fn custom(self, fields: &[Coded]) -> Self {
        fields.iter().fold(self, |values, field| values.field(EXTRA, field))
    }

    fn area(self, area: &'static str) -> AreaValues {
        AreaValues { area, values: self.0 }
    }
}

fn areas(inventory: &Inventory) -> Vec<AreaValues> {
    let chassis = inventory.chassis.as_ref().map(|chassis| {
        Values::new()
            .text("type", chassis_type_name(chassis.chassis_type))
            .field("part number", &chassis.part_number)
            .field("serial number", &chassis.serial_number)
            .custom(&chassis.custom)
            .area("chassis")
    });
    let board = inventory.board.as_ref().map(|board| {
        let made = board.made_seconds().map(|seconds| Time::from_millis(i64::from(seconds) * 1000));
        Values::new()
            .text("made", made.map(|made| made.to_string().replace(".000Z", "Z")).unwrap_or_default())
            .field("manufacturer", &board.manufacturer)
            .field("product", &board.product)
            .field("serial number", &board.serial_number)
            .field("part number", &board.part_number)
            .field("file", &board.fru_file_id)
            .custom(&board.custom)
            .area("board")
    });
    let product = inventory.product.as_ref().map(|product| {
        Values::new()
            .field("manufacturer", &product.manufacturer)
            .field("name", &product.name)
            .field("part number", &product.part_number)
            .field("version", &product.version)
            .field("serial number", &product.serial_number)
            .field("asset tag", &product.asset_tag)
            .field("file", &product.fru_file_id)
            .custom(&product.custom)
            .area("product")
    });
    [chassis, board, product].into_iter().flatten().chain(inventory.records.iter().map(record)).collect()
}

/// Hundredths of a volt as volts.
fn volts(hundredths: impl Into<i32>) -> String {
    format!("{:.2} V", f64::from(hundredths.into()) / 100.0)
}

fn amperes(milliamperes: u16) -> String {
    format!("{:.3} A", f64::from(milliamperes) / 1000.0)
}

fn record(record: &MultiRecord) -> AreaValues {
    match &record.contents {
        Contents::PowerSupply(supply) => {
            let [[low, high], [low_2, high_2]] = supply.input_voltage;
            let range = |low: u16, high: u16| match high {
                0 => String::new(),
                _ => format!("{} to {}", volts(low), volts(high)),
            };
            let [slow, fast] = supply.input_frequency;
            let peak = |value: Option<u16>| value.map(|value| format!("{value} VA")).unwrap_or_default();
            let features = [
                (supply.hot_swap, "hot swap"),
                (supply.autoswitch, "autoswitch"),
                (supply.power_factor_correction, "power factor correction"),
                (supply.predictive_failure_pin, "predictive failure pin"),
            ];
            let features: Vec<_> = features.iter().filter(|(has, _)| *has).map(|(_, name)| *name).collect();
            Values::new()
                .text("capacity", format!("{} W", supply.capacity))
                .text("peak", peak(supply.peak_va))
                .text("peak capacity", format!("{} W for {} s", supply.peak_capacity, supply.hold_up))
                .text("input", range(low, high))
                .text("input, second range", range(low_2, high_2))
                .text(
                    "input frequency",
                    if fast == 0 { String::new() } else { format!("{slow} to {fast} Hz") },
                )
                .text("features", features.join(", "))
                .area("power supply")
        }
        Contents::DcOutput(output) => Values::new()
            .text("output", output.number.to_string())
            .text("standby", if output.standby { "yes" } else { "no" })
            .text("voltage", volts(output.nominal_voltage))
            .text("negative deviation", volts(output.negative_deviation))
            .text("positive deviation", volts(output.positive_deviation))
            .text("ripple", format!("{} mV", output.ripple))
            .text(
                "current",
                format!("{} to {}", amperes(output.lowest_current), amperes(output.highest_current)),
            )
            .area("DC output"),
        Contents::DcLoad(load) => Values::new()
            .text("output", load.number.to_string())
            .text("voltage", volts(load.nominal_voltage))
            .text("lowest voltage", volts(load.lowest_voltage))
            .text("highest voltage", volts(load.highest_voltage))
            .text("ripple", format!("{} mV", load.ripple))
            .text("current", format!("{} to {}", amperes(load.lowest_current), amperes(load.highest_current)))
            .area("DC load"),
        Contents::ManagementAccess(access) => {
            Values::new().text(access.kind_name(), access.text()).area("management access")
        }
        Contents::Compatibility(compatibility) => Values::new()
            .text("manufacturer", compatibility.manufacturer.to_string())
            .text("entity", compatibility.entity.to_string())
            .text("base", compatibility.base.to_string())
            .text("first code", compatibility.first_code.to_string())
            .text("mask", hex::encode(&compatibility.mask))
            .area(if compatibility.extended { "extended compatibility" } else { "base compatibility" }),
        Contents::Oem { manufacturer, data } => Values::new()
            .text("type", format!("{:02X}h", record.record_type))
            .text("manufacturer", manufacturer.to_string())
            .text("data", hex::encode(data))
            .area("OEM record"),
        Contents::Other(data) => Values::new()
            .text("type", format!("{:02X}h", record.record_type))
            .text("data", hex::encode(data))
            .area("other record"),
    }
}
