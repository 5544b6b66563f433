//! Screens of all fonts, drawn and then damaged as viewers, scalers and compression do. Everything follows from a seed.

mod jpeg;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, overlay, resize};
use image::{Rgb, RgbImage};
use ironhand_console::{Drawing, DrawnCell, Font, Image, VGA_PALETTE, fonts};

/// A splitmix generator: the same numbers from the same seed everywhere.
pub struct Dice(pub u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.roll() % limit as u64) as usize
    }

    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Between two numbers.
    pub fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * (self.roll() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A screen and what stands on it.
pub struct Screen {
    pub name: String,
    pub image: Image,
    pub text: String,
    /// Whether it is a text mode, whose pixels are not square.
    pub text_mode: bool,
    layout: Layout,
}

/// How a screen was drawn.
#[derive(Clone)]
struct Layout {
    font: &'static Font,
    size: (u32, u32),
    /// Pixels left of the first cell, and above it.
    origin: (u32, u32),
    ninth_column: bool,
    columns: usize,
    cells: Vec<DrawnCell>,
}

impl Layout {
    fn image(&self) -> Image {
        let Self { font, size: (width, height), origin: (left, top), ninth_column, columns, .. } = *self;
        let drawing = Drawing { cells: &self.cells, columns, font, ninth_column, cursor: None };
        let mut image = Image::filled(width, height, self.cells[0].background);
        let drawn = drawing.image();
        for (y, row) in drawn.pixels.chunks_exact(drawn.width as usize).enumerate() {
            let from = (y + top as usize) * width as usize + left as usize;
            image.pixels[from..from + row.len()].copy_from_slice(row);
        }
        image
    }

    fn index(&self, misread: &Misread) -> Option<usize> {
        let (row, column) = (usize::try_from(misread.row).ok()?, usize::try_from(misread.column).ok()?);
        let index = row * self.columns + column;
        (column < self.columns && index < self.cells.len()).then_some(index)
    }
}

impl Screen {
    /// The screen with nothing in the cells that were read wrongly.
    pub fn without(&self, wrong: &[Misread]) -> Image {
        let mut layout = self.layout.clone();
        for misread in wrong {
            if let Some(index) = layout.index(misread) {
                layout.cells[index].character = ' ';
            }
        }
        layout.image()
    }

    /// The colours of a cell's ink and ground.
    pub fn colors(&self, misread: &Misread) -> Option<(u32, u32)> {
        let cell = self.layout.cells[self.layout.index(misread)?];
        Some((cell.foreground, cell.background))
    }
}

const LINES: [&str; 24] = [
    "[    0.4183{n}] pci 0000:{n}:1f.2: BAR 4: assigned [mem 0xfe{n}000-0xfe{n}fff]",
    "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,{n})",
    "Press F{n} to continue, <ESC> for setup; DEL = BIOS Setup Utility",
    "Booting from Hard Disk {n}... No bootable device.",
    "  OK  ] Started systemd-journald.service - Journal Service #{n}.",
    "node{n} login: ",
    "root@host-{n}:~# cat /proc/cmdline | grep -i 'quiet'",
    "error: no such partition. Entering rescue mode... grub rescue> _ls (hd0,{n})",
    "UEFI Interactive Shell v2.2  EDK II  FS{n}: Alias(s):HD0b0b:;BLK{n}:",
    "net0: 52:54:00:12:34:{n} using 82540em on 0000:00:{n}.0 (open)",
    "/dev/sda{n}: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY. (i.e., without -a)",
    "EXT4-fs (sda{n}): mounted filesystem with ordered data mode. Opts: (null)",
    "RIP: 0010:mount_block_root+0x{n}/0x2a0 Code: 8b 45 {n} 48 c7 c7",
    "CPU: {n} PID: 1 Comm: swapper/0 Not tainted 6.1.0-{n}-amd64 #1 Debian",
    "Memory Device {n}: DIMM_A{n}  Size: 32768 MB  Speed: 3200 MT/s",
    "PXE-E{n}: No boot filename received. Media test failure, check cable",
    "Welcome to GRUB! *Debian GNU/Linux, with Linux 6.1.0-{n}-amd64",
    "Give root password for maintenance (or press Control-D to continue):",
    "A problem has been detected and Windows has been shut down: 0x0000007{n}",
    "iSCSI initiator \"iqn.2010-04.org.ipxe:{n}\" [target] {lun=0} ~50% @100MB/s",
    "Jumping quickly, vexed wizards zip by foxes & 73 QUARKS ^ $`{n}\\|",
    "BusyBox v1.35.0 (Debian 1:1.35.0-4+b{n}) built-in shell (ash)",
    "Enter 'help' for a list of built-in commands. (initramfs) exit={n}?",
    "ACPI: IRQ{n} used by override. TSC: Fast TSC calibration failed!",
];

/// Modes by the size of the picture; text modes come first.
const MODES: [(u32, u32); 8] =
    [(720, 400), (640, 480), (800, 600), (1024, 768), (1280, 800), (1280, 1024), (1366, 768), (1920, 1080)];

/// Draws a screen with a font of that index.
pub fn screen(dice: &mut Dice, font: usize) -> Screen {
    drawn(dice, font, page)
}

/// The same with words, lines or the whole page in colours that are hardly told from what is behind them.
pub fn faint_screen(dice: &mut Dice, font: usize) -> Screen {
    drawn(dice, font, faint_page)
}

/// The characters of a screen of so many columns and rows, and its text.
type DrawnPage = (Vec<DrawnCell>, String);

fn drawn(dice: &mut Dice, font: usize, page: impl Fn(&mut Dice, &Font, usize, usize) -> DrawnPage) -> Screen {
    let font = &fonts()[font % fonts().len()];
    let text_mode = font.width() == 8 && matches!(font.height(), 8 | 14 | 16) && dice.below(3) == 0;
    let (width, height) = if text_mode {
        (720, if font.height() == 14 { 350 } else { 400 })
    } else {
        let smallest = if font.width() > 12 { 3 } else { 1 };
        MODES[smallest + dice.below(MODES.len() - smallest)]
    };
    let pitch = font.width() + u32::from(text_mode);
    let (columns, rows) = (width / pitch, height / font.height());
    let (left, top) = match font.name() {
        "edk2" => ((width - columns * pitch) / 2, (height - rows * font.height()) / 2),
        "unifont" if !text_mode => (2, 10),
        _ => (0, 0),
    };
    let rows = rows.min((height - top) / font.height());
    let columns = columns.min((width - left) / pitch);
    let (cells, text) = page(dice, font, columns as usize, rows as usize);
    let (size, origin, columns) = ((width, height), (left, top), columns as usize);
    let layout = Layout { font, size, origin, ninth_column: text_mode, columns, cells };
    let image = layout.image();
    let name = format!("{} {width}x{height} {columns}x{rows}", font.name());
    Screen { name, image, text, text_mode, layout }
}

/// Some lines in a few colours, of which one may be highlighted.
fn page(dice: &mut Dice, font: &Font, columns: usize, rows: usize) -> DrawnPage {
    let schemes = [(7, 0), (7, 0), (15, 0), (7, 1), (0, 7), (10, 0), (14, 1), (15, 4), (0, 15)];
    let (ink, ground) = dice.pick(&schemes);
    let (ink, ground) = (VGA_PALETTE[ink], VGA_PALETTE[ground]);
    let mut cells = vec![DrawnCell { character: ' ', foreground: ink, background: ground }; columns * rows];
    let filled = match dice.below(4) {
        0 => 5.min(rows),
        1 => rows / 2,
        _ => rows - 1,
    };
    let highlighted = dice.below(rows * 2);
    let mut lines = vec![String::new(); rows];
    for (row, line) in lines.iter_mut().enumerate().take(filled) {
        if dice.below(7) == 0 {
            continue;
        }
        let number = dice.below(100).to_string();
        let mut text: String = " ".repeat(dice.below(3) * 2);
        while text.len() < columns / 3 {
            text.push_str(&dice.pick(&LINES).replace("{n}", &number));
            text.push(' ');
        }
        let text: String = text.chars().take(columns).collect();
        let bright = dice.below(6) == 0;
        for (column, character) in text.chars().enumerate() {
            let cell = &mut cells[row * columns + column];
            let known = font.glyph(character).is_some();
            cell.character = if known { character } else { ' ' };
            if row == highlighted {
                (cell.foreground, cell.background) = (ground, ink);
            } else if bright && ground == 0 {
                cell.foreground = VGA_PALETTE[15];
            }
        }
        text.trim_end().clone_into(line);
    }
    (cells, lines.join("\n").trim_end().to_owned())
}

/// Colours that are near to black, and greys that are near to each other.
const DARK: [u32; 12] = [
    0x00_0098, 0x00_00a8, 0x00_00ff, 0x40_4040, 0x55_5555, 0x80_0000, 0x60_0000, 0x00_4000, 0x40_0040,
    0x28_2828, 0x00_0060, 0x30_2000,
];
const NEAR: [(u32, u32); 6] = [
    (0x80_8080, 0x60_6060),
    (0xa8_a8a8, 0x80_8080),
    (0x80_8080, 0x98_9898),
    (0x00_00c0, 0x00_0080),
    (0xc0_c0c0, 0xff_ffff),
    (0xa8_0000, 0x55_5555),
];

fn faint_page(dice: &mut Dice, font: &Font, columns: usize, rows: usize) -> DrawnPage {
    let (mut cells, text) = page(dice, font, columns, rows);
    let ground = cells[cells.len() - 1].background;
    let (ink, behind) = if dice.below(3) == 0 {
        dice.pick(&NEAR)
    } else if ground == 0 {
        (dice.pick(&DARK), 0)
    } else {
        // Each part of the colour a little nearer to grey.
        let part = 16 + 16 * dice.below(3) as u32;
        let parts = ground.to_be_bytes().map(u32::from);
        let nearer = parts.map(|value| if value < 128 { value + part } else { value - part });
        (nearer[1] << 16 | nearer[2] << 8 | nearer[3], ground)
    };
    let which = dice.below(4);
    let chosen = dice.below(rows);
    for (row, line) in cells.chunks_exact_mut(columns).enumerate() {
        let is_faint = match which {
            0 => row == chosen,
            1 => row.is_multiple_of(3),
            2 => dice.below(2) == 0,
            _ => true,
        };
        // Words, or all of a line.
        let (from, to) = match which {
            0 | 3 => (0, columns),
            _ => (dice.below(columns), dice.below(columns)),
        };
        if is_faint {
            for cell in &mut line[from.min(to)..to.max(from)] {
                (cell.foreground, cell.background) = (ink, behind);
            }
        }
    }
    (cells, text)
}

/// What happens to a picture.
#[derive(Clone, Copy, Debug)]
pub enum Damage {
    Jpeg(u8),
    /// With colours at half the size.
    HalvedColors(u8),
    /// By these factors, with a filter.
    Scaled(f64, f64, FilterType),
    ScaledJpeg(f64, f64, FilterType, u8),
    /// Made smaller and larger again.
    ThereAndBack(f64),
    /// Fitted into a picture of this size with bars; text modes as 4:3.
    Fitted(u32, u32, FilterType),
    FittedJpeg(u32, u32, FilterType, u8),
    Stretched(u32, u32, FilterType),
}

const FILTERS: [FilterType; 3] = [FilterType::Triangle, FilterType::CatmullRom, FilterType::Lanczos3];
const QUALITIES: [u8; 4] = [50, 65, 75, 90];

impl Damage {
    /// One of the kinds, with random numbers.
    pub fn any(dice: &mut Dice, kind: usize) -> Self {
        let filter = dice.pick(&FILTERS);
        let quality = dice.pick(&QUALITIES);
        let factor = dice.between(1.05, 1.9);
        match kind % 10 {
            0 => Self::Jpeg(quality),
            1 => Self::Scaled(1.27, 1.27, FilterType::Triangle),
            2 => Self::Scaled(0.8, 0.8, FilterType::Lanczos3),
            3 => Self::ThereAndBack(0.78),
            4 => Self::Fitted(1920, 1080, filter),
            5 => Self::Stretched(1280, 720, filter),
            6 => Self::Scaled(factor, factor * dice.between(0.85, 1.2), filter),
            7 => Self::ScaledJpeg(factor, factor, FilterType::Triangle, quality),
            8 => Self::FittedJpeg(1920, 1080, FilterType::CatmullRom, quality),
            _ => {
                let factor = dice.between(0.8, 0.98);
                Self::Scaled(factor, factor, filter)
            }
        }
    }

    /// One of the kinds, with numbers from wider ranges: any quality from 40, any factor from 0.7 to 1.5, pictures of other sizes.
    pub fn wide(dice: &mut Dice, kind: usize) -> Self {
        let filter = dice.pick(&FILTERS);
        let quality = 40 + dice.below(56) as u8;
        let factor = dice.between(0.7, 1.5);
        let (width, height) =
            dice.pick(&[(1366, 768), (1600, 900), (1920, 1080), (1920, 1200), (1280, 1024)]);
        match kind % 8 {
            0 | 1 => Self::Jpeg(quality),
            2 => Self::Scaled(factor, factor, filter),
            3 => Self::ScaledJpeg(factor, factor, filter, quality),
            4 => Self::ThereAndBack(dice.between(0.68, 0.95)),
            5 => Self::Fitted(width, height, filter),
            6 => Self::FittedJpeg(width, height, filter, quality),
            _ => Self::Stretched(width, height, filter),
        }
    }

    /// Compression of any quality from 30, of each kind, and of scaled pictures, and scaling of compressed ones.
    pub fn compression(dice: &mut Dice, kind: usize) -> Self {
        let filter = dice.pick(&FILTERS);
        let quality = dice.pick(&[30, 40, 50, 60, 70, 75, 75, 80, 85, 90, 95]);
        let factor = dice.between(0.75, 1.5);
        match kind % 4 {
            0 | 2 => Self::HalvedColors(quality),
            1 => Self::Jpeg(quality),
            _ => Self::ScaledJpeg(factor, factor, filter, quality),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::HalvedColors(_) => "jpeg 4:2:0",
            Self::Jpeg(_) => "jpeg",
            Self::Scaled(across, down, _) if across < 1.0 && down < 1.0 => "smaller",
            Self::Scaled(across, down, _) if across == down => "larger",
            Self::Scaled(..) => "unequal",
            Self::ScaledJpeg(..) => "scaled, jpeg",
            Self::ThereAndBack(_) => "there and back",
            Self::Fitted(..) => "fitted",
            Self::FittedJpeg(..) => "fitted, jpeg",
            Self::Stretched(..) => "stretched",
        }
    }

    pub fn of(self, screen: &Screen) -> Image {
        self.of_image(&screen.image, screen.text_mode)
    }

    /// Of a screen that shows this; of a text mode, whose pixels are not square, or not.
    pub fn of_image(self, image: &Image, text_mode: bool) -> Image {
        let picture = to_rgb(image);
        let (width, height) = picture.dimensions();
        let scaled = |across: f64, down: f64, filter| {
            let side = |side: u32, by: f64| ((f64::from(side) * by).round() as u32).max(1);
            resize(&picture, side(width, across), side(height, down), filter)
        };
        let fitted = |to_width: u32, to_height: u32, filter| {
            let aspect = if text_mode { 4.0 / 3.0 } else { f64::from(width) / f64::from(height) };
            let wide = (f64::from(to_height) * aspect).round().min(f64::from(to_width));
            let high = (f64::from(to_width) / aspect).round().min(f64::from(to_height));
            let small = resize(&picture, wide as u32, high as u32, filter);
            let mut large = RgbImage::new(to_width, to_height);
            let (x, y) = ((to_width - wide as u32) / 2, (to_height - high as u32) / 2);
            overlay(&mut large, &small, x.into(), y.into());
            large
        };
        from_rgb(&match self {
            Self::Jpeg(quality) => jpeg(&picture, quality),
            Self::HalvedColors(quality) => jpeg::halved_colors(&picture, quality),
            Self::Scaled(across, down, filter) => scaled(across, down, filter),
            Self::ScaledJpeg(across, down, filter, quality) => jpeg(&scaled(across, down, filter), quality),
            Self::ThereAndBack(by) => {
                resize(&scaled(by, by, FilterType::CatmullRom), width, height, FilterType::CatmullRom)
            }
            Self::Fitted(wide, high, filter) => fitted(wide, high, filter),
            Self::FittedJpeg(wide, high, filter, quality) => jpeg(&fitted(wide, high, filter), quality),
            Self::Stretched(wide, high, filter) => resize(&picture, wide, high, filter),
        })
    }
}

fn to_rgb(image: &Image) -> RgbImage {
    RgbImage::from_fn(image.width, image.height, |x, y| {
        let [_, red, green, blue] = image.pixels[(y * image.width + x) as usize].to_be_bytes();
        Rgb([red, green, blue])
    })
}

fn from_rgb(picture: &RgbImage) -> Image {
    let pixels = picture.pixels().map(|Rgb([r, g, b])| u32::from_be_bytes([0, *r, *g, *b])).collect();
    Image { width: picture.width(), height: picture.height(), pixels }
}

fn jpeg(picture: &RgbImage, quality: u8) -> RgbImage {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality).encode_image(picture).expect("encodes");
    image::load_from_memory(&file).expect("our own file").into_rgb8()
}

