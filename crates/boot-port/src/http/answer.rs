//! Heads of answers.

use std::cell::RefCell;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

use super::condition::{Verdict, whole_seconds};
use super::range::Ranged;
use super::request::{Method, Request};
use crate::content::{Content, Refusal};

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    /// Nothing but what the head has with it already.
    Nothing,
    /// Bytes of the content.
    Part {
        /// The first byte.
        first: u64,
        /// How many bytes.
        length: u64,
    },
}

/// Writes heads into a buffer.
pub(super) struct Answer<'a> {
    out: &'a mut Vec<u8>,
    /// The `Connection` header, where the version of the client does not imply it.
    connection: &'static str,
}

impl<'a> Answer<'a> {
    /// An answer to `request`, or to something that could not be read as one.
    pub(super) fn new(out: &'a mut Vec<u8>, request: Option<&Request>, stays: bool) -> Self {
        let connection = match request {
            Some(request) if stays && request.old => "Connection: keep-alive\r\n",
            Some(_) if stays => "",
            _ => "Connection: close\r\n",
        };
        Self { out, connection }
    }

    fn write(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a vector never fails.
        let _ = self.out.write_fmt(arguments);
    }

    fn begin(&mut self, status: u16, reason: &str, now: SystemTime) {
        let connection = self.connection;
        self.write(format_args!("HTTP/1.1 {status} {reason}\r\nDate: "));
        write_date(self.out, now);
        self.out.extend_from_slice(b"\r\n");
        self.out.extend_from_slice(connection.as_bytes());
    }

    /// The head for a content that was found.
    pub(super) fn content(&mut self, request: &Request, content: &Content, now: SystemTime) -> Follows {
        let length = content.body.len();
        let modified = content.modified;
        match request.conditions.judge(&content.etag, modified) {
            Verdict::Send => {}
            Verdict::NotModified => {
                self.begin(304, "Not Modified", now);
                self.validators(content, now);
                self.out.extend_from_slice(b"\r\n");
                return Follows::Nothing;
            }
            Verdict::Failed => {
                self.plain(
                    412,
                    "Precondition Failed",
                    "",
                    request.method,
                    "the file is not what it was\n",
                    now,
                );
                return Follows::Nothing;
            }
        }
        let range = request.range.filter(|_| request.conditions.allow_range(&content.etag, modified));
        let (first, sent) = match range.map(|range| range.within(length)) {
            None => {
                self.begin(200, "OK", now);
                (0, length)
            }
            Some(Ranged::Part { first, length: sent }) => {
                self.begin(206, "Partial Content", now);
                self.write(format_args!("Content-Range: bytes {first}-{}/{length}\r\n", first + sent - 1));
                (first, sent)
            }
            Some(Ranged::Unsatisfiable) => {
                let range = format!("Content-Range: bytes */{length}\r\n");
                self.plain(
                    416,
                    "Range Not Satisfiable",
                    &range,
                    request.method,
                    "the file is shorter than that\n",
                    now,
                );
                return Follows::Nothing;
            }
        };
        self.write(format_args!(
            "Content-Type: {}\r\nContent-Length: {sent}\r\nAccept-Ranges: bytes\r\n",
            content.media_type
        ));
        self.validators(content, now);
        self.out.extend_from_slice(b"\r\n");
        match request.method {
            Method::Get => Follows::Part { first, length: sent },
            Method::Head => Follows::Nothing,
        }
    }

    /// `ETag`, `Last-Modified`, and that no cache between answers by itself: files are views of live records.
    fn validators(&mut self, content: &Content, now: SystemTime) {
        self.write(format_args!("ETag: \"{}\"\r\nCache-Control: no-cache\r\n", content.etag));
        if let Some(modified) = content.modified {
            // A time that is still to come would be no validator (RFC 9110, section 8.8.2.1).
            self.write(format_args!(
                "Last-Modified: {}\r\n",
                HttpDate::from(whole_seconds(modified).min(now))
            ));
        }
    }

    /// The whole answer to something that the shelf refuses.
    pub(super) fn refusal(&mut self, request: &Request, refusal: &Refusal, now: SystemTime) {
        let method = request.method;
        match refusal {
            Refusal::NotFound => self.plain(404, "Not Found", "", method, "there is no such file\n", now),
            // The reason is for the record of the host and not for whoever asks.
            Refusal::Forbidden(_) => self.plain(403, "Forbidden", "", method, "this is not for you\n", now),
            Refusal::Busy(wait) => {
                let retry = format!("Retry-After: {}\r\n", retry_after(*wait));
                self.plain(503, "Service Unavailable", &retry, method, "busy; ask again\n", now);
            }
        }
    }

    /// The whole answer with a text of ours.
    pub(super) fn plain(
        &mut self,
        status: u16,
        reason: &str,
        header: &str,
        method: Method,
        text: &str,
        now: SystemTime,
    ) {
        self.begin(status, reason, now);
        self.write(format_args!(
            "{header}Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\r\n",
            text.len()
        ));
        if method == Method::Get {
            self.out.extend_from_slice(text.as_bytes());
        }
    }
}

/// Writes a date as headers have it. Most answers of a second are written in it: its text is kept.
fn write_date(out: &mut Vec<u8>, date: SystemTime) {
    thread_local! {
        static LAST: RefCell<(SystemTime, String)> = const { RefCell::new((UNIX_EPOCH, String::new())) };
    }
    let second = whole_seconds(date);
    LAST.with_borrow_mut(|(last, text)| {
        if *last != second || text.is_empty() {
            (*last, *text) = (second, HttpDate::from(second).to_string());
        }
        out.extend_from_slice(text.as_bytes());
    });
}

/// Whole seconds, one at least.
fn retry_after(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}
