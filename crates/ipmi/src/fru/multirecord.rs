//! The multirecord area: typed records, one behind the other (FRU chapters 16 to 18).

use crate::fault::Fault;
use crate::fru::field::printable;
use crate::wire::Reader;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MultiRecord {
    /// Its type.
    pub record_type: u8,
    /// Version of its format: 4 bits.
    pub version: u8,
    /// What it says.
    pub contents: Contents,
}

/// What a record says, by its type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Contents {
    /// A power supply's ratings (type 00h, FRU section 18.1).
    PowerSupply(PowerSupply),
    /// What one output of a supply gives (type 01h, FRU section 18.2).
    DcOutput(DcOutput),
    /// What the unit draws from one output (type 02h, FRU section 18.3).
    DcLoad(DcLoad),
    /// How the unit is managed (type 03h, FRU section 18.4).
    ManagementAccess(ManagementAccess),
    /// What the unit can stand in for (types 04h and 05h, FRU sections 18.5 and 18.6).
    Compatibility(Compatibility),
    /// The manufacturer's own (types C0h to FFh, FRU section 18.7).
    Oem {
        /// IANA enterprise number of the manufacturer: 24 bits.
        manufacturer: u32,
        /// What only the manufacturer knows.
        data: Vec<u8>,
    },
    /// A type without meaning here, or a record too short for its type.
    Other(Vec<u8>),
}

/// A power supply's ratings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PowerSupply {
    /// What it can give in all, in watts: 12 bits.
    pub capacity: u16,
    /// The most that it draws, in volt-amperes; `None` where that is not said.
    pub peak_va: Option<u16>,
    /// Inrush current in amperes; `None` where that is not said.
    pub inrush_current: Option<u8>,
    /// How long the inrush lasts, in milliseconds.
    pub inrush_interval: u8,
    /// Two ranges of input voltage, low and high end, in units of 10 mV. The second one is zero where there is none.
    pub input_voltage: [[u16; 2]; 2],
    /// Range of input frequency in hertz: low and high end; zero for direct current.
    pub input_frequency: [u8; 2],
    /// How long input may drop out, in milliseconds.
    pub dropout_tolerance: u8,
    /// Tells a failure ahead by a pin.
    pub predictive_failure_pin: bool,
    /// Corrects the power factor.
    pub power_factor_correction: bool,
    /// Switches between the voltage ranges by itself.
    pub autoswitch: bool,
    /// Can be swapped under power.
    pub hot_swap: bool,
    /// The tachometer gives two pulses per rotation rather than one; with a failure pin, that it is asserted high.
    pub two_pulses: bool,
    /// How long it can give the peak, in seconds: 4 bits.
    pub hold_up: u8,
    /// What it can give for that long, in watts: 12 bits.
    pub peak_capacity: u16,
    /// Two outputs that share a limit, by the number of their voltage: 4 bits each.
    pub combined_voltages: [u8; 2],
    /// That limit in watts; zero for none.
    pub combined_wattage: u16,
    /// The tachometer reading, in rotations per second, below which failure is near.
    pub tachometer_threshold: u8,
}

/// What one output of a supply gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct DcOutput {
    /// The output's number: 4 bits.
    pub number: u8,
    /// It is there also while the machine is off.
    pub standby: bool,
    /// Nominal voltage in units of 10 mV.
    pub nominal_voltage: i16,
    /// Maximum negative voltage deviation in units of 10 mV.
    pub negative_deviation: i16,
    /// Maximum positive voltage deviation in units of 10 mV.
    pub positive_deviation: i16,
    /// Ripple and noise in millivolts, peak to peak.
    pub ripple: u16,
    /// Lowest current draw in milliamperes.
    pub lowest_current: u16,
    /// Highest current draw in milliamperes.
    pub highest_current: u16,
}

/// What the unit draws from one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct DcLoad {
    /// The output's number: 4 bits.
    pub number: u8,
    /// Nominal voltage in units of 10 mV.
    pub nominal_voltage: i16,
    /// Lowest voltage that it accepts, in units of 10 mV.
    pub lowest_voltage: i16,
    /// Highest voltage that it accepts, in units of 10 mV.
    pub highest_voltage: i16,
    /// Ripple and noise that it accepts, in millivolts, peak to peak.
    pub ripple: u16,
    /// Lowest load in milliamperes.
    pub lowest_current: u16,
    /// Highest load in milliamperes.
    pub highest_current: u16,
}

/// One way by which the unit, or its system, is managed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ManagementAccess {
    /// What the data is; see [`ManagementAccess::kind_name`].
    pub kind: u8,
    /// An address, a name, a URL; or 16 bytes of a system's unique id.
    pub data: Vec<u8>,
}

