//! Each encoding from bytes written by hand, whole and byte by byte.

use flate2::{Compress, Compression, FlushCompress};

use super::*;

const BLACK: u32 = 0;
const RED: u32 = 0x00FF_0000;
const BLUE: u32 = 0x0000_00FF;
/// Red and blue as pixels of one byte, which keeps the tables readable.
const R: u8 = 0x07;
const B: u8 = 0xC0;

/// Bits of a Hextile subencoding.
const BACKGROUND: u8 = 2;
const FOREGROUND: u8 = 4;
const PARTS: u8 = 8;
const COLOURED: u8 = 16;

/// A screen of 24x20 pixels, so that rectangles have whole and cut tiles.
fn canvas() -> Canvas {
    Canvas::new(Framebuffer::black(24, 20).expect("small"), PixelFormat::TRUE_COLOUR_8)
}

fn rectangle(x: u16, y: u16, width: u16, height: u16) -> Rectangle {
    Rectangle { x, y, width, height }
}

/// Decodes `bytes`, handed over in pieces of `chunk` bytes.
fn decode(
    canvas: &mut Canvas,
    encoding: Encoding,
    area: Rectangle,
    bytes: &[u8],
    chunk: usize,
) -> Result<Progress, ProtocolError> {
    let mut decoder = Decoder::new(encoding, area, canvas)?.expect("a picture");
    let mut inbox = Inbox::default();
    let mut progress = decoder.decode(&mut inbox, canvas)?;
    for piece in bytes.chunks(chunk) {
        assert_eq!(progress, Progress::Starved, "complete before its last byte");
        inbox.push(piece);
        progress = decoder.decode(&mut inbox, canvas)?;
        assert!(inbox.pending().len() <= 1540, "more is kept than the longest unit");
    }
    assert!(inbox.is_empty() || progress == Progress::Starved, "bytes are left over");
    Ok(progress)
}

/// Decodes `bytes` and compares the screen with one painted by the list of rectangles `expected`.
fn check(encoding: Encoding, area: Rectangle, bytes: &[u8], expected: &[(Rectangle, u32)]) {
    let mut picture = Framebuffer::black(24, 20).expect("small");
    for &(area, colour) in expected {
        picture.fill(area, colour);
    }
    for chunk in [1, 3, 7, usize::MAX] {
        let mut canvas = canvas();
        assert_eq!(decode(&mut canvas, encoding, area, bytes, chunk), Ok(Progress::Complete));
        assert!(canvas.framebuffer == picture, "{encoding:?} in pieces of {chunk}");
    }
}

fn check_refused(encoding: Encoding, area: Rectangle, bytes: &[u8], expected: ProtocolError) {
    assert_eq!(decode(&mut canvas(), encoding, area, bytes, usize::MAX), Err(expected));
}

#[test]
fn raw() {
    check(
        Encoding::Raw,
        rectangle(1, 2, 2, 2),
        &[R, R, B, B],
        &[(rectangle(1, 2, 2, 1), RED), (rectangle(1, 3, 2, 1), BLUE)],
    );
    check(Encoding::Raw, rectangle(0, 0, 24, 20), &[R; 480], &[(rectangle(0, 0, 24, 20), RED)]);
    check(Encoding::Raw, rectangle(3, 3, 0, 5), &[], &[]);
    let outside = ProtocolError::Rectangle { x: 23, y: 0, width: 2, height: 1 };
    check_refused(Encoding::Raw, rectangle(23, 0, 2, 1), &[R; 2], outside);
    let outside = ProtocolError::Rectangle { x: 65535, y: 65535, width: 65535, height: 65535 };
    check_refused(Encoding::Raw, rectangle(65535, 65535, 65535, 65535), &[], outside);
}

