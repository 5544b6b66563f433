//! `ironhand events`: everything that happened, in order, and as it happens.

use ironhand_api::{Event, Severity};
use ironhand_client::{Client, EventFilter};

use crate::args::{self, Format};
use crate::exit::Failure;
use crate::output::{Output, clock, line};
use crate::select::host_name;

/// `ironhand events`.
pub async fn events(client: &Client, asked: &args::Events, output: Output) -> Result<(), Failure> {
    let host = asked.host.as_deref().map(host_name).transpose()?;
    if !asked.follow {
        let events = client.events(&EventFilter { host, after: asked.after, limit: None }).await?;
        return events.iter().try_for_each(|event| show(event, output));
    }
    let mut stream = client.follow(asked.after, host);
    while let Some(event) = stream.next().await {
        show(&event?, output)?;
    }
    Ok(())
}

/// One event: a line for people, one line of JSON or one item of YAML for programs, as it comes.
pub fn show(event: &Event, output: Output) -> Result<(), Failure> {
    match output.format {
        Format::Json => {
            line(&serde_json::to_string(event).map_err(|error| Failure::Failed(error.to_string()))?)
        }
        Format::Yaml => output.value(&[event])?,
        Format::Name => line(&event.id.to_string()),
        Format::Table | Format::Wide => line(&words(event, output.color)),
    }
    Ok(())
}

/// An event as a line: time, host, message; the code where it is asked for.
pub fn words(event: &Event, color: bool) -> String {
    let (on, off) = match (color, event.severity) {
        (false, _) | (true, Severity::Info) => ("", ""),
        (true, Severity::Warning) => ("\x1b[33m", "\x1b[0m"),
        (true, Severity::Critical) => ("\x1b[31m", "\x1b[0m"),
    };
    let host = event.host.as_ref().map_or("-", |host| host.as_str());
    format!("{}  {host:<16} {on}{}{off}", clock(event.at), event.message)
}
