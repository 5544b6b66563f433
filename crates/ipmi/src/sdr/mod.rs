//! Sensor data records: what sensors and devices a BMC knows (IPMI 2.0 chapters 33 and 43).

pub mod commands;
mod compact;
mod description;
mod entity;
mod fetch;
mod full;
mod id_string;
mod locator;
mod read;
mod record;
mod repository;

pub use compact::{CompactSensor, EventOnlySensor, InstanceModifier, SharedSensor, Sharing};
pub use description::{Access, SensorCapabilities, SensorDescription, SensorKey};
pub use entity::Entity;
pub use full::FullSensor;
pub use locator::{ControllerDevice, EntityAssociation, FruDevice, GenericDevice};
pub use read::ReadSdr;
pub use record::{Record, RecordBody};
pub use repository::{SdrFlaw, SdrKey, SdrRepository, SdrStamp};
