//! From access units to a picture.

use rust_h264::decoder::{ChromaFormat, Decoder as Inner, Frame};
use rust_h264::nal::{NalUnit, NalUnitType, SpsInfo, parse_annex_b, parse_sps_info};
use thiserror::Error;

use super::rtp::AccessUnit;
use crate::Picture;

/// Macroblocks of all pictures that a stream may refer to: those of level 5 (ITU-T H.264, table A-1), 13 MB.
const MOST_REFERENCES: u64 = 32_768;

/// NAL units in an access unit.
const MOST_NALS: usize = 256;

/// Height from which on a picture without a word on its colours has those of high definition.
const HIGH_DEFINITION: usize = 720;

/// Why a stream cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VideoError {
    /// Its pictures are larger than any that is held here.
    #[error("its video is of {width}x{height} pixels, above the limit of {} pixels", Picture::MAX_PIXELS)]
    TooLarge {
        /// Pixels per row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// It wants more earlier pictures to be kept than its size allows.
    #[error("its video refers to {references} earlier pictures of {width}x{height} pixels")]
    TooManyReferences {
        /// How many.
        references: u32,
        /// Pixels per row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// It is of a kind that screens are not sent in.
    #[error("its video is of a kind that is not decoded here: {reason}")]
    Unsupported {
        /// Which.
        reason: String,
    },
    /// It is damaged.
    #[error("its video cannot be decoded: {reason}")]
    Damaged {
        /// What is wrong.
        reason: String,
    },
}

/// Decodes the video of a screen: progressive, 8 bits, 4:2:0.
pub struct Decoder {
    inner: Inner,
    /// What the stream says of itself.
    told: Option<SpsInfo>,
    newest: Option<Frame>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Decoder").field("told", &self.told).finish_non_exhaustive()
    }
}

impl Decoder {
    /// For a stream from a picture on that stands for itself.
    #[must_use]
    pub fn new() -> Self {
        Self { inner: Inner::new(), told: None, newest: None }
    }

    /// Decodes an access unit.
    ///
    /// # Errors
    ///
    /// [`VideoError`]; the decoder is of no use any more then.
    pub fn decode(&mut self, unit: &AccessUnit) -> Result<(), VideoError> {
        let mut stream = Vec::with_capacity(unit.length() + 4 * unit.nals.len());
        for nal in &unit.nals {
            stream.extend_from_slice(&[0, 0, 0, 1]);
            stream.extend_from_slice(nal);
        }
        let nals = parse_annex_b(&stream);
        if nals.len() > MOST_NALS {
            return Err(VideoError::Damaged { reason: format!("a picture of {} parts", nals.len()) });
        }
        for nal in &nals {
            self.admit(nal)?;
            match self.inner.decode_nal(nal) {
                Ok(Some(frame)) => self.newest = Some(frame),
                Ok(None) => {}
                Err(error) => return Err(VideoError::Damaged { reason: error.to_string() }),
            }
        }
        // The access unit is whole, so its picture is.
        if let Some(frame) = self.inner.flush() {
            self.newest = Some(frame);
        }
        Ok(())
    }

    /// The newest picture, once; nothing where none came since the last.
    ///
    /// # Errors
    ///
    /// [`VideoError`] where it is not as its stream said.
    pub fn picture(&mut self) -> Result<Option<Picture>, VideoError> {
        let Some(frame) = self.newest.take() else { return Ok(None) };
        let damaged = || VideoError::Damaged { reason: "a picture of another size than was told".to_owned() };
        let (width, height) = (frame.width as usize, frame.height as usize);
        let chroma = width.div_ceil(2).min(frame.chroma_width() as usize);
        let is_whole = frame.bit_depth == 8
            && frame.chroma_format == ChromaFormat::Yuv420
            && frame.y.len() >= width * height
            && frame.u.len() >= chroma * (height / 2)
            && frame.v.len() >= chroma * (height / 2);
        if !is_whole || chroma == 0 || height < 2 {
            return Err(damaged());
        }
        let colours = Colours::of(self.told.as_ref(), height);
        let mut pixels = Vec::with_capacity(width * height);
        for (row, luma) in frame.y.chunks_exact(width).take(height).enumerate() {
            let start = (row / 2).min(height / 2 - 1) * chroma;
            let (blue, red) = (&frame.u[start..start + chroma], &frame.v[start..start + chroma]);
            pixels.extend(luma.iter().enumerate().map(|(column, &luma)| {
                let place = (column / 2).min(chroma - 1);
                colours.pixel(luma, blue[place], red[place])
            }));
        }
        let size = |side: usize| u16::try_from(side).map_err(|_| damaged());
        Picture::from_pixels(size(width)?, size(height)?, pixels).map(Some).map_err(|_| damaged())
    }

    /// Refuses what would take too much, before anything is made ready for it.
    fn admit(&mut self, nal: &NalUnit<'_>) -> Result<(), VideoError> {
        if nal.nal_unit_type != NalUnitType::Sps {
            return Ok(());
        }
        let told = parse_sps_info(nal).map_err(|error| VideoError::Damaged { reason: error.to_string() })?;
        let (width, height) = (told.coded_width, told.coded_height);
        let pixels = u64::from(width) * u64::from(height);
        let references = told.reference_frames;
        if pixels > Picture::MAX_PIXELS as u64 || told.width > width || told.height > height {
            return Err(VideoError::TooLarge { width, height });
        }
        if pixels / 256 * u64::from(references.max(1)) > MOST_REFERENCES || references > 16 {
            return Err(VideoError::TooManyReferences { references, width, height });
        }
        let unsupported = |reason: String| Err(VideoError::Unsupported { reason });
        if !told.progressive {
            return unsupported("interlaced".to_owned());
        }
        if told.chroma_format != 1 || told.bit_depth_luma != 8 || told.bit_depth_chroma != 8 {
            let (depth, format) = (told.bit_depth_luma, told.chroma_format);
            return unsupported(format!("{depth} bits, chroma format {format}"));
        }
        if self.told.is_some_and(|known| (known.coded_width, known.coded_height) != (width, height)) {
            // Nothing of the old size is needed any more.
            self.inner = Inner::new();
        }
        self.told = Some(told);
        Ok(())
    }
}

