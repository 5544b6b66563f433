//! Console fonts of files: those that this system has for its own console, and those that were learned.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use ironhand_console::{Font, FontError};

/// Where Linux distributions keep the fonts of the console.
const SYSTEM_FOLDERS: [&str; 4] = [
    "/usr/share/consolefonts",
    "/usr/share/kbd/consolefonts",
    "/lib/kbd/consolefonts",
    "/usr/lib/kbd/consolefonts",
];

/// The largest font file, packed or not: cells of 32 x 32 for all 512 glyphs that the Linux console holds, with a table of
/// their characters, are a tenth of it.
const LARGEST_FONT: u64 = 1 << 20;

/// The most fonts that are read from a folder: Debian has 450 with everything installed.
const MOST_FONTS: usize = 1024;

/// Fonts from a folder, and what could not be read.
#[derive(Debug, Default)]
pub struct FontFiles {
    /// The fonts, by the names of their files.
    pub fonts: Vec<Font>,
    /// One line for each file that is no font, and why.
    pub faults: Vec<String>,
}

/// The fonts of this system's console; none where it has none. Files that are no font are left out.
pub fn system() -> Vec<Font> {
    let mut seen: Vec<PathBuf> = Vec::new();
    let mut fonts = Vec::new();
    for folder in SYSTEM_FOLDERS {
        // Two of the names may lead to one folder.
        let Ok(folder) = Path::new(folder).canonicalize() else { continue };
        if !seen.contains(&folder) {
            fonts.extend(read_folder(&folder).map(|files| files.fonts).unwrap_or_default());
            seen.push(folder);
        }
    }
    fonts
}

/// Every font of a folder: `.psf`, `.psfu`, either packed by gzip, and `.hex` as `ironhand console learn` writes it.
///
/// # Errors
///
/// Where the folder cannot be listed.
pub fn read_folder(folder: &Path) -> io::Result<FontFiles> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if is_font(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    let mut files = FontFiles::default();
    if paths.len() > MOST_FONTS {
        files.faults.push(format!(
            "{}: only the first {MOST_FONTS} of {} fonts are used",
            folder.display(),
            paths.len()
        ));
    }
    for path in paths.iter().take(MOST_FONTS) {
        match read_file(path) {
            Ok(font) => files.fonts.push(font),
            Err(fault) => files.faults.push(format!("{}: {fault}", path.display())),
        }
    }
    Ok(files)
}

/// Why a file gives no font.
#[derive(Debug, thiserror::Error)]
pub enum FontFileError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// It is larger than any font.
    #[error("larger than {} KiB, which no console font is", LARGEST_FONT >> 10)]
    TooLarge,
    /// It is not what its name says.
    #[error(transparent)]
    Font(#[from] FontError),
}

/// One font from its file.
///
/// # Errors
///
/// [`FontFileError`] where the file cannot be read, is too large, or is no font.
pub fn read_file(path: &Path) -> Result<Font, FontFileError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let file = File::open(path)?;
    let (bytes, name) = match name.strip_suffix(".gz") {
        Some(unpacked) => (read_bounded(GzDecoder::new(file))?, unpacked),
        None => (read_bounded(file)?, name.as_ref()),
    };
    match name.strip_suffix(".hex") {
        Some(_) => Ok(Font::from_hex(&String::from_utf8_lossy(&bytes))?),
        None => Ok(Font::from_psf(name.trim_end_matches(".psfu").trim_end_matches(".psf"), &bytes)?),
    }
}

fn read_bounded(file: impl io::Read) -> Result<Vec<u8>, FontFileError> {
    let mut bytes = Vec::new();
    file.take(LARGEST_FONT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FONT {
        return Err(FontFileError::TooLarge);
    }
    Ok(bytes)
}

fn is_font(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    [".psf", ".psfu", ".hex"].iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// A font of 256 glyphs of 8 x 16, `A` with one pixel.
    fn psf() -> Vec<u8> {
        let mut bytes = vec![0x36, 0x04, 0, 16];
        bytes.resize(4 + 256 * 16, 0);
        bytes[4 + 0x41 * 16] = 0x80;
        bytes
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn fonts_of_every_form_are_read_and_the_rest_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        put("one.psf", &psf());
        put("two.psfu.gz", &packed(&psf()));
        put("three.hex", b"# third 8x8; a test\n0041:8000000000000000\n");
        put("README", b"not looked at");
        put("wrong.psf", b"no font");
        put("bomb.psf.gz", &packed(&vec![0; 64 << 20]));
        put("half.psf.gz", &packed(&psf())[..40]);
        let files = read_folder(folder.path()).unwrap();
        let names: Vec<&str> = files.fonts.iter().map(Font::name).collect();
        assert_eq!(names, ["one", "third", "two"]);
        assert!(files.fonts.iter().all(|font| font.glyph('A').is_some_and(|rows| rows[0] == 0x80)));
        assert_eq!(files.faults.len(), 3, "{:#?}", files.faults);
        assert!(files.faults[0].contains("bomb.psf.gz: larger than 1024 KiB"), "{:#?}", files.faults);
        assert!(files.faults[2].contains("wrong.psf: not a PSF font"), "{:#?}", files.faults);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        assert!(read_folder(Path::new("/nonexistent/fonts")).is_err());
    }
}
