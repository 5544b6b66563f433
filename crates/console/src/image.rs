//! Pictures of screens.

use ::image::ImageReader;

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Cursor;

/// The widest and highest picture that is decoded: an 8K screen, twice what any management controller sends.
const LARGEST_SIDE: u32 = 8192;

/// The most memory that decoding may take, in bytes.
const MAX_DECODED: u64 = 512 << 20;

/// A picture of a screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The pixels row by row from the top left, each `0x00RRGGBB`; `width * height` of them.
    pub pixels: Vec<u32>,
}

/// Equal for equal pictures, to tell whether one is the same as another that is not at hand. It holds for one run of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureMark(u64);

impl PictureMark {
    /// The mark of a picture of this width with these pixels, as [`Image`] has them. Two different pictures have the same mark in one of 2^64 cases.
    #[must_use]
    pub fn of(width: u32, pixels: &[u32]) -> Self {
        let mut hasher = DefaultHasher::new();
        (width, pixels).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// A picture that is kept for a while: as a PNG file where it has 256 colours or fewer, as text screens have, in which they take some
/// kilobytes.
#[derive(Clone, Debug)]
pub enum KeptImage {
    /// A PNG file, and the width and height of the picture.
    File(Vec<u8>, u32, u32),
    /// More colours: it is kept as it is.
    Whole(Image),
}

impl From<Image> for KeptImage {
    fn from(image: Image) -> Self {
        match image.indexed() {
            Some((palette, indices)) if !image.pixels.is_empty() => {
                Self::File(image.encode(Some((palette, indices))), image.width, image.height)
            }
            _ => Self::Whole(image),
        }
    }
}

impl KeptImage {
    /// The picture.
    #[must_use]
    pub fn image(&self) -> Cow<'_, Image> {
        match self {
            // It was written here, so that it is one.
            Self::File(file, ..) => Cow::Owned(Image::decode(file).unwrap_or_default()),
            Self::Whole(image) => Cow::Borrowed(image),
        }
    }

    /// The picture as a PNG file.
    #[must_use]
    pub fn png(&self) -> Cow<'_, [u8]> {
        match self {
            Self::File(file, ..) => Cow::Borrowed(file),
            Self::Whole(image) => Cow::Owned(image.encode_png()),
        }
    }

    /// Columns and rows of pixels.
    #[must_use]
    pub const fn size(&self) -> (u32, u32) {
        match self {
            Self::File(_, width, height) => (*width, *height),
            Self::Whole(image) => (image.width, image.height),
        }
    }
}

/// Why bytes are not a picture.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Neither PNG nor JPEG nor BMP, or a damaged one.
    #[error("not a PNG, JPEG or BMP picture: {source}")]
    Undecodable {
        /// What the decoder says.
        #[from]
        source: ::image::ImageError,
    },
    /// The file cannot be looked at.
    #[error("the picture ends too early")]
    Truncated,
}

impl Image {
    /// A picture of one colour.
    pub fn filled(width: u32, height: u32, color: u32) -> Self {
        Self { width, height, pixels: vec![color; width as usize * height as usize] }
    }

