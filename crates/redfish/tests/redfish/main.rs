//! Operations played against recorded controllers.

mod recorded;
mod sensor;
