//! Those that are told: an HTTP endpoint, and a mail server that wants a password. They keep every octet that they get.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A client that says nothing for so long is left.
const SILENCE: Duration = Duration::from_secs(30);

/// A server that answers well, and what it was told.
pub struct Receiver {
    port: u16,
    told: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Receiver {
    /// An endpoint of webhooks.
    pub fn http() -> Self {
        Self::start(|stream, kept| {
            let mut length = 0;
            loop {
                let line = line(stream, kept)?;
                let text = String::from_utf8_lossy(&line).to_ascii_lowercase();
                if let Some(value) = text.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap_or(0);
                }
                if text.trim().is_empty() {
                    break;
                }
            }
            stream.by_ref().take(length).read_to_end(kept)?;
            stream.get_mut().write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        })
    }

    /// A mail server (RFC 5321) that takes every login. The login itself is not kept: the password belongs there.
    pub fn mail() -> Self {
        Self::start(|stream, kept| {
            stream.get_mut().write_all(b"220 mail.example.net ESMTP\r\n")?;
            loop {
                let mut own = Vec::new();
                let line = line(stream, &mut own)?;
                let word = String::from_utf8_lossy(&line).trim().to_ascii_uppercase();
                if !word.starts_with("AUTH") {
                    kept.append(&mut own);
                }
                let reply = match word.split([' ', ':']).next().unwrap_or_default() {
                    "EHLO" => "250-mail.example.net\r\n250 AUTH PLAIN\r\n",
                    "AUTH" => "235 2.7.0 welcome\r\n",
                    "DATA" => {
                        stream.get_mut().write_all(b"354 go on\r\n")?;
                        while self::line(stream, kept)? != b".\r\n" {}
                        "250 2.0.0 taken\r\n"
                    }
                    "QUIT" => return stream.get_mut().write_all(b"221 2.0.0 bye\r\n"),
                    _ => "250 2.0.0 ok\r\n",
                };
                stream.get_mut().write_all(reply.as_bytes())?;
            }
        })
    }

    fn start(
        serve: impl Fn(&mut BufReader<TcpStream>, &mut Vec<u8>) -> std::io::Result<()> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let told = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&told);
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut kept = Vec::new();
                // A client that hangs up ends its own session alone.
                let served = stream
                    .set_read_timeout(Some(SILENCE))
                    .and_then(|()| serve(&mut BufReader::new(stream), &mut kept));
                if served.is_ok() {
                    keep.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
                }
            }
        });
        Self { port, told }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// What each client said to its end.
    pub fn told(&self) -> Vec<Vec<u8>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads a line, which is kept as well. The end of the stream is an error.
fn line(stream: &mut BufReader<TcpStream>, kept: &mut Vec<u8>) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    if stream.read_until(b'\n', &mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    kept.extend(&line);
    Ok(line)
}
