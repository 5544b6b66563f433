//! The BMC's FRU devices (IPMI 2.0 chapter 34).

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use crate::bmc::Bmc;
use crate::bmc::commands::{Answer, Caller, Handler, handler};
use crate::completion::CompletionCode;
use crate::fru::commands::{FruAreaInfo, GetFruInventoryAreaInfo, ReadFruData, WriteFruData, code};
use crate::fru::{
    Board, Chassis, Contents, DcOutput, EncodeError, Inventory, MultiRecord, PowerSupply, Product,
};
use crate::quirk::Quirk;

/// Most bytes that one Read FRU Data answers: what fits into a message with its headers.
const READ_LIMIT: usize = 240;

/// Where the common header has its checksum.
const HEADER_CHECKSUM_AT: usize = 7;

/// Size of the devices of [`FruConfig::sample`] in bytes: that of a common EEPROM.
const SAMPLE_SIZE: usize = 512;

/// The FRU devices that a BMC has.
#[derive(Debug, Clone, Default)]
pub struct FruConfig {
    /// By their id; 0 is the BMC's own board. Copied when one is first written to, so that many BMCs can share them.
    pub devices: Arc<BTreeMap<u8, FruDevice>>,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FruDevice {
    /// What it holds: at most 65,535 bytes count.
    pub bytes: Arc<Vec<u8>>,
    /// It is read and written by words of two bytes.
    pub words: bool,
    /// It cannot be written to.
    pub write_protected: bool,
}

impl FruDevice {
    /// A device that holds this inventory and can be written to by bytes.
    ///
    /// # Errors
    ///
    /// Those of [`Inventory::encode`].
    pub fn new(inventory: &Inventory) -> Result<Self, EncodeError> {
        Ok(Self { bytes: Arc::new(inventory.encode()?), words: false, write_protected: false })
    }

    fn size(&self) -> u16 {
        self.bytes.len().min(0xFFFF) as u16
    }

    /// The byte at which an offset of a command points.
    fn position(&self, offset: [u8; 2]) -> usize {
        usize::from(u16::from_le_bytes(offset)) * self.unit()
    }

