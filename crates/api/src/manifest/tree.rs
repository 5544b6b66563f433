//! YAML as a tree in which everything has its place.
//!
//! What YAML has and manifests do not need (anchors, aliases, tags, keys that are no words) is refused by name. Without
//! aliases, a tree is never larger than the text it was read from.

use std::str::FromStr;

use granit_parser::{ErrorKind, Event, Marker, Options, Parser, ScalarStyle, ScanError};

use super::fault::Faults;

/// Mappings and sequences inside one another; the deepest manifest has eight.
const DEEPEST_NESTING: usize = 32;

/// Where something stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// From 1.
    pub(super) line: usize,
    /// In characters, from 1.
    pub(super) column: usize,
}

impl From<&Marker> for Place {
    fn from(mark: &Marker) -> Self {
        Self { line: mark.line().max(1), column: mark.col() + 1 }
    }
}

/// A value and its place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Null,
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
    /// Something that was refused already.
    Refused,
}

#[derive(Debug)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) sort: Sort,
}

/// What a scalar is by the core schema (YAML 1.2.2 section 10.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sort {
    Text,
    Bool(bool),
    Integer(i64),
    /// A number that is no [`Integer`](Self::Integer).
    Number,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) value: Node,
}

/// Reads all documents that hold something.
pub(super) fn read(text: &str, faults: &mut Faults) -> Vec<Node> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = DEEPEST_NESTING;
    options.block_nesting_limit = DEEPEST_NESTING;
    // A byte order mark is no part of the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut documents = Vec::new();
    let mut builder = Builder::default();
    loop {
        let error = match parser.next() {
            Some(Ok((Event::StreamEnd, _))) | None => break,
            Some(Ok((event, span))) => {
                if let Some(document) = builder.take_in(event, (&span.start).into(), faults)
                    && !matches!(document.content, Content::Null)
                {
                    documents.push(document);
                }
                continue;
            }
            Some(Err(error)) => error,
        };
        add_error(&error, faults);
        builder = Builder::default();
        match parser.proceed_next_document() {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                add_error(&error, faults);
                break;
            }
        }
    }
    documents
}

fn add_error(error: &ScanError, faults: &mut Faults) {
    let message = match error.kind() {
        ErrorKind::RecursionLimitExceeded => {
            format!("mappings and lists are more than {DEEPEST_NESTING} deep inside one another")
        }
        _ => format!("not YAML: {}", error.info()),
    };
    faults.add(error.marker().into(), message, None);
}

/// A document as far as it was read.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
}

/// A mapping or sequence whose end was not read yet.
enum Open {
    Sequence { place: Place, items: Vec<Node>, refused: bool },
    Mapping { place: Place, entries: Vec<Entry>, key: Option<(String, Place)>, refused: bool },
}

impl Builder {
    /// Takes in one event; returns the document when it is complete.
    fn take_in(&mut self, event: Event<'_>, place: Place, faults: &mut Faults) -> Option<Node> {
        let node = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let refused = refuse(anchor, tag.is_some(), place, faults);
                Node { place, content: if refused { Content::Refused } else { scalar(&text, style) } }
            }
            Event::SequenceStart(_, anchor, tag) => {
                let refused = refuse(anchor, tag.is_some(), place, faults);
                self.open.push(Open::Sequence { place, items: Vec::new(), refused });
                return None;
            }
            Event::MappingStart(_, anchor, tag) => {
                let refused = refuse(anchor, tag.is_some(), place, faults);
                self.open.push(Open::Mapping { place, entries: Vec::new(), key: None, refused });
                return None;
            }
            Event::SequenceEnd | Event::MappingEnd => self.open.pop()?.close(),
            Event::Alias(_) => {
                let hint = "write the value out".to_owned();
                faults.add(place, "aliases are not understood in manifests", Some(hint));
                Node { place, content: Content::Refused }
            }
            _ => return None,
        };
        match self.open.last_mut() {
            Some(parent) => {
                parent.push(node, faults);
                None
            }
            None => Some(node),
        }
    }
}

impl Open {
    fn push(&mut self, node: Node, faults: &mut Faults) {
        match self {
            Self::Sequence { items, .. } => items.push(node),
            Self::Mapping { entries, key, refused, .. } => match key.take() {
                Some((key, place)) => {
                    let first = entries.iter().find(|entry| entry.key == key).map(|entry| entry.place);
                    match first {
                        Some(first) => {
                            let message = format!("`{key}` is written twice, first on line {}", first.line);
                            faults.add(place, message, Some("keep one of the two".to_owned()));
                        }
                        None => entries.push(Entry { key, place, value: node }),
                    }
                }
                None => match node.content {
                    Content::Scalar(scalar) => *key = Some((scalar.text, node.place)),
                    content => {
                        if !matches!(content, Content::Refused) {
                            faults.add(node.place, "a key must be a word", None);
                        }
                        *refused = true;
                        *key = Some((String::new(), node.place));
                    }
                },
            },
        }
    }

    fn close(self) -> Node {
        let (place, content, refused) = match self {
            Self::Sequence { place, items, refused } => (place, Content::Sequence(items), refused),
            Self::Mapping { place, entries, refused, .. } => (place, Content::Mapping(entries), refused),
        };
        Node { place, content: if refused { Content::Refused } else { content } }
    }
}

fn refuse(anchor: usize, tag: bool, place: Place, faults: &mut Faults) -> bool {
    if anchor != 0 {
        faults.add(
            place,
            "anchors are not understood in manifests",
            Some("write the value out where it is needed".to_owned()),
        );
    }
    if tag {
        let hint = "write texts in quotes, everything else without".to_owned();
        faults.add(place, "tags are not understood in manifests", Some(hint));
    }
    anchor != 0 || tag
}

fn scalar(text: &str, style: ScalarStyle) -> Content {
    let sort = match (style, text) {
        (ScalarStyle::Plain, "" | "~" | "null" | "Null" | "NULL") => return Content::Null,
        (ScalarStyle::Plain, "true" | "True" | "TRUE") => Sort::Bool(true),
        (ScalarStyle::Plain, "false" | "False" | "FALSE") => Sort::Bool(false),
        (ScalarStyle::Plain, text) => number(text).unwrap_or(Sort::Text),
        _ => Sort::Text,
    };
    Content::Scalar(Scalar { text: text.to_owned(), sort })
}

fn number(text: &str) -> Option<Sort> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return Some(Sort::Number);
    }
    let based = |prefix: &str, base: u32| {
        let digits = text.strip_prefix(prefix).filter(|digits| !digits.starts_with(['+', '-']))?;
        i64::from_str_radix(digits, base).ok()
    };
    if let Some(value) = based("0x", 16).or_else(|| based("0o", 8)) {
        return Some(Sort::Integer(value));
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    match i64::from_str(text) {
        Ok(value) => Some(Sort::Integer(value)),
        Err(_) => f64::from_str(text).is_ok().then_some(Sort::Number),
    }
}
