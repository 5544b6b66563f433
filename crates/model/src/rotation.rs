//! The change of a password of a controller's account, as a machine that asks one question at a time.
//!
//! It knows phases, not secrets. The controller is told only after both passwords are durable, and whatever it replies,
//! only fresh logins decide which password is valid: controllers say yes and do nothing, lose replies, keep the first
//! 16 characters, and test a password wrongly themselves. Killed at any point, the next start finds the phase and asks
//! the same two logins again.
//!
//! Failed logins are few, because controllers lock accounts: at most three in a row before the machine gives up with
//! [`RotationPhase::Indeterminate`], one more where the new password is [long](RotationMachine::long). The caller then
//! [waits](retry_after) and resumes.

mod password;

use std::time::Duration;

use ironhand_api::{RotationPhase, Settings};

pub use password::{MADE_PASSWORD, PasswordFault, RANDOM_FOR_PASSWORD, check_new_password, password_from};

/// How often the controller is told the new password, over all starts: the second time for those that lost the first.
/// More would lock the account at a controller that says yes, does nothing and counts failed logins.
pub const MOST_SETS: u32 = 2;

/// How often a login may stay without any reply before the machine gives up for now.
pub const MOST_SILENCES: u32 = 5;

/// The first wait after a login without a reply; each doubles the one before, so that a controller that restarts its
/// network after the change has a minute.
const SILENCE_WAIT: Duration = Duration::from_secs(2);

/// How long a controller may go on accepting the old password after the change.
const LAG: Duration = Duration::from_secs(5);

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationStep {
    /// Make this phase durable, with both passwords and [`attempts`](RotationMachine::attempts).
    Persist(RotationPhase),
    /// Tell the controller the new password, in a session opened with the old one.
    Set,
    /// Tell the controller the old password again: in the session of the last [`Set`](Self::Set), or of the last login
    /// that worked, whichever is still open.
    Undo,
    /// Log in, in a new session.
    Login(Which),
    /// Wait that long.
    Wait(Duration),
    /// It is over: make this durable. [`Indeterminate`](RotationPhase::Indeterminate) is resumed later.
    Settle(RotationPhase),
}

/// A password to log in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one that was valid before.
    Old,
    /// The one that shall be valid.
    New,
    /// The first 16 octets of the new one: what is left of it in a controller that keeps no more. Only for a machine
    /// that was told that the new one is [long](RotationMachine::long).
    NewCut,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationAnswer {
    /// Of a `Persist`: it is durable.
    Stored,
    /// Of a `Set` or an `Undo`.
    Set(SetReply),
    /// Of a `Login`.
    Login(LoginReply),
    /// Of a `Wait`: it is over.
    Waited,
}

/// What the controller said when it was told a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetReply {
    /// It says that it took it.
    Accepted,
    /// It says that it did not.
    Refused,
    /// Nothing came back: it may have taken it.
    NoReply,
    /// It was not told: no session could be opened.
    NotSent,
}

/// What became of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginReply {
    /// It worked.
    Accepted,
    /// The controller refused the name or the password, or the account is locked.
    Refused,
    /// The controller did not answer, or had no session to give.
    NoReply,
}

/// How far a change of a password has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationMachine {
    step: RotationStep,
    attempts: u32,
    long: bool,
    /// The phase was left in doubt by an earlier run: nothing is set any more, only found out.
    doubted: bool,
    /// A session in which the controller was told the new password may still be open.
    session: bool,
    /// The controller said that it does not take the new password.
    refused: bool,
    /// Whether a login with the new password worked, in this round of questions.
    new_works: Option<bool>,
    undo: Undo,
    cut_tried: bool,
    lagged: bool,
    silences: u32,
    /// The login to try after the wait.
    after_wait: Which,
    reason: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Undo {
    NotTried,
    Accepted,
    Failed,
}

impl RotationMachine {
    /// A change that nothing was done for yet.
    pub const fn begin() -> Self {
        Self::at(RotationStep::Persist(RotationPhase::Prepared), 0)
    }

    /// A change that an earlier start left in `phase` after that many [`attempts`](Self::attempts).
    pub fn resume(phase: RotationPhase, attempts: u32) -> Self {
        let mut machine = Self::at(RotationStep::Login(Which::New), attempts);
        match phase {
            // The controller was not told: the change goes on.
            RotationPhase::Prepared => machine.send(),
            RotationPhase::Sent | RotationPhase::Applied => {}
            RotationPhase::Indeterminate => machine.doubted = true,
            RotationPhase::Committed | RotationPhase::RolledBack => {
                machine.settle(phase, "it was over before");
            }
        }
        machine
    }

    /// Tells the machine that the new password is longer than 16 octets, so that a controller may have kept only those.
    #[must_use]
    pub const fn long(mut self) -> Self {
        self.long = true;
        self
    }

    const fn at(step: RotationStep, attempts: u32) -> Self {
        Self {
            step,
            attempts,
            long: false,
            doubted: false,
            session: false,
            refused: false,
            new_works: None,
            undo: Undo::NotTried,
            cut_tried: false,
            lagged: false,
            silences: 0,
            after_wait: Which::New,
            reason: "",
        }
    }

    /// What to do next. After a [`Settle`](RotationStep::Settle) there is nothing more to answer.
    pub const fn next(&self) -> RotationStep {
        self.step
    }

