//! The QEMU Machine Protocol: one command over one connection.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines, Take};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// How long a command may take, from the connection to the answer. QEMU answers in its main loop, which a
/// busy host delays.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Most bytes read of one connection: the commands used here answer in less than a hundred, and events come
/// between.
const MAX_ANSWER: u64 = 1 << 20;

/// Why a command of the QEMU Machine Protocol was not carried out.
#[derive(Debug, Error)]
pub enum QmpError {
    /// QEMU's socket cannot be reached, or broke.
    #[error("QEMU's control socket failed")]
    Socket(#[from] io::Error),
    /// QEMU closed the connection before it had answered.
    #[error("QEMU closed its control socket before it answered {command:?}")]
    Closed {
        /// The command.
        command: &'static str,
    },
    /// QEMU did not answer in time.
    #[error("QEMU did not answer {command:?} in time")]
    Timeout {
        /// The command.
        command: &'static str,
    },
    /// QEMU refused.
    #[error("QEMU refused {command:?}: {description}")]
    Refused {
        /// The command.
        command: &'static str,
        /// Its reason.
        description: String,
    },
    /// QEMU sent what is not its protocol.
    #[error("QEMU's control socket sent a line that is no message of its protocol")]
    NotQmp(#[from] serde_json::Error),
}

/// A line from QEMU: the greeting, an answer, or an event, of which only answers matter here.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "return")]
    returned: Option<serde_json::Value>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    desc: String,
}

/// Carries out one command that takes no arguments. QEMU serves one connection at a time, so each command has
/// its own: none is left hanging, and no events pile up between two commands.
pub(crate) async fn execute(socket: &Path, command: &'static str) -> Result<(), QmpError> {
    tokio::time::timeout(TIMEOUT, converse(socket, command))
        .await
        .map_err(|_| QmpError::Timeout { command })?
}

async fn converse(socket: &Path, command: &'static str) -> Result<(), QmpError> {
    let (read, mut write) = UnixStream::connect(socket).await?.into_split();
    let mut lines = BufReader::new(read.take(MAX_ANSWER)).lines();
    ask(&mut lines, &mut write, "qmp_capabilities").await?;
    ask(&mut lines, &mut write, command).await
}

async fn ask(
    lines: &mut Lines<BufReader<Take<OwnedReadHalf>>>,
    write: &mut OwnedWriteHalf,
    command: &'static str,
) -> Result<(), QmpError> {
    write.write_all(format!("{}\n", serde_json::json!({ "execute": command })).as_bytes()).await?;
    while let Some(line) = lines.next_line().await? {
        let line: Line = serde_json::from_str(&line)?;
        if let Some(refusal) = line.error {
            return Err(QmpError::Refused { command, description: refusal.desc });
        }
        if line.returned.is_some() {
            return Ok(());
        }
    }
    Err(QmpError::Closed { command })
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;

    /// A QEMU that answers each line it is sent with the next of `answers`, after its greeting.
    async fn check(answers: &'static [&'static str], verdict: fn(&Result<(), QmpError>) -> bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("qmp");
        let listener = UnixListener::bind(&path).unwrap();
        let qemu = async {
            let (stream, _) = listener.accept().await.unwrap();
            let (read, mut write) = stream.into_split();
            write.write_all(b"{\"QMP\": {\"version\": {}, \"capabilities\": []}}\n").await.unwrap();
            let mut lines = BufReader::new(read).lines();
            for answer in answers {
                lines.next_line().await.unwrap();
                write.write_all(answer.as_bytes()).await.unwrap();
                write.write_all(b"\n").await.unwrap();
            }
        };
        let (result, ()) = tokio::join!(execute(&path, "system_reset"), qemu);
        assert!(verdict(&result), "{answers:?}: {result:?}");
    }

    #[tokio::test]
    async fn answers_are_told_from_greeting_and_events() {
        check(&["{\"return\": {}}", "{\"event\": \"RESET\", \"data\": {}}\n{\"return\": {}}"], Result::is_ok)
            .await;
        check(
            &["{\"return\": {}}", "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}}"],
            |result| matches!(result, Err(QmpError::Refused { description, .. }) if description == "no"),
        )
        .await;
        check(&["{\"return\": {}}"], |result| {
            matches!(result, Err(QmpError::Closed { .. } | QmpError::Socket(_)))
        })
        .await;
        check(&["SSH-2.0"], |result| matches!(result, Err(QmpError::NotQmp(_)))).await;
    }
}
