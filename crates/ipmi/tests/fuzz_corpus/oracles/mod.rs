//! What must hold at either end of IPMI whatever the other sends. Each function takes one input of a fuzz target.
//!
//! An input is a configuration byte and then steps: an operation byte and its operands. Beside raw datagrams, a step
//! can use a true peer, whose session gets the machine to where raw bytes would not, and damage what that peer sends.

mod decoders;
mod inside;
mod machines;
mod procedures;
mod script;

pub use decoders::{fru, sdr, sel};
pub use inside::{bmc_session, client_session, console_session};
pub use machines::{audit, bmc, client};
pub use procedures::procedures;
