//! The source of unpredictable bytes for the machines.

use std::io;

use ironhand_ipmi::Entropy;

/// Random bytes of the operating system.
pub(crate) struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        // Once the kernel's generator is seeded it does not fail, and `prove` has drawn from it.
        getrandom::fill(bytes).expect("the operating system's generator worked when the port was started");
    }
}

/// Draws once, so that a machine without randomness is known before the first session.
pub(crate) fn prove() -> io::Result<()> {
    getrandom::fill(&mut [0; 1]).map_err(io::Error::other)
}
