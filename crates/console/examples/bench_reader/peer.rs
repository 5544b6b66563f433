//! Other programs that make text of pictures.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ironhand_console::Image;

/// Mean brightness below which a page counts as dark.
const DARK: u64 = 128;

/// A program that is given a picture's file and prints its text.
pub struct Peer {
    pub name: String,
    program: String,
    arguments: Vec<String>,
    prepare: Option<fn(&Image) -> Image>,
}

impl Peer {
    /// `NAME=PROGRAM ARGUMENTS`, with `{}` for the file of the picture.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("--peer takes NAME=COMMAND, not `{text}`");
        let (name, command) = text.split_once('=').ok_or_else(wrong)?;
        let mut words = command.split_whitespace().map(str::to_owned);
        let program = words.next().ok_or_else(wrong)?;
        Ok(Self { name: name.to_owned(), program, arguments: words.collect(), prepare: None })
    }

    /// Tesseract as it comes, and as it reads consoles best: enlarged, dark on light, as one block of text.
    pub fn tesseract() -> Vec<Self> {
        let runs =
            Command::new("tesseract").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !runs.is_ok_and(|status| status.success()) {
            println!("no peer Tesseract: no program `tesseract` is found (Debian: tesseract-ocr)\n");
            return Vec::new();
        }
        let tesseract = |name: &str, arguments: &[&str], prepare| Self {
            name: name.to_owned(),
            program: "tesseract".to_owned(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            prepare,
        };
        vec![
            tesseract("tesseract", &["{}", "-"], None),
            tesseract("tesseract, tuned", &["{}", "-", "--psm", "6"], Some(enlarged_on_light)),
        ]
    }

    /// Its text of a picture, and the time from its start to its end; nothing where it fails.
    pub fn read(&self, path: &Path, image: &Image) -> Option<(String, Duration)> {
        let prepared = std::env::temp_dir().join(format!("ironhand-bench-{}.png", std::process::id()));
        let file = match self.prepare {
            Some(prepare) => {
                std::fs::write(&prepared, prepare(image).encode_png()).ok()?;
                prepared.as_path()
            }
            None => path,
        };
        let file = file.display().to_string();
        let begun = Instant::now();
        let output = Command::new(&self.program)
            .args(self.arguments.iter().map(|argument| argument.replace("{}", &file)))
            // One core, as ours.
            .env("OMP_THREAD_LIMIT", "1")
            .stdin(Stdio::null())
            .output()
            .ok()?;
        let took = begun.elapsed();
        if self.prepare.is_some() {
            std::fs::remove_file(&prepared).ok();
        }
        output.status.success().then(|| (String::from_utf8_lossy(&output.stdout).into_owned(), took))
    }
}

/// The picture twice as large, inverted where it is dark.
fn enlarged_on_light(image: &Image) -> Image {
    let brightness = |pixel: &u32| u64::from(pixel.to_be_bytes()[2]);
    let total: u64 = image.pixels.iter().map(brightness).sum();
    let inverted = if total < DARK * image.pixels.len() as u64 { 0xff_ffff } else { 0 };
    let mut pixels = Vec::with_capacity(image.pixels.len() * 4);
    for row in image.pixels.chunks(image.width.max(1) as usize) {
        for _ in 0..2 {
            pixels.extend(row.iter().flat_map(|pixel| [pixel ^ inverted; 2]));
        }
    }
    Image { width: image.width * 2, height: image.height * 2, pixels }
}
