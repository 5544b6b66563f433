//! The hardware behind a BMC: one procedure after the other over the line's session.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ironhand_api::{ActionReceipt, EventLog, Inventory, Sensors};
use ironhand_ipmi::chassis::{self, ChassisIdentify};
use ironhand_ipmi::command::{GetChassisStatus, GetDeviceId, IdentifyState};
use ironhand_ipmi::fru::ReadFrus;
use ironhand_ipmi::procedure::Ask;
use ironhand_ipmi::sdr::{ReadSdr, RecordBody, SdrRepository};
use ironhand_ipmi::sel::{ClearSel, ReadSel, ReadSelStatus, Start};
use ironhand_ipmi::sensor::{ReadSensors, SensorSelection};
use ironhand_ipmi::{Error, ProcedureError, Request};
use ironhand_ipmi_port::{Bmc, RunError};
use tokio::time::timeout;

use super::{IpmiLine, ask, words};
use crate::device::DeviceError;
use crate::lane::hardware::{Found, Hardware, Told, light};
use crate::sdr_cache::SdrCache;

/// How long a BMC may take over all commands together: the sensors of the largest machines take slow ones half a minute.
/// Each command has a deadline of its own, which is shorter.
const LONGEST: Duration = Duration::from_secs(180);

/// The FRU device that every BMC has: its own board, whose product is the machine.
pub(super) const BUILT_IN: u8 = 0;

/// The BMC's address on its bus.
const BMC_ADDRESS: u8 = 0x20;

impl IpmiLine {
    /// Reads the hardware, or does something to it.
    pub(in crate::lane) async fn hardware(
        &mut self,
        asked: &Hardware,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Told, DeviceError> {
        let begun = Instant::now();
        // Logs in under the credential that works.
        ask(self, &Request::GetDeviceId, receipts).await?;
        let cache = self.records.clone();
        let source = format!("{} {}", self.host, self.source);
        let Some(bmc) = self.session() else { return Err(DeviceError::Stopping) };
        let told = match timeout(LONGEST, perform(bmc, asked, &cache, &source)).await {
            Ok(told) => told,
            Err(_) if asked.only_reads() => Err(Error::Timeout { after: LONGEST }.into()),
            Err(_) => Err(Error::OutcomeUnknown.into()),
        };
        if let Some(receipt) = receipts.last_mut() {
            receipt.took = begun.elapsed();
            receipt.error = told.as_ref().err().map(ToString::to_string);
        }
        told
    }
}

async fn perform(bmc: &Bmc, asked: &Hardware, cache: &SdrCache, source: &str) -> Result<Told, DeviceError> {
    Ok(match asked {
        Hardware::Sensors => Told::Found(Found::Sensors(sensors(bmc, cache, source).await?)),
        Hardware::EventLog { newest } => {
            Told::Found(Found::EventLog(event_log(bmc, *newest, cache, source).await?))
        }
        Hardware::ClearEventLog => {
            let before = bmc.run(ReadSelStatus::new()).await?.info.entries;
            bmc.run(ClearSel::new()).await?;
            let entries = if before == 1 { "entry" } else { "entries" };
            Told::Done(format!("the event log is cleared of {before} {entries}"))
        }
        Hardware::Inventory => Told::Found(Found::Inventory(Box::new(inventory(bmc, cache, source).await?))),
        Hardware::Identify { on, time } => Told::Done(identify(bmc, *on, *time).await?),
        Hardware::Media | Hardware::InsertMedia(_) | Hardware::EjectMedia { .. } => {
            return Err(DeviceError::NoConnector { capability: asked.capability() });
        }
    })
}

/// The records of a BMC; from the cache where it says that they are still those.
async fn records(bmc: &Bmc, cache: &SdrCache, source: &str) -> Result<Arc<SdrRepository>, RunError> {
    let repository = bmc.run(ReadSdr::new(cache.get(source))).await?;
    cache.keep(source, &repository);
    Ok(repository)
}

async fn sensors(bmc: &Bmc, cache: &SdrCache, source: &str) -> Result<Sensors, DeviceError> {
    let repository = records(bmc, cache, source).await?;
    let reports = bmc.run(ReadSensors::new(repository, SensorSelection::default())).await?;
    Ok(Sensors {
        sensors: reports.iter().map(|(sensor, report)| words::sensor(sensor, report)).collect(),
        missing: reports.repository.flaws().iter().map(ToString::to_string).collect(),
    })
}

async fn event_log(
    bmc: &Bmc,
    newest: usize,
    cache: &SdrCache,
    source: &str,
) -> Result<EventLog, DeviceError> {
    let names = match records(bmc, cache, source).await {
        Ok(repository) => Some(repository),
        // The log is worth reading without names.
        Err(RunError::Procedure(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let start = u16::try_from(newest).map_or(Start::First, Start::Last);
    let reading = bmc.run(ReadSel::new(start)).await?;
    let erased = reading.erased.then(|| "the log was erased while it was read".to_owned());
    Ok(EventLog {
        entries: reading.entries.iter().map(|entry| words::entry(entry, names.as_deref())).collect(),
        missing: reading.flaws.iter().map(ToString::to_string).chain(erased).collect(),
    })
}

async fn inventory(bmc: &Bmc, cache: &SdrCache, source: &str) -> Result<Inventory, DeviceError> {
    let device = bmc.run(Ask::new("read the device id", &GetDeviceId)).await?;
    let mut names = BTreeMap::from([(BUILT_IN, None)]);
    let mut missing = Vec::new();
    let repository = match records(bmc, cache, source).await {
        Ok(repository) => Some(repository),
        // A BMC without records has its own board all the same.
        Err(RunError::Procedure(error)) => {
            missing.push(error.to_string());
            None
        }
        Err(error) => return Err(error.into()),
    };
    for record in repository.iter().flat_map(|repository| repository.records()) {
        let RecordBody::FruDevice(locator) = &record.body else { continue };
        if locator.logical && locator.access_address == BMC_ADDRESS && locator.lun == 0 {
            names.insert(locator.device, Some(locator.name.clone()).filter(|name| !name.is_empty()));
        } else {
            missing.push(format!("{}: behind controller {:02X}h", locator.name, locator.access_address));
        }
    }
    let readings = bmc.run(ReadFrus::new(names.keys().copied().collect())).await?;
    Ok(words::inventory(&device, &readings, &names, missing))
}

/// Switches the light, and reads back what the BMC shows of it.
async fn identify(bmc: &Bmc, on: bool, time: Option<Duration>) -> Result<String, DeviceError> {
    let seconds = time.map(|time| u8::try_from(time.as_secs()).unwrap_or(u8::MAX));
    let wish = match (on, seconds) {
        (false, _) => ChassisIdentify::Seconds(0),
        (true, None) => ChassisIdentify::On,
        (true, Some(seconds)) => ChassisIdentify::Seconds(seconds),
    };
    let lit = bmc.run(chassis::identify(wish)).await?;
    let words = light(on, lit.map(|seconds| Duration::from_secs(seconds.into())));
    let status = bmc.run(Ask::new("read the chassis status", &GetChassisStatus)).await?;
    match status.identify {
        None => Ok(format!("{words}, which the BMC accepted and does not show")),
        Some(IdentifyState::Off) if on => {
            Err(ProcedureError::NotKept { doing: "switch the identification light on" }.into())
        }
        Some(IdentifyState::Temporary | IdentifyState::Indefinite) if !on => {
            Err(ProcedureError::NotKept { doing: "switch the identification light off" }.into())
        }
        Some(_) => Ok(words),
    }
}
