//! Telling a program through a local socket: one line on a connection of its own.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::error::NotifyError;
use super::letter::{Letter, Pen};

/// How long the program may take to read a line and close the connection.
const TAKE: Duration = Duration::from_secs(10);

/// Writes a letter of one event as one line. The program has it when it closes the connection after the end of the
/// line: one that dies before leaves the kernel to break the connection, and is told again.
pub(super) async fn tell(path: &str, pen: &Pen, letter: &Letter<'_>) -> Result<String, NotifyError> {
    let Some(told) = letter.told.first() else { return Ok(String::new()) };
    let mut line = match pen.templated(told) {
        // Lines end where the template says; in here one line is one event.
        Some(Ok(text)) => text.trim_end().replace(['\r', '\n'], " "),
        Some(Err(error)) => {
            tracing::warn!(event = told.event.id, %error, "a template gives no line");
            pen.cloud_event(&told.event)?
        }
        None => pen.cloud_event(&told.event)?,
    };
    line.push('\n');
    let handed = timeout(TAKE, hand(Path::new(path), line.as_bytes())).await;
    let timed_out =
        NotifyError::TimedOut { who: path.to_owned(), what: "take the line and close", waited: TAKE };
    let failed = |error: io::Error| NotifyError::Socket { path: path.to_owned(), reason: error.to_string() };
    handed.map_err(|_| timed_out)?.map_err(failed)?;
    Ok(format!("{path} took the line"))
}

async fn hand(path: &Path, line: &[u8]) -> io::Result<()> {
    let mut stream = UnixStream::connect(path).await?;
    stream.write_all(line).await?;
    stream.shutdown().await?;
    let mut unused = [0; 256];
    while stream.read(&mut unused).await? > 0 {}
    Ok(())
}
