//! Which hosts this server works on, and until when it may.

mod held;

pub(crate) use held::{Held, NotOwner};
