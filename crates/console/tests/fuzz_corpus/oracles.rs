//! What must hold for any picture, pattern and key sequence. Each function takes one input of a fuzz target.

use std::sync::OnceLock;

use ironhand_console::keys::{self, KeyStep, Keyboard, Layout, Stroke};
use ironhand_console::{
    Drawing, DrawnCell, Grid, Image, Page, Pattern, Reader, Reading, Terminal, VGA_PALETTE, fonts,
};

/// A file is a picture of its stated size or is refused; small pictures come back from a PNG file.
pub fn image(data: &[u8]) {
    let Ok(image) = Image::decode(data) else { return };
    assert_eq!(image.pixels.len(), image.width as usize * image.height as usize);
    assert!(image.pixels.iter().all(|pixel| *pixel <= 0x00FF_FFFF));
    if image.pixels.len() < 1 << 14 {
        assert_eq!(Image::decode(&image.encode_png()).expect("our own file"), image);
    }
}

/// A key sequence is refused at a place in it, or comes back as it is written.
pub fn keys(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let secret = |name: &str| (name.len() < 3).then(|| "Se<ü\n^".into());
    match keys::parse_with(text, secret) {
        Ok(steps) => {
            assert!(steps.len() <= keys::MAX_STEPS);
            let written: String = steps.iter().map(ToString::to_string).collect();
            let read = keys::parse_with(&written, secret)
                .unwrap_or_else(|error| panic!("{text:?} as {written:?}: {error}"));
            assert_eq!(read, steps, "{text:?} as {written:?}");
            for step in &steps {
                for layout in Layout::ALL {
                    releases_all(step, Keyboard::Keysyms, *layout);
                    releases_all(step, Keyboard::Positions, *layout);
                }
                if let Err(error) = keys::serial(step) {
                    assert!(error.to_string().contains(&step.to_string()), "{error}");
                }
            }
        }
        Err(error) => assert!(text.is_char_boundary(error.offset()), "{error}"),
    }
}

fn releases_all(step: &KeyStep, keyboard: Keyboard, layout: Layout) {
    let Ok(strokes) = keys::strokes(step, keyboard, layout) else {
        assert_eq!(keyboard, Keyboard::Positions, "{step:?} on {layout}");
        return;
    };
    let mut held = Vec::new();
    for Stroke { keysym, usage, down } in strokes {
        assert!(keyboard == Keyboard::Keysyms || usage.is_some(), "{step:?} on {layout}");
        if down {
            held.push(keysym);
        } else {
            assert_eq!(held.pop(), Some(keysym), "{step:?} on {layout}");
        }
    }
    assert!(held.is_empty(), "{step:?} on {layout} leaves keys down");
}

/// The input is a pattern, a zero byte and a page; what is found stands where it is said to.
pub fn pattern(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (source, screen) = text.split_once('\0').unwrap_or((text, text));
    let Ok(pattern) = Pattern::new(source) else { return };
    let Some(found) = pattern.find(&Page::from_text(screen)) else { return };
    assert!(!found.text.trim().is_empty(), "{found:?}");
    assert_eq!(found.confidence, 1.0, "{found:?}");
    let line = screen.lines().nth(found.row).unwrap_or_else(|| panic!("{found:?} beyond the page"));
    match (found.text.chars().next(), line.chars().nth(found.column)) {
        // Trailing blanks are not kept, so the line feed may come early.
        (Some('\n'), _) => {}
        // Line art is blanked.
        (Some(' '), Some(_)) => {}
        (first, there) => assert_eq!(first, there, "{found:?}"),
    }
}

/// Any picture is read to cells inside it, with any hint.
///
/// The input: what the picture is made of, a hint, then pixels or characters.
pub fn reader(data: &[u8]) {
    static READER: OnceLock<Reader> = OnceLock::new();
    let Some((&[kind, width, height, colours], data)) = data.split_first_chunk() else { return };
    let Some((hint, data)) = data.split_first_chunk::<8>() else { return };
    let mut image = if kind & 1 == 0 {
        let pixel = |index: usize| {
            let byte = data.get(index / 2 % data.len().max(1)).copied().unwrap_or_default();
            let colour = if index.is_multiple_of(2) { byte & 15 } else { byte >> 4 };
            VGA_PALETTE[usize::from(colour % (colours % 16 + 1))]
        };
        let pixels = (0..usize::from(width) * usize::from(height)).map(pixel).collect();
        Image { width: width.into(), height: height.into(), pixels }
    } else {
        drawn(kind >> 2, usize::from(width % 40) + 1, usize::from(height % 12) + 1, colours, data)
    };
    if kind & 2 != 0 {
        image.pixels.pop(); // A picture that is not what it says.
    }
    let number = |index: usize| u32::from(hint[index]);
    let hint = Grid {
        x: number(0),
        y: number(1),
        pitch: number(2),
        cell_width: number(3),
        cell_height: number(4),
        columns: usize::from(hint[5]),
        rows: usize::from(hint[6]),
        scale: number(7),
    };
    let reader = READER.get_or_init(Reader::new);
    holds(&image, &reader.read(&image, Some(&hint)));
    let reading = reader.read(&image, None);
    holds(&image, &reading);
    if let Some(grid) = &reading.grid {
        let again = reader.read(&image, Some(grid));
        assert_eq!(again.text(), reading.text(), "its own grid {grid:?} as the hint changes what is read");
    }
}

