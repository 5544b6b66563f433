//! `ironhand diff`: what applying manifests would change, as a unified diff.

use futures_util::{StreamExt, stream};
use ironhand_api::Manifest;
use ironhand_client::Client;
use similar::{ChangeTag, TextDiff};

use super::{AT_ONCE, Surplus, document, named};
use crate::args;
use crate::exit::Failure;
use crate::flow::checked_manifests;
use crate::output::{Field, Output, Tone, line};

/// Lines around a change that are shown with it.
const CONTEXT: usize = 3;

/// `ironhand diff`. As of other tools of its kind, exit code 1 means that there is a difference.
pub async fn diff(client: &Client, asked: &args::Diff, output: Output) -> Result<(), Failure> {
    let manifests = checked_manifests(&asked.files)?;
    let surplus = Surplus::find(client, &asked.prune, &manifests).await?;
    let mut differs = false;
    let mut kept = stream::iter(&manifests)
        .map(async |located| {
            let wanted = &located.manifest;
            (located, client.manifest(wanted.kind(), &wanted.metadata().name).await)
        })
        .buffered(AT_ONCE);
    while let Some((located, kept)) = kept.next().await {
        let (kept, wanted) = (kept?, &located.manifest);
        let file = located.file.display().to_string();
        differs |= compare(kept.as_ref(), Some(wanted), &named(wanted), &file, output)?;
    }
    for gone in surplus.iter() {
        differs |= compare(Some(gone), None, &named(gone), "pruned", output)?;
    }
    if differs { Err(Failure::Reported) } else { Ok(()) }
}

/// Prints how two states of a resource differ; says whether they do.
fn compare(
    kept: Option<&Manifest>,
    wanted: Option<&Manifest>,
    name: &str,
    file: &str,
    output: Output,
) -> Result<bool, Failure> {
    let text = |manifest: Option<&Manifest>| match manifest {
        Some(manifest) => document(&manifest.clone().comparable()),
        None => Ok(String::new()),
    };
    let (before, after) = (text(kept)?, text(wanted)?);
    if before == after {
        return Ok(false);
    }
    let show = |text: String, tone| line(&output.inline(&Field::toned(text, tone)));
    let old = if kept.is_some() { name } else { "nothing" };
    show(format!("--- {old}"), Tone::Plain);
    show(format!("+++ {name} ({file})"), Tone::Plain);
    let diff = TextDiff::from_lines(&before, &after);
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        show(hunk.header().to_string(), Tone::Dim);
        for change in hunk.iter_changes() {
            let (sign, tone) = match change.tag() {
                ChangeTag::Delete => ('-', Tone::Bad),
                ChangeTag::Insert => ('+', Tone::Good),
                ChangeTag::Equal => (' ', Tone::Plain),
            };
            show(format!("{sign}{}", change.value().trim_end_matches('\n')), tone);
        }
    }
    Ok(true)
}
