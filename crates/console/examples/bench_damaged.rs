//! How well damaged screens are read: of each font and each kind of damage, how many characters are wrong, how many pages are
//! refused, and how long that takes.
//!
//! ```sh
//! cargo run --release -p ironhand-console --example bench_damaged -- ROUNDS [SEED] [wide|faint]
//! ```
//!
//! `wide` draws qualities, factors and sizes of pictures from wider ranges, `faint` text in colours that compression hardly leaves
//! a trace of. `ONLY=N` in the environment reads the page with that number alone, `SAVE=FILE.png` keeps its picture.

#[path = "../tests/damage/mod.rs"]
mod damage;
mod processor;

use std::collections::BTreeMap;
use std::time::Duration;

use damage::{Damage, Dice, faint_screen, score, screen};
use ironhand_console::{Reader, fonts};
use processor::timed;

#[derive(Default)]
struct Tally {
    pages: usize,
    equal: usize,
    refused: usize,
    wrong_pages: usize,
    characters: usize,
    errors: usize,
    times: Vec<Duration>,
    /// With the grid known.
    times_again: Vec<Duration>,
}

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_wide = arguments.pop_if(|last| last == "wide").is_some();
    let is_faint = arguments.pop_if(|last| last == "faint").is_some();
    let mut numbers = arguments.iter().map(|number| number.parse::<u64>().expect("a number"));
    let rounds = numbers.next().unwrap_or(1);
    let first = numbers.next().unwrap_or_default();
    let reader = Reader::new();
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    let only: Option<u64> = std::env::var("ONLY").ok().and_then(|o| o.parse().ok());
    for round in 0..rounds * fonts().len() as u64 * 10 {
        if only.is_some_and(|only| only != round) {
            continue;
        }
        let mut dice = Dice((first + round) << 16);
        let draw = if is_faint { faint_screen } else { screen };
        let screen = draw(&mut dice, round as usize / 10);
        let kind = match (is_faint, is_wide) {
            (true, _) => Damage::compression,
            (false, true) => Damage::wide,
            (false, false) => Damage::any,
        };
        let damage = kind(&mut dice, round as usize);
        let image = damage.of(&screen);
        if let Some(file) = std::env::var_os("SAVE").filter(|_| only.is_some()) {
            std::fs::write(file, image.encode_png()).expect("writable");
        }
        let (reading, took) = timed(|| reader.read(&image, None));
        let (again, took_again) = timed(|| reader.read(&image, reading.grid.as_ref()));
        assert_eq!(again, reading, "the grid changes what is read");
        let reliable = reading.is_reliable();
        let score = score(&screen.text, &if reliable { reading.text() } else { String::new() });
        if only.is_some() {
            for (who, text) in [("T", screen.text.clone()), ("R", reading.text())] {
                for (row, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                    println!("{who}{row:3} {line}");
                }
            }
        }
        if reliable && score.wrong > 0 {
            println!("WRONG round {round}");
            let clean = |t: &str| {
                t.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect::<Vec<_>>()
            };
            let (a, b) = (clean(&screen.text), clean(&reading.text()));
            println!("  lines {} {}", a.len(), b.len());
            let mut shown = 0;
            for (x, y) in a.iter().zip(&b) {
                if x != y && shown < 5 {
                    let c = ironhand_score(x, y);
                    if c > 0 {
                        shown += 1;
                        println!("  T {x}\n  R {y}");
                    }
                }
            }
        }
        let tally = tallies.entry(damage.name()).or_default();
        tally.pages += 1;
        tally.equal += usize::from(score.errors == 0);
        tally.refused += usize::from(!reliable);
        tally.wrong_pages += usize::from(reliable && score.wrong > 0);
        tally.characters += score.characters;
        tally.errors += score.errors;
        tally.times.push(took);
        tally.times_again.push(took_again);
        if score.errors > 0 {
            println!(
                "{round:3} {} {:?} {:4} errors, {:4} wrong of {:5}, {:6.1} ms, score {:.3}, {}: {} {damage:?}",
                if reliable { "READ   " } else { "refused" },
                reading.method,
                score.errors,
                score.wrong,
                score.characters,
                took.as_secs_f64() * 1e3,
                reading.score,
                reading.font.as_deref().unwrap_or("-"),
                screen.name,
            );
        }
    }
    println!("{:<16} pages equal refused wrong  errors %  median ms  worst ms  known ms", "damage");
    for (name, mut tally) in tallies {
        tally.times.sort();
        tally.times_again.sort();
        println!(
            "{name:<16} {:5} {:5} {:7} {:5}  {:8.4}  {:9.1}  {:8.1}  {:8.1}",
            tally.pages,
            tally.equal,
            tally.refused,
            tally.wrong_pages,
            100.0 * tally.errors as f64 / tally.characters.max(1) as f64,
            tally.times[tally.times.len() / 2].as_secs_f64() * 1e3,
            tally.times[tally.times.len() - 1].as_secs_f64() * 1e3,
            tally.times_again[tally.times_again.len() / 2].as_secs_f64() * 1e3,
        );
    }
}

fn ironhand_score(a: &str, b: &str) -> usize {
    score(a, b).wrong
}
