//! Programs that do the same work in turn, round by round, so that what else the machine does strikes all of them.

use std::time::Duration;

use crate::{Options, Result};

/// What one run of one program gave.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How much was done in a second: more is better.
    pub rate: f64,
    /// Processor time of the server for one piece of the work, where it was taken.
    pub processor: Option<Duration>,
    /// What a reader must know beside it: percentiles, losses.
    pub note: String,
    /// What was wrong with the work. A run with a fault counts in no ratio.
    pub fault: Option<String>,
}

/// A program, and how it is run once.
pub struct Contestant<'a> {
    /// Its name in the table.
    pub name: &'a str,
    /// One run.
    pub run: Box<dyn FnMut() -> Result<Outcome> + 'a>,
}

/// What is asked of ours.
pub struct Bar<'a> {
    /// Beside which program, by its name. A bar against several is one of each.
    pub against: &'a str,
    /// The least ratio of ours to the other's rate.
    pub must: f64,
    /// What is aimed at.
    pub goal: f64,
}

/// Lets all run in turn, round after round, and prints a table. The first is ours. Says whether every bar holds and every run
/// was without fault. A contest that the options leave out is well.
pub fn contest(
    options: &Options,
    title: &str,
    unit: &str,
    mut contestants: Vec<Contestant<'_>>,
    bars: &[Bar<'_>],
) -> Result<bool> {
    let rounds = options.rounds;
    if !title.contains(&options.only) {
        return Ok(true);
    }
    println!("\n{title}; {rounds} rounds");
    let mut outcomes: Vec<Vec<Outcome>> = vec![Vec::new(); contestants.len()];
    for round in 0..rounds {
        for at in 0..contestants.len() {
            // Whoever is first in a round is another in the next.
            let at = (at + round) % contestants.len();
            let contestant = &mut contestants[at];
            let outcome = (contestant.run)().map_err(|error| format!("{}: {error}", contestant.name))?;
            outcomes[at].push(outcome);
        }
    }
    let names: Vec<&str> = contestants.iter().map(|contestant| contestant.name).collect();
    let width = names.iter().map(|name| name.len()).max().unwrap_or_default();
    let mut is_well = true;
    for (name, runs) in names.iter().zip(&outcomes) {
        let good: Vec<&Outcome> = runs.iter().filter(|run| run.fault.is_none()).collect();
        let mut line =
            format!("  {name:width$}  {}", spread(good.iter().map(|run| run.rate).collect(), unit));
        let processor = good.iter().filter_map(|run| run.processor).map(|time| time.as_secs_f64() * 1e6);
        if let Some(middle) = median(processor.collect()) {
            line += &format!("  {middle:.0} us of processor each");
        }
        if *name != names[0]
            && let Some(ratio) = ratio(&outcomes[0], runs)
        {
            line += &format!("  ours {ratio:.2} times");
        }
        if let Some(last) = good.last().filter(|last| !last.note.is_empty()) {
            line += &format!("  ({})", last.note);
        }
        println!("{line}");
        for (round, run) in runs.iter().enumerate() {
            if let Some(fault) = &run.fault {
                println!("  {:width$}  round {}: {fault}", "", round + 1);
                is_well &= *name != names[0];
            }
        }
    }
    for bar in bars {
        let peer = names.iter().position(|name| *name == bar.against).ok_or("a bar against one who runs")?;
        let ratio = ratio(&outcomes[0], &outcomes[peer]);
        let verdict = match ratio {
            Some(ratio) if ratio >= bar.goal => "goal reached",
            Some(ratio) if ratio >= bar.must => "holds",
            Some(_) => "MISSED",
            None => "NOT MEASURED",
        };
        is_well &= ratio.is_some_and(|ratio| ratio >= bar.must);
        println!("  bar: {} times {} (goal {}): {verdict}", bar.must, bar.against, bar.goal);
    }
    Ok(is_well)
}

/// The median of what ours did in a round beside what the other did in the same.
fn ratio(ours: &[Outcome], theirs: &[Outcome]) -> Option<f64> {
    let pairs = ours.iter().zip(theirs).filter(|(one, other)| one.fault.is_none() && other.fault.is_none());
    median(pairs.map(|(one, other)| one.rate / other.rate).collect())
}

/// The middle of the values; the mean of the two in the middle where their number is even.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
    Some((low + high) / 2.0)
}

fn spread(rates: Vec<f64>, unit: &str) -> String {
    let digits = if rates.iter().any(|rate| *rate < 100.0) { 2 } else { 0 };
    let (least, most) =
        rates.iter().fold((f64::INFINITY, 0.0_f64), |(least, most), &rate| (least.min(rate), most.max(rate)));
    match median(rates) {
        Some(median) => format!("{median:>9.digits$} {unit} [{least:.digits$} to {most:.digits$}]"),
        None => "no run without fault".to_owned(),
    }
}
