//! Playing an operation.

use std::sync::Arc;
use std::time::Duration;

use crate::talk::{Step, Wanted, resource};
use crate::{Answer, Error, Method, Operation, Request, Resource, Stop, Talk, Tree};

/// Requests of one operation: the whole inventory of the largest machines takes several hundred.
const MOST_REQUESTS: usize = 4000;

/// How often a request is sent again that a controller was too busy for (status 429 or 503).
const BUSY_RETRIES: u32 = 3;

/// How long a busy controller is left alone where it does not say.
const BUSY_PAUSE: Duration = Duration::from_secs(2);

/// How long an iDRAC is left alone that still gathers what it shows, and the message by which it says so.
const GATHERING_PAUSE: Duration = Duration::from_secs(30);
const GATHERING: &str = "SYS518";

/// The longest that a controller may keep an operation waiting at once.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Redirects that one request follows: only for reading, and only on the controller itself.
const MOST_REDIRECTS: u32 = 3;

/// A request that an operation wants answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// By which its answer is told apart.
    pub id: u64,
    /// What to send.
    pub request: Request,
}

/// What a run wants now.
#[derive(Debug, PartialEq)]
pub enum Turn<T> {
    /// Send these, at most two at a time, and call [`Run::answer`] for each, then [`Run::next_turn`].
    Ask(Vec<Question>),
    /// Let this much time pass, then call [`Run::next_turn`].
    Wait(Duration),
    /// It is over.
    Done(Result<T, Error>),
}

/// An operation that is under way.
#[derive(Debug)]
pub struct Run<O> {
    operation: O,
    talk: Talk,
    open: Vec<Open>,
    next_id: u64,
    /// A pause that a busy controller asked for.
    busy: Option<Duration>,
    /// A pause that the operation asked for, and that was handed out.
    pausing: bool,
}

/// A question without an answer.
#[derive(Debug)]
struct Open {
    question: Question,
    wanted: Purpose,
    retries: u32,
    redirects: u32,
    answered: bool,
}

/// What becomes of an answer.
#[derive(Debug)]
enum Purpose {
    /// A resource that is kept, by the path that it was asked for by.
    Known(String),
    /// A resource that is the step of this number.
    Read(usize),
    /// The step of this number.
    Send(usize),
}

impl<O: Operation> Run<O> {
    /// Begins an operation on a controller of which `tree` is known.
    pub fn new(operation: O, mut tree: Tree) -> Self {
        tree.bound();
        let talk = Talk { tree, ..Talk::default() };
        Self { operation, talk, open: Vec::new(), next_id: 0, busy: None, pausing: false }
    }

    /// What it wants now.
    pub fn next_turn(&mut self) -> Turn<O::Output> {
        if let Some(pause) = self.busy.take() {
            return Turn::Wait(pause);
        }
        if std::mem::take(&mut self.pausing) {
            self.talk.steps.push(Step::Paused);
        }
        self.open.retain(|open| !open.answered);
        if !self.open.is_empty() {
            return Turn::Ask(self.open.iter().map(|open| open.question.clone()).collect());
        }
        self.talk.at = 0;
        self.talk.wanted.clear();
        match self.operation.perform(&mut self.talk) {
            Ok(output) => Turn::Done(Ok(output)),
            Err(Stop::Failed(error)) => Turn::Done(Err(error)),
            Err(Stop::Ask) => self.ask(),
        }
    }

    fn ask(&mut self) -> Turn<O::Output> {
        for wanted in std::mem::take(&mut self.talk.wanted) {
            let step = self.talk.steps.len();
            let (request, wanted) = match wanted {
                Wanted::Pause(time) => {
                    self.pausing = true;
                    return Turn::Wait(time);
                }
                Wanted::Known(path) => {
                    if self.open.iter().any(|open| open.question.request.path == path) {
                        continue;
                    }
                    (Request::get(path.clone()), Purpose::Known(path))
                }
                Wanted::Read(path) => (Request::get(path), Purpose::Read(step)),
                Wanted::Send(request) => (request, Purpose::Send(step)),
            };
            if !matches!(wanted, Purpose::Known(_)) {
                self.talk.steps.push(Step::Open);
            }
            let question = Question { id: self.next_id, request };
            self.next_id += 1;
            self.open.push(Open { question, wanted, retries: 0, redirects: 0, answered: false });
        }
        if self.next_id as usize > MOST_REQUESTS {
            return Turn::Done(Err(Error::Endless { most: MOST_REQUESTS }));
        }
        Turn::Ask(self.open.iter().map(|open| open.question.clone()).collect())
    }

