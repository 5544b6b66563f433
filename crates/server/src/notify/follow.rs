//! The task of one notifier: follows the stored events, tells what concerns it, remembers how far it has come.

use std::collections::VecDeque;
use std::time::Duration;

use ironhand_api::{Event, EventKind, Host, Notifier, Severity, Timestamp};
use ironhand_store::{Delivery, EventDraft, Store, StoreError};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::course::{Course, Follows, Next};
use super::error::NotifyError;
use super::filter;
use super::hold::Hold;
use super::letter::{Letter, Told};
use super::template::HostShown;
use super::way::Way;
use crate::clock;

/// Events read from the store at a time.
const PAGE: u32 = 200;

/// Events that wait in memory for one notifier, at most. It is also the most that one mail tells: a thousand lines are
/// more than people read, and a tenth of what mail servers take.
const WAITING: usize = 1000;

/// From the first event of a mail on, others are waited for so long: an outage is one mail, not hundreds.
const JOIN: Duration = Duration::from_secs(5);

/// Events of other servers on the same store are looked for so often; this server's are seen at once.
const LOOK: Duration = Duration::from_secs(2);

/// How far a notifier has come is written at most so often while it is busy. After a crash what was told since then is
/// told again, under the same ids.
const REMEMBER: Duration = Duration::from_secs(1);

/// Events that may pass a notifier by before that is written down.
const PASSED: u64 = 1000;

/// Waits after the store failed.
const STORE_RETRY: Duration = Duration::from_secs(2);

/// What one notifier has been told, and what it is to be told.
pub(super) struct Follower {
    store: Store,
    notifier: Notifier,
    way: Way,
    /// Concern the notifier and were not told yet, in order.
    waiting: VecDeque<Told>,
    /// Up to this event everything is told or waits.
    read: u64,
    news: watch::Receiver<u64>,
    course: Course,
    kept: Delivery,
    kept_at: Instant,
    hold: Hold,
    stop: CancellationToken,
}

/// How waiting ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waited {
    Enough,
    /// Another server tells the notifier.
    Lost,
    Stopped,
}

impl Follower {
    /// Goes on where `kept` says.
    pub(super) fn new(
        store: Store,
        notifier: Notifier,
        way: Way,
        kept: Delivery,
        hold: Hold,
        stop: CancellationToken,
    ) -> Self {
        Self {
            news: store.last_event(),
            waiting: VecDeque::new(),
            read: kept.told_event,
            course: Course::resumed(kept.attempts),
            kept_at: Instant::now(),
            store,
            notifier,
            way,
            kept,
            hold,
            stop,
        }
    }

    /// Works until it is told to stop.
    pub(super) async fn run(mut self) {
        while self.turn().await != Waited::Stopped {}
        self.remember(true).await;
        self.hold.release().await;
    }

    /// Waits for something to tell, and tells it.
    async fn turn(&mut self) -> Waited {
        if !self.hold.keep().await && self.take_over().await == Waited::Stopped {
            return Waited::Stopped;
        }
        let mut waited = Waited::Enough;
        if self.waiting.is_empty() {
            waited = self.next().await;
        }
        if waited == Waited::Enough && self.way.joins() && self.kept.failing_since.is_none() {
            waited = self.join().await;
        }
        if waited == Waited::Enough { self.tell().await } else { waited }
    }

