//! Templates (minijinja): strict about names that are not there, bounded in time and size.

mod boot;
mod step;

use std::io;

use minijinja::{Environment, Error, UndefinedBehavior, Value};

pub(crate) use boot::{BootTemplates, network_faults, profile_faults};
pub(crate) use step::{Scope, faults, fill};

/// Instructions that one rendering may take: a thousand times those of a long template.
const FUEL: u64 = 100_000;

/// The longest text that a template may give, in bytes. Receivers take less.
const LONGEST: usize = 256 * 1024;

/// What templates are compiled and rendered by. Nothing is read from files, and values are written as they are.
pub(crate) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment
}

/// The text that the template called `field` gives.
pub(crate) fn render(
    environment: &Environment<'static>,
    field: &str,
    context: Value,
) -> Result<String, TemplateError> {
    let failed = |error: Error| TemplateError::new(field, &error);
    let template = environment.get_template(field).map_err(failed)?;
    let mut bounded = Bounded(Vec::new());
    template.render_captured_to(context, &mut bounded).map_err(failed)?;
    // What minijinja writes is UTF-8.
    Ok(String::from_utf8_lossy(&bounded.0).into_owned())
}

/// A template that cannot be used, or gives no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {reason}")]
pub(crate) struct TemplateError {
    field: String,
    reason: String,
}

impl TemplateError {
    pub(crate) fn new(field: &str, error: &Error) -> Self {
        let mut reason = match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        if let Some(line) = error.line() {
            reason.push_str(&format!(" in line {line} of the template"));
        }
        Self { field: field.to_owned(), reason }
    }
}

/// A mapping in which each name is there: which ones a host or a screen has is not known when a template is applied.
#[derive(Debug)]
pub(crate) struct AnyName(pub(crate) &'static str);

impl minijinja::value::Object for AnyName {
    fn get_value(self: &std::sync::Arc<Self>, _key: &Value) -> Option<Value> {
        Some(Value::from(self.0))
    }
}

/// Takes so many bytes and no more.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST {
            return Err(io::Error::other("the text is too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
