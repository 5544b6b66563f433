//! Simulated servers that break on demand and are healed by what heals real ones.

mod machine;
mod screen;

pub use machine::{
    Activity, BootSource, Machine, MachineConfig, MachineFault, Make, NextBoot, Output, ROOT_PASSWORD,
    UnknownMake,
};
pub use screen::{Cell, Mode, Position, Screen};
