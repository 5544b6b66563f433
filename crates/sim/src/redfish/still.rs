//! Pictures of a machine's screen as files.

use image::codecs::bmp::BmpEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use ironhand_redfish::bmc::PictureForm;
use ironhand_rfb::Framebuffer;

use crate::picture::picture;
use crate::screen::{Mode, Screen};

/// Quality of JPEG pictures, as controllers have it that make them in software.
const QUALITY: u8 = 90;

/// Bytes before the pixels of a BMP file of 16 bits a pixel: two heads, and three masks.
const HEAD: u32 = 14 + 40 + 12;

/// The screen of a machine without a life of its own, which is up and waits for somebody.
pub(super) fn login(name: &str) -> Framebuffer {
    let mut screen = Screen::new(Mode::VgaText);
    screen.set_mode(Mode::VgaText);
    screen.write(&format!("\n\nDebian GNU/Linux 12 {name} tty1\n\n{name} login: "));
    picture(&screen)
}

/// A picture as a file.
pub(super) fn file(shown: &Framebuffer, form: PictureForm) -> Option<Vec<u8>> {
    let (width, height) = (u32::from(shown.width()), u32::from(shown.height()));
    if form == PictureForm::Bmp16 {
        return Some(bmp16(shown));
    }
    let rgb: Vec<u8> = shown
        .pixels()
        .iter()
        .flat_map(|pixel| {
            let [_, red, green, blue] = pixel.to_be_bytes();
            [red, green, blue]
        })
        .collect();
    let mut file = Vec::new();
    let encoded = match form {
        PictureForm::Png => {
            PngEncoder::new(&mut file).write_image(&rgb, width, height, ExtendedColorType::Rgb8)
        }
        PictureForm::Bmp => BmpEncoder::new(&mut file).encode(&rgb, width, height, ExtendedColorType::Rgb8),
        PictureForm::Jpeg | PictureForm::Bmp16 => JpegEncoder::new_with_quality(&mut file, QUALITY)
            .write_image(&rgb, width, height, ExtendedColorType::Rgb8),
    };
    encoded.ok().map(|()| file)
}

/// A BMP file of 16 bits a pixel: five of red, six of green, five of blue, said by masks.
fn bmp16(shown: &Framebuffer) -> Vec<u8> {
    let (width, height) = (usize::from(shown.width()), usize::from(shown.height()));
    // Rows fill whole words of four bytes.
    let padded = (2 * width).next_multiple_of(4);
    let length = u32::try_from(padded * height).unwrap_or_default();
    let mut file = b"BM".to_vec();
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    file.extend(words(&[HEAD + length, 0, HEAD, 40, u32::from(shown.width()), u32::from(shown.height())]));
    file.extend([1, 0, 16, 0]);
    // Bit fields, their length, no size in metres, no palette, the masks.
    file.extend(words(&[3, length, 0, 0, 0, 0, 0xf800, 0x07e0, 0x001f]));
    for row in shown.pixels().chunks(width.max(1)).rev() {
        let begins = file.len();
        for pixel in row {
            let [_, red, green, blue] = pixel.to_be_bytes();
            let short = u16::from(red >> 3) << 11 | u16::from(green >> 2) << 5 | u16::from(blue >> 3);
            file.extend(short.to_le_bytes());
        }
        file.resize(begins + padded, 0);
    }
    file
}

#[cfg(test)]
mod tests {
    use ironhand_console::{Image, Reader};

    use super::*;

    #[test]
    fn each_form_reads_back() {
        for form in [PictureForm::Png, PictureForm::Jpeg, PictureForm::Bmp, PictureForm::Bmp16] {
            let image = Image::decode(&file(&login("rack7-12"), form).expect("a file")).expect("a picture");
            let reading = Reader::new().read(&image, None);
            assert!(reading.is_reliable(), "{form:?}");
            assert!(reading.text().contains("rack7-12 login:"), "{form:?}: {}", reading.text());
        }
    }
}
