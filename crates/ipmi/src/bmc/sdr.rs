//! The BMC's SDR repository (IPMI 2.0 chapter 33) or device SDRs (sections 35.2 to 35.4).

use crate::bmc::Bmc;
use crate::bmc::commands::{Answer, Caller, Handler, dataless, handler};
use crate::bmc::sensors::{AVAILABILITY, FAN};
use crate::completion::CompletionCode;
use crate::message::BMC_ADDRESS;
use crate::quirk::Quirk;
use crate::sdr::commands::{
    DeviceSdrInfo, FIRST_RECORD, GetDeviceSdr, GetDeviceSdrInfo, GetSdr, GetSdrRepositoryInfo, LAST_RECORD,
    ReserveDeviceSdrRepository, ReserveSdrRepository, SdrRange, SdrRepositoryInfo, WHOLE_RECORD,
};
use crate::sel::Timestamp;

/// Bit of [`DeviceId::additional_support`](crate::DeviceId::additional_support): the BMC has an SDR repository.
const REPOSITORY_DEVICE: u8 = 0x02;

/// The owner that sensor records name on a BMC with [`Quirk::AssumeBmcOwner`].
const WRONG_OWNER: u8 = 0xC0;

/// How much of a whole record a BMC with [`Quirk::SdrPartialReads`] gives out.
const SHORT_READ: usize = 32;

/// What a BMC with [`Quirk::SdrRecordId`] adds to the ids inside records.
const OTHER_ID: u8 = 0x40;

/// The reservations of one BMC; each is cancelled by the next.
#[derive(Debug, Default)]
pub(super) struct Reservations {
    repository: u16,
    device: u16,
}

impl Reservations {
    /// The next one: never 0, which stands for none.
    fn next(reservation: &mut u16) -> Vec<u8> {
        *reservation = reservation.checked_add(1).unwrap_or(1);
        reservation.to_le_bytes().to_vec()
    }
}

/// The commands of the repository, and of device SDRs.
pub(super) const HANDLERS: &[Handler] = &[
    dataless::<GetSdrRepositoryInfo>(|bmc, _| {
        check_repository(bmc)?;
        check_info(bmc)?;
        let set = bmc.sensors.set();
        let info = SdrRepositoryInfo {
            version: 0x51,
            records: set.records().len().min(usize::from(u16::MAX)) as u16,
            // Unspecified: nothing can be added.
            free: 0xFFFF,
            last_addition: set.added(),
            last_erase: Timestamp(0),
            overflow: false,
            update_modes: 0,
            can_delete: false,
            can_add_partially: false,
            can_reserve: true,
            has_allocation_info: false,
        };
        Ok(info.encode())
    }),
    dataless::<ReserveSdrRepository>(|bmc, _| {
        check_repository(bmc)?;
        check_info(bmc)?;
        Ok(Reservations::next(&mut bmc.reservations.repository))
    }),
    handler::<GetSdr>(|bmc, _, data| {
        check_repository(bmc)?;
        let unreserved = bmc.config.quirks.contains(Quirk::SdrInfo);
        let reservation = (!unreserved).then_some(bmc.reservations.repository);
        get_record(bmc, reservation, data)
    }),
    handler::<GetDeviceSdrInfo>(|bmc, _, _| {
        check_device(bmc)?;
        let sensors = bmc.sensors.set().sensor_count().min(usize::from(u8::MAX)) as u8;
        Ok(DeviceSdrInfo { sensors, luns: 1, change: None }.encode())
    }),
    dataless::<ReserveDeviceSdrRepository>(|bmc, _| {
        check_device(bmc)?;
        Ok(Reservations::next(&mut bmc.reservations.device))
    }),
    handler::<GetDeviceSdr>(|bmc: &mut Bmc, _: Caller, data: &[u8]| {
        check_device(bmc)?;
        get_record(bmc, Some(bmc.reservations.device), data)
    }),
];

fn check_repository(bmc: &Bmc) -> Result<(), CompletionCode> {
    let has = bmc.config.device_id.additional_support & REPOSITORY_DEVICE != 0;
    if has { Ok(()) } else { Err(CompletionCode::INVALID_COMMAND) }
}

fn check_device(bmc: &Bmc) -> Result<(), CompletionCode> {
    if bmc.config.device_id.provides_device_sdrs { Ok(()) } else { Err(CompletionCode::INVALID_COMMAND) }
}

fn check_info(bmc: &Bmc) -> Result<(), CompletionCode> {
    let lacks = bmc.config.quirks.contains(Quirk::SdrInfo);
    if lacks { Err(CompletionCode::INVALID_COMMAND) } else { Ok(()) }
}

/// Answers Get SDR: a record or a part of it. Without `reservation`, none is wanted.
fn get_record(bmc: &Bmc, reservation: Option<u16>, data: &[u8]) -> Answer {
    let asked = SdrRange::decode(data).map_err(|_| CompletionCode::REQUEST_LENGTH_INVALID)?;
    if asked.offset != 0 && reservation.is_some_and(|held| asked.reservation != held) {
        return Err(CompletionCode::RESERVATION_LOST);
    }
    let quirk = |quirk| bmc.config.quirks.contains(quirk);
    let endless = quirk(Quirk::AssumeMaxSdrRecordCount);
    // A set numbers its records from 1 without gaps.
    let records = bmc.sensors.set().records();
    let index = match asked.record {
        FIRST_RECORD => 0,
        id if endless => usize::from(id - 1).min(records.len().saturating_sub(1)),
        id => usize::from(id - 1),
    };
    let mut record = records.get(index).cloned().ok_or(CompletionCode::NOT_PRESENT)?;
    let next = if index + 1 < records.len() {
        index as u16 + 2
    } else if endless {
        asked.record.max(index as u16 + 1).saturating_add(1)
    } else {
        LAST_RECORD
    };
    show_faults(bmc, &mut record);
    let offset = usize::from(asked.offset);
    let rest = record.get(offset..).ok_or(CompletionCode::PARAMETER_OUT_OF_RANGE)?;
    let count = match asked.count {
        WHOLE_RECORD if quirk(Quirk::SdrPartialReads) => rest.len().min(SHORT_READ),
        WHOLE_RECORD => rest.len(),
        count => rest.len().min(usize::from(count)),
    };
    let mut reply = next.to_le_bytes().to_vec();
    reply.extend_from_slice(&rest[..count]);
    Ok(reply)
}

/// Changes a record as the BMC's vendor faults do.
fn show_faults(bmc: &Bmc, record: &mut [u8]) {
    let quirk = |quirk| bmc.config.quirks.contains(quirk);
    if let [_, high, _, 0x01 | 0x02, _, owner, ..] = record {
        if quirk(Quirk::SdrRecordId) {
            *high = high.wrapping_add(OTHER_ID);
        }
        if quirk(Quirk::AssumeBmcOwner) && *owner == BMC_ADDRESS {
            *owner = WRONG_OWNER;
        }
    }
    if let [_, _, _, 0x01, _, _, _, _, _, _, _, _, FAN, event_type, ..] = record
        && quirk(Quirk::DiscreteReading)
    {
        *event_type = AVAILABILITY;
    }
}
