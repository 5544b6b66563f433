//! Simulated servers that break on demand and are healed by what heals real ones: keys, power, and another
//! boot device.
//!
//! A [`Machine`] is a server without clock and sockets: firmware, loader, kernel and login on a screen of
//! characters, a power button and a keyboard. It is told the time and can be driven through hours in an
//! instant. A [`Fleet`] gives hundreds of them what people reach servers by: a management controller that
//! speaks IPMI over UDP and a screen that speaks RFB over TCP. [`qemu::QemuBmc`] gives the same to one real
//! QEMU guest.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use ironhand_sim::machine::{Activity, Machine, MachineConfig, MachineFault, Make};
//!
//! let mut now = Instant::now();
//! let name = "rack7-12".to_owned();
//! let mut machine =
//!     Machine::new(MachineConfig { name, make: Make::R740Like, seed: 1, pace: 1.0, running: true }, now);
//! assert!(machine.is_well());
//!
//! machine.stage(now, MachineFault::KernelPanic);
//! now += Duration::from_secs(3600);
//! machine.wake(now);
//! assert!(machine.screen().text().contains("Kernel panic - not syncing"));
//!
//! machine.power_cycle(now);
//! while let Some(due) = machine.next_wake() {
//!     machine.wake(due);
//! }
//! assert_eq!(machine.activity(), Activity::Up);
//! assert!(machine.screen().text().ends_with("rack7-12 login:"));
//! ```
//!
//! What can go wrong is in [`Fault`]; [`FaultScript::sandbox`] is what the sandbox plays. Nothing here is
//! needed to run Ironhand on real servers.
//!
//! | module | knows |
//! | --- | --- |
//! | [`machine`] | what a server does, by itself and to its buttons; faults; makes |
//! | [`screen`] | cells, colours, scrolling, modes |
//! | `redfish` | the Redfish services of all of them, over HTTP and TLS |
//! | [`bmc_fleet`] | thousands of BMCs without screens, faults of networks and firmware |
//! | [`console_server`] | serial consoles behind the menus of controllers, over SSH, and at ports of terminal servers |
//! | [`outlets`] | power strips, by SNMP |
//! | [`fleet`] | sockets and tasks for many machines, faults of controllers and screens |
//! | [`kvm_unit`] | units at buttons, screen and keyboard: PiKVM, NanoKVM |
//! | [`modem`] | a modem, and power sockets that take text messages |
//! | [`wsman`] | Intel AMT and Windows, by WS-Management |
//! | [`vnc`] | a remote framebuffer alone, behind all that stands before them: TLS, WebSockets, OpenBMC |
//! | [`qemu`] | a process in place of a machine |

pub mod bmc_fleet;
pub mod console_server;
mod controller;
pub mod fleet;
mod inventory;
pub mod kvm_unit;
pub mod machine;
pub mod modem;
pub mod outlets;
mod picture;
mod power_log;
pub mod qemu;
mod redfish;
pub mod screen;
mod viewer;
pub mod vnc;
pub mod wsman;

pub use bmc_fleet::{BmcFleet, BmcFleetConfig, BmcFleetError};
pub use fleet::{
    Asked, Fault, FaultScript, Fleet, FleetConfig, FleetError, HostState, Received, SimHost, StagedFault,
};
pub use machine::{Activity, Machine, MachineConfig, MachineFault, Make};
pub use redfish::{Certificate, CertificateError};