/// A screen that was scaled by any factors and to which anything was added is read to cells inside the picture, and the same
/// again with its own grid as the hint.
///
/// The input: what is drawn, by which factors it is scaled, and how much is added to each pixel; then the characters, which are
/// what is added too.
pub fn damaged(data: &[u8]) {
    static READER: OnceLock<Reader> = OnceLock::new();
    let Some((&[font, columns, rows, colours, across, down, noise], data)) = data.split_first_chunk() else {
        return;
    };
    let screen = drawn(font, usize::from(columns % 60) + 1, usize::from(rows % 20) + 1, colours, data);
    let image = scaled(&screen, 64 + u32::from(across), 64 + u32::from(down), |index| {
        let byte = data.get(index % data.len().max(1)).copied().unwrap_or_default();
        byte.wrapping_mul(index as u8 | 1) & noise
    });
    let reader = READER.get_or_init(Reader::new);
    let reading = reader.read(&image, None);
    holds(&image, &reading);
    if let Some(grid) = &reading.grid {
        let again = reader.read(&image, Some(grid));
        assert_eq!(again.text(), reading.text(), "its own grid {grid:?} as the hint changes what is read");
    }
}

/// A picture with so many 128th parts of its width and height, blended from the pixels around each place, with something added
/// to the blue of each.
fn scaled(image: &Image, across: u32, down: u32, added: impl Fn(usize) -> u8) -> Image {
    let side = |length: u32, parts: u32| (length * parts / 128).clamp(1, 1024);
    let (width, height) = (side(image.width, across), side(image.height, down));
    // Places in 256ths of a pixel.
    let place = |index: u32, length: u32, of: u32| index * (length - 1) * 256 / of.max(1);
    let pixel = |index: u32| {
        let (x, y) = (place(index % width, image.width, width), place(index / width, image.height, height));
        let at = |x: u32, y: u32| {
            let (x, y) = ((x / 256).min(image.width - 1), (y / 256).min(image.height - 1));
            image.pixels[(y * image.width + x) as usize].to_be_bytes()
        };
        let blended = |channel: usize| {
            let line = |y: u32| {
                let (one, other) = (u32::from(at(x, y)[channel]), u32::from(at(x + 256, y)[channel]));
                one * (256 - x % 256) + other * (x % 256)
            };
            ((line(y) * (256 - y % 256) + line(y + 256) * (y % 256)) >> 16) as u8
        };
        let blue = blended(3).wrapping_add(added(index as usize));
        u32::from_be_bytes([0, blended(1), blended(2), blue])
    };
    Image { width, height, pixels: (0..width * height).map(pixel).collect() }
}

/// Any bytes, cut anywhere and on any size of screen, leave a screen of that size, and the same as in one piece.
///
/// The input: the sizes before and after, then pieces, each behind its length.
pub fn terminal(data: &[u8]) {
    let Some((&[columns, rows, later_columns, later_rows], mut data)) = data.split_first_chunk() else {
        return;
    };
    let mut cut = Terminal::new(columns.into(), rows.into());
    let mut whole = Terminal::new(columns.into(), rows.into());
    let mut received = Vec::new();
    while let Some((&length, rest)) = data.split_first() {
        let (piece, rest) = rest.split_at(usize::from(length).min(rest.len()));
        cut.receive(piece);
        received.extend_from_slice(piece);
        data = rest;
    }
    whole.receive(&received);
    assert_eq!(cut.reading(), whole.reading());
    let shows = |terminal: &Terminal| {
        let (columns, rows) = terminal.size();
        let reading = terminal.reading();
        assert_eq!(reading.cells.len(), columns * rows);
        assert_eq!(reading.rows().count(), rows);
        assert!(reading.is_reliable());
        if let Some(place) = reading.cursor {
            assert!(place.row < rows && place.column < columns, "{place:?}");
        }
    };
    shows(&cut);
    cut.resize(later_columns.into(), later_rows.into());
    shows(&cut);
    cut.receive(&received);
    shows(&cut);
}

fn drawn(font: u8, columns: usize, rows: usize, colours: u8, characters: &[u8]) -> Image {
    let font = &fonts()[usize::from(font) % fonts().len()];
    let (foreground, background) = (usize::from(colours & 15), usize::from(colours >> 4));
    let cell = |index: usize| DrawnCell {
        character: characters.get(index).map_or(' ', |byte| char::from(*byte)),
        foreground: VGA_PALETTE[foreground],
        background: VGA_PALETTE[background],
    };
    let cells: Vec<DrawnCell> = (0..columns * rows).map(cell).collect();
    Drawing { cells: &cells, columns, font, ninth_column: false, cursor: None }.image()
}

fn holds(image: &Image, reading: &Reading) {
    assert!((0.0..=1.0).contains(&reading.score), "{reading:?}");
    assert!(reading.cells.iter().all(|cell| (0.0..=1.0).contains(&cell.confidence)), "{reading:?}");
    let Some(grid) = &reading.grid else {
        assert!(reading.cells.is_empty() && reading.text().is_empty(), "{reading:?}");
        return;
    };
    assert_eq!(reading.cells.len(), grid.rows * grid.columns, "{grid:?}");
    assert_eq!(reading.rows().count(), grid.rows, "{grid:?}");
    let right = (grid.x as usize + grid.columns * grid.pitch as usize) * grid.scale as usize;
    let slack = (grid.pitch - grid.cell_width) as usize * grid.scale as usize;
    assert!(right <= image.width as usize + slack, "{grid:?} in {} columns", image.width);
    let bottom = (grid.y as usize + grid.rows * grid.cell_height as usize) * grid.scale as usize;
    assert!(bottom <= image.height as usize, "{grid:?} in {} rows", image.height);
    for row in reading.cursor.iter().map(|place| place.row).chain(reading.highlighted_row) {
        assert!(row < grid.rows, "{reading:?}");
    }
}
