//! Conditional requests (RFC 9110, section 13).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The preconditions of a request, as they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `If-Match`.
    pub if_match: Option<String>,
    /// `If-None-Match`.
    pub if_none_match: Option<String>,
    /// `If-Modified-Since`.
    pub if_modified_since: Option<String>,
    /// `If-Unmodified-Since`.
    pub if_unmodified_since: Option<String>,
    /// `If-Range`.
    pub if_range: Option<String>,
}

/// What the preconditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The content is sent.
    Send,
    /// 304: the client has it.
    NotModified,
    /// 412: it is not what the client has.
    Failed,
}

impl Conditions {
    /// Judges the preconditions in the order of section 13.2.2, for a content with the strong validator `etag`.
    pub(super) fn judge(&self, etag: &str, modified: Option<SystemTime>) -> Verdict {
        let modified = modified.map(whole_seconds);
        if let Some(list) = &self.if_match {
            if !listed(list, etag, false) {
                return Verdict::Failed;
            }
        } else if let (Some(since), Some(modified)) = (date(self.if_unmodified_since.as_deref()), modified)
            && modified > since
        {
            return Verdict::Failed;
        }
        if let Some(list) = &self.if_none_match {
            if listed(list, etag, true) {
                return Verdict::NotModified;
            }
        } else if let (Some(since), Some(modified)) = (date(self.if_modified_since.as_deref()), modified)
            && modified <= since
        {
            return Verdict::NotModified;
        }
        Verdict::Send
    }

    /// Whether a range may be sent: without `If-Range` always, else where the content is still the one it names
    /// (section 13.1.5).
    pub(super) fn allow_range(&self, etag: &str, modified: Option<SystemTime>) -> bool {
        let Some(value) = self.if_range.as_deref().map(str::trim) else { return true };
        match value.as_bytes() {
            [b'"', ..] => unquoted(value) == Some(etag),
            [b'W', b'/', ..] => false,
            _ => date(Some(value)).is_some_and(|since| modified.map(whole_seconds) == Some(since)),
        }
    }
}

/// Whether `etag` is in the list of a header. A weak tag is equal only in the weak comparison (section 8.8.3.2).
fn listed(list: &str, etag: &str, weak: bool) -> bool {
    if list.trim() == "*" {
        return true;
    }
    let mut rest = list;
    while let Some(quote) = rest.find('"') {
        let is_weak = rest[..quote].trim_start_matches([',', ' ', '\t']) == "W/";
        let Some(length) = rest[quote + 1..].find('"') else { return false };
        let tag = &rest[quote + 1..quote + 1 + length];
        if tag == etag && (weak || !is_weak) {
            return true;
        }
        rest = &rest[quote + length + 2..];
    }
    false
}

fn unquoted(tag: &str) -> Option<&str> {
    tag.strip_prefix('"')?.strip_suffix('"')
}

/// The time of a header; what is no date is ignored (section 13.1.3).
fn date(value: Option<&str>) -> Option<SystemTime> {
    httpdate::parse_http_date(value?.trim()).ok()
}

/// Dates of HTTP have no fractions of a second.
pub(super) fn whole_seconds(time: SystemTime) -> SystemTime {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => UNIX_EPOCH + Duration::from_secs(since.as_secs()),
        Err(_) => UNIX_EPOCH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT and a bit.
    const MODIFIED: Duration = Duration::from_millis(784_111_777_250);
    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn conditions(headers: &[(&str, &str)]) -> Conditions {
        let mut conditions = Conditions::default();
        for (name, value) in headers {
            let place = match *name {
                "If-Match" => &mut conditions.if_match,
                "If-None-Match" => &mut conditions.if_none_match,
                "If-Modified-Since" => &mut conditions.if_modified_since,
                "If-Unmodified-Since" => &mut conditions.if_unmodified_since,
                "If-Range" => &mut conditions.if_range,
                other => panic!("{other}"),
            };
            *place = Some((*value).to_owned());
        }
        conditions
    }

    #[test]
    fn preconditions_are_judged_in_order() {
        fn check(headers: &[(&str, &str)], expected: Verdict) {
            let verdict = conditions(headers).judge("a1", Some(UNIX_EPOCH + MODIFIED));
            assert_eq!(verdict, expected, "{headers:?}");
        }

        check(&[], Verdict::Send);
        check(&[("If-Match", "\"a1\"")], Verdict::Send);
        check(&[("If-Match", "*")], Verdict::Send);
        check(&[("If-Match", "\"b\", \"a1\"")], Verdict::Send);
        check(&[("If-Match", "\"b\"")], Verdict::Failed);
        check(&[("If-Match", "W/\"a1\"")], Verdict::Failed);
        check(&[("If-Match", "\"a,b\" , \"a1\"")], Verdict::Send);
        check(&[("If-Match", "a1")], Verdict::Failed);
        check(&[("If-Unmodified-Since", SAME)], Verdict::Send);
        check(&[("If-Unmodified-Since", EARLIER)], Verdict::Failed);
        check(&[("If-Unmodified-Since", "yesterday")], Verdict::Send);
        check(&[("If-Match", "\"a1\""), ("If-Unmodified-Since", EARLIER)], Verdict::Send);
        check(&[("If-None-Match", "\"a1\"")], Verdict::NotModified);
        check(&[("If-None-Match", "W/\"a1\"")], Verdict::NotModified);
        check(&[("If-None-Match", "*")], Verdict::NotModified);
        check(&[("If-None-Match", "\"b\"")], Verdict::Send);
        check(&[("If-None-Match", "\"b\""), ("If-Modified-Since", SAME)], Verdict::Send);
        check(&[("If-Modified-Since", SAME)], Verdict::NotModified);
        check(&[("If-Modified-Since", EARLIER)], Verdict::Send);
        check(&[("If-Match", "\"b\""), ("If-None-Match", "\"a1\"")], Verdict::Failed);
    }

    #[test]
    fn a_range_needs_the_content_that_if_range_names() {
        fn check(value: &str, expected: bool) {
            let allowed = conditions(&[("If-Range", value)]).allow_range("a1", Some(UNIX_EPOCH + MODIFIED));
            assert_eq!(allowed, expected, "{value}");
        }

        check("\"a1\"", true);
        check("\"b\"", false);
        check("W/\"a1\"", false);
        check(SAME, true);
        check(EARLIER, false);
        check("nonsense", false);
        assert!(Conditions::default().allow_range("a1", None));
        assert!(!conditions(&[("If-Range", SAME)]).allow_range("a1", None));
    }
}
