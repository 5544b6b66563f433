//! Boots over the network as they go: what was seen of each machine becomes a timeline, and silence becomes a stall with
//! what usually causes it.

mod stall;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use ironhand_api::{BootRecord, BootStage, BootStall, BootState, BootStep, MacAddress, Name, Timestamp};

pub use stall::{boot_patience, boot_stall};

/// Machines whose boots are followed at the same time. Where more begin, the one that was heard of longest ago is let go.
pub const MOST_BOOTS: usize = 20_000;

/// Boots that are over and remembered.
pub const MOST_PAST_BOOTS: usize = 1_000;

/// Steps that are kept of one boot: half of them from its beginning, half from its end.
pub const MOST_BOOT_STEPS: usize = 64;

/// News of steps that one boot may give: what comes beyond is in its record, and not told one by one.
pub const MOST_BOOT_NEWS: u32 = 48;

/// How long after its last packet a boot is no longer the one that a new packet belongs to.
const FORGOTTEN: Duration = Duration::from_secs(180);

/// How long nothing must be asked for after a kernel for the machine to run on its own.
const HANDED_OVER: Duration = Duration::from_secs(15);

/// How long a boot that is over is shown beside those that are not.
const SHOWN: Duration = Duration::from_secs(600);

/// Who of a machine spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BootSpeaker {
    /// Its firmware: a boot begins.
    Firmware,
    /// iPXE, from its own ROM or loaded.
    Ipxe,
    /// An operating system: the boot is over, or there was none.
    System,
}

/// Something seen of a machine that boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootSighting {
    /// When.
    pub at: Timestamp,
    /// The hardware address; where it is not known, the machine that has `address`.
    pub mac: Option<MacAddress>,
    /// What is known of the machine beside.
    pub about: BootAbout,
    /// The address that it has, or was given.
    pub address: Option<IpAddr>,
    /// What was seen.
    pub seen: BootSeen,
}

/// What is known of a machine; what is absent was not said this time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootAbout {
    /// The host.
    pub host: Option<Name>,
    /// The network.
    pub network: Option<Name>,
    /// What the firmware says it is.
    pub architecture: Option<String>,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootSeen {
    /// A message of DHCP, from or to the machine.
    Dhcp {
        /// Which one.
        stage: BootStage,
        /// Who asks, or is answered.
        speaker: BootSpeaker,
        /// What it says, in words.
        what: String,
    },
    /// A message of DHCP that is not answered, or is refused.
    Unserved {
        /// The message.
        stage: BootStage,
        /// Who asks.
        speaker: BootSpeaker,
        /// Why.
        reason: String,
    },
    /// A transfer that ended.
    Read {
        /// What was read.
        stage: BootStage,
        /// Its path.
        path: String,
        /// By what: `tftp` or `http`.
        by: &'static str,
        /// Bytes that arrived.
        bytes: u64,
        /// How long it took.
        took: Duration,
        /// Why it failed; none where all arrived.
        failed: Option<String>,
        /// Whether it failed as there is no such file, which many clients expect of many files.
        absent: bool,
    },
    /// What a machine was told to do, where that ends the boot: by its script, or by an offer of an address alone.
    Told {
        /// How the boot is over.
        state: BootState,
        /// What it was told, in words.
        what: String,
    },
}

/// Something to tell of a boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootNews {
    /// When it became so.
    pub at: Timestamp,
    /// The boot.
    pub boot: u64,
    /// The machine.
    pub mac: MacAddress,
    /// The host; none for machines that are none.
    pub host: Option<Name>,
    /// What there is to tell.
    pub what: BootTold,
}

/// What there is to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootTold {
    /// It began.
    Began {
        /// What the firmware says it is.
        architecture: Option<String>,
        /// The network.
        network: Option<Name>,
    },
    /// A step was passed.
    Step(BootStep),
    /// Nothing came for too long.
    Stalled(BootStall),
    /// It is not served.
    Refused(String),
    /// It is over.
    Ended(BootState, String),
}

/// The boots of all machines.
#[derive(Debug, Default)]
pub struct BootProgress {
    last_id: u64,
    machines: BTreeMap<MacAddress, Course>,
    addresses: BTreeMap<IpAddr, MacAddress>,
    /// When each machine is looked at next.
    due: BTreeSet<(Timestamp, MacAddress)>,
    past: VecDeque<BootRecord>,
    news: VecDeque<BootNews>,
}

