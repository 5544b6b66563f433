//! Operations played against recorded controllers.

mod account;
mod bios;
mod boot;
mod event;
mod hostile;
mod identify;
mod identity;
mod idrac;
mod inventory;
mod log;
mod media;
mod pair;
mod power;
mod quirk;
mod recorded;
mod reference;
mod sensor;
mod session;
mod task;
