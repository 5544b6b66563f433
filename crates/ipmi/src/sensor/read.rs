//! Reading the sensors of a BMC.

use std::sync::Arc;

use crate::command::{Command, RawCommand};
use crate::completion::CompletionCode;
use crate::fault::Fault;
use crate::procedure::{Answer, Procedure, ProcedureError, Turn};
use crate::quirk::{Quirk, Quirks};
use crate::sdr::{Access, SdrRepository};
use crate::sensor::commands::{GetSensorReading, GetSensorReadingFactors, GetSensorThresholds, RawReading};
use crate::sensor::{Conversion, ReadingFactors, Sensor, Threshold, Thresholds};

/// What to read.
#[derive(Debug, Clone, Default)]
pub struct SensorSelection {
    /// Only sensors of these types (numbers of table 42-3); empty for all.
    pub types: Vec<u8>,
    /// Whether to ask for the limits in force too, which takes another command for each sensor that has some.
    pub thresholds: bool,
    /// Faults of the BMC to work around: [`Quirk::AssumeBmcOwner`] and [`Quirk::IgnoreScanningDisabled`].
    pub quirks: Quirks,
}

/// What a sensor says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SensorReading {
    /// The raw value; `None` where the sensor has none.
    pub raw: Option<u8>,
    /// The value in the sensor's unit; `None` where the raw value has none, as the logarithm of zero.
    pub value: Option<f64>,
    /// The states; [`Sensor::state_texts`] says what they mean. A state bit that is not set is no alarm: BMCs differ in
    /// whether a sound power supply says "presence detected".
    pub states: u16,
}

/// Why a sensor says nothing. None of this is a fault of the sensor's or the BMC's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// It has no reading at present, or what it belongs to is absent.
    #[error("no reading")]
    NoReading,
    /// The BMC does not scan it.
    #[error("scanning disabled")]
    ScanningDisabled,
    /// It only sends events.
    #[error("sends events only")]
    EventOnly,
    /// Another controller owns it, which can only be asked through the BMC's bridge. Asking the BMC for the number
    /// would give another sensor's value.
    #[error("belongs to controller {owner:#04x}, channel {channel}")]
    OtherOwner {
        /// The owner's address.
        owner: u8,
        /// Its channel.
        channel: u8,
    },
    /// The BMC does not give a reading out. Many codes say no more than that the sensor is not there.
    #[error("{0}")]
    Refused(CompletionCode),
    /// The BMC's answer makes no sense.
    #[error("{0}")]
    Malformed(Fault),
}

/// One sensor as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorReport {
    /// Its place in [`SdrRepository::sensors`].
    pub sensor: usize,
    /// What it says.
    pub reading: Result<SensorReading, Unavailable>,
    /// Its limits as raw values: those in force where they were asked for and told, else those of its record.
    pub raw_thresholds: Thresholds<u8>,
    /// The same in the sensor's unit.
    pub thresholds: Thresholds<f64>,
}

/// What [`ReadSensors`] read.
#[derive(Debug, Clone)]
pub struct SensorReports {
    /// What the sensors are.
    pub repository: Arc<SdrRepository>,
    /// What they say, in the repository's order.
    pub reports: Vec<SensorReport>,
}

impl SensorReports {
    /// Each sensor with what it says.
    pub fn iter(&self) -> impl Iterator<Item = (&Sensor, &SensorReport)> {
        let sensors = self.repository.sensors();
        self.reports.iter().filter_map(|report| Some((sensors.get(report.sensor)?, report)))
    }
}

/// What the procedure waits for, of one sensor.
#[derive(Debug)]
enum Step {
    Reading,
    /// The conversion of the raw value, for a sensor that is not linear.
    Factors {
        reading: RawReading,
    },
    Thresholds,
    /// The conversion of a limit.
    ThresholdFactors(Threshold),
}

/// Reads sensors one by one. A sensor that cannot be read is reported as such and never ends the reading.
#[derive(Debug)]
pub struct ReadSensors {
    repository: Arc<SdrRepository>,
    selection: SensorSelection,
    index: usize,
    step: Step,
    report: SensorReport,
    reports: Vec<SensorReport>,
}

