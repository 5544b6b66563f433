//! A sample of what a server has: sensors of every kind, and the devices beside them.

use std::sync::{Arc, LazyLock};

use crate::bmc::sensors::SensorSet;
use crate::message::BMC_ADDRESS;
use crate::sdr::{
    Access, CompactSensor, ControllerDevice, Entity, EntityAssociation, EventOnlySensor, FruDevice,
    FullSensor, GenericDevice, InstanceModifier, RecordBody, SensorCapabilities, SensorDescription,
    SensorKey, Sharing,
};
use crate::sensor::event_text::{SENSOR_SPECIFIC, THRESHOLD};
use crate::sensor::{AnalogFormat, RateUnit, ReadingFactors, Threshold, Thresholds, Unit};

/// Units of table 43-15.
const CELSIUS: Unit = Unit::base(1);
const VOLTS: Unit = Unit::base(4);
const AMPERES: Unit = Unit::base(5);
const WATTS: Unit = Unit::base(6);
const CFM: Unit = Unit::base(17);
const RPM: Unit = Unit::base(18);
const PERCENT: Unit = Unit { percentage: true, ..Unit::base(0) };
const ERRORS_PER_HOUR: Unit = Unit { rate: Some(RateUnit::Hour), ..Unit::base(89) };

/// Sensor types of table 42-3.
mod kind {
    pub(super) const TEMPERATURE: u8 = 0x01;
    pub(super) const VOLTAGE: u8 = 0x02;
    pub(super) const CURRENT: u8 = 0x03;
    pub(super) const FAN: u8 = 0x04;
    pub(super) const PHYSICAL_SECURITY: u8 = 0x05;
    pub(super) const PROCESSOR: u8 = 0x07;
    pub(super) const POWER_SUPPLY: u8 = 0x08;
    pub(super) const POWER_UNIT: u8 = 0x09;
    pub(super) const OTHER: u8 = 0x0B;
    pub(super) const MEMORY: u8 = 0x0C;
    pub(super) const DRIVE_SLOT: u8 = 0x0D;
    pub(super) const EVENT_LOGGING_DISABLED: u8 = 0x10;
    pub(super) const CRITICAL_INTERRUPT: u8 = 0x13;
    pub(super) const BOOT_INITIATED: u8 = 0x1D;
    pub(super) const ACPI_POWER_STATE: u8 = 0x22;
    pub(super) const WATCHDOG_2: u8 = 0x23;
}

/// Entities of table 43-13.
mod part {
    pub(super) const PROCESSOR: u8 = 3;
    pub(super) const SYSTEM_BOARD: u8 = 7;
    pub(super) const POWER_SUPPLY: u8 = 10;
    pub(super) const POWER_UNIT: u8 = 19;
    pub(super) const CHASSIS: u8 = 23;
    pub(super) const DRIVE_BAY: u8 = 26;
    pub(super) const FAN: u8 = 29;
    pub(super) const COOLING_UNIT: u8 = 30;
    pub(super) const MEMORY_DEVICE: u8 = 32;
    pub(super) const FIRMWARE: u8 = 34;
    pub(super) const BATTERY: u8 = 40;
    pub(super) const AIR_INLET: u8 = 55;
}

impl SensorSet {
    /// A server's sensors: one copy for all BMCs of the process.
    pub fn sample() -> Arc<Self> {
        static SAMPLE: LazyLock<Arc<SensorSet>> = LazyLock::new(|| Arc::new(sample()));
        Arc::clone(&SAMPLE)
    }
}

/// A sensor with a value, and what it says at first.
struct Analog {
    number: u8,
    name: &'static str,
    kind: u8,
    entity: Entity,
    format: AnalogFormat,
    linearization: u8,
    /// M, B, exponent of B, exponent of the result.
    factors: (i16, i16, i8, i8),
    unit: Unit,
    /// Raw limits, in the order of [`Threshold::ALL`].
    limits: [Option<u8>; 6],
    raw: u8,
}

