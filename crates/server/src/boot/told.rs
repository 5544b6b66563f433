//! What is told of boots, in words.

use ironhand_api::{BootState, EventKind, Severity};
use ironhand_model::{BootNews, BootTold};
use ironhand_store::EventDraft;

/// The event that a piece of news is.
pub(super) fn draft(news: &BootNews) -> EventDraft {
    let (kind, severity, words) = match &news.what {
        BootTold::Began { architecture, network } => {
            let as_what = architecture.as_ref().map(|words| format!(" as {words}")).unwrap_or_default();
            let on = network.as_ref().map(|name| format!(" on {name}")).unwrap_or_default();
            (EventKind::BootStarted, Severity::Info, format!("boots over the network{on}{as_what}"))
        }
        BootTold::Step(step) => {
            let severity = if step.failed.is_some() { Severity::Warning } else { Severity::Info };
            (EventKind::BootStep, severity, step.to_string())
        }
        BootTold::Stalled(stall) => {
            let cause = stall.causes.first().map(|cause| format!("; usually: {cause}")).unwrap_or_default();
            let words = format!("the boot hangs after {}: {}{cause}", stall.after, stall.expected);
            (EventKind::BootStalled, Severity::Warning, words)
        }
        BootTold::Refused(reason) => {
            (EventKind::BootRefused, Severity::Warning, format!("is not served: {reason}"))
        }
        BootTold::Ended(BootState::HandedOver, words) => {
            (EventKind::BootEnded, Severity::Info, format!("the boot is handed over: {words}"))
        }
        BootTold::Ended(BootState::Refused, words) => {
            (EventKind::BootRefused, Severity::Warning, words.clone())
        }
        BootTold::Ended(_, words) => (EventKind::BootEnded, Severity::Info, words.clone()),
    };
    // Whose boot it is stands beside the message where it is a host's.
    let words = if news.host.is_some() { words } else { format!("{}: {words}", news.mac) };
    EventDraft::new(kind, severity, words)
}