/// One boot as it goes.
#[derive(Debug)]
struct Course {
    record: BootRecord,
    due: Timestamp,
    told: u32,
    /// Whether its beginning was told.
    announced: bool,
    /// Why it was refused, as was told last: a machine asks again and again.
    refused: Option<String>,
}

impl BootProgress {
    /// No boots.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note of something seen.
    pub fn see(&mut self, sighting: BootSighting) {
        let BootSighting { at, mac, address, about, seen } = sighting;
        let known = || address.and_then(|address| self.addresses.get(&address).copied());
        let Some(mac) = mac.or_else(known) else { return };
        self.make_room_for(mac);
        if !self.belongs(mac, at, &seen) {
            return;
        }
        if let Some(address) = address {
            self.settle(mac, address);
        }
        let Some(course) = self.machines.get_mut(&mac) else { return };
        course.learn(about);
        let mut news = Vec::new();
        course.take(at, seen, &mut news);
        let due = course.next_look();
        if due != course.due {
            self.due.remove(&(course.due, mac));
            self.due.insert((due, mac));
            course.due = due;
        }
        self.news.extend(news);
    }

    /// Looks at those of whom nothing was heard for too long. Extra calls are harmless.
    pub fn wake(&mut self, now: Timestamp) {
        while let Some((at, mac)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, mac));
            let Some(course) = self.machines.get_mut(&mac) else { continue };
            if !course.record.state.is_open() && course.record.last.after(SHOWN) <= now {
                self.let_go(mac);
                continue;
            }
            let mut news = Vec::new();
            course.look(now, &mut news);
            self.news.extend(news);
            // Never at once again, whatever the clock does.
            course.due = course.next_look().max(now.after(Duration::from_secs(1)));
            self.due.insert((course.due, mac));
        }
    }

    /// When [`wake`](Self::wake) is to be called.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The next thing to tell.
    pub fn next_output(&mut self) -> Option<BootNews> {
        self.news.pop_front()
    }

    /// The boots that go on or ended a short while ago, and behind them those of before, the newest first in both.
    pub fn records(&self) -> impl Iterator<Item = &BootRecord> {
        let mut now: Vec<_> = self.machines.values().map(|course| &course.record).collect();
        now.sort_by_key(|record| std::cmp::Reverse(record.id));
        now.into_iter().chain(self.past.iter().rev())
    }

    /// The machine that has an address, as far as was seen.
    pub fn machine_at(&self, address: IpAddr) -> Option<MacAddress> {
        self.addresses.get(&address).copied()
    }

    /// The boot that a machine was last seen in, by its number.
    pub fn boot_of(&self, mac: MacAddress) -> Option<u64> {
        self.machines.get(&mac).map(|course| course.record.id)
    }

    /// Whether what was seen belongs to a boot; begins one where it does and there is none.
    fn belongs(&mut self, mac: MacAddress, at: Timestamp, seen: &BootSeen) -> bool {
        let begins = match self.machines.get(&mac) {
            None => seen.may_begin(),
            Some(course) => course.is_left_behind_by(at, seen),
        };
        if begins {
            self.let_go(mac);
            self.last_id += 1;
            let record = BootRecord {
                id: self.last_id,
                mac,
                host: None,
                network: None,
                address: None,
                architecture: None,
                began: at,
                last: at,
                state: BootState::Running,
                stall: None,
                ended: None,
                steps: Vec::new(),
                dropped: 0,
            };
            self.machines.insert(mac, Course { record, due: at, told: 0, announced: false, refused: None });
            self.due.insert((at, mac));
            return true;
        }
        self.machines.contains_key(&mac)
    }

    /// A machine has an address from now on, and whoever had it has it no longer.
    fn settle(&mut self, mac: MacAddress, address: IpAddr) {
        let Some(course) = self.machines.get_mut(&mac) else { return };
        if course.record.address == Some(address) {
            return;
        }
        if let Some(before) = course.record.address.replace(address)
            && self.addresses.get(&before) == Some(&mac)
        {
            self.addresses.remove(&before);
        }
        self.addresses.insert(address, mac);
    }

    fn make_room_for(&mut self, mac: MacAddress) {
        if self.machines.len() >= MOST_BOOTS
            && !self.machines.contains_key(&mac)
            && let Some((_, oldest)) = self.due.first().copied()
        {
            self.let_go(oldest);
        }
    }

    /// Moves a boot to those of before.
    fn let_go(&mut self, mac: MacAddress) {
        let Some(course) = self.machines.remove(&mac) else { return };
        self.due.remove(&(course.due, mac));
        if let Some(address) = course.record.address
            && self.addresses.get(&address) == Some(&mac)
        {
            self.addresses.remove(&address);
        }
        if self.past.len() == MOST_PAST_BOOTS {
            self.past.pop_front();
        }
        self.past.push_back(course.record);
    }
}

