//! The properties of a body, checked one by one (DSP0266 section 7.5).

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::exchange::ServiceReply;
use super::message::{Message, Refusal};

/// The properties of a body, of which each is taken once.
pub(super) struct Changes<'a> {
    properties: &'a Map<String, Value>,
    /// Those that were looked at.
    taken: Vec<&'static str>,
    /// How many were good.
    good: usize,
    faults: Vec<Message>,
}

impl<'a> Changes<'a> {
    /// Those of an object.
    pub(super) fn of(body: &'a Value) -> Result<Self, Refusal> {
        match body.as_object() {
            Some(properties) if properties.is_empty() => Err(Refusal::no_operation()),
            Some(properties) => Ok(Self { properties, taken: Vec::new(), good: 0, faults: Vec::new() }),
            None => Err(Refusal::malformed()),
        }
    }

    /// A property, read by `read`, which says what it should have been.
    fn take<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Value) -> Result<T, (&'static str, String)>,
    ) -> Option<T> {
        self.taken.push(name);
        let value = self.properties.get(name)?;
        match read(value) {
            Ok(read) => {
                self.good += 1;
                Some(read)
            }
            Err((id, text)) => {
                self.faults.push(Message::about(name, id, text, &[&plain(value), name]));
                None
            }
        }
    }

    /// A text.
    pub(super) fn text(&mut self, name: &'static str) -> Option<&'a str> {
        self.take(name, |value| value.as_str().ok_or_else(|| wrong_type(name)))
    }

    /// A text or null.
    pub(super) fn text_or_null(&mut self, name: &'static str) -> Option<Option<&'a str>> {
        self.take(name, |value| match value {
            Value::Null => Ok(None),
            value => value.as_str().map(Some).ok_or_else(|| wrong_type(name)),
        })
    }

    /// Whether there is a property besides this one.
    pub(super) fn has_others_than(&self, name: &str) -> bool {
        self.properties.keys().any(|property| property != name)
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        of: &[T],
        word: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        self.take(name, |value| {
            let text = value.as_str().ok_or_else(|| wrong_type(name))?;
            of.iter().copied().find(|one| word(*one) == text).ok_or_else(|| {
                ("PropertyValueNotInList", format!("{text} is not among the values that {name} takes."))
            })
        })
    }

    /// True or false.
    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.take(name, |value| value.as_bool().ok_or_else(|| wrong_type(name)))
    }

    /// A whole number in a range.
    pub(super) fn number(&mut self, name: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        self.take(name, |value| {
            let number = value.as_u64().ok_or_else(|| wrong_type(name))?;
            let (low, high) = (range.start(), range.end());
            Some(number)
                .filter(|number| range.contains(number))
                .ok_or_else(|| ("PropertyValueOutOfRange", format!("{name} takes {low} to {high}.")))
        })
    }

    /// An object with changes of its own.
    pub(super) fn object(&mut self, name: &'static str) -> Option<Changes<'a>> {
        let inner = self.take(name, |value| value.as_object().ok_or_else(|| wrong_type(name)))?;
        Some(Changes { properties: inner, taken: Vec::new(), good: 0, faults: Vec::new() })
    }

    /// Takes over what was found in an object.
    pub(super) fn absorb(&mut self, name: &'static str, inner: Changes<'a>, shown: &Value) {
        // The object counted as one good property; its own say how many there really are.
        self.good = self.good.saturating_sub(1) + inner.good;
        let faults = inner.into_faults(&shown[name]);
        self.faults.extend(faults.into_iter().map(|mut fault| {
            fault.property = fault.property.map(|property| format!("{name}/{property}"));
            fault
        }));
    }

    /// Faults, and those of properties that nobody asked for: `shown` tells which of them exist.
    fn into_faults(mut self, shown: &Value) -> Vec<Message> {
        for (name, value) in self.properties {
            if self.taken.iter().any(|taken| taken == name) || name.contains('@') {
                continue;
            }
            let (id, text) = match shown.get(name) {
                Some(_) => ("PropertyNotWritable", format!("{name} cannot be written.")),
                None => ("PropertyUnknown", format!("There is no property {name}.")),
            };
            self.faults.push(Message::about(name, id, text, &[name, &plain(value)]));
        }
        self.faults
    }

    /// What is wrong with the properties that are no good, where others are; `shown` is the resource as it is.
    ///
    /// # Errors
    ///
    /// A refusal where none is good.
    pub(super) fn finish(self, shown: &Value) -> Result<Vec<Message>, Refusal> {
        let good = self.good;
        let faults = self.into_faults(shown);
        match good {
            0 if faults.is_empty() => Err(Refusal::no_operation()),
            0 => Err(Refusal::of(400, faults)),
            _ => Ok(faults),
        }
    }
}

/// A resource that was changed, with what could not be.
pub(super) fn changed(mut resource: Value, faults: &[Message]) -> ServiceReply {
    if !faults.is_empty() {
        resource["@Message.ExtendedInfo"] = faults.iter().map(Message::show).collect();
    }
    ServiceReply::resource(resource)
}

fn wrong_type(name: &str) -> (&'static str, String) {
    ("PropertyValueTypeError", format!("{name} has a value of another type than it takes."))
}

/// A value as messages name it: not one that may be a password.
fn plain(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(_) => "the text".to_owned(),
        Value::Null | Value::Array(_) | Value::Object(_) => "the value".to_owned(),
    }
}
