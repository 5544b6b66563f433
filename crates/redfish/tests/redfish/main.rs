//! Operations played against recorded controllers.

mod inventory;
mod recorded;
mod sensor;
