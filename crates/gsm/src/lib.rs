//! Short messages of mobile networks as modems carry them (3GPP TS 23.038, TS 23.040, TS 27.005), and the modem's own
//! side, for tests and the sandbox.
//!
//! ```
//! use ironhand_gsm::Submit;
//!
//! let message = Submit { number: "+31612345678".into(), text: "#01#".into(), report: true };
//! let (pdu, length) = message.encode()?;
//! assert_eq!(length, pdu.len() - 1);
//! assert_eq!(Submit::decode(&pdu)?, message);
//! # Ok::<(), ironhand_gsm::PduError>(())
//! ```

mod alphabet;
mod pdu;
mod terminal;

pub use pdu::{Incoming, Part, PduError, Submit, from_hex, to_hex};
pub use terminal::{Terminal, TerminalEvent};
