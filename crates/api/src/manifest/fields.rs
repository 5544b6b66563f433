//! Reading typed values out of the tree, telling every fault on the way.
//!
//! Each reader returns nothing where it told a fault, so that a caller reads all parts before it gives up.

use std::ops::RangeInclusive;

use super::fault::{Faults, nearest};
use super::tree::{Content, Entry, Node, Place, Scalar, Sort};
use crate::{Name, Span};

/// What fields a mapping has.
pub(super) struct Shape {
    /// What the mapping is, as in "unknown field in ...".
    pub(super) what: &'static str,
    pub(super) fields: &'static [&'static str],
    /// Fields that people may have read of, and that this version does not understand.
    pub(super) planned: &'static [&'static str],
}

/// A mapping whose fields are all known.
pub(super) struct Fields<'n> {
    shape: &'static Shape,
    place: Place,
    entries: &'n [Entry],
    /// Fields that were probably meant by unknown ones: telling that they are missing would tell one slip twice.
    meant: Vec<&'static str>,
    has_strangers: bool,
}

impl<'n> Fields<'n> {
    /// The mapping at `node`; tells each field that it may not have.
    pub(super) fn of(node: &'n Node, shape: &'static Shape, faults: &mut Faults) -> Option<Self> {
        let entries = match &node.content {
            Content::Mapping(entries) => entries,
            Content::Refused => return None,
            other => {
                let message = format!("{} must be a mapping, not {}", shape.what, other.named());
                faults.add(node.place, message, Some(format!("its fields: {}", shape.fields.join(", "))));
                return None;
            }
        };
        let mut fields = Self { shape, place: node.place, entries, meant: Vec::new(), has_strangers: false };
        for Entry { key, place, .. } in entries {
            if !shape.fields.contains(&key.as_str()) {
                fields.refuse(key, *place, faults);
            }
        }
        Some(fields)
    }

    fn refuse(&mut self, key: &str, place: Place, faults: &mut Faults) {
        let Shape { what, fields, planned } = self.shape;
        self.has_strangers = true;
        if planned.contains(&key) {
            let message = format!("`{key}` in {what} is not available in this version");
            faults.add(place, message, Some(format!("available: {}", fields.join(", "))));
            return;
        }
        let hint = match nearest(key, fields.iter().copied()) {
            Some(meant) => {
                self.meant.push(meant);
                format!("did you mean `{meant}`?")
            }
            None => format!("known fields: {}", fields.join(", ")),
        };
        faults.add(place, format!("unknown field `{key}` in {what}"), Some(hint));
    }

    /// What the mapping is.
    pub(super) fn what(&self) -> &'static str {
        self.shape.what
    }

    /// Whether fields were refused, so that what seems to be missing may be one of them.
    pub(super) fn has_strangers(&self) -> bool {
        self.has_strangers
    }

    /// Whether mappings of this shape have a field of the name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.shape.fields.contains(&name)
    }

    /// The value of a field; a field without a value is as good as absent.
    pub(super) fn get(&self, name: &'static str) -> Option<&'n Node> {
        debug_assert!(self.shape.fields.contains(&name), "{name}");
        let entry = self.entries.iter().find(|entry| entry.key == name)?;
        (!matches!(entry.value.content, Content::Null)).then_some(&entry.value)
    }

    /// The value of a field that must be there.
    pub(super) fn require(&self, name: &'static str, faults: &mut Faults) -> Option<&'n Node> {
        let value = self.get(name);
        if value.is_none() && !self.meant.contains(&name) {
            self.fault(format!("`{name}` is missing in {}", self.shape.what), None, faults);
        }
        value
    }

    /// A field as `read` reads it: `Some(None)` where it is absent, nothing where it has a fault.
    pub(super) fn optional<T>(
        &self,
        name: &'static str,
        faults: &mut Faults,
        read: impl FnOnce(&'n Node, &mut Faults) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.get(name) {
            Some(node) => read(node, faults).map(Some),
            None => Some(None),
        }
    }

    /// A fault of the mapping as a whole.
    pub(super) fn fault(&self, message: String, hint: Option<String>, faults: &mut Faults) {
        faults.add(self.place, message, hint);
    }
}

impl Content {
    /// What the content is, without repeating it: it may be a secret.
    pub(super) const fn named(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar(Scalar { sort: Sort::Text, .. }) => "a text",
            Self::Scalar(Scalar { sort: Sort::Bool(_), .. }) => "true or false",
            Self::Scalar(Scalar { sort: Sort::Integer(_), .. }) => "a whole number",
            Self::Scalar(Scalar { sort: Sort::Number, .. }) => "a number that is not whole",
            Self::Sequence(_) => "a list",
            Self::Mapping(_) => "a mapping",
            Self::Refused => "what was refused",
        }
    }
}