#[test]
fn copy_rect() {
    let mut painted = canvas();
    painted.framebuffer.fill(rectangle(0, 0, 3, 3), RED);
    painted.framebuffer.fill(rectangle(0, 0, 1, 1), BLUE);
    let source = painted.framebuffer.clone();
    // Overlapping in every direction, and onto itself.
    for (to_x, to_y) in [(1, 1), (1, 0), (0, 1), (0, 0), (20, 17)] {
        for (x, y, to_x, to_y) in [(0, 0, to_x, to_y), (to_x, to_y, 0, 0)] {
            let mut canvas = canvas();
            canvas.framebuffer = source.clone();
            canvas.framebuffer.copy(0, 0, rectangle(x, y, 3, 3));
            let bytes = [0, x.to_be_bytes()[1], 0, y.to_be_bytes()[1]];
            let area = rectangle(to_x, to_y, 3, 3);
            assert_eq!(decode(&mut canvas, Encoding::CopyRect, area, &bytes, 1), Ok(Progress::Complete));
            assert!(
                canvas.framebuffer.cropped(area) == source.cropped(rectangle(0, 0, 3, 3)),
                "{x},{y} {to_x},{to_y}"
            );
        }
    }
    let outside = ProtocolError::CopySource { x: 22, y: 0 };
    check_refused(Encoding::CopyRect, rectangle(0, 0, 3, 3), &[0, 22, 0, 0], outside);
}

#[test]
fn rre() {
    let subrectangles = [
        [&[0, 0, 0, 2, R][..], &[B, 0, 1, 0, 1, 0, 2, 0, 1], &[0, 0, 3, 0, 3, 0, 1, 0, 1]].concat(),
        vec![0, 0, 0, 0, R],
    ];
    let background = (rectangle(4, 4, 4, 4), RED);
    let painted = [background, (rectangle(5, 5, 2, 1), BLUE), (rectangle(7, 7, 1, 1), BLACK)];
    check(Encoding::Rre, rectangle(4, 4, 4, 4), &subrectangles[0], &painted);
    check(Encoding::Rre, rectangle(4, 4, 4, 4), &subrectangles[1], &[background]);
    let outside = ProtocolError::Rectangle { x: 3, y: 0, width: 2, height: 1 };
    check_refused(Encoding::Rre, rectangle(4, 4, 4, 4), &[0, 0, 0, 1, R, B, 0, 3, 0, 0, 0, 2, 0, 1], outside);
    let too_many = ProtocolError::RectangleLength { announced: u32::MAX, limit: 16 };
    check_refused(Encoding::Rre, rectangle(4, 4, 4, 4), &[255, 255, 255, 255, R], too_many);
}

#[test]
fn hextile() {
    // Four tiles: 16x16 with background and two foreground parts, 8x16 raw, 16x4 with the same background,
    // 8x4 with coloured parts.
    let bytes = [
        &[BACKGROUND | FOREGROUND | PARTS, R, B, 2, 0x00, 0x00, 0xFF, 0x00][..],
        &[1],
        &[B; 128],
        &[0],
        &[PARTS | COLOURED, 2, B, 0x10, 0x10, 0, 0x03, 0x70],
    ]
    .concat();
    let expected = [
        (rectangle(0, 0, 24, 20), RED),
        (rectangle(0, 0, 1, 1), BLUE),
        (rectangle(15, 15, 1, 1), BLUE),
        (rectangle(16, 0, 8, 16), BLUE),
        (rectangle(17, 16, 2, 1), BLUE),
        (rectangle(16, 19, 8, 1), BLACK),
    ];
    check(Encoding::Hextile, rectangle(0, 0, 24, 20), &bytes, &expected);
    check(Encoding::Hextile, rectangle(3, 3, 2, 0), &[], &[]);
    let outside = ProtocolError::Rectangle { x: 3, y: 0, width: 2, height: 1 };
    check_refused(
        Encoding::Hextile,
        rectangle(0, 0, 4, 4),
        &[BACKGROUND | FOREGROUND | PARTS, R, B, 1, 0x30, 0x10],
        outside,
    );
}

fn deflated(parts: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut deflate = Compress::new(Compression::best(), true);
    let mut compress = |part: &&[u8]| {
        let mut out = Vec::with_capacity(part.len() + 1000);
        deflate.compress_vec(part, &mut out, FlushCompress::Sync).expect("valid");
        let length = u32::try_from(out.len()).expect("small").to_be_bytes();
        [length.to_vec(), out].concat()
    };
    parts.iter().map(&mut compress).collect()
}

#[test]
fn zrle() {
    // One stream over two rectangles.
    let first = [&[1, R][..], &[128, B, 19]].concat();
    let rectangles = deflated(&[&first[..2], &first[2..]]);
    for chunk in [1, 5, usize::MAX] {
        let mut canvas = canvas();
        let mut picture = canvas.framebuffer.clone();
        for (bytes, area, colour) in
            [(&rectangles[0], rectangle(0, 0, 24, 20), RED), (&rectangles[1], rectangle(2, 2, 5, 4), BLUE)]
        {
            assert_eq!(decode(&mut canvas, Encoding::Zrle, area, bytes, chunk), Ok(Progress::Complete));
            picture.fill(area, colour);
        }
        assert!(canvas.framebuffer == picture);
    }
}

