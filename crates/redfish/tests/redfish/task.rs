//! Changes that go on after they were accepted.

use ironhand_redfish::{Answer, Error, Method, Request, Talk, TaskEnd, settle};
use serde_json::{Value, json};

use crate::recorded::Recorded;

const MONITOR: &str = "/redfish/v1/TaskService/TaskMonitors/3";

/// Asks for something, gets `accepted`, and then what the place of the task answers one after the other; the last for ever.
fn check(accepted: Answer, looks: Vec<Answer>, end: &Result<TaskEnd, Error>) -> Recorded {
    let mut recorded = Recorded::of(json!({}));
    let mut looks = looks.into_iter().peekable();
    let done = recorded.play_with(
        |talk: &mut Talk| {
            let answer = talk.done(Request::with(Method::Post, "/do", json!({})))?;
            settle(talk, &answer)
        },
        |_, request| match request.path.as_str() {
            "/do" => Some(accepted.clone()),
            MONITOR => {
                let look = looks.peek().cloned();
                if looks.len() > 1 {
                    looks.next();
                }
                look
            }
            _ => None,
        },
    );
    assert_eq!(&done, end, "{accepted:?}");
    recorded
}

fn at(location: &str) -> Answer {
    Answer { location: Some(location.to_owned()), ..Answer::new(202, b"") }
}

fn state(state: &str) -> Answer {
    let messages = json!([{ "Message": "The image is not there." }]);
    Answer::json(200, json!({ "TaskState": state, "Messages": messages }))
}

#[test]
fn a_task_is_followed_to_its_end() {
    let done = Ok(TaskEnd::Done);
    check(Answer::new(204, b""), vec![], &done);
    check(at(MONITOR), vec![Answer::new(202, b""), state("Running"), state("Completed")], &done);
    check(at(MONITOR), vec![Answer::new(202, b""), Answer::new(204, b"")], &done);
    let failed = |state: &str| {
        let (task, message) = (MONITOR.to_owned(), "The image is not there.".to_owned());
        Err(Error::TaskFailed { task, state: state.to_owned(), message })
    };
    check(at(MONITOR), vec![state("New"), state("Exception")], &failed("Exception"));
    check(at(MONITOR), vec![state("Cancelled")], &failed("Cancelled"));
    let endless = Err(Error::TaskEndless { task: MONITOR.to_owned() });
    let recorded = check(at(MONITOR), vec![state("Running")], &endless);
    assert!(recorded.waited.as_secs() < 40 * 60, "{:?}", recorded.waited);
    check(at(MONITOR), vec![Answer::new(202, b""), Answer::new(404, b"")], &Ok(TaskEnd::Unknown));
}

/// The place of a task is found wherever it is told.
pub fn task_location() {
    let done = Ok(TaskEnd::Done);
    check(at(&format!("https://192.0.2.7{MONITOR}")), vec![state("Completed")], &done);
    check(Answer::json(202, json!({ "TaskMonitor": MONITOR })), vec![state("Completed")], &done);
    check(Answer::json(202, json!({ "@odata.id": MONITOR })), vec![state("Completed")], &done);
    let infos = json!([{ "MessageId": "Base.1.10.Accepted", "MessageArgs": ["the image", MONITOR] }]);
    for body in
        [json!({ "Accepted": { "@Message.ExtendedInfo": infos } }), json!({ "@Message.ExtendedInfo": infos })]
    {
        check(Answer::json(202, body), vec![state("Completed")], &done);
    }
    check(Answer::new(202, b""), vec![], &Ok(TaskEnd::Unknown));
    check(Answer::json(202, Value::Null), vec![], &Ok(TaskEnd::Unknown));
}

/// A job that was just made is not there yet.
pub fn task_late() {
    let missing = || Answer::new(404, b"");
    let job = || Answer::json(200, json!({ "JobState": "Completed" }));
    let recorded = check(at(MONITOR), vec![missing(), missing(), job()], &Ok(TaskEnd::Done));
    assert!(recorded.waited.as_secs() >= 20, "{:?}", recorded.waited);
    check(at(MONITOR), vec![missing()], &Ok(TaskEnd::Unknown));
}
