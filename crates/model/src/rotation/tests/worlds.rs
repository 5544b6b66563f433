//! Controllers that truncate, lie, lag, lock and fall silent, servers that are killed between any two steps, and what
//! must be true afterwards: the password that the store uses is one that the controller takes.

use ironhand_api::RotationPhase;

use super::super::*;

/// SplitMix64: the same seed, the same world.
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn octet(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

const OLD: &str = "the-old-one";

/// How a controller treats a change of password.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Honest,
    /// Keeps the first 16 octets and says yes.
    Cuts,
    /// Says yes and does nothing.
    Lies,
    /// Says no and does nothing.
    Refuses,
    /// Says no and does it.
    Perverse,
    /// Goes on accepting the password before for that many seconds.
    Lags(u64),
    /// Says nothing to whom it does not let in.
    Mute,
    /// Lets everybody in.
    Open,
}

#[derive(Debug)]
struct Controller {
    kind: Kind,
    password: String,
    before: Option<(String, u64)>,
    /// Refuses every login for ten minutes after so many refusals in a row.
    locks_after: Option<u32>,
    refusals: u32,
    locked_until: u64,
    /// Silent during this time.
    silent: (u64, u64),
    /// How many of 100 requests or replies are lost.
    loss: u64,
    logins: u32,
    most_refusals: u32,
}

impl Controller {
    fn is_silent(&self, now: u64) -> bool {
        (self.silent.0..self.silent.1).contains(&now)
    }

    fn takes(&self, now: u64, password: &str) -> bool {
        let lagging = self.before.as_ref().is_some_and(|(before, until)| before == password && now < *until);
        self.kind == Kind::Open || self.password == password || lagging
    }

    fn login(&mut self, now: u64, password: &str, random: &mut Random) -> LoginReply {
        self.logins += 1;
        if self.is_silent(now) || random.chance(self.loss) {
            return LoginReply::NoReply;
        }
        let accepted = now >= self.locked_until && self.takes(now, password);
        if accepted {
            self.refusals = 0;
        } else {
            self.refusals += 1;
            self.most_refusals = self.most_refusals.max(self.refusals);
            if self.locks_after.is_some_and(|limit| self.refusals >= limit) && now >= self.locked_until {
                self.locked_until = now + 600;
                self.refusals = 0;
            }
        }
        match accepted {
            _ if random.chance(self.loss) => LoginReply::NoReply,
            true => LoginReply::Accepted,
            false if self.kind == Kind::Mute => LoginReply::NoReply,
            false => LoginReply::Refused,
        }
    }

    fn set(&mut self, now: u64, password: &str, random: &mut Random) -> SetReply {
        if self.is_silent(now) || random.chance(self.loss) {
            return SetReply::NoReply;
        }
        let kept = match self.kind {
            Kind::Lies | Kind::Refuses => None,
            Kind::Cuts => Some(password.chars().take(16).collect()),
            _ => Some(password.to_owned()),
        };
        if let Some(kept) = kept {
            let before = std::mem::replace(&mut self.password, kept);
            if let Kind::Lags(length) = self.kind {
                self.before = Some((before, now + length));
            }
        }
        match self.kind {
            _ if random.chance(self.loss) => SetReply::NoReply,
            Kind::Refuses | Kind::Perverse => SetReply::Refused,
            _ => SetReply::Accepted,
        }
    }
}