/// How far a reading is from the truth.
#[derive(Clone, Debug, Default)]
pub struct Score {
    pub characters: usize,
    /// Cells in which something else was read than stands there, unread ones too.
    pub errors: usize,
    /// Of these, those that are not marked as unread: characters that were taken for others or for blanks, and what was read where
    /// nothing stands.
    pub wrong: Vec<Misread>,
}

/// A cell that was read wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misread {
    /// From the truth's first cell; negative where the reading begins before it.
    pub row: isize,
    pub column: isize,
    pub stands: char,
    pub read: char,
}

/// How many cells readings may begin before or after the truth, across and down: bars beside a screen may count as cells.
const SHIFT: (isize, isize) = (40, 24);

/// Compares texts cell by cell, where most of what was read falls on what stands there.
pub fn score(truth: &str, read: &str) -> Score {
    let cells = |text: &str| -> Vec<Vec<char>> { text.lines().map(|line| line.chars().collect()).collect() };
    let (truth, read) = (cells(truth), cells(read));
    let first = score_at(&truth, &read, (0, 0));
    if first.wrong.is_empty() {
        return first;
    }
    let shifts = (-SHIFT.1..=SHIFT.1).flat_map(|down| (-SHIFT.0..=SHIFT.0).map(move |across| (across, down)));
    let equal = |shift: &(isize, isize)| (equal_at(&truth, &read, *shift), -(shift.0.abs() + shift.1.abs()));
    let shift = shifts.max_by_key(equal).unwrap_or_default();
    score_at(&truth, &read, shift)
}

