//! Simulated servers that break on demand and are healed by what heals real ones.

mod controller;
mod fleet;
mod machine;
mod picture;
pub mod qemu;
mod screen;
mod viewer;

pub use fleet::{
    Fault, FaultScript, Fleet, FleetConfig, FleetError, HostState, SimHost, StagedFault, UnknownFault,
};
pub use machine::{
    Activity, BootSource, Machine, MachineConfig, MachineFault, Make, NextBoot, Output, ROOT_PASSWORD,
    UnknownMake,
};
pub use screen::{Cell, Mode, Position, Screen};
