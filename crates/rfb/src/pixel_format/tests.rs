use super::*;

fn parsed(bytes: [u8; 16]) -> PixelFormat {
    match PixelFormat::parse(&bytes) {
        Ok(RequestedFormat::TrueColour(format)) => format,
        other => panic!("{bytes:?} gives {other:?}"),
    }
}

/// 32 bits with the colours in the three highest bytes.
fn high_bytes(big_endian: u8) -> PixelFormat {
    parsed([32, 24, big_endian, 1, 0, 255, 0, 255, 0, 255, 24, 16, 8, 0, 0, 0])
}

#[test]
fn formats_on_the_wire() {
    let check = |format: PixelFormat, bytes: [u8; 16]| {
        assert_eq!(format.to_bytes(), bytes);
        assert_eq!(parsed(bytes), format);
    };
    check(PixelFormat::TRUE_COLOUR_32, [32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]);
    check(PixelFormat::TRUE_COLOUR_32_BIG_ENDIAN, [32, 24, 1, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]);
    check(PixelFormat::TRUE_COLOUR_16, [16, 16, 0, 1, 0, 31, 0, 63, 0, 31, 11, 5, 0, 0, 0, 0]);
    check(PixelFormat::TRUE_COLOUR_16_BIG_ENDIAN, [16, 16, 1, 1, 0, 31, 0, 63, 0, 31, 11, 5, 0, 0, 0, 0]);
    check(PixelFormat::TRUE_COLOUR_8, [8, 8, 0, 1, 0, 7, 0, 7, 0, 3, 0, 3, 6, 0, 0, 0]);
}

#[test]
fn formats_that_cannot_be() {
    let check = |bytes: [u8; 16]| {
        let refused = Err(ProtocolError::PixelFormat { bits_per_pixel: bytes[0] });
        assert_eq!(PixelFormat::parse(&bytes), refused, "{bytes:?}");
    };
    check([24, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]);
    check([0; 16]);
    // No red at all; red not all ones; red beyond the pixel; a shift that no integer has.
    check([32, 24, 0, 1, 0, 0, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]);
    check([32, 24, 0, 1, 0, 250, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]);
    check([16, 16, 0, 1, 0, 31, 0, 63, 0, 31, 12, 5, 0, 0, 0, 0]);
    check([32, 24, 0, 1, 255, 255, 0, 255, 0, 255, 255, 8, 0, 0, 0, 0]);
    let map = [8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(PixelFormat::parse(&map), Ok(RequestedFormat::ColourMap { bits_per_pixel: 8 }));
}

#[test]
fn pixels() {
    let check = |format: PixelFormat, colour: u32, bytes: &[u8]| {
        let mut written = Vec::new();
        format.write(colour, &mut written);
        assert_eq!(written, bytes, "{colour:06x}");
        assert_eq!(format.read(bytes), colour);
    };
    check(PixelFormat::TRUE_COLOUR_32, 0x0012_3456, &[0x56, 0x34, 0x12, 0]);
    check(PixelFormat::TRUE_COLOUR_32_BIG_ENDIAN, 0x0012_3456, &[0, 0x12, 0x34, 0x56]);
    check(PixelFormat::TRUE_COLOUR_16, 0x00FF_0000, &[0x00, 0xF8]);
    check(PixelFormat::TRUE_COLOUR_16_BIG_ENDIAN, 0x0000_FF00, &[0x07, 0xE0]);
    check(PixelFormat::TRUE_COLOUR_8, 0x00FF_0000, &[0b0000_0111]);
    check(PixelFormat::TRUE_COLOUR_8, 0x0000_00FF, &[0b1100_0000]);
    check(high_bytes(0), 0x0012_3456, &[0, 0x56, 0x34, 0x12]);
    check(high_bytes(1), 0x0012_3456, &[0x12, 0x34, 0x56, 0]);
    // The grey of text consoles loses at most half a step.
    assert_eq!(PixelFormat::TRUE_COLOUR_16.read(&[0x55, 0xAD]), 0x00AD_AAAD);
}

/// RFC 6143 section 7.7.5: the unused byte is left out, wherever it stands.
#[test]
fn compressed_pixels() {
    let check = |format: PixelFormat, bytes: &[u8]| {
        let compressed = format.compressed();
        let mut written = Vec::new();
        compressed.write(0x00FF_0000, &mut written);
        assert_eq!((compressed.bytes, &*written), (bytes.len(), bytes));
        assert_eq!(compressed.read(bytes), 0x00FF_0000);
    };
    check(PixelFormat::TRUE_COLOUR_32, &[0, 0, 0xFF]);
    check(PixelFormat::TRUE_COLOUR_32_BIG_ENDIAN, &[0xFF, 0, 0]);
    check(high_bytes(0), &[0, 0, 0xFF]);
    check(high_bytes(1), &[0xFF, 0, 0]);
    check(PixelFormat::TRUE_COLOUR_16, &[0x00, 0xF8]);
    check(PixelFormat::TRUE_COLOUR_8, &[7]);
    let thirty_two_deep = parsed([32, 32, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]);
    check(thirty_two_deep, &[0, 0, 0xFF, 0]);
    let spread = parsed([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 24, 8, 0, 0, 0, 0]);
    check(spread, &[0, 0, 0, 0xFF]);
}
