//! Why an operation did not reach its end.

/// Why an operation did not reach its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The controller has no such resource.
    #[error("the controller has no {path}")]
    Missing {
        /// The path that was asked for.
        path: String,
    },
    /// The credentials are not valid (status 401).
    #[error("the controller refused the credentials")]
    Unauthorized,
    /// The account may not do this (status 403).
    #[error("the account may not do this: {message}")]
    Forbidden {
        /// What the controller said.
        message: String,
    },
    /// The controller wants a licence for this, which it does not have.
    #[error("the controller wants a licence for this: {message}")]
    Unlicensed {
        /// What the controller said.
        message: String,
    },
    /// The account must be given a new password before anything else (DSP0266 section 13.3.7.1).
    #[error("the controller asks for a new password of the account before anything else")]
    PasswordChangeRequired {
        /// The path of the account, where the controller said it.
        account: Option<String>,
    },
    /// The controller is busy or has no session left (status 429 or 503), and stayed so.
    #[error("the controller is busy: {message}")]
    Busy {
        /// What the controller said.
        message: String,
    },
    /// The controller refused a request.
    #[error("the controller refused {doing}: {}", said(*.status, .message))]
    Refused {
        /// What was asked, as a method and path.
        doing: String,
        /// The status (RFC 9110 section 15).
        status: u16,
        /// What the controller said.
        message: String,
    },
    /// An answer makes no sense.
    #[error("the answer to {doing} makes no sense: {reason}")]
    Malformed {
        /// What was asked.
        doing: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The controller sends us elsewhere, where its credentials have no business.
    #[error("the controller redirects {path} to another place, which is not followed")]
    Redirected {
        /// The path that was asked for.
        path: String,
    },
    /// The controller manages no machine of the name that was given, or none at all.
    #[error("{}", no_system(.wanted.as_deref(), .there))]
    NoSystem {
        /// The name that was given.
        wanted: Option<String>,
        /// The machines that it manages.
        there: Vec<String>,
    },
    /// The controller manages several machines, and none was named.
    #[error("the controller manages several machines, name one of them: {}", .there.join(", "))]
    Ambiguous {
        /// The machines that it manages.
        there: Vec<String>,
    },
    /// The controller has no such account.
    #[error("the controller has no account {username:?}")]
    NoAccount {
        /// The user name.
        username: String,
    },
    /// What the controller had accepted ended otherwise than well.
    #[error("the controller ended {task} as {state}: {message}")]
    TaskFailed {
        /// The path of the task.
        task: String,
        /// How it ended.
        state: String,
        /// What the controller said.
        message: String,
    },
    /// What the controller had accepted did not end.
    #[error("the controller does not end {task}")]
    TaskEndless {
        /// The path of the task.
        task: String,
    },
    /// A virtual drive holds another image.
    #[error("the virtual drive {slot} holds {holds}: eject that first")]
    Occupied {
        /// The drive.
        slot: String,
        /// What it holds.
        holds: String,
    },
    /// The controller cannot do it.
    #[error("the controller cannot {what}")]
    Unsupported {
        /// What it cannot do, as a verb with its object.
        what: String,
    },
    /// The controller took a change and shows something else when asked.
    #[error("the controller took the change of {what}, and shows {seen} when asked")]
    NotKept {
        /// What was changed.
        what: String,
        /// What it shows.
        seen: String,
    },
    /// It needed more requests than any controller is worth.
    #[error("the operation needed more than {most} requests")]
    Endless {
        /// The limit.
        most: usize,
    },
}

/// A controller's words with their status, which is all where it said nothing.
fn said(status: u16, message: &str) -> String {
    if message.starts_with("status ") { message.to_owned() } else { format!("{message} (status {status})") }
}

fn no_system(wanted: Option<&str>, there: &[String]) -> String {
    match wanted {
        Some(wanted) if !there.is_empty() => {
            format!("the controller manages no machine {wanted:?}: it manages {}", there.join(", "))
        }
        _ => "the controller manages no machine".to_owned(),
    }
}
