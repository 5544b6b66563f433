//! Archives of loaders that are sent to the server: packages as they are, folders as tar archives.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// What the names of loaders end in; the server looks once more.
const SUFFIXES: [&str; 7] = [".efi", ".efi.signed", ".kpxe", ".pxe", ".lkrn", ".0", ".c32"];
/// Folders below a folder that are looked into.
const DEPTH: usize = 8;
/// The longest name in the header of a tar archive.
const NAME: usize = 100;

/// One archive for each package, and one for each folder or loader.
pub fn gather(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut archives = Vec::new();
    for path in paths {
        let failed = |error| Failure::File { path: path.display().to_string(), source: error };
        let facts = fs::metadata(path).map_err(failed)?;
        if facts.is_dir() || is_loader(path) {
            let mut files = Vec::new();
            collect(path, DEPTH, &mut files).map_err(failed)?;
            archives.push(tar(&files)?);
        } else {
            archives.push(fs::read(path).map_err(failed)?);
        }
    }
    Ok(archives)
}

/// What the medium was made of, for people.
pub fn described(paths: &[PathBuf]) -> String {
    let names: Vec<_> = paths
        .iter()
        .map(|path| path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy()))
        .collect();
    names.join(", ")
}

fn is_loader(path: &Path) -> bool {
    let name = path.to_string_lossy().to_ascii_lowercase();
    SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

fn collect(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        if is_loader(path) {
            files.push(path.to_owned());
        }
        return Ok(());
    }
    if depth > 0 {
        let mut below: Vec<PathBuf> =
            fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
        below.sort();
        for path in below {
            collect(&path, depth - 1, files)?;
        }
    }
    Ok(())
}

/// A tar archive of files by their names alone (POSIX.1-1988, ustar).
fn tar(files: &[PathBuf]) -> Result<Vec<u8>, Failure> {
    let mut archive = Vec::new();
    for path in files {
        let bytes = crate::exit::at(path, fs::read(path))?;
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let mut header = [0_u8; 512];
        header[..name.len().min(NAME)].copy_from_slice(&name[..name.len().min(NAME)]);
        header[100..107].copy_from_slice(b"0000644");
        header[124..136].copy_from_slice(format!("{:011o}\0", bytes.len()).as_bytes());
        header[148..156].copy_from_slice(b"        ");
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend_from_slice(&header);
        archive.extend_from_slice(&bytes);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1_024, 0);
    Ok(archive)
}