    /// Waits until no other server tells the notifier, and goes on where the last one was.
    async fn take_over(&mut self) -> Waited {
        loop {
            let taken = async {
                // Read after it is taken: until then the other one writes.
                let is_taken = self.hold.take().await?;
                if is_taken { self.store.delivery(&self.notifier.metadata.name).await } else { Ok(None) }
            };
            match taken.await {
                Ok(Some(kept)) => {
                    self.waiting.clear();
                    self.read = kept.told_event;
                    self.course = Course::resumed(kept.attempts);
                    self.kept = kept;
                    return Waited::Enough;
                }
                Ok(None) => {}
                Err(error) => {
                    let name = &self.notifier.metadata.name;
                    tracing::error!(notifier = %name, %error, "it is not known who tells the notifier");
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return Waited::Stopped,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Waits for an event that concerns the notifier.
    async fn next(&mut self) -> Waited {
        loop {
            // Before the store is asked, so that what is recorded meanwhile is seen as news.
            self.news.borrow_and_update();
            let found = self.take_page().await;
            if !self.waiting.is_empty() {
                return Waited::Enough;
            }
            self.remember(false).await;
            let (look, news) = match found {
                Ok(0) => (LOOK, true),
                Ok(_) => continue,
                Err(error) => {
                    tracing::error!(notifier = %self.notifier.metadata.name, %error, "events cannot be read");
                    (STORE_RETRY, false)
                }
            };
            let waited = self.rest(look, news).await;
            if waited != Waited::Enough {
                return waited;
            }
        }
    }

    /// Waits for others that belong into the same mail.
    async fn join(&mut self) -> Waited {
        let until = Instant::now() + JOIN;
        while self.waiting.len() < WAITING {
            self.news.borrow_and_update();
            let found = self.take_page().await;
            let left = until.saturating_duration_since(Instant::now());
            if matches!(found, Ok(count) if count > 0) {
                continue;
            }
            if left.is_zero() {
                break;
            }
            let waited = self.rest(left.min(LOOK), true).await;
            if waited != Waited::Enough {
                return waited;
            }
        }
        Waited::Enough
    }

    /// Waits; where there is news, no longer.
    async fn rest(&mut self, longest: Duration, until_news: bool) -> Waited {
        tokio::select! {
            () = self.stop.cancelled() => return Waited::Stopped,
            () = self.hold.lost() => return Waited::Lost,
            () = tokio::time::sleep(longest) => {}
            // An error means that the store is closed: the sleep above keeps this from turning in circles.
            Ok(()) = self.news.changed(), if until_news => {}
        }
        Waited::Enough
    }

    /// Reads some events and keeps those that concern the notifier; returns how many were read. None are where enough
    /// wait already.
    async fn take_page(&mut self) -> Result<usize, StoreError> {
        let room = WAITING.saturating_sub(self.waiting.len());
        let limit = PAGE.min(u32::try_from(room).unwrap_or(PAGE));
        if limit == 0 {
            return Ok(0);
        }
        let events = self.store.events_after(self.read, limit, None).await?;
        let count = events.len();
        if let Some(first) = events.first()
            && first.id > self.read + 1
            && self.read > 0
        {
            let (from, to) = (self.read + 1, first.id - 1);
            let name = &self.notifier.metadata.name;
            tracing::warn!(notifier = %name, from, to, "events were dropped from the store before they were told");
        }
        for mut event in events {
            let id = event.id;
            let name = &self.notifier.metadata.name;
            if filter::concerns(name, &self.notifier.spec, &event) {
                let host = self.host(&event).await?;
                let notice = filter::notice_to(name, &event).map(str::to_owned);
                // What a flow tells it, it is told whatever it asks for else.
                let is_notice = notice.is_some();
                event.message = notice.unwrap_or(event.message);
                if is_notice || filter::selects(&self.notifier.spec, host.as_ref().map(|host| &host.labels)) {
                    self.waiting.push_back(Told { event, host });
                }
            }
            self.read = id;
        }
        Ok(count)
    }

    /// The host of an event, where it matters. One that is deleted has no labels.
    async fn host(&self, event: &Event) -> Result<Option<HostShown>, StoreError> {
        let matters = !self.notifier.spec.select.is_all() || self.way.pen().has_templates();
        let Some(name) = event.host.as_ref().filter(|_| matters) else { return Ok(None) };
        let labels = self.store.get::<Host>(name).await?.map(|host| host.metadata.labels);
        Ok(Some(HostShown { name: name.clone(), labels: labels.unwrap_or_default() }))
    }

    /// Tells what is first in line, until it is told or left out.
    async fn tell(&mut self) -> Waited {
        loop {
            if !self.hold.keep().await {
                return Waited::Lost;
            }
            let count = if self.way.joins() { self.waiting.len() } else { 1 };
            let told = &self.waiting.make_contiguous()[..count];
            let letter = Letter { id: letter_id(&self.notifier, told), told };
            let outcome = tokio::select! {
                () = self.stop.cancelled() => return Waited::Stopped,
                () = self.hold.lost() => return Waited::Lost,
                outcome = self.way.tell(&self.store, &letter) => outcome,
            };
            match outcome {
                Ok(said) => {
                    tracing::debug!(notifier = %self.notifier.metadata.name, letter = letter.id, said, "told");
                    self.worked(count).await;
                    return Waited::Enough;
                }
                Err(error) => {
                    let draw = draw();
                    let follows = self.course.failed(error.advice(), error.retry_after(), draw);
                    self.failed(&error, follows, count).await;
                    match follows.next {
                        Next::LeaveOut => return Waited::Enough,
                        Next::Again(wait) => {
                            let waited = self.rest(wait, false).await;
                            if waited != Waited::Enough {
                                return waited;
                            }
                        }
                        Next::Stop => {
                            tokio::select! {
                                () = self.stop.cancelled() => return Waited::Stopped,
                                () = self.hold.lost() => return Waited::Lost,
                            }
                        }
                    }
                    // What happened meanwhile goes into the same mail. Where it cannot be read, it goes into the next.
                    while self.way.joins() && matches!(self.take_page().await, Ok(count) if count > 0) {}
                }
            }
        }
    }

    /// The first `count` of what waited are told.
    async fn worked(&mut self, count: usize) {
        let (attempts, since) = (self.course.attempts(), self.kept.failing_since);
        self.waiting.drain(..count);
        if self.course.worked() {
            let since = since.map(|since| format!(" since {since}")).unwrap_or_default();
            let message = format!(
                "{}can be told again, after {attempts} attempts that failed{since}",
                filter::about(&self.notifier.metadata.name)
            );
            self.note(Severity::Info, message).await;
        }
        let changed = self.kept.attempts > 0;
        (self.kept.attempts, self.kept.failing_since, self.kept.last_error) = (0, None, None);
        self.remember(changed || self.waiting.is_empty()).await;
    }

    async fn failed(&mut self, error: &NotifyError, follows: Follows, count: usize) {
        let name = &self.notifier.metadata.name;
        tracing::warn!(notifier = %name, %error, attempts = self.course.attempts(), "not told");
        let first = self.waiting.front().map(|told| told.event.id);
        let then = match follows.next {
            Next::Again(_) => "it is tried again until it works".to_owned(),
            Next::LeaveOut => format!(
                "{} left out",
                match (count, first) {
                    (1, Some(id)) => format!("event {id} is"),
                    (count, Some(id)) => format!("{count} events from {id} on are"),
                    (_, None) => "nothing is".to_owned(),
                }
            ),
            Next::Stop => {
                "no more is sent to it until the notifier is applied anew or the server starts anew"
                    .to_owned()
            }
        };
        if follows.tell {
            self.note(Severity::Warning, format!("{}cannot be told: {error}; {then}", filter::about(name)))
                .await;
        }
        if follows.next == Next::LeaveOut {
            self.waiting.drain(..count);
        }
        self.kept.attempts = self.course.attempts();
        self.kept.failing_since.get_or_insert_with(clock::now);
        self.kept.last_error = Some(error.to_string());
        self.remember(true).await;
    }

    /// Makes an event of it. A notifier is not told of what begins with its own name.
    async fn note(&self, severity: Severity, message: String) {
        let draft = EventDraft::new(EventKind::NotifierFailed, severity, message);
        if let Err(error) = self.store.note(draft, clock::now()).await {
            tracing::error!(notifier = %self.notifier.metadata.name, %error, "an event was not recorded");
        }
    }

    /// Writes down how far the notifier has come: `now`, or where it is time.
    async fn remember(&mut self, now: bool) {
        let told = self.waiting.front().map_or(self.read, |first| first.event.id - 1);
        let passed = told.saturating_sub(self.kept.told_event);
        let due = self.kept_at.elapsed() >= REMEMBER && (!self.waiting.is_empty() || passed >= PASSED);
        if !now && !due || !self.hold.is_held() {
            return;
        }
        self.kept.told_event = self.kept.told_event.max(told);
        self.kept_at = Instant::now();
        if let Err(error) = self.store.put_delivery(&self.kept).await {
            let name = &self.notifier.metadata.name;
            tracing::error!(notifier = %name, %error, "what was told is not written down, and may be told again");
        }
    }
}

/// Names a letter for good: the notifier, when it was made, the events. So no two notifiers, and no two sites, use the
/// same.
fn letter_id(notifier: &Notifier, told: &[Told]) -> String {
    let name = &notifier.metadata.name;
    let made = notifier.metadata.created_at.map_or(0, Timestamp::as_millis);
    match told {
        [] => format!("{name}-{made}"),
        [only] => format!("{name}-{made}-{}", only.event.id),
        [first, .., last] => format!("{name}-{made}-{}-{}", first.event.id, last.event.id),
    }
}

/// A number from 0 to 1. Without randomness the waits are not spread, and that is all.
fn draw() -> f64 {
    let mut octets = [0; 4];
    match getrandom::fill(&mut octets) {
        Ok(()) => f64::from(u32::from_le_bytes(octets)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}