    fn unit(&self) -> usize {
        if self.words { 2 } else { 1 }
    }
}

impl FruConfig {
    /// The devices of a server with two power supplies, one copy for all BMCs of the process.
    pub fn sample() -> Self {
        static DEVICES: LazyLock<Arc<BTreeMap<u8, FruDevice>>> = LazyLock::new(|| Arc::new(sample_devices()));
        Self { devices: Arc::clone(&DEVICES) }
    }
}

fn sample_devices() -> BTreeMap<u8, FruDevice> {
    let server = Inventory {
        chassis: Some(Chassis {
            chassis_type: 0x17,
            part_number: "IH-CH-2U".into(),
            serial_number: "CH0017032".into(),
            custom: Vec::new(),
        }),
        board: Some(Board {
            // 2025-06-02 09:30 UTC.
            made: Some(15_473_370),
            manufacturer: "Ironhand".into(),
            product: "Simulated Board".into(),
            serial_number: "SB25060200042".into(),
            part_number: "IH-SB-01".into(),
            fru_file_id: "FRU Ver 1.00".into(),
            ..Board::default()
        }),
        product: Some(Product {
            manufacturer: "Ironhand".into(),
            name: "Simulated Server".into(),
            part_number: "IH-SRV-2U".into(),
            version: "A01".into(),
            serial_number: "SRV0000001".into(),
            asset_tag: "none".into(),
            fru_file_id: "FRU Ver 1.00".into(),
            ..Product::default()
        }),
        ..Inventory::default()
    };
    let supply = |serial: &str| Inventory {
        product: Some(Product {
            manufacturer: "Ironhand".into(),
            name: "Power Supply 800W".into(),
            part_number: "IH-PSU-800".into(),
            version: "02".into(),
            serial_number: serial.into(),
            ..Product::default()
        }),
        records: vec![
            MultiRecord::new(0x00, Contents::PowerSupply(SAMPLE_SUPPLY)),
            MultiRecord::new(0x01, Contents::DcOutput(SAMPLE_OUTPUT)),
        ],
        ..Inventory::default()
    };
    let inventories = [server, supply("PSU0000001"), supply("PSU0000002")];
    // None of these fails: a test reads them back.
    let devices = inventories.iter().filter_map(|inventory| FruDevice::new(inventory).ok());
    let padded = devices.map(|mut device| {
        Arc::make_mut(&mut device.bytes).resize(SAMPLE_SIZE, 0);
        device
    });
    (0..).zip(padded).collect()
}

const SAMPLE_SUPPLY: PowerSupply = PowerSupply {
    capacity: 800,
    peak_va: Some(960),
    inrush_current: Some(35),
    inrush_interval: 5,
    input_voltage: [[9000, 14000], [18000, 26400]],
    input_frequency: [47, 63],
    dropout_tolerance: 12,
    predictive_failure_pin: false,
    power_factor_correction: true,
    autoswitch: true,
    hot_swap: true,
    two_pulses: true,
    hold_up: 1,
    peak_capacity: 900,
    combined_voltages: [0, 0],
    combined_wattage: 0,
    tachometer_threshold: 0,
};

const SAMPLE_OUTPUT: DcOutput = DcOutput {
    number: 1,
    standby: false,
    nominal_voltage: 1200,
    negative_deviation: 1140,
    positive_deviation: 1260,
    ripple: 120,
    lowest_current: 0,
    highest_current: 65_000,
};

pub(super) const HANDLERS: &[Handler] = &[
    handler::<GetFruInventoryAreaInfo>(area_info),
    handler::<ReadFruData>(read),
    handler::<WriteFruData>(write),
];

impl FruConfig {
    fn device(&self, id: u8) -> Result<&FruDevice, CompletionCode> {
        self.devices.get(&id).ok_or(CompletionCode::NOT_PRESENT)
    }
}

fn area_info(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let &[id] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    let device = bmc.config.fru.device(id)?;
    Ok(FruAreaInfo { size: device.size(), words: device.words }.encode())
}

fn read(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let &[id, o0, o1, count] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    let device = bmc.config.fru.device(id)?;
    let wanted = usize::from(count) * device.unit();
    if wanted > READ_LIMIT {
        return Err(CompletionCode::CANNOT_RETURN_LENGTH);
    }
    let start = device.position([o0, o1]);
    let rest = device.bytes.get(start..).filter(|rest| !rest.is_empty());
    let rest = rest.ok_or(CompletionCode::PARAMETER_OUT_OF_RANGE)?;
    let part = &rest[..wanted.min(rest.len())];
    let mut reply = vec![part.len().div_ceil(device.unit()) as u8];
    reply.extend_from_slice(part);
    if bmc.config.quirks.contains(Quirk::SkipChecks)
        && let Some(checksum) = HEADER_CHECKSUM_AT.checked_sub(start).and_then(|at| reply.get_mut(1 + at))
    {
        *checksum = !*checksum;
    }
    Ok(reply)
}

fn write(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let (&[id, o0, o1], written) =
        data.split_first_chunk::<3>().ok_or(CompletionCode::REQUEST_LENGTH_INVALID)?;
    let device = bmc.config.fru.device(id)?;
    if device.write_protected {
        return Err(code::WRITE_PROTECTED);
    }
    let start = device.position([o0, o1]);
    let end = start + written.len();
    if written.len() % device.unit() != 0 {
        return Err(CompletionCode::REQUEST_LENGTH_INVALID);
    }
    if end > device.bytes.len() {
        return Err(CompletionCode::PARAMETER_OUT_OF_RANGE);
    }
    let count = (written.len() / device.unit()) as u8;
    if let Some(device) = Arc::make_mut(&mut bmc.config.fru.devices).get_mut(&id) {
        Arc::make_mut(&mut device.bytes)[start..end].copy_from_slice(written);
    }
    Ok(vec![count])
}
