//! The lines to all devices that a host's connectors lead to, and which of them is used.

use std::time::{Duration, Instant};

use ironhand_api::{ActionReceipt, Capability, Connector, Host, Name, PowerAction, PowerState, Reach};
use ironhand_connectors::{BootOverride, Error, Hints, Outlets};
use ironhand_ipmi::{Reply, Request};
use ironhand_model::{Candidate, NextWay, NoWay, Tried, Wanted, next_way};
use tokio::time::{Instant as Moment, timeout};

use super::Tools;
use super::line::{Line, Users};
use super::paths::Paths;
use crate::Settings;
use crate::credentials::BackOff;
use crate::device::DeviceError;

/// How long a line is first tried behind the others after it failed; doubles up to [`LONGEST_REST`].
const FIRST_REST: Duration = Duration::from_secs(10);
const LONGEST_REST: Duration = Duration::from_secs(300);

/// How long a line may take over a reading at least, however little time is left.
const LEAST_SHARE: Duration = Duration::from_secs(2);

/// The lines of a host, in the order of its manifest.
pub(super) struct Lines {
    places: Vec<Place>,
}

struct Place {
    line: Line,
    back_off: BackOff,
    /// Until when it is tried behind the others, since it failed, and why.
    rest: Option<(Instant, DeviceError)>,
}

/// What became of the lines so far, while one thing is done through them.
#[derive(Default)]
pub(super) struct Attempts {
    tried: Vec<Option<Tried>>,
    /// The failures, with the place of the line.
    errors: Vec<(usize, DeviceError)>,
}

/// A reading of the power state.
pub(super) struct Reading {
    /// Each line that was asked, with what became of it.
    pub(super) asked: Vec<(String, Result<PowerState, DeviceError>)>,
    /// What it comes to: through which line, and what.
    pub(super) source: String,
    pub(super) result: Result<PowerState, DeviceError>,
}

/// The outlets that feed a host, over all connectors that switch its mains.
pub(super) struct Mains {
    pub(super) source: String,
    /// The connectors through which the power was cut just now.
    pub(super) cut: Vec<String>,
    pub(super) outlets: Outlets,
}

impl Lines {
    /// The lines that a host's connectors lead to; none where no connector leads to anything but a screen.
    pub(super) fn of(
        host: &Host,
        credentials: impl Fn(&Connector) -> Vec<Name>,
        paths: &Paths,
        tools: &Tools,
        settings: Settings,
    ) -> Option<Self> {
        let (name, macs) = (&host.metadata.name, host.spec.macs.as_slice());
        let places: Vec<_> = host
            .spec
            .connectors_for(Capability::Power)
            .map(|connector| Place {
                line: Line::new(
                    name,
                    macs,
                    connector,
                    credentials(connector),
                    paths.of(connector),
                    tools,
                    settings,
                ),
                back_off: BackOff::new(FIRST_REST, LONGEST_REST),
                rest: None,
            })
            .collect();
        (!places.is_empty()).then_some(Self { places })
    }

    /// Takes over what `before`, which these lines replace, knew of its devices.
    pub(super) fn follow(&mut self, before: &mut Self) {
        for place in &mut self.places {
            let same = |other: &&mut Place| other.line.source() == place.line.source();
            if let Some(other) = before.places.iter_mut().find(same) {
                place.line.follow(&mut other.line);
            }
        }
    }

    /// How many lines there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// The name of the first line, as facts and receipts name it.
    pub(super) fn first(&self) -> String {
        self.source(0)
    }

    fn source(&self, place: usize) -> String {
        self.places.get(place).map(|place| place.line.source().to_owned()).unwrap_or_default()
    }

    /// Whether any line has the capability.
    pub(super) fn can(&self, capability: Capability) -> bool {
        self.places.iter().any(|place| place.line.can(capability))
    }

