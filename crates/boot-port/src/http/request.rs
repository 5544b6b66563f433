//! Requests of HTTP/1.1 (RFC 9112), as far as boot clients send them.

use std::mem::MaybeUninit;

use super::condition::Conditions;
use super::path::{PathFault, clean_path};
use super::range::Range;

/// The longest head of a request, in bytes; answered with 431 beyond.
pub const HEAD_LIMIT: usize = 16 * 1024;
/// The longest target of a request, in bytes; answered with 414 beyond.
pub const TARGET_LIMIT: usize = 4 * 1024;
/// Headers of a request; answered with 431 beyond. Clients seen send fewer than 20.
const HEADER_LIMIT: usize = 64;

/// A method that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// HEAD.
    Head,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is to be done.
    pub method: Method,
    /// The path, as [`clean_path`] gives it.
    pub path: String,
    /// What stands behind the question mark, as it was sent.
    pub query: Option<String>,
    /// Whether another request may follow on the connection.
    pub keep_alive: bool,
    /// Whether the client speaks HTTP/1.0, and has to be told that the connection stays.
    pub old: bool,
    /// The range that is asked for, with GET.
    pub range: Option<Range>,
    /// Under which conditions.
    pub conditions: Conditions,
}

/// Why a request is not served. After all of these the connection ends, because where the next request begins is not sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It does not follow the grammar, or says two things.
    #[error("{0}")]
    Malformed(&'static str),
    /// Its path is refused.
    #[error(transparent)]
    Path(#[from] PathFault),
    /// Its target is longer than [`TARGET_LIMIT`].
    #[error("the target is longer than {TARGET_LIMIT} bytes")]
    TargetTooLong,
    /// Its head is longer than [`HEAD_LIMIT`], or has too many headers.
    #[error("the head is larger than is accepted here")]
    HeadTooLarge,
    /// A method other than GET and HEAD.
    #[error("only GET and HEAD are served")]
    Method,
    /// It comes with content of its own.
    #[error("requests with content are not served")]
    Content,
    /// Neither HTTP/1.1 nor HTTP/1.0.
    #[error("only HTTP/1.1 and HTTP/1.0 are spoken")]
    Version,
}

impl Fault {
    /// The status that answers it.
    pub fn status(self) -> (u16, &'static str) {
        match self {
            Self::Malformed(_) | Self::Path(_) => (400, "Bad Request"),
            Self::TargetTooLong => (414, "URI Too Long"),
            Self::HeadTooLarge => (431, "Request Header Fields Too Large"),
            Self::Method => (405, "Method Not Allowed"),
            Self::Content => (413, "Content Too Large"),
            Self::Version => (505, "HTTP Version Not Supported"),
        }
    }
}

/// Where the head in `bytes` ends, counted from its beginning, if it is all there. What lies before `from` was searched already.
pub fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from.saturating_sub(3);
    while let Some(found) = bytes.get(at..)?.iter().position(|byte| *byte == b'\n') {
        let line = at + found + 1;
        match bytes.get(line..) {
            Some([b'\n', ..]) => return Some(line + 1),
            Some([b'\r', b'\n', ..]) => return Some(line + 2),
            _ => at = line,
        }
    }
    None
}

/// Reads a whole head, as [`head_end`] found it.
pub fn parse(head: &[u8]) -> Result<Request, Fault> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADER_LIMIT];
    let mut raw = httparse::Request::new(&mut []);
    match raw.parse_with_uninit_headers(head, &mut headers) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(Fault::Malformed("the head is not complete")),
        Err(httparse::Error::TooManyHeaders) => return Err(Fault::HeadTooLarge),
        Err(httparse::Error::Version) => return Err(Fault::Version),
        Err(_) => return Err(Fault::Malformed("this is not a request of HTTP/1.1")),
    }
    let method = match raw.method {
        Some("GET") => Method::Get,
        Some("HEAD") => Method::Head,
        _ => return Err(Fault::Method),
    };
    let target = raw.path.unwrap_or_default();
    if target.len() > TARGET_LIMIT {
        return Err(Fault::TargetTooLong);
    }
    let (path, query) = split_target(target)?;
    let old = raw.version == Some(0);
    let mut request = Request {
        method,
        path: clean_path(path)?,
        query: query.map(str::to_owned),
        keep_alive: !old,
        old,
        range: None,
        conditions: Conditions::default(),
    };
    read_headers(raw.headers, &mut request)?;
    Ok(request)
}