    /// Decodes a PNG, JPEG or BMP file of at most 8192 pixels in each direction.
    ///
    /// # Errors
    ///
    /// [`ImageError`] where the bytes are no such picture.
    pub fn decode(bytes: &[u8]) -> Result<Self, ImageError> {
        let mut limits = ::image::Limits::default();
        limits.max_image_width = Some(LARGEST_SIDE);
        limits.max_image_height = Some(LARGEST_SIDE);
        limits.max_alloc = Some(MAX_DECODED);
        let mut reader =
            ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| ImageError::Truncated)?;
        reader.limits(limits);
        let decoded = reader.decode()?.into_rgb8();
        let pixels =
            decoded.pixels().map(|pixel| u32::from_be_bytes([0, pixel[0], pixel[1], pixel[2]])).collect();
        Ok(Self { width: decoded.width(), height: decoded.height(), pixels })
    }

    /// The picture as a PNG file: with a palette where 256 colours or fewer do, as on all text screens, which makes files of a
    /// few kilobytes; else with full colour.
    pub fn encode_png(&self) -> Vec<u8> {
        self.encode(self.indexed())
    }

    /// Its mark.
    #[must_use]
    pub fn mark(&self) -> PictureMark {
        PictureMark::of(self.width, &self.pixels)
    }

    fn encode(&self, indexed: Option<(Vec<u32>, Vec<u8>)>) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width.max(1), self.height.max(1));
        encoder.set_compression(png::Compression::Balanced);
        // Filters help photographs; flat colours compress best as they are.
        encoder.set_filter(png::Filter::NoFilter);
        let data = match indexed {
            Some((palette, indices)) => {
                encoder.set_color(png::ColorType::Indexed);
                encoder.set_palette(palette.iter().flat_map(|color| rgb(*color)).collect::<Vec<u8>>());
                indices
            }
            None => {
                encoder.set_color(png::ColorType::Rgb);
                self.pixels.iter().flat_map(|pixel| rgb(*pixel)).collect()
            }
        };
        encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(&data))
            .expect("writing to memory does not fail, and there is a byte or three for each pixel");
        file
    }

    /// The colours, and the place of each pixel's colour among them; nothing where there are more than 256. An empty
    /// picture counts as one black pixel, as PNG has no empty ones.
    fn indexed(&self) -> Option<(Vec<u32>, Vec<u8>)> {
        if self.pixels.is_empty() {
            return Some((vec![0], vec![0]));
        }
        let mut palette: Vec<u32> = Vec::new();
        let mut indices = Vec::with_capacity(self.pixels.len());
        let mut last = (self.pixels[0], None);
        for pixel in &self.pixels {
            if let (color, Some(index)) = last
                && color == *pixel
            {
                indices.push(index);
                continue;
            }
            let place = palette.iter().position(|color| color == pixel).unwrap_or_else(|| {
                palette.push(*pixel);
                palette.len() - 1
            });
            let index = u8::try_from(place).ok()?;
            last = (*pixel, Some(index));
            indices.push(index);
        }
        Some((palette, indices))
    }

    /// The picture with each block of `factor` by `factor` pixels made one, if every block is of one colour.
    pub(crate) fn undoubled(&self, factor: u32) -> Option<Self> {
        let (width, height) = (self.width / factor, self.height / factor);
        if width == 0
            || height == 0
            || !self.width.is_multiple_of(factor)
            || !self.height.is_multiple_of(factor)
        {
            return None;
        }
        let (stride, step) = (self.width as usize, factor as usize);
        let mut pixels = Vec::with_capacity(width as usize * height as usize);
        for block_row in self.pixels.chunks_exact(stride * step) {
            let (first, others) = block_row.split_at(stride);
            if others.chunks_exact(stride).any(|row| row != first) {
                return None;
            }
            for block in first.chunks_exact(step) {
                if block.iter().any(|pixel| *pixel != block[0]) {
                    return None;
                }
                pixels.push(block[0]);
            }
        }
        Some(Self { width, height, pixels })
    }
}

