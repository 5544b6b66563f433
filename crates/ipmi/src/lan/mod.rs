//! The BMC's own network settings (IPMI 2.0 chapter 23).
//!
//! They are numbered parameters, of which a BMC may lack most. [`read`] reads those that are there into a
//! [`LanConfiguration`]; [`set`] changes some and reads each back; [`move_to`] changes those after which the BMC is no
//! longer where it was, the address last, and expects no more answers.

mod change;
mod command;
mod configuration;
mod parameter;
mod read;

pub use change::{LanChange, move_to, set};
pub(crate) use command::{GetLanParameter, SetLanParameter};
pub use configuration::{
    AddressSource, AlertDestination, ArpControl, Ipv6Address, Ipv6Support, LanConfiguration,
};
pub(crate) use parameter::Parameter;
pub use read::{AlertsOff, alerts_off, read};

#[cfg(test)]
mod tests;