impl BootSeen {
    /// Whether a boot may begin with it. A system that renews its lease boots nothing, and what is known of a machine says
    /// nothing of its booting.
    fn may_begin(&self) -> bool {
        match self {
            Self::Dhcp { stage, speaker, .. } | Self::Unserved { stage, speaker, .. } => {
                *speaker != BootSpeaker::System && *stage == BootStage::Discover
            }
            // Without our own DHCP, a loader or a script is the first that is seen.
            Self::Read { stage, absent, .. } => {
                matches!(stage, BootStage::Loader | BootStage::Script) && !absent
            }
            Self::Told { .. } => false,
        }
    }

    const fn speaker(&self) -> Option<BootSpeaker> {
        match self {
            Self::Dhcp { speaker, .. } | Self::Unserved { speaker, .. } => Some(*speaker),
            _ => None,
        }
    }
}

impl Course {
    /// How far it came.
    fn furthest(&self) -> Option<BootStage> {
        let passed = self.record.steps.iter().filter(|step| step.failed.is_none());
        passed.map(|step| step.stage).filter(|stage| *stage != BootStage::File).max()
    }

    /// Whether what was seen is the beginning of another boot.
    fn is_left_behind_by(&self, at: Timestamp, seen: &BootSeen) -> bool {
        if !seen.may_begin() {
            return false;
        }
        let silent = at.since(self.record.last) > FORGOTTEN;
        match seen.speaker() {
            // It was reset: firmware does not come back from what it has loaded.
            Some(BootSpeaker::Firmware) => silent || self.furthest() >= Some(BootStage::Loader),
            // A machine that waits asks for its script again and again, in one boot.
            Some(BootSpeaker::Ipxe) => silent || self.furthest() >= Some(BootStage::Kernel),
            Some(BootSpeaker::System) => false,
            None => silent && !self.record.state.is_open(),
        }
    }

    fn learn(&mut self, about: BootAbout) {
        let BootAbout { host, network, architecture } = about;
        let record = &mut self.record;
        record.host = host.or(record.host.take());
        record.network = network.or(record.network.take());
        record.architecture = architecture.or(record.architecture.take());
    }

    fn take(&mut self, at: Timestamp, seen: BootSeen, news: &mut Vec<BootNews>) {
        self.record.last = self.record.last.max(at);
        match seen {
            BootSeen::Dhcp { stage, speaker, what } => {
                self.step(at, plain(stage, at, what, None), news);
                // What was loaded asks for an address of its own: it runs.
                if speaker == BootSpeaker::System && self.furthest() >= Some(BootStage::Kernel) {
                    self.end(
                        at,
                        BootState::HandedOver,
                        "the system that was loaded asks for an address",
                        news,
                    );
                }
            }
            BootSeen::Unserved { stage, reason, .. } => {
                let known = self.record.state == BootState::Refused;
                self.step(at, plain(stage, at, String::new(), Some(reason.clone())), news);
                self.record.state = BootState::Refused;
                self.record.ended = Some(reason.clone());
                if !known {
                    news.push(self.tell(at, BootTold::Refused(reason)));
                }
            }
            BootSeen::Read { stage, path, by, bytes, took, failed, absent } => {
                let arrived = failed.is_none() || bytes > 0;
                let step = BootStep {
                    by: Some(by.to_owned()),
                    bytes: arrived.then_some(bytes),
                    took: arrived.then(|| took.into()),
                    ..plain(stage, at, path, failed)
                };
                self.add(at, step, !absent, news);
            }
            BootSeen::Told { state, what } => {
                if state == BootState::Refused && self.refused.replace(what.clone()).as_ref() == Some(&what) {
                    (self.record.state, self.record.ended) = (state, Some(what));
                } else if self.record.state != state {
                    self.end(at, state, &what, news);
                }
            }
        }
    }