/// What the unit can stand in for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Compatibility {
    /// Whether it is the extended record (05h) rather than the base one (04h).
    pub extended: bool,
    /// IANA enterprise number of the manufacturer: 24 bits.
    pub manufacturer: u32,
    /// Entity id of the unit.
    pub entity: u8,
    /// The base to which the codes count.
    pub base: u8,
    /// The first code; the mask counts from it. 7 bits.
    pub first_code: u8,
    /// Which codes it is compatible with, a bit each.
    pub mask: Vec<u8>,
}

impl ManagementAccess {
    /// Kind of a system's unique id, whose data is no text.
    const SYSTEM_UNIQUE_ID: u8 = 7;

    /// What the data is (FRU section 18.4.1).
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            1 => "System management URL",
            2 => "System name",
            3 => "System ping address",
            4 => "Component management URL",
            5 => "Component name",
            6 => "Component ping address",
            Self::SYSTEM_UNIQUE_ID => "System unique ID",
            _ => "Unknown",
        }
    }

    /// The data as a person reads it.
    pub fn text(&self) -> String {
        if self.kind == Self::SYSTEM_UNIQUE_ID {
            return self.data.iter().map(|byte| format!("{byte:02x}")).collect();
        }
        printable(&self.data.iter().copied().map(char::from).collect::<String>())
    }
}

impl Contents {
    pub(super) fn decode(record_type: u8, data: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(data);
        Ok(match record_type {
            0x00 => Self::PowerSupply(PowerSupply::decode(reader)?),
            0x01 => Self::DcOutput(DcOutput::decode(reader)?),
            0x02 => Self::DcLoad(DcLoad::decode(reader)?),
            0x03 => {
                let kind = reader.u8("management access kind")?;
                Self::ManagementAccess(ManagementAccess { kind, data: reader.rest().to_vec() })
            }
            0x04 | 0x05 => Self::Compatibility(Compatibility::decode(record_type == 0x05, reader)?),
            0xC0..=0xFF => {
                let manufacturer = manufacturer(&mut reader)?;
                Self::Oem { manufacturer, data: reader.rest().to_vec() }
            }
            _ => Self::Other(data.to_vec()),
        })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::PowerSupply(supply) => supply.encode(),
            Self::DcOutput(output) => output.encode(),
            Self::DcLoad(load) => load.encode(),
            Self::ManagementAccess(access) => [&[access.kind], access.data.as_slice()].concat(),
            Self::Compatibility(compatibility) => compatibility.encode(),
            Self::Oem { manufacturer, data } => [&manufacturer.to_le_bytes()[..3], data].concat(),
            Self::Other(data) => data.clone(),
        }
    }
}

fn manufacturer(reader: &mut Reader<'_>) -> Result<u32, Fault> {
    reader.array("manufacturer id").map(|[b0, b1, b2]| u32::from_le_bytes([b0, b1, b2, 0]))
}