    /// The line over which passwords are changed: IPMI, which carries fewer characters of one than the same controller's
    /// Redfish, before Redfish.
    pub(super) fn users(&mut self) -> Option<Users<'_>> {
        let ipmi = self.places.iter_mut().position(|place| place.line.ipmi().is_some());
        match ipmi {
            Some(at) => self.places.get_mut(at)?.line.users(),
            None => self.places.iter_mut().find_map(|place| place.line.users()),
        }
    }

    /// Sends a command of a flow's own through the first line that speaks IPMI.
    pub(super) async fn ipmi_raw(
        &mut self,
        request: &Request,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Reply, DeviceError> {
        match self.places.iter_mut().find_map(|place| place.line.ipmi()) {
            Some(line) => line.raw(request, receipts).await,
            None => {
                Err(Error::Unsupported { what: "take IPMI commands: no connector speaks IPMI".to_owned() }
                    .into())
            }
        }
    }

    /// Begins to do one thing.
    pub(super) fn attempts(&self) -> Attempts {
        Attempts { tried: vec![None; self.places.len()], errors: Vec::new() }
    }

    /// The line to try next for something that needs `capability`.
    pub(super) fn next(&self, wanted: Wanted, capability: Capability, attempts: &Attempts) -> NextWay {
        let now = Instant::now();
        let candidate = |(at, place): (usize, &Place)| Candidate {
            can: place.line.can(capability)
                && match wanted {
                    Wanted::Power(action) => place.line.can_power(action),
                    Wanted::Reading | Wanted::Setting => true,
                },
            switches_mains: place.line.switches_mains(),
            may_cut: place.line.may_cut(),
            rests: place.rest.as_ref().is_some_and(|(until, _)| *until > now),
            tried: attempts.tried.get(at).copied().flatten(),
        };
        let candidates: Vec<_> = self.places.iter().enumerate().map(candidate).collect();
        next_way(wanted, &candidates)
    }

    /// The line at a place.
    pub(super) fn at(&mut self, place: usize) -> Result<&mut Line, DeviceError> {
        self.places.get_mut(place).map(|place| &mut place.line).ok_or(DeviceError::Stopping)
    }

    /// Notes what became of the line at a place.
    pub(super) fn noted<T>(
        &mut self,
        place: usize,
        result: &Result<T, DeviceError>,
        attempts: &mut Attempts,
    ) {
        let Some(kept) = self.places.get_mut(place) else { return };
        match result {
            Ok(_) => {
                kept.back_off.worked();
                kept.rest = None;
            }
            Err(error) => {
                let tried = if error.may_be_done() { Tried::InDoubt } else { Tried::NotDone };
                if let Some(before) = attempts.tried.get_mut(place) {
                    *before = Some(tried);
                }
                attempts.errors.push((place, error.clone()));
                if error.is_of_line() {
                    kept.rest = Some((Instant::now() + kept.back_off.failed(), error.clone()));
                }
            }
        }
    }

    /// Reads the power state through the first line that tells it. Of each line that does not, `receipts` tells. Where
    /// there is a deadline, no line takes the time of those behind it.
    pub(super) async fn read(
        &mut self,
        deadline: Option<Moment>,
        attempts: &mut Attempts,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Reading {
        let mut asked = Vec::new();
        let mut unknown = None;
        let mut tries = self.attempts();
        while let NextWay::Try(at) = self.next(Wanted::Reading, Capability::PowerState, &tries) {
            let mut own = Vec::new();
            let share = deadline.map(|deadline| self.share(deadline, &tries));
            let Ok(line) = self.at(at) else { break };
            let source = line.source().to_owned();
            let result = match share {
                Some(share) => read_within(share, line, &mut own).await,
                None => line.power_state(&mut own).await,
            };
            self.noted(at, &result, &mut tries);
            if result.is_err() {
                receipts.append(&mut own);
            }
            asked.push((source.clone(), result.clone()));
            match result {
                // Another may know.
                Ok(PowerState::Unknown) => {
                    unknown.get_or_insert(source);
                    tries.pass(at);
                }
                Ok(state) => {
                    attempts.learn(tries);
                    return Reading { asked, source, result: Ok(state) };
                }
                Err(_) => {}
            }
        }
        let (source, result) = match unknown {
            Some(source) => (source, Ok(PowerState::Unknown)),
            None => {
                let (at, error) = tries.telling();
                (self.source(at), Err(error))
            }
        };
        attempts.learn(tries);
        Reading { asked, source, result }
    }

    /// How long the next line may take over a reading: of the time until the deadline, as much as each of those that
    /// are left, of which some may read nothing, and only do what is wanted.
    fn share(&self, deadline: Moment, tries: &Attempts) -> Duration {
        let left = tries.tried.iter().filter(|tried| tried.is_none()).count();
        let left = u32::try_from(left).unwrap_or(u32::MAX).max(1);
        (deadline.saturating_duration_since(Moment::now()) / left).max(LEAST_SHARE)
    }

    /// Opens the stream of what a device tells of itself, of the first that has one.
    pub(super) async fn hints(&mut self) -> Result<Option<Hints>, DeviceError> {
        let mut outcome = Ok(None);
        for place in &mut self.places {
            match place.line.hints().await {
                Ok(Some(hints)) => return Ok(Some(hints)),
                Ok(None) => {}
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    /// Asks for a change of power through one line after the other, until one accepts it. Tells which.
    pub(super) async fn power(
        &mut self,
        action: PowerAction,
        attempts: &mut Attempts,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<usize, DeviceError> {
        let wanted = Wanted::Power(action);
        loop {
            match self.next(wanted, Capability::Power, attempts) {
                NextWay::Try(at) => {
                    let result = self.at(at)?.power(action, receipts).await;
                    self.noted(at, &result, attempts);
                    if result.is_ok() {
                        self.tell_passed(at, attempts, receipts);
                        return Ok(at);
                    }
                }
                NextWay::Stop(why) => return Err(attempts.failure(why, Capability::Power)),
            }
        }
    }

    /// Switches every outlet off that the manifest allows to be switched off, and reads all of them back. Nothing where no
    /// connector switches the mains.
    pub(super) async fn cut_mains(
        &mut self,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Option<Result<Mains, (String, DeviceError)>> {
        let (mut sources, mut cut, mut outlets) = (Vec::new(), Vec::new(), Outlets { off: 0, all: 0 });
        for place in self.places.iter_mut().filter(|place| place.line.switches_mains()) {
            let line = &mut place.line;
            let source = line.source().to_owned();
            if line.may_cut() {
                // Whether it was done is read back in any case.
                if line.power(PowerAction::Off, receipts).await.is_ok() {
                    cut.push(source.clone());
                }
            }
            match line.outlets(receipts).await {
                Ok(read) => {
                    outlets.off += read.off;
                    outlets.all += read.all;
                }
                // The machine may be fed through it.
                Err(error) => return Some(Err((source, error))),
            }
            sources.push(source);
        }
        (!sources.is_empty()).then(|| Ok(Mains { source: sources.join(" and "), cut, outlets }))
    }

    /// Chooses what the next boots start from, through one line after the other.
    pub(super) async fn boot_device(
        &mut self,
        wanted: BootOverride,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Option<&'static str>, DeviceError> {
        let mut attempts = self.attempts();
        loop {
            match self.next(Wanted::Setting, Capability::BootDevice, &attempts) {
                NextWay::Try(at) => {
                    let result = self.at(at)?.boot_device(wanted, receipts).await;
                    self.noted(at, &result, &mut attempts);
                    if let Ok(doubt) = result {
                        self.tell_passed(at, &attempts, receipts);
                        return Ok(doubt);
                    }
                }
                NextWay::Stop(why) => return Err(attempts.failure(why, Capability::BootDevice)),
            }
        }
    }

    /// Adds why a line before the one that was used was not tried this time.
    pub(super) fn tell_passed(&self, used: usize, attempts: &Attempts, receipts: &mut Vec<ActionReceipt>) {
        let now = Instant::now();
        let before = self.places.iter().take(used).zip(&attempts.tried).filter(|(_, tried)| tried.is_none());
        for (place, _) in before {
            if let Some((until, error)) = place.rest.as_ref().filter(|(until, _)| *until > now) {
                let wait = until.duration_since(now).as_secs() + 1;
                receipts.push(ActionReceipt {
                    connector: place.line.source().to_owned(),
                    took: Duration::ZERO,
                    error: Some(format!(
                        "not asked, as it failed a short time ago, nor for {wait} s: {error}"
                    )),
                });
            }
        }
    }

    /// Ends the sessions: the next requests open new ones, and nothing of these is used.
    pub(super) async fn hang_up(&mut self) {
        for place in &mut self.places {
            place.line.hang_up().await;
        }
    }

    /// A password of the host may be another one now.
    pub(super) async fn password_changed(&mut self) {
        for place in &mut self.places {
            place.line.password_changed().await;
        }
    }
}

/// Reads the power state through a line, which has failed when the time is over. A reading changes nothing: it can be
/// given up at any time.
async fn read_within(
    share: Duration,
    line: &mut Line,
    receipts: &mut Vec<ActionReceipt>,
) -> Result<PowerState, DeviceError> {
    let begun = Instant::now();
    if let Ok(read) = timeout(share, line.power_state(receipts)).await {
        return read;
    }
    let (connector, took) = (line.source().to_owned(), begun.elapsed());
    let error = line.late(took);
    receipts.push(ActionReceipt { connector, took, error: Some(error.to_string()) });
    Err(error)
}

impl Attempts {
    /// Leaves a line out from now on, though nothing went wrong with it.
    fn pass(&mut self, place: usize) {
        if let Some(tried) = self.tried.get_mut(place) {
            *tried = Some(Tried::NotDone);
        }
    }

    /// Takes over which lines failed at a reading just now: they are not asked for more.
    fn learn(&mut self, other: Self) {
        for (place, error) in other.errors {
            if !error.is_unsupported() {
                self.pass(place);
                self.errors.push((place, error));
            }
        }
    }

    /// The failure that tells the most, with the place of its line: that of a device that answered before that of one
    /// that cannot be reached, else that of the first line.
    fn telling(&self) -> (usize, DeviceError) {
        let rank = |(place, error): &&(usize, DeviceError)| (error.reach() == Reach::Unreachable, *place);
        let missing = || (0, DeviceError::NoConnector { capability: Capability::PowerState });
        self.errors.iter().min_by_key(rank).cloned().unwrap_or_else(missing)
    }

    /// Why something was not done through any line.
    pub(super) fn failure(&self, why: NoWay, capability: Capability) -> DeviceError {
        let doubtful = self.errors.iter().find(|(_, error)| error.may_be_done());
        match (why, self.errors.as_slice(), doubtful) {
            (NoWay::NoneCan, ..) => DeviceError::NoConnector { capability },
            (NoWay::InDoubt, _, Some((_, error))) => error.clone(),
            (NoWay::CutNotAllowed, [], _) => DeviceError::CutNotAllowed,
            (_, [(_, error)], _) if why != NoWay::CutNotAllowed => error.clone(),
            _ => {
                let (_, telling) = self.telling();
                let reasons = self.errors.iter().map(|(_, error)| error.to_string()).collect();
                let cut = why == NoWay::CutNotAllowed;
                DeviceError::EveryWayFailed { telling: Box::new(telling), reasons, cut_not_allowed: cut }
            }
        }
    }
}
