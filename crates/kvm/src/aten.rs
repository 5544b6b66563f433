//! The remote console of Supermicro's controllers, made by ATEN: a dialect of RFB (RFC 6143) with its own login,
//! keys and pictures.
//!
//! It greets with `RFB 003.008` or `RFB 055.008` and wants to hear the same twelve bytes. Its security type 16 sends 24
//! bytes that mean nothing, and takes a name and a password of 24 bytes each: those of a user on the oldest, on others
//! what its web pages hand out for one session. The size that it names at first is not that of the screen; each
//! picture brings its own. Sources and doubts: `docs/reference/remote-consoles.md`.

mod client;
mod server;

pub use client::{Client, ClientConfig, Event};
pub use server::{PictureKind, Server, ServerConfig, ServerEvent};

use crate::ast2100::{Quality, Settings, Subsampling};
use crate::error::ProtocolError;

/// The security type.
const SECURITY: u8 = 16;

/// Bytes of a greeting.
const BANNER: usize = 12;

/// Bytes without meaning before the login.
const OPAQUE: usize = 24;

/// The room for a name, and for a password or token: up to 24 bytes, filled up with zeros.
pub const CREDENTIAL_BYTES: usize = 24;

/// Width and height of a picture that says that there is none: -640 and -480 in 16 bits.
const SCREEN_OFF: (u16, u16) = (64896, 65056);

/// Encoding of pictures.
mod encoding {
    pub(super) const AST2100: i32 = 0x57;
    pub(super) const HERMON: i32 = 0x59;
    /// What some send for Hermon; in RFB it would be Raw.
    pub(super) const HERMON_AS_RAW: i32 = 0;
}

/// Types of messages of the server beside those of RFB.
mod told {
    /// What `server_length` knows by length alone.
    pub(super) const SESSION: u8 = 0x39;
    pub(super) const KEEP_ALIVE: u8 = 0x16;
    pub(super) const MOUSE: u8 = 0x37;
}

/// Types of messages of the viewer beside those of RFB.
mod said {
    pub(super) const KEY: u8 = 4;
    pub(super) const POINTER: u8 = 5;
    pub(super) const KEEP_ALIVE: u8 = 0x15;
    pub(super) const QUALITY: u8 = 0x32;
}

/// How many bytes follow the type of a message that is passed over.
fn extra_length(message: u8) -> Option<usize> {
    Some(match message {
        0x04 => 20,
        told::KEEP_ALIVE => 1,
        0x33 => 4,
        0x35 => 5,
        // Some firmware is said to send three.
        told::MOUSE => 2,
        // Two numbers of four bytes and a text of 256: who else is connected.
        told::SESSION => 264,
        0x3C => 8,
        _ => return None,
    })
}

/// How finely pictures are to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoQuality {
    /// Quality of the brightness.
    pub luma: Quality,
    /// Quality of the colour differences.
    pub chroma: Quality,
    /// Resolution of colour. With [`Subsampling::Full`], text of few colours arrives without loss.
    pub subsampling: Subsampling,
}

impl VideoQuality {
    /// As fine as there is.
    pub const BEST: Self =
        Self { luma: Quality::BEST, chroma: Quality::BEST, subsampling: Subsampling::Full };

    fn bytes(self) -> [u8; 4] {
        let number: u16 = match self.subsampling {
            Subsampling::Full => 444,
            Subsampling::Quarter => 422,
        };
        let [high, low] = number.to_be_bytes();
        [self.luma.step(), self.chroma.step(), high, low]
    }

    fn from_bytes([luma, chroma, high, low]: [u8; 4]) -> Result<Self, ProtocolError> {
        let number = u16::from_be_bytes([high, low]);
        let subsampling = match number {
            444 => Some(Subsampling::Full),
            422 => Some(Subsampling::Quarter),
            _ => None,
        };
        match (Quality::new(luma), Quality::new(chroma), subsampling) {
            (Some(luma), Some(chroma), Some(subsampling)) => Ok(Self { luma, chroma, subsampling }),
            _ => Err(ProtocolError::Quality { luma, chroma, subsampling: number }),
        }
    }

    fn settings(self) -> Settings {
        Settings {
            luma: self.luma,
            chroma: self.chroma,
            // The protocol has no field for it; its viewers take the coarsest.
            second: Quality::WORST,
            luma_tables_for_chroma: false,
            subsampling: self.subsampling,
        }
    }
}
