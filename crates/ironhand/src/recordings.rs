//! `ironhand recordings`: what was written and typed on consoles that somebody had.

use ironhand_api::Recording;
use ironhand_client::Client;

use crate::args;
use crate::args::RecordingsVerb;
use crate::exit::{Failure, at};
use crate::output::{Output, age, now, write_bytes};
use crate::select::host_name;

/// `ironhand recordings`.
pub async fn recordings(client: &Client, asked: &args::Recordings, output: Output) -> Result<(), Failure> {
    if let Some(RecordingsVerb::Show { recording, save }) = &asked.verb {
        let usage = || Failure::Usage {
            message: format!("`{recording}` is not HOST/NUMBER"),
            hint: Some("ironhand recordings lists them".to_owned()),
        };
        let (host, id) = recording.split_once('/').ok_or_else(usage)?;
        let (host, id) = (host_name(host)?, id.parse().map_err(|_| usage())?);
        let cast = client.recording(&host, id).await?;
        return match save {
            Some(path) => at(path, std::fs::write(path, cast)),
            None => write_bytes(&cast),
        };
    }
    let host = asked.host.as_deref().map(host_name).transpose()?;
    let found = client.recordings(host.as_ref()).await?;
    let now = now();
    let called = |recording: &Recording| format!("{}/{}", recording.host, recording.id);
    output.list(&found, &["recording", "by", "begun", "size"], called, |recording| {
        vec![
            called(recording).into(),
            recording.by.as_str().into(),
            format!("{} ago", age(now, recording.begun_at)).into(),
            format!("{} KiB", recording.bytes.div_ceil(1024)).into(),
        ]
    })
}