impl Analog {
    fn record(&self) -> RecordBody {
        let mut thresholds = Thresholds::default();
        for (threshold, limit) in Threshold::ALL.into_iter().zip(self.limits) {
            thresholds.set(threshold, limit);
        }
        let mask = u16::from(thresholds.mask());
        let access = if thresholds.is_empty() { Access::Absent } else { Access::Settable };
        // A lower limit's event is "going low", an upper one's "going high": bits 0, 2, 4 and 7, 9, 11.
        let events = thresholds.iter().fold(0, |events, (threshold, _)| {
            events | 1 << (2 * threshold as u16 + u16::from(threshold.is_upper()))
        });
        let (m, b, b_exponent, r_exponent) = self.factors;
        RecordBody::Full(Box::new(FullSensor {
            description: SensorDescription {
                key: SensorKey::of_bmc(self.number),
                entity: self.entity,
                initialization: 0x7F,
                capabilities: SensorCapabilities {
                    auto_rearm: true,
                    hysteresis: Access::Readable,
                    thresholds: access,
                    ..Default::default()
                },
                sensor_type: self.kind,
                event_type: THRESHOLD,
                assertion_mask: events,
                deassertion_mask: events,
                reading_mask: mask << 8 | mask,
                format: Some(self.format),
                unit: self.unit,
            },
            linearization: self.linearization,
            factors: ReadingFactors {
                m,
                b,
                b_exponent,
                r_exponent,
                tolerance: 1,
                accuracy: 100,
                accuracy_exponent: 0,
            },
            direction: 1,
            nominal: Some(self.raw),
            normal_minimum: None,
            normal_maximum: None,
            sensor_maximum: if self.format == AnalogFormat::Unsigned { 0xFF } else { 0x7F },
            sensor_minimum: if self.format == AnalogFormat::Unsigned { 0x00 } else { 0x80 },
            thresholds,
            positive_hysteresis: 1,
            negative_hysteresis: 1,
            oem: 0,
            name: self.name.to_owned(),
        }))
    }
}

impl Analog {
    /// A sensor whose value is its raw value, without limits.
    fn new(
        number: u8,
        name: &'static str,
        (kind, unit): (u8, Unit),
        (id, instance): (u8, u8),
        raw: u8,
    ) -> Self {
        Self {
            number,
            name,
            kind,
            entity: Entity::new(id, instance),
            format: AnalogFormat::Unsigned,
            linearization: 0,
            factors: (1, 0, 0, 0),
            unit,
            limits: [None; 6],
            raw,
        }
    }

    /// With a value that is `m` times the raw one, times ten to the power of `exponent`.
    fn scaled(self, m: i16, exponent: i8) -> Self {
        Self { factors: (m, 0, 0, exponent), ..self }
    }

    /// With a raw limit.
    fn limit(mut self, threshold: Threshold, raw: u8) -> Self {
        self.limits[threshold as usize] = Some(raw);
        self
    }

    /// With lower raw limits.
    fn below(self, [non_critical, critical]: [u8; 2]) -> Self {
        self.limit(Threshold::LowerNonCritical, non_critical).limit(Threshold::LowerCritical, critical)
    }

    /// With upper raw limits.
    fn above(self, [non_critical, critical]: [u8; 2]) -> Self {
        self.limit(Threshold::UpperNonCritical, non_critical).limit(Threshold::UpperCritical, critical)
    }

    /// With an upper raw limit beyond which nothing can be mended.
    fn at_most(self, non_recoverable: u8) -> Self {
        self.limit(Threshold::UpperNonRecoverable, non_recoverable)
    }
}

/// Values of a server at work.
fn analog_sensors() -> impl Iterator<Item = Analog> {
    temperatures().into_iter().chain(cooling()).chain(voltages()).chain(consumption())
}

fn temperatures() -> [Analog; 5] {
    let temperature =
        |number, name, entity, raw| Analog::new(number, name, (kind::TEMPERATURE, CELSIUS), entity, raw);
    let hot = |sensor: Analog| sensor.above([90, 95]).at_most(100);
    [
        Analog {
            format: AnalogFormat::TwosComplement,
            // -7 degrees is F9h.
            ..temperature(0x01, "Inlet Temp", (part::AIR_INLET, 1), 24).below([3, 0xF9]).above([42, 47])
        },
        hot(temperature(0x02, "CPU1 Temp", (part::PROCESSOR, 1), 58)),
        hot(temperature(0x03, "CPU2 Temp", (part::PROCESSOR, 2), 61)),
        Analog {
            format: AnalogFormat::OnesComplement,
            ..temperature(0x04, "DIMM Temp", (part::MEMORY_DEVICE, 1), 87)
                .scaled(5, -1)
                .above([100, 110])
                .at_most(120)
        },
        // A thermistor: its factors must be asked for.
        Analog {
            linearization: 0x70,
            ..temperature(0x05, "VRM Temp", (part::SYSTEM_BOARD, 1), 160).above([180, 190]).at_most(200)
        },
    ]
}

fn cooling() -> [Analog; 6] {
    let fan = |number, name, instance, raw| {
        Analog::new(number, name, (kind::FAN, RPM), (part::FAN, instance), raw).scaled(75, 0).below([16, 8])
    };
    [
        fan(0x10, "Fan1", 1, 100),
        fan(0x11, "Fan2", 2, 102),
        fan(0x12, "Fan3", 3, 99),
        fan(0x13, "Fan4", 4, 101),
        // The sensor counts the time of a turn.
        Analog {
            linearization: 7,
            ..Analog::new(0x18, "Pump", (kind::FAN, RPM), (part::COOLING_UNIT, 1), 40).scaled(1, -5)
        },
        // The sensor measures the square of the flow.
        Analog {
            linearization: 10,
            ..Analog::new(0x19, "Air Flow", (kind::OTHER, CFM), (part::CHASSIS, 1), 128).scaled(50, 0)
        },
    ]
}

