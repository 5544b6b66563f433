//! Tight from bytes written by hand.

use flate2::{Compress, Compression, FlushCompress};

use super::*;
use crate::framebuffer::Framebuffer;

const RED: u32 = 0x00FF_0000;
const GREEN: u32 = 0x0000_FF00;
const BLUE: u32 = 0x0000_00FF;

fn canvas(format: PixelFormat) -> Canvas {
    Canvas::new(Framebuffer::black(16, 8).expect("small"), format)
}

fn rectangle(x: u16, y: u16, width: u16, height: u16) -> Rectangle {
    Rectangle { x, y, width, height }
}

/// Decodes one rectangle handed over in pieces of `chunk` bytes.
fn decode(
    canvas: &mut Canvas,
    area: Rectangle,
    bytes: &[u8],
    chunk: usize,
) -> Result<Progress, ProtocolError> {
    let mut decoder = Decoder::new(area);
    let mut inbox = Inbox::default();
    let mut progress = Progress::Starved;
    for piece in bytes.chunks(chunk) {
        assert_eq!(progress, Progress::Starved, "complete before its last byte");
        inbox.push(piece);
        progress = decoder.decode(&mut inbox, canvas)?;
        assert!(inbox.pending().len() <= 1024, "more is kept than the longest palette");
    }
    assert!(inbox.is_empty() || progress == Progress::Starved, "bytes are left over");
    Ok(progress)
}

/// Decodes rectangles one after the other and compares what the area then shows.
fn check(format: PixelFormat, area: Rectangle, rectangles: &[&[u8]], expected: &[u32]) {
    for chunk in [1, 2, 5, usize::MAX] {
        let mut canvas = canvas(format);
        for bytes in rectangles {
            assert_eq!(decode(&mut canvas, area, bytes, chunk), Ok(Progress::Complete));
        }
        assert_eq!(canvas.framebuffer.cropped(area).pixels(), expected, "in pieces of {chunk}");
    }
}

fn check_refused(area: Rectangle, bytes: &[u8], expected: ProtocolError) {
    let mut canvas = canvas(PixelFormat::TRUE_COLOUR_32);
    assert_eq!(decode(&mut canvas, area, bytes, usize::MAX), Err(expected));
}

/// A zlib stream, cut where each part ends.
fn deflated(parts: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut deflate = Compress::new(Compression::best(), true);
    let mut compress = |part: &&[u8]| {
        let mut out = Vec::with_capacity(part.len() + 1000);
        deflate.compress_vec(part, &mut out, FlushCompress::Sync).expect("valid");
        assert!(out.len() < 128, "the length has one byte");
        [&[out.len() as u8][..], &out].concat()
    };
    parts.iter().map(&mut compress).collect()
}

#[test]
fn one_colour() {
    let area = rectangle(1, 1, 3, 2);
    check(PixelFormat::TRUE_COLOUR_32, area, &[&[0x80, 0xFF, 0, 0]], &[RED; 6]);
    check(PixelFormat::TRUE_COLOUR_32_BIG_ENDIAN, area, &[&[0x80, 0, 0xFF, 0]], &[GREEN; 6]);
    check(PixelFormat::TRUE_COLOUR_16, area, &[&[0x80, 0x1F, 0]], &[BLUE; 6]);
    check(PixelFormat::TRUE_COLOUR_8, area, &[&[0x80, 0x07]], &[RED; 6]);
}

#[test]
fn short_data_is_not_compressed() {
    let format = PixelFormat::TRUE_COLOUR_32;
    // Three pixels as they are, without and with a filter named.
    check(format, rectangle(0, 0, 3, 1), &[&[0, 255, 0, 0, 0, 255, 0, 0, 0, 255]], &[RED, GREEN, BLUE]);
    check(format, rectangle(0, 0, 1, 1), &[&[0x40, 0, 255, 0, 0]], &[RED]);
    // Two colours as bits from the left, each row from a new byte.
    let two = [0x50, 1, 1, 255, 0, 0, 0, 0, 255, 0b0100_0000, 0b1110_0000];
    check(format, rectangle(0, 0, 3, 2), &[&two], &[RED, BLUE, RED, BLUE, BLUE, BLUE]);
    // Three colours as bytes.
    let three = [0x60, 1, 2, 255, 0, 0, 0, 0, 255, 0, 255, 0, 2, 1, 0];
    check(format, rectangle(0, 0, 3, 1), &[&three], &[GREEN, BLUE, RED]);
    // A palette of one colour has bits, too.
    check(format, rectangle(0, 0, 2, 1), &[&[0x50, 1, 0, 255, 0, 0, 0]], &[RED, RED]);
}

#[test]
fn gradients() {
    // Rising by ten to the right and by one downwards: only the first pixel, row and column need a difference.
    let first = [0x40, 2, 10, 20, 30, 10, 10, 10, 1, 1, 1];
    let grey = |red: u32, green: u32, blue: u32| red << 16 | green << 8 | blue;
    check(
        PixelFormat::TRUE_COLOUR_32,
        rectangle(0, 0, 3, 1),
        &[&first],
        &[grey(10, 20, 30), grey(20, 30, 40), grey(21, 31, 41)],
    );
    // What is expected stays within 0 to 255, and sums wrap.
    let wrapping = [0x40, 2, 250, 0, 0, 250, 0, 0, 1, 0, 0];
    check(
        PixelFormat::TRUE_COLOUR_32,
        rectangle(0, 0, 1, 3),
        &[&wrapping],
        &[grey(250, 0, 0), grey(244, 0, 0), grey(245, 0, 0)],
    );
}

