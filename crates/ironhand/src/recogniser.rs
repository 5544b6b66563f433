//! Pages that the glyph reader refuses, read by the networks of a folder.

use std::path::{Path, PathBuf};

use ironhand_console::{Reading, ScreenKind};
use ironhand_recogniser::{Models, Recogniser};

use crate::exit::{Failure, at};
use crate::files::read_bounded;
use crate::read::image;

/// The largest model or list of characters: ten times those of PP-OCR for small machines.
const LARGEST_MODEL: u64 = 128 << 20;

/// Reads what the glyph reader refused.
pub struct Fallback {
    recogniser: Recogniser,
}

impl Fallback {
    /// Loads the models of a folder.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        let files = Files::find(folder, &names(folder)?)?;
        let characters = files.characters.map(|file| {
            String::from_utf8(read_bounded(&file, LARGEST_MODEL)?).map_err(|_| Failure::Usage {
                message: format!("{}: not a text file", file.display()),
                hint: Some("a list of characters has one on each line, in UTF-8".to_owned()),
            })
        });
        let models = Models {
            detection: read_bounded(&files.detection, LARGEST_MODEL)?,
            recognition: read_bounded(&files.recognition, LARGEST_MODEL)?,
            characters: characters.transpose()?,
        };
        let recogniser = Recogniser::new(models).map_err(|error| Failure::Usage {
            message: format!("{}: {error}", folder.display()),
            hint: None,
        })?;
        Ok(Self { recogniser })
    }

    /// The reading, or what the networks make of the same picture where it may not be acted on.
    pub fn read_again(&self, path: &Path, reading: Reading) -> Result<Reading, Failure> {
        if reading.is_reliable() {
            return Ok(reading);
        }
        let again = self
            .recogniser
            .read(&image(path)?)
            .map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
        Ok(if again.kind == ScreenKind::Text { again } else { reading })
    }
}

/// The files of a folder with models.
#[derive(Debug, PartialEq)]
struct Files {
    detection: PathBuf,
    recognition: PathBuf,
    characters: Option<PathBuf>,
}

impl Files {
    /// Picks them by their names, which are sorted.
    fn find(folder: &Path, names: &[String]) -> Result<Self, Failure> {
        let model = |role: &str| {
            let plain = format!("{role}.onnx");
            let part = format!("_{role}_");
            let is_it = |name: &&String| **name == plain || (name.contains(&part) && name.ends_with(".onnx"));
            let mut found = names.iter().filter(is_it);
            match (found.next(), found.next()) {
                (Some(name), None) => Ok(folder.join(name)),
                (None, _) => Err(format!("there is no {plain} in it")),
                (Some(one), Some(other)) => Err(format!("{one} and {other} are both a model of one kind")),
            }
        };
        let model = |role| {
            model(role).map_err(|fault| Failure::Usage {
                message: format!("{}: {fault}", folder.display()),
                hint: Some(
                    "name one folder with det.onnx and rec.onnx, and keys.txt where rec.onnx has no list of characters inside"
                        .to_owned(),
                ),
            })
        };
        let characters = names.iter().find(|name| *name == "keys.txt").map(|name| folder.join(name));
        Ok(Self { detection: model("det")?, recognition: model("rec")?, characters })
    }
}

/// The names of a folder's files, sorted.
fn names(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in at(folder, std::fs::read_dir(folder))? {
        names.push(at(folder, entry)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(names: &[&str]) -> Result<Files, Failure> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Files::find(Path::new("models"), &names)
    }

    #[test]
    fn models_are_found_by_their_names() {
        let check = |names: &[&str], detection: &str, recognition: &str, characters: Option<&str>| {
            let path = |name: &str| Path::new("models").join(name);
            let expected = Files {
                detection: path(detection),
                recognition: path(recognition),
                characters: characters.map(path),
            };
            assert_eq!(find(names).unwrap(), expected);
        };
        check(&["det.onnx", "keys.txt", "rec.onnx"], "det.onnx", "rec.onnx", Some("keys.txt"));
        let package = [
            "ch_PP-OCRv4_det_infer.onnx",
            "ch_PP-OCRv4_rec_infer.onnx",
            "ch_ppocr_mobile_v2.0_cls_infer.onnx",
        ];
        check(&package, package[0], package[1], None);
    }

    #[test]
    fn what_is_missing_or_double_is_told() {
        let check = |names: &[&str], expected: &str| {
            assert_eq!(find(names).unwrap_err().to_string(), format!("models: {expected}"));
        };
        check(&["rec.onnx"], "there is no det.onnx in it");
        check(&["det.onnx", "rec.txt"], "there is no rec.onnx in it");
        check(
            &["a_rec_b.onnx", "det.onnx", "rec.onnx"],
            "a_rec_b.onnx and rec.onnx are both a model of one kind",
        );
    }
}