impl ReadSensors {
    /// Reads those sensors of the repository that are selected.
    pub fn new(repository: Arc<SdrRepository>, selection: SensorSelection) -> Self {
        let mut procedure = Self {
            repository,
            selection,
            index: 0,
            step: Step::Reading,
            report: SensorReport::empty(0),
            reports: Vec::new(),
        };
        procedure.begin();
        procedure
    }

    fn sensor(&self) -> Option<&Sensor> {
        self.repository.sensors().get(self.index)
    }

    /// Goes on to the next sensor that must be asked for anything, from the present one on.
    fn begin(&mut self) {
        while let Some(sensor) = self.sensor() {
            let chosen =
                self.selection.types.is_empty() || self.selection.types.contains(&sensor.sensor_type);
            let other_owner =
                !sensor.key.is_of_bmc() && !self.selection.quirks.contains(Quirk::AssumeBmcOwner);
            let unavailable = if !sensor.readable {
                Unavailable::EventOnly
            } else if other_owner {
                Unavailable::OtherOwner { owner: sensor.key.owner, channel: sensor.key.channel }
            } else if chosen {
                self.report = SensorReport::of_record(self.index, sensor);
                self.step = Step::Reading;
                return;
            } else {
                Unavailable::NoReading
            };
            if chosen {
                let reading = Err(unavailable);
                self.reports.push(SensorReport { reading, ..SensorReport::of_record(self.index, sensor) });
            }
            self.index += 1;
        }
    }

    fn take_reading(&mut self, answer: Answer<'_>) {
        let Some(sensor) = self.sensor() else { return };
        let ignore_scanning = self.selection.quirks.contains(Quirk::IgnoreScanningDisabled);
        let non_linear = sensor.conversion.is_some_and(|conversion| conversion.is_non_linear());
        let reading = match read::<GetSensorReading>(answer) {
            Err(unavailable) => Err(unavailable),
            Ok(reading) if reading.unavailable => Err(Unavailable::NoReading),
            Ok(reading) if !reading.scanning && !ignore_scanning => Err(Unavailable::ScanningDisabled),
            Ok(reading) if non_linear => {
                self.step = Step::Factors { reading };
                return;
            }
            Ok(reading) => Ok(converted(reading, sensor, sensor.conversion)),
        };
        self.report.reading = reading;
        self.ask_thresholds();
    }

    fn take_factors(&mut self, reading: RawReading, answer: Answer<'_>) {
        let Some(sensor) = self.sensor() else { return };
        let factors = read::<GetSensorReadingFactors>(answer).ok();
        self.report.reading = Ok(converted(reading, sensor, with_factors(sensor, factors)));
        self.ask_thresholds();
    }

    fn ask_thresholds(&mut self) {
        let Some(sensor) = self.sensor() else { return };
        let told = sensor.threshold_access.is_readable() && sensor.readable_thresholds != 0;
        if self.selection.thresholds && told {
            self.step = Step::Thresholds;
        } else {
            self.convert_thresholds();
        }
    }

    fn convert_thresholds(&mut self) {
        let Some(sensor) = self.sensor() else { return };
        match sensor.conversion {
            Some(conversion) if conversion.is_non_linear() && self.selection.thresholds => {
                self.ask_threshold_factors(0);
            }
            Some(conversion) if conversion.is_non_linear() => self.end(),
            Some(conversion) => {
                self.report.thresholds = self.report.raw_thresholds.filter_map(|raw| conversion.value(raw));
                self.end();
            }
            None => self.end(),
        }
    }

    /// Asks for the conversion of the first limit from this place on.
    fn ask_threshold_factors(&mut self, from: usize) {
        let limits = self.report.raw_thresholds;
        let next = Threshold::ALL.into_iter().skip(from).find(|threshold| limits.get(*threshold).is_some());
        match next {
            Some(threshold) => self.step = Step::ThresholdFactors(threshold),
            None => self.end(),
        }
    }