#[test]
fn streams_go_on_until_they_are_reset() {
    let format = PixelFormat::TRUE_COLOUR_8;
    let area = rectangle(0, 0, 16, 1);
    let (red, blue) = ([0x07; 16], [0xC0; 16]);
    let parts = deflated(&[&red, &blue]);
    let in_stream = |control: u8, part: &[u8]| [&[control][..], part].concat();
    // One stream over two rectangles.
    check(format, area, &[&in_stream(0x10, &parts[0]), &in_stream(0x10, &parts[1])], &[BLUE; 16]);
    // A stream begins anew with a rectangle that needs it, or with any other.
    check(format, area, &[&in_stream(0x10, &parts[0]), &in_stream(0x12, &parts[0])], &[RED; 16]);
    let again = [&in_stream(0x10, &parts[0])[..], &[0x8F, 0xC0], &in_stream(0x10, &parts[0])];
    check(format, area, &again, &[RED; 16]);
    let mut canvas = canvas(format);
    assert_eq!(decode(&mut canvas, area, &in_stream(0, &parts[0]), 1), Ok(Progress::Complete));
    let continued = decode(&mut canvas, area, &in_stream(0, &parts[0]), usize::MAX);
    assert_eq!(continued, Err(ProtocolError::Zlib), "a second header within a stream");
}

#[test]
fn what_cannot_be() {
    let area = rectangle(0, 0, 4, 4);
    check_refused(area, &[0xA0], ProtocolError::TightControl { control: 0xA0 });
    check_refused(area, &[0xF0], ProtocolError::TightControl { control: 0xF0 });
    check_refused(area, &[0x40, 3], ProtocolError::TightFilter { number: 3 });
    let palette = [0x40, 1, 2, 255, 0, 0, 0, 0, 255, 0, 255, 0, 3, 1];
    check_refused(rectangle(0, 0, 2, 1), &palette, ProtocolError::PaletteIndex { index: 3, size: 3 });
    let one = [0x40, 1, 0, 255, 0, 0, 0x80];
    check_refused(rectangle(0, 0, 1, 1), &one, ProtocolError::PaletteIndex { index: 1, size: 1 });
    let too_long = ProtocolError::RectangleLength { announced: 0x3F_FFFF, limit: 1120 };
    check_refused(area, &[0, 0xFF, 0xFF, 0xFF], too_long);
    let parts = deflated(&[&[0; 47], &[0; 49]]);
    check_refused(area, &[&[0][..], &parts[0]].concat(), ProtocolError::Zlib);
    let parts = deflated(&[&[0; 49]]);
    check_refused(area, &[&[0][..], &parts[0]].concat(), ProtocolError::Zlib);
}

/// A thousandfold more data than the rectangle holds is not inflated.
#[test]
fn bomb() {
    let mut canvas = canvas(PixelFormat::TRUE_COLOUR_32);
    let mut deflate = Compress::new(Compression::best(), true);
    let mut bomb = Vec::with_capacity(20_000);
    deflate.compress_vec(&vec![0; 900_000], &mut bomb, FlushCompress::Sync).expect("valid");
    assert!(bomb.len() < 1100);
    let length = [0x80 | (bomb.len() & 0x7F) as u8, (bomb.len() >> 7) as u8];
    let bytes = [&[0][..], &length, &bomb].concat();
    let area = rectangle(0, 0, 4, 4);
    assert_eq!(decode(&mut canvas, area, &bytes, usize::MAX), Err(ProtocolError::Zlib));
    assert!(canvas.tight[0].buffered() <= 64 * 1024);
}

/// A JPEG picture of `width` by `height` pixels behind its control byte and length.
fn jpeg_of(width: u16, height: u16, colour: u32) -> Vec<u8> {
    let mut picture = Framebuffer::black(width, height).expect("small");
    picture.fill(rectangle(0, 0, width, height), colour);
    let mut data = Vec::new();
    assert!(jpeg::encode(&picture, 90, &mut data));
    framed(&data)
}

fn framed(data: &[u8]) -> Vec<u8> {
    let length = [0x80 | (data.len() & 0x7F) as u8, (data.len() >> 7) as u8];
    [&[0x90][..], &length, data].concat()
}

#[test]
fn jpeg_pictures() {
    for chunk in [1, 100, usize::MAX] {
        let mut canvas = canvas(PixelFormat::TRUE_COLOUR_32);
        let area = rectangle(3, 1, 10, 7);
        let bytes = jpeg_of(10, 7, 0x0080_8080);
        assert_eq!(decode(&mut canvas, area, &bytes, chunk), Ok(Progress::Complete));
        assert!(canvas.is_lossy);
        let near = |pixel: &u32| pixel.to_be_bytes()[1..].iter().all(|&sample| sample.abs_diff(0x80) < 3);
        assert!(canvas.framebuffer.cropped(area).pixels().iter().all(near));
    }
}

/// The header of a picture is judged before its content: neither another size nor more passes are decoded.
#[test]
fn jpeg_pictures_that_cannot_be() {
    let area = rectangle(0, 0, 10, 7);
    check_refused(area, &jpeg_of(10, 8, RED), ProtocolError::Jpeg);
    let data = &jpeg_of(10, 7, RED)[3..];
    let frame = data.windows(2).position(|marker| marker == [0xFF, 0xC0]).expect("a baseline picture");
    let mut progressive = data.to_vec();
    progressive[frame + 1] = 0xC2;
    check_refused(area, &framed(&progressive), ProtocolError::Jpeg);
    let mut huge = data.to_vec();
    huge[frame + 5..frame + 9].fill(0xFF);
    check_refused(area, &framed(&huge), ProtocolError::Jpeg);
    check_refused(area, &framed(b"\x89PNG\r\n"), ProtocolError::Jpeg);
    check_refused(area, &framed(&data[..frame + 4]), ProtocolError::Jpeg);
    check_refused(area, &framed(&[]), ProtocolError::Jpeg);
}
