//! Simulated hosts and QEMU guests seen from outside, through sockets and our own clients.

#![expect(clippy::unwrap_used, reason = "a test's own parts fail with the test")]

mod fleet;
mod operator;
mod qemu;
