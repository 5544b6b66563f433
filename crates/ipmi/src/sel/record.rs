//! Records of the SEL: 16 bytes each (IPMI 2.0 section 32.1 to 32.3).

use crate::sel::{RECORD_LENGTH, Timestamp};

/// Record type of an event that the specification describes.
const SYSTEM_EVENT: u8 = 0x02;

/// One line of the log.
///
/// Decoding loses nothing: [`Entry::encode`] gives the same bytes again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The record's id: 1 to FFFEh. Ids grow as records are added, but may skip numbers and begin again.
    pub id: u16,
    /// What it says.
    pub record: Record,
}

/// What a record says, by its type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Record {
    /// An event of a sensor (type 02h), or a record of a type that does not exist, which real BMCs write and which then
    /// nearly always is such an event; see [`SystemEvent::has_reserved_type`].
    Event(SystemEvent),
    /// The manufacturer's own record with a time (types C0h to DFh).
    TimestampedOem {
        /// The record's type.
        record_type: u8,
        /// When it was written.
        time: Timestamp,
        /// IANA enterprise number of the manufacturer: 24 bits.
        manufacturer: u32,
        /// What only the manufacturer knows.
        data: [u8; 6],
    },
    /// The manufacturer's own record without a time (types E0h to FFh).
    Oem {
        /// The record's type.
        record_type: u8,
        /// What only the manufacturer knows.
        data: [u8; 13],
    },
}

/// An event of a sensor (section 32.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SystemEvent {
    /// The record's type: 02h, or a reserved one.
    pub record_type: u8,
    /// When the BMC wrote it.
    pub time: Timestamp,
    /// Who noticed.
    pub generator: Generator,
    /// Format of the event message: 04h for IPMI 1.5 and 2.0, 03h for 1.0.
    pub revision: u8,
    /// What the sensor watches (table 42-3).
    pub sensor_type: u8,
    /// The sensor's number. Sensor numbers count within their owner and LUN.
    pub sensor_number: u8,
    /// Whether the state was entered (asserted) or left (deasserted). Some BMCs log "asserted" for both.
    pub asserted: bool,
    /// What kind of states the sensor has (table 42-1): 7 bits.
    pub event_type: u8,
    /// Which state, and more about it.
    pub data: EventData,
}

/// The three bytes of event data (section 29.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct EventData(pub [u8; 3]);

/// Who wrote an event: generator id (table 32-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Generator(pub u16);

impl Entry {
    /// Reads a record.
    pub fn decode(bytes: &[u8; RECORD_LENGTH]) -> Self {
        let [i0, i1, record_type, body @ ..] = *bytes;
        Self { id: u16::from_le_bytes([i0, i1]), record: Record::decode(record_type, &body) }
    }

    /// The record's 16 bytes.
    pub fn encode(&self) -> [u8; RECORD_LENGTH] {
        let [i0, i1] = self.id.to_le_bytes();
        let (record_type, body) = self.record.encode();
        let mut bytes = [0; RECORD_LENGTH];
        bytes[..3].copy_from_slice(&[i0, i1, record_type]);
        bytes[3..].copy_from_slice(&body);
        bytes
    }
}

impl Record {
    fn decode(record_type: u8, body: &[u8; 13]) -> Self {
        let [t0, t1, t2, t3, b0, b1, b2, b3, b4, b5, b6, b7, b8] = *body;
        let time = Timestamp(u32::from_le_bytes([t0, t1, t2, t3]));
        match record_type {
            0xC0..=0xDF => Self::TimestampedOem {
                record_type,
                time,
                manufacturer: u32::from_le_bytes([b0, b1, b2, 0]),
                data: [b3, b4, b5, b6, b7, b8],
            },
            0xE0..=0xFF => Self::Oem { record_type, data: *body },
            _ => Self::Event(SystemEvent {
                record_type,
                time,
                generator: Generator(u16::from_le_bytes([b0, b1])),
                revision: b2,
                sensor_type: b3,
                sensor_number: b4,
                asserted: b5 & 0x80 == 0,
                event_type: b5 & 0x7F,
                data: EventData([b6, b7, b8]),
            }),
        }
    }

    fn encode(&self) -> (u8, [u8; 13]) {
        match self {
            Self::Event(event) => {
                let [t0, t1, t2, t3] = event.time.0.to_le_bytes();
                let [g0, g1] = event.generator.0.to_le_bytes();
                let direction = u8::from(!event.asserted) << 7 | event.event_type & 0x7F;
                let [d1, d2, d3] = event.data.0;
                let sensor = [event.sensor_type, event.sensor_number];
                let body =
                    [t0, t1, t2, t3, g0, g1, event.revision, sensor[0], sensor[1], direction, d1, d2, d3];
                (event.record_type, body)
            }
            Self::TimestampedOem { record_type, time, manufacturer, data } => {
                let [t0, t1, t2, t3] = time.0.to_le_bytes();
                let [m0, m1, m2, _] = manufacturer.to_le_bytes();
                let [d0, d1, d2, d3, d4, d5] = *data;
                (*record_type, [t0, t1, t2, t3, m0, m1, m2, d0, d1, d2, d3, d4, d5])
            }
            Self::Oem { record_type, data } => (*record_type, *data),
        }
    }