    fn take_threshold_factors(&mut self, threshold: Threshold, answer: Answer<'_>) {
        let Some(sensor) = self.sensor() else { return };
        let conversion = with_factors(sensor, read::<GetSensorReadingFactors>(answer).ok());
        let raw = self.report.raw_thresholds.get(threshold);
        let value = raw.and_then(|raw| conversion?.value(raw));
        self.report.thresholds.set(threshold, value);
        self.ask_threshold_factors(threshold as usize + 1);
    }

    fn end(&mut self) {
        self.reports.push(self.report.clone());
        self.index += 1;
        self.begin();
    }

    /// A command for the sensor, on its logical unit.
    fn ask<C: Command>(&self, command: &C) -> RawCommand {
        let lun = self.sensor().filter(|sensor| sensor.key.is_of_bmc()).map_or(0, |sensor| sensor.key.lun);
        RawCommand { lun, ..RawCommand::of(command) }
    }
}

impl Procedure for ReadSensors {
    type Output = SensorReports;

    fn next(&mut self) -> Turn<SensorReports> {
        let Some(sensor) = self.sensor().map(|sensor| sensor.key.number) else {
            let reports = std::mem::take(&mut self.reports);
            return Turn::Done(Ok(SensorReports { repository: Arc::clone(&self.repository), reports }));
        };
        Turn::Ask(match self.step {
            Step::Reading => self.ask(&GetSensorReading { sensor }),
            Step::Factors { reading } => self.ask(&GetSensorReadingFactors { sensor, raw: reading.raw }),
            Step::Thresholds => self.ask(&GetSensorThresholds { sensor }),
            Step::ThresholdFactors(threshold) => {
                let raw = self.report.raw_thresholds.get(threshold).unwrap_or_default();
                self.ask(&GetSensorReadingFactors { sensor, raw })
            }
        })
    }

    fn answer(&mut self, answer: Answer<'_>) {
        match self.step {
            Step::Reading => self.take_reading(answer),
            Step::Factors { reading } => self.take_factors(reading, answer),
            Step::Thresholds => {
                // Refused or not, the limits of the record are still there.
                if let Ok(thresholds) = read::<GetSensorThresholds>(answer) {
                    self.report.raw_thresholds = thresholds;
                }
                self.convert_thresholds();
            }
            Step::ThresholdFactors(threshold) => self.take_threshold_factors(threshold, answer),
        }
    }
}

impl SensorReport {
    fn empty(sensor: usize) -> Self {
        Self {
            sensor,
            reading: Err(Unavailable::NoReading),
            raw_thresholds: Thresholds::default(),
            thresholds: Thresholds::default(),
        }
    }

    fn of_record(index: usize, sensor: &Sensor) -> Self {
        let has_some = sensor.threshold_access != Access::Absent;
        let raw_thresholds = if has_some { sensor.thresholds } else { Thresholds::default() };
        let linear = sensor.conversion.filter(|conversion| !conversion.is_non_linear());
        let thresholds = raw_thresholds.filter_map(|raw| linear?.value(raw));
        Self { raw_thresholds, thresholds, ..Self::empty(index) }
    }
}

/// Reads an answer; what is wrong with it says why the sensor is unavailable.
fn read<C: Command>(answer: Answer<'_>) -> Result<C::Reply, Unavailable> {
    answer.read::<C>("read a sensor").map_err(|error| match error {
        ProcedureError::Malformed { fault, .. } => Unavailable::Malformed(fault),
        _ => Unavailable::Refused(answer.code),
    })
}

fn converted(reading: RawReading, sensor: &Sensor, conversion: Option<Conversion>) -> SensorReading {
    // Sensors of thresholds always have a raw value; those of states only where their record says how it is coded,
    // which a compact record never does.
    let analog = sensor.conversion.is_some() || sensor.is_threshold();
    SensorReading {
        raw: analog.then_some(reading.raw),
        value: conversion.and_then(|conversion| conversion.value(reading.raw)),
        states: reading.states,
    }
}

/// The sensor's conversion with the factors that hold for one raw value.
fn with_factors(sensor: &Sensor, factors: Option<ReadingFactors>) -> Option<Conversion> {
    Some(Conversion { factors: factors?, ..sensor.conversion? })
}

#[cfg(test)]
mod tests;
