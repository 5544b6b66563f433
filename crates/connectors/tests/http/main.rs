//! The client of HTTP against devices that behave, and devices that do not.

mod answers;
mod connections;
mod device;
mod proof;
mod secrets;
