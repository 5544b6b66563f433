//! What comes back: envelopes, read with bounds.

use roxmltree::{Document, Error as Xml, Node, ParsingOptions};

use super::envelope::SOAP;
use super::fault::Fault;
use crate::Error;

/// Elements, texts and comments in one answer at most: the longest lists have some thousand.
const MOST_NODES: u32 = 20_000;

/// What an envelope holds.
pub(super) enum Content<'a> {
    /// What was asked for.
    Body(Node<'a, 'a>),
    /// Why not.
    Fault(Fault),
}

/// Reads bytes as XML. Document types are refused, and with them entities of one's own.
pub(super) fn document<T>(
    bytes: &[u8],
    read: impl FnOnce(&Document<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let not_xml = |reason: &str| malformed(format!("it is not XML{reason}"));
    let text = std::str::from_utf8(bytes).map_err(|_| not_xml(" in UTF-8"))?;
    let options = ParsingOptions { nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| match error {
        _ if is_page(text) => not_xml(" but a web page"),
        Xml::DtdDetected => not_xml(" that can be trusted: it brings a document type"),
        Xml::NodesLimitReached => malformed(format!("it has more than {MOST_NODES} elements")),
        _ if text.trim_start().starts_with('<') => not_xml(", or it is cut off"),
        _ => not_xml(""),
    })?;
    read(&document)
}

/// Whether a text begins as web pages do.
fn is_page(text: &str) -> bool {
    let head: String = text.chars().take(200).collect();
    head.to_ascii_lowercase().contains("<html")
}

/// What an envelope holds.
pub(super) fn content<'a>(document: &'a Document<'_>) -> Result<Content<'a>, Error> {
    let root = document.root_element();
    if !root.has_tag_name((SOAP, "Envelope")) {
        let name = root.tag_name();
        let what = match (name.name(), name.namespace()) {
            ("Envelope", Some("http://schemas.xmlsoap.org/soap/envelope/")) => "an envelope of SOAP 1.1",
            ("html" | "HTML", _) => "a web page",
            _ => "something else",
        };
        return Err(malformed(format!("it is {what} instead of an envelope of SOAP 1.2")));
    }
    let body = root.children().find(|node| node.has_tag_name((SOAP, "Body")));
    let body = body.ok_or_else(|| malformed("the envelope has no body".to_owned()))?;
    let fault = body.children().find(|node| node.has_tag_name((SOAP, "Fault")));
    Ok(fault.map_or(Content::Body(body), |fault| Content::Fault(Fault::read(fault))))
}

/// The elements in an element.
pub(crate) fn children<'a>(node: Node<'a, 'a>) -> impl Iterator<Item = Node<'a, 'a>> {
    node.children().filter(Node::is_element)
}

/// The first element in `node` that is called so, whatever its namespace: firmware is not of one mind about those.
pub(crate) fn child<'a>(node: Node<'a, 'a>, name: &str) -> Result<Node<'a, 'a>, Error> {
    let found = children(node).find(|child| child.tag_name().name() == name);
    found.ok_or_else(|| malformed(format!("`{}` has no `{name}`", node.tag_name().name())))
}

/// The text in an element, without the space around it.
pub(crate) fn text<'a>(node: Node<'a, 'a>) -> &'a str {
    node.text().unwrap_or_default().trim()
}

/// The number in an element.
pub(crate) fn number(node: Node<'_, '_>) -> Result<u32, Error> {
    let no_number = |_| malformed(format!("`{}` holds no number", node.tag_name().name()));
    text(node).parse().map_err(no_number)
}

fn malformed(reason: String) -> Error {
    Error::Malformed { reason }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &[u8]) -> Result<String, Error> {
        document(text, |document| match content(document)? {
            Content::Body(body) => Ok(text_of(body)),
            Content::Fault(fault) => Err(fault.error("admin", false)),
        })
    }

    fn text_of(body: Node<'_, '_>) -> String {
        children(body).map(|node| node.tag_name().name().to_owned()).collect()
    }

    fn envelope(body: &str) -> String {
        format!(r#"<s:Envelope xmlns:s="{SOAP}"><s:Header/><s:Body>{body}</s:Body></s:Envelope>"#)
    }

    #[test]
    fn what_is_no_envelope_is_named() {
        let check = |bytes: &[u8], reason: &str| {
            let Err(Error::Malformed { reason: told }) = read(bytes) else { panic!("it is read: {reason}") };
            assert!(told.contains(reason), "{told}");
        };
        assert_eq!(read(envelope("<x/>").as_bytes()), Ok("x".to_owned()));
        assert_eq!(read(envelope("").as_bytes()), Ok(String::new()));
        check(b"", "not XML");
        check(b"\xff\xfe<\0", "not XML in UTF-8");
        check(b"{\"error\": 1}", "not XML");
        check(b"<!DOCTYPE html><html><head><meta></head></html>", "a web page");
        check(b"<html><body>Log in</body></html>", "a web page");
        check(b"<s:Envelope xmlns:s=\"urn:other\"><s:Body/></s:Envelope>", "something else");
        check(b"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"/>", "SOAP 1.1");
        check(format!("<s:Envelope xmlns:s=\"{SOAP}\"/>").as_bytes(), "no body");
        let whole = envelope("<x><y>1</y></x>");
        for end in 1..whole.len() {
            check(&whole.as_bytes()[..end], "cut off");
        }
        check(envelope(&"<x/>".repeat(30_000)).as_bytes(), "more than 20000");
        check(envelope(&"<x>".repeat(20_000)).as_bytes(), "");
        check(envelope("&entity;").as_bytes(), "not XML");
    }

    #[test]
    fn entities_are_refused_before_they_grow() {
        let check = |dtd: &str| {
            let text = format!("<!DOCTYPE s:Envelope [{dtd}]>{}", envelope("<x>&e;</x>"));
            let Err(Error::Malformed { reason }) = read(text.as_bytes()) else { panic!("it is read") };
            assert!(reason.contains("document type"), "{reason}");
        };
        let laughs: String = (1..10)
            .map(|at| format!("<!ENTITY l{at} \"{}\">", format!("&l{};", at - 1).repeat(10)))
            .collect();
        check(&format!("<!ENTITY l0 \"ha\">{laughs}<!ENTITY e \"&l9;\">"));
        check("<!ENTITY e SYSTEM \"file:///etc/passwd\">");
    }

    proptest! {
        #[test]
        fn no_answer_breaks_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }

        #[test]
        fn no_body_breaks_the_reader(body in "[<>/a-z:=\"& ;#!\\[\\]]{0,60}") {
            let _ = read(envelope(&body).as_bytes());
        }
    }
}
