//! A client that sends exactly what a test says.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

pub struct Talk<S = TcpStream> {
    stream: S,
    kept: Vec<u8>,
}

impl Talk {
    pub fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("it accepts");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
        Self::over(stream)
    }

    /// The status of what `target` is answered with, if the connection lasts so long.
    pub fn try_get(mut self, target: &str) -> Option<u16> {
        self.stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes()).ok()?;
        let mut line = [0; 12];
        self.stream.read_exact(&mut line).ok()?;
        std::str::from_utf8(&line[9..]).ok()?.parse().ok()
    }

    /// Tells the server that nothing more comes.
    pub fn finish(&self) {
        self.stream.shutdown(std::net::Shutdown::Write).expect("it is open");
    }
}

impl<S: Read + Write> Talk<S> {
    pub fn over(stream: S) -> Self {
        Self { stream, kept: Vec::new() }
    }

    pub fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).expect("it is taken");
    }

    /// Asks with GET for `target` with more `headers`, each ending with CRLF.
    pub fn get(&mut self, target: &str, headers: &str) -> Reply {
        self.send(&format!("GET {target} HTTP/1.1\r\nHost: test\r\n{headers}\r\n"));
        self.reply(true)
    }

    /// Receives an answer, with its body if it has one.
    pub fn reply(&mut self, with_body: bool) -> Reply {
        let head = loop {
            if let Some(at) = self.kept.windows(4).position(|window| window == b"\r\n\r\n") {
                break self.kept.drain(..at + 4).collect::<Vec<u8>>();
            }
            assert!(self.more(), "the connection ended in a head: {:?}", String::from_utf8_lossy(&self.kept));
        };
        let head = String::from_utf8(head).expect("text");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .and_then(|code| code.parse().ok())
            .expect("a status");
        let headers = lines
            .map(|line| line.split_once(": ").expect("a header"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut reply = Reply { status, headers, body: Vec::new() };
        if with_body && status != 304 {
            let length = reply
                .header("content-length")
                .and_then(|value| value.parse().ok())
                .expect("every answer has a length");
            while self.kept.len() < length {
                assert!(
                    self.more(),
                    "the connection ended in a body after {} of {length} bytes",
                    self.kept.len()
                );
            }
            reply.body = self.kept.drain(..length).collect();
        }
        reply
    }

    /// Whether the server closed the connection, after what is still to be read.
    pub fn ended(&mut self) -> bool {
        while self.more() {}
        true
    }

    fn more(&mut self) -> bool {
        let mut buffer = vec![0; 64 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(count) => {
                self.kept.extend_from_slice(&buffer[..count]);
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("the server is silent: {error}"),
        }
    }
}
