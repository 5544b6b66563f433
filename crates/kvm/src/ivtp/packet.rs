//! Packets.

/// What a packet is.
pub(super) mod command {
    /// A report of a USB keyboard or mouse.
    pub(crate) const HID: u16 = 0x01;
    /// Send no pictures for now.
    pub(crate) const PAUSE: u16 = 0x04;
    /// Send pictures.
    pub(crate) const RESUME: u16 = 0x06;
    /// The session is over; its status says why.
    pub(crate) const STOP: u16 = 0x08;
    /// The host shows no picture.
    pub(crate) const BLANK: u16 = 0x09;
    /// Send the whole screen.
    pub(crate) const FULL_SCREEN: u16 = 0x0B;
    /// The viewer shows its token.
    pub(crate) const VALIDATE: u16 = 0x12;
    /// What came of that.
    pub(crate) const VALIDATED: u16 = 0x13;
    /// The viewer names its session of the web pages.
    pub(crate) const WEB_SESSION: u16 = 0x15;
    /// All sessions are taken.
    pub(crate) const NO_SESSION: u16 = 0x16;
    /// The controller lets the viewer speak.
    pub(crate) const ALLOWED: u16 = 0x17;
    /// A part of a picture.
    pub(crate) const VIDEO: u16 = 0x19;
    /// Talk about who is master.
    pub(crate) const SHARING: u16 = 0x20;
    /// Whether the host is on, and the question for it.
    pub(crate) const POWER: u16 = 0x22;
    /// How many viewers there are.
    pub(crate) const VIEWERS: u16 = 0x27;
    /// The viewer asks to be master.
    pub(crate) const NEXT_MASTER: u16 = 0x32;
    /// A sign of life, to be answered by the same.
    pub(crate) const KEEP_ALIVE: u16 = 0x39;
    /// The viewer is ready; goes before the token.
    pub(crate) const COMPLETE: u16 = 0x3A;
    /// The controller gives up the connection.
    pub(crate) const FAILED: u16 = 0x3B;
}

/// What the lower half of the status of a packet of [`command::SHARING`] says.
pub(super) mod sharing {
    /// Another viewer asks the master.
    pub(crate) const ASKED: u16 = 1;
    /// The master did not answer the other viewer in time, which is master now.
    pub(crate) const TOO_LATE: u16 = 3;
    /// The answer to the viewer that asked; the upper half is 0 where it is a yes.
    pub(crate) const ANSWER: u16 = 4;
    /// This viewer is master now.
    pub(crate) const SWITCHED: u16 = 6;
}

/// Bytes of a head.
pub(super) const HEAD: usize = 8;

/// The head of a packet.
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub(super) command: u16,
    pub(super) length: u32,
    pub(super) status: u16,
}

impl Head {
    pub(super) fn read([c0, c1, l0, l1, l2, l3, s0, s1]: [u8; HEAD]) -> Self {
        Self {
            command: u16::from_le_bytes([c0, c1]),
            length: u32::from_le_bytes([l0, l1, l2, l3]),
            status: u16::from_le_bytes([s0, s1]),
        }
    }
}

/// Appends a packet.
pub(super) fn write(command: u16, status: u16, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&command.to_le_bytes());
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&status.to_le_bytes());
    out.extend_from_slice(payload);
}
