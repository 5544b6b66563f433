//! An SMTP server (RFC 5321, AUTH PLAIN of RFC 4954) that keeps what it is sent, and refuses what it is told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::harness::PATIENCE;

/// A mail as it came.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    /// What was said in AUTH PLAIN, decoded.
    pub login: Option<String>,
    /// Headers and text, with the doubled dots of RFC 5321 section 4.5.2 undone.
    pub text: String,
}

pub struct SmtpServer {
    port: u16,
    mails: Arc<Mutex<Vec<Mail>>>,
    _task: AbortOnDropHandle<()>,
}

impl SmtpServer {
    /// A server that answers a command with a reply of one's own where `replies` has one for its first word.
    pub async fn start(replies: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let replies: BTreeMap<String, String> =
            replies.iter().map(|(word, reply)| ((*word).to_owned(), (*reply).to_owned())).collect();
        let (mails, replies) = (Arc::new(Mutex::new(Vec::new())), Arc::new(replies));
        let kept = Arc::clone(&mails);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (kept, replies) = (Arc::clone(&kept), Arc::clone(&replies));
                // A client that hangs up ends its session, and no more.
                tokio::spawn(async move { session(stream, &kept, &replies).await.unwrap_or_default() });
            }
        });
        Self { port, mails, _task: AbortOnDropHandle::new(task) }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits until so many mails have come, and returns all.
    pub async fn until(&self, count: usize) -> Vec<Mail> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mails = self.mails.lock().unwrap().clone();
            if mails.len() >= count {
                return mails;
            }
            assert!(Instant::now() < deadline, "{mails:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn session(
    stream: TcpStream,
    mails: &Mutex<Vec<Mail>>,
    replies: &BTreeMap<String, String>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mail.example.net ESMTP\r\n").await?;
    let mut mail = Mail::default();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let address = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        if let Some(reply) = replies.get(&word) {
            stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
            continue;
        }
        let reply = match word.as_str() {
            "EHLO" => "250-mail.example.net\r\n250-8BITMIME\r\n250 AUTH PLAIN",
            "AUTH" => {
                let encoded = line.rsplit(' ').next().unwrap_or_default();
                mail.login = BASE64.decode(encoded).ok().and_then(|plain| String::from_utf8(plain).ok());
                "235 2.7.0 welcome"
            }
            "MAIL" => {
                mail.from = address();
                "250 2.1.0 ok"
            }
            "RCPT" => {
                mail.to.push(address());
                "250 2.1.5 ok"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                mail.text = data(&mut stream).await?;
                mails.lock().unwrap().push(std::mem::take(&mut mail));
                "250 2.0.0 taken"
            }
            "QUIT" => {
                stream.write_all(b"221 2.0.0 bye\r\n").await?;
                return Ok(());
            }
            _ => "500 5.5.1 what?",
        };
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
}

/// Reads up to the line with a dot alone.
async fn data(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