/// Red, green and blue of a pixel.
const fn rgb(pixel: u32) -> [u8; 3] {
    let [_, red, green, blue] = pixel.to_be_bytes();
    [red, green, blue]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn png_files_come_back() {
        let image =
            Image { width: 3, height: 2, pixels: vec![0, 0xff_ffff, 0x12_3456, 0xff_0000, 0x00_ff00, 0xff] };
        assert_eq!(Image::decode(&image.encode_png()).unwrap(), image);
    }

    #[test]
    fn kept_pictures_come_back() {
        for colours in [2, 256, 257] {
            let pixels = (0..40 * 30).map(|at| at % colours * 3).collect();
            let image = Image { width: 40, height: 30, pixels };
            let kept = KeptImage::from(image.clone());
            assert_eq!(matches!(kept, KeptImage::File(..)), colours <= 256);
            assert_eq!((kept.size(), &*kept.image()), ((40, 30), &image));
            assert_eq!(Image::decode(&kept.png()).unwrap(), image);
            assert_eq!(kept.image().mark(), image.mark());
        }
        assert_eq!(*KeptImage::from(Image::default()).image(), Image::default());
        assert_ne!(Image::filled(2, 1, 0).mark(), Image::filled(1, 2, 0).mark());
    }

    #[test]
    fn png_files_of_many_colours_come_back_too() {
        let pixels = (0..40 * 30).map(|at| (at * 0x01_01_03) & 0xff_ffff).collect();
        let image = Image { width: 40, height: 30, pixels };
        assert_eq!(Image::decode(&image.encode_png()).unwrap(), image);
        assert_eq!(Image::decode(&Image::default().encode_png()).unwrap(), Image::filled(1, 1, 0));
    }

    #[test]
    fn text_screens_make_small_files() {
        let mut image = Image::filled(720, 400, 0);
        image.pixels.iter_mut().step_by(7).for_each(|pixel| *pixel = 0xaa_aaaa);
        assert!(image.encode_png().len() < 8000);
    }

    #[test]
    fn other_bytes_are_refused() {
        let check = |bytes: &[u8]| assert!(Image::decode(bytes).is_err(), "{bytes:?}");
        check(b"");
        check(b"GIF89a");
        check(b"\x89PNG\r\n\x1a\n");
        check(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff\xff\xff\xff\xff\xff\x08\x02\0\0\0");
        check(&Image::filled(40, 40, 7).encode_png()[..60]);
    }

    /// A BMP file of 16 bits a pixel with masks, as controllers of HPE give it: its head, and `pixels` from the bottom row up.
    fn bmp16(width: i32, height: i32, pixels: &[u16]) -> Vec<u8> {
        let mut file = b"BM".to_vec();
        for word in [(66 + 2 * pixels.len()) as u32, 0, 66, 40, width as u32, height as u32] {
            file.extend(word.to_le_bytes());
        }
        file.extend([1, 0, 16, 0]);
        for word in [3, 0, 0, 0, 0, 0, 0xf800, 0x07e0, 0x001f_u32] {
            file.extend(word.to_le_bytes());
        }
        file.extend(pixels.iter().flat_map(|pixel| pixel.to_le_bytes()));
        file
    }

    #[test]
    fn bitmaps_of_16_bits_a_pixel_are_read() {
        // Red, green; below them blue, white.
        let file = bmp16(2, 2, &[0x001f, 0xffff, 0xf800, 0x07e0]);
        let pixels = vec![0xff_0000, 0x00_ff00, 0x00_00ff, 0xff_ffff];
        assert_eq!(Image::decode(&file).unwrap(), Image { width: 2, height: 2, pixels });
    }

    #[test]
    fn bitmaps_that_lie_are_refused() {
        let check = |width, height| {
            let file = bmp16(width, height, &[0; 4]);
            assert!(Image::decode(&file).is_err(), "{width}x{height}");
        };
        check(8193, 1);
        check(1, 8193);
        check(65535, 65535);
        check(i32::MAX, i32::MAX);
        check(i32::MIN, 2);
        check(2, i32::MIN);
        check(-2, 2);
        check(8192, 8192);
        let whole = bmp16(2, 2, &[0; 4]);
        for length in 0..whole.len() {
            assert!(Image::decode(&whole[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn doubled_pictures_are_undone() {
        let small = Image { width: 2, height: 1, pixels: vec![1, 2] };
        let double = Image { width: 4, height: 2, pixels: vec![1, 1, 2, 2, 1, 1, 2, 2] };
        assert_eq!(double.undoubled(2), Some(small));
        assert_eq!(Image { pixels: vec![1, 1, 2, 2, 1, 1, 2, 3], ..double }.undoubled(2), None);
        assert_eq!(Image::default().undoubled(2), None);
    }
}
