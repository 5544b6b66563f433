//! The source of unpredictable bytes for the machines.

use std::cell::RefCell;
use std::io;

use ironhand_ipmi::Entropy;
use zeroize::Zeroize;

/// Bytes drawn from the operating system at once. A session takes about a hundred, a command sixteen.
const POOL: usize = 2048;

/// Random bytes of the operating system, drawn in large pieces: a system call for each number of each session would be
/// most of what a thousand sessions have to say to the kernel.
pub(crate) struct OsEntropy;

struct Pool {
    bytes: [u8; POOL],
    /// Where the bytes begin that nobody has been given.
    fresh: usize,
}

thread_local! {
    static FRESH: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; POOL], fresh: POOL }) };
}

impl Entropy for OsEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        FRESH.with_borrow_mut(|pool| pool.fill(bytes));
    }
}

impl Pool {
    fn fill(&mut self, bytes: &mut [u8]) {
        if bytes.len() > POOL - self.fresh {
            if bytes.len() > POOL {
                return draw(bytes);
            }
            draw(&mut self.bytes);
            self.fresh = 0;
        }
        let given = &mut self.bytes[self.fresh..self.fresh + bytes.len()];
        bytes.copy_from_slice(given);
        // Given once; keys are made from them.
        given.zeroize();
        self.fresh += bytes.len();
    }
}

fn draw(bytes: &mut [u8]) {
    // Once the kernel's generator is seeded it does not fail, and `prove` has drawn from it.
    getrandom::fill(bytes).expect("the operating system's generator worked when the port was started");
}

/// Draws once, so that a machine without randomness is known before the first session.
pub(crate) fn prove() -> io::Result<()> {
    getrandom::fill(&mut [0; 1]).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_byte_is_given_twice() {
        let mut pool = Pool { bytes: [0; POOL], fresh: POOL };
        let mut seen = HashSet::new();
        for _ in 0..1000 {
            let mut bytes = [0; 16];
            pool.fill(&mut bytes);
            assert!(seen.insert(bytes), "{bytes:?} came twice");
            assert!(pool.bytes[..pool.fresh].iter().all(|byte| *byte == 0), "what was given is kept");
        }
        let mut large = vec![0; 3 * POOL];
        pool.fill(&mut large);
        assert!(large.chunks(16).all(|bytes| seen.insert(bytes.try_into().unwrap())));
    }
}
