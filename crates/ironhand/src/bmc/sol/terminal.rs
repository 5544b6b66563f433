//! The terminal that a console is shown on, or what stands in its place.

use std::io::{IsTerminal, Read, Write};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::{mpsc, oneshot};

/// Pieces of input or output that may wait; what is beyond waits where it comes from.
const PIECES: usize = 8;

/// Bytes of one piece.
const PIECE: usize = 1024;

/// A terminal that hands on every key as it is pressed. Dropping it puts the terminal back as it was.
pub struct RawTerminal {
    before: Termios,
}

impl RawTerminal {
    /// Makes standard input raw; `None` where it is no terminal.
    pub fn enter() -> std::io::Result<Option<Self>> {
        let input = std::io::stdin();
        if !input.is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(&input)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&input, OptionalActions::Now, &raw)?;
        Ok(Some(Self { before }))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // A terminal that is gone need not be put back.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Drain, &self.before);
    }
}

/// What comes on standard input, in pieces, until it ends.
///
/// A thread of its own reads: it may stand in the middle of a read when the program ends, which the program's other
/// threads would be waited for.
pub fn input() -> mpsc::Receiver<Vec<u8>> {
    let (pieces, input) = mpsc::channel(PIECES);
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        let mut buffer = [0; PIECE];
        while let Ok(length @ 1..) = stdin.read(&mut buffer) {
            if pieces.blocking_send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    input
}

/// Standard output, written by a thread of its own: who reads it may be slow, or stop without leaving.
pub struct Screen {
    pieces: mpsc::Sender<Vec<u8>>,
    /// How the thread ended.
    ended: oneshot::Receiver<std::io::Result<()>>,
}

impl Screen {
    /// Begins to write.
    pub fn start() -> Self {
        let (pieces, mut output) = mpsc::channel::<Vec<u8>>(PIECES);
        let (end, ended) = oneshot::channel();
        std::thread::spawn(move || {
            let mut stdout = std::io::stdout();
            let result = loop {
                let Some(piece) = output.blocking_recv() else { break Ok(()) };
                if let Err(error) = stdout.write_all(&piece).and_then(|()| stdout.flush()) {
                    break Err(error);
                }
            };
            // An error means that nobody wants to know.
            let _ = end.send(result);
        });
        Self { pieces, ended }
    }

    /// Writes, and waits while what was written before is not taken.
    pub async fn write(&mut self, piece: Vec<u8>) -> std::io::Result<()> {
        match self.pieces.send(piece).await {
            Ok(()) => Ok(()),
            Err(_) => (&mut self.ended).await.unwrap_or_else(|_| Err(std::io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// Waits until all is written.
    pub async fn finish(self) -> std::io::Result<()> {
        drop(self.pieces);
        self.ended.await.unwrap_or(Ok(()))
    }
}
