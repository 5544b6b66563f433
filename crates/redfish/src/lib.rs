//! Redfish (DMTF DSP0266): what to ask a management controller, what its answers mean, and the faults of vendors.
//!
//! Nothing here opens a connection or reads a clock. An [`Operation`] is a plain function that asks a [`Talk`] for
//! resources; a [`Run`] plays it: it says which requests to send, is told the answers, and ends with a value.

mod account;
pub mod bmc;
mod boot;
mod error;
mod etag;
mod exchange;
mod firmware;
mod inventory;
mod listing;
mod power;
mod quirk;
mod resource;
mod root;
mod run;
mod sensor;
mod session;
mod system;
mod talk;
mod task;
mod time;
mod vendor;

pub use account::{Account, PasswordProof, PasswordRules, SetPassword, accounts, password_rules};
pub use boot::{BootEnabled, BootMode, BootState, BootTarget, SetBoot, boot_state};
pub use error::Error;
pub use etag::patch;
pub use exchange::{Answer, Body, Method, Request, Token};
pub use firmware::{Firmware, ReadFirmware};
pub use inventory::{Inventory, Part, PartKind, ReadInventory};
pub use listing::{Listing, Missing};
pub use power::{PowerState, ResetAction, SetPower, allowed_kinds, power_state};
pub use quirk::{Description, Handling, Quirk, Quirks};
pub use resource::{Resource, Tree};
pub use root::{ROOT, Root, root};
pub use run::{Question, Run, Turn};
pub use sensor::{ReadSensors, Sensor, SensorState};
pub use session::{Admission, EndSessions, Session, SessionPolicy, Told, log_in, log_out};
pub use system::{Place, choose, locate};
pub use talk::{Operation, Stop, Talk};
pub use task::{TaskEnd, settle};
pub use vendor::{Identity, Vendor, identify};
