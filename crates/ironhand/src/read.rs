//! `ironhand read`: pictures to text, without a server.

use std::cell::OnceCell;
use std::path::Path;

use ironhand_console::{Font, Image, Reader, Reading};
use ironhand_server::fonts::{read_folder, system};

use crate::args;
use crate::exit::{Failure, at};
use crate::files::read_screen;
use crate::many::exit_of;
use crate::output::{Output, line};

/// Decodes a picture file.
pub fn image(path: &Path) -> Result<Image, Failure> {
    Image::decode(&read_screen(path)?)
        .map_err(|error| Failure::Usage { message: format!("{}: {error}", path.display()), hint: None })
}

/// Reads pictures with the built-in fonts, those of a folder, and where these do not do with those of this system's console.
pub struct Pictures {
    reader: Reader,
    folder: Vec<Font>,
    /// Made when it is first needed: a system may have hundreds of fonts.
    with_system: OnceCell<Reader>,
}

impl Pictures {
    /// Tells of files in the folder that are no font.
    pub fn new(fonts: &args::Fonts) -> Result<Self, Failure> {
        let mut folder = Vec::new();
        if let Some(path) = &fonts.folder {
            let files = at(path, read_folder(path))?;
            for fault in &files.faults {
                note!("warning: {fault}");
            }
            folder = files.fonts;
        }
        Ok(Self { reader: Reader::with_fonts(folder.clone()), folder, with_system: OnceCell::new() })
    }

    /// Reads a picture.
    pub fn read(&self, image: &Image) -> Reading {
        let reading = self.reader.read(image, None);
        let is_whole = |reading: &Reading| {
            reading.is_reliable()
                && reading.cells.iter().all(|cell| cell.character != char::REPLACEMENT_CHARACTER)
        };
        if is_whole(&reading) {
            return reading;
        }
        let all = || Reader::with_fonts(self.folder.iter().cloned().chain(system()));
        let again = self.with_system.get_or_init(all).read(image, None);
        if again.score > reading.score { again } else { reading }
    }
}

/// `ironhand read`. Goes on past pictures that cannot be read, and fails at the end.
pub fn read(asked: &args::Read, output: Output) -> Result<(), Failure> {
    if let Some(folder) = &asked.out {
        at(folder, std::fs::create_dir_all(folder))?;
    }
    let pictures = Pictures::new(&asked.fonts)?;
    #[cfg(feature = "recogniser")]
    let fallback = asked.recogniser.as_deref().map(crate::recogniser::Fallback::open).transpose()?;
    let mut exits = Vec::new();
    for path in &asked.images {
        let reading = match image(path) {
            Ok(image) => pictures.read(&image),
            Err(failure) => {
                exits.push(failure.end());
                continue;
            }
        };
        #[cfg(feature = "recogniser")]
        let reading = match &fallback {
            Some(fallback) => fallback.read_again(path, reading)?,
            None => reading,
        };
        tell(asked, path, &reading, output)?;
        if !reading.is_reliable() {
            note!("warning: {}: not everything could be read with certainty", path.display());
        }
    }
    match exit_of(&exits) {
        0 => Ok(()),
        code => Err(Failure::Some { code }),
    }
}

fn tell(asked: &args::Read, path: &Path, reading: &Reading, output: Output) -> Result<(), Failure> {
    if let Some(folder) = &asked.out {
        let name = path.file_stem().unwrap_or(path.as_os_str());
        let mut file = folder.join(name).into_os_string();
        file.push(".txt");
        let file = std::path::PathBuf::from(file);
        let mut text = reading.text();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        return at(&file, std::fs::write(&file, text));
    }
    let value = || serde_json::json!({ "file": path.display().to_string(), "reading": reading });
    if asked.json {
        line(&value().to_string());
        return Ok(());
    }
    if output.is_structured() {
        return output.value(&value());
    }
    if asked.images.len() > 1 {
        line(&format!("--- {}", path.display()));
    }
    line(reading.text().trim_end());
    Ok(())
}