impl PowerSupply {
    fn decode(mut reader: Reader<'_>) -> Result<Self, Fault> {
        let capacity = reader.u16("overall capacity")? & 0xFFF;
        let peak_va = Some(reader.u16("peak VA")?).filter(|value| *value != 0xFFFF);
        let [inrush_current, inrush_interval] = reader.array("inrush current and interval")?;
        let mut voltage = || reader.u16("input voltage range");
        let input_voltage = [[voltage()?, voltage()?], [voltage()?, voltage()?]];
        let input_frequency = reader.array("input frequency range")?;
        let [dropout_tolerance, flags] = reader.array("dropout tolerance and flags")?;
        let peak = reader.u16("peak wattage")?;
        let [combined, w0, w1, tachometer_threshold] = reader.array("combined wattage")?;
        let bit = |bit: u8| flags >> bit & 1 == 1;
        Ok(Self {
            capacity,
            peak_va,
            inrush_current: Some(inrush_current).filter(|value| *value != 0xFF),
            inrush_interval,
            input_voltage,
            input_frequency,
            dropout_tolerance,
            predictive_failure_pin: bit(0),
            power_factor_correction: bit(1),
            autoswitch: bit(2),
            hot_swap: bit(3),
            two_pulses: bit(4),
            hold_up: (peak >> 12) as u8,
            peak_capacity: peak & 0xFFF,
            combined_voltages: [combined >> 4, combined & 0xF],
            combined_wattage: u16::from_le_bytes([w0, w1]),
            tachometer_threshold,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let flags = u8::from(self.predictive_failure_pin)
            | u8::from(self.power_factor_correction) << 1
            | u8::from(self.autoswitch) << 2
            | u8::from(self.hot_swap) << 3
            | u8::from(self.two_pulses) << 4;
        let [[low1, high1], [low2, high2]] = self.input_voltage;
        let words = [
            self.capacity & 0xFFF,
            self.peak_va.unwrap_or(0xFFFF),
            u16::from_le_bytes([self.inrush_current.unwrap_or(0xFF), self.inrush_interval]),
            low1,
            high1,
            low2,
            high2,
            u16::from_le_bytes(self.input_frequency),
            u16::from_le_bytes([self.dropout_tolerance, flags]),
            u16::from(self.hold_up) << 12 | self.peak_capacity & 0xFFF,
        ];
        let mut data: Vec<u8> = words.into_iter().flat_map(u16::to_le_bytes).collect();
        data.push(self.combined_voltages[0] << 4 | self.combined_voltages[1] & 0xF);
        data.extend(self.combined_wattage.to_le_bytes());
        data.push(self.tachometer_threshold);
        data
    }
}

/// The layout that output and load have in common: number and flags, three voltages, ripple, two currents.
struct DirectCurrent {
    head: u8,
    voltages: [i16; 3],
    ripple: u16,
    currents: [u16; 2],
}

impl DirectCurrent {
    fn decode(mut reader: Reader<'_>) -> Result<Self, Fault> {
        let head = reader.u8("output number")?;
        let mut voltage = || reader.u16("output voltages").map(u16::cast_signed);
        let voltages = [voltage()?, voltage()?, voltage()?];
        let ripple = reader.u16("ripple and noise")?;
        let currents = [reader.u16("lowest current")?, reader.u16("highest current")?];
        Ok(Self { head, voltages, ripple, currents })
    }

    fn encode(&self) -> Vec<u8> {
        let voltages = self.voltages.map(i16::cast_unsigned);
        let words = voltages.into_iter().chain([self.ripple]).chain(self.currents);
        std::iter::once(self.head).chain(words.flat_map(u16::to_le_bytes)).collect()
    }
}

impl DcOutput {
    /// The flag of an output that is there also while the machine is off.
    const STANDBY: u8 = 0x80;

    fn decode(reader: Reader<'_>) -> Result<Self, Fault> {
        let DirectCurrent { head, voltages, ripple, currents } = DirectCurrent::decode(reader)?;
        let [nominal_voltage, negative_deviation, positive_deviation] = voltages;
        let [lowest_current, highest_current] = currents;
        let (number, standby) = (head & 0x0F, head & Self::STANDBY != 0);
        Ok(Self {
            number,
            standby,
            nominal_voltage,
            negative_deviation,
            positive_deviation,
            ripple,
            lowest_current,
            highest_current,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let standby = if self.standby { Self::STANDBY } else { 0 };
        let layout = DirectCurrent {
            head: standby | self.number & 0x0F,
            voltages: [self.nominal_voltage, self.negative_deviation, self.positive_deviation],
            ripple: self.ripple,
            currents: [self.lowest_current, self.highest_current],
        };
        layout.encode()
    }
}

impl DcLoad {
    fn decode(reader: Reader<'_>) -> Result<Self, Fault> {
        let DirectCurrent { head, voltages, ripple, currents } = DirectCurrent::decode(reader)?;
        let [nominal_voltage, lowest_voltage, highest_voltage] = voltages;
        let [lowest_current, highest_current] = currents;
        let number = head & 0x0F;
        Ok(Self {
            number,
            nominal_voltage,
            lowest_voltage,
            highest_voltage,
            ripple,
            lowest_current,
            highest_current,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let layout = DirectCurrent {
            head: self.number & 0x0F,
            voltages: [self.nominal_voltage, self.lowest_voltage, self.highest_voltage],
            ripple: self.ripple,
            currents: [self.lowest_current, self.highest_current],
        };
        layout.encode()
    }
}

impl Compatibility {
    fn decode(extended: bool, mut reader: Reader<'_>) -> Result<Self, Fault> {
        let manufacturer = manufacturer(&mut reader)?;
        let [entity, base, first_code] = reader.array("compatibility codes")?;
        let mask = reader.rest().to_vec();
        Ok(Self { extended, manufacturer, entity, base, first_code: first_code & 0x7F, mask })
    }

    fn encode(&self) -> Vec<u8> {
        let codes = [self.entity, self.base, self.first_code & 0x7F];
        [&self.manufacturer.to_le_bytes()[..3], &codes, &self.mask].concat()
    }
}
