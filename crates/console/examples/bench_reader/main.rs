//! How well and how fast the reader reads: `cargo xtask bench reader [FOLDER] [--pictures] [--out DIR] [--peer NAME=COMMAND]`.
//!
//! FOLDER holds pictures `NAME.png` or `.jpg` with their texts `NAME.txt`, and perhaps `rules.tsv` with patterns (name, tab,
//! regular expression); by default it is `testdata/screens`. A picture without a text is one that nobody can read with
//! certainty: it is to be refused. `NAME__VARIANT` counts in the group `~VARIANT`, any other in the group of its first word.
//!
//! `--pictures` tells each picture that was not read perfectly, `--out` writes what was read, `--own` leaves the peers out.
//! A peer is a program that is given the file of a picture and prints its text: Tesseract, where it is installed, and those
//! that `--peer` names, where `{}` in the command stands for the file.

mod drawn;
mod folder;
mod peer;
#[path = "../processor/mod.rs"]
mod processor;
mod score;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use ironhand_console::Reader;

use crate::peer::Peer;

/// What was asked for.
struct Asked {
    folder: PathBuf,
    pictures: bool,
    own: bool,
    out: Option<PathBuf>,
    peers: Vec<Peer>,
}

fn main() -> ExitCode {
    let asked = match parse(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(message) => {
            eprintln!("bench reader: {message}");
            return ExitCode::from(2);
        }
    };
    let begun = Instant::now();
    let reader = Reader::new();
    println!("fonts decoded and indexed in {:.1} ms, once\n", begun.elapsed().as_secs_f64() * 1e3);
    drawn::print(&reader);
    println!();
    match folder::measure(&reader, &asked) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench reader: {}: {error}", asked.folder.display());
            ExitCode::FAILURE
        }
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked {
        folder: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/screens")),
        pictures: false,
        own: false,
        out: None,
        peers: Vec::new(),
    };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--pictures" => asked.pictures = true,
            "--own" => asked.own = true,
            "--out" => asked.out = Some(value()?.into()),
            "--peer" => asked.peers.push(Peer::parse(&value()?)?),
            unknown if unknown.starts_with('-') => return Err(format!("there is no option `{unknown}`")),
            folder => asked.folder = folder.into(),
        }
    }
    if !asked.own {
        asked.peers.extend(Peer::tesseract());
    }
    Ok(asked)
}
