//! `ironhand events`: everything that happened, in order, and as it happens.

use ironhand_api::{Event, Severity};
use ironhand_client::{Client, EventFilter, EventStream};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::{self, EventFormat, Format};
use crate::exit::Failure;
use crate::output::{Output, clock, line};
use crate::select::host_name;

/// `ironhand events`.
pub async fn events(client: &Client, asked: &args::Events, output: Output) -> Result<(), Failure> {
    let host = asked.host.as_deref().map(host_name).transpose()?;
    let show = |event: &Event| show(event, output);
    match (asked.format, asked.follow) {
        (None, true) => tell(client.follow(asked.after, host), show).await,
        (Some(EventFormat::Cloudevents), true) => {
            tell(client.follow_cloud_events(asked.after, host), json_line).await
        }
        (None, false) => {
            let filter = EventFilter { host, after: asked.after, limit: None };
            client.events(&filter).await?.iter().try_for_each(show)
        }
        (Some(EventFormat::Cloudevents), false) => {
            let filter = EventFilter { host, after: asked.after, limit: None };
            client.cloud_events(&filter).await?.iter().try_for_each(json_line)
        }
    }
}

async fn tell<T: DeserializeOwned>(
    mut stream: EventStream<T>,
    show: impl Fn(&T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    while let Some(event) = stream.next().await {
        show(&event?)?;
    }
    Ok(())
}

fn json_line<T: Serialize>(event: &T) -> Result<(), Failure> {
    line(&serde_json::to_string(event).map_err(|error| Failure::Failed(error.to_string()))?);
    Ok(())
}

/// One event: a line for people, one line of JSON or one item of YAML for programs, as it comes.
pub fn show(event: &Event, output: Output) -> Result<(), Failure> {
    match output.format {
        Format::Json => return json_line(event),
        Format::Yaml => return output.value(&[event]),
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
