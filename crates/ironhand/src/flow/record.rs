//! `ironhand flow record`: what a person did by hand, as the draft of a flow.

mod draft;
mod pattern;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ironhand_api::{Name, Recording, RecordingKind, Timestamp, parse_manifests};
use ironhand_client::{Client, ConsoleOptions, LiveOptions, RecordingFile, RecordingsOf};

use crate::args::{self, PictureWord};
use crate::console::myself;
use crate::exit::{Failure, at};
use crate::output::{line, now};
use crate::recordings::{called, events, recording_name};
use crate::screen;
use crate::select::host_name;

/// How long the server may take to end a recording once its console is left.
const ENDING: Duration = Duration::from_secs(10);

/// Between two looks whether it has.
const LOOK: Duration = Duration::from_millis(200);

/// `ironhand flow record`.
pub async fn record(client: &Client, asked: &args::RecordFlow) -> Result<(), Failure> {
    let (host, id) = match (&asked.from, &asked.host) {
        (Some(from), _) => recording_name(from)?,
        (None, Some(host)) => by_hand(client, host_name(host)?, asked).await?,
        // The command line asks for one of them.
        (None, None) => return Ok(()),
    };
    let RecordingFile { kind, content } = client.recording(&host, id).await?;
    if kind == RecordingKind::Serial {
        return Err(Failure::Usage {
            message: format!("{host}/{id} is the recording of a serial line, which has no screens"),
            hint: Some("take one of a screen: `ironhand recordings` tells the kind".to_owned()),
        });
    }
    let events: Vec<_> = events(&content).collect();
    let drafted = draft::draft(&events, host.as_str())
        .map_err(|error| Failure::Failed(format!("no flow is drafted from {host}/{id}: {error}")))?;
    let name = match &asked.name {
        Some(name) => host_name(name)?.to_string(),
        None => drafted.name.clone(),
    };
    let manifest = asked.out.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.yaml")));
    let folder = manifest.parent().unwrap_or(Path::new("")).to_owned();
    let mut pictures = Vec::new();
    for (number, look) in [(1, &drafted.when), (2, &drafted.last)] {
        let file = format!("{name}-{number}.png");
        match &look.picture {
            Some(digest) => {
                let picture = client.recorded_picture(&host, id, digest).await?;
                pictures.push((Some(file), picture));
            }
            None => pictures.push((None, Vec::new())),
        }
    }
    let names: Vec<Option<&str>> = pictures.iter().map(|(name, _)| name.as_deref()).collect();
    let text = drafted.manifest(&name, &format!("{host}/{id}"), names[0], names[1]);
    parse_manifests(&manifest.display().to_string(), &text).map_err(Failure::Manifests)?;
    keep(&manifest, text.as_bytes())?;
    for (file, picture) in &pictures {
        if let Some(file) = file {
            keep(&folder.join(file), picture)?;
        }
    }
    let path = manifest.display();
    line(&format!("{path}: flow {name}, drafted from {host}/{id}"));
    line(&format!("look it over, then: ironhand flow test -f {path} && ironhand apply -f {path}"));
    Ok(())
}

/// Writes a file that was not there before: a draft that somebody has worked on is not lost to another.
fn keep(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let mut file = at(path, std::fs::File::create_new(path))?;
    at(path, file.write_all(content))
}

/// Has a person do the recovery, and tells which recording was made of it.
async fn by_hand(client: &Client, host: Name, asked: &args::RecordFlow) -> Result<(Name, i64), Failure> {
    let (by, begun) = (myself(), now());
    let (protocol, answers) = screen::pictures(PictureWord::Auto);
    let options = LiveOptions {
        console: ConsoleOptions { by: Some(by.clone()), take_over: asked.take_over, read_only: false },
        record_typed: asked.record_typed,
        ..LiveOptions::default()
    };
    let ended = screen::console::open(client, &host, options, asked.escape.0, protocol, answers).await?;
    if let Some((code, reason)) = ended.closed {
        line(&format!("{host}: {reason} ({code})"));
    }
    let made = newest(client, &host, &by, begun).await?;
    line(&format!("recorded as {}", called(&made)));
    Ok((host, made.id))
}

/// The recording that was just made.
async fn newest(client: &Client, host: &Name, by: &str, begun: Timestamp) -> Result<Recording, Failure> {
    let started = Instant::now();
    loop {
        let found = client.recordings(&RecordingsOf::Host(host.clone())).await?;
        let is_it = |one: &Recording| {
            // The clocks of two machines are not the same.
            let recent = one.begun_at.after(ENDING) >= begun;
            one.kind == RecordingKind::Screen && one.by == by && recent && one.ended_at.is_some()
        };
        if let Some(made) = found.into_iter().find(is_it) {
            return Ok(made);
        }
        if started.elapsed() >= ENDING {
            let message = format!("no recording of {host} was made; `ironhand recordings {host}` lists them");
            return Err(Failure::Failed(message));
        }
        tokio::time::sleep(LOOK).await;
    }
}
