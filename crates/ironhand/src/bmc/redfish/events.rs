//! `ironhand bmc events`: what controllers tell on their own, as it happens.

use std::borrow::Cow;
use std::cell::Cell;
use std::time::Duration;

use clap::Args;
use ironhand_api::Timestamp;
use ironhand_connectors::{Error, RedfishDevice, RedfishEvents};
use ironhand_redfish::{Event, LogSeverity};
use serde::Serialize;

use super::{Controllers, Problem};
use crate::bmc::report::{Finding, Shown};
use crate::bmc::sel::Frame;
use crate::exit::Failure;
use crate::output::{Field, Output, Tone, line};
use crate::serve::stop_asked;

/// How long a controller is left alone before its stream is opened again, where it does not say.
const RETRY: Duration = Duration::from_secs(5);

/// How long a stream may say nothing. Many controllers send a sign of life far more often, others nothing for weeks: then a
/// connection that is lost shows only when another is made.
const QUIET: Duration = Duration::from_secs(600);

/// `ironhand bmc events`.
#[derive(Args)]
pub struct Events {}

/// `ironhand bmc events`.
pub async fn events(controllers: Controllers, _: &Events) -> Result<(), Failure> {
    let names = controllers.sweep.targets.len() > 1;
    let Frame { records, sweep } = Frame::of(controllers.sweep)?;
    let controllers = Controllers { sweep, ..controllers };
    controllers
        .named(async |name, device| {
            let printer = Printer { output: records, bmc: names.then_some(name), printed: Cell::new(0) };
            tokio::select! {
                problem = follow(device, &printer) => Err(problem),
                _ = stop_asked() => Ok(Heard { events: printer.printed.get() }),
            }
        })
        .await
}

/// Prints events as they come; ends only where that cannot go on.
async fn follow(device: &mut RedfishDevice, printer: &Printer<'_>) -> Problem {
    let mut began = false;
    loop {
        let pause = match device.events().await {
            Ok(mut stream) => {
                began = true;
                listen(&mut stream, printer).await;
                stream.retry()
            }
            // What was there comes back: controllers restart, and end streams as they like.
            Err(error) if began && error.retry() => None,
            Err(error) => return error.into(),
        };
        tokio::time::sleep(pause.unwrap_or(RETRY)).await;
    }
}

async fn listen(stream: &mut RedfishEvents, printer: &Printer<'_>) {
    loop {
        match stream.next(QUIET).await {
            Ok(Some(events)) => events.into_iter().for_each(|event| printer.print(event)),
            Ok(None) => return printer.tell("the BMC ended the stream, which is opened again"),
            Err(Error::Silent { .. }) => return,
            Err(error) => return printer.tell(&format!("{error}; the stream is opened again")),
        }
    }
}

/// One event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    /// Nothing where only one BMC is listened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    bmc: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// RFC 3339; nothing where the controller did not know the time.
    time: Option<String>,
    severity: &'static str,
    /// The path of the resource that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<String>,
    event: String,
    /// The event in the words of a registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
}

/// Where events are printed.
struct Printer<'a> {
    output: Output,
    bmc: Option<&'a str>,
    printed: Cell<usize>,
}

impl Printer<'_> {
    fn print(&self, event: Event) {
        let Event { id, at, severity, message, message_id, origin, .. } = event;
        let (severity, tone) = match severity {
            LogSeverity::Ok => ("ok", Tone::Good),
            LogSeverity::Warning => ("warning", Tone::Warn),
            LogSeverity::Critical => ("critical", Tone::Bad),
        };
        let time = at.map(|at| Timestamp::from_millis(at).to_string().replace(".000Z", "Z"));
        let event = message.or_else(|| message_id.clone()).unwrap_or_else(|| "without words".to_owned());
        let row = Row { bmc: self.bmc, id, time, severity, about: origin, event, message_id };
        if self.output.is_structured() {
            // Strings alone: it cannot fail.
            line(&serde_json::to_string(&row).unwrap_or_default());
        } else {
            let name = self.bmc.map(|name| format!("{name}  ")).unwrap_or_default();
            let severity = self.output.inline(&Field::toned(format!("{:8}", row.severity), tone));
            let about = row.about.as_deref().map(|about| format!("  ({about})")).unwrap_or_default();
            let time = row.time.as_deref().unwrap_or("unknown             ");
            let event = self.output.inline(&Field::from(format!("{}{about}", row.event)).printable());
            line(&format!("{name}{time}  {severity}  {event}"));
        }
        self.printed.set(self.printed.get() + 1);
    }

    fn tell(&self, text: &str) {
        let name = self.bmc.map(|name| format!("{name}: ")).unwrap_or_default();
        note!("{name}{text}");
    }
}

/// How many events came, when it is over.
#[derive(Serialize)]
struct Heard {
    events: usize,
}

impl Finding for Heard {
    fn outcome(&self) -> Cow<'static, str> {
        "followed".into()
    }

    fn is_said(&self) -> bool {
        true
    }

    fn shown(&self, _: Output) -> Shown {
        Shown::Line(format!("{} events came", self.events).into())
    }
}
