//! `ironhand recordings`: what was shown, written and typed on consoles that somebody had.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use ironhand_api::{Name, Recorded, RecordedEvent, Recording, RecordingKind};
use ironhand_client::{Client, RecordingFile, RecordingsOf};

use crate::args;
use crate::args::RecordingsVerb;
use crate::exit::{Failure, at};
use crate::output::{Output, age, line, now, write_bytes};
use crate::select::host_name;

/// The file of the events of a screen, in the folder in which a recording is kept.
const EVENTS: &str = "events.jsonl";

/// `ironhand recordings`.
pub async fn recordings(client: &Client, asked: &args::Recordings, output: Output) -> Result<(), Failure> {
    if let Some(RecordingsVerb::Show { recording, save }) = &asked.verb {
        return show(client, recording, save.as_deref(), output).await;
    }
    let of = match (&asked.host, asked.incident) {
        (Some(host), _) => RecordingsOf::Host(host_name(host)?),
        (None, Some(id)) => RecordingsOf::Incident(id),
        (None, None) => RecordingsOf::All,
    };
    let found = client.recordings(&of).await?;
    let now = now();
    output.list(&found, &["recording", "kind", "by", "begun", "took", "size"], called, |recording| {
        let took = recording.ended_at.map(|ended_at| age(ended_at, recording.begun_at));
        vec![
            called(recording).into(),
            recording.kind.as_str().into(),
            recording.by.as_str().into(),
            format!("{} ago", age(now, recording.begun_at)).into(),
            took.unwrap_or_else(|| "goes on".to_owned()).into(),
            format!("{} KiB", recording.bytes.div_ceil(1024)).into(),
        ]
    })
}

/// What a recording is called.
pub fn called(recording: &Recording) -> String {
    format!("{}/{}", recording.host, recording.id)
}

/// Names the recordings that were made while something went on, a line for each.
pub async fn name_those(client: &Client, of: &RecordingsOf) -> Result<(), Failure> {
    for recording in client.recordings(of).await? {
        let (called, kind, by) = (called(&recording), recording.kind.as_str(), &recording.by);
        line(&format!("recording {called}: {kind}, {by}, begun {}", recording.begun_at));
    }
    Ok(())
}

/// The host and the number that a recording is called by.
pub fn recording_name(called: &str) -> Result<(Name, i64), Failure> {
    let usage = || Failure::Usage {
        message: format!("`{called}` is not HOST/NUMBER"),
        hint: Some("ironhand recordings lists them".to_owned()),
    };
    let (host, id) = called.split_once('/').ok_or_else(usage)?;
    Ok((host_name(host)?, id.parse().map_err(|_| usage())?))
}

async fn show(client: &Client, called: &str, save: Option<&Path>, output: Output) -> Result<(), Failure> {
    let (host, id) = recording_name(called)?;
    let RecordingFile { kind, content } = client.recording(&host, id).await?;
    match (kind, save) {
        (RecordingKind::Serial, Some(path)) => at(path, std::fs::write(path, content)),
        (RecordingKind::Screen, Some(folder)) => keep(client, &host, id, &content, folder).await,
        (RecordingKind::Screen, None) if !output.is_structured() => {
            events(&content).for_each(|event| tell(&event));
            Ok(())
        }
        (_, None) => write_bytes(&content),
    }
}

/// The events of a screen. A last line that is torn, as by a crash, is none; what a later release recorded is passed over.
pub fn events(content: &[u8]) -> impl Iterator<Item = RecordedEvent> + '_ {
    content.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok())
}

/// Prints an event as a transcript.
fn tell(event: &RecordedEvent) {
    let after = Duration::from_millis(event.after).as_secs_f64();
    match &event.what {
        Recorded::Begun { host, by, at } => line(&format!("{host}: {by} had the console from {at} on")),
        Recorded::Screen(screen) => {
            line(&format!("{after:>9.3}  screen {:?}, {}", screen.kind, screen.connector));
            let last = screen.rows.iter().rposition(|row| !row.trim().is_empty());
            for row in screen.rows.iter().take(last.map_or(0, |last| last + 1)) {
                line(&format!("           | {}", row.trim_end()));
            }
        }
        Recorded::Keys(keys) => line(&format!("{after:>9.3}  keys {keys}")),
        Recorded::Note(note) => line(&format!("{after:>9.3}  {note}")),
    }
}

/// Keeps the events of a screen and their pictures in a folder.
async fn keep(client: &Client, host: &Name, id: i64, content: &[u8], folder: &Path) -> Result<(), Failure> {
    at(folder, std::fs::create_dir_all(folder))?;
    let path = folder.join(EVENTS);
    at(&path, std::fs::write(&path, content))?;
    let kept = |event: RecordedEvent| match event.what {
        Recorded::Screen(screen) if screen.picture_follows => Some(screen.picture),
        _ => None,
    };
    for picture in events(content).filter_map(kept).collect::<BTreeSet<_>>() {
        let path = folder.join(format!("{}.png", picture.0));
        at(&path, std::fs::write(&path, client.recorded_picture(host, id, &picture).await?))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_cannot_be_read_are_passed_over() {
        let content = b"{\"after\":1,\"keys\":\"<F1>\"}\n{\"after\":2,\"sound\":7}\n{\"after\":3,\"note\":\"left\"}\n{\"aft";
        let found: Vec<_> = events(content).map(|event| event.after).collect();
        assert_eq!(found, [1, 3]);
    }
}
