//! The remote console of AMI's MegaRAC SP-X, which many makers of boards sell under their names: IVTP.
//!
//! A stream of packets, each with a head of eight bytes (type, length, status; little-endian), over a WebSocket or a
//! connection of its own. The controller speaks first. The viewer shows the token that the controller's pages gave
//! out, asks for the whole screen once, and is then sent what changes, in ASPEED's coding. Keys go in reports of a USB
//! keyboard. Of several viewers one is the master; others see the screen, and their keys go nowhere. Sources and doubts:
//! `docs/reference/remote-consoles.md`.

mod client;
mod frame;
mod keyboard;
mod packet;
mod server;

pub use client::{Client, ClientConfig, Event, ValidateBody};
pub use server::{Admission, Server, ServerConfig, ServerEvent};

/// Bytes of the fields of the packet that shows the token; each is a text, filled up with zeros.
mod field {
    pub(super) const TOKEN: usize = 129;
    pub(super) const ADDRESS: usize = 65;
    pub(super) const USER: usize = 129;
    pub(super) const MAC: usize = 49;
    /// The text that names the session of the web pages.
    pub(super) const WEB_SESSION: usize = 35;
}