    /// How often the controller was, or is about to be, told the new password, plus how often the change was left in
    /// doubt. To be stored with each phase.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Why it was settled so, in words; empty before.
    pub const fn reason(&self) -> &'static str {
        self.reason
    }

    /// Takes in what became of the step. An answer to another step than [`next`](Self::next) changes nothing.
    pub fn answer(&mut self, answer: RotationAnswer) {
        match (self.step, answer) {
            (RotationStep::Persist(phase), RotationAnswer::Stored) => match phase {
                RotationPhase::Prepared => self.send(),
                RotationPhase::Sent => self.step = RotationStep::Set,
                _ => self.ask(Which::New),
            },
            (RotationStep::Set, RotationAnswer::Set(reply)) => self.told(reply),
            (RotationStep::Undo, RotationAnswer::Set(SetReply::Accepted)) => {
                self.undo = Undo::Accepted;
                self.new_works = None;
                self.ask(Which::Old);
            }
            (RotationStep::Undo, RotationAnswer::Set(_)) => {
                self.undo = Undo::Failed;
                // Where the new password did not work before, it does not now: no failed login is spent on it.
                self.ask(if self.new_works == Some(true) { Which::New } else { Which::Old });
            }
            (RotationStep::Login(which), RotationAnswer::Login(reply)) => self.logged_in(which, reply),
            (RotationStep::Wait(_), RotationAnswer::Waited) => {
                self.step = RotationStep::Login(self.after_wait)
            }
            _ => {}
        }
    }

    /// Makes durable that the controller is about to be told.
    const fn send(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
        self.step = RotationStep::Persist(RotationPhase::Sent);
    }

    fn told(&mut self, reply: SetReply) {
        match reply {
            SetReply::Accepted => {
                self.session = true;
                self.step = RotationStep::Persist(RotationPhase::Applied);
            }
            // Even a refusal is not believed: the logins tell.
            SetReply::Refused | SetReply::NoReply => {
                self.session = true;
                self.refused = reply == SetReply::Refused;
                self.ask(Which::New);
            }
            SetReply::NotSent => self.settle(
                RotationPhase::RolledBack,
                "the controller was not told the new password: no session could be opened",
            ),
        }
    }

    const fn ask(&mut self, which: Which) {
        if matches!(which, Which::New) {
            self.new_works = None;
        }
        self.step = RotationStep::Login(which);
    }

    fn logged_in(&mut self, which: Which, reply: LoginReply) {
        match (which, reply) {
            (_, LoginReply::NoReply) => self.silent(which),
            (Which::New, _) => {
                self.ask(Which::Old);
                self.new_works = Some(reply == LoginReply::Accepted);
            }
            (Which::Old, LoginReply::Accepted) => self.old_works(),
            (Which::Old, LoginReply::Refused) => self.old_is_refused(),
            (Which::NewCut, LoginReply::Accepted) => self.step = RotationStep::Undo,
            (Which::NewCut, LoginReply::Refused) => self.give_up("the controller refuses both passwords"),
        }
    }

    fn silent(&mut self, which: Which) {
        self.silences = self.silences.saturating_add(1);
        if self.silences > MOST_SILENCES {
            if which == Which::Old && self.new_works == Some(true) {
                // It was just proven, and the old one does not work at this moment either.
                return self.settle(
                    RotationPhase::Committed,
                    "a login with the new password worked; one with the old one got no reply",
                );
            }
            return self.give_up("the controller does not answer");
        }
        self.after_wait = which;
        self.step = RotationStep::Wait(SILENCE_WAIT * 2_u32.saturating_pow(self.silences - 1));
    }

    fn old_works(&mut self) {
        match (self.undo, self.new_works) {
            (Undo::Accepted, _) => self.settle(
                RotationPhase::RolledBack,
                "the new password did not come to be the only valid one; the old one was set again, and works",
            ),
            (_, Some(true)) if !self.lagged => {
                self.lagged = true;
                self.after_wait = Which::Old;
                self.step = RotationStep::Wait(LAG);
            }
            // Whoever knows the old password still gets in: that is not what was asked for, and must not look like it.
            (Undo::NotTried, Some(true)) => self.step = RotationStep::Undo,
            (Undo::Failed, Some(true)) => self.settle(
                RotationPhase::Committed,
                "the new password works, but the controller accepts the old one as well",
            ),
            (Undo::Failed, _) => {
                self.settle(RotationPhase::RolledBack, "the old password was set again, and works");
            }
            _ if self.refused => {
                self.settle(RotationPhase::RolledBack, "the controller refused the new password");
            }
            _ if self.doubted || self.attempts >= MOST_SETS => self.settle(
                RotationPhase::RolledBack,
                "the controller did not take the new password; the old one works",
            ),
            _ => self.send(),
        }
    }

    fn old_is_refused(&mut self) {
        match self.new_works {
            Some(true) => self.settle(
                RotationPhase::Committed,
                "a login with the new password worked, and one with the old one was refused",
            ),
            Some(false) if self.undo == Undo::NotTried && self.session => self.step = RotationStep::Undo,
            Some(false) if self.undo != Undo::Accepted && self.long && !self.cut_tried => {
                self.cut_tried = true;
                self.ask(Which::NewCut);
            }
            _ => self.give_up("the controller refuses both passwords"),
        }
    }

    const fn give_up(&mut self, reason: &'static str) {
        self.attempts = self.attempts.saturating_add(1);
        self.settle(RotationPhase::Indeterminate, reason);
    }

    const fn settle(&mut self, phase: RotationPhase, reason: &'static str) {
        self.reason = reason;
        self.step = RotationStep::Settle(phase);
    }
}

/// How long to wait before a change in doubt is [resumed](RotationMachine::resume), after that many
/// [`attempts`](RotationMachine::attempts): as long as after refused credentials, because a controller that refuses
/// both passwords may have locked the account.
pub fn retry_after(attempts: u32, settings: &Settings) -> Duration {
    let factor = 2_u32.checked_pow(attempts.saturating_sub(1));
    let longest = settings.auth_longest.max(settings.auth_first);
    factor.and_then(|factor| settings.auth_first.checked_mul(factor)).unwrap_or(longest).min(longest)
}