/// Path and query of a target in origin form or absolute form (RFC 9112, section 3.2).
fn split_target(target: &str) -> Result<(&str, Option<&str>), Fault> {
    let local = if target.starts_with('/') {
        target
    } else {
        let scheme = target.find("://").ok_or(Fault::Malformed("the target is neither a path nor a URL"))?;
        if !["http", "https"].iter().any(|known| target[..scheme].eq_ignore_ascii_case(known)) {
            return Err(Fault::Malformed("the target is a URL of another scheme"));
        }
        let authority = &target[scheme + 3..];
        authority.find(['/', '?']).map_or("/", |at| &authority[at..])
    };
    if local.contains('#') {
        return Err(Fault::Malformed("the target has a fragment"));
    }
    Ok(match local.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (local, None),
    })
}

fn read_headers(headers: &[httparse::Header<'_>], request: &mut Request) -> Result<(), Fault> {
    let (mut hosts, mut close) = (0, false);
    for header in headers {
        let name = header.name;
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        // What is not text matters nowhere below but in a header that says how long the request is.
        let value = std::str::from_utf8(header.value).ok().map(str::trim);
        if is("host") {
            hosts += 1;
        } else if is("transfer-encoding") {
            return Err(Fault::Content);
        } else if is("content-length") {
            if value.is_none_or(|value| value.is_empty() || value.bytes().any(|byte| byte != b'0')) {
                return Err(Fault::Content);
            }
        } else if is("connection") {
            for option in value.unwrap_or_default().split(',').map(str::trim) {
                close |= option.eq_ignore_ascii_case("close");
                request.keep_alive |= option.eq_ignore_ascii_case("keep-alive");
            }
        } else if is("range") {
            if request.method == Method::Get {
                request.range = value.and_then(Range::parse);
            }
        } else if let Some(value) = value {
            let conditions = &mut request.conditions;
            let place = match () {
                () if is("if-match") => &mut conditions.if_match,
                () if is("if-none-match") => &mut conditions.if_none_match,
                () if is("if-modified-since") => &mut conditions.if_modified_since,
                () if is("if-unmodified-since") => &mut conditions.if_unmodified_since,
                () if is("if-range") => &mut conditions.if_range,
                () => continue,
            };
            match place {
                // Lists may be spread over several headers (RFC 9110, section 5.3).
                Some(list) => {
                    list.push_str(", ");
                    list.push_str(value);
                }
                None => *place = Some(value.to_owned()),
            }
        }
    }
    request.keep_alive &= !close;
    match hosts {
        0 if !request.old => Err(Fault::Malformed("there is no Host header")),
        0 | 1 => Ok(()),
        _ => Err(Fault::Malformed("there are several Host headers")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Result<Request, Fault> {
        let mut head = lines.join("\r\n");
        head.push_str("\r\n\r\n");
        assert_eq!(head_end(head.as_bytes(), 0), Some(head.len()), "{head}");
        parse(head.as_bytes())
    }

    #[test]
    fn requests_of_firmware_and_loaders_are_read() {
        fn check(lines: &[&str], path: &str, query: Option<&str>, keep_alive: bool) {
            let request = read(lines).expect("it is served");
            assert_eq!((request.path.as_str(), request.query.as_deref()), (path, query), "{lines:?}");
            assert_eq!(request.keep_alive, keep_alive, "{lines:?}");
        }

        check(
            &["GET /a.efi HTTP/1.1", "Host: 10.0.0.1", "Accept: */*", "User-Agent: UefiHttpBoot/1.0"],
            "a.efi",
            None,
            true,
        );
        check(
            &[
                "GET /boot/boot.ipxe?mac=52:54:00:12:34:56&serial= HTTP/1.1",
                "Connection: keep-alive",
                "User-Agent: iPXE/1.21.1",
                "Host: x",
            ],
            "boot/boot.ipxe",
            Some("mac=52:54:00:12:34:56&serial="),
            true,
        );
        check(&["GET http://10.0.0.1:8480/x?a HTTP/1.1", "Host: 10.0.0.1"], "x", Some("a"), true);
        check(&["GET HTTP://10.0.0.1 HTTP/1.1", "Host: 10.0.0.1"], "", None, true);
        check(&["GET http://10.0.0.1?a HTTP/1.1", "Host: 10.0.0.1"], "", Some("a"), true);
        check(&["GET /x HTTP/1.1", "host: a", "Connection: TE, close"], "x", None, false);
        check(&["GET /x HTTP/1.1", "Host: a", "Content-Length: 0"], "x", None, true);
        check(&["GET /x HTTP/1.0"], "x", None, false);
        check(&["GET /x HTTP/1.0", "Connection: Keep-Alive"], "x", None, true);
        check(&["GET /x HTTP/1.0", "Connection: close, keep-alive"], "x", None, false);
    }

    #[test]
    fn what_is_doubtful_is_refused() {
        fn check(lines: &[&str], expected: u16) {
            let fault = read(lines).expect_err("it is refused");
            assert_eq!(fault.status().0, expected, "{lines:?}: {fault}");
        }

        check(&["GET /x HTTP/1.1"], 400);
        check(&["GET /x HTTP/1.1", "Host: a", "Host: b"], 400);
        check(&["GET /../x HTTP/1.1", "Host: a"], 400);
        check(&["GET x HTTP/1.1", "Host: a"], 400);
        check(&["GET ftp://a/x HTTP/1.1", "Host: a"], 400);
        check(&["GET /x#y HTTP/1.1", "Host: a"], 400);
        check(&["GET /x", "Host: a"], 400);
        check(&["GET /x HTTP/1.1", "Host : a"], 400);
        check(&["GET /x HTTP/1.1", "Host: a", " folded"], 400);
        check(&["GET /x HTTP/1.1", "Host: a\0b"], 400);
        check(&["GET  /x HTTP/1.1", "Host: a"], 400);
        check(&["POST /x HTTP/1.1", "Host: a"], 405);
        check(&["OPTIONS * HTTP/1.1", "Host: a"], 405);
        check(&["get /x HTTP/1.1", "Host: a"], 405);
        check(&["GET /x HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"], 413);
        check(&["GET /x HTTP/1.1", "Host: a", "Transfer-Encoding: identity", "Content-Length: 0"], 413);
        check(&["GET /x HTTP/1.1", "Host: a", "Content-Length: 5"], 413);
        check(&["GET /x HTTP/1.1", "Host: a", "Content-Length: 0", "Content-Length: 5"], 413);
        check(&["GET /x HTTP/1.1", "Host: a", "Content-Length: +0"], 413);
        check(&["GET /x HTTP/1.1", "Host: a", "Content-Length:"], 413);
        check(&["GET /x HTTP/2.0", "Host: a"], 505);
        check(&[&format!("GET /{} HTTP/1.1", "x".repeat(TARGET_LIMIT)), "Host: a"], 414);
        let many: Vec<String> = (0..70).map(|number| format!("X-{number}: 1")).collect();
        let mut lines = vec!["GET /x HTTP/1.1", "Host: a"];
        lines.extend(many.iter().map(String::as_str));
        check(&lines, 431);
    }

    #[test]
    fn ranges_and_conditions_are_kept() {
        let request = read(&[
            "GET /x HTTP/1.1",
            "Host: a",
            "Range: bytes=5-",
            "If-Match: \"a\"",
            "if-match: \"b\"",
            "If-Range: \"c\"",
        ])
        .expect("it is served");
        assert_eq!(request.range, Some(Range::From { first: 5, last: None }));
        assert_eq!(request.conditions.if_match.as_deref(), Some("\"a\", \"b\""));
        assert_eq!(request.conditions.if_range.as_deref(), Some("\"c\""));
        let head = read(&["HEAD /x HTTP/1.1", "Host: a", "Range: bytes=5-"]).expect("it is served");
        assert_eq!(head.range, None);
    }

    #[test]
    fn a_head_ends_at_an_empty_line_wherever_it_was_cut() {
        let bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET";
        for searched in 0..=27 {
            assert_eq!(head_end(bytes, searched), Some(27), "{searched}");
        }
        for length in 0..27 {
            assert_eq!(head_end(&bytes[..length], 0), None, "{length}");
        }
        assert_eq!(head_end(b"GET / HTTP/1.1\n\n", 0), Some(16));
    }
}
