//! The change of a password of a controller's account, as a machine that asks one question at a time.
//!
//! It knows phases, not secrets. The controller is told only after both passwords are durable, and whatever it replies,
//! only fresh logins decide which password is valid: controllers say yes and do nothing, lose replies, keep the first
//! 16 characters, and test a password wrongly themselves. Killed at any point, the next start finds the phase and asks
//! the same two logins again.
//!
//! Failed logins are few, because controllers lock accounts: at most three in a row before the machine gives up with
//! [`RotationPhase::Indeterminate`], one more where the new password is [long](RotationMachine::long). The caller then
//! [waits](retry_after) and resumes, and the machine begins with another login than before.

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

/// How long a controller may go on accepting the password before, as after a change that went well.
const LAG: Duration = Duration::from_secs(5);

/// After that time a controller accepts the password that it keeps, and no other.
const LONGEST_LAG: Duration = Duration::from_secs(90);

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

/// The change of a password, one question at a time: [`next`](Self::next) asks, [`answer`](Self::answer) is told.
///
/// ```
/// use ironhand_api::RotationPhase::{Applied, Committed, Prepared, Sent};
/// use ironhand_model::{LoginReply, RotationAnswer, RotationMachine, RotationStep, SetReply, Which};
///
/// let mut machine = RotationMachine::begin();
/// for (step, answer) in [
///     (RotationStep::Persist(Prepared), RotationAnswer::Stored),
///     (RotationStep::Persist(Sent), RotationAnswer::Stored),
///     (RotationStep::Set, RotationAnswer::Set(SetReply::Accepted)),
///     (RotationStep::Persist(Applied), RotationAnswer::Stored),
///     (RotationStep::Login(Which::New), RotationAnswer::Login(LoginReply::Accepted)),
///     (RotationStep::Login(Which::Old), RotationAnswer::Login(LoginReply::Refused)),
/// ] {
///     assert_eq!(machine.next(), step);
///     machine.answer(answer);
/// }
/// assert_eq!(machine.next(), RotationStep::Settle(Committed));
/// ```
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
    /// The same with the old one.
    old_works: Option<bool>,
    undo: Undo,
    cut_tried: bool,
    lagged: bool,
    silences: u32,
    silences_in_a_row: u32,
    /// One password worked and the other got no reply for long: the first is tried once more.
    confirming: bool,
    /// The login to try after the wait.
    after_wait: Which,
    reason: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Undo {
    NotTried,
    /// The controller says that it took the old password again.
    Accepted,
    /// It says that it did not, or was not told.
    NotTaken,
    /// It may have.
    Unanswered,
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
            RotationPhase::Indeterminate => {
                machine.doubted = true;
                machine.ask(machine.first());
            }
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
        if self.doubted {
            self.ask(self.first());
        }
        self
    }

    /// The login to begin with where a change is in doubt: another one each time. A controller that counts failed logins
    /// while the account is locked would be locked anew by the same wrong one for ever.
    const fn first(&self) -> Which {
        match (self.long, self.attempts % 2, self.attempts % 3) {
            (true, _, 2) => Which::NewCut,
            (true, _, 0) | (false, 0, _) => Which::Old,
            _ => Which::New,
        }
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
            old_works: None,
            undo: Undo::NotTried,
            cut_tried: false,
            lagged: false,
            silences: 0,
            silences_in_a_row: 0,
            confirming: false,
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
                _ => self.learn(),
            },
            (RotationStep::Set, RotationAnswer::Set(reply)) => self.told(reply),
            (RotationStep::Undo, RotationAnswer::Set(reply)) => self.told_back(reply),
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
                self.learn();
            }
            SetReply::NotSent => self.settle(
                RotationPhase::RolledBack,
                "the controller was not told the new password: no session could be opened",
            ),
        }
    }

    fn told_back(&mut self, reply: SetReply) {
        self.undo = match reply {
            SetReply::Accepted => Undo::Accepted,
            SetReply::Refused | SetReply::NotSent => Undo::NotTaken,
            SetReply::NoReply => Undo::Unanswered,
        };
        // Where the new password did not work before, it does not now: no failed login is spent on it.
        self.new_works = self.new_works.filter(|works| !works);
        self.old_works = None;
        self.conclude();
    }

    /// Asks both logins anew: the controller may have changed its mind.
    fn learn(&mut self) {
        (self.new_works, self.old_works) = (None, None);
        self.conclude();
    }

    const fn ask(&mut self, which: Which) {
        self.step = RotationStep::Login(which);
    }

    const fn wait(&mut self, length: Duration, then: Which) {
        self.after_wait = then;
        self.step = RotationStep::Wait(length);
    }

    fn logged_in(&mut self, which: Which, reply: LoginReply) {
        let works = match reply {
            LoginReply::NoReply => return self.silent(which),
            LoginReply::Accepted => true,
            LoginReply::Refused => false,
        };
        self.silences_in_a_row = 0;
        match which {
            Which::New | Which::Old if self.confirming => self.confirmed(which, works),
            Which::New => {
                self.new_works = Some(works);
                self.conclude();
            }
            Which::Old => {
                self.old_works = Some(works);
                self.conclude();
            }
            Which::NewCut if works => self.step = RotationStep::Undo,
            Which::NewCut => {
                self.cut_tried = true;
                self.conclude();
            }
        }
    }

    fn silent(&mut self, which: Which) {
        self.silences = self.silences.saturating_add(1);
        self.silences_in_a_row = self.silences_in_a_row.saturating_add(1);
        // Some controllers say nothing to whom they do not let in, and count it: it is not tried often.
        let other = match which {
            Which::Old if self.new_works == Some(true) => Some(Which::New),
            Which::New if self.old_works == Some(true) => Some(Which::Old),
            _ => None,
        };
        let other = other.filter(|_| !self.confirming && self.undo == Undo::NotTried);
        if let Some(other) = other.filter(|_| self.silences_in_a_row > 1) {
            self.confirming = true;
            self.wait(LONGEST_LAG, other);
        } else if self.silences <= MOST_SILENCES {
            self.wait(SILENCE_WAIT * 2_u32.saturating_pow(self.silences - 1), which);
        } else {
            self.give_up("the controller does not answer");
        }
    }

    /// One password worked, long before; the other got no reply. Now the first was tried again.
    fn confirmed(&mut self, which: Which, works: bool) {
        match which {
            Which::New if works => self.settle(
                RotationPhase::Committed,
                "logins with the new password work; one with the old one gets no reply",
            ),
            Which::Old if works => self.settle(
                RotationPhase::RolledBack,
                "logins with the old password work; one with the new one gets no reply",
            ),
            _ => self.give_up("the controller refuses one password and does not answer to the other"),
        }
    }

    /// Asks the login that is still wanted, or draws the conclusion from both.
    fn conclude(&mut self) {
        if self.undo == Undo::Accepted {
            return match self.old_works {
                None => self.ask(Which::Old),
                Some(true) => self.settle(
                    RotationPhase::RolledBack,
                    "the new password did not come to be the only valid one; the old one was set again, and works",
                ),
                Some(false) => self.give_up("the old password was set again, and is refused"),
            };
        }
        match (self.new_works, self.old_works) {
            (None, _) => self.ask(Which::New),
            (_, None) => self.ask(Which::Old),
            (Some(true), Some(false)) => self.settle(
                RotationPhase::Committed,
                "a login with the new password worked, and one with the old one was refused",
            ),
            (Some(false), Some(true)) => self.not_taken(),
            (Some(true), Some(true)) => self.both_work(),
            (Some(false), Some(false)) => self.neither_works(),
        }
    }

    fn not_taken(&mut self) {
        let reason = if self.undo != Undo::NotTried {
            "the old password works, and the new one does not"
        } else if self.refused {
            "the controller refused the new password"
        } else if self.doubted || self.attempts >= MOST_SETS {
            "the controller did not take the new password; the old one works"
        } else {
            return self.send();
        };
        self.settle(RotationPhase::RolledBack, reason);
    }

    fn both_work(&mut self) {
        match self.undo {
            _ if !self.lagged => {
                self.lagged = true;
                self.old_works = None;
                self.wait(LAG, Which::Old);
            }
            // Whoever knows the old password still gets in: that is not what was asked for, and must not look like it.
            Undo::NotTried => self.step = RotationStep::Undo,
            Undo::Unanswered => {
                self.give_up("both passwords work, and it is not known which one the controller keeps");
            }
            Undo::NotTaken | Undo::Accepted => self.settle(
                RotationPhase::Committed,
                "the new password works, but the controller accepts the old one as well",
            ),
        }
    }

    fn neither_works(&mut self) {
        if self.undo == Undo::NotTried && self.session {
            self.step = RotationStep::Undo;
        } else if self.long && !self.cut_tried {
            self.ask(Which::NewCut);
        } else {
            self.give_up("the controller refuses both passwords");
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

#[cfg(test)]
mod tests;
