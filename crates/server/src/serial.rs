//! Serial consoles: the one that a BMC gives by IPMI, and the logs of what machines write.

pub(crate) mod log;
pub(crate) mod sol;
