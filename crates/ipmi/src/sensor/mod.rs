//! Sensors: what they measure, in which unit, which states they are in.

pub mod commands;
mod conversion;
pub mod event_text;
mod instance;
mod read;
mod set_thresholds;
mod severity;
mod threshold;
mod unit;

pub use conversion::{AnalogFormat, Conversion, Linearization, ReadingFactors};
pub use instance::Sensor;
pub use read::{ReadSensors, SensorReading, SensorReport, SensorReports, SensorSelection, Unavailable};
pub use set_thresholds::{SetThresholds, ThresholdError};
pub use severity::{StateSeverity, state_severity};
pub use threshold::{Threshold, Thresholds};
pub use unit::{RateUnit, Unit, UnitModifier};
