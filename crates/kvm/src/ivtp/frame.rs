//! Pictures: a head of 86 bytes and ASPEED's coding, in parts.

use crate::ast2100::{MAX_FRAME_BYTES, Quality, Settings, Subsampling};
use crate::error::{Error, ProtocolError};
use crate::picture::{Picture, SizeError};

/// Bytes of a head. Firmware may say that its own is longer.
const HEAD: usize = 86;

/// The longest head that is believed.
const MAX_HEAD: usize = 1024;

/// Where the fields of a head stand.
mod at {
    pub(super) const HEAD_LENGTH: usize = 2;
    pub(super) const WIDTH: usize = 4;
    pub(super) const HEIGHT: usize = 6;
    pub(super) const QUALITY: usize = 44;
    pub(super) const LUMA_TABLES_FOR_CHROMA: usize = 45;
    pub(super) const SECOND_QUALITY: usize = 47;
    pub(super) const ENCRYPTED: usize = 53;
    pub(super) const QUARTER: usize = 55;
    /// Three bytes.
    pub(super) const SIZE: usize = 69;
}

/// What a head says.
pub(super) struct FrameHead {
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) settings: Settings,
    /// Bytes of the frame behind the head.
    pub(super) size: usize,
}

impl FrameHead {
    /// Reads a head, and says how long it is.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, usize), Error> {
        let Some(head) = bytes.first_chunk::<HEAD>() else {
            return Err(ProtocolError::Length { what: "frame", announced: bytes.len() as u64 }.into());
        };
        let byte = |at: usize| head.get(at).copied().unwrap_or_default();
        let word = |at: usize| u16::from_le_bytes([byte(at), byte(at + 1)]);
        if byte(at::ENCRYPTED) != 0 {
            return Err(Error::EncryptedVideo);
        }
        let (width, height) = (word(at::WIDTH), word(at::HEIGHT));
        let pixels = usize::from(width) * usize::from(height);
        if pixels > Picture::MAX_PIXELS {
            return Err(SizeError::TooLarge { width, height }.into());
        }
        let size = u32::from_le_bytes([byte(at::SIZE), byte(at::SIZE + 1), byte(at::SIZE + 2), 0]) as usize;
        // A true frame has less than three bytes for each pixel.
        if size > (4096 + 8 * pixels).min(MAX_FRAME_BYTES) {
            return Err(ProtocolError::Length { what: "frame", announced: size as u64 }.into());
        }
        let (quality, second) = (byte(at::QUALITY), byte(at::SECOND_QUALITY));
        let subsampling = if byte(at::QUARTER) == 0 { Subsampling::Full } else { Subsampling::Quarter };
        let (Some(luma), Some(second)) = (Quality::new(quality), Quality::new(second)) else {
            let subsampling = u16::from(byte(at::QUARTER));
            return Err(ProtocolError::Quality { luma: quality, chroma: second, subsampling }.into());
        };
        let settings = Settings {
            luma,
            chroma: luma,
            second,
            luma_tables_for_chroma: byte(at::LUMA_TABLES_FOR_CHROMA) == 1,
            subsampling,
        };
        let length = usize::from(word(at::HEAD_LENGTH));
        let length = if (HEAD..=MAX_HEAD).contains(&length) { length } else { HEAD };
        Ok((Self { width, height, settings, size }, length))
    }

    /// Makes a head. `settings` has one quality for brightness and colour here.
    pub(super) fn write(&self, is_encrypted: bool) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        let mut put = |at: usize, bytes: &[u8]| {
            for (to, from) in head.iter_mut().skip(at).zip(bytes) {
                *to = *from;
            }
        };
        put(0, &1_u16.to_le_bytes());
        put(at::HEAD_LENGTH, &(HEAD as u16).to_le_bytes());
        put(at::WIDTH, &self.width.to_le_bytes());
        put(at::HEIGHT, &self.height.to_le_bytes());
        put(at::QUALITY, &[self.settings.luma.step(), u8::from(self.settings.luma_tables_for_chroma)]);
        put(at::SECOND_QUALITY, &[self.settings.second.step()]);
        put(at::ENCRYPTED, &[u8::from(is_encrypted)]);
        put(at::QUARTER, &[u8::from(self.settings.subsampling == Subsampling::Quarter)]);
        put(at::SIZE, &(self.size as u32).to_le_bytes()[..3]);
        head
    }
}

/// A frame of which parts are still to come.
pub(super) struct Assembly {
    pub(super) head: FrameHead,
    data: Vec<u8>,
}

impl Assembly {
    /// From the first part, without its number.
    pub(super) fn begin(part: &[u8]) -> Result<Self, Error> {
        let (head, length) = FrameHead::read(part)?;
        let mut assembly = Self { head, data: Vec::new() };
        assembly.extend(part.get(length..).unwrap_or_default());
        Ok(assembly)
    }

    /// Takes another part; what is beyond the announced size is left out.
    pub(super) fn extend(&mut self, part: &[u8]) {
        let missing = self.head.size - self.data.len();
        self.data.extend_from_slice(part.get(..missing).unwrap_or(part));
    }

    /// The data, if all is there.
    pub(super) fn complete(&self) -> Option<&[u8]> {
        (self.data.len() == self.head.size).then_some(&self.data)
    }
}