    fn step(&mut self, at: Timestamp, step: BootStep, news: &mut Vec<BootNews>) {
        self.add(at, step, true, news);
    }

    /// Adds a step; one that only repeats the last is counted with it, and told to nobody.
    fn add(&mut self, at: Timestamp, step: BootStep, worth_telling: bool, news: &mut Vec<BootNews>) {
        let failed = step.failed.is_some();
        let again = self.record.steps.last().is_some_and(|last| repeats(last, &step));
        if again {
            if let Some(last) = self.record.steps.last_mut() {
                (last.again, last.at) = (last.again.saturating_add(1), step.at);
                (last.bytes, last.took) = (step.bytes, step.took);
            }
        } else {
            self.announce(at, news);
            if worth_telling && !(failed && step.stage.is_dhcp()) && self.told < MOST_BOOT_NEWS {
                self.told += 1;
                news.push(self.tell(at, BootTold::Step(step.clone())));
            }
            if self.record.steps.len() == MOST_BOOT_STEPS {
                self.record.steps.remove(MOST_BOOT_STEPS / 2);
                self.record.dropped = self.record.dropped.saturating_add(1);
            }
            self.record.steps.push(step);
        }
        let goes_on = matches!(self.record.state, BootState::Stalled | BootState::HandedOver);
        // One that is refused asks again and again for the script that says so.
        if !failed && (goes_on || self.record.state == BootState::Refused && !again) {
            (self.record.state, self.record.ended) = (BootState::Running, None);
        }
        if !failed {
            self.record.stall = None;
        }
    }

    fn announce(&mut self, at: Timestamp, news: &mut Vec<BootNews>) {
        if !std::mem::replace(&mut self.announced, true) {
            let (architecture, network) = (self.record.architecture.clone(), self.record.network.clone());
            news.push(self.tell(at, BootTold::Began { architecture, network }));
        }
    }

    fn end(&mut self, at: Timestamp, state: BootState, words: &str, news: &mut Vec<BootNews>) {
        self.record.state = state;
        self.record.stall = None;
        self.record.ended = Some(words.to_owned());
        news.push(self.tell(at, BootTold::Ended(state, words.to_owned())));
    }

    /// Looks at a boot of which nothing was heard for a while.
    fn look(&mut self, now: Timestamp, news: &mut Vec<BootNews>) {
        if self.record.state != BootState::Running {
            return;
        }
        if self.furthest() >= Some(BootStage::Kernel) && self.last_succeeded() {
            if now.since(self.record.last) >= HANDED_OVER {
                let words = "it has everything that it asked for, and runs on its own";
                self.end(now, BootState::HandedOver, words, news);
            }
            return;
        }
        if let Some(stall) = boot_stall(&self.record, now) {
            self.record.state = BootState::Stalled;
            self.record.stall = Some(stall.clone());
            news.push(self.tell(now, BootTold::Stalled(stall)));
        }
    }

    fn last_succeeded(&self) -> bool {
        self.record.steps.last().is_some_and(|step| step.failed.is_none())
    }

    /// When it is looked at next.
    fn next_look(&self) -> Timestamp {
        let record = &self.record;
        let rest = match record.state {
            BootState::Running if self.furthest() >= Some(BootStage::Kernel) && self.last_succeeded() => {
                HANDED_OVER
            }
            BootState::Running => boot_patience(record),
            // Stalled boots are not over, but are not kept for ever either.
            _ => SHOWN,
        };
        record.last.after(rest)
    }

    fn tell(&self, at: Timestamp, what: BootTold) -> BootNews {
        BootNews { at, boot: self.record.id, mac: self.record.mac, host: self.record.host.clone(), what }
    }
}

const fn plain(stage: BootStage, at: Timestamp, what: String, failed: Option<String>) -> BootStep {
    BootStep { stage, at, what, by: None, bytes: None, took: None, failed, again: 0 }
}

/// Whether a step is the one before once more.
fn repeats(last: &BootStep, step: &BootStep) -> bool {
    let same = last.stage == step.stage && last.failed == step.failed;
    // Clients look for many files that need not be there: one step for all of them in a row.
    same && (last.what == step.what || (step.stage == BootStage::File && step.failed.is_some()))
}
