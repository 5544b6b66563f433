//! What a machine hands to its caller.

/// Something to do for the caller of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<E> {
    /// Send these bytes to the peer.
    Send(Vec<u8>),
    /// Take note of this.
    Event(E),
}
