//! `ironhand bmc sel`: the System Event Log.

mod entry;
mod follow;
mod sensors;

use std::borrow::Cow;

use ironhand_api::Timestamp as Time;
use ironhand_ipmi::procedure::Ask;
use ironhand_ipmi::sel::commands::GetSelTime;
use ironhand_ipmi::sel::{
    ClearSel, Moment, ReadSel, ReadSelStatus, SelReading, SelStatus, SetSelTime, Start, Timestamp,
};
use ironhand_ipmi_port::Bmc;
use serde::Serialize;

pub(super) use self::follow::{FIRST, Followed, Frame};

use self::entry::{Entry, moment};
use self::sensors::Sensors;
use super::args::{Sel, SelAction, SelList, SelTime};
use super::{Finding, Fleet, Problem, Shown, Sweep};
use crate::exit::Failure;
use crate::output::{Field, Output, Tone, now};

/// `ironhand bmc sel`.
pub async fn sel(fleet: Fleet, asked: &Sel) -> Result<(), Failure> {
    match &asked.action {
        None => list(fleet, &asked.list).await,
        Some(SelAction::List(asked)) => list(fleet, asked).await,
        Some(SelAction::Info) => {
            fleet.each(async |bmc| Ok(Info::from(bmc.run(ReadSelStatus::new()).await?))).await
        }
        Some(SelAction::Clear { yes }) => clear(&fleet, *yes).await,
        Some(SelAction::Time { action: None }) => {
            let ask = || Ask::new("read its clock", &GetSelTime);
            fleet.each(async |bmc| Ok(Clock::new(bmc.run(ask()).await?))).await
        }
        Some(SelAction::Time { action: Some(SelTime::Set { time }) }) => set_time(&fleet, *time).await,
    }
}

/// The records of one BMC.
#[derive(Serialize)]
struct Log {
    entries: Vec<Entry>,
    /// The log was erased while it was read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    erased: bool,
    /// What is wrong with how the BMC keeps its log.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    flaws: Vec<String>,
}

impl Log {
    fn new(reading: &SelReading, sensors: &Sensors) -> Self {
        Self {
            entries: reading.entries.iter().map(|entry| Entry::new(entry, sensors)).collect(),
            erased: reading.erased,
            flaws: reading.flaws.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Finding for Log {
    fn outcome(&self) -> Cow<'static, str> {
        if self.entries.is_empty() { "empty".into() } else { "read".into() }
    }

    fn shown(&self, _: Output) -> Shown {
        let notes = self.flaws.iter().map(String::as_str);
        let erased = self.erased.then_some("the log was erased while it was read");
        let notes = notes.chain(erased).map(|note| {
            let mut row: Vec<Field> = (1..entry::HEAD.len()).map(|_| "".into()).collect();
            row.push(Field::toned(note, Tone::Warn));
            row
        });
        Shown::Table { head: &entry::HEAD, rows: self.entries.iter().map(Entry::row).chain(notes).collect() }
    }
}

async fn list(fleet: Fleet, asked: &SelList) -> Result<(), Failure> {
    if asked.follow {
        return follow::follow(fleet, asked).await;
    }
    let start = asked.last.map_or(Start::First, Start::Last);
    fleet
        .each(async |bmc| {
            let sensors = Sensors::read(bmc, asked.names).await?;
            Ok(Log::new(&bmc.run(ReadSel::new(start.clone())).await?, &sensors))
        })
        .await
}

/// How full a log is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    entries: u16,
    /// Bytes.
    free: u16,
    percent_used: u8,
    overflow: bool,
    last_addition: Option<String>,
    last_erase: Option<String>,
    clock: Option<String>,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<u16>,
}

impl From<SelStatus> for Info {
    fn from(status: SelStatus) -> Self {
        let info = status.info;
        let version = format!("{}.{}", info.version & 0xF, info.version >> 4);
        Self {
            entries: info.entries,
            free: info.free,
            percent_used: status.percent_used(),
            overflow: info.overflow,
            last_addition: moment(info.last_addition),
            last_erase: moment(info.last_erase),
            clock: status.clock.and_then(moment),
            version,
            capacity: status.allocation.map(|allocation| allocation.units).filter(|units| *units > 0),
        }
    }
}

/// From how many percent on a log deserves a look.
const NEARLY_FULL: u8 = 75;

impl Finding for Info {
    fn outcome(&self) -> Cow<'static, str> {
        match self.percent_used {
            _ if self.overflow => "overflowed".into(),
            NEARLY_FULL.. => "nearly full".into(),
            _ => "has room".into(),
        }
    }

