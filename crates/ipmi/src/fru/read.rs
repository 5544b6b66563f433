//! Reading devices.

use std::time::Duration;

use crate::command::{Command, RawCommand};
use crate::completion::CompletionCode;
use crate::fru::commands::{FruAreaInfo, GetFruInventoryAreaInfo, ReadFruData, code};
use crate::fru::decode::extent;
use crate::fru::{FruReading, UNIT};
use crate::procedure::{Answer, Procedure, ProcedureError, Turn};

/// Bytes asked for at once at the beginning. More would be faster where it works, but some BMCs do not answer at all
/// then, and a silent BMC costs more than all that can be won.
const PIECE: u8 = 32;

/// Smaller pieces are not tried.
const SMALLEST_PIECE: u8 = 2;

/// How often in a row a device may say that it is busy.
const BUSY_LIMIT: u32 = 50;

/// How long to wait for a busy device.
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// What the commands are for, in errors.
const READ_SIZE: &str = "tell the size of a FRU device";
const READ_DATA: &str = "read a FRU device";

/// Reads the inventory of one device: its header, and then as far as that leads.
#[derive(Debug)]
pub struct ReadFru {
    device: u8,
    step: Step,
    area: FruAreaInfo,
    bytes: Vec<u8>,
    piece: u8,
    busy: u32,
    pause: bool,
}

#[derive(Debug)]
enum Step {
    Info,
    Data,
    /// The bytes are there, or there is an error.
    Over(Option<ProcedureError>),
}

impl ReadFru {
    /// Reads the device with this id; 0 is the BMC's own board, others are named by FRU device locator records.
    pub fn new(device: u8) -> Self {
        Self {
            device,
            step: Step::Info,
            area: FruAreaInfo { size: 0, words: false },
            bytes: Vec::new(),
            piece: PIECE,
            busy: 0,
            pause: false,
        }
    }

    fn command(&self) -> ReadFruData {
        let size = usize::from(self.area.size);
        let missing = extent(&self.bytes, size).saturating_sub(self.bytes.len());
        let count = missing.min(usize::from(self.piece)) as u8;
        let offset = self.bytes.len() as u16;
        match self.area.words {
            false => ReadFruData { device: self.device, offset, count },
            true => ReadFruData { device: self.device, offset: offset / 2, count: count.div_ceil(2) },
        }
    }

    fn info(&mut self, answer: Answer<'_>) -> Step {
        match answer.read::<GetFruInventoryAreaInfo>(READ_SIZE) {
            Ok(area) => {
                self.area = area;
                self.go_on()
            }
            Err(error) => Step::Over(Some(error)),
        }
    }

    /// Reads on, or ends where nothing is missing.
    fn go_on(&self) -> Step {
        let whole = extent(&self.bytes, usize::from(self.area.size));
        if self.bytes.len() < whole { Step::Data } else { Step::Over(None) }
    }

    fn data(&mut self, answer: Answer<'_>) -> Step {
        match answer.code {
            CompletionCode::OK => {
                self.busy = 0;
                match ReadFruData::decode(answer.data) {
                    Ok(data) => self.take(data.count, &data.bytes),
                    Err(fault) => Step::Over(Some(ProcedureError::Malformed { doing: READ_DATA, fault })),
                }
            }
            CompletionCode::NODE_BUSY | code::DEVICE_BUSY if self.busy < BUSY_LIMIT => {
                self.busy += 1;
                self.pause = true;
                Step::Data
            }
            CompletionCode::REQUEST_LENGTH_INVALID
            | CompletionCode::FIELD_LENGTH_EXCEEDED
            | CompletionCode::PARAMETER_OUT_OF_RANGE
            | CompletionCode::CANNOT_RETURN_LENGTH
            | CompletionCode::UNSPECIFIED
                if self.piece > SMALLEST_PIECE =>
            {
                self.piece /= 2;
                Step::Data
            }
            // The size was wrong, or a part of the device cannot be read: what is there is worth having.
            _ if self.bytes.len() >= UNIT => Step::Over(None),
            code => Step::Over(Some(ProcedureError::Refused { doing: READ_DATA, code })),
        }
    }

    fn take(&mut self, count: u8, bytes: &[u8]) -> Step {
        let unit = if self.area.words { 2 } else { 1 };
        let asked = usize::from(self.command().count) * unit;
        let came = bytes.len().min(usize::from(count) * unit).min(asked);
        // Half a word cannot be read on from.
        let came = came - came % unit;
        if came == 0 {
            return Step::Over(None);
        }
        let size = usize::from(self.area.size);
        self.bytes.extend_from_slice(&bytes[..came]);
        self.bytes.truncate(size);
        self.go_on()
    }
}

impl Procedure for ReadFru {
    type Output = FruReading;

    fn next(&mut self) -> Turn<FruReading> {
        if std::mem::take(&mut self.pause) {
            return Turn::Wait(BUSY_PAUSE);
        }
        match &mut self.step {
            Step::Info => Turn::Ask(RawCommand::of(&GetFruInventoryAreaInfo { device: self.device })),
            Step::Over(error) => {
                Turn::Done(error.take().map_or_else(|| Ok(FruReading::decode(&self.bytes)), Err))
            }
            Step::Data => Turn::Ask(RawCommand::of(&self.command())),
        }
    }

    fn answer(&mut self, answer: Answer<'_>) {
        self.step = match self.step {
            Step::Info => self.info(answer),
            Step::Data => self.data(answer),
            Step::Over(_) => return,
        };
    }
}

/// What [`ReadFrus`] found out about one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceReading {
    /// The device's id.
    pub device: u8,
    /// Its inventory, or why there is none: "not present" (CBh) is usual where a socket is empty.
    pub reading: Result<FruReading, ProcedureError>,
}

/// Reads one device after the other; one that cannot be read does not keep the others from it.
#[derive(Debug)]
pub struct ReadFrus {
    devices: std::vec::IntoIter<u8>,
    current: Option<ReadFru>,
    readings: Vec<DeviceReading>,
}

impl ReadFrus {
    /// Reads the devices with these ids, in this order.
    pub fn new(devices: Vec<u8>) -> Self {
        Self { devices: devices.into_iter(), current: None, readings: Vec::new() }
    }
}

impl Procedure for ReadFrus {
    type Output = Vec<DeviceReading>;

    fn next(&mut self) -> Turn<Self::Output> {
        loop {
            let Some(current) = &mut self.current else {
                match self.devices.next() {
                    Some(device) => self.current = Some(ReadFru::new(device)),
                    None => return Turn::Done(Ok(std::mem::take(&mut self.readings))),
                }
                continue;
            };
            match current.next() {
                Turn::Ask(command) => return Turn::Ask(command),
                Turn::Wait(pause) => return Turn::Wait(pause),
                Turn::Done(reading) => {
                    self.readings.push(DeviceReading { device: current.device, reading });
                    self.current = None;
                }
            }
        }
    }

    fn answer(&mut self, answer: Answer<'_>) {
        if let Some(current) = &mut self.current {
            current.answer(answer);
        }
    }
}
