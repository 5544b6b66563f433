//! What an operation asks, and what it was told.

use std::sync::Arc;
use std::time::Duration;

use crate::exchange::own_path;
use crate::{Answer, Body, Error, Request, Resource, Tree};

/// Pages of one collection: controllers put 50 members or more on each.
const MOST_PAGES: usize = 100;

/// Members of one collection that are looked at: of machines, controllers, cases and accounts there are some dozens. What may
/// be more, as drives and entries of logs, is read page by page.
const MOST_MEMBERS: usize = 256;

/// Something that takes several requests.
///
/// An operation is a plain function. It is called again, from its beginning, each time an answer has come; a [`Talk`] gives it
/// what is known already and stops it at the first thing that is not. So it must ask for the same things in the same
/// order as long as it is told the same, and it may hold no state of its own.
pub trait Operation {
    /// What it is for.
    type Output;

    /// Does the operation as far as the answers that are there allow.
    ///
    /// # Errors
    ///
    /// [`Stop::Ask`] where something is asked that is not known yet; [`Stop::Failed`] where it cannot reach its end.
    fn perform(&self, talk: &mut Talk) -> Result<Self::Output, Stop>;
}

impl<T, F: Fn(&mut Talk) -> Result<T, Stop>> Operation for F {
    type Output = T;

    fn perform(&self, talk: &mut Talk) -> Result<T, Stop> {
        self(talk)
    }
}

/// Why an operation stopped.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// Until what it asked the [`Talk`] for is there.
    Ask,
    /// For good.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What an operation has open.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wanted {
    /// A resource that may be kept.
    Known(String),
    /// A resource as it is now, as the next step.
    Read(String),
    /// The answer to the next step.
    Send(Request),
    /// Time.
    Pause(Duration),
}

/// A step of an operation.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// It was asked for, and has no answer yet.
    Open,
    /// What a resource showed.
    Read(Result<Arc<Resource>, Error>),
    /// The answer to a request.
    Sent(Arc<Answer>),
    /// Time has passed.
    Paused,
}

/// What an operation asks, and what it was told.
#[derive(Debug, Default)]
pub struct Talk {
    pub(crate) tree: Tree,
    /// Resources that could not be had, with the reason.
    pub(crate) failed: Vec<(String, Error)>,
    pub(crate) steps: Vec<Step>,
    /// The step that the operation takes next.
    pub(crate) at: usize,
    pub(crate) wanted: Vec<Wanted>,
}

impl Talk {
    /// A resource, as it is known or as the controller shows it: for what does not change while an operation runs.
    ///
    /// # Errors
    ///
    /// What [`Operation::perform`] says; a resource that is not there fails with [`Error::Missing`].
    pub fn get(&mut self, path: &str) -> Result<Arc<Resource>, Stop> {
        if let Some(resource) = self.tree.get(path) {
            return Ok(Arc::clone(resource));
        }
        if let Some((_, error)) = self.failed.iter().find(|(failed, _)| failed == path) {
            return Err(Stop::Failed(error.clone()));
        }
        self.wanted.push(Wanted::Known(path.to_owned()));
        Err(Stop::Ask)
    }

    /// Several resources, asked for at once. One that cannot be had is an error of its own and not of the operation,
    /// unless the controller refuses everything.
    ///
    /// # Errors
    ///
    /// What [`Operation::perform`] says.
    pub fn get_all(&mut self, paths: &[String]) -> Result<Vec<Result<Arc<Resource>, Error>>, Stop> {
        let mut found = Vec::new();
        let mut asks = false;
        for path in paths {
            match self.get(path) {
                Ok(resource) => found.push(Ok(resource)),
                Err(Stop::Ask) => asks = true,
                Err(Stop::Failed(error @ (Error::Unauthorized | Error::PasswordChangeRequired { .. }))) => {
                    return Err(error.into());
                }
                Err(Stop::Failed(error)) => found.push(Err(error)),
            }
        }
        if asks { Err(Stop::Ask) } else { Ok(found) }
    }

