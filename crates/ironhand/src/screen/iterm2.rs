//! Inline images of iTerm2, as WezTerm and mintty know them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ironhand_console::Image;

/// A sequence that shows a picture at the cursor.
pub fn encode(image: &Image) -> Vec<u8> {
    let file = image.encode_png();
    let (size, Image { width, height, .. }) = (file.len(), image);
    let head = format!("\x1b]1337;File=inline=1;size={size};width={width}px;height={height}px:");
    let mut out = head.into_bytes();
    out.extend(STANDARD.encode(file).bytes());
    out.push(0x07);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_a_file_in_a_sequence() {
        let image = Image::filled(9, 5, 0xAA_00_55);
        let sent = String::from_utf8(encode(&image)).unwrap();
        let (head, data) = sent.strip_suffix('\x07').unwrap().split_once(':').unwrap();
        let file = STANDARD.decode(data).unwrap();
        assert_eq!(head, format!("\x1b]1337;File=inline=1;size={};width=9px;height=5px", file.len()));
        assert_eq!(Image::decode(&file).unwrap(), image);
    }
}
