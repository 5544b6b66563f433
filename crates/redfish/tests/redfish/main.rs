//! Operations played against recorded controllers.

mod recorded;