/// Intel AMT leaves the header of zlib out.
#[test]
fn zrle_of_bare_deflate_data() {
    // A stored block of four bytes, its length and that mirrored: a tile of two colours by runs.
    let stored = [0, 0, 0, 9, 0, 4, 0, 0xFB, 0xFF, 128, B, 2, R];
    let rest = [0, 0, 0, 6, 0, 1, 0, 0xFE, 0xFF, 0];
    check_refused(Encoding::Zrle, rectangle(0, 0, 2, 2), &stored, ProtocolError::Tile { subencoding: 128 });
    let whole = [&[0, 0, 0, 10, 0, 5, 0, 0xFA, 0xFF][..], &stored[9..], &rest[9..]].concat();
    let painted = [(rectangle(0, 0, 2, 2), BLUE), (rectangle(1, 1, 1, 1), RED)];
    check(Encoding::Zrle, rectangle(0, 0, 2, 2), &whole, &painted);
}

#[test]
fn zlib() {
    let rectangles = deflated(&[&[R; 480], &[B; 20]]);
    for chunk in [1, 5, usize::MAX] {
        let mut canvas = canvas();
        let mut picture = canvas.framebuffer.clone();
        for (bytes, area, colour) in
            [(&rectangles[0], rectangle(0, 0, 24, 20), RED), (&rectangles[1], rectangle(2, 2, 5, 4), BLUE)]
        {
            assert_eq!(decode(&mut canvas, Encoding::Zlib, area, bytes, chunk), Ok(Progress::Complete));
            picture.fill(area, colour);
        }
        assert!(canvas.framebuffer == picture);
    }
    let area = rectangle(0, 0, 2, 2);
    for length in [3, 5, 900_000] {
        let bytes = deflated(&[&vec![R; length]]).concat();
        check_refused(Encoding::Zlib, area, &bytes, ProtocolError::Zlib);
    }
    let too_long = ProtocolError::RectangleLength { announced: 2000, limit: 1032 };
    check_refused(Encoding::Zlib, area, &[0, 0, 7, 208], too_long);
}

#[test]
fn zrle_that_cannot_be() {
    let area = rectangle(0, 0, 2, 2);
    let tiles = |tiles: &[u8]| deflated(&[tiles]).concat();
    check_refused(Encoding::Zrle, area, &tiles(&[127, 0]), ProtocolError::Tile { subencoding: 127 });
    check_refused(Encoding::Zrle, area, &tiles(&[0, R, R, R]), ProtocolError::Tile { subencoding: 0 });
    check_refused(Encoding::Zrle, area, &tiles(&[]), ProtocolError::Tile { subencoding: 0 });
    check_refused(Encoding::Zrle, area, &tiles(&[1, R, 0]), ProtocolError::Zlib);
    check_refused(Encoding::Zrle, area, &[0, 0, 0, 4, b'n', b'o', b'n', b'o'], ProtocolError::Zlib);
    let too_long = ProtocolError::RectangleLength { announced: 2000, limit: 1066 };
    check_refused(Encoding::Zrle, area, &[0, 0, 7, 208], too_long);
}

/// A thousandfold more data than the rectangle holds is not inflated.
#[test]
fn zrle_bomb() {
    let bomb = vec![0; 900_000];
    let bytes = deflated(&[&bomb]).concat();
    let mut canvas = canvas();
    let mut inbox = Inbox::default();
    inbox.push(&bytes);
    let mut decoder =
        Decoder::new(Encoding::Zrle, rectangle(0, 0, 2, 2), &mut canvas).expect("fits").expect("a picture");
    assert_eq!(decoder.decode(&mut inbox, &mut canvas), Err(ProtocolError::Zlib));
    assert!(canvas.zrle.buffered() <= 64 * 1024);
}