/// How luma and chroma become red, green and blue (ITU-T H.264, annex E.2.1), in units of 1/65536.
struct Colours {
    black: i32,
    luma: i32,
    red_of_red: i32,
    green_of_red: i32,
    green_of_blue: i32,
    blue_of_blue: i32,
}

impl Colours {
    /// By what the stream tells; where it tells nothing, as its height has it by custom.
    fn of(told: Option<&SpsInfo>, height: usize) -> Self {
        let (red, blue) = match told.map(|told| told.matrix) {
            Some(1) => (0.2126, 0.0722),
            Some(4..=7) => (0.299, 0.114),
            _ if height >= HIGH_DEFINITION => (0.2126, 0.0722),
            _ => (0.299, 0.114),
        };
        let is_full = told.is_some_and(|told| told.full_range);
        let (black, luma, chroma) = if is_full { (0, 1.0, 1.0) } else { (16, 255.0 / 219.0, 255.0 / 224.0) };
        let green = 1.0 - red - blue;
        let units = |share: f64| (share * 65536.0).round() as i32;
        Self {
            black,
            luma: units(luma),
            red_of_red: units(2.0 * (1.0 - red) * chroma),
            green_of_red: units(2.0 * (1.0 - red) * red / green * chroma),
            green_of_blue: units(2.0 * (1.0 - blue) * blue / green * chroma),
            blue_of_blue: units(2.0 * (1.0 - blue) * chroma),
        }
    }

    fn pixel(&self, luma: u8, blue: u8, red: u8) -> u32 {
        let luma = (i32::from(luma) - self.black) * self.luma + (1 << 15);
        let (blue, red) = (i32::from(blue) - 128, i32::from(red) - 128);
        let channel = |value: i32| (value >> 16).clamp(0, 255) as u32;
        let green = luma - self.green_of_red * red - self.green_of_blue * blue;
        channel(luma + self.red_of_red * red) << 16
            | channel(green) << 8
            | channel(luma + self.blue_of_blue * blue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_come_back() {
        let check = |height: usize, yuv: [u8; 3], wanted: u32| {
            let found = Colours::of(None, height).pixel(yuv[0], yuv[1], yuv[2]);
            assert_eq!(found, wanted, "{found:06x} instead of {wanted:06x}");
        };
        for height in [400, 1080] {
            check(height, [16, 128, 128], 0x0000_0000);
            check(height, [235, 128, 128], 0x00ff_ffff);
            check(height, [126, 128, 128], 0x0080_8080);
            check(height, [0, 128, 128], 0x0000_0000);
            check(height, [255, 128, 128], 0x00ff_ffff);
        }
        // Pure red of each matrix, by ITU-R BT.601 and BT.709.
        check(400, [81, 90, 240], 0x00fe_0000);
        check(1080, [63, 102, 240], 0x00ff_0100);
    }

    #[test]
    fn what_would_take_too_much_is_refused_before_anything_is_made_ready() {
        let check = |sps: &[u8], wanted: Result<(), VideoError>| {
            let unit = AccessUnit { nals: vec![sps.to_vec()] };
            assert_eq!(Decoder::new().decode(&unit), wanted, "{sps:02x?}");
        };
        let (width, height) = (65_536, 65_536);
        // 65536x65536; 1920x1088 with 16 references; 2^35x2^35; 2048x2048 with 2 references.
        check(
            &[0x67, 0x42, 0xc0, 0x33, 0x95, 0xa0, 0x00, 0x40, 0x00, 0x00, 0x20, 0x01, 0x90],
            Err(VideoError::TooLarge { width, height }),
        );
        let (width, height) = (1920, 1088);
        check(
            &[0x67, 0x42, 0xc0, 0x33, 0x95, 0x84, 0x40, 0x78, 0x02, 0x26, 0x40],
            Err(VideoError::TooManyReferences { references: 16, width, height }),
        );
        let endless = [
            &[0x67, 0x42, 0xc0, 0x33, 0x95, 0xa0][..],
            &[0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0x19],
        ];
        assert!(Decoder::new().decode(&AccessUnit { nals: vec![endless.concat()] }).is_err());
        check(&[0x67, 0x42, 0xc0, 0x33, 0x95, 0xb0, 0x08, 0x00, 0x10, 0x19], Ok(()));
    }

    #[test]
    fn a_stream_that_is_none_is_an_error_or_nothing() {
        let check = |nals: &[&[u8]]| {
            let mut decoder = Decoder::new();
            let unit = AccessUnit { nals: nals.iter().map(|nal| nal.to_vec()).collect() };
            let decoded = decoder.decode(&unit);
            assert!(decoded.is_err() || decoder.picture() == Ok(None), "{nals:?}");
        };
        check(&[]);
        check(&[&[]]);
        check(&[&[0x67]]);
        check(&[&[0x65, 0x88, 0x80]]);
        check(&[&[0xff; 40]]);
    }
}
