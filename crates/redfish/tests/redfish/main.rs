//! Operations played against recorded controllers.

mod account;
mod boot;
mod hostile;
mod identity;
mod inventory;
mod power;
mod quirk;
mod recorded;
mod reference;
mod sensor;
mod session;
mod task;
