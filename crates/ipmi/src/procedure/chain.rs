//! Procedures made from smaller ones: one after the other, one for each item, a refusal as a value.

use crate::command::{Command, RawCommand};
use crate::completion::CompletionCode;
use crate::procedure::{Answer, Ask, Procedure, ProcedureError, Turn};

/// A procedure whose kind depends on what was answered before.
pub(crate) type Boxed<T> = Box<dyn Procedure<Output = T> + Send>;

impl<P: Procedure + ?Sized> Procedure for Box<P> {
    type Output = P::Output;

    fn next(&mut self) -> Turn<P::Output> {
        (**self).next()
    }

    fn answer(&mut self, answer: Answer<'_>) {
        (**self).answer(answer);
    }
}

/// Ways to go on from a procedure.
pub(crate) trait Chain: Procedure + Sized {
    /// Goes on with the procedure that `next` makes from the output of this one.
    fn then<B: Procedure, F: FnOnce(Self::Output) -> B>(self, next: F) -> Then<Self, B, F> {
        Then { first: self, next: Some(next), second: None }
    }

    /// Ends with what `make` makes from the output.
    fn map<T, F: FnOnce(Self::Output) -> T>(self, make: F) -> Map<Self, F> {
        Map { inner: self, make: Some(make) }
    }

    /// Gives an error back as a value, so that something can be tidied up behind it.
    fn caught(self) -> Caught<Self> {
        Caught(self)
    }
}

impl<P: Procedure> Chain for P {}

/// See [`Chain::then`].
pub(crate) struct Then<A, B, F> {
    first: A,
    next: Option<F>,
    second: Option<B>,
}

impl<A, B, F> Procedure for Then<A, B, F>
where
    A: Procedure,
    B: Procedure,
    F: FnOnce(A::Output) -> B,
{
    type Output = B::Output;

    fn next(&mut self) -> Turn<B::Output> {
        if let Some(second) = &mut self.second {
            return second.next();
        }
        match self.first.next() {
            Turn::Ask(command) => Turn::Ask(command),
            Turn::Wait(time) => Turn::Wait(time),
            Turn::Done(Err(error)) => Turn::Done(Err(error)),
            Turn::Done(Ok(output)) => {
                let next = self.next.take().expect("a procedure ends once");
                self.second.insert(next(output)).next()
            }
        }
    }

    fn answer(&mut self, answer: Answer<'_>) {
        match &mut self.second {
            Some(second) => second.answer(answer),
            None => self.first.answer(answer),
        }
    }
}

/// See [`Chain::map`].
pub(crate) struct Map<P, F> {
    inner: P,
    make: Option<F>,
}

impl<P: Procedure, T, F: FnOnce(P::Output) -> T> Procedure for Map<P, F> {
    type Output = T;

    fn next(&mut self) -> Turn<T> {
        match self.inner.next() {
            Turn::Ask(command) => Turn::Ask(command),
            Turn::Wait(time) => Turn::Wait(time),
            Turn::Done(outcome) => {
                let make = self.make.take().expect("a procedure ends once");
                Turn::Done(outcome.map(make))
            }
        }
    }

    fn answer(&mut self, answer: Answer<'_>) {
        self.inner.answer(answer);
    }
}

/// See [`Chain::caught`].
pub(crate) struct Caught<P>(P);

impl<P: Procedure> Procedure for Caught<P> {
    type Output = Result<P::Output, ProcedureError>;

    fn next(&mut self) -> Turn<Self::Output> {
        match self.0.next() {
            Turn::Ask(command) => Turn::Ask(command),
            Turn::Wait(time) => Turn::Wait(time),
            Turn::Done(outcome) => Turn::Done(Ok(outcome)),
        }
    }

    fn answer(&mut self, answer: Answer<'_>) {
        self.0.answer(answer);
    }
}

/// An end without a further command.
pub(crate) struct Ended<T>(Option<Result<T, ProcedureError>>);

/// Ends with `output`.
pub(crate) fn done<T>(output: T) -> Ended<T> {
    end(Ok(output))
}

/// Ends with `outcome`.
pub(crate) fn end<T>(outcome: Result<T, ProcedureError>) -> Ended<T> {
    Ended(Some(outcome))
}

impl<T> Procedure for Ended<T> {
    type Output = T;

    fn next(&mut self) -> Turn<T> {
        Turn::Done(self.0.take().expect("a procedure ends once"))
    }

    fn answer(&mut self, _: Answer<'_>) {}
}

/// Asks `command`; a refusal ends the procedure.
pub(crate) fn ask<C: Command>(doing: &'static str, command: &C) -> Ask<C> {
    Ask::new(doing, command)
}

/// One command whose refusal is a value rather than an end.
pub(crate) struct Attempt<C: Command> {
    doing: &'static str,
    command: RawCommand,
    outcome: Option<Result<Result<C::Reply, CompletionCode>, ProcedureError>>,
}

/// Asks `command` and gives the BMC's refusal back as a completion code.
pub(crate) fn attempt<C: Command>(doing: &'static str, command: &C) -> Attempt<C> {
    Attempt { doing, command: RawCommand::of(command), outcome: None }
}

impl<C: Command> Drop for Attempt<C> {
    fn drop(&mut self) {
        self.command.wipe();
    }
}

impl<C: Command> Procedure for Attempt<C> {
    type Output = Result<C::Reply, CompletionCode>;

    fn next(&mut self) -> Turn<Self::Output> {
        match self.outcome.take() {
            Some(outcome) => Turn::Done(outcome),
            None => Turn::Ask(self.command.clone()),
        }
    }

    fn answer(&mut self, answer: Answer<'_>) {
        self.outcome = Some(match answer.read::<C>(self.doing) {
            Ok(reply) => Ok(Ok(reply)),
            Err(ProcedureError::Refused { code, .. }) => Ok(Err(code)),
            Err(error) => Err(error),
        });
    }
}

/// See [`each`].
pub(crate) struct Each<I, P: Procedure, F> {
    items: I,
    make: F,
    running: Option<P>,
    outputs: Vec<P::Output>,
}

/// Runs the procedure that `make` makes for each of `items`, in order, and gathers their outputs. The first error ends it.
pub(crate) fn each<I, P, F>(items: I, make: F) -> Each<I::IntoIter, P, F>
where
    I: IntoIterator,
    P: Procedure,
    F: FnMut(I::Item) -> P,
{
    Each { items: items.into_iter(), make, running: None, outputs: Vec::new() }
}

impl<I, P, F> Procedure for Each<I, P, F>
where
    I: Iterator,
    P: Procedure,
    F: FnMut(I::Item) -> P,
{
    type Output = Vec<P::Output>;

    fn next(&mut self) -> Turn<Self::Output> {
        loop {
            let running = match &mut self.running {
                Some(running) => running,
                None => match self.items.next() {
                    Some(item) => self.running.insert((self.make)(item)),
                    None => return Turn::Done(Ok(std::mem::take(&mut self.outputs))),
                },
            };
            match running.next() {
                Turn::Ask(command) => return Turn::Ask(command),
                Turn::Wait(time) => return Turn::Wait(time),
                Turn::Done(Err(error)) => return Turn::Done(Err(error)),
                Turn::Done(Ok(output)) => self.outputs.push(output),
            }
            self.running = None;
        }
    }

    fn answer(&mut self, answer: Answer<'_>) {
        if let Some(running) = &mut self.running {
            running.answer(answer);
        }
    }
}
