//! Connections on several threads.

use std::io::Read;
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use ironhand_boot_port::http::{HttpConfig, HttpListener};
use ironhand_boot_port::{Body, Content, Question, Refusal, Shelf, Transfer};

use crate::talk::Talk;

/// Answers with the name of the thread that asks; what is asked for at `held` it finds only when it is told to.
struct Gate {
    entered: Mutex<mpsc::Sender<()>>,
    opened: Mutex<mpsc::Receiver<()>>,
}

impl Shelf for Gate {
    fn find(&self, question: &Question<'_>) -> Result<Content, Refusal> {
        if question.path == "held" {
            self.entered.lock().expect("no panic").send(()).expect("the test waits");
            self.opened.lock().expect("no panic").recv().expect("the test opens it");
        }
        let name = thread::current().name().unwrap_or_default().to_owned();
        let body = Body::Bytes(name.into());
        Ok(Content { body, media_type: "text/plain".into(), etag: "v1".to_owned(), modified: None })
    }

    fn note(&self, _: &Transfer) {}
}

/// A listener of two threads, what tells that its shelf is held up, and what ends that.
fn two_threads() -> (HttpListener, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let ((entered, is_held), (open, opened)) = (mpsc::channel(), mpsc::channel());
    let gate = Gate { entered: Mutex::new(entered), opened: Mutex::new(opened) };
    let threads = NonZeroUsize::new(2).expect("it is not zero");
    let config = HttpConfig { threads, ..HttpConfig::default() };
    let listener =
        HttpListener::open(([127, 0, 0, 1], 0).into(), config, Arc::new(gate)).expect("it listens");
    (listener, is_held, open)
}

fn thread_of(talk: &mut Talk<TcpStream>) -> String {
    String::from_utf8(talk.get("/name", "").body).expect("a name")
}

#[test]
fn connections_are_served_while_the_thread_that_accepts_is_held_up() {
    let (listener, is_held, open) = two_threads();
    let mut first = Talk::to(listener.address());
    assert_eq!(thread_of(&mut first), "boot-http-0");
    first.send("GET /held HTTP/1.1\r\nHost: test\r\n\r\n");
    is_held.recv().expect("it is asked for");
    for _ in 0..3 {
        assert_eq!(thread_of(&mut Talk::to(listener.address())), "boot-http-1");
    }
    open.send(()).expect("it waits");
    assert_eq!(first.reply(true).body, b"boot-http-0");
}

#[test]
fn each_thread_has_its_share_and_a_connection_stays_where_it_is() {
    let (listener, _is_held, _open) = two_threads();
    let mut talks: Vec<_> = (0..6).map(|_| Talk::to(listener.address())).collect();
    let before: Vec<String> = talks.iter_mut().map(thread_of).collect();
    let after: Vec<String> = talks.iter_mut().map(thread_of).collect();
    assert_eq!(before, after);
    assert_eq!(before[..2], ["boot-http-0", "boot-http-1"]);
}

#[test]
fn all_threads_end_when_the_listener_is_closed() {
    let (listener, _is_held, _open) = two_threads();
    let address = listener.address();
    let mut streams: Vec<TcpStream> =
        (0..4).map(|_| TcpStream::connect(address).expect("it accepts")).collect();
    let mut last = Talk::to(address);
    assert_eq!(last.get("/name", "").status, 200);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(listener.close());
    for stream in &mut streams {
        assert_eq!(stream.read(&mut [0; 16]).expect("it ends"), 0);
    }
    TcpStream::connect(address).expect_err("nobody listens");
}