    /// The type's number.
    pub fn record_type(&self) -> u8 {
        match self {
            Self::Event(event) => event.record_type,
            Self::TimestampedOem { record_type, .. } | Self::Oem { record_type, .. } => *record_type,
        }
    }

    /// When it was written, for those that say.
    pub fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Event(event) => Some(event.time),
            Self::TimestampedOem { time, .. } => Some(*time),
            Self::Oem { .. } => None,
        }
    }

    /// The same with another time, where the type has one.
    pub(crate) fn at(mut self, now: Timestamp) -> Self {
        match &mut self {
            Self::Event(event) => event.time = now,
            Self::TimestampedOem { time, .. } => *time = now,
            Self::Oem { .. } => {}
        }
        self
    }
}

impl SystemEvent {
    /// Something that the BMC itself noticed about one of its sensors; the BMC that logs it sets the time.
    pub const fn of_bmc(sensor_type: u8, sensor_number: u8, event_type: u8, data: [u8; 3]) -> Self {
        Self {
            record_type: SYSTEM_EVENT,
            time: Timestamp::INVALID,
            generator: Generator::BMC,
            revision: 0x04,
            sensor_type,
            sensor_number,
            asserted: true,
            event_type: event_type & 0x7F,
            data: EventData(data),
        }
    }

    /// The same event, of the state's end.
    #[must_use]
    pub const fn deasserted(self) -> Self {
        Self { asserted: false, ..self }
    }

    /// The same event, noticed by another.
    #[must_use]
    pub const fn from(self, generator: Generator) -> Self {
        Self { generator, ..self }
    }

    /// Whether the record's type is none that exists; what else it says is then a guess.
    pub fn has_reserved_type(&self) -> bool {
        self.record_type != SYSTEM_EVENT
    }
}

impl EventData {
    /// Which of the sensor's states: 0 to 14; 15 says "unspecified".
    pub fn offset(self) -> u8 {
        self.0[0] & 0x0F
    }

    /// What byte 2 means: 0 nothing, 1 a trigger reading or previous state and severity, 2 the manufacturer's, 3 as the
    /// sensor type says (table 29-6).
    pub fn second_form(self) -> u8 {
        self.0[0] >> 6
    }

    /// What byte 3 means: 0 nothing, 1 the threshold, 2 the manufacturer's, 3 as the sensor type says.
    pub fn third_form(self) -> u8 {
        self.0[0] >> 4 & 3
    }
}

impl Generator {
    /// The BMC itself, LUN 0.
    pub const BMC: Self = Self(0x0020);

    /// The system's firmware (BIOS or UEFI): the first of its software ids.
    pub const SYSTEM_FIRMWARE: Self = Self(0x0001);

    /// The system's management software: the first of its software ids.
    pub const SYSTEM_SOFTWARE: Self = Self(0x0041);

    /// The console software at the other end of a LAN: the first of its software ids.
    pub(crate) const REMOTE_CONSOLE: Self = Self(0x0081);

    /// Whether it is software, identified by a software id, rather than a controller with an address.
    pub fn is_software(self) -> bool {
        self.0 & 1 == 1
    }

    /// The controller's address on its bus as 8 bits (the BMC's is 20h), or the software id with bit 0 set.
    pub fn address(self) -> u8 {
        self.0 as u8
    }

    /// The channel over which the event came: 0 is the primary IPMB.
    pub fn channel(self) -> u8 {
        (self.0 >> 12) as u8
    }

    /// The controller's logical unit; 0 for software.
    pub fn lun(self) -> u8 {
        (self.0 >> 8) as u8 & 3
    }
}

impl std::fmt::Display for Generator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let address = self.address();
        match address {
            0x20 => write!(f, "BMC")?,
            _ if !self.is_software() => write!(f, "controller {address:02X}h")?,
            // Table 5-4, with the software id in bits 7 to 1.
            0x01..=0x1F => write!(f, "system firmware")?,
            0x21..=0x3F => write!(f, "SMI handler")?,
            0x41..=0x5F => write!(f, "system software")?,
            0x61..=0x7F => write!(f, "OEM software")?,
            0x81..=0x8D => write!(f, "remote console {}", (address >> 1) - 0x3F)?,
            0x8F => write!(f, "terminal mode console")?,
            _ => write!(f, "software {:02X}h", address >> 1)?,
        }
        if self.lun() != 0 {
            write!(f, " LUN {}", self.lun())?;
        }
        match self.channel() {
            0 => Ok(()),
            channel => write!(f, " channel {channel}"),
        }
    }
}
