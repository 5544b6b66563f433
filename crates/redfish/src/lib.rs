//! Redfish (DMTF DSP0266): what to ask a management controller, what its answers mean, and the faults of vendors.
//!
//! Nothing here opens a connection or reads a clock. An [`Operation`] is a plain function that asks a [`Talk`] for
//! resources; a [`Run`] plays it: it says which requests to send, is told the answers, and ends with a value.

mod error;
mod exchange;
mod resource;
mod run;
mod talk;

pub use error::Error;
pub use exchange::{Answer, Body, Method, Request, Token};
pub use resource::{Resource, Tree};
pub use run::{Question, Run, Turn};
pub use talk::{Operation, Stop, Talk};
