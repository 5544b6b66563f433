//! Running programs in turn, and what comes of it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::Result;

/// One run of a program.
#[derive(Clone, Copy)]
pub struct Outcome {
    pub wall: Duration,
    /// Processor time, where it can be told.
    pub processor: Option<Duration>,
    /// BMCs whose power was told.
    pub answered: usize,
}

/// A program by its name, and how it is run once.
pub type Program<'a> = (&'static str, Box<dyn FnMut() -> Result<Outcome> + 'a>);

/// Runs `command`, counts the lines of its output that `answers` says yes to, and measures its time.
pub fn time(command: &mut Command, answers: impl Fn(&str) -> bool) -> Result<Outcome> {
    let before = processor(UsageWho::RUSAGE_CHILDREN)?;
    let begun = Instant::now();
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    let wall = begun.elapsed();
    let processor = processor(UsageWho::RUSAGE_CHILDREN)? - before;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(Outcome {
        wall,
        processor: Some(processor),
        answered: text.lines().filter(|line| answers(line)).count(),
    })
}

/// Processor time of this process or of its children that have ended.
pub fn processor(whose: UsageWho) -> Result<Duration> {
    let usage = getrusage(whose)?;
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(microseconds.try_into()?))
}

/// Runs the programs in turn, `rounds` times, and prints medians and ratios to the first.
pub fn compare(count: usize, rounds: usize, mut programs: Vec<Program<'_>>) -> Result<()> {
    let mut outcomes: Vec<Vec<Outcome>> = vec![Vec::new(); programs.len()];
    for _ in 0..rounds {
        for ((_, program), outcomes) in programs.iter_mut().zip(&mut outcomes) {
            outcomes.push(program()?);
        }
    }
    println!("  {:30} {:>9} {:>8} {:>11}  answered", "median of the runs", "wall", "ratio", "CPU a host");
    for ((name, _), runs) in programs.iter().zip(&outcomes) {
        let ratios =
            runs.iter().zip(&outcomes[0]).map(|(run, ours)| run.wall.as_secs_f64() / ours.wall.as_secs_f64());
        let mut ratios: Vec<f64> = ratios.collect();
        ratios.sort_by(f64::total_cmp);
        let wall = median(runs.iter().map(|run| run.wall).collect());
        let processor: Option<Vec<Duration>> = runs.iter().map(|run| run.processor).collect();
        let processor = processor.map_or("-".to_owned(), |times| {
            format!("{:.1} us", median(times).as_secs_f64() * 1e6 / count as f64)
        });
        let least = runs.iter().map(|run| run.answered).min().unwrap_or_default();
        let most = runs.iter().map(|run| run.answered).max().unwrap_or_default();
        let answered =
            if least == count { "all".to_owned() } else { format!("{least} to {most} of {count}") };
        println!(
            "  {name:30} {:7.3} s {:7.2}x {processor:>11}  {answered}",
            wall.as_secs_f64(),
            ratios[ratios.len() / 2]
        );
    }
    Ok(())
}

/// The middle one.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
