//! `ironhand read`: pictures to text, without a server.

use std::path::Path;

use ironhand_console::{Image, Reader, Reading};

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

/// `ironhand read`. Goes on past pictures that cannot be read, and fails at the end.
pub fn read(asked: &args::Read, output: Output) -> Result<(), Failure> {
    if let Some(folder) = &asked.out {
        at(folder, std::fs::create_dir_all(folder))?;
    }
    let reader = Reader::new();
    let mut exits = Vec::new();
    for path in &asked.images {
        let reading = match image(path) {
            Ok(image) => reader.read(&image, None),
            Err(failure) => {
                exits.push(failure.end());
                continue;
            }
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
