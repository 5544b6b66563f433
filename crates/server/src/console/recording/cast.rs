//! A recording of a serial line as an asciicast (version 2): a line for each thing that was written or typed, with the
//! time since the beginning.
//!
//! What was typed is recorded as so many stars: what the machine echoed of it is in what it wrote, and what it did not
//! echo, as a password, appears nowhere.

use std::io;
use std::path::Path;
use std::time::Instant;

use serde::Deserialize;
use serde_json::json;
use tokio::fs;
use tokio::io::AsyncWriteExt;

use super::{LONGEST, Row, first_line};

/// Characters in a row and rows of the terminal that a recording is played on: those that firmware writes for.
const SIZE: (u16, u16) = (80, 25);

/// Bytes of the first line of a recording that are looked at.
const HEADER: u64 = 4096;

/// A recording that is being made.
pub(crate) struct Recorder {
    file: fs::File,
    row: Row,
    begun: Instant,
    /// The start of a character whose rest has not come.
    torn: Vec<u8>,
    written: u64,
}

#[derive(Deserialize)]
struct Header {
    #[serde(default)]
    title: String,
}

/// Who had the console; none where the first line is torn.
pub(super) async fn by(path: &Path) -> Option<String> {
    let first = first_line(path, HEADER).await.ok()?;
    serde_json::from_str::<Header>(&first).ok().map(|header| header.title)
}

impl Recorder {
    pub(super) async fn begin(file: fs::File, row: Row) -> io::Result<Self> {
        let timestamp = row.recording.begun_at.as_millis().div_euclid(1000);
        let (width, height) = SIZE;
        let title = &row.recording.by;
        let header =
            json!({ "version": 2, "width": width, "height": height, "timestamp": timestamp, "title": title });
        let mut recorder = Self { file, row, begun: Instant::now(), torn: Vec::new(), written: 0 };
        recorder.line(&header.to_string()).await?;
        Ok(recorder)
    }

    /// The recording is over.
    pub(crate) async fn end(mut self) {
        self.row.end(self.written).await;
    }

    /// The machine wrote this.
    pub(crate) async fn output(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.torn.extend_from_slice(bytes);
        let taken = std::mem::take(&mut self.torn);
        // The last character may go on in what comes next.
        let whole = match std::str::from_utf8(&taken) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Ok(_) | Err(_) => taken.len(),
        };
        let (text, rest) = taken.split_at(whole);
        self.torn = rest.to_vec();
        self.event("o", &String::from_utf8_lossy(text)).await
    }

    /// So many bytes were typed.
    pub(crate) async fn input(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.event("i", &"*".repeat(bytes.len())).await
    }

    /// Something happened that is neither written nor typed.
    pub(crate) async fn mark(&mut self, what: &str) -> io::Result<()> {
        self.event("m", what).await
    }

    /// The terminal on which it is shown has this size from now on.
    pub(crate) async fn size(&mut self, columns: u16, rows: u16) -> io::Result<()> {
        self.event("r", &format!("{columns}x{rows}")).await
    }

    async fn event(&mut self, kind: &str, text: &str) -> io::Result<()> {
        if text.is_empty() || self.written >= LONGEST {
            return Ok(());
        }
        // Microseconds: more digits would be noise.
        let at = self.begun.elapsed().as_micros() as f64 / 1e6;
        self.line(&json!([at, kind, text]).to_string()).await?;
        if self.written >= LONGEST {
            self.line(&json!([at, "m", "the recording ends here: it became too long"]).to_string()).await?;
        }
        Ok(())
    }

    async fn line(&mut self, line: &str) -> io::Result<()> {
        self.file.write_all(format!("{line}\n").as_bytes()).await?;
        self.file.flush().await?;
        self.written += line.len() as u64 + 1;
        Ok(())
    }
}