fn voltages() -> [Analog; 5] {
    let volts = |number, name, entity, raw| Analog::new(number, name, (kind::VOLTAGE, VOLTS), entity, raw);
    let board = (part::SYSTEM_BOARD, 1);
    [
        volts(0x20, "12V", board, 191).scaled(63, -3).below([181, 171]).above([200, 210]),
        volts(0x21, "5V Standby", board, 192).scaled(26, -3).below([183, 173]).above([202, 212]),
        volts(0x22, "3.3V", board, 194).scaled(17, -3).below([184, 175]).above([204, 213]),
        volts(0x23, "VBAT", (part::BATTERY, 1), 203).scaled(15, -3).below([173, 160]).above([240, 250]),
        Analog {
            // Half a volt at zero.
            factors: (5, 50, 1, -3),
            ..volts(0x24, "CPU1 VCore", (part::PROCESSOR, 1), 110).below([20, 10]).above([180, 200])
        },
    ]
}

fn consumption() -> [Analog; 5] {
    let amperes = |number, name, instance, raw| {
        Analog::new(number, name, (kind::CURRENT, AMPERES), (part::POWER_SUPPLY, instance), raw)
            .scaled(2, -1)
            .above([60, 70])
            .at_most(75)
    };
    let other = |number, name, unit, entity, raw| Analog::new(number, name, (kind::OTHER, unit), entity, raw);
    [
        amperes(0x30, "PSU1 Current", 1, 9),
        amperes(0x31, "PSU2 Current", 2, 8),
        other(0x32, "System Power", WATTS, (part::POWER_UNIT, 1), 86)
            .scaled(4, 0)
            .above([200, 225])
            .at_most(250),
        other(0x33, "CPU Usage", PERCENT, (part::PROCESSOR, 1), 37),
        other(0x34, "Memory Errors", ERRORS_PER_HOUR, (part::MEMORY_DEVICE, 1), 2),
    ]
}

/// A sensor of states, and those that are set at first.
struct Discrete {
    number: u8,
    name: &'static str,
    kind: u8,
    event_type: u8,
    entity: Entity,
    sharing: Sharing,
    states: u16,
}

impl Discrete {
    fn record(&self) -> RecordBody {
        RecordBody::Compact(CompactSensor {
            description: SensorDescription {
                key: SensorKey::of_bmc(self.number),
                entity: self.entity,
                initialization: 0x67,
                capabilities: SensorCapabilities { auto_rearm: true, ..Default::default() },
                sensor_type: self.kind,
                event_type: self.event_type,
                assertion_mask: 0x7FFF,
                deassertion_mask: 0x0000,
                reading_mask: 0x7FFF,
                format: None,
                unit: Unit::default(),
            },
            direction: 1,
            sharing: self.sharing,
            positive_hysteresis: 0,
            negative_hysteresis: 0,
            oem: 0,
            name: self.name.to_owned(),
        })
    }
}

/// States of a server at work.
fn discrete_sensors() -> Vec<Discrete> {
    let specific = |number, name, kind, entity: (u8, u8), states| Discrete {
        number,
        name,
        kind,
        event_type: SENSOR_SPECIFIC,
        entity: Entity::new(entity.0, entity.1),
        sharing: Sharing { count: 1, ..Sharing::default() },
        states,
    };
    let generic = |event_type, discrete: Discrete| Discrete { event_type, ..discrete };
    // Presence detected: bit 0 of a power supply or drive, bit 7 of a processor.
    vec![
        specific(0x50, "PSU1 Status", kind::POWER_SUPPLY, (part::POWER_SUPPLY, 1), 0x0001),
        specific(0x51, "PSU2 Status", kind::POWER_SUPPLY, (part::POWER_SUPPLY, 2), 0x0001),
        generic(0x0B, specific(0x52, "PSU Redundancy", kind::POWER_UNIT, (part::POWER_UNIT, 1), 0x0001)),
        specific(0x58, "Intrusion", kind::PHYSICAL_SECURITY, (part::CHASSIS, 1), 0x0000),
        specific(0x60, "CPU1 Status", kind::PROCESSOR, (part::PROCESSOR, 1), 0x0080),
        specific(0x61, "CPU2 Status", kind::PROCESSOR, (part::PROCESSOR, 2), 0x0080),
        specific(0x68, "Memory ECC", kind::MEMORY, (part::MEMORY_DEVICE, 1), 0x0000),
        generic(0x03, specific(0x69, "VRM Fault", kind::VOLTAGE, (part::SYSTEM_BOARD, 1), 0x0001)),
        specific(0x70, "Event Log", kind::EVENT_LOGGING_DISABLED, (part::SYSTEM_BOARD, 1), 0x0000),
        specific(0x71, "Watchdog", kind::WATCHDOG_2, (part::SYSTEM_BOARD, 1), 0x0000),
        specific(0x72, "ACPI State", kind::ACPI_POWER_STATE, (part::SYSTEM_BOARD, 1), 0x0001),
        Discrete {
            sharing: Sharing {
                count: 4,
                modifier: InstanceModifier::Numeric,
                offset: 1,
                entity_instances: true,
            },
            ..specific(0x80, "Drive", kind::DRIVE_SLOT, (part::DRIVE_BAY, 1), 0x0001)
        },
    ]
}