    /// The paths of a collection's members, over all its pages. A collection that is not there, or has null where its
    /// members belong, has none.
    ///
    /// # Errors
    ///
    /// What [`Operation::perform`] says.
    pub fn members(&mut self, collection: &str) -> Result<Vec<String>, Stop> {
        let (mut members, mut pages) = (Vec::new(), vec![collection.to_owned()]);
        while let Some(path) = pages.last() {
            let page = match self.get(path) {
                Err(Stop::Failed(Error::Missing { .. })) => break,
                page => page?,
            };
            for member in page.members() {
                if !members.contains(&member) {
                    members.push(member);
                }
            }
            match page.text(&["Members@odata.nextLink"]).and_then(own_path) {
                Some(next) if pages.len() < MOST_PAGES && !pages.iter().any(|page| page == next) => {
                    pages.push(next.to_owned());
                }
                _ => break,
            }
        }
        members.truncate(MOST_MEMBERS);
        Ok(members)
    }

    /// Reads a resource as it is now.
    ///
    /// # Errors
    ///
    /// What [`Operation::perform`] says.
    pub fn read(&mut self, path: &str) -> Result<Arc<Resource>, Stop> {
        match self.steps.get(self.at) {
            Some(Step::Read(result)) => {
                self.at += 1;
                result.clone().map_err(Stop::Failed)
            }
            _ => self.want(Wanted::Read(path.to_owned())),
        }
    }

    /// Reads several resources as they are now, asked for at once. One that cannot be had is an error of its own, as with
    /// [`get_all`](Self::get_all).
    ///
    /// # Errors
    ///
    /// What [`Operation::perform`] says.
    pub fn read_all(&mut self, paths: &[String]) -> Result<Vec<Result<Arc<Resource>, Error>>, Stop> {
        let mut found = Vec::new();
        for path in paths {
            match self.steps.get(self.at) {
                Some(Step::Read(result)) => {
                    self.at += 1;
                    if let Err(error @ (Error::Unauthorized | Error::PasswordChangeRequired { .. })) = result
                    {
                        return Err(error.clone().into());
                    }
                    found.push(result.clone());
                }
                _ => self.wanted.push(Wanted::Read(path.clone())),
            }
        }
        if self.wanted.is_empty() { Ok(found) } else { Err(Stop::Ask) }
    }

    /// Sends a request, and gives its answer, whatever its status.
    ///
    /// # Errors
    ///
    /// What [`Operation::perform`] says.
    pub fn send(&mut self, request: Request) -> Result<Arc<Answer>, Stop> {
        match self.steps.get(self.at) {
            Some(Step::Sent(answer)) => {
                self.at += 1;
                Ok(Arc::clone(answer))
            }
            _ => self.want(Wanted::Send(request)),
        }
    }

    /// Sends a request that must succeed.
    ///
    /// # Errors
    ///
    /// What [`Operation::perform`] says.
    pub fn done(&mut self, request: Request) -> Result<Arc<Answer>, Stop> {
        let answer = self.send(request.clone())?;
        if answer.is_success() { Ok(answer) } else { Err(answer.error(&request).into()) }
    }

    /// Lets time pass.
    ///
    /// # Errors
    ///
    /// [`Stop::Ask`] until it has passed.
    pub fn pause(&mut self, time: Duration) -> Result<(), Stop> {
        match self.steps.get(self.at) {
            Some(Step::Paused) => {
                self.at += 1;
                Ok(())
            }
            _ => self.want(Wanted::Pause(time)),
        }
    }

    fn want<T>(&mut self, wanted: Wanted) -> Result<T, Stop> {
        self.wanted.push(wanted);
        Err(Stop::Ask)
    }
}

/// The resource that an answer carries.
pub(crate) fn resource(request: &Request, answer: Answer) -> Result<Resource, Error> {
    if !answer.is_success() {
        return Err(answer.error(request));
    }
    let reason = match answer.body {
        Body::Json(value) if value.is_object() => {
            return Ok(Resource { path: request.path.clone(), etag: answer.etag, value });
        }
        Body::Json(_) => "it is not an object".to_owned(),
        Body::Empty => "it is empty".to_owned(),
        Body::Other(reason) => reason,
    };
    Err(Error::Malformed { doing: request.named(), reason })
}