    fn shown(&self, _: Output) -> Shown {
        let time = |time: &Option<String>| time.clone().unwrap_or_else(|| "unknown".to_owned());
        let used = match self.percent_used {
            NEARLY_FULL.. => Tone::Warn,
            _ => Tone::Plain,
        };
        let overflow =
            if self.overflow { Field::toned("yes: events were lost", Tone::Bad) } else { "no".into() };
        Shown::Pairs(vec![
            ("entries", self.entries.to_string().into()),
            ("used", Field::toned(format!("{} %", self.percent_used), used)),
            ("free", format!("{} bytes", self.free).into()),
            ("overflow", overflow),
            ("last addition", time(&self.last_addition).into()),
            ("last erase", time(&self.last_erase).into()),
            ("clock", time(&self.clock).into()),
            ("version", self.version.clone().into()),
        ])
    }
}

/// What was erased.
#[derive(Serialize)]
pub(super) struct Cleared {
    pub(super) erased: usize,
}

impl Finding for Cleared {
    fn outcome(&self) -> Cow<'static, str> {
        "cleared".into()
    }

    fn shown(&self, _: Output) -> Shown {
        Shown::Line(format!("cleared, {} erased", events(self.erased)).into())
    }
}

fn events(count: usize) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{count} events") }
}

/// Several logs are erased only where it is said again.
pub(super) fn check_clear(sweep: &Sweep, yes: bool) -> Result<(), Failure> {
    let count = sweep.targets.len();
    if count > 1 && !yes {
        return Err(Failure::Usage {
            message: format!("this would erase the event logs of {count} BMCs"),
            hint: Some("add --yes to do it; `sel list -o json` keeps a copy".to_owned()),
        });
    }
    Ok(())
}

async fn clear(fleet: &Fleet, yes: bool) -> Result<(), Failure> {
    check_clear(&fleet.sweep, yes)?;
    fleet
        .change(async |bmc| {
            let status = bmc.run(ReadSelStatus::new()).await?;
            if fleet.sweep.targets.len() == 1 && !fleet.sweep.output.is_structured() {
                let last = moment(status.info.last_addition).unwrap_or_else(|| "unknown".to_owned());
                note!("erasing {}, the last one of {last}", events(status.info.entries.into()));
            }
            bmc.run(ClearSel::new()).await?;
            Ok(Cleared { erased: status.info.entries.into() })
        })
        .await
}

/// What a BMC's clock shows, beside ours.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Clock {
    time: Option<String>,
    /// Seconds that it is ahead of this machine's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    ahead: Option<i64>,
}

impl Clock {
    fn new(time: Timestamp) -> Self {
        let ahead = match time.moment() {
            Moment::Clock(seconds) => Some(i64::from(seconds) - now().as_millis().div_euclid(1000)),
            Moment::SinceStart(_) | Moment::Unknown => None,
        };
        Self { time: moment(time), ahead }
    }
}

impl Finding for Clock {
    fn outcome(&self) -> Cow<'static, str> {
        match self.ahead {
            Some(-2..=2) => "right".into(),
            Some(_) => "off".into(),
            None => "not set".into(),
        }
    }

    fn shown(&self, _: Output) -> Shown {
        let time = self.time.as_deref().unwrap_or("unknown");
        Shown::Line(match self.ahead {
            Some(ahead @ -2..=2) => format!("{time}  ({ahead:+} s)").into(),
            Some(ahead) => Field::toned(format!("{time}  ({ahead:+} s)"), Tone::Warn),
            None => Field::toned(format!("{time}  (not set)"), Tone::Warn),
        })
    }
}

async fn set_time(fleet: &Fleet, asked: Option<Time>) -> Result<(), Failure> {
    let seconds = |time: Time| {
        let seconds = u32::try_from(time.as_millis().div_euclid(1000)).ok();
        let settable = seconds.filter(|seconds| matches!(Timestamp(*seconds).moment(), Moment::Clock(_)));
        settable.ok_or_else(|| Failure::Usage {
            message: format!("{time} cannot be kept by a BMC"),
            hint: Some("choose a time between 1987 and 2106".to_owned()),
        })
    };
    let fixed = asked.map(seconds).transpose()?;
    fleet
        .change(async |bmc| {
            // This machine's time is taken when it is the BMC's turn.
            let time = fixed.map_or_else(|| seconds(now()), Ok).map_err(|_| unset())?;
            Ok(Clock::new(set(bmc, time).await?))
        })
        .await
}

async fn set(bmc: &Bmc, seconds: u32) -> Result<Timestamp, Problem> {
    Ok(bmc.run(SetSelTime::new(seconds)).await?)
}

fn unset() -> Problem {
    Problem::failed("sel.clock", "failed", "this machine's own clock is not set")
}
