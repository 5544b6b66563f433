//! Where unpredictable bytes come from.

/// A source of unpredictable bytes, supplied by the caller.
///
/// The machines of this crate draw no randomness themselves. They ask for session ids, RAKP random numbers, message
/// tags, initialisation vectors and retransmission jitter here. Production code passes the operating system's
/// generator; tests pass a seeded one and so get the same bytes again.
///
/// The RAKP exchange is only as strong as this source: it must be cryptographically secure outside tests.
pub trait Entropy: Send {
    /// Fills all of `bytes`. It has no way to fail: a caller whose generator can fail must decide before this.
    fn fill(&mut self, bytes: &mut [u8]);
}

impl<F: FnMut(&mut [u8]) + Send> Entropy for F {
    fn fill(&mut self, bytes: &mut [u8]) {
        self(bytes);
    }
}

/// Draws `N` bytes.
pub(crate) fn draw<const N: usize>(entropy: &mut dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// Draws a session id: any number but 0, which means "no session" on the wire (IPMI 2.0 section 13.17).
pub(crate) fn draw_session_id(entropy: &mut dyn Entropy) -> u32 {
    u32::from_le_bytes(draw(entropy)).max(1)
}
