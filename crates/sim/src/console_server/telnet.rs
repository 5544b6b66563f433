//! A terminal server at the other end of a machine's serial port.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Port;

const IAC: u8 = 255;
const SB: u8 = 250;
const SE: u8 = 240;
const BREAK: u8 = 243;

/// It echoes, suppresses go-aheads, and takes eight bits.
const OPENING: [u8; 12] = [IAC, 251, 1, IAC, 251, 3, IAC, 251, 0, IAC, 253, 0];

/// Serves one session after the other until it is dropped.
pub(super) async fn serve(listener: TcpListener, port: Arc<Port>) {
    let mut sessions = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let port = Arc::clone(&port);
        sessions.spawn(async move {
            // However it ended, it ended.
            let _ = session(stream, &port).await;
        });
    }
}

async fn session(mut stream: TcpStream, port: &Port) -> io::Result<()> {
    if !port.take() {
        return stream.write_all(b"The port is in use.\r\n").await;
    }
    let served = async {
        stream.write_all(&OPENING).await?;
        let shown = port.machine(|machine| machine.open());
        stream.write_all(&shown).await?;
        let mut input = Vec::new();
        while stream.read_buf(&mut input).await? > 0 {
            while let Some((length, typed)) = next(&input) {
                let output = port.machine(|machine| match typed {
                    Typed::Byte(byte) => machine.input(&[byte]),
                    Typed::Break => machine.take_break(),
                    Typed::Nothing => Vec::new(),
                });
                input.drain(..length);
                stream.write_all(&output).await?;
            }
        }
        Ok(())
    };
    let ended = served.await;
    port.give_back(ended.is_ok());
    ended
}

enum Typed {
    Byte(u8),
    Break,
    Nothing,
}

/// What stands first, and how long it is; none where it is not whole.
fn next(input: &[u8]) -> Option<(usize, Typed)> {
    match input {
        [IAC, IAC, ..] => Some((2, Typed::Byte(IAC))),
        [IAC, BREAK, ..] => Some((2, Typed::Break)),
        [IAC, SB, rest @ ..] => {
            let end = rest.windows(2).position(|pair| pair == [IAC, SE])?;
            Some((end + 4, Typed::Nothing))
        }
        [IAC, 251..=254, _, ..] => Some((3, Typed::Nothing)),
        [IAC, 251..=254] | [IAC] => None,
        [IAC, _, ..] => Some((2, Typed::Nothing)),
        [byte, ..] => Some((1, Typed::Byte(*byte))),
        [] => None,
    }
}
