//! Setting the limits of a sensor.

use crate::command::RawCommand;
use crate::procedure::{Answer, Procedure, ProcedureError, Turn};
use crate::sensor::commands::{GetSensorThresholds, SetSensorThresholds};
use crate::sensor::{Sensor, Threshold, Thresholds};

/// What the procedure is for, in errors.
const DOING: &str = "set the sensor's thresholds";

/// Why limits cannot be set, found before the BMC is asked.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ThresholdError {
    /// The sensor's value is not in a unit that a limit could be given in, or differs from reading to reading.
    #[error("the sensor has no fixed conversion from values")]
    NoConversion,
    /// Another controller owns the sensor.
    #[error("the sensor belongs to another controller")]
    OtherOwner,
    /// The sensor does not have this limit, or it cannot be set.
    #[error("its {0} threshold cannot be set")]
    NotSettable(Threshold),
    /// No raw value stands for this limit.
    #[error("{value} is out of the sensor's range for its {threshold} threshold")]
    OutOfRange {
        /// The limit.
        threshold: Threshold,
        /// What it was to be set to.
        value: f64,
    },
}

/// Sets limits and reads them back. The output is what is in force then, in raw values.
#[derive(Debug)]
pub struct SetThresholds {
    command: SetSensorThresholds,
    lun: u8,
    step: Step,
}

#[derive(Debug)]
enum Step {
    Set,
    ReadBack,
    Done(Option<Result<Thresholds<u8>, ProcedureError>>),
}

impl SetThresholds {
    /// Sets those limits of the sensor that are given, in its unit, each to the nearest that it can hold.
    ///
    /// # Errors
    ///
    /// Those of [`ThresholdError`].
    pub fn new(sensor: &Sensor, values: &Thresholds<f64>) -> Result<Self, ThresholdError> {
        if !sensor.key.is_of_bmc() {
            return Err(ThresholdError::OtherOwner);
        }
        let conversion = sensor.conversion.filter(|conversion| !conversion.is_non_linear());
        let conversion = conversion.ok_or(ThresholdError::NoConversion)?;
        let mut thresholds = Thresholds::default();
        for (threshold, value) in values.iter() {
            if sensor.settable_thresholds & threshold.bit() == 0 {
                return Err(ThresholdError::NotSettable(threshold));
            }
            let raw = conversion.nearest_raw(value).ok_or(ThresholdError::OutOfRange { threshold, value })?;
            thresholds.set(threshold, Some(raw));
        }
        let command = SetSensorThresholds { sensor: sensor.key.number, thresholds };
        Ok(Self { command, lun: sensor.key.lun, step: Step::Set })
    }

    fn read_back(&self, answer: Answer<'_>) -> Result<Thresholds<u8>, ProcedureError> {
        let found = answer.read::<GetSensorThresholds>(DOING)?;
        // A limit that cannot be read back is taken to be set.
        let kept =
            self.command.thresholds.iter().all(|(threshold, raw)| found.get(threshold).unwrap_or(raw) == raw);
        if kept { Ok(found) } else { Err(ProcedureError::NotKept { doing: DOING }) }
    }
}

impl Procedure for SetThresholds {
    type Output = Thresholds<u8>;

    fn next(&mut self) -> Turn<Thresholds<u8>> {
        let command = match &mut self.step {
            Step::Set => RawCommand::of(&self.command),
            Step::ReadBack => RawCommand::of(&GetSensorThresholds { sensor: self.command.sensor }),
            Step::Done(outcome) => {
                let again = ProcedureError::NotKept { doing: DOING };
                return Turn::Done(outcome.take().unwrap_or(Err(again)));
            }
        };
        Turn::Ask(RawCommand { lun: self.lun, ..command })
    }

    fn answer(&mut self, answer: Answer<'_>) {
        self.step = match self.step {
            Step::Set => match answer.read::<SetSensorThresholds>(DOING) {
                Ok(()) => Step::ReadBack,
                Err(error) => Step::Done(Some(Err(error))),
            },
            Step::ReadBack => Step::Done(Some(self.read_back(answer))),
            Step::Done(_) => return,
        };
    }
}