impl Node {
    /// A fault of the value as a whole.
    pub(super) fn fault(&self, message: String, faults: &mut Faults) {
        faults.add(self.place, message, None);
    }

    pub(super) fn is_mapping(&self) -> bool {
        matches!(self.content, Content::Mapping(_))
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.content, Content::Sequence(_))
    }

    fn must_be(&self, field: &str, wanted: &str, hint: Option<String>, faults: &mut Faults) {
        if !matches!(self.content, Content::Refused) {
            let message = format!("`{field}` must be {wanted}, not {}", self.content.named());
            faults.add(self.place, message, hint);
        }
    }

    /// A text. What reads as a number or as true or false needs quotes, as `0123` and `123` are one number and two
    /// texts.
    pub(super) fn text<'n>(&'n self, field: &str, faults: &mut Faults) -> Option<&'n str> {
        match &self.content {
            Content::Scalar(Scalar { text, sort: Sort::Text }) => Some(text),
            Content::Scalar(_) => {
                self.must_be(field, "a text", Some("write it in quotes".to_owned()), faults);
                None
            }
            _ => {
                self.must_be(field, "a text", None, faults);
                None
            }
        }
    }

    /// A text, where what reads as a number or as true or false means its letters: serial numbers, digits.
    pub(super) fn plain<'n>(&'n self, field: &str, faults: &mut Faults) -> Option<&'n str> {
        match &self.content {
            Content::Scalar(Scalar { text, .. }) => Some(text),
            _ => {
                self.must_be(field, "a text", None, faults);
                None
            }
        }
    }

    /// A text that is not empty.
    pub(super) fn some_text<'n>(&'n self, field: &str, faults: &mut Faults) -> Option<&'n str> {
        let text = self.text(field, faults)?;
        if text.is_empty() {
            faults.add(self.place, format!("`{field}` is empty"), None);
            return None;
        }
        Some(text)
    }

    pub(super) fn boolean(&self, field: &str, faults: &mut Faults) -> Option<bool> {
        match self.content {
            Content::Scalar(Scalar { sort: Sort::Bool(value), .. }) => Some(value),
            _ => {
                self.must_be(field, "true or false", None, faults);
                None
            }
        }
    }

    /// A whole number within `range`.
    pub(super) fn whole<T: TryFrom<i64>>(
        &self,
        field: &str,
        range: RangeInclusive<i64>,
        faults: &mut Faults,
    ) -> Option<T> {
        let Content::Scalar(Scalar { sort: Sort::Integer(value), .. }) = self.content else {
            self.must_be(field, "a whole number", None, faults);
            return None;
        };
        let read =
            Some(value).filter(|value| range.contains(value)).and_then(|value| T::try_from(value).ok());
        if read.is_none() {
            let (first, last) = (range.start(), range.end());
            let message = format!("`{field}` must be between {first} and {last}, not {value}");
            faults.add(self.place, message, None);
        }
        read
    }

    /// A number between 0 and 1.
    pub(super) fn share(&self, field: &str, faults: &mut Faults) -> Option<f32> {
        let number = match &self.content {
            Content::Scalar(Scalar { text, sort: Sort::Integer(_) | Sort::Number }) => {
                text.parse::<f32>().ok()
            }
            _ => None,
        };
        let share = number.filter(|number| (0.0..=1.0).contains(number));
        if share.is_none() {
            self.must_be(field, "a number between 0 and 1", None, faults);
        }
        share
    }

    /// A length of time, which may be nothing.
    pub(super) fn span(&self, field: &str, faults: &mut Faults) -> Option<Span> {
        let Content::Scalar(Scalar { text, .. }) = &self.content else {
            self.must_be(
                field,
                "a length of time",
                Some("write it like 500ms, 60s, 8m or 1h30m".to_owned()),
                faults,
            );
            return None;
        };
        text.parse().map_err(|error| faults.add(self.place, format!("`{field}`: {error}"), None)).ok()
    }

    /// A length of time that is not nothing.
    pub(super) fn some_span(&self, field: &str, faults: &mut Faults) -> Option<Span> {
        let span = self.span(field, faults)?;
        if span.duration().is_zero() {
            faults.add(self.place, format!("`{field}` must be longer than 0s"), None);
            return None;
        }
        Some(span)
    }

    pub(super) fn name(&self, field: &str, faults: &mut Faults) -> Option<Name> {
        let text = self.text(field, faults)?;
        text.parse()
            .map_err(|error| {
                let lower = text.to_lowercase();
                let hint = lower.parse::<Name>().ok().map(|meant| format!("did you mean `{meant}`?"));
                faults.add(self.place, format!("`{field}`: {error}"), hint);
            })
            .ok()
    }

    /// One word of `known`; `what` says what such a word is, as in "is not ...".
    pub(super) fn word<T: Copy>(
        &self,
        field: &str,
        what: &str,
        known: &[(&'static str, T)],
        planned: &[&str],
        faults: &mut Faults,
    ) -> Option<T> {
        let Content::Scalar(Scalar { text, .. }) = &self.content else {
            self.must_be(field, "a word", None, faults);
            return None;
        };
        if let Some((_, value)) = known.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        if planned.contains(&text.as_str()) {
            let message = format!("{field} `{text}` is not available in this version");
            faults.add(self.place, message, Some(format!("available: {}", words.join(", "))));
            return None;
        }
        let hint = match nearest(text, words.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("one of: {}", words.join(", ")),
        };
        faults.add(self.place, format!("`{text}` is not {what}"), Some(hint));
        None
    }

    /// A list, with each item as `read` reads it and no more than `most` of them.
    pub(super) fn list<T>(
        &self,
        field: &str,
        most: usize,
        faults: &mut Faults,
        mut read: impl FnMut(&Node, &mut Faults) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Content::Sequence(items) = &self.content else {
            self.must_be(field, "a list", None, faults);
            return None;
        };
        if items.len() > most {
            let message = format!("`{field}` has {} items, and may have {most}", items.len());
            faults.add(self.place, message, None);
            return None;
        }
        // All items are read before the first fault makes the list worthless.
        let read: Vec<Option<T>> = items.iter().map(|item| read(item, faults)).collect();
        read.into_iter().collect()
    }

    /// A list with at least one item.
    pub(super) fn some_list<T>(
        &self,
        field: &str,
        most: usize,
        faults: &mut Faults,
        read: impl FnMut(&Node, &mut Faults) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.list(field, most, faults, read)?;
        if items.is_empty() {
            faults.add(self.place, format!("`{field}` is empty"), None);
            return None;
        }
        Some(items)
    }

    /// The entries of a mapping whose keys are free.
    pub(super) fn entries<'n>(&'n self, field: &str, faults: &mut Faults) -> Option<&'n [Entry]> {
        match &self.content {
            Content::Mapping(entries) => Some(entries),
            _ => {
                self.must_be(field, "a mapping", None, faults);
                None
            }
        }
    }
}