/// What stands at a place; blanks all around.
fn at(text: &[Vec<char>], (row, column): (isize, isize)) -> char {
    let line = usize::try_from(row).ok().and_then(|row| text.get(row));
    let cell = line.and_then(|line| line.get(usize::try_from(column).ok()?));
    cell.copied().unwrap_or(' ')
}

/// How many characters, of a sample, were read as they are if the reading is shifted so.
fn equal_at(truth: &[Vec<char>], read: &[Vec<char>], (across, down): (isize, isize)) -> usize {
    const SAMPLE: usize = 7;
    let cells = (0_isize..).zip(truth).flat_map(|(row, line)| {
        (0_isize..).zip(line).map(move |(column, character)| (row, column, *character))
    });
    let inked = cells.filter(|(.., character)| *character != ' ').step_by(SAMPLE);
    inked.filter(|(row, column, character)| at(read, (row + down, column + across)) == *character).count()
}

fn score_at(truth: &[Vec<char>], read: &[Vec<char>], (across, down): (isize, isize)) -> Score {
    let longest = |text: &[Vec<char>]| text.iter().map(Vec::len).max().unwrap_or_default().cast_signed();
    let mut score = Score::default();
    for row in (-down).min(0)..truth.len().cast_signed().max(read.len().cast_signed() - down) {
        for column in (-across).min(0)..longest(truth).max(longest(read) - across) {
            let stands = at(truth, (row, column));
            let read = at(read, (row + down, column + across));
            score.characters += usize::from(stands != ' ');
            score.errors += usize::from(read != stands);
            if read != stands && read != char::REPLACEMENT_CHARACTER {
                score.wrong.push(Misread { row, column, stands, read });
            }
        }
    }
    score
}
