//! Sensors: what they measure, in which unit, which states they are in.

mod conversion;
pub mod event_text;
mod threshold;
mod unit;

pub use conversion::{AnalogFormat, Conversion, Linearization, ReadingFactors};
pub use threshold::{Threshold, Thresholds};
pub use unit::{RateUnit, Unit, UnitModifier};
