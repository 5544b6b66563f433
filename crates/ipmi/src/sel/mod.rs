//! The System Event Log: what a BMC wrote down about its machine (IPMI 2.0 chapters 31 and 32).
//!
//! [`Entry`] is one line of the log. [`ReadSel`], [`ClearSel`], [`SetSelTime`] and [`ReadSelStatus`] are the procedures
//! that a console runs; [`commands`] has what they are made of.

mod clear;
pub mod commands;
mod event_data;
mod fetch;
mod read;
mod record;
mod status;
mod text;
mod time;

pub use clear::ClearSel;
pub use read::{ReadSel, SelFlaw, SelReading, Start};
pub use record::{Entry, EventData, Generator, Record, SystemEvent};
pub use status::{ReadSelStatus, SelStatus};
pub use time::{Moment, SetSelTime, Timestamp};

/// Length of a record in bytes, its id included.
pub const RECORD_LENGTH: usize = 16;

/// Names the first record in commands, and none at the end of the log.
pub(crate) const FIRST_RECORD: u16 = 0x0000;

/// Names the last record in commands, and is the "next" of the last record.
pub(crate) const LAST_RECORD: u16 = 0xFFFF;

#[cfg(test)]
mod tests;