/// Records of what cannot be read.
fn other_records() -> Vec<RecordBody> {
    let event_only = |number, name: &str, sensor_type, entity| {
        RecordBody::EventOnly(EventOnlySensor {
            key: SensorKey::of_bmc(number),
            entity,
            sensor_type,
            event_type: SENSOR_SPECIFIC,
            direction: 1,
            sharing: Sharing { count: 1, ..Sharing::default() },
            oem: 0,
            name: name.to_owned(),
        })
    };
    // The devices of `FruConfig::sample`.
    let fru_device = |device, name: &str, entity| {
        RecordBody::FruDevice(FruDevice {
            access_address: BMC_ADDRESS,
            device,
            logical: true,
            lun: 0,
            bus: 0,
            channel: 0,
            // FRU inventory behind a controller's FRU commands.
            device_type: (0x10, 0x00),
            entity,
            oem: 0,
            name: name.to_owned(),
        })
    };
    let board = Entity::new(part::SYSTEM_BOARD, 1);
    vec![
        event_only(0xE0, "System Boot", kind::BOOT_INITIATED, Entity::new(part::FIRMWARE, 1)),
        event_only(0xE1, "PCI Errors", kind::CRITICAL_INTERRUPT, board),
        RecordBody::EntityAssociation(EntityAssociation {
            container: Entity::new(part::COOLING_UNIT, 1),
            container_device: None,
            // A range: from the first fan to the last.
            flags: 0x80,
            contained: vec![(Entity::new(part::FAN, 1), None), (Entity::new(part::FAN, 4), None)],
        }),
        RecordBody::ControllerDevice(ControllerDevice {
            slave_address: BMC_ADDRESS,
            channel: 0,
            initialization: 0x00,
            capabilities: 0x8F,
            entity: board,
            oem: 0,
            name: "BMC".to_owned(),
        }),
        fru_device(0, "System Board", board),
        fru_device(1, "PSU1 Inventory", Entity::new(part::POWER_SUPPLY, 1)),
        fru_device(2, "PSU2 Inventory", Entity::new(part::POWER_SUPPLY, 2)),
        RecordBody::GenericDevice(GenericDevice {
            access_address: BMC_ADDRESS,
            slave_address: 0xA0,
            channel: 0,
            lun: 0,
            bus: 1,
            address_span: 0,
            // An EEPROM, 24C02 or alike.
            device_type: (0x0B, 0x00),
            entity: board,
            oem: 0,
            name: "Board EEPROM".to_owned(),
        }),
        // Of the IPMI forum's number, with nothing that anybody could understand.
        RecordBody::Oem { manufacturer: 7154, data: vec![0x49, 0x48] },
    ]
}

fn sample() -> SensorSet {
    let analog: Vec<_> = analog_sensors().collect();
    let discrete = discrete_sensors();
    let records = analog.iter().map(Analog::record).chain(discrete.iter().map(Discrete::record));
    let mut set = SensorSet::new(records.chain(other_records()));
    for sensor in &analog {
        set.at_first(sensor.number, |first| first.raw = sensor.raw);
    }
    for sensor in &discrete {
        for index in 0..sensor.sharing.count {
            set.at_first(sensor.number + index, |first| first.states = sensor.states);
        }
    }
    // The thermistor's curve in two straight pieces that meet at 128: 64 degrees.
    let steep = ReadingFactors { m: 5, r_exponent: -1, ..ReadingFactors::default() };
    let flat = ReadingFactors { m: 25, b: 320, b_exponent: 1, r_exponent: -2, ..ReadingFactors::default() };
    set.with_factors(0x05, 0, steep).with_factors(0x05, 128, flat).needing_power(&[
        0x02, 0x03, 0x04, 0x05, 0x10, 0x11, 0x12, 0x13, 0x18, 0x19, 0x20, 0x22, 0x24, 0x33, 0x34,
    ])
}
