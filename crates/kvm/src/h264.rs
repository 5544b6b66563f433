//! Video in H.264 (ITU-T H.264, ISO/IEC 14496-10) as it comes over RTP (RFC 6184), from a unit that shows a screen by it.
//!
//! Packets become access units by an [`Assembler`], access units since the last one that stands for itself lie in a [`Group`], and a
//! [`Decoder`] makes a picture of them when somebody looks: nobody pays for frames that nobody sees. What each of them holds is bounded,
//! whatever arrives. An [`Encoder`] is the unit's side, for simulated ones.

mod decoder;
mod encoder;
mod group;
mod rtp;

pub use decoder::{Decoder, VideoError};
pub use encoder::Encoder;
pub use group::{Group, Taken};
pub use rtp::{AccessUnit, Arrived, Assembler, RtpPacket};

/// Types of NAL units (ITU-T H.264, table 7-1).
pub(crate) mod nal {
    /// A slice of a picture that stands for itself.
    pub(crate) const IDR: u8 = 5;
    /// Sequence parameter set.
    pub(crate) const SPS: u8 = 7;
    /// Picture parameter set.
    pub(crate) const PPS: u8 = 8;

    /// The type of a unit, by its first byte.
    pub(crate) const fn kind(head: u8) -> u8 {
        head & 0x1f
    }
}
