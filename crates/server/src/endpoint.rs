//! Endpoints of HTTP that are not devices: where they are, and what of their answers is shown.

use std::time::{Duration, SystemTime};

use http::Uri;

/// What is kept of an answer's body, to say what went wrong, in characters.
pub(crate) const KEPT: usize = 200;

/// Where a request goes.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The host name or IP address.
    pub(crate) host: String,
    /// The TCP port.
    pub(crate) port: u16,
    /// The value of the header `Host`; it is also what errors call the receiver.
    pub(crate) authority: String,
    /// The path with its query.
    pub(crate) path: Uri,
    /// Whether it goes over TLS.
    pub(crate) https: bool,
}

impl Target {
    /// Reads the URL of an endpoint.
    ///
    /// # Errors
    ///
    /// Why nothing can be sent there; nothing of the URL is told.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let unsuited = |reason: String| format!("`url`: {reason}");
        // What a fragment names is not sent (RFC 9110 section 7.1).
        let sent = url.split('#').next().unwrap_or_default();
        let uri: Uri = sent.parse().map_err(|error| unsuited(format!("it is no URL: {error}")))?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(unsuited("it must begin with http:// or https://".to_owned())),
        };
        let authority = uri.authority().ok_or_else(|| unsuited("it names no host".to_owned()))?;
        if authority.as_str().contains('@') {
            let reason = "a user name or password in a URL is shown to all who may read it; leave it out";
            return Err(unsuited(reason.to_owned()));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(unsuited("it names no host".to_owned()));
        }
        let port = authority.port_u16().unwrap_or(if https { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = path.parse().map_err(|error| unsuited(format!("it is no URL: {error}")))?;
        Ok(Self { host, port, authority: authority.as_str().to_owned(), path, https })
    }
}

/// The header `Retry-After`: seconds or a date.
pub(crate) fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(text.trim()).ok()?;
    Some(until.duration_since(now).unwrap_or_default())
}

/// Text of a stranger, short and on one line.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let line: String = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.chars().take(KEPT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        let check = |url: &str, host: &str, port: u16, authority: &str, path: &str| {
            let target = Target::parse(url).unwrap();
            let found = (target.host.as_str(), target.port, target.authority.as_str());
            assert_eq!((found, target.path.to_string().as_str()), ((host, port, authority), path), "{url}");
        };
        check("http://a.example/x?y=1#z", "a.example", 80, "a.example", "/x?y=1");
        check("https://a.example", "a.example", 443, "a.example", "/");
        check("https://a.example:8443/", "a.example", 8443, "a.example:8443", "/");
        check("http://127.0.0.1:9/h", "127.0.0.1", 9, "127.0.0.1:9", "/h");
        check("http://[::1]:9/h", "::1", 9, "[::1]:9", "/h");
    }

    #[test]
    fn urls_that_cannot_be_posted_to_are_refused_without_being_repeated() {
        let check = |url: &str, wanted: &str| {
            let message = Target::parse(url).unwrap_err();
            assert!(message.contains(wanted) && !message.contains("s3cret"), "{url}: {message}");
        };
        check("ftp://a.example/s3cret", "http://");
        check("http://", "no URL");
        check("http://user:s3cret@a.example/", "leave it out");
        check("http://a b/s3cret", "no URL");
        check("a.example/s3cret", "no URL");
        check("/s3cret", "http://");
    }

    #[test]
    fn receivers_ask_for_time_in_seconds_or_until_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let check = |text: &str, wanted: Option<u64>| {
            assert_eq!(retry_after(text, now), wanted.map(Duration::from_secs), "{text}");
        };
        check("120", Some(120));
        check(" 0 ", Some(0));
        check("Sun, 06 Nov 1994 08:50:37 GMT", Some(60));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check("-1", None);
        check("soon", None);
        check("", None);
    }

    #[test]
    fn what_strangers_write_is_shown_on_one_short_line() {
        assert_eq!(shown(b"<html>\r\n  no\x1b[31m such hook\0</html>"), "<html> no [31m such hook </html>");
        assert_eq!(shown(&[0xff; 1000]).chars().count(), KEPT);
    }
}
