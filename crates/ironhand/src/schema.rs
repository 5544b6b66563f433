//! `ironhand schema`, `completions`, `version`.

use clap::CommandFactory;
use ironhand_api::Kind;

use crate::args::Cli;
use crate::exit::Failure;
use crate::output::line;

/// Prints the JSON Schema of one kind, or of all.
pub fn schema(kind: Option<&str>) -> Result<(), Failure> {
    let kind = kind.map(parse_kind).transpose()?;
    let schema = ironhand_api::json_schema(kind);
    line(&serde_json::to_string_pretty(&schema).map_err(|error| Failure::Failed(error.to_string()))?);
    Ok(())
}

/// A kind as people write it: `Host`, `host`, `hosts`.
pub fn parse_kind(text: &str) -> Result<Kind, Failure> {
    let lower = text.to_lowercase();
    Kind::ALL
        .into_iter()
        .find(|kind| lower == kind.plural() || lower == kind.to_string().to_lowercase())
        .ok_or_else(|| Failure::Usage {
            message: format!("there is no kind `{text}`"),
            hint: Some(format!("the kinds are {}", Kind::ALL.map(Kind::plural).join(", "))),
        })
}

/// Prints a completion script.
pub fn completions(shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ironhand", &mut script);
    line(String::from_utf8_lossy(&script).trim_end());
}

/// Prints the version.
pub fn version() {
    line(concat!("ironhand ", env!("CARGO_PKG_VERSION")));
}