#[test]
fn painting_over_and_over_ends() {
    let mut canvas =
        Canvas::new(Framebuffer::black(4096, 2304).expect("the limit"), PixelFormat::TRUE_COLOUR_8);
    let area = rectangle(0, 0, 4096, 2304);
    let paint = |canvas: &mut Canvas| decode(canvas, Encoding::CopyRect, area, &[0; 4], usize::MAX);
    for _ in 0..16 {
        assert_eq!(paint(&mut canvas), Ok(Progress::Complete));
    }
    assert_eq!(paint(&mut canvas), Err(ProtocolError::PaintLimit { limit: PAINT_LIMIT }));
    canvas.budget = PaintBudget::full();
    assert_eq!(paint(&mut canvas), Ok(Progress::Complete));
}

/// A subrectangle of RRE is twelve bytes and may be the whole screen.
#[test]
fn subrectangles_count_as_painting() {
    let mut canvas =
        Canvas::new(Framebuffer::black(4096, 2304).expect("the limit"), PixelFormat::TRUE_COLOUR_8);
    let area = rectangle(0, 0, 4096, 2304);
    let all = [R, 0, 0, 0, 0, 16, 0, 9, 0];
    let bytes = [&[0, 0, 0, 16, B][..], &all.repeat(16)].concat();
    let refused = Err(ProtocolError::PaintLimit { limit: PAINT_LIMIT });
    assert_eq!(decode(&mut canvas, Encoding::Rre, area, &bytes, usize::MAX), refused);
}

/// What a viewer remembers of the tiles before is used only where all viewers agree.
#[test]
fn hextile_as_sent() {
    let mut picture = Framebuffer::black(80, 1).expect("small");
    // Five tiles: black; a red pixel; another; a red and a blue pixel; a red pixel.
    for (x, colour) in [(16, RED), (33, RED), (48, RED), (50, BLUE), (64, RED)] {
        picture.fill(rectangle(x, 0, 1, 1), colour);
    }
    let mut sent = Vec::new();
    hextile::encode(&picture, &PixelFormat::TRUE_COLOUR_8, &mut sent);
    let expected: [&[u8]; 5] = [
        &[BACKGROUND, 0],
        &[FOREGROUND | PARTS, R, 1, 0x00, 0x00],
        &[PARTS, 1, 0x10, 0x00],
        &[PARTS | COLOURED, 2, R, 0x00, 0x00, B, 0x20, 0x00],
        &[FOREGROUND | PARTS, R, 1, 0x00, 0x00],
    ];
    assert_eq!(sent, expected.concat());
}

#[test]
fn pointer_shapes_are_dropped() {
    // 9x2 pixels of one byte, and two bytes of mask for each row.
    check(Encoding::Cursor, rectangle(8, 1, 9, 2), &[R; 18 + 4], &[]);
    check(Encoding::Cursor, rectangle(0, 0, 0, 0), &[], &[]);
    let huge = ProtocolError::Rectangle { x: 0, y: 0, width: 65535, height: 65535 };
    check_refused(Encoding::Cursor, rectangle(0, 0, 65535, 65535), &[], huge);
}

#[test]
fn numbers_are_those_of_the_registry() {
    for encoding in Encoding::ALL {
        assert_eq!(Encoding::from_number(encoding.number()), Some(encoding));
    }
    assert_eq!(Encoding::from_number(4), None);
}

#[test]
fn trle() {
    // Four tiles: 16x16 of one colour, 8x16 with a packed palette, 16x4 with the same palette in runs, 8x4 raw.
    let bytes = [&[1, R][..], &[2, R, B], &[0xF0; 16], &[129, 0x81, 62, 0], &[0], &[B; 32]].concat();
    let expected = [
        (rectangle(0, 0, 24, 20), RED),
        (rectangle(16, 0, 4, 16), BLUE),
        (rectangle(0, 16, 15, 4), BLUE),
        (rectangle(15, 16, 1, 3), BLUE),
        (rectangle(16, 16, 8, 4), BLUE),
    ];
    check(Encoding::Trle, rectangle(0, 0, 24, 20), &bytes, &expected);
    check(Encoding::Trle, rectangle(3, 3, 0, 5), &[], &[]);
    // Kinds that are undefined are told at once, others when no tile can be as long.
    check_refused(Encoding::Trle, rectangle(0, 0, 4, 4), &[17], ProtocolError::Tile { subencoding: 17 });
    check_refused(Encoding::Trle, rectangle(0, 0, 4, 4), &[127, 0], ProtocolError::Tile { subencoding: 127 });
    let endless = [&[128, R][..], &[255; 1280]].concat();
    check_refused(Encoding::Trle, rectangle(0, 0, 4, 4), &endless, ProtocolError::Tile { subencoding: 128 });
}
