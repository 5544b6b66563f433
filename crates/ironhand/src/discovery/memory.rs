//! The file of a scan.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ironhand_discovery::{Line, State};

use crate::exit::{Failure, at};

/// The largest file that is read: that of a scan of the largest network, all of whose addresses answer, is smaller.
const LARGEST: u64 = 1 << 30;

/// Where a scan remembers what it found; nowhere without a file.
pub struct Memory {
    file: Option<(PathBuf, File)>,
}

impl Memory {
    /// Opens the file and tells what it remembers.
    pub fn open(path: Option<&Path>) -> Result<(Self, State), Failure> {
        let Some(path) = path else { return Ok((Self { file: None }, State::default())) };
        let mut options = OpenOptions::new();
        let mut file = at(path, options.read(true).append(true).create(true).open(path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::Usage {
                    message: format!("{}: another scan uses this file", path.display()),
                    hint: None,
                });
            }
            Err(TryLockError::Error(error)) => return at(path, Err(error)),
        }
        let mut bytes = Vec::new();
        at(path, (&mut file).take(LARGEST).read_to_end(&mut bytes))?;
        let unusable = |reason: String| Failure::Usage {
            message: format!("{}: {reason}", path.display()),
            hint: Some("name a file of its own for the scan; it is made where it is not there".to_owned()),
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| unusable("it is not text".to_owned()))?;
        let state = State::read(text).map_err(|error| unusable(error.to_string()))?;
        // What a kill cut off goes, so that the next line begins as one.
        let whole = text.rfind('\n').map_or(0, |end| end as u64 + 1);
        at(path, file.set_len(whole).and_then(|()| file.seek(SeekFrom::End(0))))?;
        let mut memory = Self { file: Some((path.to_owned(), file)) };
        if whole == 0 {
            memory.keep(&Line::Scan { version: State::VERSION })?;
        }
        Ok((memory, state))
    }

    /// Appends a line.
    pub fn keep(&mut self, line: &Line) -> Result<(), Failure> {
        let Some((path, file)) = &mut self.file else { return Ok(()) };
        at(path, file.write_all(line.to_text().as_bytes()))
    }
}
