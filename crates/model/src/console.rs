//! Who has the console of a host: one person or run at a time.

use std::time::Duration;

use ironhand_api::{ConsoleHolder, Timestamp};

/// Who may take a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taker {
    /// A person, who may take it over from somebody else where they say so.
    Person {
        /// Whether they take it from whoever has it.
        take_over: bool,
    },
    /// A run of a flow. It never takes the console from anybody: who types there knows more than it does.
    Run,
}

/// What comes of wanting a console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsoleTaken {
    /// It is held under this number, and was taken from this holder where it had one.
    Taken {
        /// Names this hold, and none before or after it.
        id: u64,
        /// Who had it until now.
        from: Option<ConsoleHolder>,
    },
    /// Somebody else has it.
    Refused(ConsoleHolder),
}

/// Who has the console of one host, if anybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsoleHold {
    last: u64,
    holder: Option<(u64, ConsoleHolder)>,
}

impl ConsoleHold {
    /// Who has it.
    pub fn holder(&self) -> Option<&ConsoleHolder> {
        self.holder.as_ref().map(|(_, holder)| holder)
    }

    /// Takes it for `by`. A hold that was not used for `idle` protects nobody any more.
    pub fn take(&mut self, now: Timestamp, by: &str, taker: Taker, idle: Duration) -> ConsoleTaken {
        let may_oust = taker == Taker::Person { take_over: true };
        if let Some((_, holder)) = &self.holder
            && !may_oust
            && now.since(holder.used_at) < idle
        {
            return ConsoleTaken::Refused(holder.clone());
        }
        self.last += 1;
        let holder = ConsoleHolder { by: by.to_owned(), since: now, used_at: now };
        let from = self.holder.replace((self.last, holder)).map(|(_, holder)| holder);
        ConsoleTaken::Taken { id: self.last, from }
    }

    /// The holder typed something.
    pub fn used(&mut self, id: u64, now: Timestamp) {
        if let Some((_, holder)) = self.holder.as_mut().filter(|(held, _)| *held == id) {
            holder.used_at = now;
        }
    }

    /// Gives it back; the holder where it was held under this number still.
    pub fn release(&mut self, id: u64) -> Option<ConsoleHolder> {
        self.holder.take_if(|(held, _)| *held == id).map(|(_, holder)| holder)
    }

    /// Takes it from whoever has it.
    pub fn clear(&mut self) -> Option<ConsoleHolder> {
        self.holder.take().map(|(_, holder)| holder)
    }

    /// When a hold that is not used until then is given back.
    pub fn idle_at(&self, id: u64, idle: Duration) -> Option<Timestamp> {
        let (_, holder) = self.holder.as_ref().filter(|(held, _)| *held == id)?;
        Some(holder.used_at.after(idle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(600);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn one_at_a_time_has_it() {
        let person = Taker::Person { take_over: false };
        let ousting = Taker::Person { take_over: true };
        // Ann has had it since 0 and typed at 100.
        let check = |now: i64, by: &str, taker: Taker, expected: Option<Option<&str>>| {
            let mut hold = ConsoleHold::default();
            assert!(matches!(
                hold.take(at(0), "ann", person, IDLE),
                ConsoleTaken::Taken { id: 1, from: None }
            ));
            hold.used(1, at(100));
            match hold.take(at(now), by, taker, IDLE) {
                ConsoleTaken::Taken { id, from } => {
                    assert_eq!(
                        Some(from.as_ref().map(|holder| holder.by.as_str())),
                        expected,
                        "{by} at {now}"
                    );
                    assert_eq!(hold.holder().map(|holder| holder.by.as_str()), Some(by));
                    assert_eq!(hold.release(1), None, "it is no longer ann's to give back");
                    assert!(hold.release(id).is_some());
                }
                ConsoleTaken::Refused(holder) => {
                    assert_eq!((None, holder.by.as_str()), (expected, "ann"), "{by} at {now}");
                    assert_eq!((holder.since, holder.used_at), (at(0), at(100)));
                }
            }
        };
        check(200, "bob", person, None);
        check(200, "bob", ousting, Some(Some("ann")));
        check(200, "flow f1", Taker::Run, None);
        check(699, "bob", person, None);
        check(700, "bob", person, Some(Some("ann")));
        check(700, "flow f1", Taker::Run, Some(Some("ann")));
    }

    #[test]
    fn a_hold_that_is_not_used_ends() {
        let mut hold = ConsoleHold::default();
        hold.take(at(0), "ann", Taker::Person { take_over: false }, IDLE);
        assert_eq!(hold.idle_at(1, IDLE), Some(at(600)));
        hold.used(1, at(50));
        hold.used(2, at(60));
        assert_eq!(hold.idle_at(1, IDLE), Some(at(650)));
        assert_eq!(hold.idle_at(2, IDLE), None);
        assert_eq!(hold.clear().map(|holder| holder.by), Some("ann".to_owned()));
        assert_eq!(hold.idle_at(1, IDLE), None);
    }
}
