//! A shelf of a few files.

use std::collections::HashMap;
use std::fs::File;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, UNIX_EPOCH};

use ironhand_boot_port::http::{HttpConfig, HttpListener, media_type};
use ironhand_boot_port::{Body, Content, Part, Question, Refusal, Shelf, Transfer};

/// When everything on the shelf last changed: Sun, 06 Nov 1994 08:49:37 GMT.
pub const MODIFIED: Duration = Duration::from_secs(784_111_777);

/// Bodies by path, and what was noted.
pub struct Files {
    bodies: HashMap<&'static str, Body>,
    notes: Mutex<mpsc::Sender<Transfer>>,
}

impl Shelf for Files {
    fn find(&self, question: &Question<'_>) -> Result<Content, Refusal> {
        match question.path {
            "secret" => return Err(Refusal::Forbidden("host web-1 is not being deployed".to_owned())),
            "busy" => return Err(Refusal::Busy(Duration::from_millis(2_500))),
            "asked" => {
                let text = format!("{} {} {:?}", question.client.ip(), question.local, question.query);
                return Ok(content("asked", Body::Bytes(text.into())));
            }
            _ => {}
        }
        let body = self.bodies.get(question.path).ok_or(Refusal::NotFound)?;
        Ok(content(question.path, body.clone()))
    }

    fn note(&self, transfer: &Transfer) {
        let _ = self.notes.lock().expect("no panic").send(transfer.clone());
    }
}

fn content(path: &str, body: Body) -> Content {
    Content {
        body,
        media_type: media_type(path).into(),
        etag: "v1".to_owned(),
        modified: Some(UNIX_EPOCH + MODIFIED),
    }
}

/// Bytes that differ wherever they are cut.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length as u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .take(length)
        .collect()
}

/// A listener with its shelf, and what it notes.
pub struct Served {
    pub listener: HttpListener,
    pub notes: mpsc::Receiver<Transfer>,
}

impl Served {
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    pub fn noted(&self) -> Transfer {
        self.notes.recv_timeout(Duration::from_secs(30)).expect("the transfer is noted")
    }
}

/// Serves `bodies` on loopback.
pub fn serve(config: HttpConfig, bodies: Vec<(&'static str, Body)>) -> Served {
    serve_at(SocketAddr::from(([127, 0, 0, 1], 0)), config, bodies)
}

/// Serves `bodies` at an address.
pub fn serve_at(address: SocketAddr, config: HttpConfig, bodies: Vec<(&'static str, Body)>) -> Served {
    let (sender, notes) = mpsc::channel();
    let files = Files { bodies: bodies.into_iter().collect(), notes: Mutex::new(sender) };
    let listener = HttpListener::open(address, config, Arc::new(files)).expect("it listens");
    Served { listener, notes }
}

pub fn config() -> HttpConfig {
    HttpConfig { threads: NonZeroUsize::MIN, ..HttpConfig::default() }
}

pub fn bytes(text: &'static [u8]) -> Body {
    Body::Bytes(text.into())
}

/// A file that holds `parts` one behind the other, with foreign bytes before, between and behind them.
pub fn file_of(parts: &[&[u8]]) -> Body {
    use std::io::Write;
    let mut file = tempfile::tempfile().expect("a file");
    let mut places = Vec::new();
    let mut offset = 0;
    let mut write = |file: &mut File, bytes: &[u8]| {
        file.write_all(bytes).expect("it is written");
        let at = offset;
        offset += bytes.len() as u64;
        at
    };
    for part in parts {
        write(&mut file, b"foreign bytes");
        let offset = write(&mut file, part);
        places.push(Part { offset, length: part.len() as u64 });
    }
    write(&mut file, b"more foreign bytes");
    Body::File { file: Arc::new(file), parts: places.into() }
}
