//! Sensor data records: what sensors and devices a BMC knows (IPMI 2.0 chapters 33 and 43).

mod compact;
mod description;
mod entity;
mod full;
mod id_string;
mod locator;
mod record;

pub use compact::{CompactSensor, EventOnlySensor, InstanceModifier, SharedSensor, Sharing};
pub use description::{Access, SensorCapabilities, SensorDescription, SensorKey};
pub use entity::Entity;
pub use full::FullSensor;
pub use locator::{ControllerDevice, EntityAssociation, FruDevice, GenericDevice};
pub use record::{Record, RecordBody};
