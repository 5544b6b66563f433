//! Redfish (DMTF DSP0266): what to ask a management controller, what its answers mean, and the faults of vendors.
//!
//! Nothing here opens a connection or reads a clock. An [`Operation`] is a plain function that asks a [`Talk`] for
//! resources; a [`Run`] plays it: it says which requests to send, is told the answers, and ends with a value.
//!
//! | subject | items |
//! | --- | --- |
//! | what a controller is | [`root`], [`identify`], [`Vendor`], [`Quirk`] |
//! | its machine | [`locate`], [`Place`] |
//! | power | [`power_state`], [`SetPower`] |
//! | what is booted from | [`boot_state`], [`SetBoot`] |
//! | accounts | [`accounts`], [`SetPassword`], [`password_rules`] |
//! | sessions | [`SessionPolicy`], [`log_in`], [`EndSessions`] |
//! | parts and readings | [`ReadInventory`], [`ReadFirmware`], [`ReadSensors`] |
//! | what happened | [`ReadLog`], [`ClearLog`], [`Subscribe`], [`event_stream`] and [`Sse`] |
//! | images and the light | [`InsertMedia`], [`EjectMedia`], [`SetIndicator`] |
//! | the screen of machines with an iDRAC | [`TakeScreenshot`], [`vnc_server`], [`SetVncServer`] |
//! | settings of the firmware | [`bios`], [`SetBios`] |
//! | changes | [`patch`] under a condition, [`settle`] where they go on |
//! | the controller's side | [`bmc`] |
//!
//! # Example
//!
//! A machine is switched on. The controller is four lines here; between it and a real one is an HTTP client.
//!
//! ```
//! use ironhand_redfish::{
//!     Answer, Question, ResetAction, Run, SetPower, Talk, Tree, Turn, locate,
//! };
//! use serde_json::json;
//!
//! fn controller(method: &str, path: &str) -> Answer {
//!     match (method, path) {
//!         ("GET", "/redfish/v1/") => Answer::json(200, json!({ "Systems": { "@odata.id": "/systems" } })),
//!         ("GET", "/systems") => Answer::json(200, json!({ "Members": [{ "@odata.id": "/systems/1" }] })),
//!         ("GET", "/systems/1") => Answer::json(200, json!({
//!             "PowerState": "Off",
//!             "Actions": { "#ComputerSystem.Reset": { "target": "/systems/1/reset" } },
//!         })),
//!         ("POST", "/systems/1/reset") => Answer::new(204, b""),
//!         _ => Answer::new(404, b""),
//!     }
//! }
//!
//! fn play<O: ironhand_redfish::Operation>(
//!     operation: O,
//!     tree: Tree,
//! ) -> (Result<O::Output, ironhand_redfish::Error>, Tree) {
//!     let mut run = Run::new(operation, tree);
//!     loop {
//!         match run.next_turn() {
//!             Turn::Ask(questions) => {
//!                 for Question { id, request } in questions {
//!                     run.answer(id, controller(request.method.as_str(), &request.path));
//!                 }
//!             }
//!             Turn::Wait(time) => std::thread::sleep(time),
//!             Turn::Done(result) => return (result, run.into_tree()),
//!         }
//!     }
//! }
//!
//! let (place, tree) = play(|talk: &mut Talk| locate(talk, None), Tree::default());
//! let (sent, _) = play(SetPower { place: place?, action: ResetAction::On }, tree);
//! assert_eq!(sent?, ["On"]);
//! # Ok::<(), ironhand_redfish::Error>(())
//! ```

mod account;
mod bios;
pub mod bmc;
mod boot;
mod error;
mod etag;
mod event;
mod exchange;
mod firmware;
mod identify;
mod idrac;
mod inventory;
mod listing;
mod log;
mod media;
mod power;
mod quirk;
mod resource;
mod root;
mod run;
mod sensor;
mod session;
mod sse;
mod system;
mod talk;
mod task;
mod time;
mod vendor;

pub use account::{Account, PasswordProof, PasswordRules, SetPassword, accounts, password_rules};
pub use bios::{Attributes, Bios, SetBios, Staged, bios};
pub use boot::{BootEnabled, BootMode, BootState, BootTarget, SetBoot, boot_state};
pub use error::Error;
pub use etag::patch;
pub use event::{Event, Subscribe, Subscription, Unsubscribe, event_stream, events_of, subscriptions};
pub use exchange::{Answer, Body, Method, Request, Token};
pub use firmware::{Firmware, ReadFirmware};
pub use identify::{SetIndicator, indicator};
pub use idrac::{SetVncServer, TakeScreenshot, VNC_PASSWORD, VncServer, vnc_server};
pub use inventory::{Inventory, Part, PartKind, ReadInventory};
pub use listing::{Listing, Missing};
pub use log::{ClearLog, Log, LogEntry, LogSeverity, ReadLog, event_log, logs};
pub use media::{EjectMedia, InsertMedia, MediaKind, MediaSlot, media_slots};
pub use power::{PowerState, ResetAction, SetPower, allowed_kinds, power_state};
pub use quirk::{Description, Handling, Quirk, Quirks};
pub use resource::{Resource, Tree};
pub use root::{ROOT, Root, root};
pub use run::{Question, Run, Turn};
pub use sensor::{ReadSensors, Sensor, SensorState};
pub use session::{Admission, EndSessions, Session, SessionPolicy, Told, log_in, log_out};
pub use sse::{Message, Sse};
pub use system::{Place, choose, locate};
pub use talk::{Operation, Stop, Talk};
pub use task::{TaskEnd, settle};
pub use vendor::{Identity, Vendor, identify};