    /// Takes the answer to a question. An answer to another one is ignored.
    pub fn answer(&mut self, id: u64, answer: Answer) {
        let Some(open) = self.open.iter_mut().find(|open| open.question.id == id && !open.answered) else {
            return;
        };
        // A controller that is busy has not done it.
        if matches!(answer.status, 429 | 503) && open.retries < BUSY_RETRIES {
            open.retries += 1;
            let gathers = answer.message_ids().iter().any(|id| id == GATHERING);
            let own = if gathers { GATHERING_PAUSE } else { BUSY_PAUSE * open.retries };
            let pause = answer.retry_after.unwrap_or(own).min(LONGEST_PAUSE);
            self.busy = Some(self.busy.map_or(pause, |other| other.max(pause)));
            return;
        }
        if let Some(path) = redirect(&open.question.request, &answer)
            && open.redirects < MOST_REDIRECTS
        {
            open.redirects += 1;
            open.question.request.path = path;
            return;
        }
        open.answered = true;
        let request = &open.question.request;
        match &open.wanted {
            Purpose::Send(step) => self.talk.steps[*step] = Step::Sent(Arc::new(answer)),
            Purpose::Read(step) => {
                self.talk.steps[*step] = Step::Read(resource(request, answer).map(Arc::new));
            }
            Purpose::Known(path) => match resource(request, answer) {
                Ok(resource) => {
                    self.talk.tree.insert(Arc::new(Resource { path: path.clone(), ..resource }));
                }
                Err(error) => self.talk.failed.push((path.clone(), error)),
            },
        }
    }

    /// What is known of the controller now, for the next operation.
    pub fn into_tree(self) -> Tree {
        self.talk.tree
    }
}

/// Where an answer sends a request that may go there: to a path of the same controller. An answer that names a host is
/// followed where it only says that the path is written in another way, as the host may be any.
fn redirect(request: &Request, answer: &Answer) -> Option<String> {
    if request.method != Method::Get || !matches!(answer.status, 301 | 302 | 307 | 308) {
        return None;
    }
    let path = answer.location_path()?;
    let names_host = answer.location.as_deref().is_some_and(|location| location.contains("://"));
    let is_same = path.trim_end_matches('/') == request.path.trim_end_matches('/');
    (path != request.path && (!names_host || is_same)).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Talk;

    /// Switches on, and reads back.
    fn power_on(talk: &mut Talk) -> Result<String, Stop> {
        let root = talk.get("/redfish/v1/")?;
        let systems = root.link(&["Systems"]).unwrap_or_default().to_owned();
        let members = talk.get(&systems)?.members();
        let systems = talk.get_all(&members)?;
        let system = systems[0].clone()?;
        let target = system.text(&["Actions", "#ComputerSystem.Reset", "target"]).unwrap_or_default();
        talk.done(Request::with(Method::Post, target, json!({ "ResetType": "On" })))?;
        talk.pause(Duration::from_secs(1))?;
        let seen = talk.read(&system.path)?;
        Ok(seen.text(&["PowerState"]).unwrap_or_default().to_owned())
    }

    #[test]
    fn an_operation_is_played_to_its_end() {
        let mut run = Run::new(power_on, Tree::default());
        let (mut asked, mut waited, mut on, mut busy) = (Vec::new(), Duration::ZERO, false, 1);
        let power = loop {
            match run.next_turn() {
                Turn::Done(result) => break result,
                Turn::Wait(time) => waited += time,
                Turn::Ask(questions) => {
                    for Question { id, request } in questions {
                        asked.push(request.named());
                        let answer = match request.path.as_str() {
                            "/redfish/v1/" if busy > 0 => {
                                busy -= 1;
                                let pause = Some(Duration::from_secs(7));
                                Answer { retry_after: pause, ..Answer::new(503, b"") }
                            }
                            "/redfish/v1/" => Answer::json(
                                200,
                                json!({ "Systems": { "@odata.id": "/redfish/v1/Systems" } }),
                            ),
                            "/redfish/v1/Systems" => Answer::json(
                                200,
                                json!({ "Members": [{ "@odata.id": "/s/1" }, { "@odata.id": "/s/2" }] }),
                            ),
                            "/s/1" => Answer::json(
                                200,
                                json!({
                                    "PowerState": if on { "On" } else { "Off" },
                                    "Actions": { "#ComputerSystem.Reset": { "target": "/s/1/Reset" } },
                                }),
                            ),
                            "/s/1/Reset" => {
                                on = true;
                                Answer::new(204, b"")
                            }
                            _ => Answer::new(404, b"<html>"),
                        };
                        run.answer(id, answer);
                    }
                }
            }
        };
        assert_eq!(power, Ok("On".to_owned()));
        assert_eq!(waited, Duration::from_secs(8));
        let expected = [
            "GET /redfish/v1/",
            "GET /redfish/v1/",
            "GET /redfish/v1/Systems",
            "GET /s/1",
            "GET /s/2",
            "POST /s/1/Reset",
            "GET /s/1",
        ];
        assert_eq!(asked, expected);
    }
}
