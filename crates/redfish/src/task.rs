//! Changes that go on after they were accepted (DSP0266 section 12.2).

use std::time::Duration;

use serde_json::Value;

use crate::exchange::{own_path, shown};
use crate::{Answer, Error, Request, Stop, Talk};

/// How often is looked whether a task ended.
const MOST_LOOKS: u32 = 200;

/// How long is waited before the first look; later ones come more rarely.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How often a task that was just made may be missing.
const MISSING_LOOKS: u32 = 3;
const MISSING_PAUSE: Duration = Duration::from_secs(10);

/// How a change ended that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskEnd {
    /// It is done.
    Done,
    /// The controller does not say: where to ask about it, or any longer how it ended.
    Unknown,
}

/// Waits for the end of what `answer` accepted (status 202), for as long as half an hour; what was done at once needs no
/// wait.
///
/// # Errors
///
/// [`Error::TaskFailed`] where it ended otherwise than well, [`Error::TaskEndless`] where it did not end, and what
/// [`Operation::perform`](crate::Operation::perform) says.
pub fn settle(talk: &mut Talk, answer: &Answer) -> Result<TaskEnd, Stop> {
    if answer.status != 202 {
        return Ok(TaskEnd::Done);
    }
    let Some(path) = place(answer) else { return Ok(TaskEnd::Unknown) };
    let (mut pause, mut missing, mut was_there) = (FIRST_PAUSE, 0, false);
    let mut wait = answer.retry_after;
    for _ in 0..MOST_LOOKS {
        talk.pause(wait.unwrap_or(pause).clamp(FIRST_PAUSE, LONGEST_PAUSE * 3))?;
        let request = Request::get(path.clone());
        let shown = talk.send(request.clone())?;
        match shown.status {
            404 if !was_there && missing < MISSING_LOOKS => {
                missing += 1;
                talk.pause(MISSING_PAUSE)?;
            }
            // A monitor goes when its task has ended; it does not say how.
            404 | 410 => return Ok(TaskEnd::Unknown),
            _ if !shown.is_success() => return Err(shown.error(&request).into()),
            status => match state(&shown) {
                Some(state) if ENDED_WELL.contains(&state) => return Ok(TaskEnd::Done),
                Some(state) if ENDED_BADLY.contains(&state) => {
                    let message = task_message(&shown);
                    return Err(Error::TaskFailed { task: path, state: state.to_owned(), message }.into());
                }
                None if status != 202 => return Ok(TaskEnd::Done),
                _ => {}
            },
        }
        was_there |= shown.is_success();
        wait = shown.retry_after;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Err(Error::TaskEndless { task: path }.into())
}

const ENDED_WELL: &[&str] = &["Completed", "CompletedOK"];
const ENDED_BADLY: &[&str] =
    &["Exception", "Killed", "Cancelled", "Interrupted", "CompletedWithErrors", "Failed"];

/// Where to ask about a task: its monitor in the headers, or the task in the body, which may be named in a message alone.
fn place(answer: &Answer) -> Option<String> {
    let value = answer.value();
    let in_body = |name: &str| value.and_then(|value| own_path(value[name].as_str()?));
    let arguments = || answer.infos().filter_map(|info| info["MessageArgs"].as_array()).flatten();
    let is_task =
        |path: &&str| path.contains("/Tasks/") || path.contains("/TaskMonitors/") || path.contains("/Jobs/");
    let in_message = || arguments().filter_map(|argument| own_path(argument.as_str()?)).find(is_task);
    let found = answer.location_path().or_else(|| in_body("TaskMonitor")).or_else(|| in_body("@odata.id"));
    found.or_else(in_message).map(str::to_owned)
}

/// The state of a task, or of Dell's jobs.
fn state(answer: &Answer) -> Option<&str> {
    let value = answer.value()?;
    value["TaskState"].as_str().or_else(|| value["JobState"].as_str())
}

fn task_message(answer: &Answer) -> String {
    let messages = answer.value().map(|value| &value["Messages"]).and_then(Value::as_array);
    let said: Vec<&str> =
        messages.into_iter().flatten().filter_map(|message| message["Message"].as_str()).collect();
    if said.is_empty() { "it does not say why".to_owned() } else { shown(&said.join(" ")) }
}
