//! `ironhand console learn`: teaches the reader of screens a font, from one picture and its text.

use std::fs::Permissions;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ironhand_console::{Font, Image, learn as learn_font};
use sha2::{Digest, Sha256};

use crate::args;
use crate::exit::{Failure, at};
use crate::files::read_screen;
use crate::output::{line, now};

/// Learns the font and writes its file, or adds to it what is new.
pub fn learn(asked: &args::Learn) -> Result<(), Failure> {
    let picture = read_screen(&asked.image)?;
    let refused = |path: &Path, why: &dyn std::fmt::Display| Failure::Usage {
        message: format!("{}: {why}", path.display()),
        hint: None,
    };
    let image = Image::decode(&picture).map_err(|error| refused(&asked.image, &error))?;
    let text = String::from_utf8(read_screen(&asked.text)?)
        .map_err(|_| refused(&asked.text, &"not a text in UTF-8"))?;
    let name = name(asked)?;
    let mut font = learn_font(name.clone(), &image, &text).map_err(|error| refused(&asked.image, &error))?;

    let path = asked.fonts.join(format!("{name}.hex"));
    let digest = hex::encode(&Sha256::digest(&picture)[..8]);
    let mut origin = format!("learned from {} (SHA-256 {digest}...) on {}", shown(&asked.image), now());
    let mut new = font.len();
    if let Some((known, before)) = known(&path)? {
        let mut merged = known;
        new = merged.merge(&font).map_err(|error| refused(&asked.image, &error))?;
        font = merged;
        origin = format!("{before}; {origin}");
    }
    if new > 0 {
        at(&asked.fonts, std::fs::create_dir_all(&asked.fonts))?;
        write_whole(&path, &font.to_hex(&origin))?;
    }
    line(&format!(
        "{}: {} characters of {} x {} pixels, {new} of them new",
        path.display(),
        font.len(),
        font.width(),
        font.height()
    ));
    Ok(())
}

/// The name of the font: as asked for, else that of the picture. It becomes a file's name.
fn name(asked: &args::Learn) -> Result<String, Failure> {
    let name = match &asked.name {
        Some(name) => name.clone(),
        None => asked.image.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(Failure::Usage {
            message: format!("`{}` cannot be the name of a font", name.escape_debug()),
            hint: Some("--name takes ASCII letters, digits, `-`, `_` and `.`".to_owned()),
        });
    }
    Ok(name)
}

/// The font of that file with what it states of its origin, if there is one.
fn known(path: &Path) -> Result<Option<(Font, String)>, Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        error => at(path, error)?,
    };
    let font = Font::from_hex(&text).map_err(|error| Failure::Usage {
        message: format!("{}: {error}", path.display()),
        hint: Some("move the file away, or choose another --name".to_owned()),
    })?;
    let heading = text.lines().next().unwrap_or_default();
    let origin = heading.split_once(';').map_or("", |(_, origin)| origin.trim());
    Ok(Some((font, origin.to_owned())))
}

/// The name of a file without what would break a line or steer a terminal.
fn shown(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().escape_debug().to_string()
}

/// Writes a file so that another program sees all of it or what was there before.
fn write_whole(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // A server may run as another user.
    let readable = Permissions::from_mode(0o644);
    let written = tempfile::Builder::new().permissions(readable).tempfile_in(folder).and_then(|file| {
        std::fs::write(file.path(), text)?;
        file.persist(path).map_err(|error| error.error)
    });
    at(path, written.map(drop))
}