/// A server with its store, and the controller.
struct World {
    random: Random,
    controller: Controller,
    new: String,
    now: u64,
    /// The change as the store holds it.
    row: Option<(RotationPhase, u32)>,
    machine: RotationMachine,
    /// A session that this start of the server has with the controller.
    session: bool,
    sets: u32,
    /// At which step the server is killed next, and whether before or after it was done.
    kill: Option<(u32, bool)>,
    steps: u32,
    kills: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let kinds = [
            Kind::Honest,
            Kind::Honest,
            Kind::Cuts,
            Kind::Lies,
            Kind::Refuses,
            Kind::Perverse,
            Kind::Lags(random.below(90)),
            Kind::Mute,
            Kind::Open,
        ];
        let kind = kinds[usize::from(random.octet()) % kinds.len()];
        let silent_from = random.below(30);
        let silent_for = if random.chance(30) { random.below(3600) } else { 0 };
        let locks_after = random.chance(30).then(|| 3 + u32::from(random.octet() % 4));
        let controller = Controller {
            kind,
            password: OLD.to_owned(),
            before: None,
            locks_after,
            refusals: 0,
            locked_until: 0,
            silent: (silent_from, silent_from + silent_for),
            loss: if random.chance(50) { 0 } else { random.below(40) },
            logins: 0,
            most_refusals: 0,
        };
        let new = if random.chance(40) { "the-new-one-of-20-ch" } else { "the-new-16-chars" };
        let machine = RotationMachine::begin();
        let mut world = Self {
            random,
            controller,
            new: new.to_owned(),
            now: 0,
            row: None,
            machine,
            session: false,
            sets: 0,
            kill: None,
            steps: 0,
            kills: 0,
        };
        world.machine = world.fit(RotationMachine::begin());
        world.plan_kill();
        world
    }

    /// What no world may do by chance: a password that is cut must be known to be long.
    fn fit(&self, machine: RotationMachine) -> RotationMachine {
        if self.new.len() > 16 { machine.long() } else { machine }
    }

    fn plan_kill(&mut self) {
        let wanted = self.kills < 4 && self.random.chance(60);
        let at = self.steps + u32::from(self.random.octet() % 10);
        self.kill = wanted.then(|| (at, self.random.chance(50)));
    }

    /// Only the store survives.
    fn start_again(&mut self) {
        self.kills += 1;
        self.session = false;
        self.now += 1 + self.random.below(60);
        let machine = match self.row {
            None => RotationMachine::begin(),
            Some((phase, attempts)) => RotationMachine::resume(phase, attempts),
        };
        self.machine = self.fit(machine);
        self.plan_kill();
    }

    /// Runs one start of the server to its end, or until it is killed.
    fn run(&mut self) -> Option<RotationPhase> {
        let logins = self.controller.logins;
        let mut refused = 0;
        loop {
            assert!(self.controller.logins - logins <= 24, "logins are bounded");
            let killed = self.kill.filter(|(at, _)| *at == self.steps);
            self.steps += 1;
            if killed.is_some_and(|(_, done)| !done) {
                return None;
            }
            let step = self.machine.next();
            let answer = self.perform(step);
            if killed.is_some() {
                return None;
            }
            match answer {
                Some(RotationAnswer::Login(LoginReply::Refused)) => refused += 1,
                Some(RotationAnswer::Login(LoginReply::Accepted)) => refused = 0,
                _ => {}
            }
            assert!(
                refused <= 3 + u32::from(self.new.len() > 16),
                "an account is not locked by failed logins"
            );
            match answer {
                Some(answer) => self.machine.answer(answer),
                None => return self.row.map(|(phase, _)| phase),
            }
        }
    }

    fn perform(&mut self, step: RotationStep) -> Option<RotationAnswer> {
        let new = self.new.clone();
        let random = &mut self.random;
        Some(match step {
            RotationStep::Persist(phase) => {
                self.row = Some((phase, self.machine.attempts()));
                RotationAnswer::Stored
            }
            RotationStep::Set => {
                assert!(matches!(self.row, Some((RotationPhase::Sent, _))), "the intent is durable first");
                self.sets += 1;
                let opened = self.controller.login(self.now, OLD, random);
                self.session = opened == LoginReply::Accepted;
                RotationAnswer::Set(if self.session {
                    self.controller.set(self.now, &new, random)
                } else {
                    SetReply::NotSent
                })
            }
            RotationStep::Undo => {
                assert!(self.row.is_some());
                RotationAnswer::Set(if self.session {
                    self.controller.set(self.now, OLD, random)
                } else {
                    SetReply::NotSent
                })
            }
            RotationStep::Login(which) => {
                self.now += 1;
                let cut: String = new.chars().take(16).collect();
                let password = match which {
                    Which::Old => OLD,
                    Which::New => &new,
                    Which::NewCut => &cut,
                };
                let reply = self.controller.login(self.now, password, random);
                self.session |= reply == LoginReply::Accepted;
                RotationAnswer::Login(reply)
            }
            RotationStep::Wait(length) => {
                self.now += length.as_secs();
                RotationAnswer::Waited
            }
            RotationStep::Settle(phase) => {
                self.row = Some((phase, self.machine.attempts()));
                return None;
            }
        })
    }

    /// Whether the controller gave no ground for doubt.
    fn is_plain(&self) -> bool {
        let reachable = self.controller.silent.0 == self.controller.silent.1 && self.controller.loss == 0;
        reachable && self.controller.locks_after.is_none() && self.kills == 0
    }
}

fn check(seed: u64) -> (RotationPhase, u32) {
    let mut world = World::new(seed);
    let mut doubts = 0;
    let phase = loop {
        let Some(phase) = world.run() else {
            world.start_again();
            continue;
        };
        if phase != RotationPhase::Indeterminate {
            break phase;
        }
        doubts += 1;
        assert!(
            !world.is_plain() || world.controller.kind == Kind::Mute,
            "seed {seed}: {:?}",
            world.controller
        );
        assert!(
            doubts < 100,
            "seed {seed}: doubt ends when the controller answers again: {:?}",
            world.controller
        );
        let attempts = world.machine.attempts();
        world.now += retry_after(attempts, &Settings::default()).as_secs();
        world.session = false;
        world.machine = world.fit(RotationMachine::resume(phase, attempts));
    };
    // Long afterwards, when nothing lags and nothing is locked any more.
    let live = if phase == RotationPhase::Committed { world.new.clone() } else { OLD.to_owned() };
    let later = world.now + 100_000;
    assert!(world.controller.takes(later, &live), "seed {seed}: {phase:?} {:?}", world.controller);
    assert!(world.sets <= MOST_SETS, "seed {seed}: told {} times", world.sets);
    (phase, world.kills)
}

#[test]
fn the_store_holds_a_password_that_works_whatever_happens() {
    let (mut committed, mut kills) = (0, 0);
    for seed in 0..20_000 {
        let (phase, killed) = check(seed);
        committed += u32::from(phase == RotationPhase::Committed);
        kills += killed;
    }
    assert!((4_000..16_000).contains(&committed), "{committed}: both ends occur");
    assert!(kills > 5_000, "{kills}");
}

#[test]
fn a_kill_at_each_step_of_a_plain_change_still_changes_the_password() {
    let mut points = 0;
    for at in 0..8 {
        for done in [false, true] {
            let mut world = World::new(0);
            world.controller.kind = Kind::Honest;
            (world.controller.loss, world.controller.locks_after) = (0, None);
            world.controller.silent = (0, 0);
            world.kill = Some((at, done));
            let phase = world.run();
            if let Some(phase) = phase {
                assert_eq!(phase, RotationPhase::Committed, "nothing was left to kill");
                continue;
            }
            points += 1;
            world.kills = 4;
            world.start_again();
            assert_eq!(world.run(), Some(RotationPhase::Committed), "killed at {at}, done: {done}");
            assert!(world.controller.takes(1_000_000, &world.new));
            assert!(world.controller.most_refusals <= 2);
        }
    }
    assert!(points >= 8, "{points}");
}
